// SPDX-License-Identifier: BSD-2-Clause
/*
 * Datagrams that leave together: what is cut from a bundle is what came, bit by
 * bit, and nothing is bundled that cutting would change.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "bundle_lab.h"
#include "bundle_odd.h"

TestSuite(dpi_bundle, .init = bundle_start, .fini = bundle_stop, .timeout = 60);

Test(dpi_bundle, those_of_a_flow_leave_as_one)
{
	static const int families[] = { 4, 6 };
	static const size_t sizes[] = { 1, 22, 23, 1000, 1472 };

	for (int f = 0; f < 2; f++) {
		for (int s = 0; s < 5; s++) {
			unsigned int n = sizes[s] > 1000 ? 44 : FRAMES;

			bundle_next_run();
			for (unsigned int i = 0; i < n; i++)
				/* Numbers go on behind the last one. */
				bundle_give_datagram(&(struct datagram){ families[f], 0, 65530 + i, sizes[s],
									 (uint8_t)i });
			bundle_flush(true);
			cr_expect_eq(bundle_lab.bundles, 1U, "IPv%d, %zu bytes", families[f], sizes[s]);
			bundle_in_order();
		}
	}
}

Test(dpi_bundle, the_last_one_may_be_shorter)
{
	for (unsigned int i = 0; i < 2 * LEAST; i++)
		bundle_give_datagram(&(struct datagram){ 4, 0, i, i == LEAST - 1 ? 50 : 100, (uint8_t)i });
	bundle_flush(true);
	cr_expect_eq(bundle_lab.bundles, 2U, "up to the shorter one, and from then on");
	bundle_in_order();
}

/* A packet of IP ends at 64 KB. */
Test(dpi_bundle, no_more_than_a_packet_holds)
{
	for (unsigned int i = 0; i < FRAMES; i++)
		bundle_give_datagram(&(struct datagram){ 6, 0, 0, 1472, (uint8_t)i });
	bundle_flush(true);
	cr_expect_eq(bundle_lab.bundles, 2U);
	bundle_in_order();
}

/* A bundle of fewer would cost more than they do. */
Test(dpi_bundle, few_leave_alone)
{
	for (unsigned int n = 1; n < LEAST; n++) {
		bundle_next_run();
		for (unsigned int i = 0; i < n; i++)
			bundle_give_datagram(&(struct datagram){ 4, 0, i, 100, (uint8_t)i });
		bundle_flush(true);
		cr_expect_eq(bundle_lab.bundles, 0U, "%u datagrams", n);
		bundle_in_order();
	}
}

Test(dpi_bundle, has_its_room_and_no_more)
{
	for (unsigned int i = 0; i < FRAMES; i++) {
		cr_expect_not(sl_bundler_is_full(bundle_bundler));
		bundle_give_datagram(&(struct datagram){ 4, i, 0, 22, 0 });
	}
	cr_expect(sl_bundler_is_full(bundle_bundler));
	bundle_flush(true);
	cr_expect_not(sl_bundler_is_full(bundle_bundler));
	bundle_in_order();
}

Test(dpi_bundle, flows_in_turns)
{
	for (unsigned int i = 0; i < FRAMES; i++)
		bundle_give_datagram(
			&(struct datagram){ 4, i % (FRAMES / LEAST), i / (FRAMES / LEAST), 22, (uint8_t)i });
	bundle_flush(true);
	cr_expect_eq(bundle_lab.bundles, FRAMES / LEAST);
	cr_expect_eq(bundle_lab.hurries, 1U, "nothing stood in the way of a bundle");
	for (unsigned int i = 0; i < FRAMES; i++) {
		const struct sent *sent = &bundle_lab.sent[i];
		unsigned int came = i % LEAST * 8 + i / LEAST;

		/* Those of a flow at a time. */
		cr_expect(sent->bundled && !memcmp(sent->data, bundle_lab.data[came], bundle_lab.len[came]),
			  "frame %u", i);
	}
}

