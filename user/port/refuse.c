// SPDX-License-Identifier: BSD-2-Clause
/*
 * Saying no in time.
 *
 * Invariant: nothing is changed here, and everything that the rest of this
 * folder would silently lose is refused here, with the way out in the text.
 */
#include "port/refuse.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netlink/address.h"
#include "netlink/nft_hook.h"
#include "netlink/qdisc.h"
#include "netlink/route.h"
#include "port/programs.h"

#define LINK_HEADER sizeof(struct ifinfomsg)
/* Newer than the distribution's headers; the number is the kernel's ABI. */
#define ATTR_NETNS_IMMUTABLE 67

void refusals_add(struct refusals *list, int code, const char *fmt, ...)
{
	struct sl_err *next = &list->item[list->n];
	va_list ap;

	if (list->n == REFUSALS_MAX)
		return;
	next->code = code;
	va_start(ap, fmt);
	vsnprintf(next->text, sizeof(next->text), fmt, ap);
	va_end(ap);
	list->n++;
}

static int refuse_taken_name(const struct port_side *agent, const char *name, struct refusals *ret,
			     struct sl_err *err)
{
	struct link_info link;
	int rc = link_find(agent->nls, name, 0, &link, err);

	if (!rc)
		refusals_add(ret, EEXIST, "there is already an interface %s in %s", name,
			     nls_label(agent->nls));
	return rc == -ENODEV ? 0 : rc;
}

/* Of the machine itself: whoever it belongs to cannot be told from the network everything else hangs on. */
static bool is_hosts_own(const struct sl_netns_id *workload)
{
	struct sl_netns_id first;
	int fd = sl_netns_open_pid(1, NULL), rc;

	/* Where the first process cannot be looked at it is not known, and not claimed. */
	if (fd < 0)
		return false;
	rc = sl_netns_id(fd, &first);
	close(fd);
	return !rc && sl_netns_same(workload, &first);
}

int refuse_request_all(const struct port_request *request, const struct port_side *agent,
		       struct refusals *ret, struct sl_err *err)
{
	struct sl_netns_id workload_id, agent_id;
	int rc;

	rc = sl_netns_id(request->workload_ns, &workload_id);
	if (!rc)
		rc = sl_netns_id(request->agent_ns, &agent_id);
	if (rc)
		return sl_errno(err, -rc, "cannot identify the network namespace of %s",
				request->workload_label);
	if (sl_netns_same(&workload_id, &agent_id))
		refusals_add(ret, EINVAL,
			     "%s shares its network namespace with sluiced itself; only ports of other "
			     "namespaces can be taken",
			     request->workload_label);
	else if (is_hosts_own(&workload_id))
		refusals_add(ret, EINVAL,
			     "%s is in the host's own network namespace (that of process 1), whose ports are "
			     "not a workload's; start it with a network namespace of its own",
			     request->workload_label);
	if (!strcmp(request->name, "lo"))
		refusals_add(ret, EINVAL, "lo of %s never leaves its namespace and cannot be taken",
			     request->workload_label);
	if (!strcmp(request->vex_name, request->vin_name))
		refusals_add(ret, EINVAL, "%s cannot be the name of both new interfaces", request->vex_name);
	rc = refuse_taken_name(agent, request->vex_name, ret, err);
	return rc ? rc : refuse_taken_name(agent, request->vin_name, ret, err);
}

void refuse_fit_all(const struct port_request *request, const struct port_snapshot *port,
		    struct refusals *ret)
{
	if (request->max_mtu && port->link.mtu > request->max_mtu)
		refusals_add(ret, EMSGSIZE,
			     "%s in %s has an MTU of %u, more than the %u of the bridge; start sluiced with "
			     "--mtu 9216",
			     request->name, request->workload_label, port->link.mtu, request->max_mtu);
	if (!port->link.mac_valid)
		refusals_add(ret, EOPNOTSUPP, "%s in %s has no Ethernet address", request->name,
			     request->workload_label);
}

struct above {
	const struct port_side *workload;
	const struct port_snapshot *port;
	struct refusals *ret;
};

