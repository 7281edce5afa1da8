// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which frames take the bulk lane, when a direction turns to it, and from it
 * to the direct way; and the two programs of its own pair.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <string.h>

#include "bpf/flow_lab.h"

#define GENERATION 3

static struct runner runner;
static struct frame f;
static struct outcome got;

static void start(void)
{
	runner_start(&runner);
	runner_workload(&runner, SL_MODE_INLINE, SL_FAIL_CLOSED, SL_WL_STRICT);
	runner_generation(&runner, GENERATION);
	runner_bulk(&runner, true);
}

static void stop(void)
{
	runner_stop(&runner);
}

TestSuite(lanes, .init = start, .fini = stop);

static void give(int family, __u8 protocol, enum sl_verdict verdict, __u32 generation, enum sl_way way)
{
	flow_give(&runner, family, protocol, verdict, generation, way);
}

static enum sl_way way(int family, __u8 protocol, bool in)
{
	struct sl_flow flow = flow_look(&runner, family, protocol);

	return in ? flow.to_workload.handover.way : flow.from_workload.handover.way;
}

static const struct frame *tcp(bool in, int family, __u32 seq, __u8 flags, size_t len)
{
	flow_tcp(&f, in, family, seq, 2000, flags, len);
	return &f;
}

static const struct frame *udp(bool in, int family)
{
	flow_udp(&f, in, family, 600);
	return &f;
}

#define expect(shown, in, want, ...) flow_expect(&runner, shown, in, &got, want, __VA_ARGS__)

/* Everything of a direction that has turned, the end of the connection too; not its beginning, not what is odd. */
Test(lanes, what_takes_it)
{
	for (int in = 0; in < 2; in++) {
		for (int family = 4; family <= 6; family += 2) {
			give(family, IPPROTO_TCP, SL_VERDICT_INSPECT, GENERATION, SL_WAY_DIRECT);
			expect(tcp(in, family, 1000, FRAME_ACK, 100), in, SL_R_bulk, "data");
			cr_expect_eq(got.retval, TC_ACT_REDIRECT);
			cr_expect(!memcmp(got.frame + (in ? 0 : 6), mac_uc(RUNNER_ID).b, 6), "the UCMAC");
			expect(tcp(in, family, 1000, FRAME_ACK, 0), in, SL_R_bulk, "an acknowledgement");
			expect(tcp(in, family, 1000, FRAME_ACK | FRAME_FIN, 10), in, SL_R_bulk, "FIN");
			expect(tcp(in, family, 1000, FRAME_ACK | FRAME_RST, 0), in, SL_R_bulk, "RST");
			expect(tcp(in, family, 1000, FRAME_SYN, 0), in, SL_R_diverted, "SYN");
			expect(tcp(in, family, 1000, FRAME_SYN | FRAME_ACK, 0), in, SL_R_diverted, "SYN-ACK");
			give(family, IPPROTO_UDP, SL_VERDICT_INSPECT, GENERATION, SL_WAY_DIRECT);
			expect(udp(in, family), in, SL_R_bulk, "a datagram");
		}
		give(4, IPPROTO_TCP, SL_VERDICT_INSPECT, GENERATION, SL_WAY_DIRECT);
		tcp(in, 4, 1000, FRAME_ACK, 100);
		frame_push_vlan(&f, 0x8100, 5);
		expect(&f, in, SL_R_bulk, "tagged");
		frame_push_vlan(&f, 0x88a8, 6);
		expect(&f, in, SL_R_bulk, "tagged twice");
		frame_eth(&f, mac_of(in ? FLOW_WL : FLOW_FAR), mac_of(in ? FLOW_FAR : FLOW_WL));
		frame_ipv4_full(&f, in ? "10.10.10.66" : "10.10.10.88", in ? "10.10.10.88" : "10.10.10.66",
				IPPROTO_TCP, 64, 0x2000, NULL, 0);
		frame_tcp(&f, in ? 40000 : 8080, in ? 8080 : 40000, 1000, 2000, FRAME_ACK, NULL, 100);
		expect(&f, in, SL_R_diverted, "a fragment");
	}
}

