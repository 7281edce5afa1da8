/* SPDX-License-Identifier: BSD-2-Clause */
/* Alternative names of an interface, as its RTM_NEWLINK message has them. */
#ifndef SLUICE_NETLINK_ALTNAME_H
#define SLUICE_NETLINK_ALTNAME_H

#include <stdbool.h>

#include "netlink/messages.h"

/* The same set of names? */
bool altnames_same(const struct nlmsghdr *a, const struct nlmsghdr *b);
/* Gives `to` the names in `link`, which interface number `from` (perhaps gone) may still have. 0 or -errno. */
int altnames_put(struct nls *nls, const struct nlmsghdr *link, __u32 from, __u32 to, struct sl_err *err);
/* Takes all of them from the interface of that message. 0 or -errno. */
int altnames_remove(struct nls *nls, const struct nlmsghdr *link, struct sl_err *err);

#endif
