// SPDX-License-Identifier: BSD-2-Clause
/* Ethernet, VLAN tags and whose frame it is; see decode.h for the invariant. */
#include "dpi/decode/decode.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <stdlib.h>
#include <string.h>

#include "dpi/decode/bytes.h"
#include "dpi/decode/stage.h"

#define ETHERTYPE_AT (2 * ETH_ALEN)
#define TAG_LEN 4

struct sl_decoder *sl_decoder_new(void)
{
	return calloc(1, sizeof(struct sl_decoder));
}

void sl_decoder_free(struct sl_decoder *decoder)
{
	free(decoder);
}

/*
 * Of a size that the compiler does not see: it would write the memset() of a struct this large as "rep stos",
 * which takes longer to start than the C library's takes for all of it.
 */
static void clear(struct sl_packet *packet)
{
	size_t size = sizeof(*packet);

	__asm__("" : "+r"(size));
	memset(packet, 0, size);
}

/* The frame's bytes in one place: where they are, or copied. NULL if there are too many. */
static const uint8_t *linearise(struct sl_decoder *decoder, const struct sl_frame *frame, uint32_t *ret_len)
{
	uint32_t len = 0;

	if (frame->n_pieces == 1) {
		*ret_len = frame->piece[0].len;
		return *ret_len <= SL_FRAME_MAX ? frame->piece[0].data : NULL;
	}
	for (unsigned int i = 0; i < frame->n_pieces; i++) {
		const struct sl_piece *piece = &frame->piece[i];

		if (piece->len > SL_FRAME_MAX - len)
			return NULL;
		memcpy(decoder->linear + len, piece->data, piece->len);
		len += piece->len;
	}
	*ret_len = len;
	return decoder->linear;
}

static void decode_ucmac(struct sl_packet *packet)
{
	const uint8_t *destination = packet->data, *source = packet->data + ETH_ALEN;
	bool to = sl_is_ucmac(destination), from = sl_is_ucmac(source);

	if (to == from) {
		sl_mark(packet, SL_MALFORMED_no_workload);
		return;
	}
	packet->to_workload = to;
	packet->workload = sl_get16((to ? destination : source) + SL_PREFIX_LEN);
	if (!packet->workload)
		sl_mark(packet, SL_MALFORMED_no_workload);
}

static bool is_vlan(uint16_t ethertype)
{
	return ethertype == ETH_P_8021Q || ethertype == ETH_P_8021AD;
}

/* Sets ethertype and l3. */
static void decode_vlans(struct sl_packet *packet)
{
	uint32_t at = ETH_HLEN;
	uint16_t ethertype = sl_get16(packet->data + ETHERTYPE_AT);

	while (is_vlan(ethertype)) {
		if (packet->vlans == SL_DECODE_VLANS) {
			sl_mark(packet, SL_MALFORMED_vlan_deep);
			break;
		}
		if (packet->len - at < TAG_LEN) {
			sl_mark(packet, SL_MALFORMED_frame_size);
			break;
		}
		packet->vlan = sl_get16(packet->data + at) & 0xfff;
		packet->vlans++;
		ethertype = sl_get16(packet->data + at + 2);
		at += TAG_LEN;
	}
	packet->ethertype = ethertype;
	packet->l3 = at;
}

static void decode_frame(struct sl_packet *packet, struct sl_stage *stage)
{
	if (packet->len < ETH_HLEN) {
		sl_mark(packet, SL_MALFORMED_frame_size);
		return;
	}
	decode_ucmac(packet);
	decode_vlans(packet);
	if (sl_packet_bad(packet))
		return;
	stage->end = packet->len;
	if (packet->ethertype == ETH_P_IP)
		sl_decode_ipv4(packet, stage);
	else if (packet->ethertype == ETH_P_IPV6)
		sl_decode_ipv6(packet, stage);
	else
		sl_mark(packet, SL_MALFORMED_not_ip);
}

static int count(struct sl_decoder *decoder, const struct sl_packet *packet)
{
	for (uint64_t left = packet->malformed; left; left &= left - 1)
		decoder->malformed[__builtin_ctzll(left)]++;
	return sl_packet_bad(packet) ? -EBADMSG : 0;
}

int sl_decode(struct sl_packet *ret, const struct sl_frame *frame, struct sl_decoder *decoder,
	      uint64_t now_ns)
{
	struct sl_stage stage = {
		.verify = frame->csum == SL_CSUM_UNKNOWN,
		.verified = frame->csum == SL_CSUM_VERIFIED,
	};

	clear(ret);
	ret->now_ns = now_ns;
	decoder->frames++;
	ret->data = linearise(decoder, frame, &ret->len);
	if (ret->data)
		decode_frame(ret, &stage);
	else
		sl_mark(ret, SL_MALFORMED_frame_size);
	if (frame->gso_size && ret->payload_len > frame->gso_size)
		ret->more = (uint16_t)((ret->payload_len - 1) / frame->gso_size);
	return count(decoder, ret);
}

int sl_decode_reassembled(struct sl_packet *ret, const uint8_t *data, uint32_t len,
			  struct sl_decoder *decoder, uint64_t now_ns)
{
	struct sl_stage stage = { .verify = true, .reassembled = true };

	clear(ret);
	ret->now_ns = now_ns;
	ret->data = data;
	ret->len = len;
	decode_frame(ret, &stage);
	ret->fragment = ret->reassembled = true;
	return count(decoder, ret);
}
