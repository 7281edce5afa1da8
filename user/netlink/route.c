// SPDX-License-Identifier: BSD-2-Clause
/*
 * Routes: the kernel's RTM_NEWROUTE messages kept and sent back.
 *
 * Invariant: nothing of a route is changed but the interface's index (in
 * RTA_OIF and in each nexthop of RTA_MULTIPATH) and the state bits that the
 * kernel reports but does not take (dead, linkdown, offloaded).
 */
#include "netlink/route.h"

#include <errno.h>
#include <linux/lwtunnel.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER sizeof(struct rtmsg)
#define FLAGS_KEPT (RTNH_F_ONLINK | RTNH_F_PERVASIVE)
#define SPARE 64 /* for RTA_EXPIRES */
#define HOLD_METRIC 0x736c7569 /* of a route that is there for a moment only: nobody else's */

static struct rtmsg *body(const struct nlmsghdr *message)
{
	return nlmsg_data(message);
}

bool route_is_kernels(const struct nlmsghdr *route)
{
	return body(route)->rtm_protocol == RTPROT_KERNEL;
}

bool route_comes_by_itself(const struct nlmsghdr *route)
{
	return route_is_kernels(route) && body(route)->rtm_family == AF_INET6 &&
	       !message_u32(route, HEADER, RTA_PRIORITY, 0);
}

bool route_uses_nexthop_object(const struct nlmsghdr *route)
{
	return message_attr(route, HEADER, RTA_NH_ID) != NULL;
}

/* Calls visit on each nexthop of RTA_MULTIPATH; stops when it returns true. */
static bool each_nexthop(const struct nlmsghdr *message, bool (*visit)(struct rtnexthop *hop, void *context),
			 void *context)
{
	struct nlattr *attr = message_attr(message, HEADER, RTA_MULTIPATH);
	struct rtnexthop *hop;
	int left;

	if (!attr)
		return false;
	hop = nla_data(attr);
	left = nla_len(attr);
	while (left >= (int)sizeof(*hop) && hop->rtnh_len >= sizeof(*hop) && hop->rtnh_len <= left) {
		if (visit(hop, context))
			return true;
		left -= RTNH_ALIGN(hop->rtnh_len);
		hop = RTNH_NEXT(hop);
	}
	return false;
}

static bool hop_is_on(struct rtnexthop *hop, void *context)
{
	return (__u32)hop->rtnh_ifindex == *(__u32 *)context;
}

static bool hop_is_elsewhere(struct rtnexthop *hop, void *context)
{
	return (__u32)hop->rtnh_ifindex != *(__u32 *)context;
}

struct patch {
	__u32 from, to;
};

static bool hop_patch(struct rtnexthop *hop, void *context)
{
	const struct patch *patch = context;

	if ((__u32)hop->rtnh_ifindex == patch->from)
		hop->rtnh_ifindex = patch->to;
	hop->rtnh_flags &= FLAGS_KEPT;
	return false;
}

static void patch_interface(struct nlmsghdr *message, __u32 from, __u32 to)
{
	struct patch patch = { from, to };
	struct nlattr *attr = message_attr(message, HEADER, RTA_OIF);

	if (attr && nla_get_u32(attr) == from)
		memcpy(nla_data(attr), &to, sizeof(to));
	body(message)->rtm_flags &= FLAGS_KEPT;
	each_nexthop(message, hop_patch, &patch);
}

struct filter {
	__u32 ifindex;
	const struct msgs *addrs; /* of route_dump_leaning() */
	struct msgs *ret;
};

/* With net.ipv4.nexthop_compat_mode=0. The kernel has looked behind the object: it was asked for this interface. */
static bool says_only_its_object(const struct nlmsghdr *route)
{
	return route_uses_nexthop_object(route) && !message_attr(route, HEADER, RTA_OIF) &&
	       !message_attr(route, HEADER, RTA_MULTIPATH);
}

