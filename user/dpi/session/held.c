// SPDX-License-Identifier: BSD-2-Clause
/* See held.h. Everything that allocates or frees a byte of a segment is here, so that the pool's books close. */
#include "dpi/session/held.h"

#include <stdlib.h>
#include <string.h>

#include "dpi/session/seq.h"

#define HEAP_EXTRA 16 /* what malloc() adds to a small block */

bool pool_take(struct sl_stream_pool *pool, size_t n)
{
	if (n > pool->total_max || pool->used > pool->total_max - n)
		return false;
	pool->used += n;
	return true;
}

void pool_give(struct sl_stream_pool *pool, size_t n)
{
	pool->used -= n;
}

unsigned int held_find(const struct held_list *list, uint32_t seq)
{
	unsigned int low = 0, high = list->n;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (seq_after(held_end(&list->at[middle]), seq))
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static size_t array_bytes(unsigned int room)
{
	return room ? room * sizeof(struct held) + HEAP_EXTRA : 0;
}

static bool make_room(struct held_list *list)
{
	unsigned int room = list->room ? 2 * list->room : 4;
	struct held *at;

	if (list->n < list->room)
		return true;
	if (room > SL_STREAM_SEGMENTS || !pool_take(list->pool, array_bytes(room) - array_bytes(list->room)))
		return false;
	at = realloc(list->at, room * sizeof(*at));
	if (!at) {
		pool_give(list->pool, array_bytes(room) - array_bytes(list->room));
		return false;
	}
	list->at = at;
	list->room = (uint16_t)room;
	return true;
}

bool held_insert(struct held_list *list, unsigned int i, unsigned int covered, bool history, uint32_t seq,
		 const uint8_t *data, uint32_t len)
{
	uint8_t *copy;

	if ((!covered && !make_room(list)) || !pool_take(list->pool, len + HEAP_EXTRA))
		return false;
	copy = malloc(len);
	if (!copy) {
		pool_give(list->pool, len + HEAP_EXTRA);
		return false;
	}
	memcpy(copy, data, len);
	while (covered--)
		held_remove(list, i);
	memmove(list->at + i + 1, list->at + i, (list->n - i) * sizeof(*list->at));
	list->at[i] = (struct held){ seq, len, copy };
	list->n++;
	list->history += history;
	*(history ? &list->history_bytes : &list->waiting_bytes) += len;
	return true;
}

void held_remove(struct held_list *list, unsigned int i)
{
	struct held *held = &list->at[i];
	bool history = i < list->history;

	*(history ? &list->history_bytes : &list->waiting_bytes) -= held->len;
	pool_give(list->pool, held->len + HEAP_EXTRA);
	free(held->data);
	list->n--;
	list->history -= history;
	memmove(held, held + 1, (list->n - i) * sizeof(*held));
}

void held_settle(struct held_list *list, uint32_t seq)
{
	struct held *held = &list->at[list->history++];
	uint32_t cut = seq - held->seq;

	list->waiting_bytes -= held->len;
	pool_give(list->pool, cut);
	held->seq = seq;
	held->len -= cut;
	memmove(held->data, held->data + cut, held->len);
	list->history_bytes += held->len;
}

void held_clear(struct held_list *list)
{
	while (list->n)
		held_remove(list, list->n - 1u);
	free(list->at);
	pool_give(list->pool, array_bytes(list->room));
	list->at = NULL;
	list->room = 0;
}

bool held_differs(const struct held_list *list, uint32_t seq, const uint8_t *data, uint32_t len,
		  uint32_t next, uint32_t *ret_covered)
{
	uint32_t at = seq, end = seq + len, covered = 0;
	bool differs = false;

	/* Of overlapping segments the first is the one that counts, so each byte is compared once. */
	for (unsigned int i = held_find(list, seq); i < list->n && seq_before(list->at[i].seq, end); i++) {
		const struct held *held = &list->at[i];
		uint32_t from = seq_max(at, held->seq), to = seq_min(end, held_end(held));

		if (!seq_before(from, to))
			continue;
		differs |= memcmp(data + (from - seq), held->data + (from - held->seq), to - from) != 0;
		at = to;
		if (seq_before(from, next))
			covered += seq_min(to, next) - from;
	}
	*ret_covered = covered;
	return differs;
}
