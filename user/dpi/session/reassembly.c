// SPDX-License-Identifier: BSD-2-Clause
/* See reassembly.h. The order of the rules below is that of Linux's tcp_data_queue() and its out-of-order queue. */
#include "dpi/session/reassembly.h"

#include <stdlib.h>
#include <string.h>

#include "dpi/session/held.h"
#include "dpi/session/seq.h"

struct sl_stream {
	struct held_list list;
	uint32_t next; /* the first byte not delivered yet */
	uint32_t acked; /* the receiver has everything before it */
	uint32_t fin; /* valid if has_fin */
	uint32_t urgent; /* the urgent byte's place, valid if has_urgent */
	uint32_t gap_from, gap_to; /* the last gap that was skipped; empty if equal */
	uint32_t syn_seq, syn_len; /* payload of the SYN, with syn_data */
	uint8_t *syn_data;
	bool started, has_fin, has_urgent;
};

/* Where bytes go, and what has been seen on the way. */
struct delivery {
	sl_stream_sink sink;
	void *context;
	uint32_t seen; /* SL_STREAM_* */
};

static void drop_syn(struct sl_stream *stream)
{
	if (!stream->syn_data)
		return;
	pool_give(stream->list.pool, stream->syn_len);
	free(stream->syn_data);
	stream->syn_data = NULL;
}

struct sl_stream *sl_stream_new(struct sl_stream_pool *pool)
{
	struct sl_stream *stream;

	if (!pool_take(pool, sizeof(*stream)))
		return NULL;
	stream = calloc(1, sizeof(*stream));
	if (!stream) {
		pool_give(pool, sizeof(*stream));
		return NULL;
	}
	stream->list.pool = pool;
	pool->streams++;
	return stream;
}

void sl_stream_free(struct sl_stream *stream)
{
	struct sl_stream_pool *pool;

	if (!stream)
		return;
	pool = stream->list.pool;
	drop_syn(stream);
	held_clear(&stream->list);
	pool_give(pool, sizeof(*stream));
	pool->streams--;
	free(stream);
}

void sl_stream_start(struct sl_stream *stream, uint32_t seq)
{
	drop_syn(stream);
	stream->next = stream->acked = stream->gap_from = stream->gap_to = seq;
	stream->started = true;
}

/* [seq, seq + len) to the sink, without the urgent byte. */
static void emit(struct sl_stream *stream, struct delivery *to, uint32_t seq, const uint8_t *data,
		 uint32_t len)
{
	uint32_t before = stream->urgent - seq;

	if (stream->has_urgent && before < len) {
		to->seen |= SL_STREAM_URGENT;
		if (before)
			to->sink(to->context, data, before);
		data += before + 1;
		len -= before + 1;
	}
	if (len)
		to->sink(to->context, data, len);
}

/* Delivers what waited for the bytes before next. */
static void drain(struct sl_stream *stream, struct delivery *to)
{
	struct held_list *list = &stream->list;

	while (list->history < list->n && !seq_after(list->at[list->history].seq, stream->next)) {
		const struct held *held = &list->at[list->history];
		uint32_t from = stream->next, skip = from - held->seq;

		if (!seq_after(held_end(held), from)) {
			held_remove(list, list->history);
			continue;
		}
		stream->next = held_end(held);
		emit(stream, to, from, held->data + skip, held->len - skip);
		held_settle(list, from);
	}
}

static void skip_to(struct sl_stream *stream, struct delivery *to, uint32_t seq)
{
	uint32_t len = seq - stream->next;

	drop_syn(stream);
	stream->gap_from = stream->next;
	stream->gap_to = stream->next = seq;
	to->seen |= SL_STREAM_GAP;
	stream->list.pool->gaps++;
	stream->list.pool->gap_bytes += len;
	to->sink(to->context, NULL, len);
	drain(stream, to);
}

/* To the first byte that waits. */
static void skip_gap(struct sl_stream *stream, struct delivery *to)
{
	skip_to(stream, to, stream->list.at[stream->list.history].seq);
}

/* Forgets delivered bytes that are acknowledged, and more of them, oldest first, for `len` new ones. */
static void trim_history(struct sl_stream *stream, uint32_t len)
{
	struct held_list *list = &stream->list;
	uint32_t max = list->pool->history_max;

	while (list->history &&
	       (!seq_after(held_end(&list->at[0]), stream->acked) || list->history_bytes + len > max))
		held_remove(list, 0);
}

