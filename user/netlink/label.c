// SPDX-License-Identifier: BSD-2-Clause
/*
 * Address labels: what the choice of a source address goes by.
 *
 * Invariant: labels of one interface only. The kernel does not drop them with
 * their interface: they would wait for whoever gets its number next, so they
 * are taken away from the old number by whoever puts them onto the new one.
 */
#include "netlink/label.h"

#include <errno.h>
#include <linux/if_addrlabel.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <string.h>

#define HEADER sizeof(struct ifaddrlblmsg)

static struct ifaddrlblmsg *body(const struct nlmsghdr *message)
{
	return nlmsg_data(message);
}

struct filter {
	__u32 ifindex;
	struct msgs *ret;
};

static int visit(void *context, struct nlmsghdr *message)
{
	struct filter *filter = context;

	if (message->nlmsg_type != RTM_NEWADDRLABEL || !nlmsg_valid_hdr(message, HEADER) ||
	    body(message)->ifal_index != filter->ifindex)
		return 0;
	return msgs_add(filter->ret, message);
}

static int dump(struct nls *nls, __u32 ifindex, struct msgs *ret, struct sl_err *err)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETADDRLABEL, NLM_F_REQUEST | NLM_F_DUMP);
	struct ifaddrlblmsg request = { .ifal_family = AF_INET6 };
	struct filter filter = { ifindex, ret };
	int rc;

	if (msg)
		nlmsg_append(msg, &request, sizeof(request), NLMSG_ALIGNTO);
	rc = nls_dump(nls, msg, visit, &filter, err, "read the IPv6 address labels");
	/* No IPv6 in this kernel: no labels. */
	return rc == -EOPNOTSUPP || rc == -EAFNOSUPPORT ? 0 : rc;
}

static void normalize(struct nlmsghdr *message, __u32 ifindex)
{
	if (body(message)->ifal_index == ifindex)
		body(message)->ifal_index = 0;
	/* Counts the changes of the whole table. */
	body(message)->ifal_seq = 0;
}

static void describe(const struct nlmsghdr *message, char *text, size_t size)
{
	address_text(AF_INET6, message_attr(message, HEADER, IFAL_ADDRESS), body(message)->ifal_prefixlen,
		     text, size);
}

static int remove_one(struct nls *nls, const struct nlmsghdr *message, struct sl_err *err)
{
	char text[64];

	describe(message, text, sizeof(text));
	return nls_call(nls, message_copy(message, RTM_DELADDRLABEL, 0, 0), err,
			"remove the address label of %s", text);
}

static int put(struct nls *nls, const struct nlmsghdr *message, __u32 from, __u32 to, struct sl_err *err)
{
	struct nl_msg *msg = message_copy(message, RTM_NEWADDRLABEL, NLM_F_CREATE | NLM_F_REPLACE, 0);
	char text[64];

	describe(message, text, sizeof(text));
	/* The old number may be gone with its labels, or never have been here. */
	if (from != to)
		remove_one(nls, message, NULL);
	if (msg)
		body(nlmsg_hdr(msg))->ifal_index = to;
	return nls_call(nls, msg, err, "put back the address label of %s", text);
}

const struct object_kind label_kind = {
	.name = "address label",
	.dump = dump,
	.normalize = normalize,
	.remove = remove_one,
	.describe = describe,
	.put = put,
};
