// SPDX-License-Identifier: BSD-2-Clause
/* Resets and ICMP errors; see refuse.h. RFC 9293 3.10.7.1 (resets), RFC 1812 and RFC 4443 2.4 (what is not answered). */
#include "dpi/decide/refuse.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <string.h>

#define TTL 64
#define ICMP_QUOTED 548 /* of an IPv4 packet: 576 in all, RFC 1812 4.3.2.3 */
#define ICMP6_QUOTED 1232 /* of an IPv6 packet: 1280 in all, RFC 4443 2.4 (c) */
#define ICMP_ADMIN_PROHIBITED 13 /* "communication administratively prohibited" */
#define ICMP6_ADMIN_PROHIBITED 1

static uint64_t sum_bytes(const uint8_t *data, size_t len, uint64_t sum)
{
	for (; len > 1; len -= 2, data += 2)
		sum += (uint32_t)data[0] << 8 | data[1];
	if (len)
		sum += (uint32_t)data[0] << 8;
	return sum;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static uint64_t pseudo_sum(const uint8_t *source, const uint8_t *destination, size_t address_len,
			   uint8_t protocol, size_t len)
{
	uint64_t sum = sum_bytes(source, address_len, 0);

	return sum_bytes(destination, address_len, sum) + protocol + len;
}

static bool is_group(const struct sl_addr *addr, uint8_t family)
{
	if (family == 6)
		return addr->byte[0] == 0xff;
	return (addr->byte[12] & 0xf0) == 0xe0 || !memcmp(addr->byte + 12, "\xff\xff\xff\xff", 4);
}

static bool is_none(const struct sl_addr *addr, uint8_t family)
{
	static const uint8_t zero[16];

	return !memcmp(addr->byte + (family == 4 ? 12 : 0), zero, family == 4 ? 4 : 16);
}

/* No answer to or for many, none to nobody, none about a part that has no ports. */
static bool may_answer(const struct sl_packet *packet)
{
	const struct sl_tuple *tuple = &packet->tuple;

	if ((tuple->family != 4 && tuple->family != 6) || packet->kind == SL_PACKET_FRAGMENT)
		return false;
	if (packet->l3 < ETHER_HDR_LEN || packet->l3 > 64 || packet->l3 >= packet->len)
		return false;
	if (packet->data[0] & 1 || packet->data[ETHER_ADDR_LEN] & 1)
		return false;
	return !is_group(&tuple->source, tuple->family) && !is_group(&tuple->destination, tuple->family) &&
	       !is_none(&tuple->source, tuple->family) && !is_none(&tuple->destination, tuple->family);
}

/* The Ethernet header and its tags, turned round for an answer. */
static size_t put_ethernet(const struct sl_packet *packet, enum sl_refuse_to to, uint8_t *frame)
{
	memcpy(frame, packet->data, packet->l3);
	if (to == SL_TO_SENDER) {
		memcpy(frame, packet->data + ETHER_ADDR_LEN, ETHER_ADDR_LEN);
		memcpy(frame + ETHER_ADDR_LEN, packet->data, ETHER_ADDR_LEN);
	}
	return packet->l3;
}

/* An IP header for `len` bytes behind it. */
static size_t put_ip(uint8_t *at, uint8_t family, const struct sl_addr *source,
		     const struct sl_addr *destination, uint8_t protocol, size_t len)
{
	if (family == 4) {
		struct iphdr ip = {
			.version = 4,
			.ihl = 5,
			.tot_len = htons((uint16_t)(sizeof(ip) + len)),
			.frag_off = htons(IP_DF),
			.ttl = TTL,
			.protocol = protocol,
		};

		memcpy(&ip.saddr, source->byte + 12, 4);
		memcpy(&ip.daddr, destination->byte + 12, 4);
		ip.check = fold(sum_bytes((uint8_t *)&ip, sizeof(ip), 0));
		memcpy(at, &ip, sizeof(ip));
		return sizeof(ip);
	}
	struct ip6_hdr ip6 = { .ip6_plen = htons((uint16_t)len), .ip6_nxt = protocol, .ip6_hlim = TTL };

	ip6.ip6_vfc = 6 << 4;
	memcpy(&ip6.ip6_src, source->byte, 16);
	memcpy(&ip6.ip6_dst, destination->byte, 16);
	memcpy(at, &ip6, sizeof(ip6));
	return sizeof(ip6);
}

static uint64_t pseudo_of(uint8_t family, const struct sl_addr *source, const struct sl_addr *destination,
			  uint8_t protocol, size_t len)
{
	size_t skip = family == 4 ? 12 : 0;

	return pseudo_sum(source->byte + skip, destination->byte + skip, 16 - skip, protocol, len);
}

/* What the packet takes up in the sequence space. */
static uint32_t sequence_len(const struct sl_packet *packet)
{
	return packet->payload_len + !!(packet->tcp_flags & SL_TCP_SYN) + !!(packet->tcp_flags & SL_TCP_FIN);
}

static void fill_reset(const struct sl_packet *packet, enum sl_refuse_to to, struct tcphdr *tcp)
{
	if (to == SL_TO_RECEIVER) {
		/* As if the sender had given up: at the place where its packet would have gone. */
		tcp->seq = htonl(packet->seq);
		if (packet->tcp_flags & SL_TCP_ACK) {
			tcp->ack = 1;
			tcp->ack_seq = htonl(packet->ack);
		}
	} else if (packet->tcp_flags & SL_TCP_ACK) {
		tcp->seq = htonl(packet->ack);
	} else {
		tcp->ack = 1;
		tcp->ack_seq = htonl(packet->seq + sequence_len(packet));
	}
	tcp->rst = 1;
	tcp->doff = sizeof(*tcp) / 4;
}

/* The whole frame around a TCP header whose ports and checksum are still missing. */
static size_t put_tcp(const struct sl_packet *packet, enum sl_refuse_to to, struct tcphdr *tcp,
		      uint8_t *frame)
{
	bool back = to == SL_TO_SENDER;
	const struct sl_tuple *tuple = &packet->tuple;
	const struct sl_addr *source = back ? &tuple->destination : &tuple->source;
	const struct sl_addr *destination = back ? &tuple->source : &tuple->destination;
	uint64_t sum;
	size_t at;

	tcp->source = htons(back ? tuple->destination_port : tuple->source_port);
	tcp->dest = htons(back ? tuple->source_port : tuple->destination_port);
	at = put_ethernet(packet, to, frame);
	at += put_ip(frame + at, tuple->family, source, destination, IPPROTO_TCP, sizeof(*tcp));
	sum = pseudo_of(tuple->family, source, destination, IPPROTO_TCP, sizeof(*tcp));
	tcp->check = fold(sum_bytes((uint8_t *)tcp, sizeof(*tcp), sum));
	memcpy(frame + at, tcp, sizeof(*tcp));
	return at + sizeof(*tcp);
}

size_t sl_refuse_reset(const struct sl_packet *packet, enum sl_refuse_to to, uint8_t frame[SL_REFUSE_MAX])
{
	struct tcphdr tcp = { 0 };

	if (packet->kind != SL_PACKET_TCP || packet->tcp_flags & SL_TCP_RST || !may_answer(packet))
		return 0;
	fill_reset(packet, to, &tcp);
	return put_tcp(packet, to, &tcp, frame);
}

size_t sl_refuse_question(const struct sl_packet *packet, uint8_t frame[SL_REFUSE_MAX])
{
	struct tcphdr tcp = {
		.seq = htonl(packet->seq - 1),
		.ack_seq = htonl(packet->ack),
		.doff = sizeof(tcp) / 4,
		.ack = 1,
		.window = htons(packet->window),
	};

	if (packet->kind != SL_PACKET_TCP || packet->tcp_flags & (SL_TCP_RST | SL_TCP_SYN) ||
	    !(packet->tcp_flags & SL_TCP_ACK) || !may_answer(packet))
		return 0;
	return put_tcp(packet, SL_TO_RECEIVER, &tcp, frame);
}

size_t sl_refuse_reset_of(const struct sl_reset_words *words, uint8_t frame[SL_REFUSE_MAX])
{
	const struct sl_tuple *tuple = words->tuple;
	uint16_t type = htons(tuple->family == 4 ? ETHERTYPE_IP : ETHERTYPE_IPV6);
	struct tcphdr tcp = {
		.source = htons(tuple->source_port),
		.dest = htons(tuple->destination_port),
		.seq = htonl(words->seq),
		.ack_seq = words->has_ack ? htonl(words->ack) : 0,
		.doff = sizeof(tcp) / 4,
		.rst = 1,
		.ack = words->has_ack,
	};
	size_t at = 2 * ETHER_ADDR_LEN;
	uint64_t sum;

	memcpy(frame, words->mac_destination, ETHER_ADDR_LEN);
	memcpy(frame + ETHER_ADDR_LEN, words->mac_source, ETHER_ADDR_LEN);
	if (words->vlan) {
		const uint16_t tag[2] = { htons(ETHERTYPE_VLAN), htons(words->vlan) };

		memcpy(frame + at, tag, sizeof(tag));
		at += sizeof(tag);
	}
	memcpy(frame + at, &type, sizeof(type));
	at += sizeof(type);
	at += put_ip(frame + at, tuple->family, &tuple->source, &tuple->destination, IPPROTO_TCP,
		     sizeof(tcp));
	sum = pseudo_of(tuple->family, &tuple->source, &tuple->destination, IPPROTO_TCP, sizeof(tcp));
	tcp.check = fold(sum_bytes((uint8_t *)&tcp, sizeof(tcp), sum));
	memcpy(frame + at, &tcp, sizeof(tcp));
	return at + sizeof(tcp);
}

size_t sl_refuse_unreachable(const struct sl_packet *packet, uint8_t frame[SL_REFUSE_MAX])
{
	const struct sl_tuple *tuple = &packet->tuple;
	bool v4 = tuple->family == 4;
	uint8_t protocol = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	size_t at, quoted = packet->ip_len, max = v4 ? ICMP_QUOTED : ICMP6_QUOTED;
	uint8_t *icmp;
	uint16_t check;
	uint64_t sum = 0;

	if (packet->kind == SL_PACKET_ICMP_ERROR || !may_answer(packet))
		return 0;
	/* Only questions: an answer to an answer can go on for ever. */
	if (packet->kind == SL_PACKET_ICMP && packet->icmp_type != (v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST))
		return 0;
	if (quoted > packet->len - packet->l3)
		quoted = packet->len - packet->l3;
	if (quoted > max)
		quoted = max;
	at = put_ethernet(packet, SL_TO_SENDER, frame);
	at += put_ip(frame + at, tuple->family, &tuple->destination, &tuple->source, protocol, 8 + quoted);
	icmp = frame + at;
	memset(icmp, 0, 8);
	icmp[0] = v4 ? ICMP_DEST_UNREACH : ICMP6_DST_UNREACH;
	icmp[1] = v4 ? ICMP_ADMIN_PROHIBITED : ICMP6_ADMIN_PROHIBITED;
	memcpy(icmp + 8, packet->data + packet->l3, quoted);
	if (!v4)
		sum = pseudo_of(6, &tuple->destination, &tuple->source, protocol, 8 + quoted);
	check = fold(sum_bytes(icmp, 8 + quoted, sum));
	memcpy(icmp + 2, &check, sizeof(check));
	return at + 8 + quoted;
}
