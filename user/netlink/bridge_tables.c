// SPDX-License-Identifier: BSD-2-Clause
/*
 * Forwarding and group entries of one bridge port.
 *
 * Invariant: entries that a user made come back as they were, or it is an
 * error. Those the bridge learned come back as learned just now; if it does
 * not take one it learns it again.
 */
#include "netlink/bridge_tables.h"

#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "sluice/ucmac.h"

#define FDB_HEADER sizeof(struct ndmsg)
#define MDB_HEADER sizeof(struct br_port_msg)
#define MADE (NUD_PERMANENT | NUD_NOARP) /* by a user or by the kernel for itself, not learned */
#define FLAGS_KEPT (NTF_EXT_LEARNED | NTF_STICKY)

static struct ndmsg *entry(const struct nlmsghdr *message)
{
	return nlmsg_data(message);
}

static int visit_fdb(void *context, struct nlmsghdr *message)
{
	struct bridge_filter *filter = context;

	/* Those of the interface's own filter (NTF_SELF) are not the bridge's. */
	if (message->nlmsg_type != RTM_NEWNEIGH || !nlmsg_valid_hdr(message, FDB_HEADER) ||
	    entry(message)->ndm_family != AF_BRIDGE || (__u32)entry(message)->ndm_ifindex != filter->port ||
	    (entry(message)->ndm_flags & NTF_SELF) || !message_attr(message, FDB_HEADER, NDA_LLADDR) ||
	    message_u32(message, FDB_HEADER, NDA_MASTER, 0) != filter->bridge)
		return 0;
	return msgs_add(filter->ret, message);
}

int bridge_dump_fdb(struct nls *nls, __u32 bridge, __u32 port, struct msgs *ret, struct sl_err *err)
{
	struct bridge_filter filter = { .bridge = bridge, .port = port, .ret = ret };
	struct ndmsg body = { .ndm_family = AF_BRIDGE, .ndm_ifindex = port };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP);

	if (msg && nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return nls_dump(nls, msg, visit_fdb, &filter, err, "read the forwarding entries of bridge port %u",
			port);
}

static const __u8 *entry_mac(const struct nlmsghdr *message)
{
	struct nlattr *mac = message_attr(message, FDB_HEADER, NDA_LLADDR);

	return mac && nla_len(mac) == SL_MAC_LEN ? nla_data(mac) : NULL;
}

static int put_fdb(struct nls *nls, const struct nlmsghdr *message, __u32 port, bool only_missing,
		   struct sl_err *err)
{
	static const int copied[] = { NDA_LLADDR, NDA_VLAN, NDA_FLAGS_EXT };
	struct ndmsg body = {
		.ndm_family = AF_BRIDGE,
		.ndm_ifindex = port,
		.ndm_state = entry(message)->ndm_state & MADE ? entry(message)->ndm_state : NUD_REACHABLE,
		.ndm_flags = NTF_MASTER | (entry(message)->ndm_flags & FLAGS_KEPT),
	};
	struct nl_msg *msg =
		nlmsg_alloc_simple(RTM_NEWNEIGH, NLM_F_REQUEST | NLM_F_CREATE |
							 (only_missing ? NLM_F_EXCL : NLM_F_REPLACE));
	int bad = !msg || nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO);
	unsigned int i;

	for (i = 0; !bad && i < sizeof(copied) / sizeof(copied[0]); i++) {
		struct nlattr *attr = message_attr(message, FDB_HEADER, copied[i]);

		if (attr)
			bad = nla_put(msg, copied[i], nla_len(attr), nla_data(attr));
	}
	if (bad) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return nls_call(nls, msg, err, "put back a forwarding entry of bridge port %u", port);
}

int bridge_replay_fdb(struct nls *nls, const struct msgs *fdb, const __u8 *own, __u32 port, bool only_missing,
		      struct sl_err *err)
{
	size_t i;
	int rc;

	for (i = 0; i < fdb->n; i++) {
		const struct nlmsghdr *message = fdb->item[i];
		const __u8 *mac = entry_mac(message);
		bool made = entry(message)->ndm_state & MADE;

		if (!mac)
			continue;
		if ((entry(message)->ndm_state & NUD_PERMANENT) && own && !memcmp(mac, own, SL_MAC_LEN))
			continue;
		rc = put_fdb(nls, message, port, only_missing, made ? err : NULL);
		if (rc && made && !(only_missing && rc == -EEXIST))
			return rc;
	}
	return 0;
}

bool bridge_place_has(const struct bridge_place *place, const __u8 *mac)
{
	size_t i;

	for (i = 0; i < place->fdb.n; i++) {
		const __u8 *one = entry_mac(place->fdb.item[i]);

		if (one && !memcmp(one, mac, SL_MAC_LEN))
			return true;
	}
	return false;
}

