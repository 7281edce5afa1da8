/* SPDX-License-Identifier: BSD-2-Clause */
/* Routes of all tables as replayable messages. */
#ifndef SLUICE_NETLINK_ROUTE_H
#define SLUICE_NETLINK_ROUTE_H

#include "netlink/messages.h"

extern const struct object_kind route_kind;

/* Made by the kernel along with an interface's addresses. */
bool route_is_kernels(const struct nlmsghdr *route);
/* Made by the kernel some time after an IPv6 address, and by nobody else: a user's would get another metric. */
bool route_comes_by_itself(const struct nlmsghdr *route);
/* Goes by a nexthop object, which a route's own message does not hold. */
bool route_uses_nexthop_object(const struct nlmsghdr *route);

/* Runs a BPF program of its own (encap bpf), of which the kernel tells only the name. */
bool route_has_program(const struct nlmsghdr *route);

/*
 * Puts back the routes (the kernel's own only if `kernels`) with `from`
 * replaced by `ifindex` wherever it stands. A route whose gateway cannot be
 * reached yet waits for the others; what nothing helps is put by route_insist().
 */
int route_replay(struct nls *nls, const struct msgs *routes, bool kernels, __u32 from, __u32 ifindex,
		 struct sl_err *err);
/*
 * One route, also when nothing leads to its gateway: the kernel keeps a route
 * whose gateway's own has been removed, but takes no such new one.
 */
int route_insist(struct nls *nls, const struct nlmsghdr *route, __u32 from, __u32 ifindex,
		 struct sl_err *err);
/* For a moment: a route to nothing but this gateway, by ifindex. on = false ends it. */
void route_hold_gateway(struct nls *nls, const struct nlattr *gateway, __u32 ifindex, bool on);
/* One route, of whatever origin; there already is no error. */
int route_put(struct nls *nls, const struct nlmsghdr *route, __u32 from, __u32 ifindex, struct sl_err *err);

/*
 * The kernel also drops IPv4 routes by other interfaces when the address they
 * prefer as their source goes away: those of them that lean on `addrs`.
 */
int route_dump_leaning(struct nls *nls, __u32 ifindex, const struct msgs *addrs, struct msgs *ret,
		       struct sl_err *err);

#endif
