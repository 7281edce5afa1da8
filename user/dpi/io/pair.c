// SPDX-License-Identifier: BSD-2-Clause
/* See pair.h. */
#include "dpi/io/pair.h"

#include <stdlib.h>

/* A super-frame takes as long as so many small frames at least: in a turn there are fewer of them. */
#define BULK_WEIGHT 8

struct pair {
	struct sl_lane lane;
	struct sl_lane *frames, *bulk;
	struct sl_lane *now; /* whose frame is being handled */
};

static const struct sl_lane_ops pair_ops;

static struct pair *to_pair(struct sl_lane *lane)
{
	return (struct pair *)lane;
}

static int run(struct sl_lane *lane, int budget, sl_frame_handler handle, void *context, struct sl_err *err)
{
	struct pair *pair = to_pair(lane);
	int frames, bulk;

	pair->now = pair->frames;
	frames = pair->frames->ops->run(pair->frames, budget, handle, context, err);
	if (frames < 0)
		return frames;
	pair->now = pair->bulk;
	bulk = pair->bulk->ops->run(pair->bulk, (budget + BULK_WEIGHT - 1) / BULK_WEIGHT, handle, context,
				    err);
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
	return &pair->lane;
}

const struct sl_lane *sl_pair_bulk(const struct sl_lane *lane)
{
	return lane->ops == &pair_ops ? ((const struct pair *)lane)->bulk : NULL;
}
