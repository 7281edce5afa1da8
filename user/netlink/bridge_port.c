// SPDX-License-Identifier: BSD-2-Clause
/*
 * A bridge port's settings and VLANs, joining and leaving. The entries of the
 * bridge's tables are in bridge_tables.c.
 *
 * Invariant: an attribute is sent only if the new port has it otherwise: some
 * cannot be unset once they have been sent (a path cost is the user's from
 * then on), and on a plain port nothing needs to be sent at all.
 */
#include "netlink/bridge_port.h"

#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink/bridge_tables.h"
#include "netlink/link.h"

#define HEADER sizeof(struct ifinfomsg)
#define VLAN_FLAGS (BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED)
/* Newer than the distribution's headers; all ABI. */
#define BRPORT_MAB 40
#define BRPORT_MCAST_MAX_GROUPS 42
#define BRPORT_NEIGH_VLAN_SUPPRESS 43
#define BRPORT_BACKUP_NHID 44
#define FLAG_LOWER_UP (1U << 16)

static const struct {
	int type;
	const char *name;
} kept[] = {
	{ IFLA_BRPORT_PRIORITY, "bridge port priority" },
	{ IFLA_BRPORT_COST, "bridge port cost" },
	{ IFLA_BRPORT_MODE, "hairpin mode" },
	{ IFLA_BRPORT_GUARD, "BPDU guard" },
	{ IFLA_BRPORT_PROTECT, "root block" },
	{ IFLA_BRPORT_FAST_LEAVE, "fast leave" },
	{ IFLA_BRPORT_LEARNING, "learning" },
	{ IFLA_BRPORT_UNICAST_FLOOD, "unicast flooding" },
	{ IFLA_BRPORT_PROXYARP, "bridge proxy ARP" },
	{ IFLA_BRPORT_PROXYARP_WIFI, "bridge proxy ARP for wireless" },
	{ IFLA_BRPORT_MULTICAST_ROUTER, "multicast router setting" },
	{ IFLA_BRPORT_MCAST_FLOOD, "multicast flooding" },
	{ IFLA_BRPORT_MCAST_TO_UCAST, "multicast to unicast" },
	{ IFLA_BRPORT_VLAN_TUNNEL, "VLAN tunnel" },
	{ IFLA_BRPORT_BCAST_FLOOD, "broadcast flooding" },
	{ IFLA_BRPORT_GROUP_FWD_MASK, "group forward mask" },
	{ IFLA_BRPORT_NEIGH_SUPPRESS, "neighbour suppression" },
	{ IFLA_BRPORT_ISOLATED, "isolation" },
	{ IFLA_BRPORT_BACKUP_PORT, "backup port" },
	{ IFLA_BRPORT_MCAST_EHT_HOSTS_LIMIT, "limit of tracked multicast hosts" },
	{ IFLA_BRPORT_LOCKED, "lock" },
	{ BRPORT_MAB, "MAC authentication bypass" },
	{ BRPORT_MCAST_MAX_GROUPS, "limit of multicast groups" },
	{ BRPORT_NEIGH_VLAN_SUPPRESS, "neighbour suppression by VLAN" },
	{ BRPORT_BACKUP_NHID, "backup nexthop" },
};
#define N_KEPT (sizeof(kept) / sizeof(kept[0]))

static struct nlattr *slave_attr(const struct nlmsghdr *link, int type)
{
	struct nlattr *info = message_attr(link, HEADER, IFLA_LINKINFO);

	return info ? nla_find(nla_data(info), nla_len(info), type) : NULL;
}

bool bridge_port_master_kind(const struct nlmsghdr *link, char *kind, size_t size)
{
	struct nlattr *attr = slave_attr(link, IFLA_INFO_SLAVE_KIND);

	if (!message_u32(link, HEADER, IFLA_MASTER, 0))
		return false;
	if (attr)
		nla_strlcpy(kind, attr, size);
	else
		kind[0] = '\0';
	return true;
}

