// SPDX-License-Identifier: BSD-2-Clause
/*
 * The IPv4 header and its options, and what both families' addresses must not
 * be; see stage.h for the invariant.
 */
#include <netinet/in.h>
#include <string.h>

#include "dpi/decode/bytes.h"
#include "dpi/decode/options.h"
#include "dpi/decode/stage.h"
#include "lib/checksum.h"

#define IPV4_LEN 20
#define IPV4_MAX 65535
#define FRAGMENT_MORE 0x2000
#define FRAGMENT_OFFSET 0x1fff
/* Option types: only these are looked for; the others need no more than a right length. */
#define OPTION_LSRR 0x83
#define OPTION_SSRR 0x89

void sl_address4(struct sl_addr *ret, const uint8_t *at)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	memcpy(ret->byte, prefix, sizeof(prefix));
	memcpy(ret->byte + sizeof(prefix), at, 4);
}

static void decode_options(struct sl_packet *packet, const uint8_t *at, uint32_t left)
{
	const uint8_t *option;
	bool bad = false;

	while ((option = sl_next_option(&at, &left, &bad))) {
		if (*option == OPTION_LSRR || *option == OPTION_SSRR)
			sl_mark(packet, SL_MALFORMED_ipv4_source_route);
	}
	if (bad)
		sl_mark(packet, SL_MALFORMED_ipv4_options);
}

/* What a router or receiver calls martian, as far as it needs no knowledge of the network. */
static void judge_addresses(struct sl_packet *packet, uint32_t source, uint32_t destination)
{
	if (source >> 28 == 0xe || source == 0xffffffff || source >> 24 == 127 || destination >> 24 == 127)
		sl_mark(packet, SL_MALFORMED_martian);
	if (source == destination)
		sl_mark(packet, SL_MALFORMED_land);
}

static void decode_fragment(struct sl_packet *packet, const uint8_t *header)
{
	packet->kind = SL_PACKET_FRAGMENT;
	packet->fragment = true;
	packet->fragment_id = sl_get16(header + 4);
	packet->fragment_offset = (sl_get16(header + 6) & FRAGMENT_OFFSET) * 8;
	packet->fragment_more = sl_get16(header + 6) & FRAGMENT_MORE;
	if (!packet->payload_len || (packet->fragment_more && packet->payload_len % 8))
		sl_mark(packet, SL_MALFORMED_frag_length);
	if (packet->payload - packet->l3 + packet->fragment_offset + packet->payload_len > IPV4_MAX)
		sl_mark(packet, SL_MALFORMED_frag_beyond);
}

void sl_decode_ipv4(struct sl_packet *packet, struct sl_stage *stage)
{
	const uint8_t *header = packet->data + packet->l3;
	uint32_t room = stage->end - packet->l3, header_len;

	if (room < IPV4_LEN || header[0] >> 4 != 4) {
		sl_mark(packet, SL_MALFORMED_ip_header);
		return;
	}
	header_len = (header[0] & 15) * 4u;
	if (header_len < IPV4_LEN || header_len > room) {
		sl_mark(packet, SL_MALFORMED_ip_header);
		return;
	}
	packet->ip_len = sl_get16(header + 2);
	packet->tos = header[1];
	packet->ttl = header[8];
	packet->tuple.family = 4;
	packet->tuple.protocol = header[9];
	sl_address4(&packet->tuple.source, header + 12);
	sl_address4(&packet->tuple.destination, header + 16);
	if (packet->ip_len < header_len || packet->ip_len > room) {
		sl_mark(packet, SL_MALFORMED_ip_length);
		return;
	}
	/* The kernel completes this one whatever the offloads are. */
	if (sl_sum(header, header_len, 0) != 0xffff) {
		sl_mark(packet, SL_MALFORMED_ipv4_checksum);
		packet->checksum_bad = true;
		return;
	}
	judge_addresses(packet, sl_get32(header + 12), sl_get32(header + 16));
	if (header_len > IPV4_LEN)
		decode_options(packet, header + IPV4_LEN, header_len - IPV4_LEN);
	packet->l4 = packet->payload = packet->l3 + header_len;
	packet->payload_len = packet->ip_len - header_len;
	if (sl_get16(header + 6) & (FRAGMENT_MORE | FRAGMENT_OFFSET)) {
		decode_fragment(packet, header);
		return;
	}
	stage->end = packet->l3 + packet->ip_len;
	stage->addresses = packet->l3 + 12;
	stage->address_len = 4;
	/* The pseudo header has the last destination of a route, not the next. */
	if (packet->malformed & SL_MALFORMED_BIT(ipv4_source_route))
		stage->verify = false;
	sl_decode_transport(packet, stage);
}
