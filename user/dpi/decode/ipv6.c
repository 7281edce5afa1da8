// SPDX-License-Identifier: BSD-2-Clause
/*
 * The IPv6 header and the chain of extension headers behind it; see stage.h
 * for the invariant.
 *
 * The chain is bounded: a receiver may follow any number, but nobody sends
 * more than a few, and a long one is a way to tire whoever looks.
 */
#include <netinet/in.h>
#include <string.h>

#include "dpi/decode/bytes.h"
#include "dpi/decode/stage.h"

#define IPV6_LEN 40
#define IPV6_PAYLOAD_MAX 65535
#define CHAIN_MAX 8
#define FRAGMENT_LEN 8
#define ROUTING_TYPE0 0

static const uint8_t loopback[16] = { [15] = 1 };

void sl_address6(struct sl_addr *ret, const uint8_t *at)
{
	memcpy(ret->byte, at, sizeof(ret->byte));
}

bool sl_address_mapped(const uint8_t *at)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(at, prefix, sizeof(prefix));
}

uint16_t sl_fragment_offset(const uint8_t *header)
{
	return sl_get16(header + 2) & 0xfff8;
}

bool sl_fragment_more(const uint8_t *header)
{
	return header[3] & 1;
}

static bool is_extension(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
	       next == IPPROTO_FRAGMENT || next == IPPROTO_AH;
}

/* Length of the header of that type, whose first two bytes are there. */
static uint32_t extension_len(uint8_t type, const uint8_t *header)
{
	if (type == IPPROTO_FRAGMENT)
		return FRAGMENT_LEN;
	if (type == IPPROTO_AH)
		return (header[1] + 2u) * 4;
	return (header[1] + 1u) * 8;
}

/* False: the chain ends here, being wrong or not to be followed. */
static bool judge_extension(const uint8_t *data, uint32_t at, uint32_t named_at, bool first, uint8_t type,
			    struct sl_chain *chain)
{
	const uint8_t *header = data + at;

	switch (type) {
	case IPPROTO_HOPOPTS:
		if (first)
			return true;
		chain->malformed |= SL_MALFORMED_BIT(ipv6_extension);
		return false;
	case IPPROTO_ROUTING:
		/* Type 0 is deprecated; with segments left the destination is not the last one. */
		if (header[2] == ROUTING_TYPE0 || header[3])
			chain->malformed |= SL_MALFORMED_BIT(ipv6_routing);
		return true;
	case IPPROTO_FRAGMENT:
		if (chain->fragment) {
			chain->malformed |= SL_MALFORMED_BIT(frag_twice);
			return false;
		}
		chain->fragment = at;
		chain->named_at = named_at;
		return true;
	default:
		return true;
	}
}

void sl_walk_chain(const uint8_t *data, uint32_t l3, uint32_t end, struct sl_chain *ret)
{
	struct sl_chain chain = { .at = l3 + IPV6_LEN, .next = data[l3 + 6] };
	uint32_t named_at = l3 + 6, len, header;
	uint8_t type;

	for (unsigned int n = 0; is_extension(chain.next); n++) {
		if (n == CHAIN_MAX) {
			chain.malformed |= SL_MALFORMED_BIT(ipv6_chain);
			break;
		}
		/* The shortest is 8 bytes long, and the length is in the second. */
		len = end - chain.at < 8 ? 0 : extension_len(chain.next, data + chain.at);
		if (len < 8 || len > end - chain.at) {
			chain.malformed |= SL_MALFORMED_BIT(ipv6_extension);
			break;
		}
		header = chain.at;
		type = chain.next;
		if (!judge_extension(data, header, named_at, n == 0, type, &chain))
			break;
		chain.next = data[header];
		chain.at += len;
		named_at = header;
		if (type == IPPROTO_FRAGMENT && sl_fragment_offset(data + header))
			break;
	}
	*ret = chain;
}

