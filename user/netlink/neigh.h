/* SPDX-License-Identifier: BSD-2-Clause */
/* Neighbours as replayable messages. */
#ifndef SLUICE_NETLINK_NEIGH_H
#define SLUICE_NETLINK_NEIGH_H

#include "netlink/messages.h"

/* Dumps the permanent and the proxied ones: those that must be kept. */
extern const struct object_kind neigh_kind;

int neigh_replay(struct nls *nls, const struct msgs *neighs, __u32 ifindex, struct sl_err *err);

/* The learned ones that are in use; and putting them back as stale. */
int neigh_dump_learned(struct nls *nls, __u32 ifindex, struct msgs *ret, struct sl_err *err);
void neigh_replay_learned(struct nls *nls, const struct msgs *neighs, __u32 ifindex);

#endif
