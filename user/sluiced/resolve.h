/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From what the user calls a workload to its network namespace.
 *
 * Invariant: a text means the same however often it is asked; which of the
 * forms applied is visible in the canonical text ("pid:12", "netns:blue",
 * "container:web").
 */
#ifndef SLUICE_SLUICED_RESOLVE_H
#define SLUICE_SLUICED_RESOLVE_H

#include "sluiced/workloads.h"

struct target {
	int ns_fd;
	struct sl_netns_id ns;
	pid_t pid; /* 0: not known */
	char text[TARGET_LEN]; /* canonical */
	char ns_path[SL_PATH_LEN]; /* empty unless it was given as a name or a path */
	char name[SL_NAME_LEN]; /* for the workload, if none is asked for */
};

/* 0; -ENOENT, -ENOTUNIQ, -ESRCH, -EINVAL, other -errno. target_close() after success only. */
int target_resolve(const char *text, struct target *ret, struct sl_err *err);
void target_close(struct target *target);

#endif
