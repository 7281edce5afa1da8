// SPDX-License-Identifier: BSD-2-Clause
/*
 * IP protocols that carry something else, or are not what the policy speaks
 * of; by themselves, and on the addresses and ports of a flow that is allowed.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "evasion/attempts.h"

struct protocol {
	const char *name;
	uint8_t number;
	uint8_t len, head[24]; /* in front of what it carries */
	char inner; /* 'p' an IP packet, 'e' an Ethernet frame, 't' a TCP header, 0 the marker */
};
static const struct protocol protocols[] = {
	{ "IPv4 in IP", 4, 0, { 0 }, 'p' },
	{ "IPv6 in IP", 41, 0, { 0 }, '6' },
	{ "GRE with IPv4", 47, 4, { 0, 0, 8, 0 }, 'p' },
	{ "GRE with IPv6", 47, 4, { 0, 0, 0x86, 0xdd }, '6' },
	{ "GRE with Ethernet", 47, 4, { 0, 0, 0x65, 0x58 }, 'e' },
	{ "GRE with key and sequence", 47, 12, { 0x30, 0, 8, 0, 0, 0, 0, 1, 0, 0, 0, 2 }, 'p' },
	{ "GRE of PPTP", 47, 8, { 0x20, 1, 0x88, 0x0b, 0, 40, 0, 1 }, 'p' },
	{ "ERSPAN", 47, 16, { 0x10, 0, 0x88, 0xbe }, 'e' },
	{ "ESP", 50, 8, { 0, 0, 1, 0, 0, 0, 0, 1 }, 0 },
	{ "SCTP", 132, 16, { 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 64 }, 0 },
	{ "DCCP", 33, 16, { 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, 0 },
	{ "UDP-Lite", 136, 8, { 0, 0, 0, 0, 0, 8 }, 0 },
	{ "IGMP version 2", 2, 8, { 0x16, 0, 0, 0, 224, 1, 1, 1 }, 0 },
	{ "IGMP query", 2, 8, { 0x11, 10, 0, 0 }, 0 },
	{ "TCP in ESP's place", 50, 0, { 0 }, 't' },
	{ "RSVP", 46, 8, { 0x10, 1 }, 0 },
	{ "EIGRP", 88, 20, { 2, 5 }, 0 },
	{ "OSPF", 89, 24, { 2, 1 }, 0 },
	{ "Ethernet in IP", 97, 2, { 0x30, 0 }, 'e' },
	{ "PIM", 103, 4, { 0x20, 0 }, 0 },
	{ "IPComp", 108, 4, { 6, 0, 0, 2 }, 't' },
	{ "VRRP", 112, 8, { 0x21, 1 }, 0 },
	{ "L2TP", 115, 8, { 0, 0, 0, 1 }, 'e' },
	{ "MPLS in IP", 137, 4, { 0, 1, 1, 64 }, 'p' },
	{ "Ethernet (143)", 143, 0, { 0 }, 'e' },
	{ "NSH", 145, 8, { 0, 2, 1, 1 }, 'p' },
	{ "ST", 5, 0, { 0 }, 't' },
	{ "IDP", 22, 0, { 0 }, 't' },
	{ "TP++", 39, 0, { 0 }, 't' },
	{ "SIT with a TCP header", 41, 0, { 0 }, 't' },
	{ "any host's own (61)", 61, 0, { 0 }, 't' },
	{ "unassigned 150", 150, 0, { 0 }, 't' },
	{ "unassigned 200", 200, 0, { 0 }, 't' },
	{ "experimental 253", 253, 0, { 0 }, 't' },
	{ "experimental 254", 254, 0, { 0 }, 't' },
	{ "reserved 255", 255, 0, { 0 }, 't' },
	{ "MPTCP (262 mod 256)", 6, 0, { 0 }, 0 }, /* junk where a TCP header should be */
	{ "UDP with junk for a header", 17, 0, { 0 }, 0 },
};
#define N_PROTOCOLS (sizeof(protocols) / sizeof(*protocols))

/* Those that are extension headers in IPv6 but protocols of their own in IPv4, and the other family's ICMP. */
static const struct protocol only4[] = {
	{ "AH", 51, 12, { 6, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1 }, 't' },
	{ "IPv6 hop-by-hop options in IPv4", 0, 8, { 6, 0, 1, 4 }, 't' },
	{ "IPv6 routing in IPv4", 43, 8, { 6, 0, 0, 0 }, 't' },
	{ "IPv6 fragment in IPv4", 44, 8, { 6, 0, 0, 0 }, 't' },
	{ "IPv6 destination options in IPv4", 60, 8, { 6, 0, 1, 4 }, 't' },
	{ "no next header in IPv4", 59, 0, { 0 }, 't' },
	{ "ICMPv6 in IPv4", 58, 8, { 128, 0 }, 0 },
};
#define N_ONLY4 (sizeof(only4) / sizeof(*only4))
static const struct protocol only6[] = {
	{ "ICMP in IPv6", 1, 8, { 8, 0 }, 0 },
	{ "hop-by-hop options as the payload's type", 0, 8, { 59, 0, 1, 4 }, 0 },
};
#define N_ONLY6 (sizeof(only6) / sizeof(*only6))

static size_t put_inner(const struct play *play, const struct protocol *protocol, uint16_t port, uint8_t *ret)
{
	static struct frame inner;
	bool six = protocol->inner == '6';

	if (!protocol->inner) {
		memcpy(ret, marked(play, 100), 100);
		return 100;
	}
	begin(play, &inner);
	if (six)
		frame_ipv6(&inner, "fd00:10::66", "fd00:10::88", IPPROTO_TCP);
	else
		frame_ipv4(&inner, "10.10.10.66", "10.10.10.88", IPPROTO_TCP);
	frame_tcp(&inner, play->port, port, play->number, 0, FRAME_SYN, marked(play, 40), 40);
	if (protocol->inner == 'e') {
		memcpy(ret, inner.data, inner.len);
		return inner.len;
	}
	if (protocol->inner == 't') {
		memcpy(ret, inner.data + inner.l4_at, inner.len - inner.l4_at);
		return inner.len - inner.l4_at;
	}
	memcpy(ret, inner.data + inner.l3_at, inner.len - inner.l3_at);
	return inner.len - inner.l3_at;
}

static const struct protocol *chosen(long n)
{
	if (n >= 2000)
		return &only6[n - 2000];
	return n >= 1000 ? &only4[n - 1000] : &protocols[n];
}

static void send_protocol(struct play *play, const struct protocol *protocol, uint16_t port)
{
	uint8_t body[400];
	static struct frame f;
	size_t len;

	memcpy(body, protocol->head, protocol->len);
	len = protocol->len + put_inner(play, protocol, port, body + protocol->len);
	/* Where others have ports it has the flow's. */
	if (protocol->number == 132 || protocol->number == 33 || protocol->number == 136) {
		body[0] = (uint8_t)(play->port >> 8);
		body[1] = (uint8_t)play->port;
		body[2] = (uint8_t)(port >> 8);
		body[3] = (uint8_t)port;
	}
	begin_ip(play, &f, protocol->number);
	frame_raw(&f, body, len);
	fire(play, &f, FORBIDDEN);
}

/* b: behind an allowed SYN with the same addresses and ports. */
static void by_protocol(struct play *play)
{
	static struct frame f;

	if (play->attempt->b) {
		begin(play, &f);
		put_packet(play, &f, SYN_OPEN);
		fire(play, &f, PERMITTED);
	}
	send_protocol(play, chosen(play->attempt->a), play->attempt->b ? OPEN_PORT : CLOSED_PORT);
}

static void add(struct book *book, unsigned int only, long number)
{
	const char *name = chosen(number)->name;

	book_add(book, only, NULL, by_protocol, number, 0, "%s", name);
	book_add(book, only, NULL, by_protocol, number, 1, "%s on the tuple of an allowed flow", name);
}

/* Every protocol there is, with what would be TCP's ports of an allowed flow; a: the first of 16. */
static void sweep(struct play *play)
{
	static struct frame f;

	for (unsigned int i = 0; i < 16; i++) {
		uint8_t number = (uint8_t)(play->attempt->a + i);

		if (number == IPPROTO_TCP)
			continue;
		begin_ip(play, &f, number);
		frame_raw(&f, (const uint8_t[]){ 0x30, 0x30, OPEN_PORT >> 8, OPEN_PORT & 255 }, 4);
		frame_raw(&f, marked(play, 60), 60);
		/* In IPv6 some of these are chains that end in nothing: 0x30 is no protocol that is allowed. */
		fire(play, &f, FORBIDDEN);
	}
}

void protocol_attempts(struct book *book)
{
	book->chapter = "IP protocols";
	for (size_t i = 0; i < N_PROTOCOLS; i++)
		add(book, 0, (long)i);
	for (size_t i = 0; i < N_ONLY4; i++)
		add(book, V4, 1000 + (long)i);
	for (size_t i = 0; i < N_ONLY6; i++)
		add(book, V6, 2000 + (long)i);
	for (int first = 0; first < 256; first += 16)
		book_add(book, 0, NULL, sweep, first, 0, "protocols %d to %d", first, first + 15);
}