static int visit_route(void *context, struct nlmsghdr *message)
{
	struct filter *filter = context;

	if (message->nlmsg_type != RTM_NEWROUTE || !nlmsg_valid_hdr(message, HEADER) ||
	    (body(message)->rtm_flags & RTM_F_CLONED))
		return 0;
	if (message_u32(message, HEADER, RTA_OIF, 0) != filter->ifindex &&
	    !each_nexthop(message, hop_is_on, &filter->ifindex) && !says_only_its_object(message))
		return 0;
	return msgs_add(filter->ret, message);
}

static int dump(struct nls *nls, __u32 ifindex, struct msgs *ret, struct sl_err *err)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct filter filter = { .ifindex = ifindex, .ret = ret };
	unsigned int i;
	int rc;

	for (i = 0; i < 2; i++) {
		struct rtmsg request = { .rtm_family = families[i] };
		struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP);

		if (msg && (nlmsg_append(msg, &request, sizeof(request), NLMSG_ALIGNTO) ||
			    nla_put_u32(msg, RTA_OIF, ifindex))) {
			nlmsg_free(msg);
			msg = NULL;
		}
		rc = nls_dump(nls, msg, visit_route, &filter, err, "read the routes of interface %u",
			      ifindex);
		/* No IPv6 in this kernel: no routes. */
		if (rc && rc != -EOPNOTSUPP && rc != -EAFNOSUPPORT)
			return rc;
	}
	return 0;
}

/*
 * An IPv4 route by another interface that prefers one of these addresses as
 * its source. The kernel keeps its own of that sort along with the address.
 */
static int visit_leaning(void *context, struct nlmsghdr *message)
{
	struct filter *filter = context;
	struct nlattr *source = message_attr(message, HEADER, RTA_PREFSRC), *local;
	size_t i;

	if (message->nlmsg_type != RTM_NEWROUTE || !source || route_is_kernels(message) ||
	    message_u32(message, HEADER, RTA_OIF, 0) == filter->ifindex ||
	    each_nexthop(message, hop_is_on, &filter->ifindex))
		return 0;
	for (i = 0; i < filter->addrs->n; i++) {
		local = message_attr(filter->addrs->item[i], sizeof(struct ifaddrmsg), IFA_LOCAL);
		if (local && nla_len(local) == nla_len(source) &&
		    !memcmp(nla_data(local), nla_data(source), nla_len(source)))
			return msgs_add(filter->ret, message);
	}
	return 0;
}

int route_dump_leaning(struct nls *nls, __u32 ifindex, const struct msgs *addrs, struct msgs *ret,
		       struct sl_err *err)
{
	struct filter filter = { ifindex, addrs, ret };
	struct rtmsg request = { .rtm_family = AF_INET };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP);

	if (msg)
		nlmsg_append(msg, &request, sizeof(request), NLMSG_ALIGNTO);
	return nls_dump(nls, msg, visit_leaning, &filter, err, "read the IPv4 routes");
}

static void normalize(struct nlmsghdr *message, __u32 ifindex)
{
	struct nlattr *attr = message_attr(message, HEADER, RTA_CACHEINFO);

	patch_interface(message, ifindex, 0);
	if (attr && nla_len(attr) >= (int)sizeof(struct rta_cacheinfo)) {
		struct rta_cacheinfo info;
		bool expires;

		memcpy(&info, nla_data(attr), sizeof(info));
		expires = info.rta_expires != 0;
		memset(nla_data(attr), 0, nla_len(attr));
		memcpy(nla_data(attr), &expires, sizeof(expires));
	}
}

static void describe(const struct nlmsghdr *message, char *text, size_t size)
{
	struct nlattr *gateway = message_attr(message, HEADER, RTA_GATEWAY);
	int family = body(message)->rtm_family;
	char dst[64] = "default", via[64] = "";

	if (body(message)->rtm_dst_len)
		address_text(family, message_attr(message, HEADER, RTA_DST), body(message)->rtm_dst_len, dst,
			     sizeof(dst));
	if (gateway)
		address_text(family, gateway, -1, via, sizeof(via));
	snprintf(text, size, "%s%s%s table %u proto %u", dst, gateway ? " via " : "", via,
		 message_u32(message, HEADER, RTA_TABLE, body(message)->rtm_table),
		 body(message)->rtm_protocol);
}

