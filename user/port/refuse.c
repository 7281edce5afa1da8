// SPDX-License-Identifier: BSD-2-Clause
/*
 * Saying no in time.
 *
 * Invariant: nothing is changed here, and everything that the rest of this
 * folder would silently lose is refused here, with the way out in the text.
 */
#include "port/refuse.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <string.h>

#include "netlink/address.h"
#include "netlink/route.h"

/* Newer than the distribution's headers; the numbers are the kernel's ABI. */
#define ATTACH_TCX_INGRESS 46
#define ATTACH_TCX_EGRESS 47

static int refuse_taken_name(const struct port_side *agent, const char *name, struct sl_err *err)
{
	struct link_info link;
	int rc = link_find(agent->nls, name, 0, &link, err);

	if (!rc)
		return sl_err(err, EEXIST, "there is already an interface %s in %s", name,
			      nls_label(agent->nls));
	return rc == -ENODEV ? 0 : rc;
}

int refuse_request(const struct port_request *request, const struct port_side *agent, struct sl_err *err)
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
		return sl_err(err, EINVAL,
			      "%s shares its network namespace with sluiced itself; only ports of other "
			      "namespaces can be taken",
			      request->workload_label);
	if (!strcmp(request->name, "lo"))
		return sl_err(err, EINVAL, "lo of %s never leaves its namespace and cannot be taken",
			      request->workload_label);
	if (!strcmp(request->vex_name, request->vin_name))
		return sl_err(err, EINVAL, "%s cannot be the name of both new interfaces", request->vex_name);
	rc = refuse_taken_name(agent, request->vex_name, err);
	return rc ? rc : refuse_taken_name(agent, request->vin_name, err);
}

struct above {
	__u32 ifindex;
	char name[IFNAMSIZ];
};

static int visit_above(void *context, const struct link_info *link)
{
	struct above *above = context;

	if (link->ifindex == above->ifindex || above->name[0])
		return 0;
	/* A veth's "link" is its peer, which stands beside the port and not on top of it. */
	if (link->master == above->ifindex ||
	    (link->peer_ifindex == above->ifindex && link->peer_nsid < 0 && strcmp(link->kind, "veth")))
		strcpy(above->name, link->name);
	return 0;
}

static int refuse_devices_on_top(const struct port_side *workload, const struct port_snapshot *port,
				 struct sl_err *err)
{
	struct above above = { .ifindex = port->link.ifindex };
	int rc = link_list(workload->nls, visit_above, &above, err);

	if (!rc && above.name[0])
		return sl_err(err, EBUSY,
			      "%s in %s has %s on top of it, which would be lost; remove %s first",
			      port->link.name, nls_label(workload->nls), above.name, above.name);
	return rc;
}

struct qdisc_find {
	__u32 ifindex;
	char kind[16];
};

static int visit_qdisc(void *context, struct nlmsghdr *message)
{
	struct qdisc_find *find = context;
	const struct tcmsg *tc = nlmsg_data(message);
	struct nlattr *kind;

	if (message->nlmsg_type != RTM_NEWQDISC || !nlmsg_valid_hdr(message, sizeof(*tc)) ||
	    (__u32)tc->tcm_ifindex != find->ifindex || find->kind[0])
		return 0;
	kind = message_attr(message, sizeof(*tc), TCA_KIND);
	/* Those the kernel sets up by itself have no handle. */
	if (kind && tc->tcm_handle)
		nla_strlcpy(find->kind, kind, sizeof(find->kind));
	return 0;
}

static int refuse_qdisc(const struct port_side *workload, const struct port_snapshot *port,
			struct sl_err *err)
{
	struct qdisc_find find = { .ifindex = port->link.ifindex };
	struct tcmsg body = { .tcm_ifindex = port->link.ifindex };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETQDISC, NLM_F_REQUEST | NLM_F_DUMP);
	int rc;

	if (msg)
		nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO);
	rc = nls_dump(workload->nls, msg, visit_qdisc, &find, err, "read the qdiscs of %s", port->link.name);
	if (!rc && find.kind[0])
		return sl_err(err, EBUSY,
			      "%s in %s has a %s qdisc, which cannot be carried over; remove it first "
			      "(tc qdisc del)",
			      port->link.name, nls_label(workload->nls), find.kind);
	return rc;
}

