// SPDX-License-Identifier: BSD-2-Clause
/*
 * An interface's settings carried over attribute by attribute, as the kernel
 * wrote them; see settings.h.
 *
 * Invariant: an attribute that is equal already is not sent: some are refused
 * or have side effects even when they change nothing.
 */
#include "netlink/settings.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink/link.h"

#define HEADER sizeof(struct ifinfomsg)
#define INET6_READY 0x80000000U /* IF_READY of net/if_inet6.h */
/* Not in net/if.h, and linux/if.h does not go with it; or newer than the distribution's headers. All ABI. */
#define FLAG_LOWER_UP (1U << 16)
#define TOKEN_LEN 16
#define LINK_MODE_DORMANT 1
#define OPER_DORMANT 5
#define OPER_UP 6
#define ATTR_GSO_IPV4_MAX_SIZE 63
#define ATTR_GRO_IPV4_MAX_SIZE 64

#define FLAGS_KEPT                                                                                           \
	(IFF_NOARP | IFF_PROMISC | IFF_ALLMULTI | IFF_MULTICAST | IFF_DEBUG | IFF_NOTRAILERS | IFF_PORTSEL | \
	 IFF_AUTOMEDIA | IFF_DYNAMIC)

static const struct {
	int type;
	const char *name;
} kept[] = {
	{ IFLA_ADDRESS, "MAC address" },
	{ IFLA_BROADCAST, "broadcast address" },
	{ IFLA_MTU, "MTU" },
	{ IFLA_TXQLEN, "transmit queue length" },
	{ IFLA_IFALIAS, "alias" },
	{ IFLA_GROUP, "group" },
	{ IFLA_GSO_MAX_SIZE, "GSO size limit" },
	{ IFLA_GSO_MAX_SEGS, "GSO segment limit" },
	{ IFLA_GRO_MAX_SIZE, "GRO size limit" },
	{ ATTR_GSO_IPV4_MAX_SIZE, "IPv4 GSO size limit" },
	{ ATTR_GRO_IPV4_MAX_SIZE, "IPv4 GRO size limit" },
};
#define N_KEPT (sizeof(kept) / sizeof(kept[0]))

static const struct ifinfomsg *body(const struct nlmsghdr *message)
{
	return nlmsg_data(message);
}

static bool attr_same(const struct nlmsghdr *a, const struct nlmsghdr *b, int type)
{
	struct nlattr *x = message_attr(a, HEADER, type), *y = message_attr(b, HEADER, type);

	if (!x || !y)
		return x == y;
	return nla_len(x) == nla_len(y) && !memcmp(nla_data(x), nla_data(y), nla_len(x));
}

/* IFLA_AF_SPEC holds one nest per family. */
static struct nlattr *inet6_attr(const struct nlmsghdr *link, int type)
{
	struct nlattr *spec = message_attr(link, HEADER, IFLA_AF_SPEC);

	if (spec)
		spec = nla_find(nla_data(spec), nla_len(spec), AF_INET6);
	return spec ? nla_find(nla_data(spec), nla_len(spec), type) : NULL;
}

int settings_link_mode(const struct nlmsghdr *link)
{
	struct nlattr *mode = message_attr(link, HEADER, IFLA_LINKMODE);

	return mode ? nla_get_u8(mode) : 0;
}

static bool token_same(const struct nlmsghdr *a, const struct nlmsghdr *b)
{
	struct nlattr *x = inet6_attr(a, IFLA_INET6_TOKEN), *y = inet6_attr(b, IFLA_INET6_TOKEN);

	if (!x || !y || nla_len(x) != TOKEN_LEN || nla_len(y) != TOKEN_LEN)
		return true;
	return !memcmp(nla_data(x), nla_data(y), TOKEN_LEN);
}

const char *settings_difference(const struct nlmsghdr *a, const struct nlmsghdr *b)
{
	unsigned int i;

	for (i = 0; i < N_KEPT; i++)
		if (!attr_same(a, b, kept[i].type))
			return kept[i].name;
	if ((body(a)->ifi_flags ^ body(b)->ifi_flags) & (FLAGS_KEPT | IFF_UP))
		return "flags";
	if (settings_gen_mode(a) != settings_gen_mode(b))
		return "IPv6 address generation mode";
	if (settings_link_mode(a) != settings_link_mode(b))
		return "link mode";
	if (!token_same(a, b))
		return "IPv6 token";
	return NULL;
}

static int put_differences(struct nl_msg *msg, const struct nlmsghdr *wanted, const struct nlmsghdr *now,
			   __u32 ifindex, bool *ret_any)
{
	struct ifinfomsg head = { .ifi_index = ifindex };
	unsigned int i;

	head.ifi_change = (body(wanted)->ifi_flags ^ body(now)->ifi_flags) & FLAGS_KEPT;
	head.ifi_flags = body(wanted)->ifi_flags & head.ifi_change;
	*ret_any = head.ifi_change != 0 || settings_link_mode(now);
	if (nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO) ||
	    (settings_link_mode(now) && nla_put_u8(msg, IFLA_LINKMODE, 0)))
		return -ENOMEM;
	for (i = 0; i < N_KEPT; i++) {
		struct nlattr *attr = message_attr(wanted, HEADER, kept[i].type);

		if (attr_same(wanted, now, kept[i].type))
			continue;
		/* Only an alias can be absent, and an empty one removes it. */
		if (!attr && kept[i].type != IFLA_IFALIAS)
			continue;
		if (nla_put(msg, kept[i].type, attr ? nla_len(attr) : 0, attr ? nla_data(attr) : ""))
			return -ENOMEM;
		*ret_any = true;
	}
	return 0;
}

