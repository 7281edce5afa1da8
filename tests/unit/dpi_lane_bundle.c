// SPDX-License-Identifier: BSD-2-Clause
/*
 * The AF_XDP lane with a bundler: chunks of what has left by the socket are
 * the kernel's again, figures count datagrams, and nothing that leaves by the
 * ring gets in front of what came before it.
 */
#include <criterion/criterion.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dpi_kernel.h"
#include "lib/frames.h"

#define SPARES 4
#define ROOM 32 /* less than a run may bring */
#define HEADERS 62 /* Ethernet, IPv6, UDP */
#define PAYLOAD 100

static int fds[2];
static bool drop; /* what the handler answers */
static uint32_t own_behind; /* sends one of its own when it is shown this many frames: 0, never */
static uint32_t shown;

static enum sl_action handler(void *context, struct sl_frame *frame)
{
	static const uint8_t own[60] = { 0 };
	struct sl_err err = { 0 };

	(void)context;
	(void)frame;
	if (++shown == own_behind)
		cr_assert_eq(sl_xsk_lane_ops.send(&kernel.lane->lane, own, sizeof(own), &err), 0);
	return drop ? SL_DROP : SL_FORWARD;
}

static void start(void)
{
	kernel_start_with(SPARES);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
	kernel.lane->bundler = sl_bundler_new(fds[0], ROOM);
	cr_assert_not_null(kernel.lane->bundler);
	drop = false;
	own_behind = shown = 0;
}

static void stop(void)
{
	kernel_stop();
	close(fds[0]);
	close(fds[1]);
}

TestSuite(dpi_lane_bundle, .init = start, .fini = stop);

static void receive(unsigned int port, size_t payload)
{
	static struct frame f;

	frame_eth(&f, mac_uc(7), mac_of("02:00:00:00:00:01"));
	frame_ipv6(&f, "fd00::1", "fd00::2", IPPROTO_UDP);
	frame_udp(&f, (uint16_t)port, 53, NULL, payload);
	cr_assert(kernel_receive_bytes(f.data, f.len));
}

#define SOME SL_BUNDLE_LEAST
static void receive_some(void)
{
	for (int i = 0; i < SOME; i++)
		receive(1000, PAYLOAD);
}

static void run_well(void)
{
	struct sl_err err = { 0 };

	cr_assert_geq(sl_xsk_lane_ops.run(&kernel.lane->lane, 64, handler, NULL, &err), 0, "%s", err.text);
	kernel_compare();
}

/* Datagrams in the bundle that has left first, 0: none has. */
static uint32_t bundle(void)
{
	uint8_t room[65600];
	ssize_t n = recv(fds[1], room, sizeof(room), 0);

	return n < 0 ? 0 : ((uint32_t)n - sizeof(struct virtio_net_hdr) - HEADERS) / PAYLOAD;
}

static void all_at_rest(void)
{
	run_well();
	cr_assert_eq(kernel_count(IN_FILL), CHUNKS - SPARES, "a chunk is missing in FILL");
	cr_assert_eq(kernel.record.rx_frames + kernel.record.made,
		     kernel.record.tx_frames + kernel.record.dropped + kernel.record.drop_tx_full);
	cr_assert_eq(bundle(), 0, "a bundle that nobody has looked at");
}

Test(dpi_lane_bundle, datagrams_leave_by_the_socket)
{
	for (int i = 0; i < 20; i++)
		receive(1000, PAYLOAD);
	run_well();
	cr_expect_eq(bundle(), 20);
	cr_expect_eq(kernel.n_sent, 0);
	cr_expect_eq(kernel.sends, 0, "nothing is in the ring");
	cr_expect_eq(kernel.record.tx_frames, 20);
	cr_expect_eq(kernel.record.tx_bytes, 20 * (HEADERS + PAYLOAD));
	cr_expect_eq(kernel.record.bundled, 20);
	all_at_rest();
}

Test(dpi_lane_bundle, single_ones_by_the_ring)
{
	for (unsigned int i = 0; i < 20; i++)
		receive(1000 + i, PAYLOAD);
	run_well();
	cr_expect_eq(kernel.n_sent, 20);
	cr_expect_eq(kernel.sends, 1, "all at once");
	cr_expect_eq(kernel.record.bundled, 0);
	cr_expect_eq(kernel.record.tx_frames, 20);
	all_at_rest();
}

