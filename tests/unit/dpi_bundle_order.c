// SPDX-License-Identifier: BSD-2-Clause
/* Datagrams of a flow leave in the order in which they came, in bundles, by themselves or both. */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "bundle_lab.h"
#include "bundle_odd.h"

#define SEED 20261129

TestSuite(dpi_bundle_order, .init = bundle_start, .fini = bundle_stop, .timeout = 60);

/* What waits since an earlier run would be overtaken. */
Test(dpi_bundle_order, nothing_is_bundled_while_others_wait)
{
	for (unsigned int i = 0; i < LEAST; i++)
		bundle_give_datagram(&(struct datagram){ 4, 0, i, 100, (uint8_t)i });
	bundle_flush(false);
	cr_expect_eq(bundle_lab.bundles, 0U);
	bundle_in_order();
}

/* A single one, then enough for a bundle, longer, so that they are none with it. */
Test(dpi_bundle_order, a_bundle_does_not_overtake_a_single_one)
{
	for (int stuck = 0; stuck < 2; stuck++) {
		bundle_next_run();
		bundle_lab.stuck = stuck;
		bundle_give_datagram(&(struct datagram){ 4, 0, 0, 100, 0 });
		for (unsigned int i = 0; i < LEAST; i++)
			bundle_give_datagram(&(struct datagram){ 4, 0, 9 + i, 200, (uint8_t)(1 + i) });
		bundle_flush(true);
		cr_expect_eq(bundle_lab.bundles, stuck ? 0U : 1U);
		bundle_in_order();
	}
}

/* Of what flow the other one was the bundler cannot know. */
Test(dpi_bundle_order, none_overtakes_what_has_passed_it_by)
{
	sl_bundler_passed(bundle_bundler);
	for (unsigned int i = 0; i < LEAST; i++)
		bundle_give_datagram(&(struct datagram){ 4, 0, i, 100, (uint8_t)i });
	bundle_flush(true);
	cr_expect_eq(bundle_lab.bundles, 1U);
	cr_expect_eq(bundle_lab.hurries, 2U, "the other one first, and once at the end of the test");
}

/* What was of any flow stood in the way in its own run, and in no other. */
Test(dpi_bundle_order, each_run_begins_anew)
{
	static struct frame f;

	bundle_make(&f, &(struct datagram){ 4, 0, 0, 100, 0 });
	bundle_fragment(&f);
	cr_assert(bundle_give(&f));
	sl_bundler_passed(bundle_bundler);
	bundle_flush(true);
	bundle_next_run();
	for (unsigned int i = 0; i < LEAST; i++)
		bundle_give_datagram(&(struct datagram){ 4, 0, i, 100, (uint8_t)i });
	bundle_flush(true);
	cr_expect_eq(bundle_lab.bundles, 1U);
	cr_expect_eq(bundle_lab.hurries, 1U, "nothing to be sent first, and once at the end of the test");
}

/* As they may come: some flows, most datagrams alike, some odd. */
static void give_any(unsigned int *numbers)
{
	static const size_t odd_sizes[] = { 99, 20, 200 };
	unsigned int flow = (unsigned int)rand() % 4;
	struct datagram d = { flow % 2 ? 6 : 4, flow, numbers[flow]++,
			      rand() % 16 ? 100 : odd_sizes[(unsigned int)rand() % 3], (uint8_t)rand() };
	const struct bundle_odd *odd = &bundle_odds[(unsigned int)rand() % BUNDLE_ODDS];
	static struct frame f;

	bundle_make(&f, &d);
	if (d.family == 4 && !(rand() % 32) && !odd->other_flow)
		odd->make_odd(&f);
	cr_assert(bundle_give(&f));
}

/* The port, or 0 where any could be. */
static unsigned int flow_of(const uint8_t *data)
{
	if (get16(data + 12) == ETH_P_IPV6)
		return get16(data + 54);
	if (get16(data + 12) == ETH_P_IP && data[ETH_HLEN] == 0x45 && !(get16(data + 20) & 0x3fff))
		return get16(data + 34);
	return 0;
}

/* Each flow's, by itself and with what may be of any flow, as they came. */
static void flows_in_order(unsigned int round)
{
	for (unsigned int port = 1000; port < 1004; port++) {
		unsigned int at = 0;

		for (unsigned int i = 0; i < bundle_lab.n; i++) {
			unsigned int flow = flow_of(bundle_lab.data[i]);

			if (flow != port && flow)
				continue;
			while (at < bundle_lab.n && flow_of(bundle_lab.sent[at].data) != port &&
			       flow_of(bundle_lab.sent[at].data))
				at++;
			cr_assert(at < bundle_lab.n && bundle_lab.sent[at].len == bundle_lab.len[i] &&
					  !memcmp(bundle_lab.sent[at].data, bundle_lab.data[i],
						  bundle_lab.len[i]),
				  "seed %d, round %u, port %u: frame %u", SEED, round, port, i);
			at++;
		}
	}
}

Test(dpi_bundle_order, in_any_mixture_flows_keep_their_order)
{
	unsigned int bundles = 0, numbers[4] = { 0 };

	srand(SEED);
	for (unsigned int round = 0; round < 20000; round++) {
		unsigned int n = 1 + (unsigned int)rand() % FRAMES;

		bundle_next_run();
		bundle_lab.stuck = !(rand() % 16);
		for (unsigned int i = 0; i < n; i++)
			give_any(numbers);
		bundle_flush(rand() % 16);
		flows_in_order(round);
		bundles += bundle_lab.bundles;
	}
	cr_expect_gt(bundles, 20000U, "hardly anything was bundled: %u", bundles);
}
