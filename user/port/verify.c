// SPDX-License-Identifier: BSD-2-Clause
/*
 * Is the port what the snapshot says?
 *
 * Invariant: looks with the same eyes as the snapshot was taken with, so that
 * whatever is kept is also checked.
 */
#include <errno.h>
#include <string.h>

#include "netlink/address.h"
#include "netlink/altname.h"
#include "netlink/group.h"
#include "netlink/label.h"
#include "netlink/neigh.h"
#include "netlink/nexthop.h"
#include "netlink/qdisc.h"
#include "netlink/route.h"
#include "netlink/settings.h"
#include "port/apply.h"

static int compare_lists(const struct object_kind *kind, const struct msgs *wanted, __u32 wanted_ifindex,
			 const struct msgs *now, __u32 ifindex, const char *port, struct sl_err *err)
{
	const struct nlmsghdr *message;
	char text[160];
	size_t at = 0;

	message = messages_missing(kind, wanted, wanted_ifindex, now, ifindex, &at);
	if (message) {
		kind->describe(message, text, sizeof(text));
		return sl_err(err, EBADE, "%s %s of %s did not come back as it was", kind->name, text, port);
	}
	at = 0;
	/*
	 * The routes that follow an IPv6 address come when the kernel is done with
	 * it: a snapshot made before that has none, and they are right all the same.
	 */
	do
		message = messages_missing(kind, now, ifindex, wanted, wanted_ifindex, &at);
	while (message && kind == &route_kind && route_comes_by_itself(message));
	if (message) {
		kind->describe(message, text, sizeof(text));
		return sl_err(err, EBADE, "%s has %s %s, which it did not have before", port, kind->name,
			      text);
	}
	return 0;
}

static int compare_features(const struct sl_features *a, const struct sl_features *b)
{
	unsigned int i;

	for (i = 0; i < a->n && i < b->n; i++)
		if ((a->requested[i] ^ b->requested[i]) & a->available[i] & b->available[i])
			return 1;
	return 0;
}

static int compare(const struct port_snapshot *wanted, const struct port_snapshot *now, struct sl_err *err)
{
	__u32 before = wanted->link.ifindex, ifindex = now->link.ifindex;
	const char *port = wanted->link.name, *setting;
	const struct port_sysctl *sysctl;
	int rc;

	if (strcmp(wanted->link.name, now->link.name))
		return sl_err(err, EBADE, "%s is now called %s", port, now->link.name);
	if (!altnames_same(wanted->link_message.item[0], now->link_message.item[0]))
		return sl_err(err, EBADE, "the alternative names of %s did not come back as they were", port);
	setting = settings_difference(wanted->link_message.item[0], now->link_message.item[0]);
	if (setting)
		return sl_err(err, EBADE, "the %s of %s did not come back as it was", setting, port);
	rc = compare_lists(&addr_kind, &wanted->addrs, before, &now->addrs, ifindex, port, err);
	if (!rc)
		rc = compare_lists(&route_kind, &wanted->routes, before, &now->routes, ifindex, port, err);
	if (!rc)
		rc = compare_lists(&route_kind, &wanted->leaning, 0, &now->leaning, 0, port, err);
	if (!rc)
		rc = compare_lists(&neigh_kind, &wanted->neighs, before, &now->neighs, ifindex, port, err);
	if (!rc)
		rc = compare_lists(&nexthop_kind, &wanted->nexthops, before, &now->nexthops, ifindex, port,
				   err);
	if (!rc)
		rc = compare_lists(&label_kind, &wanted->labels, before, &now->labels, ifindex, port, err);
	if (!rc)
		rc = compare_lists(&qdisc_kind, &wanted->qdiscs, before, &now->qdiscs, ifindex, port, err);
	if (!rc)
		rc = compare_lists(&group_kind, &wanted->groups, before, &now->groups, ifindex, port, err);
	if (rc)
		return rc;
	sysctl = sysctls_difference(&wanted->sysctls, &now->sysctls);
	if (sysctl)
		return sl_err(err, EBADE, "setting %s/%s/%s did not come back as \"%s\"", sysctl->folder,
			      port, sysctl->file, sysctl->value);
	if (compare_features(&wanted->features, &now->features))
		return sl_err(err, EBADE, "the offload features of %s did not come back as they were", port);
	/* A macvlan does not tell its queues. */
	if (wanted->rx_queues && now->rx_queues &&
	    (wanted->rx_queues != now->rx_queues || wanted->tx_queues != now->tx_queues))
		return sl_err(err, EBADE, "the queues of %s did not come back as they were", port);
	return 0;
}

int apply_verify(const struct port_side *side, const struct port_snapshot *wanted, __u32 ifindex,
		 struct sl_err *err)
{
	struct port_snapshot now = PORT_SNAPSHOT_NONE;
	int rc;

	rc = snapshot_take(side, NULL, ifindex, &now, err);
	if (!rc)
		rc = compare(wanted, &now, err);
	snapshot_free(&now);
	return rc;
}