static void judge_addresses(struct sl_packet *packet, const uint8_t *source, const uint8_t *destination)
{
	if (sl_address_mapped(source) || sl_address_mapped(destination))
		sl_mark(packet, SL_MALFORMED_ipv6_mapped);
	if (source[0] == 0xff || !memcmp(source, loopback, 16) || !memcmp(destination, loopback, 16))
		sl_mark(packet, SL_MALFORMED_martian);
	if (!memcmp(source, destination, 16))
		sl_mark(packet, SL_MALFORMED_land);
}

/* A fragment that is not the whole datagram; the chain has been followed as far as it goes in this one. */
static void decode_fragment(struct sl_packet *packet, const struct sl_stage *stage,
			    const struct sl_chain *chain)
{
	const uint8_t *header = packet->data + chain->fragment;

	packet->kind = SL_PACKET_FRAGMENT;
	packet->fragment = true;
	packet->tuple.protocol = header[0];
	packet->fragment_header = chain->fragment;
	packet->fragment_id = sl_get32(header + 4);
	packet->fragment_offset = sl_fragment_offset(header);
	packet->fragment_more = sl_fragment_more(header);
	packet->l4 = packet->payload = chain->fragment + FRAGMENT_LEN;
	packet->payload_len = stage->end - packet->payload;
	if (!packet->payload_len || (packet->fragment_more && packet->payload_len % 8))
		sl_mark(packet, SL_MALFORMED_frag_length);
	if (packet->fragment_offset + packet->payload_len > IPV6_PAYLOAD_MAX)
		sl_mark(packet, SL_MALFORMED_frag_beyond);
	/* RFC 8200, 4.5: the first one has all headers up to the transport's, and the receiver insists. */
	if (!packet->fragment_offset && ((chain->malformed & SL_MALFORMED_BIT(ipv6_extension)) ||
					 stage->end - chain->at < sl_transport_least(chain->next)))
		sl_mark(packet, SL_MALFORMED_frag_tiny);
}

void sl_decode_ipv6(struct sl_packet *packet, struct sl_stage *stage)
{
	const uint8_t *header = packet->data + packet->l3;
	uint32_t room = stage->end - packet->l3, payload_len;
	struct sl_chain chain;

	if (room < IPV6_LEN || header[0] >> 4 != 6) {
		sl_mark(packet, SL_MALFORMED_ip_header);
		return;
	}
	payload_len = sl_get16(header + 4);
	packet->ip_len = IPV6_LEN + payload_len;
	packet->tos = (header[0] << 4 | header[1] >> 4) & 0xff;
	packet->ttl = header[7];
	packet->tuple.protocol = header[6];
	/* Before anybody can take it for an IPv4 one. */
	judge_addresses(packet, header + 8, header + 24);
	if (packet->malformed & SL_MALFORMED_BIT(ipv6_mapped))
		return;
	packet->tuple.family = 6;
	sl_address6(&packet->tuple.source, header + 8);
	sl_address6(&packet->tuple.destination, header + 24);
	/* No payload at all is right only where none is announced: with options in front, the length is in them. */
	if (!payload_len && header[6] == IPPROTO_HOPOPTS) {
		sl_mark(packet, SL_MALFORMED_ipv6_jumbo);
		return;
	}
	if (packet->ip_len > room) {
		sl_mark(packet, SL_MALFORMED_ip_length);
		return;
	}
	stage->end = packet->l3 + packet->ip_len;
	sl_walk_chain(packet->data, packet->l3, stage->end, &chain);
	packet->malformed |= chain.malformed;
	if (chain.fragment && stage->reassembled)
		sl_mark(packet, SL_MALFORMED_frag_twice);
	if (chain.fragment && (sl_fragment_offset(packet->data + chain.fragment) ||
			       sl_fragment_more(packet->data + chain.fragment))) {
		decode_fragment(packet, stage, &chain);
		return;
	}
	packet->tuple.protocol = chain.next;
	packet->l4 = packet->payload = chain.at;
	packet->payload_len = stage->end - chain.at;
	if (chain.malformed & ~SL_MALFORMED_BIT(ipv6_routing))
		return;
	stage->addresses = packet->l3 + 8;
	stage->address_len = 16;
	/* The pseudo header has the last destination of a route, not the next. */
	if (chain.malformed)
		stage->verify = false;
	sl_decode_transport(packet, stage);
}
