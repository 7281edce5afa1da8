/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses as replayable messages. */
#ifndef SLUICE_NETLINK_ADDRESS_H
#define SLUICE_NETLINK_ADDRESS_H

#include "netlink/messages.h"

extern const struct object_kind addr_kind;

/*
 * Puts the addresses of `family` onto ifindex, in an order that leaves them
 * in the order of the dump. IPv6 ones are usable at once (no duplicate address
 * detection) and lose the flag this needs when addr_settle() is called.
 */
int addr_replay(struct nls *nls, const struct msgs *addrs, int family, __u32 ifindex, struct sl_err *err);
int addr_settle(struct nls *nls, const struct msgs *addrs, __u32 ifindex, struct sl_err *err);

/* All that are on ifindex. 0 or -errno. */
int addr_remove_all(struct nls *nls, __u32 ifindex, struct sl_err *err);

/*
 * Removes those that join their group by themselves, before the interface goes
 * or is set down; *ret (NULL: nowhere) gets them. 0 or -errno.
 */
int addr_leave_groups(struct nls *nls, __u32 ifindex, struct msgs *ret, struct sl_err *err);

/* An address the kernel cannot be told to have (made by itself, temporary): its flag cannot be set from outside. */
bool addr_is_temporary(const struct nlmsghdr *addr);

/* The kernel has found that somebody else has it too: it is put back to find that out again, not to be used. */
bool addr_is_duplicate(const struct nlmsghdr *addr);

#endif
