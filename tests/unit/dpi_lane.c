// SPDX-License-Identifier: BSD-2-Clause
/*
 * The AF_XDP lane against a kernel in plain memory: what arrives leaves
 * unchanged from the same chunk, whatever does not is counted, and no chunk is
 * ever lost or had by two.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "dpi_kernel.h"

#define BUDGET 64
#define SHOWN_MAX 512

/* What the handler was shown, and what it answers. */
static struct {
	uint32_t n;
	struct sl_frame frame[SHOWN_MAX];
	uint64_t drop; /* bit n % 64: drop the n-th */
	uint8_t change; /* exclusive-ored to the last byte */
} shown;

static enum sl_action handler(void *context, struct sl_frame *frame)
{
	uint32_t sum = 0;

	cr_assert_eq(context, &shown);
	cr_assert_lt(shown.n, SHOWN_MAX);
	cr_assert(frame->n_pieces >= 1 && frame->n_pieces <= SL_FRAME_PIECES);
	for (int i = 0; i < frame->n_pieces; i++)
		sum += frame->piece[i].len;
	cr_assert_eq(sum, frame->len);
	frame->piece[frame->n_pieces - 1].data[frame->piece[frame->n_pieces - 1].len - 1] ^= shown.change;
	cr_assert_eq(frame->queue, 1);
	cr_assert_eq(frame->csum, SL_CSUM_UNKNOWN);
	cr_assert_eq(frame->gso, SL_GSO_NONE);
	shown.frame[shown.n] = *frame;
	return shown.drop >> (shown.n++ % 64) & 1 ? SL_DROP : SL_FORWARD;
}

static void start(void)
{
	kernel_start();
	memset(&shown, 0, sizeof(shown));
}

TestSuite(dpi_lane, .init = start, .fini = kernel_stop);

static int run_for(int budget, struct sl_err *err)
{
	return sl_xsk_lane_ops.run(&kernel.lane->lane, budget, handler, &shown, err);
}

/* One run that must not fail and leave the books whole. */
static int run(void)
{
	struct sl_err err = { 0 };
	int r = run_for(BUDGET, &err);

	cr_assert_geq(r, 0, "%s", err.text);
	kernel_compare();
	return r;
}

static void all_at_rest(void)
{
	run();
	cr_assert_eq(kernel_count(IN_FILL), CHUNKS, "a chunk is missing in FILL");
}

Test(dpi_lane, one_piece_leaves_unchanged_from_its_chunk)
{
	uint8_t *data;

	cr_assert(kernel_receive_one(1514, 7));
	cr_assert_eq(run(), 1);
	cr_assert_eq(shown.n, 1);
	data = shown.frame[0].piece[0].data;
	cr_assert_eq(data, kernel.area + FIRST * STRIDE + HEADROOM,
		     "the first chunk of FILL, behind the headroom");
	cr_assert_eq(kernel.n_sent, 1);
	cr_assert_eq(kernel.sent[0].pieces, 1);
	cr_assert_eq(kernel.area + kernel.sent[0].addr[0], data);
	cr_assert_eq(kernel.sent[0].len, 1514);
	cr_assert_eq(kernel.sent[0].sum, kernel_frame_sum(1514, 7));
	cr_assert_eq(kernel.record.rx_frames, 1);
	cr_assert_eq(kernel.record.rx_bytes, 1514);
	cr_assert_eq(kernel.record.tx_frames, 1);
	cr_assert_eq(kernel.record.tx_bytes, 1514);
	cr_assert_eq(kernel.record.wakeups, 1);
	cr_assert_not(kernel.lane->lane.pending);
	all_at_rest();
	cr_assert_eq(run(), 0, "nothing left");
	cr_assert_eq(kernel.sends, 1, "nothing to send is no reason for a call");
}

/* Dropped frames' chunks are free before those of the frames around them: in FILL they keep their order nevertheless. */
Test(dpi_lane, chunks_come_round_by_their_addresses)
{
	uint32_t most = 0;

	srand(1);
	for (int i = 0; i < 1000; i++) {
		uint32_t n = 1 + (uint32_t)rand() % 30;

		shown.n = kernel.n_sent = 0;
		shown.drop = (uint64_t)rand() * 0x100000001;
		while (n--)
			cr_assert(kernel_receive_one(60, n));
		run();
		if (i >= 100 && kernel_fill_descents() > most)
			most = kernel_fill_descents();
	}
	cr_expect_lt(most, (uint32_t)CHUNKS / 4, "%u descents among %d chunks", most, CHUNKS);
}

