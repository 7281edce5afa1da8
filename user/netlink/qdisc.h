/* SPDX-License-Identifier: BSD-2-Clause */
/* Queueing disciplines and their classes as replayable messages. */
#ifndef SLUICE_NETLINK_QDISC_H
#define SLUICE_NETLINK_QDISC_H

#include "netlink/messages.h"

/* Those a user has set up: what the kernel makes by itself comes by itself. Qdiscs before classes. */
extern const struct object_kind qdisc_kind;

/*
 * Can this one be carried over exactly? NULL, or why not, to be read behind
 * "has a htb qdisc, ". Filters are another matter: qdisc_has_filters().
 */
const char *qdisc_obstacle(const struct nlmsghdr *message);
/* "htb"; static memory of the message. */
const char *qdisc_name(const struct nlmsghdr *message);
/* 1 if some filter hangs on one of these, 0, or -errno. */
int qdisc_has_filters(struct nls *nls, __u32 ifindex, const struct msgs *qdiscs, struct sl_err *err);

#endif
