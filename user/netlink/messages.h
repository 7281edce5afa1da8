/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's own messages, kept to be sent back to it later.
 *
 * Invariant: what a dump said is kept byte for byte. Nothing is translated
 * into fields of ours, so an attribute this code has never heard of survives;
 * only a copy on its way back to the kernel is patched.
 */
#ifndef SLUICE_NETLINK_MESSAGES_H
#define SLUICE_NETLINK_MESSAGES_H

#include <linux/netlink.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"
#include "netlink/session.h"

struct msgs {
	struct nlmsghdr **item;
	size_t n, room;
};
#define MSGS_NONE                                                                                            \
	{                                                                                                    \
		0                                                                                            \
	}

/* Keeps a copy. 0 or -ENOMEM. */
int msgs_add(struct msgs *msgs, const struct nlmsghdr *message);
/* Frees all; the list is empty and usable afterwards. */
void msgs_clear(struct msgs *msgs);

/* A copy to be sent: type and flags as given, `spare` bytes left for more attributes. NULL: no memory. */
struct nl_msg *message_copy(const struct nlmsghdr *message, __u16 type, __u16 flags, size_t spare);

/* The attributes behind a family header of `header` bytes. */
struct nlattr *message_attr(const struct nlmsghdr *message, size_t header, int type);
/* An attribute's 32 bits, or `otherwise` if it is absent. */
__u32 message_u32(const struct nlmsghdr *message, size_t header, int type, __u32 otherwise);

/*
 * What addresses, routes and neighbours have in common, so that snapshots are
 * taken, compared and put back by one piece of code.
 */
struct object_kind {
	const char *name; /* "address", "route", "neighbour" */
	/* All of one interface, appended to *ret. 0 or -errno. */
	int (*dump)(struct nls *nls, __u32 ifindex, struct msgs *ret, struct sl_err *err);
	/* Normal form of a copy: interface `ifindex` becomes 0, what passes with time is wiped. */
	void (*normalize)(struct nlmsghdr *message, __u32 ifindex);
	/* Deletes one. 0 or -errno. */
	int (*remove)(struct nls *nls, const struct nlmsghdr *message, struct sl_err *err);
	/* In the words of `ip`, for errors; written to text. */
	void (*describe)(const struct nlmsghdr *message, char *text, size_t size);
	/*
	 * Puts one onto interface `to` that was on `from`; there already is no
	 * error. NULL for kinds with a way of their own. 0 or -errno.
	 */
	int (*put)(struct nls *nls, const struct nlmsghdr *message, __u32 from, __u32 to, struct sl_err *err);
};

/*
 * Puts all of them. One that leans on another which is not there yet is tried
 * again behind it; it is an error when nothing helps any more.
 */
int messages_replay(const struct object_kind *kind, struct nls *nls, const struct msgs *list, __u32 from,
		    __u32 to, struct sl_err *err);

/* Equal but for the interface and the passing of time. */
bool message_same(const struct object_kind *kind, const struct nlmsghdr *a, __u32 a_ifindex,
		  const struct nlmsghdr *b, __u32 b_ifindex);
/* The first of `of` that has no equal in `in` from position *at on (which moves on), or NULL. */
const struct nlmsghdr *messages_missing(const struct object_kind *kind, const struct msgs *of,
					__u32 of_ifindex, const struct msgs *in, __u32 in_ifindex,
					size_t *at);

/* "10.0.0.1/24"; length < 0: without. */
void address_text(int family, const struct nlattr *attr, int length, char *text, size_t size);

#endif
