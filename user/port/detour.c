// SPDX-License-Identifier: BSD-2-Clause
/* Finding out whether a detour can be laid, laying and lifting it; see detour.h for the invariant. */
#include "port/detour.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "netlink/address.h"
#include "netlink/qdisc.h"
#include "netlink/route.h"
#include "netlink/settings.h"
#include "port/home.h"
#include "port/host.h"
#include "port/move.h"
#include "port/programs.h"

#define INNER_NAME "sluicedetour" /* in the agent's namespace, where there is one daemon */
#define OUTER_NAMES 32
#define MTU 65535 /* whatever the host's end lets out fits */
#define CARRIER_WAIT_MS 200

/*
 * Two ports with the same routes stand side by side for a moment: those of the
 * old one must all go with its addresses, or they would be in the new one's way.
 */
static int check_port(const struct port_snapshot *port, struct sl_err *why)
{
	const struct nlmsghdr *link = port->link_message.item[0];
	bool has_ipv4 = false, routes_ipv4 = false, shared = port->nexthops.n != 0;
	size_t i;

	for (i = 0; i < port->addrs.n; i++)
		has_ipv4 |=
			((const struct ifaddrmsg *)nlmsg_data(port->addrs.item[i]))->ifa_family == AF_INET;
	for (i = 0; i < port->routes.n; i++) {
		const struct rtmsg *route = nlmsg_data(port->routes.item[i]);

		routes_ipv4 |= route->rtm_family == AF_INET;
		shared |= route_uses_nexthop_object(port->routes.item[i]) ||
			  message_attr(port->routes.item[i], sizeof(*route), RTA_MULTIPATH);
	}
	if (strcmp(port->link.kind, "veth") != 0)
		return sl_err(why, EOPNOTSUPP, "a %s has no other end", port->link.kind);
	if (!(port->link.flags & IFF_UP))
		return sl_err(why, ENETDOWN, "%s is down", port->link.name);
	if (settings_link_mode(link))
		return sl_err(why, EOPNOTSUPP, "%s is in dormant mode", port->link.name);
	if (routes_ipv4 && !has_ipv4)
		return sl_err(why, EOPNOTSUPP, "%s has IPv4 routes without an IPv4 address", port->link.name);
	if (shared)
		return sl_err(why, EOPNOTSUPP, "%s shares routes with other ports, or has nexthop objects",
			      port->link.name);
	return 0;
}

/* Other people's programs on the host's end would not see what goes over the detour. */
static int check_host_end(const struct detour *detour, struct sl_err *why)
{
	const char *name = detour->host_end.name;
	struct port_snapshot end = { .link = detour->host_end };
	struct port_programs programs = { 0 };
	int rc;

	if (!(detour->host_end.flags & IFF_UP))
		return sl_err(why, ENETDOWN, "%s is down", name);
	rc = link_message(detour->host.nls, NULL, detour->host_end.ifindex, &end.link_message, why);
	if (!rc)
		rc = programs_find(&detour->host, &end, &programs, why);
	if (!rc)
		rc = qdisc_kind.dump(detour->host.nls, detour->host_end.ifindex, &end.qdiscs, why);
	if (!rc)
		rc = qdisc_has_filters(detour->host.nls, detour->host_end.ifindex, &end.qdiscs, why);
	msgs_clear(&end.link_message);
	msgs_clear(&end.qdiscs);
	if (rc < 0)
		return rc;
	return rc || programs.xdp || programs.tcx
		       ? sl_err(why, EBUSY, "%s has programs or filters of others", name)
		       : 0;
}

static int find_host_end(struct detour *detour, const struct port_side *from, const char *name,
			 struct sl_err *why)
{
	struct port_request request = {
		.workload_ns = from->fd,
		.agent_ns = detour->agent->fd,
		.workload_label = "the port's namespace",
		.host_path = detour->host_path,
	};
	struct host_end end = { .ns = -1 };
	struct link_info port;
	int rc;

