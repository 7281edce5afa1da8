// SPDX-License-Identifier: BSD-2-Clause
/*
 * Resets and ICMP errors of the core's own: a real kernel must take them for
 * what they are, and what must not be answered is not.
 */
#include <criterion/criterion.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <string.h>

#include "address.h"
#include "dpi/decide/refuse.h"

static uint8_t bytes[2000], frame[SL_REFUSE_MAX];
static struct sl_packet packet;

static const uint8_t macs[12] = { 0x4e, 0x65, 0x75, 0x56, 0, 180, 2, 0, 0, 0, 0, 1 };

/* A packet of that family; tagged: behind a VLAN tag. */
static void make(int family, enum sl_packet_kind kind, bool tagged, uint32_t payload)
{
	uint32_t at = tagged ? 18 : 14, header = family == 4 ? 20 : 40;

	memset(bytes, 0xa5, sizeof(bytes));
	memcpy(bytes, macs, sizeof(macs));
	if (tagged)
		memcpy(bytes + 12, "\x81\x00\x00\x07", 4);
	memcpy(bytes + at - 2, family == 4 ? "\x08\x00" : "\x86\xdd", 2);
	memset(&packet, 0, sizeof(packet));
	packet.data = bytes;
	packet.kind = kind;
	packet.to_workload = true;
	packet.l3 = at;
	packet.l4 = at + header;
	packet.payload = packet.l4 + 20;
	packet.payload_len = payload;
	packet.ip_len = header + 20 + payload;
	packet.len = at + packet.ip_len;
	packet.tuple.family = (uint8_t)family;
	packet.tuple.protocol = kind == SL_PACKET_TCP ? IPPROTO_TCP : IPPROTO_UDP;
	packet.tuple.source = address_of(family == 4 ? "10.0.0.1" : "2001:db8::1");
	packet.tuple.destination = address_of(family == 4 ? "10.0.0.2" : "2001:db8::2");
	packet.tuple.source_port = 40000;
	packet.tuple.destination_port = 80;
	packet.seq = 1000;
	packet.ack = 5000;
	packet.tcp_flags = SL_TCP_ACK;
}

static uint32_t sum(const uint8_t *data, size_t len)
{
	uint32_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += i % 2 ? data[i] : (uint32_t)data[i] << 8;
	while (n >> 16)
		n = (n & 0xffff) + (n >> 16);
	return n;
}

/* A right checksum makes the sum of all, itself included, all ones. */
static void check_sums(size_t l3, size_t len, int family, uint8_t protocol)
{
	const uint8_t *ip = frame + l3;
	size_t header = family == 4 ? 20 : 40, addresses = family == 4 ? 8 : 32, rest = len - l3 - header;
	uint8_t pseudo[2000];

	if (family == 4)
		cr_expect_eq(sum(ip, 20), 0xffff, "IPv4 header");
	if (protocol == IPPROTO_ICMP) {
		cr_expect_eq(sum(ip + header, rest), 0xffff, "ICMP");
		return;
	}
	memcpy(pseudo, ip + header - addresses, addresses);
	pseudo[addresses] = 0;
	pseudo[addresses + 1] = protocol;
	pseudo[addresses + 2] = (uint8_t)(rest >> 8);
	pseudo[addresses + 3] = (uint8_t)rest;
	memcpy(pseudo + addresses + 4, ip + header, rest);
	cr_expect_eq(sum(pseudo, addresses + 4 + rest), 0xffff, "transport");
}

static struct tcphdr tcp_of(size_t l3, int family)
{
	struct tcphdr tcp;

	memcpy(&tcp, frame + l3 + (family == 4 ? 20 : 40), sizeof(tcp));
	return tcp;
}

Test(decide_refuse, reset_to_the_sender_of_a_segment)
{
	for (int family = 4; family <= 6; family += 2) {
		struct tcphdr tcp;
		size_t len;

		make(family, SL_PACKET_TCP, false, 100);
		len = sl_refuse_reset(&packet, SL_TO_SENDER, frame);
		cr_assert_eq(len, packet.l3 + (family == 4 ? 20u : 40u) + 20);
		cr_expect_eq(memcmp(frame, macs + 6, 6), 0, "to whoever sent it");
		cr_expect_eq(memcmp(frame + 6, macs, 6), 0, "from the workload: its UCMAC is the source");
		check_sums(packet.l3, len, family, IPPROTO_TCP);
		tcp = tcp_of(packet.l3, family);
		cr_expect_eq(ntohs(tcp.source), 80);
		cr_expect_eq(ntohs(tcp.dest), 40000);
		cr_expect(tcp.rst && !tcp.ack && !tcp.syn);
		cr_expect_eq(ntohl(tcp.seq), 5000, "where the sender expects the next byte");
	}
}

