// SPDX-License-Identifier: BSD-2-Clause
/*
 * Decoding under libFuzzer: no read beyond the frame, offsets that stay inside
 * it, and the same packet from pieces as from the whole. The first byte picks
 * how the frame comes; checksums are made right for half of the inputs, or
 * nothing would be seen behind them.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/checksum.h"
#include "dpi/decode/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A failed expectation must end the process in every build, which assert() does not. */
static void must(bool what)
{
	if (!what)
		abort();
}

static void check(const struct sl_packet *packet, int result)
{
	must((result < 0) == sl_packet_bad(packet));
	must(packet->l3 <= packet->len && packet->l4 <= packet->len && packet->payload <= packet->len);
	must(packet->payload_len <= packet->len - packet->payload);
	must(!(packet->checksum_bad && packet->checksum_good));
	if (result < 0)
		return;
	must(packet->tuple.family == 4 || packet->tuple.family == 6);
	must(packet->l3 >= 14 && packet->l4 > packet->l3 && packet->payload >= packet->l4);
	must(packet->payload + packet->payload_len <= packet->l3 + packet->ip_len);
	must(packet->workload && packet->ip_len <= packet->len - packet->l3);
	must(packet->fragment == (packet->kind == SL_PACKET_FRAGMENT));
	must(!packet->fragment || (!packet->tuple.source_port && packet->payload_len));
}

/* The header checksum of what may be IPv4 behind no tag. */
static void mend(uint8_t *frame, size_t size)
{
	uint8_t *ip = frame + 14;
	size_t len;
	uint16_t sum;

	if (size < 34)
		return;
	len = (ip[0] & 15) * 4u;
	if (len < 20 || len > size - 14)
		return;
	memset(ip + 10, 0, 2);
	sum = ~sl_sum(ip, len, 0);
	memcpy(ip + 10, &sum, sizeof(sum));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sl_decoder *decoder;
	struct sl_frame frame = { .n_pieces = 1 };
	struct sl_packet whole, pieces;
	uint8_t *copy, how;
	size_t split;
	int r;

	if (!decoder)
		decoder = sl_decoder_new();
	if (!size)
		return 0;
	how = *data++;
	size--;
	copy = malloc(size ? size : 1);
	memcpy(copy, data, size);
	if (how & 4)
		mend(copy, size);
	frame.len = size;
	/* Unknown half of the time. */
	frame.csum = (how & 3) < 3 ? how & 3 : SL_CSUM_UNKNOWN;
	frame.piece[0] = (struct sl_piece){ copy, size };
	r = sl_decode(&whole, &frame, decoder, 1);
	check(&whole, r);
	must(whole.data == copy || !whole.data);
	split = size * (how >> 3) / 32;
	frame.n_pieces = 2;
	frame.piece[0].len = split;
	frame.piece[1] = (struct sl_piece){ copy + split, size - split };
	must(sl_decode(&pieces, &frame, decoder, 1) == r);
	must(!size || !memcmp(pieces.data, copy, size));
	whole.data = pieces.data = NULL;
	must(!memcmp(&whole, &pieces, sizeof(whole)));
	free(copy);
	return 0;
}
