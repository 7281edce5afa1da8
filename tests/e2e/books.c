// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every frame is in the books: each program's under load, and the whole chain
 * from leg to leg once the traffic has stopped.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/streams.h"
#include "lib/topo.h"
#include "lib/world.h"

TestSuite(books, .init = world_enter, .fini = world_leave, .timeout = 90);

Test(books, counters_check_under_load)
{
	struct topo *t = topo_direct("--workers 2");
	struct stream stream;
	struct flow *in;

	daemon_intercept(t->d, t->workload, "--mode inline");
	stream = stream_start(t, WL_IP6, 7900);
	in = flow_start(t->host, t->workload, WL_IP4, 5000, 5000, 100);
	for (int i = 0; i < 15; i++) {
		ctl_do(t->d, "counters --check");
		ctl_do(t->d, "mode --all %s", i % 3 == 0 ? "off" : i % 3 == 1 ? "tap" : "inline");
	}
	flow_stop(in, NULL, NULL, NULL);
	stream_stop(&stream);
	ctl_do(t->d, "counters --check");
	topo_end(t);
}

static struct sl_books sheet(struct topo *t, enum sl_program prog)
{
	struct sl_counters counters;
	struct sl_err err = { 0 };
	struct sl_books books;

	cr_assert(!sl_maps_counters(&t->d->maps, prog, &counters, &err), "%s", err.text);
	sl_counters_books(&counters, &books);
	cr_expect_eq(books.in, books.out + books.drop, "%s: in %llu, out %llu, dropped %llu",
		     sl_program_name(prog), books.in, books.out, books.drop);
	return books;
}

static struct sl_core core_record(struct topo *t)
{
	struct sl_core record;
	__u32 queue = 0;

	cr_assert(!bpf_map_lookup_elem(t->d->maps.core, &queue, &record));
	return record;
}

static __u64 segments_in(struct topo *t, enum sl_program prog)
{
	struct sl_counters counters;
	struct sl_err err = { 0 };

	cr_assert(!sl_maps_counters(&t->d->maps, prog, &counters, &err), "%s", err.text);
	return counters.in.segments;
}

/* From the core, one by one or some together. */
static __u64 came_back(struct topo *t)
{
	return counter_in(t->d, SL_PROG_VBR) + segments_in(t, SL_PROG_VBK);
}

/* On wires that are never full: what one station sends the next one receives, to the frame. */
Test(books, the_chain_is_closed)
{
	struct topo *t = topo_direct("--verdicts no");
	struct flow *in, *out;
	struct sl_core core;
	__u64 back;

	daemon_intercept(t->d, t->workload, "--mode inline");
	in = flow_start(t->host, t->workload, WL_IP4, 5000, 2000, 300);
	out = flow_start(t->workload, t->host, HOST_IP6, 5001, 1000, 1200);
	cr_assert(wait_until(10000, came_back(t) > 3000));
	cr_expect(ping(t->host, WL_IP6), "%s", ns_said());
	flow_end(in);
	flow_end(out);
	cr_expect(wait_until(2000, counter_legs(t->d, SL_R_diverted) == came_back(t)));
	cr_expect_eq(counter_legs(t->d, SL_R_diverted), counter_in(t->d, SL_PROG_VTH));
	core = core_record(t);
	cr_expect_eq(counter(t->d, SL_PROG_VTH, SL_R_to_core), core.rx_frames + core.drop_rx_full);
	cr_expect_eq(core.rx_frames, core.tx_frames + core.drop_tx_full + core.drop_invalid);
	cr_expect_eq(core.tx_frames - core.bundled, counter_in(t->d, SL_PROG_VBR));
	cr_expect_eq(core.bundled, segments_in(t, SL_PROG_VBK));
	back = counter(t->d, SL_PROG_VBR, SL_R_to_workload) + counter(t->d, SL_PROG_VBR, SL_R_to_network);
	cr_expect_eq(back, counter_in(t->d, SL_PROG_VBR));
	for (int prog = 0; prog < SL_PROG_MAX; prog++)
		sheet(t, prog);
	topo_end(t);
}

Test(books, every_workload_has_its_own)
{
	struct topo *t = topo_bridge("");
	struct sl_traffic traffic;
	struct sl_err err = { 0 };
	int a, b;

	a = daemon_intercept(t->d, t->workload, "--mode inline");
	b = daemon_intercept(t->d, t->workload2, "--mode off");
	ns_run(t->host, "ping -n -q -c 10 -i 0.01 -W 1 " WL_IP4);
	ns_run(t->host, "ping -n -q -c 20 -i 0.01 -W 1 " WL2_IP4);
	cr_assert(!sl_maps_traffic(&t->d->maps, a, &traffic, &err), "%s", err.text);
	cr_expect(traffic.to_workload.inspected >= 10 && traffic.from_workload.inspected >= 10);
	cr_expect_geq(traffic.to_workload.frames, traffic.to_workload.inspected);
	cr_expect_eq(traffic.to_workload.dropped, 0);
	cr_assert(!sl_maps_traffic(&t->d->maps, b, &traffic, &err), "%s", err.text);
	cr_expect(traffic.to_workload.frames >= 20 && traffic.from_workload.frames >= 20);
	cr_expect_eq(traffic.to_workload.inspected, 0);
	ctl_do(t->d, "mode --id %d quarantine", a);
	cr_expect(!ping(t->host, WL_IP4));
	cr_assert(!sl_maps_traffic(&t->d->maps, a, &traffic, &err), "%s", err.text);
	cr_expect_geq(traffic.to_workload.dropped, 3);
	topo_end(t);
}
