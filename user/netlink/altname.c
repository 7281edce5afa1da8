// SPDX-License-Identifier: BSD-2-Clause
/*
 * Alternative names travel with an interface into another namespace, where
 * they may be taken, and are unique within one.
 *
 * Invariant: a name is only ever taken from the interface it is asked to be
 * taken from, whoever else has it.
 */
#include "netlink/altname.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <string.h>

#define HEADER sizeof(struct ifinfomsg)

/* The next name behind `at` (NULL: the first), or NULL. */
static struct nlattr *next_name(const struct nlmsghdr *link, struct nlattr *at)
{
	struct nlattr *list = message_attr(link, HEADER, IFLA_PROP_LIST), *attr;
	bool behind = !at;
	int left;

	if (!list)
		return NULL;
	nla_for_each_nested (attr, list, left) {
		if (behind && nla_type(attr) == IFLA_ALT_IFNAME)
			return attr;
		behind |= attr == at;
	}
	return NULL;
}

static bool has_name(const struct nlmsghdr *link, const char *name)
{
	struct nlattr *attr = NULL;

	while ((attr = next_name(link, attr)))
		if (!strcmp(nla_data(attr), name))
			return true;
	return false;
}

static bool has_all_of(const struct nlmsghdr *a, const struct nlmsghdr *b)
{
	struct nlattr *attr = NULL;

	while ((attr = next_name(b, attr)))
		if (!has_name(a, nla_data(attr)))
			return false;
	return true;
}

bool altnames_same(const struct nlmsghdr *a, const struct nlmsghdr *b)
{
	return has_all_of(a, b) && has_all_of(b, a);
}

static int change(struct nls *nls, __u16 type, __u32 ifindex, const char *name, struct sl_err *err)
{
	struct ifinfomsg head = { .ifi_index = ifindex };
	bool remove = type == RTM_DELLINKPROP;
	struct nl_msg *msg =
		nlmsg_alloc_simple(type, NLM_F_REQUEST | (remove ? 0 : NLM_F_CREATE | NLM_F_EXCL));
	struct nlattr *list = NULL;

	if (msg && !nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO))
		list = nla_nest_start(msg, IFLA_PROP_LIST);
	if (list && !nla_put_string(msg, IFLA_ALT_IFNAME, name)) {
		nla_nest_end(msg, list);
	} else {
		nlmsg_free(msg);
		msg = NULL;
	}
	return nls_call(nls, msg, err, "%s alternative name %s %s interface number %u",
			remove ? "take" : "put", name, remove ? "from" : "onto", ifindex);
}

int altnames_put(struct nls *nls, const struct nlmsghdr *link, __u32 from, __u32 to, struct sl_err *err)
{
	struct nlattr *attr = NULL;
	int rc = 0;

	while (!rc && (attr = next_name(link, attr))) {
		rc = change(nls, RTM_NEWLINKPROP, to, nla_data(attr), err);
		if (rc != -EEXIST)
			continue;
		/* It has it already, or the port it stands in for has. */
		if (from != to)
			change(nls, RTM_DELLINKPROP, from, nla_data(attr), NULL);
		change(nls, RTM_DELLINKPROP, to, nla_data(attr), NULL);
		rc = change(nls, RTM_NEWLINKPROP, to, nla_data(attr), err);
	}
	return rc;
}

int altnames_remove(struct nls *nls, const struct nlmsghdr *link, struct sl_err *err)
{
	const struct ifinfomsg *body = nlmsg_data(link);
	struct nlattr *attr = NULL;
	int rc = 0;

	while (!rc && (attr = next_name(link, attr)))
		rc = change(nls, RTM_DELLINKPROP, body->ifi_index, nla_data(attr), err);
	return rc;
}
