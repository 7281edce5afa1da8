// SPDX-License-Identifier: BSD-2-Clause
/*
 * Changing what is done with a workload's traffic while the traffic runs: mode
 * changes lose no frame; taking and giving back keep connections.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/streams.h"
#include "lib/topo.h"
#include "lib/world.h"

TestSuite(switching, .init = world_enter, .fini = world_leave, .timeout = 120);

#define SWITCHES 50

/* Switches to a mode and waits until the traffic has visibly taken that way. */
static void switch_to(struct topo *t, const char *mode, enum sl_reason way)
{
	__u64 before;

	ctl_do(t->d, "mode --all %s", mode);
	before = counter_lanes(t->d, way);
	cr_assert(wait_until(5000, counter_lanes(t->d, way) > before + 100), "no traffic in mode %s", mode);
}

Test(switching, off_and_inline_lose_no_frame)
{
	struct topo *t = topo_direct("--verdicts no");
	struct flow *in, *out;

	daemon_intercept(t->d, t->workload, "--mode off");
	in = flow_start(t->host, t->workload, WL_IP4, 5000, 5000, 200);
	out = flow_start(t->workload, t->host, HOST_IP6, 5001, 2000, 900);
	for (int i = 0; i < SWITCHES / 2; i++) {
		switch_to(t, "inline", SL_R_diverted);
		switch_to(t, "off", SL_R_direct);
	}
	flow_end(in);
	flow_end(out);
	topo_end(t);
}

/* Of flows that are left to the kernel no mode loses a frame either, nor does it copy what needs no looking at. */
Test(switching, judged_flows_lose_no_frame)
{
	struct topo *t = topo_direct("");
	struct flow *in, *out;

	daemon_intercept(t->d, t->workload, "--mode inline");
	in = flow_start(t->host, t->workload, WL_IP4, 5000, 5000, 200);
	out = flow_start(t->workload, t->host, HOST_IP6, 5001, 2000, 900);
	for (int i = 0; i < 10; i++) {
		switch_to(t, "inline", SL_R_flow_allowed);
		switch_to(t, "off", SL_R_direct);
		switch_to(t, "tap", SL_R_flow_allowed);
	}
	flow_end(in);
	flow_end(out);
	topo_end(t);
}

/*
 * A copy that is inside the core while the mode leaves `tap` comes back as if
 * it had been diverted: it may come twice, but nothing is lost.
 */
Test(switching, all_modes_and_strictness_lose_no_frame)
{
	struct topo *t = topo_direct("--verdicts no");
	long sent, received;
	struct flow *in;

	daemon_intercept(t->d, t->workload, "--mode off");
	in = flow_start(t->host, t->workload, WL_IP4, 5000, 5000, 200);
	for (int i = 0; i < 10; i++) {
		switch_to(t, "tap", SL_R_tapped);
		switch_to(t, "off --no-strict", SL_R_direct);
		switch_to(t, "inline --strict --fail open", SL_R_diverted);
		switch_to(t, "off --fail closed", SL_R_direct);
	}
	flow_stop(in, &sent, &received, NULL);
	cr_expect_eq(received, sent, "sent %ld, received %ld: %s", sent, received, proc_text(in->receiver));
	topo_end(t);
}

Test(switching, connections_survive_taking_and_giving_back)
{
	struct topo *t = topo_direct("--verdicts no");
	struct stream stream = stream_start(t, WL_IP4, 7900);
	__u64 before;

	daemon_intercept(t->d, t->workload, "--mode inline");
	before = counter_lanes(t->d, SL_R_diverted);
	cr_expect(wait_until(10000, counter_lanes(t->d, SL_R_diverted) > before + 200),
		  "the connection did not go on through the core: %s", proc_text(stream.client));
	ctl_do(t->d, "release --all");
	stream_stop(&stream);
	topo_end(t);
}

Test(switching, taking_and_giving_back_again_and_again)
{
	struct topo *t = topo_direct("--verdicts no");
	struct flow *in;
	long sent, received, gap;

	in = flow_start(t->host, t->workload, WL_IP4, 5000, 1000, 100);
	for (int i = 0; i < 10; i++) {
		__u64 before = counter(t->d, SL_PROG_VBR, SL_R_to_workload);

		daemon_intercept(t->d, t->workload, "--mode inline");
		cr_assert(wait_until(5000, counter(t->d, SL_PROG_VBR, SL_R_to_workload) > before + 10),
			  "no traffic after being taken for the %dth time", i + 1);
		ctl_do(t->d, "release --all");
		cr_assert(ping_within(t->host, WL_IP4, 5000),
			  "no traffic after being given back for the %dth time: %s", i + 1, ns_said());
	}
	flow_stop(in, &sent, &received, &gap);
	tell("20 handovers: sent %ld, received %ld, %.1f ms each, largest gap %.1f ms", sent, received,
	     (sent - received) / 20.0, gap / 1000.0);
	/* How long a handover takes is the bench's business: it is the kernel's grace periods, and a busy machine's. */
	cr_expect_gt(received, 0);
	topo_end(t);
}