/* It says how the core is reached, not what it will say: a new policy does not send the flow back. */
Test(lanes, whatever_the_policy)
{
	give(4, IPPROTO_TCP, SL_VERDICT_INSPECT, GENERATION - 1, SL_WAY_DIRECT);
	expect(tcp(true, 4, 1000, FRAME_ACK, 100), true, SL_R_bulk, "of an older generation");
	/* But it must be whole. */
	struct sl_flow_key key = flow_key(4, IPPROTO_TCP);
	struct sl_flow flow;

	cr_assert_eq(bpf_map_lookup_elem(runner.maps.flows, &key, &flow), 0);
	flow.check++;
	cr_assert_eq(bpf_map_update_elem(runner.maps.flows, &key, &flow, BPF_ANY), 0);
	expect(tcp(true, 4, 1000, FRAME_ACK, 100), true, SL_R_diverted, "somebody else's memory");
}

Test(lanes, by_mode_and_core)
{
	static const struct {
		enum sl_mode mode;
		enum sl_fail fail;
		bool alive;
		enum sl_reason want;
	} rows[] = {
		{ SL_MODE_OFF, SL_FAIL_CLOSED, true, SL_R_direct },
		{ SL_MODE_TAP, SL_FAIL_CLOSED, true, SL_R_tapped_bulk },
		{ SL_MODE_TAP, SL_FAIL_CLOSED, false, SL_R_tap_no_copy },
		{ SL_MODE_INLINE, SL_FAIL_CLOSED, true, SL_R_bulk },
		{ SL_MODE_INLINE, SL_FAIL_CLOSED, false, SL_R_fail_closed },
		{ SL_MODE_INLINE, SL_FAIL_OPEN, false, SL_R_fail_open },
		{ SL_MODE_QUARANTINE, SL_FAIL_OPEN, true, SL_R_quarantine },
	};
	__u8 copy[RUNNER_FRAME_MAX];

	give(4, IPPROTO_TCP, SL_VERDICT_INSPECT, GENERATION, SL_WAY_DIRECT);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		runner_workload(&runner, rows[i].mode, rows[i].fail, SL_WL_STRICT);
		runner_core(&runner, 1000000000, rows[i].alive);
		runner_bulk(&runner, true);
		expect(tcp(true, 4, 1000, FRAME_ACK, 100), true, rows[i].want, "row %zu", i);
		if (rows[i].want != SL_R_tapped_bulk)
			continue;
		cr_expect_eq(runner_cloned_bulk(&runner, copy, sizeof(copy)), f.len);
		cr_expect(!memcmp(copy, mac_uc(RUNNER_ID).b, 6), "the copy's UCMAC");
		cr_expect(!memcmp(got.frame, f.data, f.len), "the original");
	}
	runner_bulk(&runner, false);
	runner_workload(&runner, SL_MODE_INLINE, SL_FAIL_CLOSED, SL_WL_STRICT);
	runner_core(&runner, 1000000000, true);
	expect(tcp(true, 4, 1000, FRAME_ACK, 100), true, SL_R_diverted, "there is no such lane");
}

/* As the core sends it, by either lane; marked: it may turn the direction. */
static void back(enum sl_program program, bool in, __u32 seq, size_t len)
{
	tcp(in, 4, seq, FRAME_ACK, len);
	if (in)
		frame_set_dst(&f, mac_uc(RUNNER_ID));
	else
		frame_set_src(&f, mac_uc(RUNNER_ID));
	f.data[in ? 3 : 9] |= SL_UCMAC_HANDOVER;
	runner_run(&runner, program, program == SL_PROG_VBK ? runner.vbk : runner.vbr, f.data, f.len, &got);
	cr_expect_eq(got.reason, in ? (int)SL_R_to_workload : (int)SL_R_to_network);
	cr_expect(!memcmp(got.frame + (in ? 0 : 6), mac_of(FLOW_WL).b, 6), "the mark goes with the UCMAC");
}

static void turned_long_ago(void)
{
	struct sl_flow_key key = flow_key(4, IPPROTO_TCP);
	struct sl_flow flow;

	cr_assert_eq(bpf_map_lookup_elem(runner.maps.flows, &key, &flow), 0);
	flow.to_workload.turning_ns -= 2 * SL_TURN_NS;
	flow.from_workload.turning_ns -= 2 * SL_TURN_NS;
	cr_assert_eq(bpf_map_update_elem(runner.maps.flows, &key, &flow, BPF_ANY), 0);
}

