// SPDX-License-Identifier: BSD-2-Clause
/*
 * Addresses: the kernel's RTM_NEWADDR messages kept and sent back.
 *
 * Invariant: an IPv6 address is usable from the moment it is put back. It is
 * the same address of the same station on the same wire, so there is nothing
 * to detect; IFA_F_NODAD sees to that and is taken off again afterwards, which
 * the kernel allows without detecting anything, whatever accept_dad says.
 */
#include "netlink/address.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <string.h>

#define HEADER sizeof(struct ifaddrmsg)

/* What no one can set, and what depends on the carrier and the moment. */
#define FLAGS_VOLATILE (IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_OPTIMISTIC | IFA_F_STABLE_PRIVACY)

/* For put(), beside the kernel's flags: the address without its IFA_F_MCAUTOJOIN. */
#define WITHOUT_JOINING (1u << 31)

static struct ifaddrmsg *body(const struct nlmsghdr *message)
{
	return nlmsg_data(message);
}

static __u32 flags_of(const struct nlmsghdr *message)
{
	return message_u32(message, HEADER, IFA_FLAGS, body(message)->ifa_flags);
}

static void set_flags(struct nlmsghdr *message, __u32 flags)
{
	struct nlattr *attr = message_attr(message, HEADER, IFA_FLAGS);

	body(message)->ifa_flags = (__u8)flags;
	if (attr)
		memcpy(nla_data(attr), &flags, sizeof(flags));
}

bool addr_is_temporary(const struct nlmsghdr *addr)
{
	/* The same bit means "secondary" for IPv4. */
	return body(addr)->ifa_family == AF_INET6 && (flags_of(addr) & IFA_F_TEMPORARY);
}

bool addr_is_duplicate(const struct nlmsghdr *addr)
{
	return flags_of(addr) & IFA_F_DADFAILED;
}

struct filter {
	__u32 ifindex;
	struct msgs *ret;
};

static int visit(void *context, struct nlmsghdr *message)
{
	struct filter *filter = context;

	if (message->nlmsg_type != RTM_NEWADDR || !nlmsg_valid_hdr(message, HEADER) ||
	    body(message)->ifa_index != filter->ifindex)
		return 0;
	return msgs_add(filter->ret, message);
}

static int dump(struct nls *nls, __u32 ifindex, struct msgs *ret, struct sl_err *err)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct filter filter = { ifindex, ret };
	unsigned int i;
	int rc;

	for (i = 0; i < 2; i++) {
		struct ifaddrmsg request = { .ifa_family = families[i], .ifa_index = ifindex };
		struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP);

		if (msg)
			nlmsg_append(msg, &request, sizeof(request), NLMSG_ALIGNTO);
		rc = nls_dump(nls, msg, visit, &filter, err, "read the addresses of interface %u", ifindex);
		if (rc)
			return rc;
	}
	return 0;
}

/*
 * Lifetimes run down between two looks, so they are compared by whether they
 * run at all; the replay carries the seconds that were left.
 */
static void normalize(struct nlmsghdr *message, __u32 ifindex)
{
	struct nlattr *attr = message_attr(message, HEADER, IFA_CACHEINFO);

	if (body(message)->ifa_index == ifindex)
		body(message)->ifa_index = 0;
	set_flags(message, flags_of(message) & ~FLAGS_VOLATILE);
	if (attr && nla_len(attr) >= (int)sizeof(struct ifa_cacheinfo)) {
		struct ifa_cacheinfo info;

		memcpy(&info, nla_data(attr), sizeof(info));
		info.cstamp = 0;
		info.tstamp = 0;
		info.ifa_valid = info.ifa_valid != ~0U;
		info.ifa_prefered = info.ifa_prefered != ~0U;
		memcpy(nla_data(attr), &info, sizeof(info));
	}
}

static void describe(const struct nlmsghdr *message, char *text, size_t size)
{
	struct nlattr *attr = message_attr(message, HEADER, IFA_LOCAL);

	if (!attr)
		attr = message_attr(message, HEADER, IFA_ADDRESS);
	address_text(body(message)->ifa_family, attr, body(message)->ifa_prefixlen, text, size);
}

static int remove_one(struct nls *nls, const struct nlmsghdr *message, struct sl_err *err)
{
	char text[64];

	describe(message, text, sizeof(text));
	return nls_call(nls, message_copy(message, RTM_DELADDR, 0, 0), err, "remove address %s", text);
}

static int put(struct nls *nls, const struct nlmsghdr *addr, __u32 ifindex, __u16 mode, __u32 more_flags,
	       struct sl_err *err)
{
	struct nl_msg *msg = message_copy(addr, RTM_NEWADDR, NLM_F_CREATE | mode, 0);
	char text[64];
	__u32 flags;

