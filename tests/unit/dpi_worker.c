// SPDX-License-Identifier: BSD-2-Clause
/* How a worker waits: for frames that come fast by a pause, for others by poll(), which a frame ends at once. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dpi/io/io.h"
#include "dpi/worker.h"

TestSuite(dpi_worker, .timeout = 30);

#define BURSTS 50

/* A lane on which so many frames are there at a time, and then few or none once. */
static struct {
	struct sl_lane lane;
	struct sl_core record;
	int frames, few, bursts, rests, readable, stop_fd;
	bool between;
} fake;

static int run(struct sl_lane *lane, int budget, sl_frame_handler handle, void *context, struct sl_err *err)
{
	const uint64_t one = 1;

	(void)lane;
	(void)budget;
	(void)handle;
	(void)context;
	(void)err;
	fake.between = !fake.between;
	if (fake.between)
		return fake.bursts < BURSTS ? fake.frames : 0;
	if (++fake.bursts == BURSTS)
		cr_assert_eq(write(fake.stop_fd, &one, sizeof(one)), (ssize_t)sizeof(one));
	return fake.bursts < BURSTS ? fake.few : 0;
}

static void rest(void *context)
{
	(void)context;
	fake.rests++;
}

/* Always: the next burst is there as soon as one looks. */
static int fds(const struct sl_lane *lane, int ret[SL_LANE_FDS])
{
	(void)lane;
	ret[0] = fake.readable;
	return 1;
}

static int account(struct sl_lane *lane, struct sl_err *err)
{
	(void)lane;
	(void)err;
	return 0;
}

static enum sl_action handle(void *context, struct sl_frame *frame)
{
	(void)context;
	(void)frame;
	return SL_FORWARD;
}

static const struct sl_lane_ops ops = { .name = "fake", .run = run, .fds = fds, .account = account };

/* How often it has waited by poll() in so many bursts. */
static __u64 polls_with(int frames, int few)
{
	struct sl_worker worker = { .handle = handle,
				    .rest = rest,
				    .mailbox = SL_MAILBOX_NONE,
				    .heartbeat_ms = 8,
				    .stop_fd = eventfd(0, EFD_CLOEXEC),
				    .event_fd = eventfd(0, EFD_CLOEXEC) };
	struct sl_err err = { 0 };

	memset(&fake, 0, sizeof(fake));
	fake.lane.ops = &ops;
	fake.lane.record = &fake.record;
	fake.frames = frames;
	fake.few = few;
	fake.readable = eventfd(1, EFD_CLOEXEC);
	fake.stop_fd = worker.stop_fd;
	worker.lane = &fake.lane;
	cr_assert_eq(sl_worker_start(&worker, &err), 0, "%s", err.text);
	sl_worker_join(&worker);
	cr_assert_geq(fake.bursts, BURSTS);
	close(fake.readable);
	close(worker.stop_fd);
	close(worker.event_fd);
	return fake.record.polls;
}

/* So many in a burst that they come fast on any machine. */
Test(dpi_worker, who_sends_fast_need_not_wake_it)
{
	__u64 polls = polls_with(1000000, 0);

	/* One more run is behind the last burst: nothing came, so it may have polled then. */
	cr_expect_leq(polls, 2U, "polled %llu times", (unsigned long long)polls);
}

Test(dpi_worker, few_frames_end_its_wait)
{
	__u64 polls = polls_with(20, 0);

	cr_expect_geq(polls, (__u64)BURSTS - 1, "polled %llu times", (unsigned long long)polls);
}

/* They never end, but it has always only a few: it lets some gather. */
Test(dpi_worker, few_of_many_are_left_to_gather)
{
	polls_with(1000000, 3);
	cr_expect_geq(fake.rests, BURSTS - 1);
	polls_with(1000000, 30);
	cr_expect_leq(fake.rests, 2, "rested %d times with enough to do", fake.rests);
}
