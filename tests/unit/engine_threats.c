// SPDX-License-Identifier: BSD-2-Clause
/*
 * Each threat: the real thing is told of, and its harmless neighbour is not.
 *
 * Invariant: what is harmless differs from the threat in nothing but what
 * makes it one.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <string.h>

#include "dpi/decide/threat.h"
#include "dpi/session/track.h"
#include "engine_lab.h"

#define S (1000 * TRIAL_MS)

static struct trial lab;
static struct sl_thresholds thresholds;

static void use_thresholds(struct sl_engine_conf *conf)
{
	conf->thresholds = thresholds;
}

/* In `monitor`, so that nothing is dropped for another reason, or in `protect` with all allowed. */
static void open_lab(const char *mode)
{
	static char policy[128];

	snprintf(policy, sizeof(policy), "version: 1\ndefault: {mode: %s, ingress: allow, egress: allow}\n",
		 mode);
	trial_open(&lab, policy, use_thresholds);
}

static void set_up(void)
{
	thresholds = (struct sl_thresholds)SL_THRESHOLDS_DEFAULT;
}

static void tear_down(void)
{
	trial_close(&lab);
}

TestSuite(engine_threats, .init = set_up, .fini = tear_down);

/* Was this threat told of since? */
#define told(threat)                                                                                         \
	({                                                                                                   \
		bool told_ =                                                                                 \
			lab.alerts && lab.alert.alert.id == sl_threat_facts(SL_THREAT_##threat)->number;     \
		lab.alerts = 0;                                                                              \
		told_;                                                                                       \
	})
#define expect_threat(threat) cr_expect(told(threat), "not told: %s", #threat)
#define expect_peace() cr_expect_eq(lab.alerts, 0, "told: %s", lab.alert.alert.text)

static enum sl_action syn(uint16_t port)
{
	return trial_tcp(&lab, true, port, 8080, 1000, 0, FRAME_SYN, NULL, 0);
}

Test(engine_threats, syn_flood)
{
	thresholds.syn_flood = 50;
	open_lab("protect");
	/* As many as are allowed, second after second; a millisecond each. */
	for (uint16_t i = 0; i < 250; i++) {
		cr_expect_eq(syn((uint16_t)(10000 + i)), SL_FORWARD);
		if (i % 50 == 49)
			trial_later(&lab, S);
	}
	expect_peace();
	for (uint16_t i = 0; i < 50; i++)
		syn((uint16_t)(20000 + i));
	expect_peace();
	cr_expect_eq(syn(30000), SL_DROP);
	expect_threat(syn_flood);
	/* Others are not taken for it. */
	trial_ip(&lab, true, 6, IPPROTO_TCP);
	frame_tcp(&lab.f, 40000, 8080, 1000, 0, FRAME_SYN, NULL, 0);
	cr_expect_eq(trial_feed(&lab, &lab.f), SL_FORWARD);
}

static enum sl_action icmp(uint8_t type)
{
	trial_ip(&lab, true, 4, IPPROTO_ICMP);
	frame_icmp(&lab.f, type, 0, 7, 1, NULL, 16);
	return trial_feed(&lab, &lab.f);
}

Test(engine_threats, icmp_flood)
{
	thresholds.icmp_flood = 50;
	open_lab("protect");
	for (int i = 0; i < 50; i++)
		cr_expect_eq(icmp(ICMP_ECHO), SL_FORWARD);
	expect_peace();
	cr_expect_eq(icmp(ICMP_ECHO), SL_DROP);
	expect_threat(icmp_flood);
	/* The same number of what is no ICMP. */
	trial_later(&lab, 5 * S);
	for (uint16_t i = 0; i < 60; i++)
		cr_expect_eq(trial_tcp(&lab, true, (uint16_t)(50000 + i), 8080, 1000, 0, FRAME_SYN, NULL, 0),
			     SL_FORWARD);
}

static enum sl_action datagram(uint16_t from)
{
	trial_ip(&lab, true, 4, IPPROTO_UDP);
	frame_udp(&lab.f, from, 5000, "hello", 5);
	return trial_feed(&lab, &lab.f);
}

Test(engine_threats, source_sessions)
{
	thresholds.source_sessions = 50;
	open_lab("protect");
	for (int i = 0; i < 200; i++)
		cr_expect_eq(datagram(40000), SL_FORWARD, "many packets, but one session");
	expect_peace();
	trial_later(&lab, S);
	for (uint16_t i = 0; i < 50; i++)
		cr_expect_eq(datagram((uint16_t)(41000 + i)), SL_FORWARD);
	expect_peace();
	cr_expect_eq(datagram(42000), SL_DROP);
	expect_threat(source_sessions);
}

Test(engine_threats, bad_packet)
{
	open_lab("protect");
	cr_expect_eq(datagram(40000), SL_FORWARD);
	expect_peace();
	trial_ip(&lab, true, 4, IPPROTO_UDP);
	frame_udp(&lab.f, 40000, 5000, "hello", 5);
	frame_resize(&lab.f, lab.f.len - 3); /* what the IP header promises is not there */
	cr_expect_eq(trial_feed(&lab, &lab.f), SL_DROP);
	expect_threat(bad_packet);
}

#define MORE 0x2000

/* A fragment of `len` bytes at `offset` of a datagram. */
static void fragment(uint16_t offset, bool more, size_t len)
{
	struct mac other = mac_of("02:00:00:00:00:01");

	frame_eth(&lab.f, mac_uc(TRIAL_ID), other);
	frame_ipv4_full(&lab.f, TRIAL_PEER, TRIAL_WORKLOAD, IPPROTO_ICMP, 64,
			(uint16_t)(offset / 8 | (more ? MORE : 0)), NULL, 0);
	frame_raw(&lab.f, NULL, len);
	trial_feed(&lab, &lab.f);
}

Test(engine_threats, teardrop)
{
	open_lab("monitor");
	fragment(0, true, 64);
	fragment(64, false, 32); /* one behind the other */
	lab.alerts = 0; /* put together it is no ICMP, which is another matter */
	fragment(0, true, 64);
	fragment(32, false, 64);
	expect_threat(teardrop);
}

Test(engine_threats, ping_of_death)
{
	open_lab("monitor");
	fragment(0, true, 64);
	fragment(65504, false, 8); /* ends below 65,536 with its header */
	expect_peace();
	fragment(65528, false, 64);
	expect_threat(ping_of_death);
}

Test(engine_threats, syn_data)
{
	open_lab("monitor");
	cr_assert(trial_handshake(&lab, 40000, 8080));
	trial_tcp(&lab, true, 40000, 8080, 1001, 5001, FRAME_ACK | FRAME_PSH, "hello", 5);
	expect_peace();
	trial_tcp(&lab, true, 40001, 8080, 1000, 0, FRAME_SYN, "hello", 5);
	expect_threat(syn_data);
}

Test(engine_threats, split_handshake)
{
	open_lab("monitor");
	/* Both open at once: odd, but each answers the other's SYN. */
	trial_tcp(&lab, true, 40000, 8080, 1000, 0, FRAME_SYN, NULL, 0);
	trial_tcp(&lab, false, 40000, 8080, 5000, 0, FRAME_SYN, NULL, 0);
	trial_tcp(&lab, true, 40000, 8080, 1000, 5001, FRAME_SYN | FRAME_ACK, NULL, 0);
	trial_tcp(&lab, false, 40000, 8080, 5000, 1001, FRAME_SYN | FRAME_ACK, NULL, 0);
	trial_tcp(&lab, true, 40000, 8080, 1001, 5001, FRAME_ACK, NULL, 0);
	expect_peace();
	/* The server opens in the other direction and lets the client be the one who answers. */
	trial_tcp(&lab, true, 41000, 8080, 1000, 0, FRAME_SYN, NULL, 0);
	trial_tcp(&lab, false, 41000, 8080, 5000, 0, FRAME_SYN, NULL, 0);
	trial_tcp(&lab, true, 41000, 8080, 1000, 5001, FRAME_SYN | FRAME_ACK, NULL, 0);
	trial_tcp(&lab, false, 41000, 8080, 5001, 1001, FRAME_ACK, NULL, 0);
	expect_threat(split_handshake);
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, (uint16_t)(value >> 16));
	put16(at + 2, (uint16_t)value);
}