Test(dpi_lane, several_pieces_leave_as_one_chain)
{
	const uint32_t lens[] = { PIECE_MAX, PIECE_MAX, 1320 };
	const uint32_t len = 2 * PIECE_MAX + 1320;

	cr_assert(kernel_receive(lens, 3, 9));
	cr_assert(kernel_receive_one(60, 10));
	cr_assert_eq(run(), 4);
	cr_assert_eq(shown.n, 2);
	cr_assert_eq(shown.frame[0].n_pieces, 3);
	cr_assert_eq(shown.frame[0].len, len);
	cr_assert_eq(kernel.n_sent, 2);
	cr_assert_eq(kernel.sent[0].pieces, 3);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(kernel.area + kernel.sent[0].addr[i], shown.frame[0].piece[i].data);
	cr_assert_eq(kernel.sent[0].len, len);
	cr_assert_eq(kernel.sent[0].sum, kernel_frame_sum(len, 9));
	cr_assert_eq(kernel.sent[1].pieces, 1);
	cr_assert_eq(kernel.sent[1].sum, kernel_frame_sum(60, 10));
	cr_assert_eq(kernel.record.rx_frames, 2);
	cr_assert_eq(kernel.record.tx_frames, 2);
	cr_assert_eq(kernel.record.rx_bytes, len + 60);
	cr_assert_eq(kernel.record.tx_bytes, len + 60);
	all_at_rest();
}

Test(dpi_lane, a_frame_may_take_several_runs)
{
	const uint32_t lens[] = { 200, 300, 400 };

	cr_assert(kernel_receive(lens, 3, 1));
	for (uint32_t i = 1; i < 3; i++) {
		cr_assert_eq(run_for(1, NULL), 1, "the budget is kept");
		kernel_compare();
		cr_assert_eq(kernel.lane->n_held, i);
		cr_assert_eq(shown.n + kernel.n_sent, 0, "not complete yet");
	}
	run();
	cr_assert_eq(kernel.n_sent, 1);
	cr_assert_eq(kernel.sent[0].sum, kernel_frame_sum(900, 1));
	all_at_rest();
}

Test(dpi_lane, the_budget_is_kept)
{
	for (uint32_t i = 0; i < 10; i++)
		cr_assert(kernel_receive_one(60 + i, i));
	cr_assert_eq(run_for(4, NULL), 4);
	cr_assert_eq(shown.n, 4);
	cr_assert_eq(run_for(4, NULL), 4);
	cr_assert_eq(run_for(4, NULL), 2);
	cr_assert_eq(shown.n, 10);
	for (uint32_t i = 0; i < 10; i++)
		cr_assert_eq(kernel.sent[i].sum, kernel_frame_sum(60 + i, i), "order of arrival");
	all_at_rest();
}

Test(dpi_lane, a_change_by_the_handler_leaves)
{
	shown.change = 0xff;
	cr_assert(kernel_receive_one(60, 5));
	run();
	cr_assert_neq(kernel.sent[0].sum, kernel_frame_sum(60, 5));
	cr_assert_eq(kernel.sent[0].len, 60);
	all_at_rest();
}

Test(dpi_lane, a_dropped_frame_is_recycled_at_once)
{
	const uint32_t lens[] = { 1000, 2000, 3000 };

	shown.drop = ~1ull; /* all but the first */
	for (uint32_t i = 0; i < 12; i++)
		cr_assert(kernel_receive(lens, 3, i));
	cr_assert_eq(run(), 36);
	cr_assert_eq(shown.n, 12);
	cr_assert_eq(kernel.n_sent, 1);
	cr_assert_eq(kernel_count(IN_FILL), CHUNKS - 3, "only the forwarded one is still under way");
	cr_assert_eq(kernel.record.rx_frames, 12);
	cr_assert_eq(kernel.record.tx_frames, 1);
	cr_assert_eq(kernel.record.drop_tx_full + kernel.record.drop_invalid, 0,
		     "the handler counts its own");
	all_at_rest();
}

