/* SPDX-License-Identifier: BSD-2-Clause */
/* All that is kept of a port, as it was at one moment. */
#ifndef SLUICE_PORT_SNAPSHOT_H
#define SLUICE_PORT_SNAPSHOT_H

#include "lib/err.h"
#include "lib/ethtool.h"
#include "netlink/link.h"
#include "netlink/messages.h"
#include "netlink/watch.h"
#include "port/sysctls.h"

/* One namespace and how to speak to it and of it. */
struct port_side {
	int fd; /* the caller's */
	struct nls *nls;
	struct watch *watch; /* opened beforehand: entering a namespace takes time a switch has not */
	int announce; /* the socket of announce.h; for the same reason */
};

int port_side_open(struct port_side *side, int netns_fd, const char *label, struct sl_err *err);
void port_side_close(struct port_side *side); /* also after a failed open, or a zeroed one */

/* Addresses, routes, neighbours, of each. */
#define SNAPSHOT_LIST_MAX 4096

struct port_snapshot {
	struct link_info link;
	struct msgs link_message; /* a list of one */
	struct msgs addrs;
	struct msgs routes; /* all tables, by this port */
	struct msgs leaning; /* by other ports, but with one of the addresses as preferred source */
	struct msgs neighs; /* permanent and proxied */
	struct msgs learned; /* neighbours in use */
	struct msgs nexthops; /* nexthop objects by this port, and the groups they are in */
	struct msgs labels; /* IPv6 address labels bound to this port */
	struct msgs qdiscs; /* a user's, and their classes */
	struct msgs groups; /* link-layer groups joined by hand */
	struct port_sysctls sysctls;
	struct sl_features features;
	unsigned int rx_queues, tx_queues; /* in use; 0: not known */
};
#define PORT_SNAPSHOT_NONE                                                                                   \
	{                                                                                                    \
		.link = {.ifindex = 0 }                                                                      \
	}

/* By name, or by index when name is NULL. *ret is all zero before, and to be freed also after an error. */
int snapshot_take(const struct port_side *side, const char *name, __u32 ifindex, struct port_snapshot *ret,
		  struct sl_err *err);
void snapshot_free(struct port_snapshot *snapshot);

#endif
