// SPDX-License-Identifier: BSD-2-Clause
/*
 * What vex, vin and vbr make of the core's verdicts: which frames go by one,
 * which never do, and when a direction turns from the core to the direct way.
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

static void start(void)
{
	runner_start(&runner);
	runner_verdicts(&runner, true);
}

static void stop(void)
{
	runner_stop(&runner);
}

TestSuite(verdicts, .init = start, .fini = stop);

static void workload(enum sl_mode mode, __u32 generation)
{
	runner_workload(&runner, mode, SL_FAIL_CLOSED, SL_WL_STRICT);
	runner_generation(&runner, generation);
}

static void give(int family, __u8 protocol, enum sl_verdict verdict, enum sl_way way)
{
	flow_give(&runner, family, protocol, verdict, GENERATION, way);
}

static struct sl_flow look(int family, __u8 protocol)
{
	return flow_look(&runner, family, protocol);
}

static struct outcome got;

#define expect(f, in, want, ...) flow_expect(&runner, f, in, &got, want, __VA_ARGS__)

static struct frame f;

/* Verdict by mode, both directions, both families, TCP and UDP; the frame itself goes unchanged. */
Test(verdicts, by_mode)
{
	static const struct {
		enum sl_verdict verdict;
		enum sl_mode mode;
		enum sl_reason want;
	} rows[] = {
		{ SL_VERDICT_ALLOW, SL_MODE_OFF, SL_R_direct },
		{ SL_VERDICT_ALLOW, SL_MODE_TAP, SL_R_flow_allowed },
		{ SL_VERDICT_ALLOW, SL_MODE_INLINE, SL_R_flow_allowed },
		{ SL_VERDICT_ALLOW, SL_MODE_QUARANTINE, SL_R_quarantine },
		{ SL_VERDICT_DENY, SL_MODE_OFF, SL_R_direct },
		{ SL_VERDICT_DENY, SL_MODE_TAP, SL_R_tapped },
		{ SL_VERDICT_DENY, SL_MODE_INLINE, SL_R_flow_denied },
		{ SL_VERDICT_DENY, SL_MODE_QUARANTINE, SL_R_quarantine },
		{ SL_VERDICT_INSPECT, SL_MODE_TAP, SL_R_tapped },
		{ SL_VERDICT_INSPECT, SL_MODE_INLINE, SL_R_diverted },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		workload(rows[i].mode, GENERATION);
		for (int in = 0; in < 2; in++) {
			for (int family = 4; family <= 6; family += 2) {
				give(family, IPPROTO_TCP, rows[i].verdict, SL_WAY_DIRECT);
				give(family, IPPROTO_UDP, rows[i].verdict, SL_WAY_DIRECT);
				flow_tcp(&f, in, family, 1000, 2000, FRAME_ACK, 10);
				expect(&f, in, rows[i].want, "row %zu, TCP, in %d, family %d", i, in, family);
				if (rows[i].want == SL_R_flow_allowed)
					cr_expect(got.len == f.len && !memcmp(got.frame, f.data, f.len));
				flow_udp(&f, in, family, 10);
				expect(&f, in, rows[i].want, "row %zu, UDP, in %d, family %d", i, in, family);
			}
		}
	}
}

