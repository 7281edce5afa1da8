// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every kind of malformed packet that decode knows, each with its harmless
 * twin, which differs in nothing but what is wrong.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

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

TestSuite(decode_malformed, .init = set_up, .fini = tear_down);

#define BIT(name) SL_MALFORMED_BIT(name)

static void expect_at(int line, enum sl_csum csum, uint64_t wanted)
{
	uint64_t before = wanted ? decoder->malformed[__builtin_ctzll(wanted)] : 0;
	int r = craft_decode(decoder, &f, csum, &packet);

	if (packet.malformed != wanted)
		cr_log_error("line %d: is %s", line, craft_reasons(packet.malformed));
	cr_assert_eq(packet.malformed, wanted, "line %d: not %s", line, craft_reasons(wanted));
	cr_assert_eq(r, wanted & sl_malformed_drop ? -EBADMSG : 0, "line %d", line);
	if (wanted)
		cr_assert_eq(decoder->malformed[__builtin_ctzll(wanted)], before + 1, "line %d", line);
}
#define expect(wanted) expect_at(__LINE__, SL_CSUM_UNKNOWN, wanted)

static void flags(uint8_t value)
{
	f.data[f.l4_at + 13] = value;
	craft_fix_l4(&f);
}

Test(decode_malformed, ethernet)
{
	craft_packet(&f, 4, IPPROTO_UDP, 4);
	expect(0);
	frame_set_src(&f, mac_uc(7));
	expect(BIT(no_workload));
	frame_set_dst(&f, mac_of("02:00:00:00:00:02"));
	expect(0);
	cr_assert(!packet.to_workload && packet.workload == 7);
	frame_set_src(&f, mac_of("02:00:00:00:00:01"));
	expect(BIT(no_workload));
	frame_set_src(&f, mac_uc(0));
	expect(BIT(no_workload));

	craft_start(&f);
	frame_arp(&f, 1, mac_of("02:00:00:00:00:01"), CRAFT4_PEER, mac_of("02:00:00:00:00:02"),
		  CRAFT4_WORKLOAD);
	expect(BIT(not_ip));
	f.len = 13;
	expect(BIT(frame_size));
	craft_start(&f);
	frame_payload(&f, 0x0026, "\xaa\xaa\x03\0\0\0\x08\0", 8);
	expect(BIT(not_ip));
}

Test(decode_malformed, vlan)
{
	for (unsigned int tags = 0; tags <= SL_DECODE_VLANS + 1; tags++) {
		craft_start(&f);
		for (unsigned int i = 0; i < tags; i++)
			frame_vlan(&f, i % 2 ? 0x8100 : 0x88a8, 0xe000 | (100 + i));
		frame_ipv6(&f, CRAFT6_PEER, CRAFT6_WORKLOAD, IPPROTO_UDP);
		frame_udp(&f, 1, 2, NULL, 3);
		expect(tags > SL_DECODE_VLANS ? BIT(vlan_deep) : 0);
		if (tags <= SL_DECODE_VLANS) {
			cr_assert_eq(packet.vlans, tags);
			cr_assert_eq(packet.vlan, tags ? 99 + tags : 0);
			cr_assert_eq(packet.payload_len, 3);
		}
	}
	f.len = 14 + 4 * SL_DECODE_VLANS - 1;
	expect(BIT(frame_size));
}

Test(decode_malformed, ipv4_header)
{
	craft_packet(&f, 4, IPPROTO_UDP, 10);
	f.data[f.l3_at] = 0x65;
	expect(BIT(ip_header));
	f.data[f.l3_at] = 0x44;
	expect(BIT(ip_header));
	f.data[f.l3_at] = 0x45;
	craft_put16(&f, f.l3_at + 2, 39);
	craft_fix_ipv4(&f);
	expect(BIT(ip_length));
	craft_put16(&f, f.l3_at + 2, 19);
	craft_fix_ipv4(&f);
	expect(BIT(ip_length));
	craft_put16(&f, f.l3_at + 2, 38);
	expect(BIT(ipv4_checksum));
	cr_assert(packet.checksum_bad);
	craft_fix_ipv4(&f);
	expect(0);
	cr_assert_eq(packet.payload_len, 10);
	/* Padding is not payload. */
	frame_resize(&f, 60 + 200);
	expect(0);
	cr_assert_eq(packet.payload_len, 10);
	cr_assert_eq(packet.ip_len, 38);
	/* Nor is it in a protocol without a length of its own, or in a fragment. */
	for (uint8_t family = 4; family <= 6; family += 2) {
		craft_packet(&f, family, IPPROTO_ESP, 3);
		frame_resize(&f, 100);
		expect(0);
		cr_assert_eq(packet.payload_len, 3);
		craft_fragment(&f, family, IPPROTO_UDP, 1, 8, false, "abc", 3);
		frame_resize(&f, 100);
		expect(0);
		cr_assert_eq(packet.payload_len, 3);
	}
}

