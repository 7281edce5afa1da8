// SPDX-License-Identifier: BSD-2-Clause
/*
 * What decode makes of right packets; of the same cut off at every byte, and
 * in pieces cut at every byte; IPv6's chains; and what ICMP errors speak of.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "decode_craft.h"

static struct sl_decoder *decoder;
static struct frame f;
static struct sl_packet packet;

static void set_up(void)
{
	decoder = sl_decoder_new();
	cr_assert(decoder);
}

static void tear_down(void)
{
	sl_decoder_free(decoder);
}

TestSuite(decode_packet, .init = set_up, .fini = tear_down);

static void decode(uint64_t wanted)
{
	craft_decode(decoder, &f, SL_CSUM_UNKNOWN, &packet);
	if (packet.malformed != wanted)
		cr_log_error("is %s", craft_reasons(packet.malformed));
	cr_assert_eq(packet.malformed, wanted, "not %s", craft_reasons(wanted));
}

static bool is_address(const struct sl_addr *address, const char *text)
{
	struct sl_addr wanted = address_of(text);

	return !memcmp(address, &wanted, sizeof(wanted));
}

Test(decode_packet, tcp)
{
	static const uint8_t options[] = {
		2, 4, 0x05, 0xb4, 1, 3, 3, 9, 4, 2, 8, 10, 0, 0, 0, 7, 0, 0, 0, 8
	};

	craft_start(&f);
	frame_vlan(&f, 0x8100, 0x2005);
	craft_ip(&f, 4, IPPROTO_TCP);
	frame_tcp(&f, 3000, 443, 0xfffffff0, 99, FRAME_SYN, options, sizeof(options));
	f.data[f.l4_at + 12] = 10 << 4;
	f.data[f.l4_at + 14] = 0x12;
	f.data[f.l4_at + 15] = 0x34;
	craft_fix_l4(&f);
	decode(0);
	cr_assert_eq(packet.kind, SL_PACKET_TCP);
	cr_assert(packet.to_workload && packet.workload == CRAFT_ID);
	cr_assert(packet.vlan == 5 && packet.vlans == 1 && packet.ethertype == 0x0800);
	cr_assert(is_address(&packet.tuple.source, CRAFT4_PEER));
	cr_assert(is_address(&packet.tuple.destination, CRAFT4_WORKLOAD));
	cr_assert(packet.tuple.source_port == 3000 && packet.tuple.destination_port == 443);
	cr_assert(packet.tuple.protocol == IPPROTO_TCP && packet.tuple.family == 4);
	cr_assert(packet.seq == 0xfffffff0 && packet.ack == 99 && packet.tcp_flags == SL_TCP_SYN);
	cr_assert_eq(packet.window, 0x1234);
	cr_assert(packet.tcp.mss == 1460 && packet.tcp.has_window_scale && packet.tcp.window_scale == 9);
	cr_assert(packet.tcp.sack_permitted && packet.tcp.has_timestamp);
	cr_assert(packet.tcp.ts_value == 7 && packet.tcp.ts_echo == 8);
	cr_assert(packet.l3 == 18 && packet.l4 == 38 && packet.payload == 78 && packet.payload_len == 0);
	cr_assert(packet.checksum_good && packet.ip_len == 60 && packet.ttl == 64);
	/* Without SYN, as a receiver has it, only the timestamp counts. */
	f.data[f.l4_at + 13] = SL_TCP_ACK;
	craft_fix_l4(&f);
	decode(0);
	cr_assert(!packet.tcp.mss && !packet.tcp.has_window_scale && !packet.tcp.sack_permitted);
	cr_assert(packet.tcp.has_timestamp);
}

/* What can differ between two ways to the same packet: where it lies. */
static void expect_same(const struct sl_packet *a, const struct sl_packet *b, size_t at)
{
	struct sl_packet x = *a, y = *b;

	x.data = y.data = NULL;
	cr_assert(!memcmp(&x, &y, sizeof(x)), "cut at %zu", at);
}

