// SPDX-License-Identifier: BSD-2-Clause
/*
 * What must not slip by: the workload may serve TCP 8080 and nothing else, in
 * protect. Each attempt is one frame or a few; whatever the policy does not
 * allow is dropped, and each drop has a reason with a name.
 */
#include <criterion/criterion.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#include "engine_lab.h"

static struct trial lab;

static void open_trial(void)
{
	trial_open(&lab, TRIAL_ONLY_8080, NULL);
}

static void close_trial(void)
{
	trial_close(&lab);
}

TestSuite(engine_attempts, .init = open_trial, .fini = close_trial, .timeout = 60);

static void dropped(const char *what)
{
	unsigned int before = lab.drops;

	cr_expect_eq(trial_feed(&lab, &lab.f), SL_DROP, "%s was forwarded", what);
	cr_expect_eq(lab.drops, before + 1, "%s: dropped without an event", what);
	cr_expect(*trial_reason(&lab), "%s: dropped without a reason", what);
}

Test(engine_attempts, the_allowed_passes)
{
	cr_assert(trial_handshake(&lab, 40000, 8080));
	cr_expect_eq(trial_tcp(&lab, true, 40000, 8080, 1001, 5001, FRAME_ACK | FRAME_PSH, "hello", 5),
		     SL_FORWARD);
	cr_expect_eq(trial_tcp(&lab, false, 40000, 8080, 5001, 1006, FRAME_ACK | FRAME_PSH, "yes", 3),
		     SL_FORWARD);
	cr_expect_eq(lab.drops, 0);
}

Test(engine_attempts, tcp_to_a_forbidden_port)
{
	static const struct {
		uint8_t flags;
		size_t len;
		const char *what;
	} attempt[] = {
		{ FRAME_SYN, 0, "SYN" },
		{ FRAME_SYN, 100, "SYN with data" },
		{ FRAME_SYN | FRAME_ACK, 0, "SYN-ACK" },
		{ FRAME_SYN | FRAME_ACK, 100, "SYN-ACK with data" },
		{ FRAME_FIN, 100, "FIN with data" },
		{ FRAME_FIN | FRAME_ACK, 100, "FIN-ACK with data" },
		{ FRAME_RST, 100, "RST with data" },
		{ FRAME_RST | FRAME_ACK, 100, "RST-ACK with data" },
		{ FRAME_ACK, 0, "ACK" },
		{ FRAME_ACK | FRAME_PSH, 100, "data" },
		{ FRAME_PSH, 100, "data without ACK" },
		{ 0, 100, "no flags" },
		{ 0x29, 100, "xmas" },
		{ FRAME_SYN | FRAME_FIN, 100, "SYN-FIN" },
		{ FRAME_SYN | FRAME_RST, 100, "SYN-RST" },
		{ FRAME_SYN | 0xc0, 0, "SYN with ECN" },
		{ FRAME_ACK | 0x20, 100, "urgent" },
	};
	static const uint16_t from[] = { 40000, 80, 8080, 0, 9090 };

	for (size_t i = 0; i < sizeof(attempt) / sizeof(*attempt); i++) {
		for (size_t p = 0; p < sizeof(from) / sizeof(*from); p++) {
			trial_ip(&lab, true, 4, IPPROTO_TCP);
			frame_tcp(&lab.f, (uint16_t)(from[p] + (from[p] > 10000 ? i : 0)), 9090, 1000, 2000,
				  attempt[i].flags, NULL, attempt[i].len);
			dropped(attempt[i].what);
			trial_ip(&lab, true, 6, IPPROTO_TCP);
			frame_tcp(&lab.f, (uint16_t)(from[p] + (from[p] > 10000 ? i : 0)), 9090, 1000, 2000,
				  attempt[i].flags, NULL, attempt[i].len);
			dropped(attempt[i].what);
			/* The workload's own are forbidden as well. */
			trial_ip(&lab, false, 4, IPPROTO_TCP);
			frame_tcp(&lab.f, 9091, (uint16_t)(from[p] + (from[p] > 10000 ? i : 0)), 1000, 2000,
				  attempt[i].flags, NULL, attempt[i].len);
			dropped(attempt[i].what);
		}
	}
}

Test(engine_attempts, other_protocols_on_the_tuple_of_an_allowed_flow)
{
	static const uint8_t protocol[] = { 0,	2,  4,	 17,  33,  41,	47,  50, 51,
					    89, 94, 103, 115, 132, 136, 253, 255 };

	cr_assert(trial_handshake(&lab, 40000, 8080));
	for (size_t i = 0; i < sizeof(protocol); i++) {
		trial_ip(&lab, true, 4, protocol[i]);
		frame_raw(&lab.f, "\x9c\x40\x1f\x90\0\0\0\0\0\0\0\0\x50\x10\xff\xff\0\0\0\0", 20);
		dropped("another protocol");
		trial_ip(&lab, true, 6, protocol[i]);
		frame_raw(&lab.f, "\x9c\x40\x1f\x90\0\0\0\0\0\0\0\0\x50\x10\xff\xff\0\0\0\0", 20);
		dropped("another protocol over IPv6");
	}
	trial_ip(&lab, true, 4, IPPROTO_UDP);
	frame_udp(&lab.f, 40000, 8080, "x", 1);
	dropped("UDP to the allowed port");
	trial_ip(&lab, true, 4, IPPROTO_ICMP);
	frame_icmp(&lab.f, 8, 0, 1, 1, "x", 1);
	dropped("ping");
	trial_ip(&lab, true, 4, IPPROTO_ICMP);
	frame_icmp(&lab.f, 0, 0, 1, 1, "x", 1);
	dropped("an answer nobody asked for");
}