/* Each frame differs in one thing from one that passes. */
Test(verdicts, only_plain_frames_of_exactly_the_flow)
{
	static const __u8 nop_options[4] = { 1, 1, 1, 1 };

	workload(SL_MODE_INLINE, GENERATION);
	give(4, IPPROTO_TCP, SL_VERDICT_ALLOW, SL_WAY_DIRECT);
	give(4, IPPROTO_UDP, SL_VERDICT_ALLOW, SL_WAY_DIRECT);
	give(6, IPPROTO_UDP, SL_VERDICT_ALLOW, SL_WAY_DIRECT);
	flow_tcp(&f, true, 4, 1000, 2000, FRAME_ACK | FRAME_PSH, 10);
	expect(&f, true, SL_R_flow_allowed, "the twin");
	for (unsigned int flags = 0; flags < 64; flags++) {
		bool plain = flags & FRAME_ACK && !(flags & (FRAME_SYN | FRAME_FIN | FRAME_RST));

		flow_tcp(&f, true, 4, 1000, 2000, (__u8)flags, 10);
		expect(&f, true, plain ? SL_R_flow_allowed : SL_R_diverted, "flags %#x", flags);
	}
	flow_ip(&f, true, 4, IPPROTO_TCP);
	frame_tcp(&f, FLOW_HOST_PORT + 1, FLOW_WL_PORT, 1000, 2000, FRAME_ACK, NULL, 10);
	expect(&f, true, SL_R_diverted, "another remote port");
	flow_ip(&f, true, 4, IPPROTO_TCP);
	frame_tcp(&f, FLOW_HOST_PORT, FLOW_WL_PORT + 1, 1000, 2000, FRAME_ACK, NULL, 10);
	expect(&f, true, SL_R_diverted, "another port of the workload");
	flow_ip(&f, true, 4, IPPROTO_TCP);
	frame_tcp(&f, FLOW_WL_PORT, FLOW_HOST_PORT, 1000, 2000, FRAME_ACK, NULL, 10);
	expect(&f, true, SL_R_diverted, "ports the other way round");
	flow_eth(&f, true);
	frame_ipv4(&f, "10.10.10.67", FLOW_WL4, IPPROTO_TCP);
	frame_tcp(&f, FLOW_HOST_PORT, FLOW_WL_PORT, 1000, 2000, FRAME_ACK, NULL, 10);
	expect(&f, true, SL_R_diverted, "another remote address");
	flow_tcp(&f, true, 6, 1000, 2000, FRAME_ACK, 10);
	expect(&f, true, SL_R_diverted, "another family");
	flow_eth(&f, true);
	frame_ipv6(&f, "::ffff:" FLOW_HOST4, "::ffff:" FLOW_WL4, IPPROTO_TCP);
	frame_tcp(&f, FLOW_HOST_PORT, FLOW_WL_PORT, 1000, 2000, FRAME_ACK, NULL, 10);
	expect(&f, true, SL_R_diverted, "IPv6 with the addresses as they are written for IPv4");
	frame_eth(&f, mac_of(FLOW_WL), mac_of("02:00:00:00:00:99"));
	frame_ipv4(&f, FLOW_HOST4, FLOW_WL4, IPPROTO_TCP);
	frame_tcp(&f, FLOW_HOST_PORT, FLOW_WL_PORT, 1000, 2000, FRAME_ACK, NULL, 10);
	expect(&f, true, SL_R_diverted, "from another neighbour");
	frame_eth(&f, mac_of("02:00:00:00:00:99"), mac_of(FLOW_WL));
	frame_ipv4(&f, FLOW_WL4, FLOW_HOST4, IPPROTO_TCP);
	frame_tcp(&f, FLOW_WL_PORT, FLOW_HOST_PORT, 1000, 2000, FRAME_ACK, NULL, 10);
	expect(&f, false, SL_R_diverted, "to another neighbour");
	frame_eth(&f, mac_of(FLOW_WL), mac_of(FLOW_FAR));
	frame_vlan(&f, 0x8100, 0);
	frame_ipv4(&f, FLOW_HOST4, FLOW_WL4, IPPROTO_TCP);
	frame_tcp(&f, FLOW_HOST_PORT, FLOW_WL_PORT, 1000, 2000, FRAME_ACK, NULL, 10);
	expect(&f, true, SL_R_diverted, "a VLAN tag, VID 0");
	frame_eth(&f, mac_of(FLOW_WL), mac_of(FLOW_FAR));
	frame_ipv4_full(&f, FLOW_HOST4, FLOW_WL4, IPPROTO_TCP, 64, 0, nop_options, sizeof(nop_options));
	frame_tcp(&f, FLOW_HOST_PORT, FLOW_WL_PORT, 1000, 2000, FRAME_ACK, NULL, 10);
	expect(&f, true, SL_R_diverted, "IP options");
	for (unsigned int frag = 1; frag; frag = frag == 1 ? 0x2000 : 0) {
		frame_eth(&f, mac_of(FLOW_WL), mac_of(FLOW_FAR));
		frame_ipv4_full(&f, FLOW_HOST4, FLOW_WL4, IPPROTO_TCP, 64, (uint16_t)frag, NULL, 0);
		frame_tcp(&f, FLOW_HOST_PORT, FLOW_WL_PORT, 1000, 2000, FRAME_ACK, NULL, 16);
		expect(&f, true, SL_R_diverted, "fragment field %#x", frag);
	}
	flow_tcp(&f, true, 4, 1000, 2000, FRAME_ACK, 10);
	f.data[14 + 20 + 12] = 4 << 4;
	expect(&f, true, SL_R_diverted, "a TCP header of four words");
	flow_tcp(&f, true, 4, 1000, 2000, FRAME_ACK, 10);
	f.data[14 + 20 + 12] = 15 << 4;
	expect(&f, true, SL_R_diverted, "a TCP header longer than the packet");
	flow_tcp(&f, true, 4, 1000, 2000, FRAME_ACK, 10);
	f.data[14 + 3]++;
	expect(&f, true, SL_R_diverted, "an IP length beyond the frame");
	flow_udp(&f, true, 4, 10);
	expect(&f, true, SL_R_flow_allowed, "the twin, UDP");
	f.data[14 + 20 + 5]--;
	expect(&f, true, SL_R_diverted, "a UDP length that is not IP's");
	flow_udp(&f, true, 6, 10);
	expect(&f, true, SL_R_flow_allowed, "the twin, UDP over IPv6");
	for (unsigned int ext = 0; ext < 3; ext++) {
		static const __u8 types[] = { IPPROTO_HOPOPTS, IPPROTO_DSTOPTS, IPPROTO_FRAGMENT };
		static const __u8 body[6] = { 1, 4 };

		flow_eth(&f, true);
		frame_ipv6(&f, FLOW_HOST6, FLOW_WL6, types[ext]);
		frame_ipv6_ext(&f, types[ext], IPPROTO_UDP, body, sizeof(body));
		frame_udp(&f, FLOW_HOST_PORT, FLOW_WL_PORT, NULL, 10);
		expect(&f, true, SL_R_diverted, "IPv6 extension header %u", types[ext]);
	}
	flow_ip(&f, true, 4, IPPROTO_SCTP);
	frame_tcp(&f, FLOW_HOST_PORT, FLOW_WL_PORT, 1000, 2000, FRAME_ACK, NULL, 10);
	expect(&f, true, SL_R_diverted, "another protocol with the same ports");
}

