// SPDX-License-Identifier: BSD-2-Clause
/* See pair.h. */
#include "dpi/io/pair.h"

#include <stdlib.h>

/* A super-frame takes as long as so many small frames at least: in a turn there are fewer of them. */
#define BULK_WEIGHT 8
/* Nobody moves bulk most of the time, and asking is a system call: so many runs without, unless poll() has seen some. */
#define LOOK_EVERY 8
#define BULK_READY 2U /* the bit of its descriptor, see fds() */

struct pair {
	struct sl_lane lane;
	struct sl_lane *frames, *bulk;
	struct sl_lane *now; /* whose frame is being handled */
	bool more; /* there was bulk in the last run that looked … */
	unsigned int passed; /* … and runs since then that did not */
};

static const struct sl_lane_ops pair_ops;

static struct pair *to_pair(struct sl_lane *lane)
{
	return (struct pair *)lane;
}

/* Is the bulk lane to have its part of this run? */
static bool looks(struct pair *pair)
{
	if (!(pair->lane.ready & BULK_READY) && !pair->more && !pair->bulk->pending &&
	    ++pair->passed < LOOK_EVERY)
		return false;
	pair->lane.ready &= ~BULK_READY;
	pair->passed = 0;
	return true;
}

static int run(struct sl_lane *lane, int budget, sl_frame_handler handle, void *context, struct sl_err *err)
{
	struct pair *pair = to_pair(lane);
	int frames, bulk = 0;

	pair->now = pair->frames;
	frames = pair->frames->ops->run(pair->frames, budget, handle, context, err);
	if (frames < 0)
		return frames;
	if (looks(pair)) {
		pair->now = pair->bulk;
		bulk = pair->bulk->ops->run(pair->bulk, (budget + BULK_WEIGHT - 1) / BULK_WEIGHT, handle,
					    context, err);
		pair->more = bulk > 0;
	}
	pair->now = pair->frames;
	lane->pending = pair->frames->pending || pair->bulk->pending;
	return bulk < 0 ? bulk : frames + bulk;
}

static int send_own(struct sl_lane *lane, const uint8_t *data, uint32_t len, struct sl_err *err)
{
	struct sl_lane *now = to_pair(lane)->now;

	return now->ops->send(now, data, len, err);
}

static int fds(const struct sl_lane *lane, int ret[SL_LANE_FDS])
{
	const struct pair *pair = (const struct pair *)lane;

	pair->frames->ops->fds(pair->frames, ret);
	pair->bulk->ops->fds(pair->bulk, ret + 1);
	return 2;
}

static int account(struct sl_lane *lane, struct sl_err *err)
{
	struct pair *pair = to_pair(lane);
	int r = pair->frames->ops->account(pair->frames, err);

	if (r < 0)
		return r;
	r = pair->bulk->ops->account(pair->bulk, err);
	lane->down = pair->frames->down || pair->bulk->down;
	return r;
}

/* Those of the first: the bulk lane's are the kernel's. */
static void buffers(const struct sl_lane *lane, struct sl_buffers *ret)
{
	const struct pair *pair = (const struct pair *)lane;

	pair->frames->ops->buffers(pair->frames, ret);
}

static void destroy(struct sl_lane *lane)
{
	free(lane);
}

static const struct sl_lane_ops pair_ops = {
	.name = "af_xdp",
	.run = run,
	.send = send_own,
	.fds = fds,
	.account = account,
	.buffers = buffers,
	.destroy = destroy,
};

struct sl_lane *sl_pair_new(struct sl_lane *frames, struct sl_lane *bulk)
{
	struct pair *pair = calloc(1, sizeof(*pair));

	if (!pair)
		return NULL;
	pair->lane.ops = &pair_ops;
	pair->lane.record = frames->record;
	pair->frames = pair->now = frames;
	pair->bulk = bulk;
	/* Nobody has polled yet. */
	pair->lane.ready = BULK_READY;
	return &pair->lane;
}

const struct sl_lane *sl_pair_bulk(const struct sl_lane *lane)
{
	return lane->ops == &pair_ops ? ((const struct pair *)lane)->bulk : NULL;
}