/* The largest frame passes, whichever way it is cut; one byte or one piece more does not. */
struct cut {
	uint32_t pieces, len, last; /* all pieces but the last have len bytes */
	bool passes;
};

ParameterizedTestParameters(dpi_lane, size_limits)
{
	static struct cut list[] = {
		{ 1, 0, 13, false },
		{ 1, 0, 14, true },
		{ 2, 13, 100, false },
		{ 2, 14, 1, true },
		{ 1, 0, PIECE_MAX, true },
		{ 18, 3640, 3640, true },
		{ 18, PIECE_MAX, SL_FRAME_MAX - 17 * PIECE_MAX, true },
		{ 18, PIECE_MAX, SL_FRAME_MAX - 17 * PIECE_MAX + 1, false },
		{ 18, 100, 1, true },
		{ 19, 100, 1, false },
		{ 37, 100, 100, false },
		{ RX_SIZE - 1, PIECE_MAX, PIECE_MAX, false },
	};

	return cr_make_param_array(struct cut, list, sizeof(list) / sizeof(*list));
}

ParameterizedTest(struct cut *cut, dpi_lane, size_limits)
{
	uint32_t lens[RX_SIZE], len = cut->last + (cut->pieces - 1) * cut->len;

	for (uint32_t i = 0; i < cut->pieces; i++)
		lens[i] = i + 1 < cut->pieces ? cut->len : cut->last;
	cr_assert(kernel_receive(lens, cut->pieces, 3));
	cr_assert(kernel_receive_one(60, 4));
	cr_assert_eq(run(), (int)cut->pieces + 1);
	cr_assert_eq(shown.n, 1u + cut->passes);
	cr_assert_eq(kernel.n_sent, 1u + cut->passes);
	cr_assert_eq(kernel.sent[0].sum, cut->passes ? kernel_frame_sum(len, 3) : kernel_frame_sum(60, 4));
	cr_assert_eq(kernel.sent[cut->passes].sum, kernel_frame_sum(60, 4), "the next one is whole");
	cr_assert_eq(kernel.record.drop_invalid, !cut->passes, "once a frame");
	cr_assert_eq(kernel.record.rx_frames, 2);
	cr_assert_eq(kernel.record.rx_bytes, len + 60, "what was dropped has been received");
	cr_assert_eq(kernel.record.tx_bytes, 60 + (cut->passes ? len : 0));
	cr_assert_eq(kernel.record.drop_tx_full, 0);
	all_at_rest();
}

/* A chain without an end must not eat the chunks, however many runs it takes. */
Test(dpi_lane, an_endless_chain_holds_nothing)
{
	const uint32_t lens[] = { 100, 100 };

	for (uint32_t i = 0; i < 1000; i++) {
		cr_assert(kernel_receive(lens, 2, i));
		kernel_continue_last();
		run();
		cr_assert_leq(kernel.lane->n_held, SL_FRAME_PIECES);
	}
	cr_assert_eq(shown.n, 0);
	cr_assert_eq(kernel.record.drop_invalid, 0, "it is counted at its end");
	cr_assert(kernel_receive_one(100, 0));
	cr_assert(kernel_receive_one(60, 4));
	run();
	cr_assert_eq(kernel.record.drop_invalid, 1);
	cr_assert_eq(kernel.n_sent, 1);
	cr_assert_eq(kernel.sent[0].sum, kernel_frame_sum(60, 4));
	all_at_rest();
}

static void receive_many(uint32_t n, uint32_t first_seed)
{
	for (uint32_t i = 0; i < n; i++)
		cr_assert(kernel_receive_one(60 + i, first_seed + i));
}