Test(decode_malformed, ipv4_options)
{
	static const struct {
		uint64_t wanted;
		uint8_t bytes[8];
	} table[] = {
		{ 0, { 1, 1, 1, 1, 1, 1, 1, 0 } }, /* NOP and end */
		{ 0, { 0, 0xff, 0xff, 0xff } }, /* nothing counts behind the end */
		{ 0, { 7, 7, 4, 0, 0, 0, 0, 0 } }, /* record route */
		{ 0, { 0x94, 4, 0, 0, 1, 1, 1, 1 } }, /* router alert */
		{ BIT(ipv4_options), { 7, 1, 4, 0, 0, 0, 0, 0 } },
		{ BIT(ipv4_options), { 7, 0, 4, 0, 0, 0, 0, 0 } },
		{ BIT(ipv4_options), { 7, 9, 4, 0, 0, 0, 0, 0 } },
		{ BIT(ipv4_options), { 1, 1, 1, 1, 1, 1, 1, 7 } }, /* no room for its length */
		{ BIT(ipv4_source_route), { 0x83, 7, 4, 10, 0, 0, 1, 0 } },
		{ BIT(ipv4_source_route), { 1, 0x89, 7, 4, 10, 0, 0, 1 } },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		craft_start(&f);
		frame_ipv4_full(&f, CRAFT4_PEER, CRAFT4_WORKLOAD, IPPROTO_UDP, 64, 0, table[i].bytes, 8);
		frame_udp(&f, 1000, 2000, NULL, 5);
		expect(table[i].wanted);
		cr_assert_eq(packet.payload_len, 5);
		cr_assert_eq(packet.tuple.destination_port, 2000);
	}
}

