// SPDX-License-Identifier: BSD-2-Clause
/*
 * The AF_XDP lane when the kernel's word cannot be right, or sending fails for
 * good: it stops with an error that names the place, and touches no memory on
 * such a word. And the opposite: a long random walk in which nothing goes wrong.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "dpi_kernel.h"

static uint32_t n_shown;
static uint32_t drop_every; /* 0: none */

static enum sl_action handler(void *context, struct sl_frame *frame)
{
	(void)context;
	(void)frame;
	n_shown++;
	return drop_every && n_shown % drop_every == 0 ? SL_DROP : SL_FORWARD;
}

TestSuite(dpi_lane_broken, .init = kernel_start, .fini = kernel_stop);

static int run(int budget, struct sl_err *err)
{
	return sl_xsk_lane_ops.run(&kernel.lane->lane, budget, handler, NULL, err);
}

static void run_well(void)
{
	struct sl_err err = { 0 };

	cr_assert_geq(run(64, &err), 0, "%s", err.text);
	kernel_compare();
}

static uint64_t addr_of(uint32_t chunk)
{
	return (FIRST + (uint64_t)chunk) * STRIDE;
}

/* The next run ends the lane, with the books' error, without a look at any chunk. */
static void must_stop(const char *where)
{
	uint32_t shown_before = n_shown, sent_before = kernel.n_sent, in_fill = kernel_count(IN_FILL);
	struct sl_err err = { 0 };
	int r;

	cr_assert_eq(mprotect(kernel.area, AREA_SIZE, PROT_NONE), 0);
	r = run(64, &err);
	cr_assert_eq(mprotect(kernel.area, AREA_SIZE, PROT_READ | PROT_WRITE), 0);
	cr_assert_eq(r, -ENOTRECOVERABLE, "%d %s", r, err.text);
	cr_assert_eq(err.code, ENOTRECOVERABLE);
	cr_assert(strstr(err.text, "vth-test queue 1") && strstr(err.text, where) &&
			  strstr(err.text, "must be restarted"),
		  "%s", err.text);
	cr_assert_eq(n_shown, shown_before, "a frame that cannot be was shown to the handler");
	cr_assert_eq(kernel.n_sent, sent_before);
	cr_assert_eq(kernel_tx_waiting(), 0, "something was given to TX");
	cr_assert_eq(kernel_count(IN_FILL), in_fill, "something was given to FILL");
}

struct descriptor {
	uint64_t addr;
	uint32_t len;
};

ParameterizedTestParameters(dpi_lane_broken, impossible_descriptors)
{
	static struct descriptor list[] = {
		{ 0, 60 }, /* the first queue's */
		{ RX_ADDR((FIRST - 1) * STRIDE, HEADROOM), 60 },
		{ FIRST * STRIDE - 1, 1 },
		{ FIRST * STRIDE + 1, 60 }, /* no chunk begins there */
		{ RX_ADDR(FIRST * STRIDE + 64, HEADROOM), 60 },
		{ (FIRST + CHUNKS) * STRIDE, 60 }, /* the third queue's */
		{ AREA_SIZE, 60 }, /* behind the UMEM */
		{ AREA_SIZE * 1000ull, 60 },
		{ UINT64_MAX, 60 },
		{ UINT64_MAX - CHUNK + 1, 60 },
		{ 1ull << 63, 60 },
		{ (1ull << 44) + FIRST * STRIDE, 60 }, /* right if the chunk's number were cut to 32 bits */
		{ RX_ADDR(FIRST * STRIDE, HEADROOM), CHUNK - HEADROOM + 1 }, /* reaches out of the chunk */
		{ RX_ADDR(FIRST * STRIDE, STRIDE), 60 }, /* in the next one, by the offset */
		{ RX_ADDR(FIRST * STRIDE, UINT16_MAX), 60 },
		{ RX_ADDR(FIRST * STRIDE, HEADROOM), 2 * CHUNK },
		{ FIRST * STRIDE, CHUNK + 1 },
		{ RX_ADDR(FIRST * STRIDE, HEADROOM), UINT32_MAX },
		{ RX_ADDR(FIRST * STRIDE, HEADROOM), UINT32_MAX - 255 }, /* wraps around in 32 bits */
		{ RX_ADDR((FIRST + CHUNKS - 1) * STRIDE, CHUNK - 1), 2 }, /* reaches out of the lane's part */
	};

	return cr_make_param_array(struct descriptor, list, sizeof(list) / sizeof(*list));
}