Test(dpi_lane, tx_full_drops_and_counts)
{
	kernel.always = (struct send){ 0, EAGAIN };
	receive_many(TX_SIZE + 10, 0);
	run();
	cr_assert_eq(shown.n, TX_SIZE + 10);
	cr_assert_eq(kernel_tx_waiting(), TX_SIZE);
	cr_assert_eq(kernel.record.tx_frames, TX_SIZE);
	cr_assert_eq(kernel.record.drop_tx_full, 10);
	cr_assert_eq(kernel_count(IN_FILL), CHUNKS - TX_SIZE, "the dropped ones are back");
	cr_assert(kernel.lane->lane.pending);
	cr_assert_eq(kernel.record.wakeups, kernel.sends);

	kernel.always = (struct send){ ALL, 0 };
	cr_assert_eq(run(), 0);
	cr_assert_not(kernel.lane->lane.pending);
	cr_assert_eq(kernel.n_sent, TX_SIZE);
	for (uint32_t i = 0; i < TX_SIZE; i++)
		cr_assert_eq(kernel.sent[i].sum, kernel_frame_sum(60 + i, i));
	cr_assert_eq(kernel.record.tx_frames, TX_SIZE);
	cr_assert_eq(kernel.record.drop_tx_full, 10);
	all_at_rest();
}

/* Sent but not reported: COMPLETION could overflow, so TX must not take more although it has room. */
Test(dpi_lane, unreported_frames_count_as_under_way)
{
	kernel.hold = true;
	receive_many(TX_SIZE, 0);
	run();
	cr_assert_eq(kernel.n_sent, TX_SIZE);
	receive_many(5, 100);
	run();
	cr_assert_eq(kernel.n_sent, TX_SIZE);
	cr_assert_eq(kernel.record.drop_tx_full, 5);
	cr_assert_not(kernel.lane->lane.pending, "the kernel has taken all there is");
	kernel.hold = false;
	kernel_report_held();
	receive_many(5, 200);
	run();
	cr_assert_eq(kernel.n_sent, TX_SIZE + 5);
	cr_assert_eq(kernel.record.drop_tx_full, 5);
	all_at_rest();
}

/* A chain that does not fit goes as a whole: half a frame in TX would join the next. */
Test(dpi_lane, a_chain_fits_as_a_whole_or_is_dropped)
{
	const uint32_t lens[] = { 1000, 1000, 1000 };

	kernel.always = (struct send){ 0, EAGAIN };
	receive_many(TX_SIZE - 2, 0);
	cr_assert(kernel_receive(lens, 3, 50));
	cr_assert(kernel_receive(lens, 2, 51));
	run();
	cr_assert_eq(kernel.record.drop_tx_full, 1);
	cr_assert_eq(kernel_tx_waiting(), TX_SIZE);
	kernel.always = (struct send){ ALL, 0 };
	run();
	cr_assert_eq(kernel.n_sent, TX_SIZE - 1);
	cr_assert_eq(kernel.sent[TX_SIZE - 2].sum, kernel_frame_sum(2000, 51));
	all_at_rest();
}

Test(dpi_lane, a_full_tx_is_kicked_in_the_middle_of_a_run)
{
	receive_many(TX_SIZE + 20, 0);
	run();
	cr_assert_eq(kernel.n_sent, TX_SIZE + 20);
	cr_assert_eq(kernel.record.drop_tx_full, 0);
	cr_assert_eq(kernel.sends, 2);
	all_at_rest();
}

/* The device refused the first frame: it is not counted as sent, and the rest goes on in the same run. */
Test(dpi_lane, ebusy_is_one_frame_dropped_by_the_device)
{
	kernel.steps[0] = (struct send){ 1, EBUSY };
	kernel.n_steps = 1;
	receive_many(3, 0);
	run();
	cr_assert_eq(kernel.sends, 2);
	cr_assert_eq(kernel.record.tx_frames, 2);
	cr_assert_eq(kernel.record.drop_tx_full, 1);
	cr_assert_not(kernel.lane->lane.pending);
	all_at_rest();
}

/* The frame was another run's: the total is right all the same. */
Test(dpi_lane, ebusy_for_an_earlier_runs_frame)
{
	kernel.always = (struct send){ 0, EAGAIN };
	receive_many(3, 0);
	run();
	cr_assert_eq(kernel.record.tx_frames, 3);
	kernel.steps[1] = (struct send){ 1, EBUSY };
	kernel.n_steps = 2;
	kernel.always = (struct send){ ALL, 0 };
	run();
	cr_assert_eq(kernel.record.tx_frames, 2);
	cr_assert_eq(kernel.record.drop_tx_full, 1);
	all_at_rest();
}