bool bridge_port_is(const struct nlmsghdr *link)
{
	char kind[16];

	return bridge_port_master_kind(link, kind, sizeof(kind)) && !strcmp(kind, "bridge");
}

static struct nlattr *port_attr(const struct nlmsghdr *link, int type)
{
	struct nlattr *data = slave_attr(link, IFLA_INFO_SLAVE_DATA);

	return data ? nla_find(nla_data(data), nla_len(data), type) : NULL;
}

static bool attr_same(const struct nlattr *a, const struct nlattr *b)
{
	if (!a || !b)
		return a == b;
	return nla_len(a) == nla_len(b) && !memcmp(nla_data(a), nla_data(b), nla_len(a));
}

int bridge_runs_stp(struct nls *nls, __u32 bridge, struct sl_err *err)
{
	struct nlattr *info, *data = NULL, *state = NULL;
	struct msgs link = MSGS_NONE;
	int rc;

	rc = link_message(nls, NULL, bridge, &link, err);
	if (rc)
		return rc;
	info = message_attr(link.item[0], HEADER, IFLA_LINKINFO);
	if (info)
		data = nla_find(nla_data(info), nla_len(info), IFLA_INFO_DATA);
	if (data)
		state = nla_find(nla_data(data), nla_len(data), IFLA_BR_STP_STATE);
	rc = state && nla_get_u32(state);
	msgs_clear(&link);
	return rc;
}

static struct nlattr *vlan_list(const struct bridge_place *place)
{
	return place->vlans.n ? message_attr(place->vlans.item[0], HEADER, IFLA_AF_SPEC) : NULL;
}

const char *bridge_place_unkept(const struct nlmsghdr *link, const struct bridge_place *place)
{
	const struct ifinfomsg *body = nlmsg_data(link);
	struct nlattr *state = port_attr(link, IFLA_BRPORT_STATE), *list = vlan_list(place), *attr;
	int left;

	if (state && (body->ifi_flags & FLAG_LOWER_UP) && nla_get_u8(state) != BR_STATE_FORWARDING)
		return "does not forward: its state was set by hand or by a spanning tree";
	if (!list)
		return NULL;
	nla_for_each_nested (attr, list, left)
		if (nla_type(attr) != IFLA_BRIDGE_FLAGS && nla_type(attr) != IFLA_BRIDGE_MODE &&
		    nla_type(attr) != IFLA_BRIDGE_VLAN_INFO)
			return "has VLAN tunnels, spanning tree instances or ring protocols";
	return NULL;
}

static int visit_vlans(void *context, struct nlmsghdr *message)
{
	struct bridge_filter *filter = context;
	const struct ifinfomsg *body = nlmsg_data(message);

	if (message->nlmsg_type != RTM_NEWLINK || !nlmsg_valid_hdr(message, HEADER) ||
	    (__u32)body->ifi_index != filter->port ||
	    message_u32(message, HEADER, IFLA_MASTER, 0) != filter->bridge)
		return 0;
	return msgs_add(filter->ret, message);
}

static int dump_vlans(struct nls *nls, __u32 bridge, __u32 port, struct msgs *ret, struct sl_err *err)
{
	struct bridge_filter filter = { .bridge = bridge, .port = port, .ret = ret };
	struct ifinfomsg body = { .ifi_family = AF_BRIDGE };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP);

	if (msg && (nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO) ||
		    nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return nls_dump(nls, msg, visit_vlans, &filter, err, "read the VLANs of bridge port %u", port);
}

int bridge_place_dump(struct nls *nls, const struct nlmsghdr *link, struct bridge_place *ret,
		      struct sl_err *err)
{
	const struct ifinfomsg *body = nlmsg_data(link);
	__u32 bridge = message_u32(link, HEADER, IFLA_MASTER, 0);
	int rc;

