// SPDX-License-Identifier: BSD-2-Clause
/*
 * Queueing disciplines: the kernel's RTM_NEWQDISC and RTM_NEWTCLASS messages
 * kept and sent back.
 *
 * Invariant: only what configures is kept: kind, options, size table. Counts
 * and statistics are left out when the message is read, so two messages about
 * the same configuration are equal.
 */
#include "netlink/qdisc.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>

#define HEADER sizeof(struct tcmsg)

/* Tried; whatever else they may hide is found by comparing afterwards. */
static const char *const carried[] = { "pfifo", "bfifo", "pfifo_fast", "tbf",	 "htb",	   "prio",
				       "fq",	"codel", "fq_codel",   "clsact", "ingress" };

static struct tcmsg *body(const struct nlmsghdr *message)
{
	return nlmsg_data(message);
}

const char *qdisc_name(const struct nlmsghdr *message)
{
	struct nlattr *kind = message_attr(message, HEADER, TCA_KIND);

	return kind && nla_len(kind) > 0 ? nla_data(kind) : "nameless";
}

/* The packets that passed unclassified stand among htb's options. */
static int copy_options(struct nl_msg *msg, const struct nlattr *options, bool htb)
{
	struct nlattr *init = NULL;
	struct tc_htb_glob glob;
	int rc;

	rc = nla_put(msg, options->nla_type, nla_len(options), nla_data(options));
	if (rc || !htb)
		return rc;
	options = nlmsg_find_attr(nlmsg_hdr(msg), HEADER, TCA_OPTIONS);
	if (options)
		init = nla_find(nla_data(options), nla_len(options), TCA_HTB_INIT);
	if (init && nla_len(init) >= (int)sizeof(glob)) {
		memcpy(&glob, nla_data(init), sizeof(glob));
		glob.direct_pkts = 0;
		/* Told in the kernel's full length, taken in the old short one. */
		if (glob.version >> 16)
			glob.version >>= 16;
		memcpy(nla_data(init), &glob, sizeof(glob));
	}
	return 0;
}

static struct nl_msg *configuration(const struct nlmsghdr *message, __u16 type, __u16 flags, __u32 from,
				    __u32 to)
{
	static const int types[] = { TCA_KIND, TCA_OPTIONS, TCA_STAB, TCA_INGRESS_BLOCK, TCA_EGRESS_BLOCK };
	struct nl_msg *msg = nlmsg_alloc_size(NLMSG_ALIGN(message->nlmsg_len) + 64);
	struct tcmsg head = *body(message);
	bool htb = !strcmp(qdisc_name(message), "htb");
	unsigned int i;

	/* The number of users, or the qdisc below a class. */
	head.tcm_info = 0;
	if ((__u32)head.tcm_ifindex == from)
		head.tcm_ifindex = to;
	if (!msg)
		return NULL;
	if (!nlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, type, 0, NLM_F_REQUEST | flags) ||
	    nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO))
		goto fail;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct nlattr *attr = message_attr(message, HEADER, types[i]);

		if (!attr)
			continue;
		if (types[i] == TCA_OPTIONS ? copy_options(msg, attr, htb)
					    : nla_put(msg, types[i], nla_len(attr), nla_data(attr)))
			goto fail;
	}
	return msg;
fail:
	nlmsg_free(msg);
	return NULL;
}

struct filter {
	__u32 ifindex;
	__u16 type;
	struct msgs *ret;
};

static int visit(void *context, struct nlmsghdr *message)
{
	struct filter *filter = context;
	struct nl_msg *msg;
	int rc;

	if (message->nlmsg_type != filter->type || !nlmsg_valid_hdr(message, HEADER) ||
	    (__u32)body(message)->tcm_ifindex != filter->ifindex)
		return 0;
	/* Those the kernel sets up by itself have no handle; other qdiscs' classes come with them. */
	if (!body(message)->tcm_handle ||
	    (filter->type == RTM_NEWTCLASS && strcmp(qdisc_name(message), "htb") != 0))
		return 0;
	msg = configuration(message, message->nlmsg_type, 0, 0, 0);
	rc = msg ? msgs_add(filter->ret, nlmsg_hdr(msg)) : -ENOMEM;
	nlmsg_free(msg);
	return rc;
}

/*
 * Parents before their children: a class whose parent is not there yet is not
 * refused, it becomes one without a parent.
 */
static int add_classes(const struct msgs *classes, struct msgs *ret)
{
	size_t begin = ret->n, taken, i, j;
	int rc = 0;

	do {
		taken = ret->n;
		for (i = 0; !rc && i < classes->n; i++) {
			const struct tcmsg *class = body(classes->item[i]);
			bool ready = class->tcm_parent == TC_H_ROOT || !TC_H_MIN(class->tcm_parent),
			     there = false;

			for (j = begin; j < ret->n; j++) {
				there |= body(ret->item[j])->tcm_handle == class->tcm_handle;
				ready |= body(ret->item[j])->tcm_handle == class->tcm_parent;
			}
			if (ready && !there)
				rc = msgs_add(ret, classes->item[i]);
		}
	} while (!rc && ret->n > taken);
	return rc;
}

