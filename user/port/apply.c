// SPDX-License-Identifier: BSD-2-Clause
/*
 * From a snapshot back to a port.
 *
 * Invariant: the same code makes the new port when one is taken, the original
 * when it is given back, and either when something is rolled back; after
 * apply_settle() the interface has what the snapshot has and nothing more.
 */
#include "port/apply.h"

#include <errno.h>
#include <string.h>

#include "lib/netns.h"
#include "netlink/address.h"
#include "netlink/altname.h"
#include "netlink/group.h"
#include "netlink/label.h"
#include "netlink/neigh.h"
#include "netlink/nexthop.h"
#include "netlink/qdisc.h"
#include "netlink/route.h"
#include "netlink/settings.h"
#include "port/announce.h"

/* The work queue behind carrier changes answers in microseconds, or in a second when it is throttled. */
#define READY_TIMEOUT_MS 3000

static int prepare_inside(const struct port_side *side, const struct port_snapshot *wanted, const char *name,
			  const struct port_sysctls *known, struct sl_err *err)
{
	unsigned int rx, tx;
	int token, rc;

	token = sl_netns_enter(side->fd, err);
	if (token < 0)
		return token;
	rc = sl_ethtool_features_apply(name, &wanted->features, err);
	if (!rc)
		rc = groups_apply(name, &wanted->groups, err);
	if (!rc && wanted->rx_queues && !sl_ethtool_queues(name, &rx, &tx, NULL) &&
	    (rx != wanted->rx_queues || tx != wanted->tx_queues))
		rc = sl_ethtool_queues_set(name, wanted->rx_queues, wanted->tx_queues, err);
	if (!rc)
		rc = sysctls_apply(name, &wanted->sysctls, known, err);
	sl_netns_leave(token);
	return rc;
}

int apply_prepare(const struct port_side *side, const struct port_snapshot *wanted, __u32 ifindex,
		  const char *name, const struct port_sysctls *known, struct sl_err *err)
{
	int rc;

	/* The MTU is among the settings, and decides whether there are IPv6 sysctls at all. */
	rc = settings_replay(side->nls, wanted->link_message.item[0], ifindex, err);
	if (!rc)
		rc = prepare_inside(side, wanted, name, known, err);
	/* With the size of the queue it may depend on. */
	if (!rc)
		rc = messages_replay(&qdisc_kind, side->nls, &wanted->qdiscs, wanted->link.ifindex, ifindex,
				     err);
	/* Coming up must not make a link-local address: the right one, if any, is in the snapshot. */
	if (!rc && settings_gen_mode(wanted->link_message.item[0]) != LINK_GEN_MODE_UNKNOWN)
		rc = settings_set_gen_mode(side->nls, ifindex, LINK_GEN_MODE_NONE, err);
	return rc;
}

/*
 * A nexthop's gateway is found by a route, and a route may go by a nexthop:
 * what can be put without them comes first then, and everything once more.
 */
static int put_routes(struct nls *nls, const struct port_snapshot *wanted, __u32 ifindex, struct sl_err *err)
{
	__u32 original = wanted->link.ifindex;
	int rc = 0;

	if (wanted->nexthops.n) {
		route_replay(nls, &wanted->routes, false, original, ifindex, NULL);
		rc = messages_replay(&nexthop_kind, nls, &wanted->nexthops, original, ifindex, err);
	}
	return rc ? rc : route_replay(nls, &wanted->routes, false, original, ifindex, err);
}

int apply_switch(const struct port_side *side, const struct port_snapshot *wanted, __u32 ifindex,
		 struct sl_err *err)
{
	struct link_change rename = LINK_NO_CHANGE, up = LINK_NO_CHANGE;
	struct nls *nls = side->nls;
	int rc;

	/* Renamed first: that would rewrite the labels of addresses. */
	rename.name = wanted->link.name;
	rc = link_change(nls, ifindex, &rename, err);
	/* Before the carrier: the far end asks who has them at once, and again only after a second. */
	if (!rc)
		rc = addr_replay(nls, &wanted->addrs, AF_INET, ifindex, err);
	up.up = 1;
	if (!rc && (wanted->link.flags & IFF_UP))
		rc = link_change(nls, ifindex, &up, err);
	if (!rc)
		rc = addr_replay(nls, &wanted->addrs, AF_INET6, ifindex, err);
	if (!rc)
		rc = neigh_replay(nls, &wanted->neighs, ifindex, err);
	if (!rc)
		rc = put_routes(nls, wanted, ifindex, err);
	if (!rc)
		rc = route_replay(nls, &wanted->leaning, true, 0, 0, err);
	return rc;
}

void apply_greet(const struct port_side *side, const struct port_snapshot *wanted, __u32 ifindex)
{
	if (!(wanted->link.flags & IFF_UP))
		return;
	neigh_replay_learned(side->nls, &wanted->learned, ifindex);
	announce_addresses(side, wanted, ifindex);
}

/* Those that went again with the carrier, or were changed by it. */
static int put_missing(const struct port_side *side, const struct object_kind *kind,
		       const struct msgs *wanted, __u32 from, __u32 ifindex, struct sl_err *err)
{
	const struct nlmsghdr *message;
	struct msgs now = MSGS_NONE;
	size_t at = 0;
	int rc;

	if (!wanted->n)
		return 0;
	rc = kind->dump(side->nls, ifindex, &now, err);
	while (!rc && (message = messages_missing(kind, wanted, from, &now, ifindex, &at)))
		rc = kind->put(side->nls, message, from, ifindex, err);
	msgs_clear(&now);
	return rc;
}