static void remember(struct sl_stream *stream, uint32_t seq, const uint8_t *data, uint32_t len)
{
	struct held_list *list = &stream->list;

	trim_history(stream, len);
	if (len > list->pool->history_max)
		return;
	/* Comparing is worth half of what may be held, not more. */
	while (list->history >= SL_STREAM_SEGMENTS / 2)
		held_remove(list, 0);
	/* Without memory the bytes are not remembered, and a repetition is reported as not verified. */
	(void)held_insert(list, list->history, 0, true, seq, data, len);
}

/* Forgets places so far behind that the wrap would soon bring them ahead. */
static void age(struct sl_stream *stream)
{
	uint32_t far = stream->next - (1u << 30);

	if (seq_before(stream->urgent, far))
		stream->has_urgent = false;
	if (seq_before(stream->gap_to, far))
		stream->gap_from = stream->gap_to = far;
	if (seq_before(stream->acked, far))
		stream->acked = far;
}

/* data begins at or before next, and ends behind it. */
static void deliver(struct sl_stream *stream, struct delivery *to, uint32_t seq, const uint8_t *data,
		    uint32_t len)
{
	uint32_t from = stream->next;

	age(stream);
	data += from - seq;
	len -= from - seq;
	stream->next = from + len;
	emit(stream, to, from, data, len);
	remember(stream, from, data, len);
	drain(stream, to);
	trim_history(stream, 0);
}

/* Is there room for a waiting segment of len bytes, once `freed` bytes have gone? Gives up history for it. */
static bool room_for(struct sl_stream *stream, uint32_t len, uint32_t freed, bool in_place)
{
	struct held_list *list = &stream->list;

	if (list->waiting_bytes - freed + len > list->pool->flow_max)
		return false;
	while (list->history && ((list->n == SL_STREAM_SEGMENTS && !in_place) ||
				 list->pool->used + 2 * (size_t)len > list->pool->total_max))
		held_remove(list, 0);
	return list->n < SL_STREAM_SEGMENTS || in_place;
}

/* Linux's rules for segments that wait. False: no room, nothing that waits has changed. */
static bool wait(struct sl_stream *stream, uint32_t seq, const uint8_t *data, uint32_t len)
{
	struct held_list *list = &stream->list;
	unsigned int i = held_find(list, seq), covered = 0;
	uint32_t end = seq + len, freed = 0, history = list->history;

	/* i: the first that ends behind our start. Those that begin before us stay in front of us. */
	for (; i < list->n && !seq_after(list->at[i].seq, seq); i++) {
		if (!seq_after(end, held_end(&list->at[i])))
			return true;
		if (list->at[i].seq == seq)
			break;
	}
	for (; i + covered < list->n && !seq_after(held_end(&list->at[i + covered]), end); covered++)
		freed += list->at[i + covered].len;
	if (!room_for(stream, len, freed, covered))
		return false;
	return held_insert(list, i - (history - list->history), covered, false, seq, data, len);
}

static void take_urgent(struct sl_stream *stream, uint32_t seq, int32_t pointer)
{
	/* The pointer is one too far since RFC 793; Linux takes 0 for 1. */
	uint32_t place = seq + (pointer ? (uint32_t)pointer - 1 : 0);

	/* What has been read is not urgent any more, and an older pointer does not replace a newer one. */
	if (pointer < 0 || seq_before(place, stream->next) ||
	    (stream->has_urgent && !seq_after(place, stream->urgent)))
		return;
	stream->urgent = place;
	stream->has_urgent = true;
}

/* What comparing with the bytes at hand says of a segment. */
static uint32_t look(const struct sl_stream *stream, uint32_t seq, const uint8_t *data, uint32_t len)
{
	uint32_t seen = 0, end = seq + len, from = seq_max(seq, stream->acked), covered, to;

	if (held_differs(&stream->list, seq, data, len, stream->next, &covered))
		seen |= SL_STREAM_CONFLICT;
	if (!seq_before(seq, stream->next))
		return seen;
	to = seq_min(end, stream->next);
	if (seq_before(from, to) && covered < to - from)
		seen |= SL_STREAM_UNVERIFIED;
	if (seq_before(seq, stream->gap_to) && seq_after(end, stream->gap_from))
		seen |= SL_STREAM_LATE;
	if (!seq_after(end, stream->next))
		seen |= SL_STREAM_OLD;
	return seen;
}

