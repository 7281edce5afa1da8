// SPDX-License-Identifier: BSD-2-Clause
/*
 * Interfaces by rtnetlink, few messages: every change that the kernel takes in
 * one message is sent in one, because each costs the workload time.
 *
 * Invariant: a message either takes effect as asked or the error names the
 * interface and the namespace; a lookup by name never matches an alternative
 * name.
 */
#include "netlink/link.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>

#include "netlink/messages.h"

#define HEADER sizeof(struct ifinfomsg)

static void parse_kind(struct nlattr *info, struct link_info *link)
{
	struct nlattr *kind = info ? nla_find(nla_data(info), nla_len(info), IFLA_INFO_KIND) : NULL;

	if (kind)
		nla_strlcpy(link->kind, kind, sizeof(link->kind));
}

int link_parse(struct nlmsghdr *message, struct link_info *ret)
{
	const struct ifinfomsg *body = nlmsg_data(message);
	struct link_info link = { 0 };
	struct nlattr *attr;

	if (message->nlmsg_type != RTM_NEWLINK || !nlmsg_valid_hdr(message, HEADER))
		return -EINVAL;
	attr = message_attr(message, HEADER, IFLA_IFNAME);
	if (!attr)
		return -EINVAL;
	nla_strlcpy(link.name, attr, sizeof(link.name));
	link.ifindex = body->ifi_index;
	link.flags = body->ifi_flags;
	parse_kind(message_attr(message, HEADER, IFLA_LINKINFO), &link);
	link.peer_ifindex = message_u32(message, HEADER, IFLA_LINK, 0);
	link.peer_nsid = (__s32)message_u32(message, HEADER, IFLA_LINK_NETNSID, (__u32)-1);
	link.master = message_u32(message, HEADER, IFLA_MASTER, 0);
	link.mtu = message_u32(message, HEADER, IFLA_MTU, 0);
	link.txqlen = message_u32(message, HEADER, IFLA_TXQLEN, 0);
	link.tx_queues = message_u32(message, HEADER, IFLA_NUM_TX_QUEUES, 1);
	link.rx_queues = message_u32(message, HEADER, IFLA_NUM_RX_QUEUES, 1);
	attr = message_attr(message, HEADER, IFLA_ADDRESS);
	if (attr && nla_len(attr) == SL_MAC_LEN) {
		memcpy(link.mac, nla_data(attr), SL_MAC_LEN);
		link.mac_valid = true;
	}
	*ret = link;
	return 0;
}

static int visit_keep(void *context, struct nlmsghdr *message)
{
	return message->nlmsg_type == RTM_NEWLINK ? msgs_add(context, message) : 0;
}

int link_message(struct nls *nls, const char *name, __u32 ifindex, struct msgs *ret, struct sl_err *err)
{
	struct ifinfomsg body = { .ifi_index = name ? 0 : (int)ifindex };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, NLM_F_REQUEST);
	struct nlattr *found;
	char what[64];
	int rc;

	if (name)
		snprintf(what, sizeof(what), "interface %s", name);
	else
		snprintf(what, sizeof(what), "interface number %u", ifindex);
	if (msg && (nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO) ||
		    (name && nla_put_string(msg, IFLA_IFNAME, name)))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	rc = nls_dump(nls, msg, visit_keep, ret, err, "find %s", what);
	if (rc == -ENODEV)
		return sl_err(err, ENODEV, "there is no %s in %s", what, nls_label(nls));
	if (rc)
		return rc;
	found = ret->n ? message_attr(ret->item[0], HEADER, IFLA_IFNAME) : NULL;
	/* Kernels also find an interface by an alternative name: that is not what was asked for. */
	if (!found || (name && strcmp(nla_data(found), name))) {
		msgs_clear(ret);
		return sl_err(err, ENODEV, "there is no %s in %s", what, nls_label(nls));
	}
	return 0;
}

int link_find(struct nls *nls, const char *name, __u32 ifindex, struct link_info *ret, struct sl_err *err)
{
	struct msgs messages = MSGS_NONE;
	int rc;

	rc = link_message(nls, name, ifindex, &messages, err);
	if (!rc && link_parse(messages.item[0], ret))
		rc = sl_err(err, EBADMSG, "the kernel's answer about an interface in %s makes no sense",
			    nls_label(nls));
	msgs_clear(&messages);
	return rc;
}

