/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeps the core running: starts it, adopts one that runs, starts it anew
 * when it dies, ends it when told.
 *
 * Invariant: at most one core of an instance runs (it holds dpi.lock as long
 * as it lives); it outlives the daemon. While none runs, no heartbeat stands
 * in the map, so the workloads' `fail` setting rules at once.
 */
#ifndef SLUICE_SLUICED_SUPERVISE_H
#define SLUICE_SLUICED_SUPERVISE_H

#include "sluiced/instance.h"

struct core;

enum core_state {
	CORE_EXTERNAL, /* somebody else's business */
	CORE_STARTING, /* runs, has not said that it forwards */
	CORE_RUNNING,
	CORE_WAITING, /* died; a timer runs until the next start */
	CORE_STOPPING,
	CORE_STOPPED,
};

struct core_status {
	enum core_state state;
	pid_t pid; /* 0: none */
	bool adopted;
	unsigned int restarts;
	__u64 since_ns; /* of the state */
	char last_end[128]; /* how the last one ended; empty if none did */
};

/* changed() is called after every change of the state. 0 or -errno. */
int core_create(struct instance *inst, void (*changed)(struct instance *inst), struct core **ret,
		struct sl_err *err);
/* Stops watching, not the core. NULL allowed. */
void core_free(struct core *core);

/* Adopts or starts it; when that fails it is tried again later, as if it had died. */
void core_begin(struct core *core);
/* Ends the one that runs, if any, and starts another. */
void core_restart(struct core *core, const char *why);
/* Ends it for good: state CORE_STOPPED follows, perhaps before this returns. */
void core_stop(struct core *core);

void core_status(const struct core *core, struct core_status *ret);
const char *core_state_name(enum core_state state);

#endif