static int dump(struct nls *nls, __u32 ifindex, struct msgs *ret, struct sl_err *err)
{
	static const struct {
		__u16 get, new;
	} types[] = { { RTM_GETQDISC, RTM_NEWQDISC }, { RTM_GETTCLASS, RTM_NEWTCLASS } };
	struct msgs classes = MSGS_NONE;
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < 2; i++) {
		struct filter filter = { ifindex, types[i].new, i ? &classes : ret };
		struct tcmsg request = { .tcm_ifindex = ifindex };
		struct nl_msg *msg;

		/* Without a qdisc of a user's there are no classes. */
		if (i && !ret->n)
			break;
		msg = nlmsg_alloc_simple(types[i].get, NLM_F_REQUEST | NLM_F_DUMP);
		if (msg)
			nlmsg_append(msg, &request, sizeof(request), NLMSG_ALIGNTO);
		rc = nls_dump(nls, msg, visit, &filter, err, "read the qdiscs of interface %u", ifindex);
		/* A kernel without traffic control has none. */
		if (rc == -EOPNOTSUPP)
			rc = 0;
	}
	if (!rc && add_classes(&classes, ret))
		rc = sl_err(err, ENOMEM, "out of memory for the classes of interface %u", ifindex);
	msgs_clear(&classes);
	return rc;
}

static void normalize(struct nlmsghdr *message, __u32 ifindex)
{
	if ((__u32)body(message)->tcm_ifindex == ifindex)
		body(message)->tcm_ifindex = 0;
}

static void describe(const struct nlmsghdr *message, char *text, size_t size)
{
	__u32 handle = body(message)->tcm_handle;

	snprintf(text, size, "%s %x:%x", qdisc_name(message), handle >> 16, handle & 0xffff);
}

static int remove_one(struct nls *nls, const struct nlmsghdr *message, struct sl_err *err)
{
	bool class = message->nlmsg_type == RTM_NEWTCLASS;
	char text[64];

	describe(message, text, sizeof(text));
	return nls_call(nls, message_copy(message, class ? RTM_DELTCLASS : RTM_DELQDISC, 0, 0), err,
			"remove the %s %s", class ? "class" : "qdisc", text);
}

static int put(struct nls *nls, const struct nlmsghdr *message, __u32 from, __u32 to, struct sl_err *err)
{
	bool class = message->nlmsg_type == RTM_NEWTCLASS;
	char text[64];
	int rc;

	describe(message, text, sizeof(text));
	rc = nls_call(nls, configuration(message, message->nlmsg_type, NLM_F_CREATE | NLM_F_EXCL, from, to),
		      err, "put back the %s %s", class ? "class" : "qdisc", text);
	return rc == -EEXIST ? 0 : rc;
}

const char *qdisc_obstacle(const struct nlmsghdr *message)
{
	const char *name = qdisc_name(message);
	struct nlattr *options = message_attr(message, HEADER, TCA_OPTIONS);
	struct tc_netem_qopt netem;
	unsigned int i;

	if (message_attr(message, HEADER, TCA_INGRESS_BLOCK) ||
	    message_attr(message, HEADER, TCA_EGRESS_BLOCK))
		return "which shares a block of filters with other interfaces";
	for (i = 0; i < sizeof(carried) / sizeof(carried[0]); i++)
		if (!strcmp(name, carried[i]))
			return NULL;
	if (strcmp(name, "netem") != 0 || !options || nla_len(options) < (int)sizeof(netem))
		return "which cannot be carried over";
	memcpy(&netem, nla_data(options), sizeof(netem));
	/* The kernel takes a distribution of delays, but does not tell it. */
	return netem.jitter ? "whose distribution of delays cannot be read" : NULL;
}

static int visit_filter(void *context, struct nlmsghdr *message)
{
	bool *any = context;

	*any |= message->nlmsg_type == RTM_NEWTFILTER;
	return 0;
}

static int has_filters(struct nls *nls, __u32 ifindex, __u32 parent, struct sl_err *err)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETTFILTER, NLM_F_REQUEST | NLM_F_DUMP);
	struct tcmsg request = { .tcm_ifindex = ifindex, .tcm_parent = parent };
	bool any = false;
	int rc;

	if (msg)
		nlmsg_append(msg, &request, sizeof(request), NLMSG_ALIGNTO);
	rc = nls_dump(nls, msg, visit_filter, &any, err, "read the filters of interface %u", ifindex);
	/* Not a thing to hang filters on. */
	if (rc == -EINVAL || rc == -EOPNOTSUPP)
		rc = 0;
	return rc ? rc : any;
}

int qdisc_has_filters(struct nls *nls, __u32 ifindex, const struct msgs *qdiscs, struct sl_err *err)
{
	int rc = 0;
	size_t i;

	for (i = 0; !rc && i < qdiscs->n; i++) {
		if (strcmp(qdisc_name(qdiscs->item[i]), "clsact") != 0) {
			rc = has_filters(nls, ifindex, body(qdiscs->item[i])->tcm_handle, err);
			continue;
		}
		rc = has_filters(nls, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), err);
		if (!rc)
			rc = has_filters(nls, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS), err);
	}
	return rc;
}

const struct object_kind qdisc_kind = {
	.name = "qdisc",
	.dump = dump,
	.normalize = normalize,
	.remove = remove_one,
	.describe = describe,
	.put = put,
};
