/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IP fragments of both families, held until the datagram is whole, then shown
 * as one packet; the fragments themselves are given out unchanged, so that
 * what was judged is what goes on.
 *
 * What is put together is what a Linux receiver puts together: a fragment that
 * is contained in what is there is ignored, one that overlaps it ends the
 * whole datagram, and so does one that disagrees on the end. No fragment that
 * was ignored goes on, so that a receiver with other rules sees the same.
 *
 * Invariants: a fragment goes on only with the whole datagram it belongs to.
 * Memory is bounded: the frames held cost at most limits.bytes, the books a
 * fixed size for limits.datagrams, and one completed datagram is kept besides.
 * A source has a sixteenth of both, a direction of a workload a quarter;
 * whoever has used his up loses his own oldest datagram, and only a sum of
 * many reaches the limit for all, where the oldest of all goes first. All
 * cost per fragment is constant.
 */
#ifndef SLUICE_DPI_DEFRAG_H
#define SLUICE_DPI_DEFRAG_H

#include "dpi/decode/decode.h"

struct sl_defrag_limits {
	uint64_t timeout_ns; /* from a datagram's first fragment */
	uint32_t datagrams; /* incomplete at a time, at least 16 */
	uint32_t bytes; /* of frames held */
	uint32_t fragments; /* of one datagram */
};

#define SL_DEFRAG_LIMITS                                                                                     \
	{                                                                                                    \
		.timeout_ns = 10000000000ull, .datagrams = 1024, .bytes = 16 << 20, .fragments = 256         \
	}

/* Always: frames_in = frames_out + frames_dropped + frames_held. The completing frame counts like the others. */
struct sl_defrag_stats {
	uint64_t frames_in, frames_out, frames_dropped;
	uint64_t datagrams_in, datagrams_out, datagrams_dropped;
	uint32_t frames_held, datagrams_held, bytes_held; /* now */
};

struct sl_defrag;

/* What is dropped is counted by reason in `decoder`, a datagram once, which must outlive it. 0 or -errno. */
int sl_defrag_new(struct sl_defrag **ret, const struct sl_defrag_limits *limits, struct sl_decoder *decoder);
void sl_defrag_free(struct sl_defrag *defrag); /* NULL allowed */

/*
 * Takes what sl_decode() has made of a frame: kind SL_PACKET_FRAGMENT, not sl_packet_bad(). The answer:
 * 0: a copy is held; the frame itself goes no further.
 * 1: *ret is the whole datagram, in memory of defrag's own, valid until the next call of sl_defrag(); it may
 *    itself be sl_packet_bad(). The frames before this one wait for sl_defrag_frames(); this one is the
 *    caller's, and the last.
 * -EBADMSG: the frame must be dropped; fragment->malformed says why.
 */
int sl_defrag(struct sl_defrag *defrag, struct sl_packet *fragment, const struct sl_frame *frame,
	      struct sl_packet *ret);

/*
 * The frames of the datagram completed last but the one that completed it, one a call, in order of arrival,
 * each in one piece and valid until sl_defrag_forget(). False: that was all.
 */
bool sl_defrag_frames(struct sl_defrag *defrag, struct sl_frame *ret);
/* The datagram completed last is done with; the next sl_defrag() does it by itself. */
void sl_defrag_forget(struct sl_defrag *defrag);

/* Drops what is too old, at most `budget` datagrams. How many it were. */
unsigned int sl_defrag_tick(struct sl_defrag *defrag, uint64_t now_ns, unsigned int budget);

void sl_defrag_stats(const struct sl_defrag *defrag, struct sl_defrag_stats *ret);

#endif