static void cut_and_split(void)
{
	struct sl_packet whole, other;
	struct craft c;
	uint32_t ip_end;

	craft_decode(decoder, &f, SL_CSUM_UNKNOWN, &whole);
	cr_assert(!sl_packet_bad(&whole), "%s", craft_reasons(whole.malformed));
	ip_end = whole.l3 + whole.ip_len;
	for (size_t len = 0; len < f.len; len++) {
		craft_show(&c, f.data, len, 0);
		cr_assert_eq(sl_decode(&other, &c.frame, decoder, 0), len < ip_end ? -EBADMSG : 0,
			     "cut to %zu of %u: %s", len, f.len, craft_reasons(other.malformed));
		craft_free(&c);
	}
	for (size_t at = 1; at < f.len; at++) {
		craft_show(&c, f.data, f.len, 0);
		c.frame.n_pieces = 2;
		c.frame.piece[0].len = at;
		c.frame.piece[1] = (struct sl_piece){ c.bytes + at, f.len - at };
		sl_decode(&other, &c.frame, decoder, 0);
		expect_same(&whole, &other, at);
		cr_assert(!memcmp(other.data, f.data, f.len));
		craft_free(&c);
	}
	for (size_t piece = (f.len + SL_FRAME_PIECES - 1) / SL_FRAME_PIECES; piece < f.len; piece++) {
		craft_show(&c, f.data, f.len, piece);
		sl_decode(&other, &c.frame, decoder, 0);
		expect_same(&whole, &other, piece);
		craft_free(&c);
	}
}

Test(decode_packet, cut_and_split)
{
	static const uint8_t protocols[] = { IPPROTO_TCP,  IPPROTO_UDP, IPPROTO_SCTP,
					     IPPROTO_ICMP, IPPROTO_ESP, IPPROTO_UDPLITE };
	static const uint8_t pad[6] = { 1, 4 };

	for (uint8_t family = 4; family <= 6; family += 2)
		for (size_t i = 0; i < sizeof(protocols); i++) {
			bool ping6 = family == 6 && protocols[i] == IPPROTO_ICMP;

			craft_packet(&f, family, ping6 ? IPPROTO_ICMPV6 : protocols[i], 33);
			cut_and_split();
			frame_resize(&f, f.len + 9);
			cut_and_split();
		}
	craft_start(&f);
	frame_vlan(&f, 0x88a8, 7);
	frame_vlan(&f, 0x8100, 8);
	craft_ip(&f, 6, IPPROTO_HOPOPTS);
	frame_ipv6_ext(&f, IPPROTO_HOPOPTS, IPPROTO_DSTOPTS, pad, 6);
	frame_ipv6_ext(&f, IPPROTO_DSTOPTS, IPPROTO_TCP, pad, 6);
	frame_tcp(&f, 1, 2, 3, 4, FRAME_ACK, "hello", 5);
	cut_and_split();
	craft_fragment(&f, 6, IPPROTO_UDP, 5, 0, true, NULL, 64);
	cut_and_split();
	craft_fragment(&f, 4, IPPROTO_UDP, 5, 64, false, NULL, 63);
	cut_and_split();
}

Test(decode_packet, too_long)
{
	static uint8_t bytes[SL_FRAME_MAX + 1];
	struct sl_frame frame = { .len = sizeof(bytes),
				  .n_pieces = 1,
				  .piece = { { bytes, sizeof(bytes) } } };

	cr_assert_eq(sl_decode(&packet, &frame, decoder, 0), -EBADMSG);
	cr_assert_eq(packet.malformed, SL_MALFORMED_BIT(frame_size));
	frame.n_pieces = 2;
	frame.piece[0].len = 65000;
	frame.piece[1] = (struct sl_piece){ bytes, 551 };
	cr_assert_eq(sl_decode(&packet, &frame, decoder, 0), -EBADMSG);
	cr_assert_eq(packet.malformed, SL_MALFORMED_BIT(frame_size));
	frame.n_pieces = 0;
	cr_assert_eq(sl_decode(&packet, &frame, decoder, 0), -EBADMSG);
}

