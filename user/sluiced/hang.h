/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does a worker of the core hang? Seen by its heartbeat alone: a loop answers
 * nothing, and nothing else of the core may tell.
 *
 * Invariant: only a core that could have given a sign of life is found
 * hanging: not one without its interface (no heartbeat at all), not one that
 * was stopped, and not for a time in which we did not run either.
 */
#ifndef SLUICE_SLUICED_HANG_H
#define SLUICE_SLUICED_HANG_H

#include "sluiced/instance.h"

struct hang {
	__u64 stamp[SL_QUEUES_MAX]; /* of each queue, at the last look */
	__u32 still_ms[SL_QUEUES_MAX]; /* for how long it has been the same */
	__u64 looked_ns; /* 0: never */
	__u32 queue; /* the one that hangs */
	bool killed; /* hang_look() has said so */
};

/* To be called now and then while the core runs. True, once: it hangs, hang->queue tells where. */
bool hang_look(struct hang *hang, const struct instance *inst, pid_t pid);

#endif
