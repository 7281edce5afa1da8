/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The core as a process: making one with exactly what it may have, and
 * recognising one that runs already.
 *
 * Invariant: dpi.lock is locked as long as a core lives, and names its pid and
 * what it was started with; a pid is used only if that process has the lock
 * file open.
 */
#ifndef SLUICE_SLUICED_SPAWN_H
#define SLUICE_SLUICED_SPAWN_H

#include "sluiced/instance.h"
#include "sluiced/spare.h"

struct spawned {
	pid_t pid;
	int pidfd;
	int ready_fd; /* "R" comes here once it forwards; -1 for one that ran already */
	bool child; /* ours to wait for */
	bool was_spare; /* until now */
	bool fits; /* was started with the settings and maps of today */
};

/* The spare one, if it fits, or a new one. 0; -EBUSY if a core runs already; -errno. */
int spawn_core(const struct instance *inst, struct spare *spare, struct spawned *ret, struct sl_err *err);
/* 0; -ENOENT if none runs; -errno. Asks it for its status, a second at most. */
int find_core(const struct instance *inst, struct spawned *ret, struct sl_err *err);
/* Sends it a command that needs no answer. 0 or -errno. */
int tell_core(const struct instance *inst, const char *json, struct sl_err *err);

#endif