/* A request that makes the entry again. */
static struct nl_msg *mdb_request(__u32 bridge, struct nlattr *info)
{
	struct br_port_msg body = { .family = AF_BRIDGE, .ifindex = bridge };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWMDB, NLM_F_REQUEST | NLM_F_CREATE);
	struct nlattr *source, *attrs;
	struct br_mdb_entry group;
	int bad, head = NLA_ALIGN(sizeof(group));

	memcpy(&group, nla_data(info), sizeof(group));
	/* The flags tell what became of it; they are not taken. */
	group.flags = 0;
	bad = !msg || nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO) ||
	      nla_put(msg, MDBA_SET_ENTRY, sizeof(group), &group);
	source = nla_len(info) > head ? nla_find((struct nlattr *)((char *)nla_data(info) + head),
						 nla_len(info) - head, MDBA_MDB_EATTR_SOURCE)
				      : NULL;
	if (!bad && source) {
		attrs = nla_nest_start(msg, MDBA_SET_ENTRY_ATTRS);
		bad = !attrs || nla_put(msg, MDBE_ATTR_SOURCE, nla_len(source), nla_data(source));
		if (!bad)
			nla_nest_end(msg, attrs);
	}
	if (bad) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static int keep_group(struct bridge_filter *filter, struct nlattr *info)
{
	struct br_mdb_entry group;
	struct nl_msg *msg;
	int rc;

	if (nla_len(info) < (int)sizeof(group))
		return 0;
	memcpy(&group, nla_data(info), sizeof(group));
	if (group.ifindex != filter->port)
		return 0;
	msg = mdb_request(filter->bridge, info);
	rc = msg ? msgs_add(filter->ret, nlmsg_hdr(msg)) : -ENOMEM;
	nlmsg_free(msg);
	return rc;
}

static int visit_mdb(void *context, struct nlmsghdr *message)
{
	struct bridge_filter *filter = context;
	const struct br_port_msg *body = nlmsg_data(message);
	struct nlattr *table, *group, *info;
	int left, rest, rc = 0;

	if (!nlmsg_valid_hdr(message, MDB_HEADER) || body->ifindex != filter->bridge)
		return 0;
	table = message_attr(message, MDB_HEADER, MDBA_MDB);
	if (!table)
		return 0;
	nla_for_each_nested (group, table, left)
		nla_for_each_nested (info, group, rest)
			if (!rc && nla_type(info) == MDBA_MDB_ENTRY_INFO)
				rc = keep_group(filter, info);
	return rc;
}

int bridge_dump_mdb(struct nls *nls, __u32 bridge, __u32 port, struct msgs *ret, struct sl_err *err)
{
	struct bridge_filter filter = { .bridge = bridge, .port = port, .ret = ret };
	struct br_port_msg body = { .family = AF_BRIDGE };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETMDB, NLM_F_REQUEST | NLM_F_DUMP);
	int rc;

	if (msg && nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	rc = nls_dump(nls, msg, visit_mdb, &filter, err, "read the groups of bridge port %u", port);
	/* A kernel without multicast snooping has none. */
	return rc == -EOPNOTSUPP ? 0 : rc;
}

static struct br_mdb_entry *group_of(const struct nlmsghdr *message)
{
	return nla_data(message_attr(message, MDB_HEADER, MDBA_SET_ENTRY));
}

int bridge_replay_mdb(struct nls *nls, const struct msgs *mdb, __u32 port, struct sl_err *err)
{
	size_t i;
	int rc;

	for (i = 0; i < mdb->n; i++) {
		struct nl_msg *msg = message_copy(mdb->item[i], RTM_NEWMDB, NLM_F_CREATE, 0);
		bool made = group_of(mdb->item[i])->state == MDB_PERMANENT;

		if (msg)
			group_of(nlmsg_hdr(msg))->ifindex = port;
		rc = nls_call(nls, msg, made ? err : NULL, "put back a group of bridge port %u", port);
		if (rc && rc != -EEXIST && made)
			return rc;
	}
	return 0;
}

static bool fdb_has(const struct msgs *list, const struct nlmsghdr *wanted)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		const __u8 *a = entry_mac(list->item[i]), *b = entry_mac(wanted);
		struct nlattr *x = message_attr(list->item[i], FDB_HEADER, NDA_VLAN);
		struct nlattr *y = message_attr(wanted, FDB_HEADER, NDA_VLAN);

		if (a && b && !memcmp(a, b, SL_MAC_LEN) &&
		    entry(list->item[i])->ndm_state == entry(wanted)->ndm_state &&
		    (x ? nla_get_u16(x) : 0) == (y ? nla_get_u16(y) : 0))
			return true;
	}
	return false;
}

static bool mdb_has(const struct msgs *list, const struct nlmsghdr *wanted)
{
	const struct br_mdb_entry *b = group_of(wanted);
	size_t i;

	for (i = 0; i < list->n; i++) {
		const struct br_mdb_entry *a = group_of(list->item[i]);

		if (a->state == b->state && a->vid == b->vid && !memcmp(&a->addr, &b->addr, sizeof(a->addr)))
			return true;
	}
	return false;
}

static const char *missing(const struct bridge_place *of, const struct bridge_place *in)
{
	size_t i;

	for (i = 0; i < of->fdb.n; i++)
		if ((entry(of->fdb.item[i])->ndm_state & MADE) && !fdb_has(&in->fdb, of->fdb.item[i]))
			return "static forwarding entries";
	for (i = 0; i < of->mdb.n; i++)
		if (group_of(of->mdb.item[i])->state == MDB_PERMANENT && !mdb_has(&in->mdb, of->mdb.item[i]))
			return "permanent group entries";
	return NULL;
}

const char *bridge_tables_differ(const struct bridge_place *place, const struct bridge_place *now)
{
	const char *what = missing(place, now);

	return what ? what : missing(now, place);
}