ParameterizedTest(struct descriptor *d, dpi_lane_broken, impossible_descriptors)
{
	kernel_push_rx(d->addr, d->len, 0);
	must_stop("receiving");
}

ParameterizedTestParameters(dpi_lane_broken, impossible_later_in_a_chain)
{
	static struct descriptor list[] = {
		{ 0, 60 },
		{ (FIRST + CHUNKS) * STRIDE, 60 },
		{ RX_ADDR(FIRST * STRIDE, HEADROOM), 60 }, /* the chunk of the piece before */
		{ RX_ADDR((FIRST + 1) * STRIDE, HEADROOM), CHUNK },
	};

	return cr_make_param_array(struct descriptor, list, sizeof(list) / sizeof(*list));
}

ParameterizedTest(struct descriptor *d, dpi_lane_broken, impossible_later_in_a_chain)
{
	cr_assert(kernel_receive_one(1000, 1));
	kernel_continue_last();
	kernel_push_rx(d->addr, d->len, 0);
	must_stop("receiving");
}

Test(dpi_lane_broken, the_last_byte_of_a_chunk_is_still_right)
{
	kernel_push_rx(addr_of(CHUNKS - 1), CHUNK, 0);
	kernel_push_rx(RX_ADDR(addr_of(CHUNKS - 2), CHUNK - 14), 14, 0);
	kernel_need_wakeup(false, false);
	cr_assert_eq(run(64, NULL), 2);
	cr_assert_eq(n_shown, 2);
}

Test(dpi_lane_broken, a_chunk_that_is_being_sent_is_not_received_into)
{
	kernel.hold = true;
	cr_assert(kernel_receive_one(60, 1));
	run_well();
	kernel_push_rx(kernel.sent[0].addr[0], 60, 0);
	must_stop("receiving");
}

/* Not even in the same run, where the lane itself has just passed it on. */
Test(dpi_lane_broken, the_same_chunk_twice_in_a_run)
{
	struct sl_err err = { 0 };

	kernel_need_wakeup(false, false);
	cr_assert(kernel_receive_one(60, 1));
	kernel_push_rx(RX_ADDR(addr_of(0), HEADROOM), 60, 0);
	cr_assert_eq(run(64, &err), -ENOTRECOVERABLE);
	cr_assert_eq(n_shown, 1);
	cr_assert_eq(run(64, &err), 0, "the rest of it is not in TX twice");
	cr_assert_leq(kernel_tx_waiting(), 1);
}

Test(dpi_lane_broken, completion_of_what_was_not_sent)
{
	kernel_push_comp(addr_of(3));
	must_stop("COMPLETION");
}

Test(dpi_lane_broken, completion_outside_the_lane)
{
	kernel_push_comp(AREA_SIZE);
	must_stop("COMPLETION");
}

Test(dpi_lane_broken, completion_of_what_is_held)
{
	cr_assert(kernel_receive_one(100, 1));
	kernel_continue_last();
	run_well();
	cr_assert_eq(kernel.lane->n_held, 1);
	kernel_push_comp(addr_of(0));
	must_stop("COMPLETION");
}

Test(dpi_lane_broken, completion_twice)
{
	struct sl_err err = { 0 };

	kernel.hold = true;
	cr_assert(kernel_receive_one(60, 1));
	run_well();
	kernel_push_comp(kernel.held[0]);
	kernel_push_comp(kernel.held[0]);
	cr_assert_eq(run(64, &err), -ENOTRECOVERABLE);
	cr_assert(strstr(err.text, "COMPLETION"), "%s", err.text);
	cr_assert_eq(kernel.lane->n_rx, CHUNKS, "the first of the two was right");
}

