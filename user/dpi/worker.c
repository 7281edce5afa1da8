// SPDX-License-Identifier: BSD-2-Clause
/* The loop of one worker; see worker.h for the invariant. */
#include "dpi/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"

#define BUDGET 64 /* frames between two looks at the clock; also the kernel's own for one queue */
#define HOLD_MS 100 /* between two looks while it may not begin; a letter wakes it at once */
#define PENDING_NS 1000000 /* how soon to try again to send what the kernel would not take */
/*
 * Frames come fast: so many since the last rest at least, and one in so short a time. Then a run of few is followed by a
 * pause, in which more gather: by themselves they cost a system call, and to be woken for them costs whoever sends them
 * more than the frames do.
 */
#define FAST_FRAMES 32
#define FAST_NS 2000
#define FEW 16
#define PAUSE_NS 50000 /* a lane's rings have room for far more than come meanwhile */
#define LAST_RUNS 64 /* at the end: what has been received still leaves, but not for ever */

static void tell(const struct sl_worker *worker)
{
	const uint64_t one = 1;

	/* An eventfd takes 2^64 - 2 of these. */
	if (write(worker->event_fd, &one, sizeof(one)) < 0)
		return;
}

/* frames have come in so long a time, the rest before them included. */
static bool come_fast(int64_t frames, uint64_t ns)
{
	return frames >= FAST_FRAMES && ns < (uint64_t)frames * FAST_NS;
}

/* For whoever has something to say, and for frames too if `frames`. True when stop_fd is readable. */
static bool wait_for(struct sl_worker *worker, bool frames, uint64_t ns)
{
	const struct timespec timeout = { (time_t)(ns / 1000000000), (long)(ns % 1000000000) };
	struct pollfd fds[2 + SL_LANE_FDS] = {
		{ .fd = worker->stop_fd, .events = POLLIN },
		{ .fd = worker->mailbox.wake_fd, .events = POLLIN },
	};
	int lane[SL_LANE_FDS], n = frames ? worker->lane->ops->fds(worker->lane, lane) : 0;

	for (int i = 0; i < n; i++)
		fds[2 + i] = (struct pollfd){ .fd = lane[i], .events = POLLIN };
	sl_record_add(&worker->lane->record->polls, frames);
	/* Nobody has asked: any may be. */
	worker->lane->ready = frames ? 0 : ~0U;
	/* A failing poll() looks like a timeout: the lane itself says what is wrong with its socket. */
	if (ppoll(fds, 2 + (nfds_t)n, &timeout, NULL) <= 0)
		return false;
	for (int i = 0; i < n; i++)
		worker->lane->ready |= fds[2 + i].revents ? 1U << i : 0;
	if (fds[1].revents)
		sl_mailbox_woken(&worker->mailbox);
	return fds[0].revents;
}

static bool told_to_stop(const struct sl_worker *worker)
{
	struct pollfd stop = { .fd = worker->stop_fd, .events = POLLIN };

	return poll(&stop, 1, 0) > 0;
}

/* Without frames and without a heartbeat, until it may begin. True when stop_fd is readable. */
static bool hold(struct sl_worker *worker)
{
	struct pollfd fds[] = {
		{ .fd = worker->stop_fd, .events = POLLIN },
		{ .fd = worker->mailbox.wake_fd, .events = POLLIN },
	};

	for (;;) {
		if (worker->turn)
			worker->turn(worker->context, sl_clock_ns());
		sl_mailbox_look(&worker->mailbox, worker->context);
		if (worker->may_begin(worker->context))
			return false;
		if (worker->rest)
			worker->rest(worker->context);
		if (poll(fds, 2, HOLD_MS) <= 0)
			continue;
		if (fds[1].revents)
			sl_mailbox_woken(&worker->mailbox);
		if (fds[0].revents)
			return true;
	}
}