static int visit_above(void *context, struct nlmsghdr *message)
{
	const struct above *above = context;
	__u32 port = above->port->link.ifindex, below = 0;
	struct nlattr *info, *data = NULL;
	struct link_info link;

	if (link_parse(message, &link) || link.ifindex == port)
		return 0;
	info = message_attr(message, LINK_HEADER, IFLA_LINKINFO);
	/* A vxlan tells in a place of its own where it goes out by, and dies with it. */
	if (info && !strcmp(link.kind, "vxlan"))
		data = nla_find(nla_data(info), nla_len(info), IFLA_INFO_DATA);
	if (data)
		data = nla_find(nla_data(data), nla_len(data), IFLA_VXLAN_LINK);
	if (data && nla_len(data) >= (int)sizeof(__u32))
		below = nla_get_u32(data);
	/* A veth's "link" is its peer, which stands beside the port and not on top of it. */
	else if (link.peer_nsid < 0 && strcmp(link.kind, "veth") != 0)
		below = link.peer_ifindex;
	if (link.master == port || below == port)
		refusals_add(above->ret, EBUSY,
			     "%s in %s has %s (%s) on top of it, which would be lost; remove %s first, or "
			     "take the port by "
			     "the host's side",
			     above->port->link.name, nls_label(above->workload->nls), link.name,
			     link.kind[0] ? link.kind : "no virtual interface", link.name);
	return 0;
}

static int refuse_devices_on_top(const struct port_side *workload, const struct port_snapshot *port,
				 struct refusals *ret, struct sl_err *err)
{
	struct above above = { workload, port, ret };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP);
	struct ifinfomsg body = { 0 };

	if (msg)
		nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO);
	return nls_dump(workload->nls, msg, visit_above, &above, err, "list the interfaces");
}

static int refuse_qdiscs(const struct port_side *workload, const struct port_snapshot *port,
			 struct refusals *ret, struct sl_err *err)
{
	const char *name = port->link.name, *where = nls_label(workload->nls);
	size_t i;
	int rc;

	for (i = 0; i < port->qdiscs.n; i++) {
		const char *obstacle = qdisc_obstacle(port->qdiscs.item[i]);

		if (obstacle)
			refusals_add(ret, EBUSY,
				     "%s in %s has a %s qdisc, %s; remove it first (tc qdisc del)", name,
				     where, qdisc_name(port->qdiscs.item[i]), obstacle);
	}
	rc = qdisc_has_filters(workload->nls, port->link.ifindex, &port->qdiscs, err);
	if (rc > 0)
		refusals_add(
			ret, EBUSY,
			"%s in %s has filters on its %s qdisc, which cannot be carried over; remove them "
			"first (tc filter del)",
			name, where, qdisc_name(port->qdiscs.item[0]));
	return rc < 0 ? rc : 0;
}

static int refuse_nft_hooks(const struct port_side *workload, const struct port_snapshot *port,
			    struct refusals *ret, struct sl_err *err)
{
	const char *name = port->link.name;
	char hook[128];
	int rc = nft_hook_find(workload->fd, name, hook, sizeof(hook), err);

	if (rc > 0)
		refusals_add(ret, EBUSY,
			     "%s in %s has a hook of nftables (%s), which would be lost; remove it first",
			     name, nls_label(workload->nls), hook);
	return rc < 0 ? rc : 0;
}

static void refuse_content(const struct port_side *workload, const struct port_snapshot *port,
			   struct refusals *ret)
{
	const char *name = port->link.name, *where = nls_label(workload->nls), *routing;
	static const char *const families[] = { "net/ipv4/conf", SYSCTLS_IPV6 };
	char text[160];
	size_t i;

	for (i = 0; i < port->addrs.n; i++) {
		if (!addr_is_temporary(port->addrs.item[i]))
			continue;
		refusals_add(ret, EOPNOTSUPP,
			     "%s in %s has temporary (privacy) IPv6 addresses, which only the kernel can "
			     "make; set its use_tempaddr sysctl to 0 first",
			     name, where);
		break;
	}
	for (i = 0; i < port->routes.n; i++) {
		if (!route_has_program(port->routes.item[i]))
			continue;
		route_kind.describe(port->routes.item[i], text, sizeof(text));
		refusals_add(
			ret, EOPNOTSUPP,
			"route %s by %s in %s runs a BPF program (encap bpf), which cannot be read back; "
			"remove the route first",
			text, name, where);
	}
	for (i = 0; i < 2; i++) {
		routing = sysctls_value(&port->sysctls, families[i], "mc_forwarding");
		if (routing && strcmp(routing, "0") != 0)
			refusals_add(ret, EBUSY,
				     "a multicast router's socket holds %s in %s, which would be lost; stop "
				     "that program first",
				     name, where);
	}
}

