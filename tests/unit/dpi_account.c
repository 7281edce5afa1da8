// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a lane has counted, read while it counts on: whoever reads what came in
 * first finds at least as much of what became of it.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>

#include "dpi/io/xsk_lane.h"

#define LOOKS 2000000
/* As many of each: refused, answered, and the answer sent. */
static const struct sl_lane_batch batch = { .rx_frames = 1, .tx_frames = 1, .dropped = 1, .made = 1 };

static struct sl_core record;
static atomic_bool over;

static void *count_on(void *context)
{
	while (!atomic_load_explicit(&over, memory_order_relaxed))
		sl_xsk_lane_publish(&record, &batch);
	return context;
}

static uint64_t look(const __u64 *field)
{
	return __atomic_load_n(field, __ATOMIC_ACQUIRE);
}

Test(dpi_account, what_came_in_is_counted_last, .timeout = 60)
{
	pthread_t thread;
	unsigned int behind = 0;
	uint64_t first = 0, rx = 0;

	cr_assert_eq(pthread_create(&thread, NULL, count_on, NULL), 0);
	/* Until it is at it. */
	while (!look(&record.rx_frames))
		;
	for (unsigned int i = 0; i < LOOKS; i++) {
		rx = look(&record.rx_frames);
		behind +=
			look(&record.tx_frames) < rx || look(&record.dropped) < rx || look(&record.made) < rx;
		first = first ? first : rx;
	}
	atomic_store(&over, true);
	pthread_join(thread, NULL);
	cr_expect_gt(rx, first, "nothing was counted meanwhile");
	cr_expect_eq(behind, 0, "%u of %u looks found frames of which it was not said what became of them",
		     behind, LOOKS);
}