/* Strict rules come first, whatever the verdict. */
Test(verdicts, after_the_rules_of_frames)
{
	workload(SL_MODE_INLINE, GENERATION);
	give(4, IPPROTO_TCP, SL_VERDICT_ALLOW, SL_WAY_DIRECT);
	frame_eth(&f, mac_of("02:00:00:00:00:99"), mac_of(FLOW_FAR));
	frame_ipv4(&f, FLOW_HOST4, FLOW_WL4, IPPROTO_TCP);
	frame_tcp(&f, FLOW_HOST_PORT, FLOW_WL_PORT, 1000, 2000, FRAME_ACK, NULL, 10);
	expect(&f, true, SL_R_foreign_mac, "not the workload's MAC");
	frame_eth(&f, mac_of("1b:27:f3:87:3a:27"), mac_of(FLOW_FAR));
	frame_ipv4(&f, FLOW_HOST4, FLOW_WL4, IPPROTO_TCP);
	frame_tcp(&f, FLOW_HOST_PORT, FLOW_WL_PORT, 1000, 2000, FRAME_ACK, NULL, 10);
	expect(&f, true, SL_R_group_ip, "the workload's MAC with the group bit");
	frame_eth(&f, mac_of(FLOW_WL), mac_uc(RUNNER_ID));
	frame_ipv4(&f, FLOW_HOST4, FLOW_WL4, IPPROTO_TCP);
	frame_tcp(&f, FLOW_HOST_PORT, FLOW_WL_PORT, 1000, 2000, FRAME_ACK, NULL, 10);
	expect(&f, true, SL_R_reserved_mac, "from a UCMAC");
	f.data[9] |= SL_UCMAC_HANDOVER;
	expect(&f, true, SL_R_reserved_mac, "from a UCMAC as the core marks it");
}