Test(dpi_lane_bundle, what_is_dropped_is_in_none)
{
	drop = true;
	for (int i = 0; i < 20; i++)
		receive(1000, PAYLOAD);
	run_well();
	cr_expect_eq(kernel.record.dropped, 20);
	cr_expect_eq(kernel.record.bundled, 0);
	all_at_rest();
}

/* More in one run than a bundle holds. */
Test(dpi_lane_bundle, a_full_bundler_is_flushed)
{
	for (int i = 0; i < ROOM + 20; i++)
		receive(1000, PAYLOAD);
	run_well();
	cr_expect_eq(bundle(), ROOM);
	cr_expect_eq(bundle(), 20);
	cr_expect_eq(kernel.record.bundled, ROOM + 20);
	all_at_rest();
}

Test(dpi_lane_bundle, frames_of_its_own_leave_behind_it)
{
	own_behind = 10;
	for (int i = 0; i < 20; i++)
		receive(1000, PAYLOAD);
	run_well();
	/* Shown the tenth, which is not answered yet. */
	cr_expect_eq(bundle(), 9);
	cr_expect_eq(bundle(), 11);
	cr_expect_eq(kernel.n_sent, 1);
	cr_expect_eq(kernel.record.made, 1);
	all_at_rest();
}

Test(dpi_lane_bundle, a_frame_in_pieces_keeps_its_place)
{
	const uint32_t lens[] = { PIECE_MAX, 500 };

	receive_some();
	cr_assert(kernel_receive(lens, 2, 9));
	receive_some();
	/* The ring does not move: the second ones would get in front of the frame before them. */
	kernel.always.frames = 0;
	run_well();
	cr_expect_eq(bundle(), SOME);
	cr_expect_eq(bundle(), 0);
	cr_expect_eq(kernel_tx_waiting(), 2 + SOME);
	cr_expect(kernel.lane->lane.pending);
	/* Nor do those of the next run, as long as some wait. */
	receive_some();
	run_well();
	cr_expect_eq(bundle(), 0);
	cr_expect_eq(kernel_tx_waiting(), 2 + 2 * SOME);
	kernel.always.frames = ALL;
	/* The last run looked in vain, so the next one does not look. */
	receive_some();
	run_well();
	cr_expect_eq(kernel.n_sent, 1 + 3 * SOME);
	cr_expect_eq(kernel.sent[0].sum, kernel_frame_sum(PIECE_MAX + 500, 9));
	receive_some();
	run_well();
	cr_expect_eq(bundle(), SOME, "nothing waits any more");
	all_at_rest();
}

/* Looking costs: in vain it is done in ever fewer runs, and in each one as soon as it was not. */
Test(dpi_lane_bundle, looks_where_it_may_find_some)
{
	unsigned int looked = 0;

	for (int run = 0; run < 200; run++) {
		for (unsigned int i = 0; i < SOME; i++)
			receive(1000 + i, PAYLOAD);
		run_well();
		looked += kernel.lane->skip == kernel.lane->pause;
		kernel.n_sent = 0;
	}
	cr_expect(looked >= 5 && looked <= 15, "looked in %u runs of 200", looked);
	for (int run = 0; run < 40 && !kernel.record.bundled; run++) {
		receive_some();
		run_well();
	}
	cr_expect_eq(bundle(), SOME);
	for (int run = 0; run < 10; run++) {
		receive_some();
		run_well();
		cr_expect_eq(bundle(), SOME, "run %d", run);
	}
	/* Too few to find any in is not in vain. */
	for (int run = 0; run < 10; run++) {
		receive(1000, PAYLOAD);
		run_well();
	}
	receive_some();
	run_well();
	cr_expect_eq(bundle(), SOME);
	kernel.n_sent = 0;
	all_at_rest();
}

/* The socket is full, or gone: the ring takes them. */
Test(dpi_lane_bundle, without_the_socket_by_the_ring)
{
	while (send(fds[0], "", 1, MSG_DONTWAIT) >= 0)
		;
	for (int i = 0; i < 20; i++)
		receive(1000, PAYLOAD);
	run_well();
	cr_expect_eq(kernel.n_sent, 20);
	cr_expect_eq(kernel.record.tx_frames, 20);
	cr_expect_eq(kernel.record.bundled, 0);
	while (recv(fds[1], &(char){ 0 }, 1, MSG_DONTWAIT) >= 0)
		;
	all_at_rest();
}
