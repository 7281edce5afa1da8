/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A port's place in a bridge: its settings, VLANs, forwarding and group
 * entries, so that another interface can take that place.
 */
#ifndef SLUICE_NETLINK_BRIDGE_PORT_H
#define SLUICE_NETLINK_BRIDGE_PORT_H

#include "netlink/messages.h"

/* All of it but the settings, which are in the interface's own message. */
struct bridge_place {
	struct msgs vlans; /* the kernel's message about the port as a bridge sees it: a list of one */
	struct msgs fdb; /* forwarding entries by this port, learned ones too */
	struct msgs mdb; /* groups behind this port, as requests that can be sent */
};

/* Is the interface of this RTM_NEWLINK a bridge's port? */
bool bridge_port_is(const struct nlmsghdr *link);
/* "bridge", "bond", …: whose port it is; false if it is nobody's. */
bool bridge_port_master_kind(const struct nlmsghdr *link, char *kind, size_t size);

/* *ret all zero before, and to be freed also after an error. Nothing is found on what is no bridge's port. */
int bridge_place_dump(struct nls *nls, const struct nlmsghdr *link, struct bridge_place *ret,
		      struct sl_err *err);
void bridge_place_free(struct bridge_place *place);

/* 1 if the bridge runs a spanning tree of the kernel's or its own, 0, or -errno. */
int bridge_runs_stp(struct nls *nls, __u32 bridge, struct sl_err *err);
/* What could not be given to another port, in words; NULL: nothing. */
const char *bridge_place_unkept(const struct nlmsghdr *link, const struct bridge_place *place);

/* bridge 0: out of the one it is in. */
int bridge_port_set_master(struct nls *nls, __u32 ifindex, __u32 bridge, struct sl_err *err);
/* Into link's bridge, with link's settings and the place's VLANs; the interface may be down. */
int bridge_place_join(struct nls *nls, const struct nlmsghdr *link, const struct bridge_place *place,
		      __u32 ifindex, struct sl_err *err);
/*
 * Once the port forwards: its entries. What was only learned is a courtesy, and
 * no error if not taken. only_missing: what the bridge has learned since stays.
 */
int bridge_place_fill(struct nls *nls, const struct nlmsghdr *link, const struct bridge_place *place,
		      __u32 ifindex, bool only_missing, struct sl_err *err);

/* The first thing that differs, in words, or NULL. Learned entries come and go and are not compared. */
const char *bridge_place_difference(const struct nlmsghdr *link, const struct bridge_place *place,
				    const struct nlmsghdr *now_link, const struct bridge_place *now);

/* Does the place's table say that this MAC is behind the port? */
bool bridge_place_has(const struct bridge_place *place, const __u8 *mac);

#endif