/* What the interface has too much goes, what it lacks comes. */
static int reconcile(const struct port_side *side, const struct port_snapshot *wanted, __u32 ifindex,
		     struct sl_err *err)
{
	__u32 original = wanted->link.ifindex;
	struct msgs now = MSGS_NONE;
	const struct nlmsghdr *message;
	size_t at = 0;
	int rc;

	rc = addr_kind.dump(side->nls, ifindex, &now, err);
	while (!rc && (message = messages_missing(&addr_kind, &now, ifindex, &wanted->addrs, original, &at)))
		rc = addr_kind.remove(side->nls, message, err);
	msgs_clear(&now);
	if (!rc)
		rc = put_missing(side, &nexthop_kind, &wanted->nexthops, original, ifindex, err);
	at = 0;
	if (!rc)
		rc = route_kind.dump(side->nls, ifindex, &now, err);
	while (!rc &&
	       (message = messages_missing(&route_kind, &now, ifindex, &wanted->routes, original, &at))) {
		/* Those of an address that was still tentative in the snapshot: without them it would not work. */
		if (route_comes_by_itself(message))
			continue;
		rc = route_kind.remove(side->nls, message, err);
		/* Gone by itself meanwhile, with another one. */
		if (rc == -ESRCH)
			rc = 0;
	}
	at = 0;
	while (!rc &&
	       (message = messages_missing(&route_kind, &wanted->routes, original, &now, ifindex, &at)))
		if (!route_comes_by_itself(message))
			rc = route_insist(side->nls, message, original, ifindex, err);
	msgs_clear(&now);
	return rc;
}

/* 1 if a route of the snapshot that only the kernel can make is not there yet. */
static int lacks_kernel_routes(const struct port_side *side, const struct port_snapshot *wanted,
			       __u32 ifindex, struct sl_err *err)
{
	const struct nlmsghdr *message;
	struct msgs now = MSGS_NONE;
	size_t at = 0;
	int rc;

	rc = route_kind.dump(side->nls, ifindex, &now, err);
	while (!rc && (message = messages_missing(&route_kind, &wanted->routes, wanted->link.ifindex, &now,
						  ifindex, &at)))
		rc = route_comes_by_itself(message);
	msgs_clear(&now);
	return rc;
}

int apply_wait(const struct port_side *side, const struct port_snapshot *wanted, __u32 ifindex,
	       int timeout_ms, struct sl_err *err)
{
	const char *disabled = sysctls_value(&wanted->sysctls, SYSCTLS_IPV6, "disable_ipv6");
	bool ipv6 = disabled && !strcmp(disabled, "0");
	int rc;

	if (!(wanted->link.flags & IFF_UP))
		return 0;
	watch_start(side->watch, timeout_ms);
	do {
		rc = settings_is_ready(side->nls, ifindex, ipv6, err);
		if (rc > 0) {
			rc = lacks_kernel_routes(side, wanted, ifindex, err);
			if (!rc)
				break;
		}
	} while (rc >= 0 && watch_wait(side->watch));
	return rc < 0 ? rc : 0;
}

int apply_wait_carrier(const struct port_side *side, __u32 ifindex, int timeout_ms, struct sl_err *err)
{
	int rc;

	watch_start(side->watch, timeout_ms);
	do {
		rc = settings_is_ready(side->nls, ifindex, false, err);
	} while (!rc && watch_wait(side->watch));
	return rc < 0 ? rc : 0;
}

int apply_settle(const struct port_side *side, const struct port_snapshot *wanted, __u32 ifindex,
		 struct sl_err *err)
{
	__u32 original = wanted->link.ifindex;
	int token, rc;

	rc = apply_wait(side, wanted, ifindex, READY_TIMEOUT_MS, err);
	/* Some sysctls are set anew by the kernel when an interface comes up. */
	if (!rc) {
		token = sl_netns_enter(side->fd, err);
		if (token < 0)
			return token;
		rc = sysctls_apply(wanted->link.name, &wanted->sysctls, NULL, err);
		sl_netns_leave(token);
	}
	/* Behind the sysctls: accept_dad is one of those, and decides whether a duplicate is found to be one. */
	if (!rc)
		rc = addr_settle(side->nls, &wanted->addrs, ifindex, err);
	if (!rc)
		rc = settings_finish(side->nls, wanted->link_message.item[0], ifindex, err);
	if (!rc)
		rc = altnames_put(side->nls, wanted->link_message.item[0], original, ifindex, err);
	if (!rc)
		rc = messages_replay(&label_kind, side->nls, &wanted->labels, original, ifindex, err);
	if (!rc)
		rc = reconcile(side, wanted, ifindex, err);
	/*
	 * Again: a host that forgot the workload's MAC only now, and asked while its
	 * own end did not let frames out yet, would ask next in a second.
	 */
	if (!rc && (wanted->link.flags & IFF_UP))
		announce_addresses(side, wanted, ifindex);
	return rc;
}

int apply_all(const struct port_side *side, const struct port_snapshot *wanted, __u32 ifindex,
	      const char *name, struct sl_err *err)
{
	int rc;

	rc = apply_prepare(side, wanted, ifindex, name, NULL, err);
	if (!rc)
		rc = apply_switch(side, wanted, ifindex, err);
	if (!rc)
		apply_greet(side, wanted, ifindex);
	if (!rc)
		rc = apply_settle(side, wanted, ifindex, err);
	if (!rc)
		rc = apply_verify(side, wanted, ifindex, err);
	return rc;
}