Test(decide_refuse, reset_to_the_sender_of_a_syn)
{
	struct tcphdr tcp;

	make(4, SL_PACKET_TCP, false, 10);
	packet.tcp_flags = SL_TCP_SYN;
	packet.seq = UINT32_MAX;
	cr_assert_gt(sl_refuse_reset(&packet, SL_TO_SENDER, frame), 0);
	tcp = tcp_of(packet.l3, 4);
	cr_expect(tcp.rst && tcp.ack);
	cr_expect_eq(ntohl(tcp.seq), 0);
	cr_expect_eq(ntohl(tcp.ack_seq), 10, "the SYN and its ten bytes");
}

Test(decide_refuse, reset_to_the_receiver_keeps_the_direction)
{
	struct tcphdr tcp;

	make(6, SL_PACKET_TCP, true, 10);
	cr_assert_eq(sl_refuse_reset(&packet, SL_TO_RECEIVER, frame), packet.l3 + 60);
	cr_expect_eq(memcmp(frame, bytes, packet.l3), 0, "MACs and tag as they were");
	check_sums(packet.l3, packet.l3 + 60, 6, IPPROTO_TCP);
	tcp = tcp_of(packet.l3, 6);
	cr_expect_eq(ntohs(tcp.source), 40000);
	cr_expect_eq(ntohl(tcp.seq), 1000);
	cr_expect_eq(ntohl(tcp.ack_seq), 5000);
	cr_expect(tcp.rst && tcp.ack);
}

Test(decide_refuse, unreachable_quotes_the_packet)
{
	for (int family = 4; family <= 6; family += 2) {
		for (uint32_t payload = 0; payload < 1900; payload += 473) {
			size_t header = family == 4 ? 20 : 40, len, quoted;

			make(family, SL_PACKET_UDP, false, payload);
			len = sl_refuse_unreachable(&packet, frame);
			cr_assert_gt(len, 0);
			quoted = len - packet.l3 - header - 8;
			cr_expect_leq(len - packet.l3, family == 4 ? 576 : 1280);
			cr_expect_eq(quoted, packet.ip_len < (family == 4 ? 548u : 1232u) ? packet.ip_len
					     : family == 4				  ? 548u
											  : 1232u);
			cr_expect_eq(memcmp(frame + packet.l3 + header + 8, bytes + packet.l3, quoted), 0);
			cr_expect_eq(frame[packet.l3 + header], family == 4 ? 3 : 1);
			cr_expect_eq(frame[packet.l3 + header + 1], family == 4 ? 13 : 1);
			check_sums(packet.l3, len, family, family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
		}
	}
}

Test(decide_refuse, what_must_not_be_answered)
{
	make(4, SL_PACKET_TCP, false, 0);
	packet.tcp_flags = SL_TCP_RST;
	cr_expect_eq(sl_refuse_reset(&packet, SL_TO_SENDER, frame), 0, "a reset");
	make(4, SL_PACKET_UDP, false, 0);
	cr_expect_eq(sl_refuse_reset(&packet, SL_TO_SENDER, frame), 0, "UDP has none");
	make(4, SL_PACKET_ICMP_ERROR, false, 0);
	cr_expect_eq(sl_refuse_unreachable(&packet, frame), 0, "an error");
	make(4, SL_PACKET_ICMP, false, 0);
	packet.icmp_type = ICMP_ECHOREPLY;
	cr_expect_eq(sl_refuse_unreachable(&packet, frame), 0, "an answer");
	packet.icmp_type = ICMP_ECHO;
	cr_expect_gt(sl_refuse_unreachable(&packet, frame), 0, "a question is");
	make(4, SL_PACKET_FRAGMENT, false, 0);
	cr_expect_eq(sl_refuse_unreachable(&packet, frame), 0, "a fragment");
	for (int family = 4; family <= 6; family += 2) {
		make(family, SL_PACKET_UDP, false, 0);
		packet.tuple.destination = address_of(family == 4 ? "224.0.0.251" : "ff02::fb");
		cr_expect_eq(sl_refuse_unreachable(&packet, frame), 0, "sent to a group");
		make(family, SL_PACKET_UDP, false, 0);
		packet.tuple.source = address_of(family == 4 ? "0.0.0.0" : "::");
		cr_expect_eq(sl_refuse_unreachable(&packet, frame), 0, "sent by nobody");
	}
	make(4, SL_PACKET_UDP, false, 0);
	packet.tuple.destination = address_of("255.255.255.255");
	cr_expect_eq(sl_refuse_unreachable(&packet, frame), 0, "broadcast");
	make(4, SL_PACKET_UDP, false, 0);
	bytes[0] |= 1;
	cr_expect_eq(sl_refuse_unreachable(&packet, frame), 0, "a group MAC");
}
