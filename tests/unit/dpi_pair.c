// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two lanes as one: neither waits long for the other, what the core says leaves
 * by the lane of what it answers, and what is wrong with one is wrong with both.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dpi/io/pair.h"
#include "dpi/worker.h"

TestSuite(dpi_pair);

#define BUDGET 64

/* A lane on which so many frames wait. */
struct fake {
	struct sl_lane lane;
	int waiting, taken, sent, broken, runs;
	int late; /* come when it has been asked once */
	bool pending, down;
};

static struct sl_core record;

static struct fake *of(struct sl_lane *lane)
{
	return (struct fake *)lane;
}

static int run(struct sl_lane *lane, int budget, sl_frame_handler handle, void *context, struct sl_err *err)
{
	struct sl_frame frame = { .queue = 0 };
	struct fake *fake = of(lane);
	int n = fake->waiting < budget ? fake->waiting : budget;

	(void)err;
	fake->runs++;
	if (fake->broken)
		return fake->broken;
	for (int i = 0; i < n; i++)
		handle(context, &frame);
	fake->taken += n;
	fake->waiting -= n;
	fake->waiting += fake->late;
	fake->late = 0;
	lane->pending = fake->pending;
	return n;
}

static int send_one(struct sl_lane *lane, const uint8_t *data, uint32_t len, struct sl_err *err)
{
	(void)data;
	(void)len;
	(void)err;
	of(lane)->sent++;
	return 0;
}

static int account(struct sl_lane *lane, struct sl_err *err)
{
	(void)err;
	lane->down = of(lane)->down;
	return 0;
}

/* Never readable. */
static int fds(const struct sl_lane *lane, int ret[SL_LANE_FDS])
{
	static int silent = -1;

	(void)lane;
	if (silent < 0)
		silent = eventfd(0, EFD_CLOEXEC);
	ret[0] = silent;
	return 1;
}

static const struct sl_lane_ops fake_ops = {
	.name = "fake", .run = run, .send = send_one, .account = account, .fds = fds
};

static struct fake frames, bulk;
static struct sl_lane *pair;

static enum sl_action answer(void *context, struct sl_frame *frame)
{
	struct sl_err err;

	(void)frame;
	pair->ops->send(pair, context, 1, &err);
	return SL_FORWARD;
}

static void both(int frames_waiting, int bulk_waiting)
{
	frames = (struct fake){ .lane = { .ops = &fake_ops, .record = &record }, .waiting = frames_waiting };
	bulk = (struct fake){ .lane = { .ops = &fake_ops, .record = &record }, .waiting = bulk_waiting };
	pair = sl_pair_new(&frames.lane, &bulk.lane);
	cr_assert_not_null(pair);
}

static int turn(void)
{
	struct sl_err err = { 0 };

	return pair->ops->run(pair, BUDGET, answer, &record, &err);
}

/* A super-frame is 64 KB: as many of them as of the others would keep those waiting for milliseconds. */
Test(dpi_pair, neither_waits_long_for_the_other)
{
	both(1000, 1000);
	for (int i = 1; i <= 3; i++) {
		cr_expect_gt(turn(), 0);
		cr_expect_eq(frames.taken, i * BUDGET);
		cr_expect(bulk.taken >= i && bulk.taken <= i * BUDGET / 4, "%d super-frames in %d turns",
			  bulk.taken, i);
	}
	pair->ops->destroy(pair);
	both(0, 1000);
	cr_expect_gt(turn(), 0);
	pair->ops->destroy(pair);
	both(0, 0);
	cr_expect_eq(turn(), 0);
	pair->ops->destroy(pair);
}

/* It is a system call each time. */
Test(dpi_pair, bulk_is_asked_for_when_there_may_be_some)
{
	both(1000, 0);
	for (int i = 0; i < 100; i++)
		turn();
	cr_expect_eq(frames.runs, 100);
	cr_expect(bulk.runs >= 2 && bulk.runs <= 25, "asked %d times", bulk.runs);
	/* Readable, or with something that waits to leave: at once, and as long as there is more. */
	bulk = (struct fake){ .lane = { .ops = &fake_ops, .record = &record }, .waiting = 1000 };
	pair->ready = 2;
	for (int i = 1; i <= 10; i++) {
		turn();
		cr_expect_eq(bulk.runs, i);
	}
	bulk.waiting = 0;
	turn();
	bulk.runs = 0;
	bulk.lane.pending = true;
	turn();
	cr_expect_eq(bulk.runs, 1);
	pair->ops->destroy(pair);
}

Test(dpi_pair, an_answer_leaves_as_what_it_answers_came)
{
	struct sl_err err;

	both(3, 2);
	turn();
	cr_expect_eq(frames.sent, 3);
	cr_expect_eq(bulk.sent, 2);
	pair->ops->send(pair, (const uint8_t *)"x", 1, &err);
	cr_expect_eq(frames.sent, 4, "between two runs");
	cr_expect_eq(sl_pair_bulk(pair), &bulk.lane);
	cr_expect_null(sl_pair_bulk(&frames.lane));
	pair->ops->destroy(pair);
}

Test(dpi_pair, what_is_wrong_with_one_is_wrong_with_both)
{
	struct sl_err err;

	both(1, 1);
	cr_assert_eq(pair->ops->account(pair, &err), 0);
	cr_expect(!pair->down);
	bulk.down = true;
	cr_assert_eq(pair->ops->account(pair, &err), 0);
	cr_expect(pair->down);
	bulk.pending = true;
	turn();
	cr_expect(pair->pending);
	bulk.broken = -ENODEV;
	cr_expect_eq(turn(), -ENODEV);
	bulk.broken = 0;
	frames.broken = -ENETDOWN;
	cr_expect_eq(turn(), -ENETDOWN);
	pair->ops->destroy(pair);
}

/* A worker that is told to stop has what was received leave first, on both lanes. */
Test(dpi_pair, nothing_is_left_behind_at_the_end)
{
	struct sl_worker worker = { .handle = answer,
				    .context = &record,
				    .mailbox = SL_MAILBOX_NONE,
				    .heartbeat_ms = 1000,
				    .stop_fd = eventfd(1, EFD_CLOEXEC),
				    .event_fd = eventfd(0, EFD_CLOEXEC) };
	struct sl_err err = { 0 };

	both(0, 0);
	bulk.late = 100;
	worker.lane = pair;
	cr_assert_eq(sl_worker_start(&worker, &err), 0, "%s", err.text);
	sl_worker_join(&worker);
	cr_expect_eq(bulk.taken, 100, "%d super-frames of 100", bulk.taken);
	pair->ops->destroy(pair);
	close(worker.stop_fd);
	close(worker.event_fd);
}
