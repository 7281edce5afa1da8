/* SPDX-License-Identifier: BSD-2-Clause */
/* Link-layer groups an interface listens to because a user said so (ip maddr add), kept like kernel messages. */
#ifndef SLUICE_NETLINK_GROUP_H
#define SLUICE_NETLINK_GROUP_H

#include "netlink/messages.h"

/* Only for comparing: its dump and put are the functions below, which need no session. */
extern const struct object_kind group_kind;

/* These work in the current network namespace. 0 or -errno. */
int groups_read(const char *ifname, struct msgs *ret, struct sl_err *err);
/* Joins what is missing, leaves what is too much. */
int groups_apply(const char *ifname, const struct msgs *wanted, struct sl_err *err);

#endif