	describe(addr, text, sizeof(text));
	if (msg) {
		struct nlmsghdr *copy = nlmsg_hdr(msg);

		body(copy)->ifa_index = ifindex;
		flags = (flags_of(copy) & ~FLAGS_VOLATILE) | (more_flags & ~WITHOUT_JOINING);
		if (more_flags & WITHOUT_JOINING)
			flags &= ~IFA_F_MCAUTOJOIN;
		set_flags(copy, flags);
	}
	return nls_call(nls, msg, err, "put address %s onto interface %u", text, ifindex);
}

/*
 * A socket of the kernel's own joins the group of such an address, and leaves
 * it only when the address is removed by a message, not when the interface
 * goes or is set down: back under its index, the address is then refused for
 * ever. For IPv4 whatever removes an address of that group by message makes the
 * socket leave, also one that had not joined. For IPv6 there is only
 * addr_leave_groups(), in time.
 */
static int join_anew(struct nls *nls, const struct nlmsghdr *addr, __u32 ifindex, struct sl_err *err)
{
	struct nl_msg *msg = message_copy(addr, RTM_DELADDR, 0, 0);
	char text[64];
	int rc;

	describe(addr, text, sizeof(text));
	if (msg)
		body(nlmsg_hdr(msg))->ifa_index = ifindex;
	rc = put(nls, addr, ifindex, NLM_F_EXCL, WITHOUT_JOINING, err);
	if (rc) {
		nlmsg_free(msg);
		return rc;
	}
	rc = nls_call(nls, msg, err, "remove address %s from interface %u", text, ifindex);
	return rc ? rc : put(nls, addr, ifindex, NLM_F_EXCL, 0, err);
}

int addr_leave_groups(struct nls *nls, __u32 ifindex, struct msgs *ret, struct sl_err *err)
{
	struct msgs addrs = MSGS_NONE;
	size_t i;
	int rc;

	rc = dump(nls, ifindex, &addrs, err);
	for (i = 0; !rc && i < addrs.n; i++) {
		if (!(flags_of(addrs.item[i]) & IFA_F_MCAUTOJOIN))
			continue;
		rc = remove_one(nls, addrs.item[i], err);
		if (!rc && ret)
			rc = msgs_add(ret, addrs.item[i]);
	}
	msgs_clear(&addrs);
	return rc;
}

int addr_remove_all(struct nls *nls, __u32 ifindex, struct sl_err *err)
{
	struct msgs addrs = MSGS_NONE;
	size_t i;
	int rc;

	rc = dump(nls, ifindex, &addrs, err);
	for (i = 0; !rc && i < addrs.n; i++) {
		rc = remove_one(nls, addrs.item[i], err);
		/* Removing a primary address may take its secondaries along. */
		if (rc == -EADDRNOTAVAIL)
			rc = 0;
	}
	msgs_clear(&addrs);
	return rc;
}

static bool has_expired(const struct nlmsghdr *addr)
{
	struct nlattr *attr = message_attr(addr, HEADER, IFA_CACHEINFO);
	struct ifa_cacheinfo info;

	if (!attr || nla_len(attr) < (int)sizeof(info))
		return false;
	memcpy(&info, nla_data(attr), sizeof(info));
	return !info.ifa_valid;
}

int addr_replay(struct nls *nls, const struct msgs *addrs, int family, __u32 ifindex, struct sl_err *err)
{
	size_t i;
	int rc;

	for (i = 0; i < addrs->n; i++) {
		/* The kernel appends an IPv4 address, but puts an IPv6 one in front of its equals. */
		size_t at = family == AF_INET6 ? addrs->n - 1 - i : i;
		const struct nlmsghdr *addr = addrs->item[at];

		if (body(addr)->ifa_family != family || addr_is_duplicate(addr) || has_expired(addr))
			continue;
		rc = put(nls, addr, ifindex, NLM_F_EXCL, family == AF_INET6 ? IFA_F_NODAD : 0, err);
		if (rc == -EADDRINUSE && family == AF_INET && (flags_of(addr) & IFA_F_MCAUTOJOIN))
			rc = join_anew(nls, addr, ifindex, err);
		/* One the kernel made by itself meanwhile: brought to the right flags by addr_settle(). */
		if (rc && rc != -EEXIST)
			return rc;
	}
	return 0;
}

int addr_settle(struct nls *nls, const struct msgs *addrs, __u32 ifindex, struct sl_err *err)
{
	size_t i;
	int rc;

	for (i = 0; i < addrs->n; i++) {
		const struct nlmsghdr *addr = addrs->item[i];

		if (body(addr)->ifa_family != AF_INET6 || (flags_of(addr) & IFA_F_NODAD) || has_expired(addr))
			continue;
		/* A duplicate only now, when its question can reach whoever else has it. */
		rc = put(nls, addr, ifindex, addr_is_duplicate(addr) ? NLM_F_EXCL : NLM_F_REPLACE, 0, err);
		if (rc && !(rc == -EEXIST && addr_is_duplicate(addr)))
			return rc;
	}
	return 0;
}

const struct object_kind addr_kind = {
	.name = "address",
	.dump = dump,
	.normalize = normalize,
	.remove = remove_one,
	.describe = describe,
};
