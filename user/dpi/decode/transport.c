// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which transport is behind the IP headers, UDP and SCTP themselves, and the
 * checksum of all; see stage.h for the invariant.
 */
#include <netinet/in.h>

#include "dpi/decode/bytes.h"
#include "dpi/decode/stage.h"
#include "lib/checksum.h"

#define UDP_LEN 8
#define TCP_LEN 20
#define ICMP_LEN 8
#define SCTP_LEN 12
#define SCTP_CHUNK_LEN 4
#define SCTP_CHUNKS 64 /* looked at; a packet may hold thousands of empty ones */

uint32_t sl_transport_least(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return TCP_LEN;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return UDP_LEN;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return ICMP_LEN;
	case IPPROTO_SCTP:
		return SCTP_LEN;
	default:
		return 1;
	}
}

void sl_verify(struct sl_packet *packet, const struct sl_stage *stage, uint32_t len, uint32_t at, bool pseudo,
	       enum sl_malformed reason)
{
	uint32_t start = 0;

	packet->checksum_good = stage->verified;
	if (!stage->verify)
		return;
	if (pseudo)
		start = sl_sum_pseudo(packet->data + stage->addresses, stage->address_len,
				      packet->tuple.protocol, len);
	switch (sl_checksum_check(packet->data + packet->l4, len, at, start)) {
	case SL_CHECKSUM_GOOD:
		packet->checksum_good = true;
		break;
	case SL_CHECKSUM_BAD:
		packet->checksum_bad = true;
		sl_mark(packet, reason);
		break;
	case SL_CHECKSUM_PARTIAL:
		break;
	}
}

static void take_ports(struct sl_packet *packet, const uint8_t *header)
{
	packet->tuple.source_port = sl_get16(header);
	packet->tuple.destination_port = sl_get16(header + 2);
	if (!packet->tuple.source_port || !packet->tuple.destination_port)
		sl_mark(packet, SL_MALFORMED_port_zero);
}

void sl_decode_udp(struct sl_packet *packet, struct sl_stage *stage)
{
	const uint8_t *header = packet->data + packet->l4;
	uint32_t room = stage->end - packet->l4, len;

	packet->kind = SL_PACKET_UDP;
	if (room < UDP_LEN) {
		sl_mark(packet, SL_MALFORMED_udp_header);
		return;
	}
	take_ports(packet, header);
	len = sl_get16(header + 4);
	packet->payload = packet->l4 + UDP_LEN;
	packet->payload_len = room - UDP_LEN;
	if (len < UDP_LEN || len > room) {
		sl_mark(packet, SL_MALFORMED_udp_length);
		return;
	}
	packet->payload_len = len - UDP_LEN;
	if (len < room)
		sl_mark(packet, SL_MALFORMED_udp_trailing);
	if (sl_get16(header + 6))
		sl_verify(packet, stage, len, 6, true, SL_MALFORMED_udp_checksum);
	else if (packet->tuple.family == 6)
		sl_mark(packet, SL_MALFORMED_udp_no_checksum);
}

/* Its checksum is left to the receiver: a sender's offload leaves no trace by which to know that it is still owed. */
void sl_decode_sctp(struct sl_packet *packet, struct sl_stage *stage)
{
	uint32_t room = stage->end - packet->l4, at, len;

	packet->kind = SL_PACKET_SCTP;
	if (room < SCTP_LEN) {
		sl_mark(packet, SL_MALFORMED_sctp_header);
		return;
	}
	take_ports(packet, packet->data + packet->l4);
	packet->payload = packet->l4 + SCTP_LEN;
	packet->payload_len = room - SCTP_LEN;
	if (packet->payload_len < SCTP_CHUNK_LEN) {
		sl_mark(packet, SL_MALFORMED_sctp_chunk);
		return;
	}
	at = packet->payload;
	for (unsigned int n = 0; n < SCTP_CHUNKS && at < stage->end; n++) {
		len = stage->end - at < SCTP_CHUNK_LEN ? 0 : sl_get16(packet->data + at + 2);
		if (len < SCTP_CHUNK_LEN || len > stage->end - at) {
			sl_mark(packet, SL_MALFORMED_sctp_chunk);
			return;
		}
		/* The last one's padding may be missing. */
		at += (len + 3) & ~3u;
	}
}

void sl_decode_transport(struct sl_packet *packet, struct sl_stage *stage)
{
	switch (packet->tuple.protocol) {
	case IPPROTO_TCP:
		sl_decode_tcp(packet, stage);
		break;
	case IPPROTO_UDP:
		sl_decode_udp(packet, stage);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		sl_decode_icmp(packet, stage);
		break;
	case IPPROTO_SCTP:
		sl_decode_sctp(packet, stage);
		break;
	default:
		packet->kind = SL_PACKET_OTHER;
		break;
	}
}
