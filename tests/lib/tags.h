/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VLAN tags around all that a namespace sends by an interface, and off what it
 * receives there: as devices of 802.1Q would do it, on kernels that have none.
 *
 * Invariant: what comes without just these tags is not received.
 */
#ifndef SLUICE_TESTS_TAGS_H
#define SLUICE_TESTS_TAGS_H

#include "lib/ns.h"

#define TAGS_MAX 3

/* n tags, the outermost first, by their ethertypes (ETH_P_8021Q, ETH_P_8021AD); they have the VIDs 7, 8 … */
void tags_on(struct ns *ns, const char *interface, unsigned int n, const unsigned int *tpid);
void tags_off(struct ns *ns, const char *interface);

#endif
