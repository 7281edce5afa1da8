// SPDX-License-Identifier: BSD-2-Clause
/*
 * Frames of the core's own: they leave as they were given, behind what was
 * answered before them, and cost no chunk that is not given back.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dpi_kernel.h"

#define SPARES 4

static uint8_t own[SL_FRAME_MAX];
static uint32_t own_len; /* sent by the handler for each frame it is shown; 0: none */
static int own_result;
static enum sl_action answer;

static enum sl_action handler(void *context, struct sl_frame *frame)
{
	struct sl_err err = { 0 };

	(void)context;
	(void)frame;
	if (own_len)
		own_result = sl_xsk_lane_ops.send(&kernel.lane->lane, own, own_len, &err);
	return answer;
}

static uint64_t sum_of(const uint8_t *data, uint32_t len)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < len; i++)
		sum = (sum ^ data[i]) * 0x100000001b3;
	return sum;
}

static void start(void)
{
	kernel_start_with(SPARES);
	for (size_t i = 0; i < sizeof(own); i++)
		own[i] = (uint8_t)(i * 7 + (i >> 8));
	own_len = 0;
	answer = SL_FORWARD;
}

TestSuite(dpi_lane_send, .init = start, .fini = kernel_stop);

static void run_well(void)
{
	struct sl_err err = { 0 };

	cr_assert_geq(sl_xsk_lane_ops.run(&kernel.lane->lane, 64, handler, NULL, &err), 0, "%s", err.text);
	kernel_compare();
}

static int send_now(uint32_t len)
{
	struct sl_err err = { 0 };
	int r = sl_xsk_lane_ops.send(&kernel.lane->lane, own, len, &err);

	kernel_compare();
	return r;
}

static void must_be_own(const struct sent_frame *frame, uint32_t len, uint32_t pieces)
{
	cr_assert_eq(frame->len, len);
	cr_assert_eq(frame->pieces, pieces);
	cr_assert_eq(frame->sum, sum_of(own, len));
}

Test(dpi_lane_send, between_runs_it_leaves_at_once)
{
	cr_assert_eq(send_now(60), 0);
	cr_assert_eq(kernel.n_sent, 1);
	must_be_own(&kernel.sent[0], 60, 1);
	cr_assert_eq(kernel.record.made, 1);
	cr_assert_eq(kernel.record.tx_frames, 1);
	cr_assert_eq(kernel.record.tx_bytes, 60);
	run_well();
	cr_assert_eq(kernel.lane->n_spare, SPARES, "the chunk is spare again");
}

Test(dpi_lane_send, from_the_handler_it_keeps_its_place)
{
	cr_assert(kernel_receive_one(100, 1));
	run_well();
	own_len = 70;
	cr_assert(kernel_receive_one(200, 2));
	run_well();
	cr_assert_eq(own_result, 0);
	cr_assert_eq(kernel.n_sent, 3);
	cr_assert_eq(kernel.sent[0].len, 100);
	must_be_own(&kernel.sent[1], 70, 1);
	cr_assert_eq(kernel.sent[2].sum, kernel_frame_sum(200, 2),
		     "the frame it was shown comes after it, unchanged");
	cr_assert_eq(kernel.record.rx_frames + kernel.record.made, kernel.record.tx_frames);
}

Test(dpi_lane_send, instead_of_a_frame_that_is_dropped)
{
	answer = SL_DROP;
	own_len = 54;
	cr_assert(kernel_receive_one(200, 2));
	run_well();
	cr_assert_eq(kernel.n_sent, 1);
	must_be_own(&kernel.sent[0], 54, 1);
	cr_assert_eq(kernel.record.dropped, 1);
	cr_assert_eq(kernel.record.rx_frames + kernel.record.made,
		     kernel.record.tx_frames + kernel.record.dropped);
	run_well();
	cr_assert_eq(kernel_count(IN_FILL), CHUNKS - SPARES);
}

Test(dpi_lane_send, a_long_one_takes_several_chunks)
{
	cr_assert_eq(send_now(SL_XSK_CHUNK), 0);
	must_be_own(&kernel.sent[0], SL_XSK_CHUNK, 1);
	run_well();
	cr_assert_eq(send_now(3 * SL_XSK_CHUNK + 1), 0);
	must_be_own(&kernel.sent[1], 3 * SL_XSK_CHUNK + 1, 4);
	run_well();
	cr_assert_eq(kernel.lane->n_spare, SPARES);
}

Test(dpi_lane_send, without_a_spare_it_is_dropped_and_counted)
{
	kernel.hold = true;
	for (int i = 0; i < SPARES; i++)
		cr_assert_eq(send_now(60), 0);
	cr_assert_eq(send_now(60), -ENOBUFS);
	cr_assert_eq(kernel.record.made, SPARES + 1);
	cr_assert_eq(kernel.record.drop_tx_full, 1);
	cr_assert_eq(kernel.record.made, kernel.record.tx_frames + kernel.record.drop_tx_full);
	cr_assert_eq(kernel.n_sent, SPARES);
	kernel.hold = false;
	kernel_report_held();
	cr_assert_eq(send_now(60), 0, "what was reported sent is spare again at once");
}

Test(dpi_lane_send, a_full_tx_is_no_reason_to_lose_a_chunk)
{
	kernel.always = (struct send){ 0, EAGAIN }; /* nothing moves */
	for (uint32_t i = 0; i < TX_SIZE; i++)
		cr_assert(kernel_receive_one(60, i));
	run_well();
	cr_assert_eq(kernel_tx_waiting(), TX_SIZE);
	cr_assert_eq(send_now(60), -ENOBUFS);
	cr_assert_eq(kernel.lane->n_spare, SPARES);
	kernel.always = (struct send){ ALL, 0 };
	run_well();
	run_well();
	cr_assert_eq(kernel.n_sent, TX_SIZE);
}

Test(dpi_lane_send, lengths_that_cannot_be)
{
	cr_assert_eq(send_now(0), -EMSGSIZE);
	cr_assert_eq(send_now(13), -EMSGSIZE);
	cr_assert_eq(send_now(SL_FRAME_MAX + 1), -EMSGSIZE);
	cr_assert_eq(send_now(UINT32_MAX), -EMSGSIZE);
	kernel.lane->multi_buffer = false;
	cr_assert_eq(send_now(SL_XSK_CHUNK + 1), -EMSGSIZE);
	cr_assert_eq(send_now(SL_XSK_CHUNK), 0);
	cr_assert_eq(kernel.record.made, 1, "the others were no frames");
}

Test(dpi_lane_send, a_random_walk_of_both_kinds)
{
	uint32_t lost = 0;

	srand(7);
	for (int i = 0; i < 20000; i++) {
		kernel.n_sent = 0;
		kernel.sends = 0;
		kernel.hold = rand() % 4 == 0;
		answer = rand() % 3 ? SL_FORWARD : SL_DROP;
		own_len = rand() % 2 ? 14 + rand() % 9000 : 0;
		if (rand() % 3)
			lost += !kernel_receive_one(60 + rand() % 1500, (uint32_t)i);
		if (rand() % 8 == 0)
			send_now(60 + rand() % 5000);
		run_well();
		cr_assert_eq(kernel.record.rx_frames + kernel.record.made,
			     kernel.record.tx_frames + kernel.record.dropped + kernel.record.drop_tx_full);
	}
	kernel.hold = false;
	kernel_report_held();
	answer = SL_FORWARD;
	own_len = 0;
	run_well();
	run_well();
	cr_assert_eq(kernel_count(IN_FILL), CHUNKS - SPARES);
	cr_assert_eq(kernel.lane->n_spare, SPARES);
}
