/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread that runs one lane: takes frames, has them handled, stamps the
 * heartbeat.
 *
 * Invariant: the lane, its record and its frames are touched by this thread
 * alone from start to join, and the heartbeat is stamped only from the loop
 * that forwards, so that a stuck worker goes stale, and one that must not
 * begin yet counts as absent.
 */
#ifndef SLUICE_DPI_WORKER_H
#define SLUICE_DPI_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dpi/io/io.h"
#include "dpi/mailbox.h"
#include "lib/err.h"

struct sl_worker {
	/* Set by the caller before sl_worker_start(). */
	struct sl_lane *lane;
	sl_frame_handler handle;
	/* Before each run, with the time it is: for what is due, not for what takes long. NULL: nothing. */
	void (*turn)(void *context, uint64_t now_ns);
	void (*rest)(void *context); /* before it sleeps; NULL: nothing */
	/* May frames be taken, and heartbeats stamped? Asked until the first yes. NULL: at once. */
	bool (*may_begin)(void *context);
	void *context; /* of all four */
	struct sl_mailbox mailbox; /* open, or SL_MAILBOX_NONE */
	uint32_t queue;
	uint32_t heartbeat_ms; /* stamped at least every quarter of it */
	uint32_t busy_poll_us; /* keeps looking that long before it sleeps */
	int stop_fd; /* readable: end; shared by all workers */
	int event_fd; /* eventfd, +1 when the worker forwards, +1 when it has ended; shared by all workers */

	/* To be read by anyone. */
	atomic_bool running; /* forwards */
	atomic_bool failed; /* has ended by itself; err says why */
	struct sl_err err;

	pthread_t thread;
	bool started;
};

/* Signals are blocked in the thread. 0 or -errno. */
int sl_worker_start(struct sl_worker *worker, struct sl_err *err);
/* Waits for the end; stop_fd must be readable. Not started: nothing. */
void sl_worker_join(struct sl_worker *worker);

#endif