void sl_stream_with_syn(struct sl_stream *stream, uint32_t seq, const uint8_t *data, uint32_t len)
{
	if (!stream->started)
		sl_stream_start(stream, seq);
	if (!len || stream->syn_data || stream->next != seq || !pool_take(stream->list.pool, len))
		return;
	stream->syn_data = malloc(len);
	if (!stream->syn_data) {
		pool_give(stream->list.pool, len);
		return;
	}
	memcpy(stream->syn_data, data, len);
	stream->syn_seq = seq;
	stream->syn_len = len;
}

/* The SYN's payload is compared with, as nobody knows yet whether the receiver took it. */
static bool differs_from_syn(const struct sl_stream *stream, uint32_t seq, const uint8_t *data, uint32_t len)
{
	uint32_t skip = seq - stream->syn_seq, both;

	if (!stream->syn_data || skip >= stream->syn_len)
		return false;
	both = stream->syn_len - skip < len ? stream->syn_len - skip : len;
	return memcmp(stream->syn_data + skip, data, both) != 0;
}

uint32_t sl_stream_push(struct sl_stream *stream, uint32_t seq, const uint8_t *data, uint32_t len,
			int32_t urgent, bool refuse, sl_stream_sink sink, void *context)
{
	struct sl_stream_pool *pool = stream->list.pool;
	struct delivery to = { sink, context, 0 };

	if (!stream->started)
		sl_stream_start(stream, seq);
	if (!len)
		return 0;
	to.seen = look(stream, seq, data, len);
	if (differs_from_syn(stream, seq, data, len))
		to.seen |= SL_STREAM_CONFLICT;
	pool->conflicts += !!(to.seen & SL_STREAM_CONFLICT);
	if (refuse && to.seen & SL_STREAM_CONFLICT) {
		pool->refused++;
		return to.seen | SL_STREAM_REFUSED;
	}
	take_urgent(stream, seq, urgent);
	if (to.seen & SL_STREAM_OLD)
		return to.seen;
	if (seq_after(seq, stream->next)) {
		to.seen |= SL_STREAM_OUT_OF_ORDER;
		pool->out_of_order++;
	}
	/* Each turn delivers all that waits up to a gap, and what is delivered makes room: it ends. */
	while (seq_after(seq, stream->next)) {
		if (wait(stream, seq, data, len))
			return to.seen;
		if (refuse) {
			pool->refused++;
			return to.seen | SL_STREAM_REFUSED;
		}
		if (stream->list.history < stream->list.n &&
		    seq_before(stream->list.at[stream->list.history].seq, seq))
			skip_gap(stream, &to);
		else
			skip_to(stream, &to, seq);
	}
	drop_syn(stream);
	if (seq_after(seq + len, stream->next))
		deliver(stream, &to, seq, data, len);
	return to.seen;
}

void sl_stream_fin(struct sl_stream *stream, uint32_t seq)
{
	stream->fin = seq;
	stream->has_fin = true;
}

uint32_t sl_stream_acked(struct sl_stream *stream, uint32_t ack, sl_stream_sink sink, void *context)
{
	struct delivery to = { sink, context, 0 };
	uint8_t *syn = stream->syn_data;

	if (!stream->started)
		return 0;
	if (stream->has_fin && seq_after(ack, stream->fin))
		ack = stream->fin;
	if (syn && !seq_before(ack, stream->syn_seq + stream->syn_len)) {
		uint32_t len = stream->syn_len;

		stream->syn_data = NULL;
		deliver(stream, &to, stream->syn_seq, syn, len);
		pool_give(stream->list.pool, len);
		free(syn);
	} else {
		drop_syn(stream);
	}
	while (seq_after(ack, stream->next)) {
		const struct held_list *list = &stream->list;
		bool waits = list->history < list->n && seq_before(list->at[list->history].seq, ack);

		skip_to(stream, &to, waits ? list->at[list->history].seq : ack);
	}
	stream->acked = seq_max(stream->acked, ack);
	trim_history(stream, 0);
	return to.seen;
}

uint32_t sl_stream_next(const struct sl_stream *stream)
{
	return stream->next;
}

bool sl_stream_waits(const struct sl_stream *stream)
{
	return stream->list.history < stream->list.n;
}

size_t sl_stream_bytes(const struct sl_stream *stream)
{
	const struct held_list *list = &stream->list;

	return sizeof(*stream) + list->room * sizeof(*list->at) + list->waiting_bytes + list->history_bytes +
	       (stream->syn_data ? stream->syn_len : 0);
}
