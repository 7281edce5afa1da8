// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reassembly under libFuzzer, a sequence of fragments each: the books are
 * right after each, memory stays below its limit, and what comes out is what
 * the frames given out hold.
 *
 * A fragment is 6 bytes of input: family, which of four datagrams, workload,
 * source and time; offset; length; what it is filled with; its header.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/checksum.h"
#include "dpi/decode/defrag.h"

#define ORDER 6
#define BYTES_MAX (24 << 10)
#define DATAGRAMS_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A failed expectation must end the process in every build, which assert() does not. */
static void must(bool what)
{
	if (!what)
		abort();
}

static size_t make(uint8_t *frame, const uint8_t *order)
{
	bool six = order[0] & 1, more = order[5] & 1;
	size_t len = order[3] * (order[5] & 2 ? 8u : 1u), headers = six ? 48 : 20;
	uint32_t offset = order[2] * 8u << (order[5] & 4 ? 5 : 0);
	uint8_t id = order[0] >> 1 & 3, *ip = frame + 14;
	uint16_t sum;

	memset(frame, 0, 14 + headers);
	sl_ucmac_write(order[1] & 1 ? frame + 6 : frame, 1 + (order[1] >> 1 & 1));
	frame[12] = six ? 0x86 : 0x08;
	frame[13] = six ? 0xdd : 0x00;
	if (six) {
		ip[0] = 0x60;
		ip[1] = (order[5] >> 3 & 3) << 4;
		ip[4] = (8 + len) >> 8;
		ip[5] = (8 + len) & 0xff;
		ip[6] = 44;
		ip[8] = ip[24] = 0xfd;
		ip[23] = 1 + (order[1] >> 2 & 7);
		ip[39] = 99;
		ip[40] = order[5] & 32 ? 17 : 253;
		ip[42] = offset >> 8;
		ip[43] = (offset & 0xf8) | more;
		ip[47] = id;
	} else {
		ip[0] = 0x45;
		ip[1] = order[5] >> 3 & 3;
		ip[2] = (20 + len) >> 8;
		ip[3] = (20 + len) & 0xff;
		ip[5] = id;
		ip[6] = (more ? 0x20 : 0) | (offset / 8 >> 8 & 0x1f);
		ip[7] = offset / 8 & 0xff;
		ip[9] = order[5] & 32 ? 17 : 253;
		ip[12] = ip[16] = 10;
		ip[15] = 1 + (order[1] >> 2 & 7);
		ip[19] = 99;
		sum = ~sl_sum(ip, 20, 0);
		memcpy(ip + 10, &sum, sizeof(sum));
	}
	memset(ip + headers, order[4], len);
	return 14 + headers + len;
}

/* Each frame given out is where it belongs in the whole, and together they are the whole. */
static void check_whole(struct sl_defrag *defrag, struct sl_decoder *decoder, const struct sl_packet *last,
			const struct sl_packet *whole)
{
	uint32_t behind_ip = whole->l3 + (whole->tuple.family == 4 ? 20 : 40);
	uint32_t sum = last->payload_len;
	struct sl_packet fragment;
	struct sl_frame frame;

	must(whole->reassembled && whole->tuple.family == last->tuple.family);
	must(!memcmp(whole->data + behind_ip + last->fragment_offset, last->data + last->payload,
		     last->payload_len));
	while (sl_defrag_frames(defrag, &frame)) {
		must(sl_decode(&fragment, &frame, decoder, 0) == 0 && fragment.kind == SL_PACKET_FRAGMENT);
		must(!memcmp(whole->data + behind_ip + fragment.fragment_offset,
			     fragment.data + fragment.payload, fragment.payload_len));
		sum += fragment.payload_len;
	}
	must(behind_ip + sum == whole->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sl_defrag_limits limits = { 1000, DATAGRAMS_MAX, BYTES_MAX, 24 };
	static struct sl_decoder *decoder;
	struct sl_defrag *defrag;
	struct sl_defrag_stats stats;
	uint8_t frame[14 + 48 + 255 * 8];
	struct sl_packet fragment, whole;
	uint64_t now = 0;

	if (!decoder)
		decoder = sl_decoder_new();
	must(sl_defrag_new(&defrag, &limits, decoder) == 0);
	for (; size >= ORDER; data += ORDER, size -= ORDER) {
		struct sl_frame shown = { .n_pieces = 1 };
		int r;

		shown.len = make(frame, data);
		shown.piece[0] = (struct sl_piece){ frame, shown.len };
		now += data[1] >> 5 == 7 ? 400 : 1;
		if (sl_decode(&fragment, &shown, decoder, now) < 0 || fragment.kind != SL_PACKET_FRAGMENT)
			continue;
		r = sl_defrag(defrag, &fragment, &shown, &whole);
		must((r < 0) == sl_packet_bad(&fragment));
		if (r == 1)
			check_whole(defrag, decoder, &fragment, &whole);
		sl_defrag_stats(defrag, &stats);
		must(stats.frames_in == stats.frames_out + stats.frames_dropped + stats.frames_held);
		must(stats.datagrams_in ==
		     stats.datagrams_out + stats.datagrams_dropped + stats.datagrams_held);
		must(stats.bytes_held <= BYTES_MAX && stats.datagrams_held <= DATAGRAMS_MAX);
		must(stats.datagrams_held <= stats.frames_held);
	}
	sl_defrag_tick(defrag, now + 2000, 100);
	sl_defrag_stats(defrag, &stats);
	must(!stats.frames_held && !stats.datagrams_held && !stats.bytes_held);
	sl_defrag_free(defrag);
	return 0;
}