Test(dpi_lane_broken, nothing_is_received_once_completion_was_wrong)
{
	cr_assert(kernel_receive_one(60, 1));
	kernel_push_comp(addr_of(9));
	must_stop("COMPLETION");
	cr_assert_eq(kernel.record.rx_frames, 0);
}

Test(dpi_lane_broken, sums_that_do_not_add_up)
{
	kernel.lane->n_rx--;
	must_stop("adding up");
	kernel.lane->n_rx++;
	run_well();
	kernel.lane->n_tx++;
	must_stop("adding up");
}

ParameterizedTestParameters(dpi_lane_broken, sending_fails_for_good)
{
	static int list[] = { ENXIO, EBADF, ENOTCONN, EINVAL, EOPNOTSUPP, EPERM };

	return cr_make_param_array(int, list, sizeof(list) / sizeof(*list));
}

ParameterizedTest(int *code, dpi_lane_broken, sending_fails_for_good)
{
	struct sl_err err = { 0 };

	kernel.always = (struct send){ 0, *code };
	cr_assert(kernel_receive_one(60, 1));
	cr_assert_eq(run(64, &err), -*code);
	cr_assert_eq(err.code, *code);
	cr_assert(strstr(err.text, "vth-test queue 1: sending failed") && strstr(err.text, strerror(*code)),
		  "%s", err.text);
	cr_assert_eq(kernel.sends, 1);
	cr_assert_eq(kernel.record.rx_frames, 1, "what was counted is not lost");
	kernel_compare();
}

/* Also when TX had to be emptied in the middle of the run. */
Test(dpi_lane_broken, sending_fails_in_the_middle)
{
	struct sl_err err = { 0 };

	kernel.always = (struct send){ 0, ENXIO };
	for (uint32_t i = 0; i < TX_SIZE + 3; i++)
		cr_assert(kernel_receive_one(60, i));
	cr_assert_eq(run(64, &err), -ENXIO, "%s", err.text);
	cr_assert_eq(n_shown, TX_SIZE + 1);
}

Test(dpi_lane_broken, fill_has_room_for_all_or_nothing_happens)
{
	cr_assert_eq(sl_xsk_lane_fill(kernel.lane), 0, "twice over");
	cr_assert_eq(sl_xsk_lane_fill(kernel.lane), -ENOBUFS);
}

Test(dpi_lane_broken, account_adds_what_is_new)
{
	const struct sl_lane_ops *ops = kernel.lane->lane.ops;
	struct sl_core *record = &kernel.record;

	/* With multi-buffer all that rx_dropped counts lacked a chunk. */
	kernel.statistics = (struct xdp_statistics){ .rx_dropped = 7,
						     .rx_invalid_descs = 1000,
						     .tx_invalid_descs = 2,
						     .rx_ring_full = 30,
						     .rx_fill_ring_empty_descs = 5,
						     .tx_ring_empty_descs = 1000 };
	cr_assert_eq(ops->account(&kernel.lane->lane, NULL), 0);
	cr_assert_eq(ops->account(&kernel.lane->lane, NULL), 0, "only once");
	cr_assert_eq(record->drop_fill_empty, 7);
	cr_assert_eq(record->drop_invalid, 0);
	cr_assert_eq(record->drop_rx_full, 30);
	cr_assert_eq(record->tx_invalid, 2);
	/* Without it, what did not lack a chunk was too long. */
	kernel.lane->multi_buffer = false;
	kernel.statistics.rx_dropped += 10;
	kernel.statistics.rx_fill_ring_empty_descs += 4;
	kernel.statistics.rx_ring_full++;
	kernel.statistics.tx_invalid_descs += 3;
	cr_assert_eq(ops->account(&kernel.lane->lane, NULL), 0);
	cr_assert_eq(record->drop_fill_empty, 11);
	cr_assert_eq(record->drop_invalid, 6);
	cr_assert_eq(record->drop_rx_full, 31);
	cr_assert_eq(record->tx_invalid, 5);
	/* The two figures are not read at one moment. */
	kernel.statistics.rx_dropped += 1;
	kernel.statistics.rx_fill_ring_empty_descs += 2;
	cr_assert_eq(ops->account(&kernel.lane->lane, NULL), 0);
	cr_assert_eq(record->drop_fill_empty, 12);
	cr_assert_eq(record->drop_invalid, 6);
}