Test(verdicts, of_another_policy_do_not_count)
{
	give(4, IPPROTO_TCP, SL_VERDICT_ALLOW, SL_WAY_DIRECT);
	flow_tcp(&f, true, 4, 1000, 2000, FRAME_ACK, 10);
	for (__u32 generation = GENERATION - 1; generation <= GENERATION + 1; generation++) {
		workload(SL_MODE_INLINE, generation);
		expect(&f, true, generation == GENERATION ? SL_R_flow_allowed : SL_R_diverted,
		       "generation %u", generation);
	}
	/* An entry that is not this flow's, or half another's. */
	struct sl_flow_key key = flow_key(4, IPPROTO_TCP);
	struct sl_flow flow = look(4, IPPROTO_TCP);

	workload(SL_MODE_INLINE, GENERATION);
	flow.check ^= 1;
	cr_assert_eq(bpf_map_update_elem(runner.maps.flows, &key, &flow, BPF_ANY), 0);
	expect(&f, true, SL_R_diverted, "a wrong check");
	flow.check ^= 1;
	flow.verdict = SL_VERDICT_DENY;
	cr_assert_eq(bpf_map_update_elem(runner.maps.flows, &key, &flow, BPF_ANY), 0);
	expect(&f, true, SL_R_diverted, "another verdict than the check's");
}

Test(verdicts, not_looked_at_when_switched_off)
{
	workload(SL_MODE_INLINE, GENERATION);
	give(4, IPPROTO_TCP, SL_VERDICT_ALLOW, SL_WAY_DIRECT);
	runner_verdicts(&runner, false);
	flow_tcp(&f, true, 4, 1000, 2000, FRAME_ACK, 10);
	expect(&f, true, SL_R_diverted, "switched off");
}

Test(verdicts, are_counted_by_direction)
{
	struct sl_flow flow;

	workload(SL_MODE_INLINE, GENERATION);
	give(4, IPPROTO_TCP, SL_VERDICT_ALLOW, SL_WAY_DIRECT);
	flow_tcp(&f, true, 4, 1000, 2000, FRAME_ACK | FRAME_PSH, 100);
	for (int i = 0; i < 3; i++)
		expect(&f, true, SL_R_flow_allowed, "to the workload");
	flow_tcp(&f, false, 4, 2000, 1100, FRAME_ACK, 0);
	expect(&f, false, SL_R_flow_allowed, "from it");
	flow = look(4, IPPROTO_TCP);
	cr_expect_eq(flow.to_workload.packets, 3);
	cr_expect_eq(flow.to_workload.bytes, 3 * 140);
	cr_expect_eq(flow.from_workload.packets, 1);
	cr_expect_eq(flow.from_workload.bytes, 40);
	cr_expect_eq(flow.to_workload.seq_end, 1100);
	cr_expect_eq(flow.from_workload.ack, 1100);
	cr_expect(flow.to_workload.last_ns && flow.from_workload.last_ns);
	cr_expect_eq(flow.to_workload.tcp_flags, FRAME_ACK | FRAME_PSH);
	/* What goes to the core is counted there. */
	flow_tcp(&f, true, 4, 1100, 2000, FRAME_ACK | FRAME_FIN, 0);
	expect(&f, true, SL_R_diverted, "its end");
	cr_expect_eq(look(4, IPPROTO_TCP).to_workload.packets, 3);
}

static enum sl_way way(bool in)
{
	struct sl_flow flow = look(4, IPPROTO_TCP);

	return in ? flow.to_workload.handover.way : flow.from_workload.handover.way;
}