/* Not before the last segment that went by the other lane has left the core. */
Test(lanes, turns_behind_the_last_byte)
{
	for (int in = 0; in < 2; in++) {
		give(4, IPPROTO_TCP, SL_VERDICT_INSPECT, GENERATION, SL_WAY_CORE);
		expect(tcp(in, 4, 1000, FRAME_ACK, 100), in, SL_R_diverted, "the first");
		expect(tcp(in, 4, 1100, FRAME_ACK | FRAME_FIN, 100), in, SL_R_diverted,
		       "FIN goes with the rest");
		back(SL_PROG_VBR, in, 1000, 100);
		cr_expect_eq(way(4, IPPROTO_TCP, in), SL_WAY_FENCED);
		/* What comes out of the lane that is turned to says nothing. */
		back(SL_PROG_VBK, in, 1100, 100);
		cr_expect_eq(way(4, IPPROTO_TCP, in), SL_WAY_FENCED);
		back(SL_PROG_VBR, in, 1100, 100);
		cr_expect_eq(way(4, IPPROTO_TCP, in), SL_WAY_TURNING);
		turned_long_ago();
		expect(tcp(in, 4, 1200, FRAME_ACK, 100), in, SL_R_bulk, "turned");
		cr_expect_eq(way(4, IPPROTO_TCP, in), SL_WAY_DIRECT);
		cr_expect_neq(way(4, IPPROTO_TCP, !in), SL_WAY_DIRECT);
	}
}

/* A flow that is allowed after all: what still goes to the core goes by the lane it was on, until that is empty. */
Test(lanes, leaves_it_behind_the_last_byte)
{
	runner_verdicts(&runner, true);
	give(4, IPPROTO_TCP, SL_VERDICT_ALLOW, GENERATION, SL_WAY_CORE_BULK);
	expect(tcp(true, 4, 1000, FRAME_ACK, 100), true, SL_R_bulk, "the first");
	cr_expect_eq(way(4, IPPROTO_TCP, true), SL_WAY_FENCED_BULK);
	back(SL_PROG_VBR, true, 1000, 100);
	cr_expect_eq(way(4, IPPROTO_TCP, true), SL_WAY_FENCED_BULK);
	back(SL_PROG_VBK, true, 1000, 100);
	cr_expect_eq(way(4, IPPROTO_TCP, true), SL_WAY_TURNING_BULK);
	turned_long_ago();
	expect(tcp(true, 4, 1100, FRAME_ACK, 100), true, SL_R_flow_allowed, "turned");
	expect(tcp(true, 4, 1200, FRAME_ACK | FRAME_FIN, 0), true, SL_R_bulk, "its end is shown to the core");
}

/* Datagrams that are no super-frames gain nothing by it, and have no numbers by which to tell that none is inside. */
Test(lanes, datagrams_stay)
{
	struct sl_flow_key key = flow_key(4, IPPROTO_UDP);
	struct sl_flow flow;

	give(4, IPPROTO_UDP, SL_VERDICT_INSPECT, GENERATION, SL_WAY_CORE);
	expect(udp(true, 4), true, SL_R_diverted, "the first");
	cr_assert_eq(bpf_map_lookup_elem(runner.maps.flows, &key, &flow), 0);
	flow.to_workload.handover.fence -= 10 * SL_GAP_UNITS;
	cr_assert_eq(bpf_map_update_elem(runner.maps.flows, &key, &flow, BPF_ANY), 0);
	expect(udp(true, 4), true, SL_R_diverted, "after a pause");
}

/* vtk: nothing goes on from there; without a worker it is not taken for one that has been seen. */
Test(lanes, the_inner_end)
{
	tcp(true, 4, 1000, FRAME_ACK, 100);
	frame_set_dst(&f, mac_uc(RUNNER_ID));
	runner_run(&runner, SL_PROG_VTK, runner.vbk, f.data, f.len, &got);
	cr_expect_eq(got.retval, TC_ACT_SHOT);
	cr_expect_eq(got.reason, (int)SL_R_to_core);
	runner_core(&runner, 1000000000, false);
	runner_run(&runner, SL_PROG_VTK, runner.vbk, f.data, f.len, &got);
	cr_expect_eq(got.retval, TC_ACT_SHOT);
	cr_expect_eq(got.reason, (int)SL_R_no_core);
}
