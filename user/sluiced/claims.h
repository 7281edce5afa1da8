/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which workload an address counts as, of all that have it.
 *
 * Invariant: an address is one workload's: whose it was first, as long as it
 * has it; of several that are new, the one with the lowest id. A change costs
 * one walk through the list, whatever number of workloads it is of.
 */
#ifndef SLUICE_SLUICED_CLAIMS_H
#define SLUICE_SLUICED_CLAIMS_H

#include <linux/types.h>

#include "dpi/policy/peers.h"

struct claims;

struct claims *claims_new(void); /* NULL: no memory */
void claims_free(struct claims *claims); /* NULL allowed */

/*
 * From the next claims_settle() on the workload has these addresses and no
 * others. 0, or -ENOMEM, which cannot be with n = 0: it keeps those it had.
 */
int claims_set(struct claims *claims, __u16 id, const struct sl_addr *address, unsigned int n);

/*
 * 1: there is another list, 0: it is the same. -ENOMEM: it is what it was, and
 * what was set counts at the next try.
 */
int claims_settle(struct claims *claims);

/* Ascending by address, each once; the claims'. At most SL_PEERS_MAX. */
const struct sl_peer_address *claims_list(const struct claims *claims, size_t *ret_n);

#endif