Test(dpi_lane_broken, account_notices_that_the_interface_is_gone)
{
	const struct sl_lane_ops *ops = kernel.lane->lane.ops;
	struct sl_err err = { 0 };

	kernel.statistics.rx_ring_full = 4;
	kernel.socket_error = ENETDOWN;
	cr_assert_eq(ops->account(&kernel.lane->lane, &err), -ENETDOWN);
	cr_assert(strstr(err.text, "vth-test queue 1: the interface has been removed"), "%s", err.text);
	cr_assert_eq(kernel.record.drop_rx_full, 4);
	kernel.statistics_error = ENOPROTOOPT;
	cr_assert_eq(ops->account(&kernel.lane->lane, &err), -ENOPROTOOPT);
	cr_assert(strstr(err.text, "vth-test queue 1: reading XDP_STATISTICS"), "%s", err.text);
}

Test(dpi_lane_broken, what_others_may_ask)
{
	int fds[SL_LANE_FDS];

	cr_assert_eq(sl_xsk_lane_ops.fds(&kernel.lane->lane, fds), 1);
	cr_assert_eq(fds[0], kernel.lane->fd);
	cr_assert_str_eq(sl_xsk_lane_ops.name, "af_xdp");
	sl_xsk_lane_ops.destroy(NULL);
}

static uint32_t random_below(uint32_t n)
{
	static uint64_t state = 0x2545f4914f6cdd1d;

	state = state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)((state >> 33) % n);
}

static void receive_something(void)
{
	uint32_t lens[RX_SIZE], pieces = random_below(4) ? 1 : 1 + random_below(22);

	for (uint32_t i = 0; i < pieces; i++)
		lens[i] = random_below(16) ? 14 + random_below(300) : random_below(PIECE_MAX);
	if (lens[0] == 0)
		lens[0] = 1;
	kernel_receive(lens, pieces, random_below(1000));
}

/* Everything the kernel may do, in any order: the two books agree at every step, and every frame has one fate. */
Test(dpi_lane_broken, a_long_random_walk)
{
	static const int errors[] = { 0, EAGAIN, EBUSY, EBUSY, ENOBUFS, EINTR };
	const struct sl_core *record = &kernel.record;
	uint32_t dropped_by_handler, left = 0;

	drop_every = 5;
	for (int step = 0; step < 20000; step++) {
		for (uint32_t n = random_below(12); n > 0; n--)
			receive_something();
		kernel.n_sent = 0;
		kernel.sends = 0;
		kernel.n_steps = 1 + random_below(7);
		for (uint32_t i = 0; i < kernel.n_steps; i++)
			kernel.steps[i] =
				(struct send){ random_below(6),
					       errors[random_below(sizeof(errors) / sizeof(*errors))] };
		kernel.always = (struct send){ random_below(3) ? ALL : 0, EAGAIN };
		kernel_need_wakeup(random_below(2), random_below(8));
		kernel.hold = random_below(3) == 0;
		cr_assert_geq(run(1 + random_below(64), NULL), 0);
		left += kernel.n_sent;
		kernel_compare();
		if (!random_below(3))
			kernel_report_held();
		if (!random_below(4))
			kernel_send(random_below(4));
	}
	kernel.n_steps = 0;
	kernel.always = (struct send){ ALL, 0 };
	kernel.hold = false;
	kernel_need_wakeup(false, true);
	kernel_report_held();
	for (int i = 0; i < 4; i++) {
		kernel.n_sent = 0;
		run_well();
	}
	cr_assert_eq(kernel_count(IN_FILL), CHUNKS);
	dropped_by_handler = n_shown / drop_every;
	cr_assert_gt(record->rx_frames, 20000u);
	cr_assert_gt(record->drop_tx_full, 100u);
	cr_assert_gt(record->drop_invalid, 100u);
	cr_assert_gt(left, 1000u);
	cr_assert_eq(record->rx_frames,
		     record->tx_frames + record->drop_tx_full + record->drop_invalid + dropped_by_handler);
}