static int remove_one(struct nls *nls, const struct nlmsghdr *message, struct sl_err *err)
{
	struct nl_msg *msg = message_copy(message, RTM_DELROUTE, 0, 0);
	char text[160];

	if (msg)
		body(nlmsg_hdr(msg))->rtm_flags &= FLAGS_KEPT;
	describe(message, text, sizeof(text));
	return nls_call(nls, msg, err, "remove route %s", text);
}

/* The kernel tells the rest of a lifetime in one attribute and takes it in another. */
static int add_expiry(struct nl_msg *msg, const struct nlmsghdr *route)
{
	struct nlattr *attr = message_attr(route, HEADER, RTA_CACHEINFO);
	struct rta_cacheinfo info;
	long ticks = sysconf(_SC_CLK_TCK);
	__s32 left;

	if (body(route)->rtm_family != AF_INET6 || !attr || nla_len(attr) < (int)sizeof(info) || ticks <= 0)
		return 0;
	memcpy(&info, nla_data(attr), sizeof(info));
	left = (__s32)info.rta_expires / ticks;
	if (!info.rta_expires)
		return 0;
	return nla_put_u32(msg, RTA_EXPIRES, left > 0 ? left : 1);
}

/* A route by a nexthop object tells where that leads, but must not be told. */
static struct nl_msg *copy_without_hops(const struct nlmsghdr *route, __u16 flags)
{
	struct nl_msg *msg = nlmsg_alloc_size(NLMSG_ALIGN(route->nlmsg_len) + SPARE);
	struct rtmsg head = *body(route);
	struct nlattr *attr;
	int left;

	head.rtm_flags = 0;
	if (!msg)
		return NULL;
	if (!nlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, RTM_NEWROUTE, 0, NLM_F_REQUEST | flags) ||
	    nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO))
		goto fail;
	nlmsg_for_each_attr(attr, (struct nlmsghdr *)route, HEADER, left)
	{
		switch (nla_type(attr)) {
		case RTA_OIF:
		case RTA_GATEWAY:
		case RTA_VIA:
		case RTA_MULTIPATH:
		case RTA_ENCAP:
		case RTA_ENCAP_TYPE:
			continue;
		}
		if (nla_put(msg, attr->nla_type, nla_len(attr), nla_data(attr)))
			goto fail;
	}
	return msg;
fail:
	nlmsg_free(msg);
	return NULL;
}

static bool hop_has_program(struct rtnexthop *hop, void *context)
{
	struct nlattr *attr = nla_find((struct nlattr *)RTNH_DATA(hop),
				       (int)hop->rtnh_len - (int)sizeof(*hop), RTA_ENCAP_TYPE);

	(void)context;
	return attr && nla_get_u16(attr) == LWTUNNEL_ENCAP_BPF;
}

bool route_has_program(const struct nlmsghdr *route)
{
	struct nlattr *attr = message_attr(route, HEADER, RTA_ENCAP_TYPE);

	return (attr && nla_get_u16(attr) == LWTUNNEL_ENCAP_BPF) ||
	       each_nexthop(route, hop_has_program, NULL);
}

static int put(struct nls *nls, const struct nlmsghdr *route, __u32 from, __u32 ifindex, __u16 mode,
	       struct sl_err *err)
{
	struct nl_msg *msg = route_uses_nexthop_object(route)
				     ? copy_without_hops(route, NLM_F_CREATE | mode)
				     : message_copy(route, RTM_NEWROUTE, NLM_F_CREATE | mode, SPARE);
	char text[160];

	if (msg) {
		patch_interface(nlmsg_hdr(msg), from, ifindex);
		if (add_expiry(msg, route)) {
			nlmsg_free(msg);
			msg = NULL;
		}
	}
	describe(route, text, sizeof(text));
	return nls_call(nls, msg, err, "put back route %s", text);
}

