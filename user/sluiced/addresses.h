/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which addresses the taken ports have, for rules that name a workload as the
 * peer: read in the workloads' namespaces, read again when they change there,
 * and handed to the core.
 *
 * Invariant: an address is one workload's (claims.h), so nobody takes a peer's
 * place by giving itself its address. A workload's first ADDRESSES_MAX count.
 */
#ifndef SLUICE_SLUICED_ADDRESSES_H
#define SLUICE_SLUICED_ADDRESSES_H

#include "sluiced/instance.h"

#define ADDRESSES_MAX 256

struct addresses;

/* changed: called with a sealed memory file (dpi/policy/peers.h), which it takes over, whenever there is another list. */
int addresses_open(struct instance *inst, void (*changed)(void *context, int block), void *context,
		   struct addresses **ret, struct sl_err *err);
void addresses_close(struct addresses *addresses); /* NULL allowed */
/* Workloads have come or gone: what is new is read now, before this returns. */
void addresses_follow(struct addresses *addresses);

#endif