/* The pointer may move later than the error is told; without end it is given up until the next run. */
Test(dpi_lane, ebusy_without_progress)
{
	kernel.steps[0] = (struct send){ 0, EBUSY };
	kernel.n_steps = 1;
	receive_many(2, 0);
	run();
	cr_assert_eq(kernel.sends, 2, "tried again at once");
	cr_assert_eq(kernel.n_sent, 2);
	cr_assert_not(kernel.lane->lane.pending);

	kernel.always = (struct send){ 0, EBUSY };
	kernel.n_steps = 0;
	kernel.sends = 0;
	receive_many(2, 0);
	run();
	cr_assert(kernel.lane->lane.pending);
	cr_assert(kernel.sends > 1 && kernel.sends <= TX_SIZE + 2, "%u calls", kernel.sends);
	kernel.always = (struct send){ ALL, 0 };
	run();
	cr_assert_eq(kernel.n_sent, 4);
	all_at_rest();
}

ParameterizedTestParameters(dpi_lane, not_now)
{
	static int list[] = { EAGAIN, ENOBUFS, ENOMEM, ENETDOWN };

	return cr_make_param_array(int, list, sizeof(list) / sizeof(*list));
}

/* As long as the ring moves the lane goes on; when it stops, the frames wait for the next run. */
ParameterizedTest(int *code, dpi_lane, not_now)
{
	for (int i = 0; i < 3; i++)
		kernel.steps[i] = (struct send){ 4, *code };
	kernel.n_steps = 3;
	kernel.always = (struct send){ 0, *code };
	receive_many(20, 0);
	run();
	cr_assert_eq(kernel.sends, 4, "%s", strerrorname_np(*code));
	cr_assert_eq(kernel.n_sent, 12);
	cr_assert(kernel.lane->lane.pending);
	cr_assert_eq(kernel.record.tx_frames, 20, "they are still on their way");
	cr_assert_eq(kernel.record.drop_tx_full, 0);
	kernel.always = (struct send){ ALL, 0 };
	run();
	cr_assert_eq(kernel.n_sent, 20);
	cr_assert_not(kernel.lane->lane.pending);
	all_at_rest();
}

Test(dpi_lane, a_signal_and_a_limited_success_are_no_reason_to_wait)
{
	kernel.steps[0] = (struct send){ 0, EINTR };
	kernel.steps[1] = (struct send){ 4, 0 };
	kernel.n_steps = 2;
	receive_many(9, 0);
	run();
	cr_assert_eq(kernel.sends, 3);
	cr_assert_eq(kernel.n_sent, 9);
	all_at_rest();
}

Test(dpi_lane, a_driver_that_is_awake_is_not_called)
{
	kernel_need_wakeup(false, false);
	receive_many(3, 0);
	run();
	cr_assert_eq(kernel.sends + kernel.record.wakeups, 0);
	cr_assert_eq(kernel_tx_waiting(), 3, "shown to the kernel all the same");
	cr_assert_not(kernel.lane->lane.pending);
	cr_assert_eq(kernel_send(ALL), 3);
	all_at_rest();
}

/* Whether the lane has called recvfrom(): the one datagram there is gone. */
static bool receive_path_kicked(void)
{
	char byte;

	cr_assert_eq(send(kernel.peer_fd, "k", 1, 0), 1);
	run();
	return recv(kernel.lane->fd, &byte, 1, MSG_DONTWAIT) < 0;
}

Test(dpi_lane, the_receive_path_is_kicked_when_asked_for)
{
	cr_assert_not(receive_path_kicked());
	cr_assert_eq(kernel.record.wakeups, 0);
	kernel_need_wakeup(true, true);
	cr_assert(receive_path_kicked());
	cr_assert_eq(kernel.record.wakeups, 1);
	kernel_need_wakeup(false, true);
	kernel.lane->busy_poll = true;
	cr_assert(receive_path_kicked(), "busy polling is driven from here");
	cr_assert_eq(kernel.record.wakeups, 2);
}
