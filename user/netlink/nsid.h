/* SPDX-License-Identifier: BSD-2-Clause */
/* The number under which one network namespace knows another, as in IFLA_LINK_NETNSID. */
#ifndef SLUICE_NETLINK_NSID_H
#define SLUICE_NETLINK_NSID_H

#include <linux/types.h>

#include "netlink/session.h"

/* *ret -1: the session's namespace has no number for it. 0 or -errno. */
int nsid_of(struct nls *nls, int netns_fd, __s32 *ret, struct sl_err *err);

#endif