Test(decode_malformed, addresses)
{
	static const struct {
		uint8_t family;
		const char *source, *destination;
		uint64_t wanted;
	} table[] = {
		{ 4, "10.0.0.1", "10.0.0.2", 0 },
		{ 4, "0.0.0.0", "10.0.0.2", 0 },
		{ 4, "240.0.0.1", "10.0.0.2", 0 },
		{ 4, "10.0.0.1", "10.0.0.1", BIT(land) },
		{ 4, "224.0.0.1", "10.0.0.1", BIT(martian) },
		{ 4, "239.255.255.255", "10.0.0.1", BIT(martian) },
		{ 4, "255.255.255.255", "10.0.0.1", BIT(martian) },
		{ 4, "127.0.0.1", "10.0.0.1", BIT(martian) },
		{ 4, "10.0.0.1", "127.1.2.3", BIT(martian) },
		{ 6, "fe80::1", "fd00::1", 0 },
		{ 6, "fd00::1", "fd00::1", BIT(land) },
		{ 6, "ff02::1", "fd00::1", BIT(martian) },
		{ 6, "::1", "fd00::1", BIT(martian) },
		{ 6, "fd00::1", "::1", BIT(martian) },
		{ 6, "::2", "fd00::1", 0 },
		{ 6, "::ffff:10.0.0.1", "fd00::1", BIT(ipv6_mapped) },
		{ 6, "fd00::1", "::ffff:10.0.0.1", BIT(ipv6_mapped) },
		{ 6, "64:ff9b::10.0.0.1", "fd00::1", 0 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		craft_start(&f);
		if (table[i].family == 4)
			frame_ipv4(&f, table[i].source, table[i].destination, IPPROTO_UDP);
		else
			frame_ipv6(&f, table[i].source, table[i].destination, IPPROTO_UDP);
		frame_udp(&f, 1000, 2000, NULL, 5);
		expect(table[i].wanted);
	}
	/* Nobody may take it for IPv4. */
	cr_assert_eq(packet.tuple.family, 6);
	craft_start(&f);
	frame_ipv6(&f, "::ffff:10.0.0.1", "fd00::1", IPPROTO_UDP);
	expect(BIT(ipv6_mapped));
	cr_assert_eq(packet.tuple.family, 0);
}

Test(decode_malformed, tcp_flags)
{
	const uint64_t combinations = 64;

	for (unsigned int i = 0; i < combinations; i++) {
		bool syn = i & SL_TCP_SYN, fin = i & SL_TCP_FIN, rst = i & SL_TCP_RST, ack = i & SL_TCP_ACK;
		bool urg = i & SL_TCP_URG;
		/* One of SYN, RST, FIN or none; without ACK only SYN and RST; urgent data not with RST or SYN-ACK. */
		bool valid = syn + fin + rst <= 1 && (ack || syn || rst) && !(urg && (rst || (syn && ack)));

		craft_packet(&f, 4 + i % 2 * 2, IPPROTO_TCP, 0);
		flags(i);
		craft_decode(decoder, &f, SL_CSUM_UNKNOWN, &packet);
		cr_assert_eq(!packet.malformed, valid, "flags %#x: %s", i, craft_reasons(packet.malformed));
		/* The bits of ECN change nothing. */
		flags(i | 0xc0);
		craft_decode(decoder, &f, SL_CSUM_UNKNOWN, &packet);
		cr_assert_eq(!packet.malformed, valid, "flags %#x", i);
	}
	craft_packet(&f, 6, IPPROTO_TCP, 0);
	flags(0);
	expect(BIT(tcp_null));
	flags(SL_TCP_FIN | SL_TCP_PSH | SL_TCP_URG);
	expect(BIT(tcp_xmas));
	flags(SL_TCP_SYN | SL_TCP_FIN);
	expect(BIT(tcp_syn_fin));
	flags(SL_TCP_SYN | SL_TCP_RST);
	expect(BIT(tcp_syn_rst));
	flags(SL_TCP_FIN);
	expect(BIT(tcp_flags));
	flags(SL_TCP_FIN | SL_TCP_ACK);
	expect(0);
}

Test(decode_malformed, tcp_header)
{
	craft_packet(&f, 4, IPPROTO_TCP, 20);
	f.data[f.l4_at + 12] = 4 << 4;
	craft_fix_l4(&f);
	expect(BIT(tcp_header));
	f.data[f.l4_at + 12] = 11 << 4;
	craft_fix_l4(&f);
	expect(BIT(tcp_header));
	f.data[f.l4_at + 12] = 10 << 4;
	memset(f.data + f.l4_at + 20, 1, 20);
	craft_fix_l4(&f);
	expect(0);
	cr_assert_eq(packet.payload_len, 0);
	f.data[f.l4_at + 39] = 8; /* an option without its length */
	craft_fix_l4(&f);
	expect(BIT(tcp_options));
	f.data[f.l4_at + 38] = 8;
	f.data[f.l4_at + 39] = 3;
	craft_fix_l4(&f);
	expect(BIT(tcp_options));
	craft_packet(&f, 4, IPPROTO_TCP, 1);
	flags(SL_TCP_SYN);
	expect(BIT(tcp_syn_data));
	craft_packet(&f, 4, IPPROTO_TCP, 0);
	flags(SL_TCP_SYN);
	expect(0);
	craft_put16(&f, f.l4_at, 0);
	craft_fix_l4(&f);
	expect(BIT(port_zero));
	craft_packet(&f, 6, IPPROTO_TCP, 0);
	f.data[f.l4_at + 3] ^= 1;
	expect(BIT(tcp_checksum));
	cr_assert(packet.checksum_bad && !packet.checksum_good);
}

Test(decode_malformed, udp)
{
	for (uint8_t family = 4; family <= 6; family += 2) {
		craft_packet(&f, family, IPPROTO_UDP, 12);
		craft_put16(&f, f.l4_at + 4, 7);
		expect(BIT(udp_length));
		craft_put16(&f, f.l4_at + 4, 0);
		expect(BIT(udp_length));
		craft_put16(&f, f.l4_at + 4, 21);
		expect(BIT(udp_length));
		craft_put16(&f, f.l4_at + 4, 20);
		expect(0);
		craft_put16(&f, f.l4_at + 4, 15);
		craft_fix_l4(&f);
		expect(BIT(udp_trailing));
		cr_assert_eq(packet.payload_len, 7);
		craft_packet(&f, family, IPPROTO_UDP, 12);
		f.data[f.len - 1] ^= 4;
		expect(BIT(udp_checksum));
		craft_put16(&f, f.l4_at + 6, 0);
		expect(family == 6 ? BIT(udp_no_checksum) : 0);
		cr_assert(!packet.checksum_bad && !packet.checksum_good);
		craft_start(&f);
		craft_ip(&f, family, IPPROTO_UDP);
		frame_raw(&f, "1234567", 7);
		expect(BIT(udp_header));
	}
}

Test(decode_malformed, checksum_states)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP };
	uint8_t *ip;
	uint16_t pseudo;

	for (int i = 0; i < 4; i++) {
		uint8_t family = i < 2 ? 4 : 6, protocol = protocols[i % 2];

		craft_packet(&f, family, protocol, 100);
		expect(0);
		cr_assert(packet.checksum_good);
		f.data[f.len - 1] ^= 1;
		expect(protocol == IPPROTO_TCP ? BIT(tcp_checksum) : BIT(udp_checksum));
		/* The same with the lane saying that it is still owed, or that the kernel has seen it right. */
		expect_at(__LINE__, SL_CSUM_PARTIAL, 0);
		cr_assert(!packet.checksum_bad && !packet.checksum_good);
		expect_at(__LINE__, SL_CSUM_VERIFIED, 0);
		cr_assert(!packet.checksum_bad && packet.checksum_good);
		/* What a sender's offload leaves behind, without anybody saying so. */
		ip = f.data + f.l3_at;
		pseudo = frame_pseudo_sum(ip, protocol, f.len - f.l4_at);
		craft_put16(&f, f.l4_at + (protocol == IPPROTO_TCP ? 16 : 6), pseudo);
		expect(0);
		cr_assert(!packet.checksum_bad && !packet.checksum_good);
	}
}

