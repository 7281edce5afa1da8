/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Network namespaces: opening, naming, comparing, and working inside one.
 *
 * Invariant: the calling thread is back in its own namespace when
 * sl_netns_leave() returns; only the network namespace changes, never the
 * mount namespace (so pins under /sys/fs/bpf stay in sight).
 */
#ifndef SLUICE_LIB_NETNS_H
#define SLUICE_LIB_NETNS_H

#include <sys/types.h>

#include "lib/err.h"

/* Identifies a namespace for as long as it lives; numbers of st_dev, st_ino of its nsfs file. */
struct sl_netns_id {
	dev_t dev;
	ino_t ino;
};

/* All return a close-on-exec descriptor owned by the caller, or -errno with err filled. */
int sl_netns_open_self(struct sl_err *err);
int sl_netns_open_pid(pid_t pid, struct sl_err *err);
/* A path when it holds a '/', otherwise a name under /run/netns (as `ip netns` has them). */
int sl_netns_open_name(const char *name_or_path, struct sl_err *err);

/* 0 or -errno. */
int sl_netns_id(int netns_fd, struct sl_netns_id *ret_id);
/* 1 same, 0 not. */
int sl_netns_same(const struct sl_netns_id *a, const struct sl_netns_id *b);

/* A descriptor of the living namespace with that id, found among /run/netns, /run/docker/netns and /proc/PID/ns/net; -ENOENT if none. */
int sl_netns_find(const struct sl_netns_id *id, struct sl_err *err);

/* Enter returns a token (the previous namespace's descriptor) for leave, or -errno. Leave aborts the process if it cannot go back. */
int sl_netns_enter(int netns_fd, struct sl_err *err);
void sl_netns_leave(int token);

#endif