/* A slow machine must not make it turn by time. */
static void turning_just_now(bool in)
{
	struct sl_flow_key key = flow_key(4, IPPROTO_TCP);
	struct sl_flow flow = look(4, IPPROTO_TCP);
	struct sl_flow_dir *dir = in ? &flow.to_workload : &flow.from_workload;

	cr_assert_eq(dir->handover.way, SL_WAY_TURNING);
	dir->turning_ns += 3600000000000ull;
	cr_assert_eq(bpf_map_update_elem(runner.maps.flows, &key, &flow, BPF_ANY), 0);
}

/* On vbr, as the core sends it: marked or not. */
static void back(bool in, __u32 seq, size_t len, bool marked)
{
	flow_tcp(&f, in, 4, seq, 2000, FRAME_ACK, len);
	if (in)
		frame_set_dst(&f, mac_uc(RUNNER_ID));
	else
		frame_set_src(&f, mac_uc(RUNNER_ID));
	if (marked)
		f.data[in ? 3 : 9] |= SL_UCMAC_HANDOVER;
	runner_run(&runner, SL_PROG_VBR, runner.vbr, f.data, f.len, &got);
	cr_expect_eq(got.reason, in ? (int)SL_R_to_workload : (int)SL_R_to_network);
	/* The mark is gone with the UCMAC. */
	cr_expect(!memcmp(got.frame + (in ? 0 : 6), mac_of(FLOW_WL).b, 6));
}

/* A direction turns when the last byte that went to the core has come back, and not before. */
Test(verdicts, tcp_turns_behind_the_last_byte)
{
	for (int in = 0; in < 2; in++) {
		workload(SL_MODE_INLINE, GENERATION);
		give(4, IPPROTO_TCP, SL_VERDICT_ALLOW, SL_WAY_CORE);
		back(in, 900, 100, true);
		flow_tcp(&f, in, 4, 1000, 2000, FRAME_ACK, 100);
		expect(&f, in, SL_R_diverted, "the first: what is before it may still be with the core");
		flow_tcp(&f, in, 4, 1100, 2000, FRAME_ACK, 100);
		expect(&f, in, SL_R_diverted, "the second");
		back(in, 1000, 100, true);
		flow_tcp(&f, in, 4, 1200, 2000, FRAME_ACK, 0);
		expect(&f, in, SL_R_diverted, "the first is back, the second is not");
		back(in, 1100, 100, false);
		expect((flow_tcp(&f, in, 4, 1200, 2000, FRAME_ACK, 0), &f), in, SL_R_diverted, "not marked");
		/* A repetition does not move the fence back. */
		flow_tcp(&f, in, 4, 1000, 2000, FRAME_ACK, 100);
		expect(&f, in, SL_R_diverted, "a repetition");
		back(in, 1000, 100, true);
		flow_tcp(&f, in, 4, 1200, 2000, FRAME_ACK, 0);
		expect(&f, in, SL_R_diverted, "the repetition is back, the second is not");
		back(in, 1100, 100, true);
		flow_tcp(&f, in, 4, 1200, 2000, FRAME_ACK, 100);
		turning_just_now(in);
		expect(&f, in, SL_R_diverted, "all are back, but the last may not be where it goes to");
		flow_tcp(&f, !in, 4, 2000, 1300, FRAME_ACK, 0);
		expect(&f, !in, SL_R_diverted, "the other direction turns by itself");
		expect((flow_tcp(&f, in, 4, 1300, 2000, FRAME_ACK, 0), &f), in, SL_R_diverted,
		       "not back yet");
		back(in, 1200, 100, true);
		flow_tcp(&f, !in, 4, 2000, 1299, FRAME_ACK, 0);
		expect(&f, !in, SL_R_diverted, "the receiver has not got all");
		cr_expect_eq(way(in), SL_WAY_TURNING);
		flow_tcp(&f, !in, 4, 2000, 1300, FRAME_ACK, 0);
		expect(&f, !in, SL_R_diverted, "the receiver has got all");
		cr_expect_eq(way(in), SL_WAY_DIRECT);
		flow_tcp(&f, in, 4, 1300, 2000, FRAME_ACK, 100);
		expect(&f, in, SL_R_flow_allowed, "turned");
		cr_expect_neq(way(!in), SL_WAY_DIRECT);
	}
}