/* types and where the body differs from zeros: { next, body } from the outside in, closed by UDP. */
static void chain(const uint8_t *types, size_t n, uint8_t at, uint8_t value)
{
	craft_start(&f);
	craft_ip(&f, 6, n ? types[0] : IPPROTO_UDP);
	for (size_t i = 0; i < n; i++) {
		uint8_t body[6] = { 0 };

		/* One Pad6, and for routing: type 4, none left. */
		body[0] = types[i] == IPPROTO_ROUTING ? 4 : types[i] == IPPROTO_FRAGMENT ? 0 : 1;
		if (at && i == n - 1)
			body[at - 2] = value;
		frame_ipv6_ext(&f, types[i], i + 1 < n ? types[i + 1] : IPPROTO_UDP, body, 6);
	}
	frame_udp(&f, 1000, 2000, NULL, 5);
}

Test(decode_packet, ipv6_chains)
{
	static const uint8_t all[] = { IPPROTO_HOPOPTS, IPPROTO_DSTOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT,
				       IPPROTO_DSTOPTS };
	static const uint8_t late[] = { IPPROTO_DSTOPTS, IPPROTO_HOPOPTS };
	static const uint8_t twice[] = { IPPROTO_FRAGMENT, IPPROTO_FRAGMENT };
	static const uint8_t routing[] = { IPPROTO_ROUTING };
	uint8_t many[9];

	chain(all, sizeof(all), 0, 0);
	decode(0);
	cr_assert(packet.kind == SL_PACKET_UDP && packet.tuple.destination_port == 2000);
	cr_assert(packet.payload_len == 5 && !packet.fragment && packet.checksum_good);
	chain(late, sizeof(late), 0, 0);
	decode(SL_MALFORMED_BIT(ipv6_extension));
	chain(twice, sizeof(twice), 0, 0);
	decode(SL_MALFORMED_BIT(frag_twice));
	chain(routing, 1, 0, 0);
	decode(0);
	chain(routing, 1, 3, 1);
	decode(SL_MALFORMED_BIT(ipv6_routing));
	cr_assert_eq(packet.tuple.destination_port, 2000);
	chain(routing, 1, 2, 0);
	decode(SL_MALFORMED_BIT(ipv6_routing));
	memset(many, IPPROTO_DSTOPTS, sizeof(many));
	chain(many, 8, 0, 0);
	decode(0);
	chain(many, 9, 0, 0);
	decode(SL_MALFORMED_BIT(ipv6_chain));
	/* Its length goes beyond the packet. */
	chain(many, 1, 0, 0);
	f.data[f.l3_at + 41] = 3;
	decode(SL_MALFORMED_BIT(ipv6_extension));
	/* A jumbogram, or what claims to be one. */
	chain(all, 1, 0, 0);
	craft_put16(&f, f.l3_at + 4, 0);
	decode(SL_MALFORMED_BIT(ipv6_jumbo));
	/* Nothing behind the header is nothing wrong. */
	craft_start(&f);
	craft_ip(&f, 6, IPPROTO_NONE);
	decode(0);
	cr_assert(packet.kind == SL_PACKET_OTHER && packet.payload_len == 0);
	/* AH has another unit of length. */
	craft_start(&f);
	craft_ip(&f, 6, IPPROTO_AH);
	frame_ipv6_ext(&f, IPPROTO_AH, IPPROTO_UDP, "\0\0\0\0\0\1\0\0\0\2\0\0\0\3", 14);
	f.data[f.l3_at + 41] = 2;
	frame_udp(&f, 1000, 2000, NULL, 5);
	decode(0);
	cr_assert(packet.kind == SL_PACKET_UDP && packet.payload_len == 5);
}