/*
 * The last of what would be just enough, then the first; but for the longer one, which is the second then: it would be
 * the others that are shorter. Then all of them.
 */
Test(dpi_bundle, what_cutting_would_change_leaves_alone)
{
	static struct frame f;

	for (size_t o = 0; o < BUNDLE_ODDS; o++) {
		for (unsigned int which = 0; which < (bundle_odds[o].ever ? 3 : 2); which++) {
			bundle_next_run();
			for (unsigned int i = 0; i < LEAST; i++) {
				unsigned int odd = which ? o == BUNDLE_ODD_LONGER : LEAST - 1;

				bundle_make(&f, &(struct datagram){ 4, 0, i, 100, (uint8_t)i });
				if (i == odd || which == 2)
					bundle_odds[o].make_odd(&f);
				cr_assert(bundle_give(&f));
			}
			bundle_flush(true);
			cr_expect_eq(bundle_lab.bundles, 0U, "%s, round %u", bundle_odds[o].what, which);
			bundle_in_order();
		}
	}
}

/* Class, flow label, next header, hop limit. */
Test(dpi_bundle, nor_does_another_header_of_ipv6)
{
	static const unsigned int at[] = { 0, 1, 3, 7 };
	static struct frame f;

	for (unsigned int which = 0; which < 2 * sizeof(at) / sizeof(at[0]); which++) {
		bundle_next_run();
		for (unsigned int i = 0; i < LEAST; i++) {
			bundle_make(&f, &(struct datagram){ 6, 0, i, 100, (uint8_t)i });
			if (i == which % 2 * (LEAST - 1))
				f.data[ETH_HLEN + at[which / 2]] ^= 4;
			cr_assert(bundle_give(&f));
		}
		bundle_flush(true);
		cr_expect_eq(bundle_lab.bundles, 0U, "byte %u, round %u", at[which / 2], which);
		bundle_in_order();
	}
}

Test(dpi_bundle, a_sum_of_ones_is_one)
{
	static struct frame f;

	for (unsigned int i = 0; i < LEAST; i++) {
		bundle_make(&f, &(struct datagram){ 4, 0, i, 100, (uint8_t)i });
		bundle_sum_of_ones(&f);
		bundle_give(&f);
	}
	bundle_flush(true);
	cr_expect_eq(bundle_lab.bundles, 1U);
	bundle_in_order();
}

/* Not to be kept: no order with datagrams is there to be lost. */
Test(dpi_bundle, segments_of_tcp_are_not_its_business)
{
	static struct frame f;

	frame_eth(&f, mac_uc(7), mac_of("02:00:00:00:00:01"));
	frame_ipv4(&f, "10.0.0.1", "10.0.0.2", IPPROTO_TCP);
	frame_tcp(&f, 1000, 80, 1, 1, FRAME_ACK, NULL, 100);
	cr_expect_not(bundle_give(&f));
}

/* The kernel has no room, or is not there: one by one, by the other way. */
Test(dpi_bundle, what_the_socket_does_not_take_leaves_alone)
{
	for (unsigned int i = 0; i < 2 * LEAST; i++)
		bundle_give_datagram(&(struct datagram){ 4, i / LEAST, i, 100, (uint8_t)i });
	while (send(bundle_fds[0], "", 1, MSG_DONTWAIT) >= 0)
		;
	bundle_flush(true);
	cr_expect_eq(bundle_lab.bundles, 0U);
	bundle_in_order();
	/* With room again, so are bundles. */
	while (recv(bundle_fds[1], &(char){ 0 }, 1, MSG_DONTWAIT) >= 0)
		;
	bundle_next_run();
	for (unsigned int i = 0; i < LEAST; i++)
		bundle_give_datagram(&(struct datagram){ 4, 0, i, 100, (uint8_t)i });
	bundle_flush(true);
	cr_expect_eq(bundle_lab.bundles, 1U);
	bundle_in_order();
}