/* Where nothing comes back that would say so, time does. */
Test(verdicts, tcp_turns_in_time)
{
	struct sl_flow_key key = flow_key(4, IPPROTO_TCP);
	struct sl_flow flow;

	workload(SL_MODE_INLINE, GENERATION);
	give(4, IPPROTO_TCP, SL_VERDICT_ALLOW, SL_WAY_CORE);
	flow_tcp(&f, true, 4, 1000, 2000, FRAME_ACK, 100);
	expect(&f, true, SL_R_diverted, "the first");
	back(true, 1000, 100, true);
	flow = look(4, IPPROTO_TCP);
	cr_assert_eq(flow.to_workload.handover.way, SL_WAY_TURNING);
	flow.to_workload.turning_ns -= SL_TURN_NS;
	flow_tcp(&f, true, 4, 1100, 2000, FRAME_ACK, 100);
	cr_assert_eq(bpf_map_update_elem(runner.maps.flows, &key, &flow, BPF_ANY), 0);
	expect(&f, true, SL_R_flow_allowed, "in time");
}

/* UDP has no numbers: a pause, or in the end time, shows that nothing is on its way. */
Test(verdicts, udp_turns_after_a_pause)
{
	struct sl_flow_key key = flow_key(4, IPPROTO_UDP);
	struct sl_flow flow;

	workload(SL_MODE_INLINE, GENERATION);
	give(4, IPPROTO_UDP, SL_VERDICT_ALLOW, SL_WAY_CORE);
	flow_udp(&f, true, 4, 10);
	expect(&f, true, SL_R_diverted, "the first");
	flow = look(4, IPPROTO_UDP);
	cr_expect_eq(flow.to_workload.handover.way, SL_WAY_FENCED);
	flow.to_workload.handover.fence -= SL_GAP_UNITS;
	cr_assert_eq(bpf_map_update_elem(runner.maps.flows, &key, &flow, BPF_ANY), 0);
	expect(&f, true, SL_R_flow_allowed, "after the pause");
	expect(&f, true, SL_R_flow_allowed, "and from then on");
	flow_udp(&f, false, 4, 10);
	expect(&f, false, SL_R_diverted, "the other direction");
	flow = look(4, IPPROTO_UDP);
	flow.given_ns -= (__u64)SL_GAP_LATEST << SL_GAP_SHIFT;
	cr_assert_eq(bpf_map_update_elem(runner.maps.flows, &key, &flow, BPF_ANY), 0);
	expect(&f, false, SL_R_flow_allowed, "without a pause, in the end");
}

/* Allowed flows go on without the core, to their ends; all else does what `fail` says. */
Test(verdicts, without_a_core)
{
	workload(SL_MODE_INLINE, GENERATION);
	give(4, IPPROTO_TCP, SL_VERDICT_ALLOW, SL_WAY_CORE);
	runner_core(&runner, 1000000000ULL, false);
	runner_verdicts(&runner, true);
	flow_tcp(&f, true, 4, 1000, 2000, FRAME_ACK, 10);
	expect(&f, true, SL_R_flow_allowed, "a direction that had not turned");
	flow_tcp(&f, true, 4, 1010, 2000, FRAME_ACK | FRAME_FIN, 0);
	expect(&f, true, SL_R_flow_allowed, "FIN");
	flow_tcp(&f, false, 4, 2000, 1011, FRAME_ACK | FRAME_RST, 0);
	expect(&f, false, SL_R_flow_allowed, "RST");
	cr_expect_eq(look(4, IPPROTO_TCP).to_workload.tcp_flags, FRAME_ACK | FRAME_FIN);
	flow_tcp(&f, true, 4, 1000, 0, FRAME_SYN, 0);
	expect(&f, true, SL_R_fail_closed, "SYN");
	flow_tcp(&f, false, 4, 1000, 2000, FRAME_SYN | FRAME_ACK, 0);
	expect(&f, false, SL_R_fail_closed, "SYN with ACK");
	flow_udp(&f, true, 4, 10);
	expect(&f, true, SL_R_fail_closed, "another flow");
}

