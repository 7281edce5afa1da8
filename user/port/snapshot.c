// SPDX-License-Identifier: BSD-2-Clause
/*
 * Looking at a port: everything that is kept, read once.
 *
 * Invariant: a snapshot changes nothing. What it holds are the kernel's own
 * words, so that putting it back and comparing it need no model of ours.
 */
#include "port/snapshot.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/netns.h"
#include "netlink/address.h"
#include "netlink/group.h"
#include "netlink/label.h"
#include "netlink/neigh.h"
#include "netlink/nexthop.h"
#include "netlink/qdisc.h"
#include "netlink/route.h"

int port_side_open(struct port_side *side, int netns_fd, const char *label, struct sl_err *err)
{
	int rc;

	side->fd = netns_fd;
	rc = nls_open(&side->nls, netns_fd, label, err);
	return rc ? rc : watch_open(&side->watch, netns_fd, err);
}

void port_side_close(struct port_side *side)
{
	/* 0 is what a zeroed one holds, and never a socket of ours: then standard input would be closed. */
	if (side->announce > 0)
		close(side->announce);
	side->announce = 0;
	watch_close(side->watch);
	nls_close(side->nls);
	side->watch = NULL;
	side->nls = NULL;
}

/* What has no netlink message: files of /proc and ioctls, from inside the namespace. */
static int read_inside(const struct port_side *side, struct port_snapshot *ret, struct sl_err *err)
{
	int token, rc;

	token = sl_netns_enter(side->fd, err);
	if (token < 0)
		return token;
	rc = sysctls_read(ret->link.name, &ret->sysctls, err);
	if (!rc)
		rc = sl_ethtool_features(ret->link.name, &ret->features, err);
	if (!rc)
		rc = groups_read(ret->link.name, &ret->groups, err);
	/* Not every driver tells its queues: then they stay as they are. */
	if (!rc && sl_ethtool_queues(ret->link.name, &ret->rx_queues, &ret->tx_queues, NULL)) {
		ret->rx_queues = 0;
		ret->tx_queues = 0;
	}
	sl_netns_leave(token);
	return rc;
}

/* The workload decides how many there are, and whoever asks for the port waits while they are carried over. */
static int refuse_flood(const struct port_side *side, const struct port_snapshot *port, struct sl_err *err)
{
	const struct {
		const char *what;
		size_t n;
	} lists[] = {
		{ "addresses", port->addrs.n },
		{ "routes", port->routes.n },
		{ "routes that prefer its addresses", port->leaning.n },
		{ "permanent and proxied neighbours", port->neighs.n },
		{ "learned neighbours", port->learned.n },
		{ "nexthop objects", port->nexthops.n },
		{ "address labels", port->labels.n },
		{ "qdiscs and classes", port->qdiscs.n },
		{ "static groups", port->groups.n },
	};
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (lists[i].n > SNAPSHOT_LIST_MAX)
			return sl_err(err, E2BIG,
				      "%s in %s has %zu %s, more than the %d that are carried over",
				      port->link.name, nls_label(side->nls), lists[i].n, lists[i].what,
				      SNAPSHOT_LIST_MAX);
	return 0;
}

int snapshot_take(const struct port_side *side, const char *name, __u32 ifindex, struct port_snapshot *ret,
		  struct sl_err *err)
{
	int rc;

	rc = link_message(side->nls, name, ifindex, &ret->link_message, err);
	if (rc)
		return rc;
	if (link_parse(ret->link_message.item[0], &ret->link))
		return sl_err(err, EBADMSG, "the kernel's answer about an interface in %s makes no sense",
			      nls_label(side->nls));
	ifindex = ret->link.ifindex;
	rc = addr_kind.dump(side->nls, ifindex, &ret->addrs, err);
	if (!rc)
		rc = route_kind.dump(side->nls, ifindex, &ret->routes, err);
	if (!rc)
		rc = route_dump_leaning(side->nls, ifindex, &ret->addrs, &ret->leaning, err);
	if (!rc)
		rc = neigh_kind.dump(side->nls, ifindex, &ret->neighs, err);
	if (!rc)
		rc = neigh_dump_learned(side->nls, ifindex, &ret->learned, err);
	if (!rc)
		rc = nexthop_kind.dump(side->nls, ifindex, &ret->nexthops, err);
	if (!rc)
		rc = label_kind.dump(side->nls, ifindex, &ret->labels, err);
	if (!rc)
		rc = qdisc_kind.dump(side->nls, ifindex, &ret->qdiscs, err);
	if (!rc)
		rc = read_inside(side, ret, err);
	return rc ? rc : refuse_flood(side, ret, err);
}

void snapshot_free(struct port_snapshot *snapshot)
{
	msgs_clear(&snapshot->link_message);
	msgs_clear(&snapshot->addrs);
	msgs_clear(&snapshot->routes);
	msgs_clear(&snapshot->leaning);
	msgs_clear(&snapshot->neighs);
	msgs_clear(&snapshot->learned);
	msgs_clear(&snapshot->nexthops);
	msgs_clear(&snapshot->labels);
	msgs_clear(&snapshot->qdiscs);
	msgs_clear(&snapshot->groups);
	sysctls_free(&snapshot->sysctls);
}