Test(engine_attempts, addresses)
{
	static const char *const source[] = { "0.0.0.0",     "0.1.2.3",	  "224.0.0.1",
					      "239.1.1.1",   "240.0.0.1", "127.0.0.1",
					      "169.254.1.1", "192.0.2.1", "255.255.255.255" };

	for (size_t i = 0; i < sizeof(source) / sizeof(*source); i++) {
		frame_eth(&lab.f, mac_uc(TRIAL_ID), mac_of("02:00:00:00:00:01"));
		frame_ipv4(&lab.f, source[i], TRIAL_WORKLOAD, IPPROTO_TCP);
		frame_tcp(&lab.f, 40000, 9090, 1, 0, FRAME_SYN, NULL, 0);
		dropped(source[i]);
		frame_eth(&lab.f, mac_uc(TRIAL_ID), mac_of("02:00:00:00:00:01"));
		frame_ipv4(&lab.f, TRIAL_PEER, source[i], IPPROTO_UDP);
		frame_udp(&lab.f, 40000, 8080, "x", 1);
		dropped(source[i]);
	}
}

/* type, code and a datagram inside that goes `from` there. */
static void icmp_error(uint8_t type, uint8_t code, const char *from, uint16_t from_port, const char *to,
		       uint16_t to_port, uint8_t protocol)
{
	static struct frame inner;

	frame_eth(&inner, mac_uc(TRIAL_ID), mac_uc(TRIAL_ID));
	frame_ipv4(&inner, from, to, protocol);
	if (protocol == IPPROTO_TCP)
		frame_tcp(&inner, from_port, to_port, 5001, 1001, FRAME_ACK, NULL, 0);
	else
		frame_udp(&inner, from_port, to_port, NULL, 8);
	trial_ip(&lab, true, 4, IPPROTO_ICMP);
	frame_icmp(&lab.f, type, code, 0, 0, inner.data + inner.l3_at, inner.len - inner.l3_at);
}

Test(engine_attempts, icmp_errors)
{
	cr_assert(trial_handshake(&lab, 40000, 8080));
	icmp_error(3, 1, TRIAL_WORKLOAD, 8080, TRIAL_PEER, 40001, IPPROTO_TCP);
	dropped("an error of no session");
	icmp_error(3, 1, TRIAL_WORKLOAD, 8080, TRIAL_PEER, 40000, IPPROTO_UDP);
	dropped("an error of another protocol");
	icmp_error(3, 1, TRIAL_PEER, 40000, TRIAL_WORKLOAD, 8080, IPPROTO_TCP);
	dropped("an error that speaks of what came from where it comes");
	icmp_error(3, 4, TRIAL_WORKLOAD, 8080, TRIAL_PEER, 40000, IPPROTO_TCP);
	cr_expect_eq(trial_feed(&lab, &lab.f), SL_FORWARD, "fragmentation needed, of an allowed session");
}

Test(engine_attempts, fragments)
{
	uint8_t tcp[40] = { 0x9c, 0x40, 0x23, 0x82, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, FRAME_SYN, 0xff, 0xff };

	for (unsigned int first = 8; first <= 16; first += 8) {
		frame_eth(&lab.f, mac_uc(TRIAL_ID), mac_of("02:00:00:00:00:01"));
		frame_ipv4_full(&lab.f, TRIAL_PEER, TRIAL_WORKLOAD, IPPROTO_TCP, 64, 0x2000, NULL, 0);
		frame_raw(&lab.f, tcp, first);
		lab.f.data[lab.f.l3_at + 5] = (uint8_t)first;
		cr_expect_eq(trial_feed(&lab, &lab.f), SL_DROP, "a fragment goes on alone");
		frame_eth(&lab.f, mac_uc(TRIAL_ID), mac_of("02:00:00:00:00:01"));
		frame_ipv4_full(&lab.f, TRIAL_PEER, TRIAL_WORKLOAD, IPPROTO_TCP, 64, (uint16_t)(first / 8),
				NULL, 0);
		frame_raw(&lab.f, tcp + first, sizeof(tcp) - first);
		lab.f.data[lab.f.l3_at + 5] = (uint8_t)first;
		cr_expect_eq(trial_feed(&lab, &lab.f), SL_DROP, "a SYN in fragments");
	}
	cr_expect_eq(lab.lane->sent, 0, "fragments of what is denied were released");
}