	rc = link_find(from->nls, name, 0, &port, why);
	if (rc)
		return rc;
	snprintf(request.name, sizeof(request.name), "%s", name);
	/* Both in one namespace, as when the agent's is the host's own. */
	if (port.peer_nsid < 0) {
		rc = link_find(from->nls, NULL, port.peer_ifindex, &end.link, why);
		if (!rc && (end.link.peer_nsid >= 0 || end.link.peer_ifindex != port.ifindex))
			rc = sl_err(why, ENODEV, "%s is not the other end of %s", end.link.name, name);
		if (!rc)
			end.ns = fcntl(from->fd, F_DUPFD_CLOEXEC, 0);
	} else {
		rc = host_find(&request, &end, why);
	}
	if (!rc && end.ns < 0)
		rc = sl_err(why, EMFILE, "no descriptor for the namespace of %s", end.link.name);
	if (rc)
		return rc;
	rc = port_side_open(&detour->host, end.ns, "the host's namespace", why);
	detour->host.fd = end.ns;
	detour->host_end = end.link;
	return rc;
}

static int plan(struct detour *detour, const struct port_side *from, const char *name,
		const struct port_snapshot *port, struct sl_err *why)
{
	int rc;

	rc = check_port(port, why);
	if (!rc)
		rc = find_host_end(detour, from, name, why);
	if (!rc)
		rc = check_host_end(detour, why);
	detour->planned = !rc;
	return rc;
}

static void without(const struct detour *detour, const struct sl_err *why)
{
	if (detour->hooks->detour_without)
		detour->hooks->detour_without(detour->hooks->detour_context, why);
}

int detour_plan(struct detour *detour, const struct port_side *agent, const struct port_hooks *hooks,
		const struct port_side *from, const char *name, const struct port_snapshot *port,
		struct sl_err *why)
{
	int rc;

	*detour = (struct detour){ .hooks = hooks, .agent = agent, .host = { .fd = -1 } };
	if (!hooks || !hooks->detour_lay)
		return sl_err(why, EOPNOTSUPP, "there are no programs for one");
	detour->host_path = hooks->host_path;
	rc = plan(detour, from, name, port, why);
	if (rc)
		without(detour, why);
	return rc;
}

int detour_check(const struct port_side *agent, char *host_path, const struct port_side *from,
		 const char *name, const struct port_snapshot *port, struct sl_err *why)
{
	struct detour detour = { .agent = agent, .host = { .fd = -1 }, .host_path = host_path };
	int rc = plan(&detour, from, name, port, why);

	detour_close(&detour);
	return rc;
}

void detour_close(struct detour *detour)
{
	/* All zero, if nobody has planned one. */
	if (!detour->agent || detour->host.fd < 0)
		return;
	port_side_close(&detour->host);
	close(detour->host.fd);
	detour->host.fd = -1;
}

static int free_outer_name(const struct detour *detour, char *ret, struct sl_err *err)
{
	struct link_info link;

	for (unsigned int i = 0; i < OUTER_NAMES; i++) {
		snprintf(ret, IFNAMSIZ, INNER_NAME "%u", i);
		if (link_find(detour->host.nls, ret, 0, &link, err) == -ENODEV)
			return 0;
	}
	return sl_err(err, EEXIST, "no free name for a detour in %s", nls_label(detour->host.nls));
}

/* Up, and its carrier there, before anybody relies on it. */
static int open_end(const struct port_side *side, const char *name, struct link_info *ret, struct sl_err *err)
{
	struct link_change change = LINK_NO_CHANGE;
	int rc;

	rc = link_find(side->nls, name, 0, ret, err);
	if (!rc)
		rc = move_silence(side, name, err);
	change.flags_set = IFF_NOARP;
	change.up = 1;
	return rc ? rc : link_change(side->nls, ret->ifindex, &change, err);
}

static int wait_for_carrier(const struct port_side *side, __u32 ifindex, struct sl_err *err)
{
	int rc;

	watch_start(side->watch, CARRIER_WAIT_MS);
	do {
		rc = settings_is_ready(side->nls, ifindex, false, err);
	} while (!rc && watch_wait(side->watch));
	return rc < 0 ? rc : 0;
}

