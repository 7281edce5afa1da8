// SPDX-License-Identifier: BSD-2-Clause
/* Meters: when they fire, when they rest, whom they spare, and that a crowd of sources cannot push out a firing one. */
#include <criterion/criterion.h>
#include <string.h>

#include "dpi/decide/meter.h"

#define SECOND 1000000000ull

static const struct sl_meter_limit limits[SL_METER_KINDS] = {
	[SL_METER_SYN] = { 100, 60 },
	[SL_METER_ICMP] = { 10, 10 },
	[SL_METER_SESSIONS] = { 0, 0 },
};

static struct sl_addr source(uint32_t n)
{
	struct sl_addr addr = { .byte = { 0x20, 1 } };

	memcpy(addr.byte + 12, &n, sizeof(n));
	return addr;
}

/* How many of n, spread over a second from start, are too many. */
static unsigned int second(struct sl_meters *meters, enum sl_meter_kind kind, uint32_t from, unsigned int n,
			   uint64_t start, unsigned int *ret_began)
{
	struct sl_addr addr = source(from);
	unsigned int fired = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct sl_meter_answer answer;

		sl_meter(meters, kind, 1, &addr, start + i * (SECOND / n), &answer);
		fired += answer.firing;
		if (ret_began)
			*ret_began += answer.began;
	}
	return fired;
}

Test(decide_meter, below_the_threshold_nothing_happens)
{
	struct sl_meters *meters = sl_meters_new(64, limits, 1);

	for (uint64_t s = 1; s < 20; s++)
		cr_assert_eq(second(meters, SL_METER_SYN, 7, 100, s * SECOND, NULL), 0);
	sl_meters_free(meters);
}

Test(decide_meter, fires_once_goes_on_and_rests)
{
	struct sl_meters *meters = sl_meters_new(64, limits, 1);
	unsigned int began = 0;

	cr_expect_eq(second(meters, SL_METER_SYN, 7, 150, 1 * SECOND, &began), 50, "the ones above 100");
	cr_expect_eq(began, 1);
	cr_expect_eq(second(meters, SL_METER_SYN, 7, 80, 2 * SECOND, &began), 20,
		     "still firing: those above 60");
	cr_expect_eq(second(meters, SL_METER_SYN, 7, 50, 3 * SECOND, &began), 0);
	cr_expect_eq(second(meters, SL_METER_SYN, 7, 80, 4 * SECOND, &began), 0,
		     "a second below 60 has passed");
	cr_expect_eq(began, 1);
	cr_expect_gt(second(meters, SL_METER_SYN, 7, 101, 5 * SECOND, &began), 0);
	cr_expect_eq(began, 2);
	sl_meters_free(meters);
}

Test(decide_meter, rests_only_after_a_second_below_the_lower_one)
{
	struct sl_meters *meters = sl_meters_new(64, limits, 1);

	cr_expect_eq(second(meters, SL_METER_SYN, 7, 150, 1 * SECOND, NULL), 50);
	for (uint64_t s = 2; s < 10; s++)
		cr_expect_eq(second(meters, SL_METER_SYN, 7, 70, s * SECOND, NULL), 10, "second %lu", s);
	sl_meters_free(meters);
}

Test(decide_meter, others_are_spared)
{
	struct sl_meters *meters = sl_meters_new(64, limits, 1);
	struct sl_meter_answer answer;
	struct sl_addr addr = source(7);

	cr_expect_gt(second(meters, SL_METER_SYN, 7, 1000, SECOND, NULL), 0);
	cr_expect_eq(second(meters, SL_METER_SYN, 8, 50, SECOND, NULL), 0, "another source");
	sl_meter(meters, SL_METER_SYN, 2, &addr, SECOND, &answer);
	cr_expect_not(answer.firing, "another workload");
	sl_meter(meters, SL_METER_ICMP, 1, &addr, SECOND, &answer);
	cr_expect_not(answer.firing, "something else");
	cr_expect_eq(second(meters, SL_METER_SESSIONS, 7, 100000, SECOND, NULL), 0, "not metered");
	sl_meters_free(meters);
}

Test(decide_meter, all_sources_together)
{
	struct sl_meters *meters = sl_meters_new(64, limits, 1);
	struct sl_meter_answer answer;
	unsigned int fired = 0;

	for (int i = 0; i < 30; i++) {
		sl_meter(meters, SL_METER_ICMP, 1, NULL, SECOND, &answer);
		fired += answer.firing;
	}
	cr_expect_eq(fired, 20);
	sl_meters_free(meters);
}

Test(decide_meter, a_crowd_does_not_push_out_the_one_that_fires)
{
	struct sl_meters *meters = sl_meters_new(64, limits, 1);
	struct sl_meter_answer answer;
	struct sl_addr addr = source(1u << 31);

	cr_assert_gt(second(meters, SL_METER_SYN, 1u << 31, 1000, SECOND, NULL), 0);
	for (uint32_t i = 0; i < 100000; i++)
		second(meters, SL_METER_SYN, i, 1, 2 * SECOND - 1, NULL);
	sl_meter(meters, SL_METER_SYN, 1, &addr, 2 * SECOND - 1, &answer);
	cr_expect(answer.firing);
	sl_meters_free(meters);
}

Test(decide_meter, time_that_stands_still_or_goes_back)
{
	struct sl_meters *meters = sl_meters_new(1, limits, 1);

	second(meters, SL_METER_SYN, 7, 50, 10 * SECOND, NULL);
	cr_expect_eq(second(meters, SL_METER_SYN, 7, 20, 0, NULL), 0);
	second(meters, SL_METER_SYN, 7, 50, UINT64_MAX - SECOND, NULL);
	sl_meters_free(meters);
}
