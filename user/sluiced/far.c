// SPDX-License-Identifier: BSD-2-Clause
/*
 * Far ends; see far.h for the invariant. The kernel is asked by the
 * namespace's number as this one knows it (IFLA_TARGET_NETNSID), so no
 * descriptor of that namespace is needed and no guess which one it is.
 */
#include "sluiced/far.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <string.h>

#include "netlink/link.h"

static struct nla_policy link_policy[IFLA_MAX + 1] = {
	[IFLA_ADDRESS] = { .type = NLA_UNSPEC },     [IFLA_LINK] = { .type = NLA_U32 },
	[IFLA_MASTER] = { .type = NLA_U32 },	     [IFLA_LINKINFO] = { .type = NLA_NESTED },
	[IFLA_TARGET_NETNSID] = { .type = NLA_U32 },
};
static struct nla_policy info_policy[IFLA_INFO_MAX + 1] = { [IFLA_INFO_KIND] = { .type = NLA_STRING } };

struct remote {
	__u32 nsid;
	__u32 ifindex;
	bool found;
	__u32 peer, master;
	char kind[16];
	__u8 mac[SL_MAC_LEN];
};

static int on_link(void *context, struct nlmsghdr *message)
{
	struct nlattr *attr[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1];
	struct remote *remote = context;
	struct ifinfomsg *header = nlmsg_data(message);

	if (message->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse(message, sizeof(*header), attr, IFLA_MAX, link_policy) < 0)
		return 0;
	/* A kernel that does not know the attribute would answer for this namespace. */
	if ((__u32)header->ifi_index != remote->ifindex || !attr[IFLA_TARGET_NETNSID] ||
	    nla_get_u32(attr[IFLA_TARGET_NETNSID]) != remote->nsid)
		return 0;
	if (!attr[IFLA_ADDRESS] || nla_len(attr[IFLA_ADDRESS]) != SL_MAC_LEN)
		return 0;
	memcpy(remote->mac, nla_data(attr[IFLA_ADDRESS]), SL_MAC_LEN);
	remote->peer = attr[IFLA_LINK] ? nla_get_u32(attr[IFLA_LINK]) : 0;
	remote->master = attr[IFLA_MASTER] ? nla_get_u32(attr[IFLA_MASTER]) : 0;
	if (attr[IFLA_LINKINFO] &&
	    nla_parse_nested(info, IFLA_INFO_MAX, attr[IFLA_LINKINFO], info_policy) >= 0 &&
	    info[IFLA_INFO_KIND])
		nla_strlcpy(remote->kind, info[IFLA_INFO_KIND], sizeof(remote->kind));
	remote->found = true;
	return 0;
}

static int ask(struct nls *nls, struct remote *remote, struct sl_err *err)
{
	struct ifinfomsg header = { .ifi_index = remote->ifindex };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, NLM_F_REQUEST);

	if (!msg || nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
	    nla_put_u32(msg, IFLA_TARGET_NETNSID, remote->nsid) < 0) {
		nlmsg_free(msg);
		return sl_err(err, ENOMEM, "no memory for a netlink message");
	}
	return nls_dump(nls, msg, on_link, remote, err, "look at interface %u of namespace %u",
			remote->ifindex, remote->nsid);
}

int far_end_find(struct nls *nls, __u32 ifindex, struct far_end *ret, struct sl_err *err)
{
	struct remote end = { 0 }, master = { 0 };
	struct far_end found = { 0 };
	struct link_info leg;
	int r;

	r = link_find(nls, NULL, ifindex, &leg, err);
	if (r)
		return r;
	found.other_ns = leg.peer_nsid >= 0;
	/* What a macvlan calls its link is what it stands on, and nothing that could be peer of it. */
	if (strcmp(leg.kind, "veth") != 0)
		found.other_ns = false;
	if (!found.other_ns || !leg.peer_ifindex)
		goto out;
	end.nsid = leg.peer_nsid;
	end.ifindex = leg.peer_ifindex;
	r = ask(nls, &end, err);
	if (r)
		return r;
	if (!end.found || strcmp(end.kind, "veth") || end.peer != ifindex)
		goto out;
	if (!end.master) {
		memcpy(found.mac, end.mac, SL_MAC_LEN);
		goto out;
	}
	master.nsid = end.nsid;
	master.ifindex = end.master;
	r = ask(nls, &master, err);
	if (r)
		return r;
	/* Of other masters (OVS, a bond, a VRF) it is not known here what they accept. */
	if (master.found && !strcmp(master.kind, "bridge"))
		memcpy(found.mac, master.mac, SL_MAC_LEN);
out:
	*ret = found;
	return 0;
}