static int make_pair(struct detour *detour, struct port_detour *ends, struct sl_err *err)
{
	struct veth_end inner = { .name = INNER_NAME, .netns_fd = -1, .mtu = MTU };
	/* With the address of the host's end, the kernel judges whom a frame is for as that end would. */
	struct veth_end outer = { .netns_fd = detour->host.fd, .mtu = MTU, .mac = detour->host_end.mac };
	struct link_info made, far;
	char name[IFNAMSIZ];
	int rc;

	rc = free_outer_name(detour, name, err);
	outer.name = name;
	/* Numbers that differ: see move.c. */
	inner.ifindex = move_draw_index();
	outer.ifindex = inner.ifindex + 1;
	if (!rc)
		rc = link_create_veth(detour->agent->nls, &inner, &outer, err);
	if (!rc)
		rc = open_end(&detour->host, name, &far, err);
	if (!rc)
		rc = open_end(detour->agent, INNER_NAME, &made, err);
	if (!rc)
		rc = wait_for_carrier(&detour->host, far.ifindex, err);
	if (!rc)
		rc = wait_for_carrier(detour->agent, made.ifindex, err);
	if (rc)
		return rc;
	ends->outer_ifindex = far.ifindex;
	ends->inner_ifindex = made.ifindex;
	return 0;
}

int detour_clear(const struct port_side *agent, struct sl_err *err)
{
	return home_delete(agent, INNER_NAME, err);
}

int detour_lay(struct detour *detour, __u32 vin_ifindex, struct sl_err *err)
{
	struct port_detour ends = {
		.host_ns = detour->host.fd,
		.host_ifindex = detour->host_end.ifindex,
		.vin_ifindex = vin_ifindex,
	};
	int rc;

	rc = detour_clear(detour->agent, err);
	if (!rc)
		rc = make_pair(detour, &ends, err);
	if (!rc)
		rc = detour->hooks->detour_lay(detour->hooks->detour_context, &ends, err);
	detour->laid = !rc;
	detour->failed = rc;
	if (rc) {
		detour_clear(detour->agent, NULL);
		without(detour, err);
	}
	return rc;
}

int detour_use(struct detour *detour, bool on, struct sl_err *err)
{
	return detour->laid ? detour->hooks->detour_use(detour->hooks->detour_context, on, err) : 0;
}

int detour_lift(struct detour *detour, struct sl_err *err)
{
	if (detour->laid) {
		detour_use(detour, false, NULL);
		detour->hooks->detour_lift(detour->hooks->detour_context);
		detour->laid = false;
	}
	return detour->planned ? detour_clear(detour->agent, err) : 0;
}

/* IPv4 routes go with the last address, those of IPv6 that a user has made do not. */
static int remove_ipv6_routes(const struct port_side *workload, const struct port_snapshot *port,
			      struct sl_err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < port->routes.n; i++) {
		const struct nlmsghdr *message = port->routes.item[i];
		const struct rtmsg *route = nlmsg_data(message);

		if (route->rtm_family != AF_INET6 || route_is_kernels(message))
			continue;
		rc = route_kind.remove(workload->nls, message, err);
		/* Gone with another one, or by its own time. */
		if (rc == -ESRCH)
			rc = 0;
	}
	return rc;
}

int detour_strip(const struct port_side *workload, const struct port_snapshot *port, const char *name,
		 struct sl_err *err)
{
	struct link_change rename = LINK_NO_CHANGE;
	__u32 ifindex = port->link.ifindex;
	int rc;

	rename.name = name;
	rc = addr_leave_groups(workload->nls, ifindex, NULL, err);
	if (!rc)
		rc = link_change(workload->nls, ifindex, &rename, err);
	if (!rc)
		rc = remove_ipv6_routes(workload, port, err);
	return rc ? rc : addr_remove_all(workload->nls, ifindex, err);
}