static bool flag_is_set(const struct nlmsghdr *link, int type)
{
	struct nlattr *attr = message_attr(link, LINK_HEADER, type);

	return attr && nla_len(attr) && nla_get_u8(attr);
}

static void refuse_kind(const struct port_side *workload, const struct port_snapshot *port,
			struct refusals *ret)
{
	const struct nlmsghdr *link = port->link_message.item[0];
	const char *name = port->link.name, *where = nls_label(workload->nls), *kind = port->link.kind;

	if (message_attr(link, LINK_HEADER, IFLA_PHYS_PORT_ID) ||
	    message_attr(link, LINK_HEADER, IFLA_PHYS_SWITCH_ID) || !kind[0])
		refusals_add(ret, EOPNOTSUPP,
			     "%s in %s is not a virtual interface but a device's own port or function "
			     "(physical, SR-IOV); only veth and macvlan ports can be taken",
			     name, where);
	else if (strcmp(kind, "veth") != 0 && strcmp(kind, "macvlan") != 0)
		refusals_add(ret, EOPNOTSUPP,
			     "%s in %s is of kind %s; only veth and macvlan ports can be taken%s", name,
			     where, kind,
			     strcmp(kind, "vlan") ? "" : ", and of a VLAN device the port below it");
	if (flag_is_set(link, IFLA_PROTO_DOWN))
		refusals_add(
			ret, EBUSY,
			"%s in %s is held down by protodown, which a veth in its place cannot be; switch "
			"it off first",
			name, where);
	if (flag_is_set(link, ATTR_NETNS_IMMUTABLE))
		refusals_add(ret, EOPNOTSUPP, "%s in %s may not leave its namespace, says its driver", name,
			     where);
}

int refuse_port_all(const struct port_side *workload, const struct port_snapshot *port, struct refusals *ret,
		    struct sl_err *err)
{
	const char *name = port->link.name, *where = nls_label(workload->nls);
	struct port_programs programs;
	struct link_info master;
	int rc;

	refuse_kind(workload, port, ret);
	if (port->link.master) {
		rc = link_find(workload->nls, NULL, port->link.master, &master, err);
		if (rc)
			return rc;
		refusals_add(ret, EBUSY, "%s in %s is a port of %s (%s); take it out of there first", name,
			     where, master.name, master.kind);
	}
	rc = refuse_devices_on_top(workload, port, ret, err);
	if (!rc)
		rc = programs_find(workload, port, &programs, err);
	if (rc)
		return rc;
	if (programs.xdp)
		refusals_add(ret, EBUSY, "%s in %s has an XDP program, which would be lost; detach it first",
			     name, where);
	if (programs.tcx)
		refusals_add(ret, EBUSY, "%s in %s has a tcx program, which would be lost; detach it first",
			     name, where);
	rc = refuse_qdiscs(workload, port, ret, err);
	if (!rc)
		rc = refuse_nft_hooks(workload, port, ret, err);
	if (!rc)
		refuse_content(workload, port, ret);
	return rc;
}

static int first_of(int rc, const struct refusals *list, struct sl_err *err)
{
	if (rc)
		return rc;
	return list->n ? sl_err(err, list->item[0].code, "%s", list->item[0].text) : 0;
}

int refuse_request(const struct port_request *request, const struct port_side *agent, struct sl_err *err)
{
	struct refusals *list = calloc(1, sizeof(*list));
	int rc;

	if (!list)
		return sl_err(err, ENOMEM, "out of memory");
	rc = first_of(refuse_request_all(request, agent, list, err), list, err);
	free(list);
	return rc;
}

int refuse_port(const struct port_side *workload, const struct port_snapshot *port, struct sl_err *err)
{
	struct refusals *list = calloc(1, sizeof(*list));
	int rc;

	if (!list)
		return sl_err(err, ENOMEM, "out of memory");
	rc = first_of(refuse_port_all(workload, port, list, err), list, err);
	free(list);
	return rc;
}