static int forward(struct sl_worker *worker)
{
	struct sl_lane *lane = worker->lane;
	/*
	 * Stamped when an eighth of the time has passed, looked at after waiting
	 * at most another eighth: no two stamps are more than a quarter apart.
	 */
	uint64_t eighth = (worker->heartbeat_ms ? worker->heartbeat_ms : 1000) * 1000000ull / 8;
	uint64_t busy_ns = worker->busy_poll_us * 1000ull;
	uint64_t wait_ns = eighth < 1000000 ? 1000000 : eighth;
	uint64_t now = sl_clock_ns(), stamped = now, last_frame = now, rested = now;
	int64_t frames = 0; /* since then */
	bool held = worker->may_begin && !worker->may_begin(worker->context);
	int r, taken;
	bool pause;

	if (!held)
		sl_record_set(&lane->record->heartbeat_ns, now);
	atomic_store(&worker->running, !held);
	/* Held or not it is here: what it waits for comes by requests, which are answered from then on. */
	tell(worker);
	if (held) {
		if (hold(worker))
			return 0;
		now = stamped = last_frame = rested = sl_clock_ns();
		sl_record_set(&lane->record->heartbeat_ns, now);
		atomic_store(&worker->running, true);
	}
	for (;;) {
		if (worker->turn)
			worker->turn(worker->context, now);
		sl_mailbox_look(&worker->mailbox, worker->context);
		taken = lane->ops->run(lane, BUDGET, worker->handle, worker->context, &worker->err);
		if (taken < 0)
			return taken;
		now = sl_clock_ns();
		if (taken)
			last_frame = now;
		if (now - stamped >= eighth) {
			r = lane->ops->account(lane, &worker->err);
			if (r < 0)
				return r;
			/* Without its interface it is as good as absent. */
			sl_record_set(&lane->record->heartbeat_ns, lane->down ? 0 : now);
			stamped = now;
			if (told_to_stop(worker))
				return 0;
		}
		frames += taken;
		pause = taken < FEW && come_fast(frames, now - rested);
		if (!pause && (taken || now - last_frame < busy_ns))
			continue;
		if (worker->rest)
			worker->rest(worker->context);
		if (wait_for(worker, !pause, pause ? PAUSE_NS : lane->pending ? PENDING_NS : wait_ns))
			return 0;
		rested = now;
		frames = 0;
		now = sl_clock_ns();
	}
}

static void *worker_main(void *arg)
{
	struct sl_worker *worker = arg;
	struct sl_lane *lane = worker->lane;
	char name[16];
	int r;

	/* By the thread itself: for another's name libc would open a file below /proc. */
	snprintf(name, sizeof(name), "dpi-queue-%u", worker->queue);
	pthread_setname_np(pthread_self(), name);
	__atomic_store_n(&lane->record->pid, (uint32_t)getpid(), __ATOMIC_RELAXED);
	r = forward(worker);
	/* First of all the programs learn that nobody is here: the workload's `fail` setting rules at once. */
	sl_record_set(&lane->record->heartbeat_ns, 0);
	atomic_store(&worker->running, false);
	for (int i = 0; i < LAST_RUNS && r >= 0; i++) {
		/* Nobody polls any more. */
		lane->ready = ~0U;
		r = lane->ops->run(lane, BUDGET, worker->handle, worker->context, &worker->err);
		if (r == 0)
			break;
	}
	if (r >= 0)
		r = lane->ops->account(lane, &worker->err);
	if (r < 0)
		atomic_store(&worker->failed, true);
	tell(worker);
	return NULL;
}

int sl_worker_start(struct sl_worker *worker, struct sl_err *err)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&worker->thread, NULL, worker_main, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r)
		return sl_errno(err, r, "starting the worker of queue %u", worker->queue);
	worker->started = true;
	return 0;
}

void sl_worker_join(struct sl_worker *worker)
{
	if (!worker || !worker->started)
		return;
	pthread_join(worker->thread, NULL);
	worker->started = false;
}
