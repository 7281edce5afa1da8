/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a frame to struct sl_packet: whose it is, who speaks to whom, where the
 * payload is, and what is wrong with it.
 *
 * Invariant: nothing is read beyond the frame, and nothing beyond the length
 * that the IP header says; the same bytes give the same packet however they
 * are cut into pieces. A decoder belongs to one worker.
 */
#ifndef SLUICE_DPI_DECODE_H
#define SLUICE_DPI_DECODE_H

#include "dpi/decode/packet.h"
#include "dpi/decode/reasons.h"
#include "dpi/io/io.h"

/* 802.1Q and 802.1ad tags followed: as many as the programs, and one that they have in the skb's metadata. */
#define SL_DECODE_VLANS (SL_VLAN_MAX + 1)

struct sl_decoder {
	uint64_t frames;
	uint64_t malformed
		[SL_MALFORMED_MAX]; /* packets, by what is wrong; one packet can count several times */
	uint8_t linear[SL_FRAME_MAX]; /* a frame in several pieces, put together */
};

/* NULL without memory. */
struct sl_decoder *sl_decoder_new(void);
void sl_decoder_free(struct sl_decoder *decoder); /* NULL allowed */

/*
 * Fills *ret, which is valid as long as the frame and until the decoder's next. 0, or -EBADMSG if
 * sl_packet_bad(ret): then sessions must not see it, and what is known of it is in there for who reports it.
 */
int sl_decode(struct sl_packet *ret, const struct sl_frame *frame, struct sl_decoder *decoder,
	      uint64_t now_ns);

/*
 * The same of bytes in one piece that have been put together from fragments; not counted as a frame.
 */
int sl_decode_reassembled(struct sl_packet *ret, const uint8_t *data, uint32_t len,
			  struct sl_decoder *decoder, uint64_t now_ns);

#endif