struct link_walk {
	int (*visit)(void *context, const struct link_info *link);
	void *context;
};

static int visit_link(void *context, struct nlmsghdr *message)
{
	struct link_walk *walk = context;
	struct link_info link;

	if (link_parse(message, &link))
		return 0;
	return walk->visit(walk->context, &link);
}

int link_list(struct nls *nls, int (*visit)(void *context, const struct link_info *link), void *context,
	      struct sl_err *err)
{
	struct link_walk walk = { visit, context };
	struct ifinfomsg body = { 0 };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP);

	if (msg)
		nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO);
	return nls_dump(nls, msg, visit_link, &walk, err, "list the interfaces");
}

static int put_end(struct nl_msg *msg, const struct veth_end *end)
{
	struct ifinfomsg body = { .ifi_index = end->ifindex };

	if (nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO) ||
	    nla_put_string(msg, IFLA_IFNAME, end->name) ||
	    (end->netns_fd >= 0 && nla_put_u32(msg, IFLA_NET_NS_FD, end->netns_fd)) ||
	    (end->mtu && nla_put_u32(msg, IFLA_MTU, end->mtu)) ||
	    (end->txqlen && nla_put_u32(msg, IFLA_TXQLEN, end->txqlen)) ||
	    (end->mac && nla_put(msg, IFLA_ADDRESS, SL_MAC_LEN, end->mac)) ||
	    (end->queues && (nla_put_u32(msg, IFLA_NUM_TX_QUEUES, end->queues) ||
			     nla_put_u32(msg, IFLA_NUM_RX_QUEUES, end->queues))))
		return -ENOMEM;
	return 0;
}

static int put_pair(struct nl_msg *msg, const struct veth_end *end, const struct veth_end *peer)
{
	struct nlattr *info, *data, *other;

	if (put_end(msg, end))
		return -ENOMEM;
	info = nla_nest_start(msg, IFLA_LINKINFO);
	if (!info || nla_put_string(msg, IFLA_INFO_KIND, "veth"))
		return -ENOMEM;
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	other = data ? nla_nest_start(msg, VETH_INFO_PEER) : NULL;
	if (!other || put_end(msg, peer))
		return -ENOMEM;
	nla_nest_end(msg, other);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return 0;
}

int link_create_veth(struct nls *nls, const struct veth_end *end, const struct veth_end *peer,
		     struct sl_err *err)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL);

	if (msg && put_pair(msg, end, peer)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return nls_call(nls, msg, err, "create the veth pair %s and %s", end->name, peer->name);
}

static int put_change(struct nl_msg *msg, __u32 ifindex, const struct link_change *change)
{
	struct ifinfomsg body = { .ifi_index = ifindex };

	body.ifi_flags = change->flags_set;
	body.ifi_change = change->flags_set | change->flags_clear;
	if (change->up >= 0) {
		body.ifi_change |= IFF_UP;
		body.ifi_flags |= change->up ? IFF_UP : 0;
	}
	if (nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO) ||
	    (change->name && nla_put_string(msg, IFLA_IFNAME, change->name)) ||
	    (change->netns_fd >= 0 && nla_put_u32(msg, IFLA_NET_NS_FD, change->netns_fd)) ||
	    (change->new_ifindex && nla_put_u32(msg, IFLA_NEW_IFINDEX, change->new_ifindex)) ||
	    (change->mtu && nla_put_u32(msg, IFLA_MTU, change->mtu)) ||
	    (change->txqlen && nla_put_u32(msg, IFLA_TXQLEN, change->txqlen)) ||
	    (change->mac && nla_put(msg, IFLA_ADDRESS, SL_MAC_LEN, change->mac)))
		return -ENOMEM;
	return 0;
}

int link_change(struct nls *nls, __u32 ifindex, const struct link_change *change, struct sl_err *err)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_SETLINK, NLM_F_REQUEST);

	if (msg && put_change(msg, ifindex, change)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return nls_call(nls, msg, err, "change interface number %u%s%s", ifindex,
			change->name ? " to be named " : "", change->name ? change->name : "");
}

int link_delete(struct nls *nls, __u32 ifindex, struct sl_err *err)
{
	struct ifinfomsg body = { .ifi_index = ifindex };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_DELLINK, NLM_F_REQUEST);

	if (msg)
		nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO);
	return nls_call(nls, msg, err, "delete interface number %u", ifindex);
}
