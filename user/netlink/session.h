/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One rtnetlink conversation inside one network namespace, over libnl.
 *
 * Invariant: the socket stays in the namespace it was opened in, whatever the
 * process does later; errors carry the kernel's extended text when it has one.
 */
#ifndef SLUICE_NETLINK_SESSION_H
#define SLUICE_NETLINK_SESSION_H

#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "lib/err.h"

struct nls;

/* netns_fd < 0: the current namespace. label (copied) names it in errors. 0 or -errno. */
int nls_open(struct nls **ret, int netns_fd, const char *label, struct sl_err *err);
void nls_close(struct nls *nls); /* NULL allowed */
const char *nls_label(const struct nls *nls);

/* Sends msg (freed in any case) and waits for the acknowledgement. 0 or -errno, text = what + kernel's reason. */
int nls_call(struct nls *nls, struct nl_msg *msg, struct sl_err *err, const char *what_fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Sends msg (freed) as a dump or a get and shows each answer. The callback returns 0 to go on or -errno to stop with. */
typedef int (*nls_visit)(void *context, struct nlmsghdr *message);
int nls_dump(struct nls *nls, struct nl_msg *msg, nls_visit visit, void *context, struct sl_err *err,
	     const char *what_fmt, ...) __attribute__((format(printf, 6, 7)));

#endif