Test(engine_attempts, segments_that_do_not_fit)
{
	cr_assert(trial_handshake(&lab, 40000, 8080));
	trial_ip(&lab, true, 4, IPPROTO_TCP);
	frame_tcp(&lab.f, 40000, 8080, 1001 + 0x20000000, 5001, FRAME_ACK, "x", 1);
	dropped("out of the window");
	trial_ip(&lab, true, 4, IPPROTO_TCP);
	frame_tcp(&lab.f, 40000, 8080, 1001, 5001 + 0x20000000, FRAME_ACK, "x", 1);
	dropped("acknowledges what was never sent");
	cr_expect_eq(trial_tcp(&lab, true, 40000, 8080, 1003, 5001, FRAME_ACK, "XYZW", 4), SL_FORWARD);
	trial_ip(&lab, true, 4, IPPROTO_TCP);
	frame_tcp(&lab.f, 40000, 8080, 1001, 5001, FRAME_ACK, "abcd", 4);
	dropped("overlaps with other content");
}

Test(engine_attempts, handshakes)
{
	/* Split: the forbidden server answers the workload's … nothing of it begins. */
	cr_expect_eq(trial_tcp(&lab, false, 40000, 9090, 5000, 0, FRAME_SYN, NULL, 0), SL_DROP);
	cr_expect_eq(trial_tcp(&lab, true, 40000, 9090, 1000, 0, FRAME_SYN, NULL, 0), SL_DROP);
	cr_expect_eq(trial_tcp(&lab, true, 40000, 9090, 1000, 5001, FRAME_SYN | FRAME_ACK, NULL, 0), SL_DROP);
	/* On the allowed port the peer opens, the workload answers by a SYN of its own. */
	cr_expect_eq(trial_tcp(&lab, true, 41000, 8080, 1000, 0, FRAME_SYN, NULL, 0), SL_FORWARD);
	cr_expect_eq(trial_tcp(&lab, false, 41000, 8080, 5000, 0, FRAME_SYN, NULL, 0), SL_FORWARD);
	cr_expect_eq(trial_tcp(&lab, true, 41000, 8080, 1000, 5001, FRAME_SYN | FRAME_ACK, NULL, 0),
		     SL_FORWARD);
	cr_expect_eq(trial_tcp(&lab, false, 41000, 8080, 5001, 1001, FRAME_ACK, NULL, 0), SL_DROP);
	cr_expect_str_eq(trial_reason(&lab), "threat");
}

Test(engine_attempts, another_application_on_the_allowed_port)
{
	trial_policy(&lab, "version: 1\ndefault: {mode: protect}\nrules:\n"
			   "- {id: 1, direction: ingress, protocol: tcp, ports: 8080, application: http, "
			   "action: allow}\n");
	cr_assert(trial_handshake(&lab, 40000, 8080));
	cr_expect_eq(trial_tcp(&lab, true, 40000, 8080, 1001, 5001, FRAME_ACK | FRAME_PSH,
			       "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", 32),
		     SL_FORWARD);
	cr_assert(trial_handshake(&lab, 40001, 8080));
	lab.lane->sent = 0;
	cr_expect_eq(trial_tcp(&lab, true, 40001, 8080, 1001, 5001, FRAME_ACK | FRAME_PSH,
			       "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", 32),
		     SL_DROP);
	cr_expect_str_eq(trial_reason(&lab), "policy");
	cr_expect_geq(lab.lane->sent, 2, "resets to both sides");
	cr_expect_eq(trial_tcp(&lab, true, 40001, 8080, 1033, 5001, FRAME_ACK, "more", 4), SL_DROP);
}

Test(engine_attempts, frames_that_are_nobodys_or_no_ip)
{
	frame_eth(&lab.f, mac_of("02:00:00:00:00:02"), mac_of("02:00:00:00:00:01"));
	frame_ipv4(&lab.f, TRIAL_PEER, TRIAL_WORKLOAD, IPPROTO_TCP);
	frame_tcp(&lab.f, 40000, 8080, 1, 0, FRAME_SYN, NULL, 0);
	dropped("no UCMAC");
	frame_eth(&lab.f, mac_uc(TRIAL_ID), mac_uc(TRIAL_ID));
	frame_ipv4(&lab.f, TRIAL_PEER, TRIAL_WORKLOAD, IPPROTO_TCP);
	frame_tcp(&lab.f, 40000, 8080, 1, 0, FRAME_SYN, NULL, 0);
	dropped("two UCMACs");
	frame_eth(&lab.f, mac_uc(TRIAL_ID), mac_of("02:00:00:00:00:01"));
	frame_payload(&lab.f, 0x88b5, "x", 1);
	dropped("another ethertype");
	frame_eth(&lab.f, mac_uc(TRIAL_ID), mac_of("02:00:00:00:00:01"));
	lab.f.len = 10;
	dropped("a stump");
}
