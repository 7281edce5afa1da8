// SPDX-License-Identifier: BSD-2-Clause
/* The TCP header, its flags and options; see stage.h for the invariant. */
#include "dpi/decode/bytes.h"
#include "dpi/decode/options.h"
#include "dpi/decode/stage.h"

#define TCP_LEN 20
#define OPTION_MSS 2
#define OPTION_SCALE 3
#define OPTION_SACK_OK 4
#define OPTION_TIMESTAMP 8
#define SCALE_MAX 14 /* RFC 7323, 2.3: more is taken for this */

#define MEANING (SL_TCP_FIN | SL_TCP_SYN | SL_TCP_RST | SL_TCP_ACK | SL_TCP_URG)

/* The combinations that mean something; PSH and the bits of ECN may go with any. */
static bool flags_valid(uint8_t flags)
{
	switch (flags & MEANING) {
	case SL_TCP_SYN:
	case SL_TCP_SYN | SL_TCP_URG:
	case SL_TCP_SYN | SL_TCP_ACK:
	case SL_TCP_RST:
	case SL_TCP_RST | SL_TCP_ACK:
	case SL_TCP_FIN | SL_TCP_ACK:
	case SL_TCP_FIN | SL_TCP_ACK | SL_TCP_URG:
	case SL_TCP_ACK:
	case SL_TCP_ACK | SL_TCP_URG:
		return true;
	default:
		return false;
	}
}

static void judge_flags(struct sl_packet *packet)
{
	uint8_t flags = packet->tcp_flags & (MEANING | SL_TCP_PSH);

	if (flags_valid(flags))
		return;
	if (!flags)
		sl_mark(packet, SL_MALFORMED_tcp_null);
	else if ((flags & SL_TCP_SYN) && (flags & SL_TCP_FIN))
		sl_mark(packet, SL_MALFORMED_tcp_syn_fin);
	else if ((flags & SL_TCP_SYN) && (flags & SL_TCP_RST))
		sl_mark(packet, SL_MALFORMED_tcp_syn_rst);
	else if (flags == (SL_TCP_FIN | SL_TCP_PSH | SL_TCP_URG))
		sl_mark(packet, SL_MALFORMED_tcp_xmas);
	else
		sl_mark(packet, SL_MALFORMED_tcp_flags);
}

/* As a Linux receiver does: what only a SYN may carry is ignored elsewhere, and so is an option of the wrong length. */
static void take_option(struct sl_packet *packet, const uint8_t *option)
{
	bool syn = packet->tcp_flags & SL_TCP_SYN;
	struct sl_tcp_options *tcp = &packet->tcp;

	switch (option[0]) {
	case OPTION_MSS:
		if (syn && option[1] == 4)
			tcp->mss = sl_get16(option + 2);
		break;
	case OPTION_SCALE:
		if (syn && option[1] == 3) {
			tcp->window_scale = option[2] > SCALE_MAX ? SCALE_MAX : option[2];
			tcp->has_window_scale = true;
		}
		break;
	case OPTION_SACK_OK:
		if (syn && option[1] == 2)
			tcp->sack_permitted = true;
		break;
	case OPTION_TIMESTAMP:
		if (option[1] == 10) {
			tcp->ts_value = sl_get32(option + 2);
			tcp->ts_echo = sl_get32(option + 6);
			tcp->has_timestamp = true;
		}
		break;
	default:
		break;
	}
}

static void decode_options(struct sl_packet *packet, const uint8_t *at, uint32_t left)
{
	const uint8_t *option;
	bool bad = false;

	while ((option = sl_next_option(&at, &left, &bad)))
		take_option(packet, option);
	if (bad)
		sl_mark(packet, SL_MALFORMED_tcp_options);
}

void sl_decode_tcp(struct sl_packet *packet, struct sl_stage *stage)
{
	const uint8_t *header = packet->data + packet->l4;
	uint32_t room = stage->end - packet->l4, header_len;

	packet->kind = SL_PACKET_TCP;
	if (room < TCP_LEN) {
		sl_mark(packet, SL_MALFORMED_tcp_header);
		return;
	}
	packet->tuple.source_port = sl_get16(header);
	packet->tuple.destination_port = sl_get16(header + 2);
	packet->seq = sl_get32(header + 4);
	packet->ack = sl_get32(header + 8);
	packet->tcp_flags = header[13];
	packet->window = sl_get16(header + 14);
	packet->urgent = sl_get16(header + 18);
	header_len = (header[12] >> 4) * 4u;
	if (header_len < TCP_LEN || header_len > room) {
		sl_mark(packet, SL_MALFORMED_tcp_header);
		return;
	}
	packet->payload = packet->l4 + header_len;
	packet->payload_len = room - header_len;
	if (!packet->tuple.source_port || !packet->tuple.destination_port)
		sl_mark(packet, SL_MALFORMED_port_zero);
	judge_flags(packet);
	if ((packet->tcp_flags & SL_TCP_SYN) && packet->payload_len)
		sl_mark(packet, SL_MALFORMED_tcp_syn_data);
	if (header_len > TCP_LEN)
		decode_options(packet, header + TCP_LEN, header_len - TCP_LEN);
	sl_verify(packet, stage, room, 16, true, SL_MALFORMED_tcp_checksum);
}
