// SPDX-License-Identifier: BSD-2-Clause
/* Frames as the core gets them; see decode_craft.h for the invariant. */
#include "decode_craft.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_AT 4 /* in the IPv4 header */
#define CHECKSUM_AT 10

void craft_start(struct frame *f)
{
	frame_eth(f, mac_uc(CRAFT_ID), mac_of("02:00:00:00:00:01"));
}

void craft_ip(struct frame *f, uint8_t family, uint8_t protocol)
{
	if (family == 4)
		frame_ipv4(f, CRAFT4_PEER, CRAFT4_WORKLOAD, protocol);
	else
		frame_ipv6(f, CRAFT6_PEER, CRAFT6_WORKLOAD, protocol);
}

static void craft_sctp(struct frame *f, size_t payload)
{
	uint8_t bytes[2048] = { 0x0b, 0xb8, 0x0f, 0xa0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 3 };
	size_t chunk = 4 + payload;

	bytes[14] = chunk >> 8;
	bytes[15] = chunk & 0xff;
	frame_raw(f, bytes, 12 + ((chunk + 3) & ~3ul));
}

void craft_packet(struct frame *f, uint8_t family, uint8_t protocol, size_t payload)
{
	craft_start(f);
	craft_ip(f, family, protocol);
	if (protocol == IPPROTO_TCP)
		frame_tcp(f, 3000, 4000, 1000, 2000, FRAME_ACK, NULL, payload);
	else if (protocol == IPPROTO_UDP)
		frame_udp(f, 3000, 4000, NULL, payload);
	else if (protocol == IPPROTO_SCTP)
		craft_sctp(f, payload);
	else if (protocol == IPPROTO_ICMP)
		frame_icmp(f, 8, 0, 77, 1, NULL, payload);
	else if (protocol == IPPROTO_ICMPV6)
		frame_icmp(f, 128, 0, 77, 1, NULL, payload);
	else
		frame_raw(f, NULL, payload);
}

void craft_put16(struct frame *f, uint32_t at, uint16_t value)
{
	f->data[at] = value >> 8;
	f->data[at + 1] = value & 0xff;
}

void craft_fix_ipv4(struct frame *f)
{
	uint8_t *ip = f->data + f->l3_at;

	craft_put16(f, f->l3_at + CHECKSUM_AT, 0);
	craft_put16(f, f->l3_at + CHECKSUM_AT, ~frame_sum(ip, (ip[0] & 15) * 4u, 0));
}

void craft_fix_l4(struct frame *f)
{
	uint8_t *ip = f->data + f->l3_at, protocol = f->data[f->next_at];
	bool four = ip[0] >> 4 == 4;
	size_t end = f->l3_at + (four ? (ip[2] << 8 | ip[3]) : 40 + (ip[4] << 8 | ip[5]));
	size_t len = end - f->l4_at;
	uint32_t at = protocol == IPPROTO_TCP ? 16 : protocol == IPPROTO_UDP ? 6 : 2, start = 0;

	if (protocol == IPPROTO_UDP)
		len = f->data[f->l4_at + 4] << 8 | f->data[f->l4_at + 5];
	if (protocol != IPPROTO_ICMP)
		start = frame_pseudo_sum(ip, protocol, len);
	craft_put16(f, f->l4_at + at, 0);
	craft_put16(f, f->l4_at + at, ~frame_sum(f->data + f->l4_at, len, start));
}

void craft_fragment(struct frame *f, uint8_t family, uint8_t protocol, uint32_t id, uint32_t offset,
		    bool more, const void *data, size_t len)
{
	uint8_t body[6] = { 0 };

	craft_start(f);
	if (family == 4) {
		frame_ipv4_full(f, CRAFT4_PEER, CRAFT4_WORKLOAD, protocol, 64,
				(more ? 0x2000 : 0) | offset / 8, NULL, 0);
		craft_put16(f, f->l3_at + ID_AT, id);
		frame_raw(f, data, len);
		craft_fix_ipv4(f);
		return;
	}
	craft_ip(f, 6, IPPROTO_FRAGMENT);
	body[0] = offset >> 8;
	body[1] = (offset & 0xf8) | more;
	body[2] = id >> 24;
	body[3] = id >> 16;
	body[4] = id >> 8;
	body[5] = id;
	frame_ipv6_ext(f, IPPROTO_FRAGMENT, protocol, body, sizeof(body));
	frame_raw(f, data, len);
}

void craft_show(struct craft *c, const void *data, size_t len, size_t piece)
{
	size_t at = 0;

	if (!piece)
		piece = len ? len : 1;
	c->frame = (struct sl_frame){ .len = len };
	c->bytes = malloc(len ? len : 1);
	if (len)
		memcpy(c->bytes, data, len);
	while (at < len || !c->frame.n_pieces) {
		size_t n = len - at < piece ? len - at : piece;

		cr_assert_lt(c->frame.n_pieces, SL_FRAME_PIECES);
		c->frame.piece[c->frame.n_pieces++] = (struct sl_piece){ c->bytes + at, n };
		at += n;
	}
}

void craft_free(struct craft *c)
{
	free(c->bytes);
}

int craft_decode(struct sl_decoder *decoder, struct frame *f, enum sl_csum csum, struct sl_packet *ret)
{
	struct sl_frame frame = {
		.len = f->len, .n_pieces = 1, .csum = csum, .piece = { { f->data, f->len } }
	};

	return sl_decode(ret, &frame, decoder, 0);
}

int craft_defrag(struct sl_defrag *defrag, struct sl_decoder *decoder, struct frame *f, uint64_t now_ns,
		 struct sl_packet *ret_fragment, struct sl_packet *ret)
{
	struct sl_frame frame = { .len = f->len, .n_pieces = 1, .piece = { { f->data, f->len } } };

	if (sl_decode(ret_fragment, &frame, decoder, now_ns) < 0)
		return -EBADMSG;
	cr_assert_eq(ret_fragment->kind, SL_PACKET_FRAGMENT);
	return sl_defrag(defrag, ret_fragment, &frame, ret);
}

const char *craft_reasons(uint64_t malformed)
{
	static char text[512];
	char *at = text;

	*at = '\0';
	for (unsigned int i = 0; i < 64; i++)
		if (malformed >> i & 1)
			at += snprintf(at, text + sizeof(text) - at, "%s%s", at == text ? "" : " ",
				       sl_malformed_name(i));
	return text[0] ? text : "-";
}