	if (!bridge_port_is(link))
		return 0;
	rc = dump_vlans(nls, bridge, body->ifi_index, &ret->vlans, err);
	if (!rc)
		rc = bridge_dump_fdb(nls, bridge, body->ifi_index, &ret->fdb, err);
	if (!rc)
		rc = bridge_dump_mdb(nls, bridge, body->ifi_index, &ret->mdb, err);
	return rc;
}

void bridge_place_free(struct bridge_place *place)
{
	msgs_clear(&place->vlans);
	msgs_clear(&place->fdb);
	msgs_clear(&place->mdb);
}

int bridge_port_set_master(struct nls *nls, __u32 ifindex, __u32 bridge, struct sl_err *err)
{
	struct ifinfomsg body = { .ifi_index = ifindex };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_SETLINK, NLM_F_REQUEST);

	if (msg && (nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO) ||
		    nla_put_u32(msg, IFLA_MASTER, bridge))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return bridge ? nls_call(nls, msg, err, "make interface number %u a port of bridge %u", ifindex,
				 bridge)
		      : nls_call(nls, msg, err, "take interface number %u out of its bridge", ifindex);
}

/* Those settings of `wanted` that `now` has otherwise. */
static int put_settings(struct nl_msg *msg, const struct nlmsghdr *wanted, const struct nlmsghdr *now,
			__u32 ifindex, bool *ret_any)
{
	struct ifinfomsg body = { .ifi_index = ifindex };
	struct nlattr *info, *data;
	unsigned int i;

	if (nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO))
		return -ENOMEM;
	info = nla_nest_start(msg, IFLA_LINKINFO);
	if (!info || nla_put_string(msg, IFLA_INFO_SLAVE_KIND, "bridge"))
		return -ENOMEM;
	data = nla_nest_start(msg, IFLA_INFO_SLAVE_DATA);
	if (!data)
		return -ENOMEM;
	for (i = 0; i < N_KEPT; i++) {
		struct nlattr *attr = port_attr(wanted, kept[i].type);

		if (!attr || attr_same(attr, port_attr(now, kept[i].type)))
			continue;
		if (nla_put(msg, kept[i].type, nla_len(attr), nla_data(attr)))
			return -ENOMEM;
		*ret_any = true;
	}
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return 0;
}

static int replay_settings(struct nls *nls, const struct nlmsghdr *link, __u32 ifindex, struct sl_err *err)
{
	struct msgs now = MSGS_NONE;
	struct nl_msg *msg;
	bool any = false;
	int rc;

	rc = link_message(nls, NULL, ifindex, &now, err);
	if (rc)
		return rc;
	msg = nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_REQUEST);
	if (msg && put_settings(msg, link, now.item[0], ifindex, &any)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	msgs_clear(&now);
	if (msg && !any) {
		nlmsg_free(msg);
		return 0;
	}
	return nls_call(nls, msg, err, "put the settings of the bridge port onto interface number %u",
			ifindex);
}

static bool has_vlan(struct nlattr *list, const struct bridge_vlan_info *wanted)
{
	struct nlattr *attr;
	int left;

	if (!list)
		return false;
	nla_for_each_nested (attr, list, left) {
		const struct bridge_vlan_info *vlan = nla_data(attr);

		if (nla_type(attr) == IFLA_BRIDGE_VLAN_INFO && vlan->vid == wanted->vid &&
		    (vlan->flags & VLAN_FLAGS) == (wanted->flags & VLAN_FLAGS))
			return true;
	}
	return false;
}

/* One message: the VLANs of `of` that are not in `in`, added or deleted. */
static int send_vlans(struct nls *nls, int type, struct nlattr *of, struct nlattr *in, __u32 ifindex,
		      struct sl_err *err)
{
	struct ifinfomsg body = { .ifi_family = AF_BRIDGE, .ifi_index = ifindex };
	struct nl_msg *msg = nlmsg_alloc_size(NLMSG_SPACE(HEADER) + 64 + (of ? 2 * nla_len(of) : 0));
	struct nlattr *spec = NULL, *attr;
	bool any = false, bad = true;
	int left;