static int visit_nexthop(void *context, struct nlmsghdr *message)
{
	struct above *above = context;

	if (message->nlmsg_type == RTM_NEWNEXTHOP &&
	    message_u32(message, sizeof(struct nhmsg), NHA_OIF, 0) == above->ifindex)
		above->name[0] = 'n';
	return 0;
}

static int refuse_nexthop_objects(const struct port_side *workload, const struct port_snapshot *port,
				  struct sl_err *err)
{
	struct above above = { .ifindex = port->link.ifindex };
	struct nhmsg body = { 0 };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETNEXTHOP, NLM_F_REQUEST | NLM_F_DUMP);
	int rc;

	if (msg)
		nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO);
	rc = nls_dump(workload->nls, msg, visit_nexthop, &above, err, "read the nexthops");
	/* A kernel without nexthop objects has none. */
	if (rc)
		return rc == -EOPNOTSUPP ? 0 : rc;
	if (above.name[0])
		return sl_err(
			err, EOPNOTSUPP,
			"%s in %s is used by a nexthop object (ip nexthop), which cannot be carried over",
			port->link.name, nls_label(workload->nls));
	return 0;
}

static int refuse_programs(const struct port_side *workload, const struct port_snapshot *port,
			   struct sl_err *err)
{
	const struct nlmsghdr *message = port->link_message.item[0];
	struct nlattr *xdp = message_attr(message, sizeof(struct ifinfomsg), IFLA_XDP);
	struct nlattr *attached = NULL;
	unsigned int i;
	int token;

	if (xdp)
		attached = nla_find(nla_data(xdp), nla_len(xdp), IFLA_XDP_ATTACHED);
	if (attached && nla_get_u8(attached) != XDP_ATTACHED_NONE)
		return sl_err(err, EBUSY, "%s in %s has an XDP program, which would be lost; detach it first",
			      port->link.name, nls_label(workload->nls));
	token = sl_netns_enter(workload->fd, err);
	if (token < 0)
		return token;
	for (i = ATTACH_TCX_INGRESS; i <= ATTACH_TCX_EGRESS; i++) {
		__u32 ids[64], n = 64;

		/* A kernel without tcx refuses the question: then there is none. */
		if (bpf_prog_query(port->link.ifindex, i, 0, NULL, ids, &n) && errno != ENOSPC)
			n = 0;
		if (n)
			break;
	}
	sl_netns_leave(token);
	if (i <= ATTACH_TCX_EGRESS)
		return sl_err(err, EBUSY, "%s in %s has a tcx program, which would be lost; detach it first",
			      port->link.name, nls_label(workload->nls));
	return 0;
}

static int refuse_content(const struct port_side *workload, const struct port_snapshot *port,
			  struct sl_err *err)
{
	size_t i;

	for (i = 0; i < port->addrs.n; i++)
		if (addr_is_temporary(port->addrs.item[i]))
			return sl_err(
				err, EOPNOTSUPP,
				"%s in %s has temporary (privacy) IPv6 addresses, which only the kernel "
				"can make; set its use_tempaddr sysctl to 0 first",
				port->link.name, nls_label(workload->nls));
	if (message_attr(port->link_message.item[0], sizeof(struct ifinfomsg), IFLA_PROP_LIST))
		return sl_err(err, EOPNOTSUPP,
			      "%s in %s has alternative names, which cannot be carried over yet; remove them "
			      "first (ip link property del)",
			      port->link.name, nls_label(workload->nls));
	return 0;
}

int refuse_port(const struct port_side *workload, const struct port_snapshot *port, struct sl_err *err)
{
	const char *name = port->link.name, *where = nls_label(workload->nls);
	struct link_info master;
	int rc;

	if (strcmp(port->link.kind, "veth"))
		return sl_err(err, EOPNOTSUPP, "%s in %s is %s%s, only veth ports can be taken", name, where,
			      port->link.kind[0] ? "of kind " : "not a virtual interface", port->link.kind);
	if (port->link.master) {
		rc = link_find(workload->nls, NULL, port->link.master, &master, err);
		if (rc)
			return rc;
		return sl_err(err, EBUSY, "%s in %s is a port of %s; take it out of there first", name, where,
			      master.name);
	}
	rc = refuse_devices_on_top(workload, port, err);
	if (!rc)
		rc = refuse_programs(workload, port, err);
	if (!rc)
		rc = refuse_qdisc(workload, port, err);
	if (!rc)
		rc = refuse_nexthop_objects(workload, port, err);
	if (!rc)
		rc = refuse_content(workload, port, err);
	return rc;
}