/* A segment with a window of one's choice, a SYN with a segment size and a scale. */
static void segment(bool to_workload, uint32_t seq, uint32_t ack, uint8_t flags, uint16_t window,
		    uint16_t mss)
{
	uint8_t tcp[28] = { 0 };
	size_t len = flags & FRAME_SYN ? 28 : 20;
	uint32_t sum;

	put16(tcp, to_workload ? 40000 : 8080);
	put16(tcp + 2, to_workload ? 8080 : 40000);
	put32(tcp + 4, seq);
	put32(tcp + 8, ack);
	tcp[12] = (uint8_t)(len / 4 << 4);
	tcp[13] = flags;
	put16(tcp + 14, window);
	memcpy(tcp + 20, "\x02\x04\x00\x00\x01\x03\x03\x07", 8); /* a scale of 128 */
	put16(tcp + 22, mss);
	trial_ip(&lab, to_workload, 4, IPPROTO_TCP);
	sum = frame_sum(tcp, len, frame_pseudo_sum(lab.f.data + lab.f.l3_at, IPPROTO_TCP, len));
	put16(tcp + 16, (uint16_t)~sum);
	frame_raw(&lab.f, tcp, len);
	trial_feed(&lab, &lab.f);
}

static void handshake(uint16_t syn_window, uint16_t window, uint16_t mss)
{
	segment(true, 1000, 0, FRAME_SYN, syn_window, mss);
	segment(false, 5000, 1001, FRAME_SYN | FRAME_ACK, 65535, 1460);
	segment(true, 1001, 5001, FRAME_ACK, window, 0);
}

