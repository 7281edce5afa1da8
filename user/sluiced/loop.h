/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's one epoll loop: descriptors that have a function each, and
 * timers.
 *
 * Invariant: one event is fetched and handled at a time, so a handler may
 * remove and free any source, its own too, without leaving a stale event.
 */
#ifndef SLUICE_SLUICED_LOOP_H
#define SLUICE_SLUICED_LOOP_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/epoll.h>

#include "lib/err.h"

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

struct source {
	int fd; /* -1: none; the owner closes it, by source_close() */
	void (*ready)(struct source *source, __u32 events);
};
#define SOURCE_NONE                                                                                          \
	{                                                                                                    \
		-1, NULL                                                                                     \
	}

struct loop {
	int epfd;
	bool ended; /* set by a handler: loop_run() returns */
};

int loop_open(struct loop *loop, struct sl_err *err);
void loop_close(struct loop *loop);
/* what names the source in the error's text. 0 or -errno. */
int loop_add(struct loop *loop, struct source *source, const char *what, struct sl_err *err);
/* Takes the source out of the loop and closes its descriptor; a closed one is left alone. */
void source_close(struct loop *loop, struct source *source);
int loop_run(struct loop *loop, struct sl_err *err);

/* A timer is a source whose descriptor is a timerfd, disarmed at first. */
int timer_open(struct loop *loop, struct source *source, const char *what, struct sl_err *err);
void timer_set(const struct source *source, __u64 first_ms, __u64 every_ms); /* 0, 0: disarmed */
void timer_clear(const struct source *source); /* takes the expiration, to be called by ready() */

__u64 now_ns(void); /* CLOCK_MONOTONIC */

#endif
