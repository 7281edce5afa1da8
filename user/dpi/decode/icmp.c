// SPDX-License-Identifier: BSD-2-Clause
/*
 * ICMP of both families, and the packet that an error speaks of; see stage.h
 * for the invariant.
 */
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include "dpi/decode/bytes.h"
#include "dpi/decode/stage.h"

#define ICMP_LEN 8
#define IPV4_LEN 20
#define IPV6_LEN 40
#define INNER_LEAST 8 /* of the inner transport header; what RFC 792 promises, and what receivers ask for */

/* Not in netinet: RFC 8335. */
#define EXTENDED_ECHO 42
#define EXTENDED_ECHOREPLY 43
#define EXTENDED_ECHO6 160
#define EXTENDED_ECHOREPLY6 161

bool sl_icmp_has_id(uint8_t family, uint8_t type)
{
	if (family == 6)
		return type == ICMP6_ECHO_REQUEST || type == ICMP6_ECHO_REPLY || type == EXTENDED_ECHO6 ||
		       type == EXTENDED_ECHOREPLY6;
	switch (type) {
	case ICMP_ECHO:
	case ICMP_ECHOREPLY:
	case ICMP_TIMESTAMP:
	case ICMP_TIMESTAMPREPLY:
	case ICMP_INFO_REQUEST:
	case ICMP_INFO_REPLY:
	case ICMP_ADDRESS:
	case ICMP_ADDRESSREPLY:
	case EXTENDED_ECHO:
	case EXTENDED_ECHOREPLY:
		return true;
	default:
		return false;
	}
}

bool sl_icmp_is_error(uint8_t family, uint8_t type)
{
	if (family == 6)
		return !(type & ICMP6_INFOMSG_MASK);
	return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
	       type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB;
}

/* Behind the inner IP headers; the 8 bytes are there. */
static void take_inner_ports(const uint8_t *header, struct sl_tuple *inner)
{
	switch (inner->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
		inner->source_port = sl_get16(header);
		inner->destination_port = sl_get16(header + 2);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (sl_icmp_has_id(inner->family, header[0]))
			inner->source_port = inner->destination_port = sl_get16(header + 4);
		break;
	default:
		break;
	}
}

static bool decode_inner4(const uint8_t *data, uint32_t at, uint32_t end, struct sl_tuple *inner)
{
	const uint8_t *header = data + at;
	uint32_t header_len;

	if (end - at < IPV4_LEN || header[0] >> 4 != 4)
		return false;
	header_len = (header[0] & 15) * 4u;
	if (header_len < IPV4_LEN || end - at < header_len + INNER_LEAST)
		return false;
	inner->protocol = header[9];
	sl_address4(&inner->source, header + 12);
	sl_address4(&inner->destination, header + 16);
	if (!(sl_get16(header + 6) & 0x1fff))
		take_inner_ports(header + header_len, inner);
	return true;
}

static bool decode_inner6(const uint8_t *data, uint32_t at, uint32_t end, struct sl_tuple *inner)
{
	const uint8_t *header = data + at;
	struct sl_chain chain;

	if (end - at < IPV6_LEN || header[0] >> 4 != 6)
		return false;
	if (sl_address_mapped(header + 8) || sl_address_mapped(header + 24))
		return false;
	/* Routing does not matter here: it is about a packet that has gone. */
	sl_walk_chain(data, at, end, &chain);
	if ((chain.malformed & ~SL_MALFORMED_BIT(ipv6_routing)) || end - chain.at < INNER_LEAST)
		return false;
	inner->protocol = chain.next;
	sl_address6(&inner->source, header + 8);
	sl_address6(&inner->destination, header + 24);
	if (!chain.fragment || !sl_fragment_offset(data + chain.fragment))
		take_inner_ports(data + chain.at, inner);
	return true;
}

bool sl_decode_inner(const uint8_t *data, uint32_t at, uint32_t end, uint8_t family, struct sl_tuple *ret)
{
	struct sl_tuple inner = { .family = family };

	if (!(family == 4 ? decode_inner4(data, at, end, &inner) : decode_inner6(data, at, end, &inner)))
		return false;
	*ret = inner;
	return true;
}

void sl_decode_icmp(struct sl_packet *packet, struct sl_stage *stage)
{
	const uint8_t *header = packet->data + packet->l4;
	uint32_t room = stage->end - packet->l4;
	bool six = packet->tuple.family == 6;

	packet->kind = SL_PACKET_ICMP;
	if (six != (packet->tuple.protocol == IPPROTO_ICMPV6)) {
		packet->kind = SL_PACKET_OTHER;
		sl_mark(packet, SL_MALFORMED_icmp_family);
		return;
	}
	if (room < ICMP_LEN) {
		sl_mark(packet, SL_MALFORMED_icmp_header);
		return;
	}
	packet->icmp_type = header[0];
	packet->icmp_code = header[1];
	packet->payload = packet->l4 + ICMP_LEN;
	packet->payload_len = room - ICMP_LEN;
	if (sl_icmp_has_id(packet->tuple.family, header[0])) {
		packet->tuple.source_port = packet->tuple.destination_port = sl_get16(header + 4);
	} else if (sl_icmp_is_error(packet->tuple.family, header[0])) {
		packet->kind = SL_PACKET_ICMP_ERROR;
		if (!sl_decode_inner(packet->data, packet->payload, stage->end, packet->tuple.family,
				     &packet->inner))
			sl_mark(packet, SL_MALFORMED_icmp_inner);
	}
	sl_verify(packet, stage, room, 2, six, SL_MALFORMED_icmp_checksum);
}