Test(engine_threats, small_mss)
{
	open_lab("monitor");
	handshake(65535, 512, 64);
	expect_peace();
	trial_close(&lab);
	open_lab("monitor");
	handshake(65535, 512, 63);
	expect_threat(small_mss);
}

Test(engine_threats, small_window)
{
	open_lab("monitor");
	handshake(64, 1, 1460); /* 1 of 128 bytes each */
	expect_peace();
	/* A receiver that is full says so, which is what windows are for. */
	trial_tcp(&lab, false, 40000, 8080, 5001, 1001, FRAME_ACK, NULL, 128);
	segment(true, 1001, 5129, FRAME_ACK, 0, 0);
	expect_peace();
	trial_close(&lab);
	open_lab("monitor");
	handshake(65535, 0, 1460);
	expect_threat(small_window);
	trial_close(&lab);
	open_lab("monitor");
	handshake(63, 512, 1460);
	expect_threat(small_window);
	trial_close(&lab);
	thresholds.small_window = 0;
	open_lab("monitor");
	handshake(0, 0, 1460);
	expect_peace();
}

Test(engine_threats, no_data)
{
	thresholds.no_data = 10;
	open_lab("monitor");
	/* Open, and closed in silence; open, and used; forgotten by hand. */
	cr_assert(trial_handshake(&lab, 40000, 8080));
	trial_tcp(&lab, true, 40000, 8080, 1001, 5001, FRAME_FIN | FRAME_ACK, NULL, 0);
	trial_tcp(&lab, false, 40000, 8080, 5001, 1002, FRAME_FIN | FRAME_ACK, NULL, 0);
	trial_tcp(&lab, true, 40000, 8080, 1002, 5002, FRAME_ACK, NULL, 0);
	cr_assert(trial_handshake(&lab, 40001, 8080));
	trial_tcp(&lab, false, 40001, 8080, 5001, 1001, FRAME_ACK | FRAME_PSH, "220 hello", 9);
	trial_later(&lab, 3000 * S);
	trial_later(&lab, S);
	cr_expect_eq(lab.flows, 2);
	expect_peace();
	/* A verdict in the kernel: what passed there was not seen. */
	cr_assert(trial_handshake(&lab, 40002, 8080));
	sl_session_unwatched(sl_engine_table(lab.engine), trial_session(&lab));
	trial_later(&lab, 60 * S);
	cr_expect_eq(lab.flows, 3);
	expect_peace();
	cr_assert(trial_handshake(&lab, 40003, 8080));
	trial_later(&lab, 9 * S);
	expect_peace();
	trial_later(&lab, 3 * S);
	cr_expect_eq(lab.flows, 4);
	expect_threat(no_data);
}

/* While it runs: what is counted so far counts, and what is open goes by the new ones. */
Test(engine_threats, thresholds_of_a_running_engine)
{
	struct sl_thresholds now;

	open_lab("protect");
	for (uint16_t i = 0; i < 30; i++)
		cr_expect_eq(syn((uint16_t)(10000 + i)), SL_FORWARD);
	thresholds.syn_flood = 20;
	sl_engine_set_thresholds(lab.engine, &thresholds);
	cr_expect_eq(syn(20000), SL_DROP);
	expect_threat(syn_flood);
	thresholds.syn_flood = 0;
	sl_engine_set_thresholds(lab.engine, &thresholds);
	cr_expect_eq(syn(20001), SL_FORWARD);
	sl_engine_thresholds(lab.engine, &now);
	cr_expect_eq(now.syn_flood, 0);
	cr_expect_eq(now.icmp_flood, 100);
}
