/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses of an interface in another network namespace, which is known by
 * its number alone, and being told when any change.
 *
 * Invariant: no descriptor of that namespace is held, so that watching it does
 * not keep it alive.
 */
#ifndef SLUICE_NETLINK_FAR_ADDRESS_H
#define SLUICE_NETLINK_FAR_ADDRESS_H

#include <stdbool.h>

#include "netlink/session.h"

struct far_address {
	__u8 byte[16]; /* IPv4: ::ffff:a.b.c.d */
};

/*
 * The first `room` addresses of both families that interface `ifindex` of
 * namespace `nsid` may use; *ret_n is how many. 0 or -errno, -ENODEV if there
 * is no such interface or namespace (any more).
 */
int far_addresses(struct nls *nls, __s32 nsid, __u32 ifindex, struct far_address *ret, unsigned int room,
		  unsigned int *ret_n, struct sl_err *err);

/*
 * A descriptor, not blocking, of changes of addresses in all namespaces that
 * the current one has numbers for, and in itself. -errno.
 */
int far_address_watch(struct sl_err *err);
/*
 * Reads one datagram of it. 1: *ret_nsid, -1 for the current namespace; 0:
 * nothing there; -ENOBUFS: some were lost, look everywhere; other -errno.
 */
int far_address_changed(int fd, __s32 *ret_nsid);

#endif
