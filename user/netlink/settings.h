/* SPDX-License-Identifier: BSD-2-Clause */
/* What an interface's own message says about it, put onto another interface of the same kind. */
#ifndef SLUICE_NETLINK_SETTINGS_H
#define SLUICE_NETLINK_SETTINGS_H

#include "netlink/messages.h"

#define LINK_GEN_MODE_NONE 1 /* IN6_ADDR_GEN_MODE_NONE: no link-local address is made */
#define LINK_GEN_MODE_UNKNOWN -1 /* no IPv6 on the interface */

/*
 * MAC, MTU, queue length, alias, group, offload limits and the flags a user
 * can set, but neither name nor up/down. Only what differs is sent.
 */
int settings_replay(struct nls *nls, const struct nlmsghdr *link, __u32 ifindex, struct sl_err *err);
/* The first thing of these that differs, in words, or NULL. */
const char *settings_difference(const struct nlmsghdr *a, const struct nlmsghdr *b);

/* What only an interface that is up can be told: address generation mode, token, link mode. */
int settings_finish(struct nls *nls, const struct nlmsghdr *link, __u32 ifindex, struct sl_err *err);

/* How the kernel makes the IPv6 link-local address; setting it makes none. */
int settings_gen_mode(const struct nlmsghdr *link);
int settings_set_gen_mode(struct nls *nls, __u32 ifindex, int mode, struct sl_err *err);

/* 0: the kernel itself says when the interface is up. */
int settings_link_mode(const struct nlmsghdr *link);
/*
 * On: the interface counts as dormant, also when it comes up: it lets frames
 * through, but IPv6 does not take note of it, makes no address and asks nobody.
 */
int settings_set_dormant(struct nls *nls, __u32 ifindex, bool on, struct sl_err *err);

/*
 * Is an interface that has a carrier in use by the stack: is its operational
 * state up, and has IPv6 (unless switched off) taken note? The kernel does
 * this behind a work queue. 1, 0 or -errno; 1 without a carrier: nothing will come.
 */
int settings_is_ready(struct nls *nls, __u32 ifindex, bool ipv6, struct sl_err *err);

#endif