int settings_replay(struct nls *nls, const struct nlmsghdr *link, __u32 ifindex, struct sl_err *err)
{
	struct msgs now = MSGS_NONE;
	struct nl_msg *msg;
	bool any = false;
	int rc;

	rc = link_message(nls, NULL, ifindex, &now, err);
	if (rc)
		return rc;
	msg = nlmsg_alloc_simple(RTM_SETLINK, NLM_F_REQUEST);
	if (msg && put_differences(msg, link, now.item[0], ifindex, &any)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	msgs_clear(&now);
	if (msg && !any) {
		nlmsg_free(msg);
		return 0;
	}
	return nls_call(nls, msg, err, "put the port's settings onto interface number %u", ifindex);
}

int settings_gen_mode(const struct nlmsghdr *link)
{
	struct nlattr *mode = inet6_attr(link, IFLA_INET6_ADDR_GEN_MODE);

	return mode ? nla_get_u8(mode) : LINK_GEN_MODE_UNKNOWN;
}

/* A message that sets one attribute of the interface's IPv6. */
static struct nl_msg *inet6_message(__u32 ifindex, int type, const void *data, int len)
{
	struct ifinfomsg head = { .ifi_index = ifindex };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_SETLINK, NLM_F_REQUEST);
	struct nlattr *spec = NULL, *inet6 = NULL;

	if (msg && !nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO))
		spec = nla_nest_start(msg, IFLA_AF_SPEC);
	if (spec)
		inet6 = nla_nest_start(msg, AF_INET6);
	if (inet6 && !nla_put(msg, type, len, data)) {
		nla_nest_end(msg, inet6);
		nla_nest_end(msg, spec);
		return msg;
	}
	nlmsg_free(msg);
	return NULL;
}

int settings_set_gen_mode(struct nls *nls, __u32 ifindex, int mode, struct sl_err *err)
{
	__u8 value = mode;

	return nls_call(nls, inet6_message(ifindex, IFLA_INET6_ADDR_GEN_MODE, &value, sizeof(value)), err,
			"set the IPv6 address generation mode of interface number %u", ifindex);
}

static int put_link_mode(struct nls *nls, __u32 ifindex, __u8 mode, int state, struct sl_err *err)
{
	struct ifinfomsg head = { .ifi_index = ifindex };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_SETLINK, NLM_F_REQUEST);

	if (msg &&
	    (nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO) || nla_put_u8(msg, IFLA_LINKMODE, mode) ||
	     (state >= 0 && nla_put_u8(msg, IFLA_OPERSTATE, state)))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return nls_call(nls, msg, err, "set the link mode of interface number %u", ifindex);
}

int settings_set_dormant(struct nls *nls, __u32 ifindex, bool on, struct sl_err *err)
{
	return put_link_mode(nls, ifindex, on ? LINK_MODE_DORMANT : 0, on ? OPER_DORMANT : OPER_UP, err);
}

int settings_finish(struct nls *nls, const struct nlmsghdr *link, __u32 ifindex, struct sl_err *err)
{
	int rc, mode = settings_gen_mode(link);
	struct msgs now = MSGS_NONE;
	struct nlattr *state = message_attr(link, HEADER, IFLA_OPERSTATE), *token;

	rc = mode == LINK_GEN_MODE_UNKNOWN ? 0 : settings_set_gen_mode(nls, ifindex, mode, err);
	if (!rc)
		rc = link_message(nls, NULL, ifindex, &now, err);
	if (rc)
		return rc;
	/* Not earlier: an interface that comes up in dormant mode waits for its user before it lets frames out. */
	if (settings_link_mode(link) != settings_link_mode(now.item[0]))
		rc = put_link_mode(nls, ifindex, settings_link_mode(link), state ? nla_get_u8(state) : -1,
				   err);
	/* Only an interface that listens to routers takes one. */
	token = inet6_attr(link, IFLA_INET6_TOKEN);
	if (!rc && token && !token_same(link, now.item[0]))
		rc = nls_call(nls, inet6_message(ifindex, IFLA_INET6_TOKEN, nla_data(token), nla_len(token)),
			      err, "set the IPv6 token of interface number %u", ifindex);
	msgs_clear(&now);
	return rc;
}

static bool is_ready(const struct nlmsghdr *link, bool ipv6)
{
	struct nlattr *flags = inet6_attr(link, IFLA_INET6_FLAGS);
	struct nlattr *state = message_attr(link, HEADER, IFLA_OPERSTATE);

	/* Without a carrier nothing more will come. */
	if (!(body(link)->ifi_flags & FLAG_LOWER_UP))
		return true;
	/* In dormant mode somebody else says when it is up. */
	if (state && nla_get_u8(state) == OPER_DORMANT && settings_link_mode(link))
		return true;
	if (!state || nla_get_u8(state) != OPER_UP)
		return false;
	return !ipv6 || !flags || (nla_get_u32(flags) & INET6_READY);
}

int settings_is_ready(struct nls *nls, __u32 ifindex, bool ipv6, struct sl_err *err)
{
	struct msgs link = MSGS_NONE;
	int rc;

	rc = link_message(nls, NULL, ifindex, &link, err);
	if (!rc)
		rc = is_ready(link.item[0], ipv6);
	msgs_clear(&link);
	return rc;
}