int route_put(struct nls *nls, const struct nlmsghdr *route, __u32 from, __u32 ifindex, struct sl_err *err)
{
	int rc;

	/* Appended, so that equal destinations keep the order they had in the dump. */
	rc = put(nls, route, from, ifindex, NLM_F_APPEND, err);
	if (rc != -EEXIST)
		return rc;
	/*
	 * IPv4 says so of the very same route only, and then has nothing to add. Told to replace, it would look at
	 * the first of equal ones, which may be what an interface put down has left of it, and complain again.
	 */
	if (body(route)->rtm_family == AF_INET)
		return 0;
	/* IPv6 also of one nexthop: those by other interfaces have stayed, and are in the way. */
	if (each_nexthop(route, hop_is_elsewhere, &from))
		return put(nls, route, from, ifindex, NLM_F_REPLACE, err);
	return 0;
}

struct hold {
	struct nls *nls;
	__u32 from, to;
	bool on;
};

void route_hold_gateway(struct nls *nls, const struct nlattr *gateway, __u32 ifindex, bool on)
{
	struct rtmsg head = {
		.rtm_family = nla_len(gateway) == 4 ? AF_INET : AF_INET6,
		.rtm_dst_len = nla_len(gateway) * 8,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_LINK,
		.rtm_type = RTN_UNICAST,
	};
	struct nl_msg *msg = nlmsg_alloc_simple(on ? RTM_NEWROUTE : RTM_DELROUTE,
						NLM_F_REQUEST | (on ? NLM_F_CREATE | NLM_F_EXCL : 0));

	if (msg && (nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO) ||
		    nla_put(msg, RTA_DST, nla_len(gateway), nla_data(gateway)) ||
		    nla_put_u32(msg, RTA_OIF, ifindex) || nla_put_u32(msg, RTA_PRIORITY, HOLD_METRIC))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	/* If this does not help, putting what needs it says so. */
	nls_call(nls, msg, NULL, "reach a gateway");
}

static void hold_one(const struct hold *hold, const struct nlattr *gateway, __u32 ifindex)
{
	if (gateway && ifindex == hold->from)
		route_hold_gateway(hold->nls, gateway, hold->to, hold->on);
}

static bool hop_hold(struct rtnexthop *hop, void *context)
{
	hold_one(context,
		 nla_find((struct nlattr *)RTNH_DATA(hop), (int)hop->rtnh_len - (int)sizeof(*hop),
			  RTA_GATEWAY),
		 hop->rtnh_ifindex);
	return false;
}

int route_insist(struct nls *nls, const struct nlmsghdr *route, __u32 from, __u32 ifindex, struct sl_err *err)
{
	struct hold hold = { nls, from, ifindex, true };
	struct nlattr *gateway = message_attr(route, HEADER, RTA_GATEWAY);
	int rc;

	rc = route_put(nls, route, from, ifindex, err);
	if (!rc || route_uses_nexthop_object(route))
		return rc;
	hold_one(&hold, gateway, message_u32(route, HEADER, RTA_OIF, 0));
	each_nexthop(route, hop_hold, &hold);
	rc = route_put(nls, route, from, ifindex, err);
	hold.on = false;
	hold_one(&hold, gateway, message_u32(route, HEADER, RTA_OIF, 0));
	each_nexthop(route, hop_hold, &hold);
	return rc;
}

int route_replay(struct nls *nls, const struct msgs *routes, bool kernels, __u32 from, __u32 ifindex,
		 struct sl_err *err)
{
	const struct nlmsghdr **waiting;
	size_t n = 0, left, i;
	int rc = 0;

	waiting = calloc(routes->n + 1, sizeof(*waiting));
	if (!waiting)
		return sl_err(err, ENOMEM, "out of memory for %zu routes", routes->n);
	for (i = 0; i < routes->n; i++)
		if (kernels || !route_is_kernels(routes->item[i]))
			waiting[n++] = routes->item[i];
	while (n) {
		left = 0;
		for (i = 0; i < n; i++) {
			rc = route_put(nls, waiting[i], from, ifindex, err);
			if (rc)
				waiting[left++] = waiting[i];
		}
		rc = 0;
		if (left == n)
			break;
		n = left;
	}
	/* Nothing helps these any more but force. */
	for (i = 0; !rc && i < n; i++)
		rc = route_insist(nls, waiting[i], from, ifindex, err);
	free(waiting);
	return rc;
}

const struct object_kind route_kind = {
	.name = "route",
	.dump = dump,
	.normalize = normalize,
	.remove = remove_one,
	.describe = describe,
};
