/* SPDX-License-Identifier: BSD-2-Clause */
/* Interfaces: find, create, change, move, delete. Every function works in its session's namespace. */
#ifndef SLUICE_NETLINK_LINK_H
#define SLUICE_NETLINK_LINK_H

#include <linux/types.h>
#include <net/if.h>
#include <stdbool.h>

#include "netlink/session.h"
#include "sluice/ucmac.h"

struct link_info {
	char name[IFNAMSIZ];
	char kind[16]; /* "veth", "macvlan", …; empty for hardware and lo */
	__u32 ifindex;
	__u32 peer_ifindex; /* IFLA_LINK, 0 if none */
	__s32 peer_nsid; /* IFLA_LINK_NETNSID, -1 if none (same namespace) */
	__u32 master; /* 0 if none */
	__u32 mtu, txqlen, flags, tx_queues, rx_queues;
	__u8 mac[SL_MAC_LEN];
	bool mac_valid;
};

/* By name, or by index when name is NULL. 0, -ENODEV, other -errno. */
int link_find(struct nls *nls, const char *name, __u32 ifindex, struct link_info *ret, struct sl_err *err);
/* Every interface of the namespace. */
int link_list(struct nls *nls, int (*visit)(void *context, const struct link_info *link), void *context,
	      struct sl_err *err);

/* One end of a veth pair to be made. Zero fields are left to the kernel. */
struct veth_end {
	const char *name;
	int netns_fd; /* where it is made; -1: the session's namespace */
	__u32 ifindex, mtu, txqlen, queues;
	const __u8 *mac; /* SL_MAC_LEN bytes or NULL */
};
int link_create_veth(struct nls *nls, const struct veth_end *end, const struct veth_end *peer,
		     struct sl_err *err);

/* Changes in one message whatever is set here; fields at their "no change" value are left alone. */
struct link_change {
	int up; /* -1 no change, 0 down, 1 up */
	const char *name; /* NULL no change */
	int netns_fd; /* -1 no change; with name: moved and renamed at once */
	__u32 mtu, txqlen; /* 0 no change */
	const __u8 *mac; /* NULL no change */
	__u32 flags_set, flags_clear; /* IFF_NOARP, IFF_PROMISC … */
	__u32 new_ifindex; /* 0 no wish; only when moved: -EBUSY if it is taken there */
};
#define LINK_NO_CHANGE                                                                                       \
	{                                                                                                    \
		.up = -1, .netns_fd = -1                                                                     \
	}
int link_change(struct nls *nls, __u32 ifindex, const struct link_change *change, struct sl_err *err);

int link_delete(struct nls *nls, __u32 ifindex, struct sl_err *err);

/* The kernel's own message about one interface, in a list of one. 0, -ENODEV, other -errno. */
struct msgs;
int link_message(struct nls *nls, const char *name, __u32 ifindex, struct msgs *ret, struct sl_err *err);
int link_parse(struct nlmsghdr *message, struct link_info *ret);

#endif