Test(decode_malformed, icmp)
{
	craft_packet(&f, 4, IPPROTO_ICMP, 4);
	expect(0);
	f.data[f.l4_at + 2] ^= 1;
	expect(BIT(icmp_checksum));
	craft_packet(&f, 6, IPPROTO_ICMPV6, 4);
	expect(0);
	f.data[f.l4_at + 2] ^= 1;
	expect(BIT(icmp_checksum));
	craft_packet(&f, 4, IPPROTO_ICMPV6, 8);
	expect(BIT(icmp_family));
	craft_packet(&f, 6, IPPROTO_ICMP, 8);
	expect(BIT(icmp_family));
	craft_start(&f);
	craft_ip(&f, 4, IPPROTO_ICMP);
	frame_raw(&f, "\x08\0\xf7\xff\0\0\0", 7);
	expect(BIT(icmp_header));
}

Test(decode_malformed, sctp)
{
	craft_packet(&f, 4, IPPROTO_SCTP, 17);
	expect(0);
	cr_assert_eq(packet.kind, SL_PACKET_SCTP);
	cr_assert_eq(packet.tuple.destination_port, 4000);
	craft_put16(&f, f.l4_at + 14, 3);
	expect(BIT(sctp_chunk));
	craft_put16(&f, f.l4_at + 14, 25);
	expect(BIT(sctp_chunk));
	craft_put16(&f, f.l4_at + 14, 24);
	expect(0);
	/* A second chunk behind the first. */
	craft_put16(&f, f.l4_at + 14, 4);
	f.data[f.l4_at + 18] = 0;
	f.data[f.l4_at + 19] = 20;
	expect(0);
	f.data[f.l4_at + 19] = 21;
	expect(BIT(sctp_chunk));
	craft_start(&f);
	craft_ip(&f, 6, IPPROTO_SCTP);
	frame_raw(&f, "\1\1\1\1\1\1\1\1\1\1\1", 11);
	expect(BIT(sctp_header));
	frame_raw(&f, "\1", 1);
	expect(BIT(sctp_chunk));
}

Test(decode_malformed, names)
{
	for (unsigned int i = 0; i < SL_MALFORMED_MAX; i++) {
		cr_assert(strlen(sl_malformed_name(i)) > 3 && strlen(sl_malformed_text(i)) > 5);
		for (unsigned int j = 0; j < i; j++)
			cr_assert_str_neq(sl_malformed_name(i), sl_malformed_name(j));
	}
	cr_assert_str_eq(sl_malformed_name(SL_MALFORMED_MAX), "unknown");
	cr_assert_str_eq(sl_malformed_text(64), "unknown");
	cr_assert(sl_malformed_drop & BIT(tcp_null));
	cr_assert(!(sl_malformed_drop & BIT(tcp_syn_data)));
}