	if (msg && nlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, type, 0, NLM_F_REQUEST) &&
	    !nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO))
		spec = nla_nest_start(msg, IFLA_AF_SPEC);
	if (spec) {
		bad = false;
		if (of)
			nla_for_each_nested (attr, of, left) {
				struct bridge_vlan_info vlan;

				if (nla_type(attr) != IFLA_BRIDGE_VLAN_INFO || has_vlan(in, nla_data(attr)))
					continue;
				memcpy(&vlan, nla_data(attr), sizeof(vlan));
				vlan.flags &= VLAN_FLAGS;
				bad |= nla_put(msg, IFLA_BRIDGE_VLAN_INFO, sizeof(vlan), &vlan) != 0;
				any = true;
			}
		nla_nest_end(msg, spec);
	}
	if (bad || !any) {
		nlmsg_free(msg);
		msg = NULL;
	}
	if (!bad && !any)
		return 0;
	return nls_call(nls, msg, err, "set the VLANs of bridge port %u", ifindex);
}

/* A new port has its bridge's default VLAN. */
static int replay_vlans(struct nls *nls, __u32 bridge, const struct bridge_place *place, __u32 ifindex,
			struct sl_err *err)
{
	struct bridge_place now = { 0 };
	int rc;

	rc = dump_vlans(nls, bridge, ifindex, &now.vlans, err);
	if (!rc)
		rc = send_vlans(nls, RTM_DELLINK, vlan_list(&now), vlan_list(place), ifindex, err);
	if (!rc)
		rc = send_vlans(nls, RTM_SETLINK, vlan_list(place), vlan_list(&now), ifindex, err);
	bridge_place_free(&now);
	return rc;
}

int bridge_place_join(struct nls *nls, const struct nlmsghdr *link, const struct bridge_place *place,
		      __u32 ifindex, struct sl_err *err)
{
	__u32 bridge = message_u32(link, HEADER, IFLA_MASTER, 0);
	int rc;

	if (!bridge_port_is(link))
		return 0;
	rc = bridge_port_set_master(nls, ifindex, bridge, err);
	if (!rc)
		rc = replay_settings(nls, link, ifindex, err);
	if (!rc)
		rc = replay_vlans(nls, bridge, place, ifindex, err);
	return rc;
}

int bridge_place_fill(struct nls *nls, const struct nlmsghdr *link, const struct bridge_place *place,
		      __u32 ifindex, bool only_missing, struct sl_err *err)
{
	struct nlattr *mac = message_attr(link, HEADER, IFLA_ADDRESS);
	int rc;

	rc = bridge_replay_fdb(nls, &place->fdb, mac ? nla_data(mac) : NULL, ifindex, only_missing, err);
	return rc ? rc : bridge_replay_mdb(nls, &place->mdb, ifindex, err);
}

const char *bridge_place_difference(const struct nlmsghdr *link, const struct bridge_place *place,
				    const struct nlmsghdr *now_link, const struct bridge_place *now)
{
	struct nlattr *a = vlan_list(place), *b = vlan_list(now), *attr;
	unsigned int i;
	int left;

	if (message_u32(link, HEADER, IFLA_MASTER, 0) != message_u32(now_link, HEADER, IFLA_MASTER, 0))
		return "bridge";
	if (!bridge_port_is(link))
		return NULL;
	for (i = 0; i < N_KEPT; i++)
		if (!attr_same(port_attr(link, kept[i].type), port_attr(now_link, kept[i].type)))
			return kept[i].name;
	if (a)
		nla_for_each_nested (attr, a, left)
			if (nla_type(attr) == IFLA_BRIDGE_VLAN_INFO && !has_vlan(b, nla_data(attr)))
				return "list of VLANs";
	if (b)
		nla_for_each_nested (attr, b, left)
			if (nla_type(attr) == IFLA_BRIDGE_VLAN_INFO && !has_vlan(a, nla_data(attr)))
				return "list of VLANs";
	return bridge_tables_differ(place, now);
}
