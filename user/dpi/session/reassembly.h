/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One direction of a TCP connection put in order: payload goes in as it comes
 * and comes out as the receiver's application will read it.
 *
 * Invariants: every byte of the stream is handed out once, in order, or
 * reported as a gap; memory never exceeds the pool's limits. Where segments
 * overlap the result is that of Linux: what has been delivered stays; of two
 * segments that wait, the one that begins earlier wins, a segment inside
 * another is dropped, one that covers others replaces them. A difference in
 * content is always reported, unless the bytes to compare with have been given
 * up, and then that is.
 *
 * Payload that is next goes through without a copy; what is copied is what
 * came too early, and what has been delivered but not acknowledged, to compare
 * retransmissions with.
 */
#ifndef SLUICE_DPI_REASSEMBLY_H
#define SLUICE_DPI_REASSEMBLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SL_STREAM_SEGMENTS 512 /* held at a time by one stream */

/* Of one worker. */
struct sl_stream_pool {
	/* Set before the first stream. */
	size_t total_max; /* bytes of all streams */
	uint32_t flow_max; /* bytes waiting in one stream */
	uint32_t history_max; /* delivered but not acknowledged bytes kept of one stream */

	size_t used; /* bytes in use, with what the heap adds as far as it is known */
	uint64_t streams; /* alive */
	uint64_t gaps, gap_bytes, conflicts, refused, out_of_order; /* so far */
};

/* What was seen while a segment went in. */
#define SL_STREAM_OLD 0x01 /* all of it had been delivered */
#define SL_STREAM_OUT_OF_ORDER 0x02 /* it waits, or would have to */
#define SL_STREAM_CONFLICT 0x04 /* other bytes than were sent before for the same place */
#define SL_STREAM_UNVERIFIED 0x08 /* repeats what is not acknowledged and can no longer be compared */
#define SL_STREAM_LATE 0x10 /* belongs to a gap that was skipped: it has not been and will not be shown */
#define SL_STREAM_GAP 0x20 /* bytes were skipped */
#define SL_STREAM_URGENT 0x40 /* an urgent byte was taken out */
#define SL_STREAM_REFUSED 0x80 /* not taken; the stream is as it was: drop the packet */

/* data NULL: a gap of len bytes. The stream must not be freed from within. */
typedef void (*sl_stream_sink)(void *context, const uint8_t *data, uint32_t len);

struct sl_stream;

/* NULL without memory or beyond the pool's limit. */
struct sl_stream *sl_stream_new(struct sl_stream_pool *pool);
void sl_stream_free(struct sl_stream *stream); /* NULL allowed */

/* The sequence number of the first byte; not called: that of the first segment. */
void sl_stream_start(struct sl_stream *stream, uint32_t seq);

/*
 * Payload that came with the SYN (seq is its first byte): kept until the other
 * side acknowledges it, for most servers throw it away. Dropped by the first
 * acknowledgement that does not cover it.
 */
void sl_stream_with_syn(struct sl_stream *stream, uint32_t seq, const uint8_t *data, uint32_t len);

/*
 * urgent: the urgent pointer, -1 without URG. As a Linux socket without
 * SO_OOBINLINE has it, the byte it points to is not part of what is delivered.
 * refuse: rather than skip a gap for want of memory, or take in a conflicting
 * segment, leave the stream as it is (the caller drops the packet and the
 * sender repeats it). Returns SL_STREAM_*.
 */
uint32_t sl_stream_push(struct sl_stream *stream, uint32_t seq, const uint8_t *data, uint32_t len,
			int32_t urgent, bool refuse, sl_stream_sink sink, void *context);
/* The sender's FIN takes this sequence number. */
void sl_stream_fin(struct sl_stream *stream, uint32_t seq);
/* The receiver has everything before ack, seen by us or not. SL_STREAM_GAP or 0. */
uint32_t sl_stream_acked(struct sl_stream *stream, uint32_t ack, sl_stream_sink sink, void *context);

uint32_t sl_stream_next(const struct sl_stream *stream); /* the first byte not delivered yet */
bool sl_stream_waits(const struct sl_stream *stream); /* for a gap to be filled */
size_t sl_stream_bytes(const struct sl_stream *stream); /* memory it takes */

#endif
