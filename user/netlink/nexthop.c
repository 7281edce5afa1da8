// SPDX-License-Identifier: BSD-2-Clause
/*
 * Nexthop objects: the kernel's RTM_NEWNEXTHOP messages kept and sent back.
 *
 * The kernel drops an object with its interface, a group with its last member
 * and every route with what it goes by.
 *
 * Invariant: an id means the same before and after. A group that kept some of
 * its members is replaced, so the routes that still use it stay.
 */
#include "netlink/nexthop.h"

#include <errno.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>

#include "netlink/route.h"

#define HEADER sizeof(struct nhmsg)
/* Told, not taken; newer than the distribution's headers, the numbers are the kernel's ABI. */
#define ATTR_OP_FLAGS 14
#define ATTR_GROUP_STATS 15
#define ATTR_HW_STATS_USED 17

static struct nhmsg *body(const struct nlmsghdr *message)
{
	return nlmsg_data(message);
}

static __u32 id_of(const struct nlmsghdr *message)
{
	return message_u32(message, HEADER, NHA_ID, 0);
}

static int visit_all(void *context, struct nlmsghdr *message)
{
	if (message->nlmsg_type != RTM_NEWNEXTHOP || !nlmsg_valid_hdr(message, HEADER))
		return 0;
	return msgs_add(context, message);
}

/* Is one of `list` a member? */
static bool holds_one_of(const struct nlmsghdr *group, const struct msgs *list)
{
	struct nlattr *attr = message_attr(group, HEADER, NHA_GROUP);
	const struct nexthop_grp *member = attr ? nla_data(attr) : NULL;
	size_t n = attr ? nla_len(attr) / sizeof(*member) : 0, i, j;

	for (i = 0; i < n; i++)
		for (j = 0; j < list->n; j++)
			if (member[i].id == id_of(list->item[j]))
				return true;
	return false;
}

static int dump(struct nls *nls, __u32 ifindex, struct msgs *ret, struct sl_err *err)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETNEXTHOP, NLM_F_REQUEST | NLM_F_DUMP);
	struct msgs all = MSGS_NONE, groups = MSGS_NONE;
	struct nhmsg request = { 0 };
	size_t i;
	int rc;

	if (msg)
		nlmsg_append(msg, &request, sizeof(request), NLMSG_ALIGNTO);
	rc = nls_dump(nls, msg, visit_all, &all, err, "read the nexthop objects");
	/* A kernel without nexthop objects has none. */
	if (rc == -EOPNOTSUPP)
		rc = 0;
	for (i = 0; !rc && i < all.n; i++)
		if (message_u32(all.item[i], HEADER, NHA_OIF, 0) == ifindex)
			rc = msgs_add(ret, all.item[i]);
	for (i = 0; !rc && i < all.n; i++)
		if (holds_one_of(all.item[i], ret))
			rc = msgs_add(&groups, all.item[i]);
	for (i = 0; !rc && i < groups.n; i++)
		rc = msgs_add(ret, groups.item[i]);
	if (rc == -ENOMEM)
		sl_err(err, ENOMEM, "out of memory for the nexthop objects of %s", nls_label(nls));
	msgs_clear(&groups);
	msgs_clear(&all);
	return rc;
}

static void normalize(struct nlmsghdr *message, __u32 ifindex)
{
	struct nlattr *oif = message_attr(message, HEADER, NHA_OIF);
	struct nlattr *resilient = message_attr(message, HEADER, NHA_RES_GROUP), *time = NULL;

	if (oif && nla_get_u32(oif) == ifindex)
		memset(nla_data(oif), 0, sizeof(__u32));
	body(message)->nh_flags &= RTNH_F_ONLINK;
	if (resilient)
		time = nla_find(nla_data(resilient), nla_len(resilient), NHA_RES_GROUP_UNBALANCED_TIME);
	if (time)
		memset(nla_data(time), 0, nla_len(time));
}

static void describe(const struct nlmsghdr *message, char *text, size_t size)
{
	snprintf(text, size, "id %u", id_of(message));
}

static int remove_one(struct nls *nls, const struct nlmsghdr *message, struct sl_err *err)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_DELNEXTHOP, NLM_F_REQUEST);
	struct nhmsg head = { 0 };

	if (msg && (nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO) ||
		    nla_put_u32(msg, NHA_ID, id_of(message)))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return nls_call(nls, msg, err, "remove nexthop id %u", id_of(message));
}

/* How long a resilient group has been out of balance is told, but not taken. */
static int copy_resilient(struct nl_msg *msg, const struct nlattr *attr)
{
	struct nlattr *nest = nla_nest_start(msg, NHA_RES_GROUP), *inner;
	int left;

	if (!nest)
		return -ENOMEM;
	nla_for_each_nested (inner, attr, left)
		if (nla_type(inner) != NHA_RES_GROUP_UNBALANCED_TIME &&
		    nla_put(msg, nla_type(inner), nla_len(inner), nla_data(inner)))
			return -ENOMEM;
	nla_nest_end(msg, nest);
	return 0;
}

static int copy_attributes(struct nl_msg *msg, const struct nlmsghdr *message, __u32 from, __u32 to)
{
	struct nlattr *attr;
	int left, rc = 0;

	nlmsg_for_each_attr(attr, (struct nlmsghdr *)message, HEADER, left)
	{
		switch (nla_type(attr)) {
		case NHA_RES_GROUP:
			rc = copy_resilient(msg, attr);
			break;
		case NHA_OIF:
			rc = nla_put_u32(msg, NHA_OIF, nla_get_u32(attr) == from ? to : nla_get_u32(attr));
			break;
		case ATTR_OP_FLAGS:
		case ATTR_GROUP_STATS:
		case ATTR_HW_STATS_USED:
			break;
		default:
			rc = nla_put(msg, attr->nla_type, nla_len(attr), nla_data(attr));
		}
		if (rc)
			return -ENOMEM;
	}
	return 0;
}

static int put_once(struct nls *nls, const struct nlmsghdr *message, __u32 from, __u32 to, struct sl_err *err)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWNEXTHOP, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE);
	struct nhmsg head = {
		.nh_family = body(message)->nh_family,
		.nh_protocol = body(message)->nh_protocol,
		.nh_flags = body(message)->nh_flags & RTNH_F_ONLINK,
	};

	if (msg && (nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO) ||
		    copy_attributes(msg, message, from, to))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return nls_call(nls, msg, err, "put back nexthop id %u", id_of(message));
}

/* Also when nothing leads to its gateway: the kernel keeps such an object, but takes no new one. */
static int put(struct nls *nls, const struct nlmsghdr *message, __u32 from, __u32 to, struct sl_err *err)
{
	struct nlattr *gateway = message_attr(message, HEADER, NHA_GATEWAY);
	int rc;

	rc = put_once(nls, message, from, to, err);
	if (!rc || !gateway)
		return rc;
	route_hold_gateway(nls, gateway, to, true);
	rc = put_once(nls, message, from, to, err);
	route_hold_gateway(nls, gateway, to, false);
	return rc;
}

const struct object_kind nexthop_kind = {
	.name = "nexthop",
	.dump = dump,
	.normalize = normalize,
	.remove = remove_one,
	.describe = describe,
	.put = put,
};
