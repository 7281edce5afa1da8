// SPDX-License-Identifier: BSD-2-Clause
/* Lists of kernel messages, and comparing them; see messages.h for the invariant. */
#include "netlink/messages.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct nlmsghdr *duplicate(const struct nlmsghdr *message)
{
	struct nlmsghdr *copy = calloc(1, NLMSG_ALIGN(message->nlmsg_len));

	if (copy)
		memcpy(copy, message, message->nlmsg_len);
	return copy;
}

int msgs_add(struct msgs *msgs, const struct nlmsghdr *message)
{
	if (msgs->n == msgs->room) {
		size_t room = msgs->room ? msgs->room * 2 : 16;
		struct nlmsghdr **grown = reallocarray(msgs->item, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		msgs->item = grown;
		msgs->room = room;
	}
	msgs->item[msgs->n] = duplicate(message);
	if (!msgs->item[msgs->n])
		return -ENOMEM;
	msgs->n++;
	return 0;
}

void msgs_clear(struct msgs *msgs)
{
	size_t i;

	for (i = 0; i < msgs->n; i++)
		free(msgs->item[i]);
	free(msgs->item);
	memset(msgs, 0, sizeof(*msgs));
}

struct nl_msg *message_copy(const struct nlmsghdr *message, __u16 type, __u16 flags, size_t spare)
{
	int len = nlmsg_datalen(message);
	struct nl_msg *msg;

	msg = nlmsg_alloc_size(NLMSG_ALIGN(message->nlmsg_len) + NLMSG_ALIGN(spare));
	if (!msg)
		return NULL;
	if (!nlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, type, 0, NLM_F_REQUEST | flags) ||
	    nlmsg_append(msg, nlmsg_data(message), len, NLMSG_ALIGNTO)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

struct nlattr *message_attr(const struct nlmsghdr *message, size_t header, int type)
{
	return nlmsg_find_attr((struct nlmsghdr *)message, header, type);
}

__u32 message_u32(const struct nlmsghdr *message, size_t header, int type, __u32 otherwise)
{
	struct nlattr *attr = message_attr(message, header, type);

	return attr && nla_len(attr) >= (int)sizeof(__u32) ? nla_get_u32(attr) : otherwise;
}

static struct nlmsghdr *normal_form(const struct object_kind *kind, const struct nlmsghdr *message,
				    __u32 ifindex)
{
	struct nlmsghdr *copy = duplicate(message);

	if (!copy)
		return NULL;
	copy->nlmsg_flags = 0;
	copy->nlmsg_seq = 0;
	copy->nlmsg_pid = 0;
	kind->normalize(copy, ifindex);
	return copy;
}

bool message_same(const struct object_kind *kind, const struct nlmsghdr *a, __u32 a_ifindex,
		  const struct nlmsghdr *b, __u32 b_ifindex)
{
	struct nlmsghdr *x, *y;
	bool same = false;

	if (a->nlmsg_len != b->nlmsg_len)
		return false;
	x = normal_form(kind, a, a_ifindex);
	y = normal_form(kind, b, b_ifindex);
	if (x && y)
		same = !memcmp(x, y, x->nlmsg_len);
	free(x);
	free(y);
	return same;
}

/*
 * Looks around the place where it should be first, then ever farther off: the
 * lists are mostly in the same order, and a workload decides how long they are.
 */
static bool contains(const struct object_kind *kind, const struct msgs *list, __u32 ifindex, size_t near,
		     const struct nlmsghdr *message, __u32 message_ifindex)
{
	size_t i, off;

	for (off = 0; off <= near || near + off < list->n; off++) {
		for (i = 0; i < 2; i++) {
			size_t at = i ? near - off : near + off;

			/* Below zero is far above the end. */
			if ((i && !off) || at >= list->n)
				continue;
			if (message_same(kind, message, message_ifindex, list->item[at], ifindex))
				return true;
		}
	}
	return false;
}

const struct nlmsghdr *messages_missing(const struct object_kind *kind, const struct msgs *of,
					__u32 of_ifindex, const struct msgs *in, __u32 in_ifindex, size_t *at)
{
	while (*at < of->n) {
		size_t near = (*at)++;

		if (!contains(kind, in, in_ifindex, near, of->item[near], of_ifindex))
			return of->item[near];
	}
	return NULL;
}

int messages_replay(const struct object_kind *kind, struct nls *nls, const struct msgs *list, __u32 from,
		    __u32 to, struct sl_err *err)
{
	const struct nlmsghdr **waiting;
	size_t n = list->n, left, i;
	int rc, first = 0;

	if (!n)
		return 0;
	waiting = calloc(n, sizeof(*waiting));
	if (!waiting)
		return sl_err(err, ENOMEM, "out of memory for %zu objects of kind %s", n, kind->name);
	for (i = 0; i < n; i++)
		waiting[i] = list->item[i];
	while (n) {
		left = 0;
		for (i = 0; i < n; i++) {
			rc = kind->put(nls, waiting[i], from, to, left ? NULL : err);
			if (!rc)
				continue;
			if (!left)
				first = rc;
			waiting[left++] = waiting[i];
		}
		/* Nothing helps these any more; the first one's error stands for all. */
		if (left == n)
			break;
		n = left;
	}
	free(waiting);
	return n ? first : 0;
}

void address_text(int family, const struct nlattr *attr, int length, char *text, size_t size)
{
	char number[INET6_ADDRSTRLEN] = "?";
	int want = family == AF_INET6 ? 16 : 4;

	if (attr && nla_len(attr) >= want)
		inet_ntop(family, nla_data(attr), number, sizeof(number));
	if (length < 0)
		snprintf(text, size, "%s", number);
	else
		snprintf(text, size, "%s/%d", number, length);
}