/* An error about a packet of the flow, as a router sends it, in `in` direction. */
static void error4(bool in, const char *from, const char *to, const char *inner_from, const char *inner_to,
		   __u16 inner_sport, __u16 inner_dport, __u8 type)
{
	static struct frame inner;
	__u8 body[64] = { 0 };

	frame_eth(&inner, mac_of(FLOW_WL), mac_of(FLOW_FAR));
	frame_ipv4(&inner, inner_from, inner_to, IPPROTO_TCP);
	frame_tcp(&inner, inner_sport, inner_dport, 1000, 2000, FRAME_ACK, NULL, 10);
	memcpy(body, inner.data + 14, 28);
	flow_eth(&f, in);
	frame_ipv4(&f, from, to, IPPROTO_ICMP);
	frame_icmp(&f, type, 4, 0, 0, body, 28);
}

Test(verdicts, icmp_errors_follow_their_flow)
{
	workload(SL_MODE_INLINE, GENERATION);
	give(4, IPPROTO_TCP, SL_VERDICT_ALLOW, SL_WAY_DIRECT);
	error4(true, "10.10.10.1", FLOW_WL4, FLOW_WL4, FLOW_HOST4, FLOW_WL_PORT, FLOW_HOST_PORT, 3);
	expect(&f, true, SL_R_flow_allowed, "of a router, to the workload");
	error4(false, FLOW_WL4, FLOW_HOST4, FLOW_HOST4, FLOW_WL4, FLOW_HOST_PORT, FLOW_WL_PORT, 3);
	expect(&f, false, SL_R_flow_allowed, "of the workload");
	cr_expect_eq(look(4, IPPROTO_TCP).to_workload.packets, 0, "no packet of the flow");
	error4(true, "10.10.10.1", FLOW_WL4, FLOW_HOST4, FLOW_WL4, FLOW_HOST_PORT, FLOW_WL_PORT, 3);
	expect(&f, true, SL_R_diverted, "to the workload, of a packet that it has not sent");
	error4(true, "10.10.10.1", FLOW_WL4, FLOW_WL4, FLOW_HOST4, FLOW_WL_PORT, FLOW_HOST_PORT + 1, 3);
	expect(&f, true, SL_R_diverted, "of another flow");
	error4(true, "10.10.10.1", FLOW_WL4, "10.10.10.89", FLOW_HOST4, FLOW_WL_PORT, FLOW_HOST_PORT, 3);
	expect(&f, true, SL_R_diverted, "of another workload's packet");
	error4(true, "10.10.10.1", FLOW_WL4, FLOW_WL4, FLOW_HOST4, FLOW_WL_PORT, FLOW_HOST_PORT, 5);
	expect(&f, true, SL_R_diverted, "a redirect");
	error4(true, "10.10.10.1", FLOW_WL4, FLOW_WL4, FLOW_HOST4, FLOW_WL_PORT, FLOW_HOST_PORT, 8);
	expect(&f, true, SL_R_diverted, "no error at all");
	give(4, IPPROTO_TCP, SL_VERDICT_DENY, SL_WAY_DIRECT);
	error4(true, "10.10.10.1", FLOW_WL4, FLOW_WL4, FLOW_HOST4, FLOW_WL_PORT, FLOW_HOST_PORT, 3);
	expect(&f, true, SL_R_flow_denied, "of a denied flow");
	/* IPv6: packet too big. */
	{
		static struct frame inner;

		give(6, IPPROTO_UDP, SL_VERDICT_ALLOW, SL_WAY_DIRECT);
		flow_udp(&inner, false, 6, 10);
		flow_eth(&f, true);
		frame_ipv6(&f, "fd00:10::1", FLOW_WL6, IPPROTO_ICMPV6);
		frame_icmp(&f, 2, 0, 0, 1280, inner.data + 14, inner.len - 14);
		expect(&f, true, SL_R_flow_allowed, "IPv6");
	}
}