Test(decode_packet, later_fragment_has_no_ports)
{
	static const uint8_t like_ports[16] = { 0x0b, 0xb8, 0x0f, 0xa0, 0, 16 };

	for (uint8_t family = 4; family <= 6; family += 2) {
		craft_fragment(&f, family, IPPROTO_UDP, 0x1234, 8, false, like_ports, 16);
		decode(0);
		cr_assert(packet.kind == SL_PACKET_FRAGMENT && packet.fragment && !packet.reassembled);
		cr_assert(!packet.tuple.source_port && !packet.tuple.destination_port);
		cr_assert(packet.fragment_id == 0x1234 && packet.fragment_offset == 8 &&
			  !packet.fragment_more);
		cr_assert(packet.payload_len == 16 && packet.tuple.protocol == IPPROTO_UDP);
		/* Nor has the first: it is not the whole. */
		craft_fragment(&f, family, IPPROTO_UDP, 1, 0, true, like_ports, 16);
		decode(0);
		cr_assert(packet.kind == SL_PACKET_FRAGMENT && !packet.tuple.source_port);
		craft_fragment(&f, family, IPPROTO_UDP, 1, 0, true, like_ports, 15);
		decode(SL_MALFORMED_BIT(frag_length));
		craft_fragment(&f, family, IPPROTO_UDP, 1, 8, false, like_ports, 0);
		decode(SL_MALFORMED_BIT(frag_length));
		craft_fragment(&f, family, IPPROTO_UDP, 1, 65528, false, like_ports, 16);
		decode(SL_MALFORMED_BIT(frag_beyond));
		craft_fragment(&f, family, IPPROTO_TCP, 1, 0, true, like_ports, 16);
		decode(family == 6 ? SL_MALFORMED_BIT(frag_tiny) : 0);
	}
	/* The ping of death's harmless neighbour ends exactly where a datagram can. */
	craft_fragment(&f, 4, IPPROTO_UDP, 1, 65504, false, like_ports, 11);
	decode(0);
	craft_fragment(&f, 4, IPPROTO_UDP, 1, 65504, false, like_ports, 12);
	decode(SL_MALFORMED_BIT(frag_beyond));
}

/* An error about `len` bytes of the packet in `about`. */
static void error_about(const struct frame *about, size_t len, uint8_t family)
{
	craft_start(&f);
	craft_ip(&f, family, family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	frame_icmp(&f, family == 4 ? 3 : 1, 3, 0, 0, about->data + about->l3_at, len);
}

Test(decode_packet, icmp_errors)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
	static struct frame about;

	for (uint8_t family = 4; family <= 6; family += 2) {
		uint32_t ip = family == 4 ? 20 : 40;

		for (size_t i = 0; i < sizeof(protocols); i++) {
			craft_packet(&about, family, protocols[i], 40);
			for (size_t len = 0; len <= about.len - about.l3_at; len++) {
				error_about(&about, len, family);
				decode(len < ip + 8 ? SL_MALFORMED_BIT(icmp_inner) : 0);
				cr_assert_eq(packet.kind, SL_PACKET_ICMP_ERROR);
				if (len < ip + 8)
					continue;
				cr_assert_eq(packet.inner.protocol, protocols[i]);
				cr_assert_eq(packet.inner.family, family);
				cr_assert(is_address(&packet.inner.source,
						     family == 4 ? CRAFT4_PEER : CRAFT6_PEER));
				cr_assert(packet.inner.source_port == 3000 &&
					  packet.inner.destination_port == 4000);
			}
		}
		craft_packet(&about, family, family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, 40);
		error_about(&about, 60, family);
		decode(0);
		cr_assert(packet.inner.source_port == 77 && packet.inner.destination_port == 77);
		/* About a later fragment: no ports. */
		craft_fragment(&about, family, IPPROTO_UDP, 1, 8, false, NULL, 40);
		error_about(&about, 60, family);
		decode(0);
		cr_assert(packet.inner.protocol == IPPROTO_UDP && !packet.inner.source_port);
		/* About a packet of the other family. */
		craft_packet(&about, 10 - family, IPPROTO_UDP, 40);
		error_about(&about, 60, family);
		decode(SL_MALFORMED_BIT(icmp_inner));
	}
}
