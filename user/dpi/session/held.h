/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The segments a stream holds: copies, in an array that is sorted by where
 * they begin. The stream's own; for reassembly.c only.
 *
 * Invariants: no segment lies inside another, so that the array is sorted by
 * where they end as well; the first `history` of them have been delivered and
 * do not overlap; each is accounted for in the pool.
 */
#ifndef SLUICE_DPI_HELD_H
#define SLUICE_DPI_HELD_H

#include "dpi/session/reassembly.h"

struct held {
	uint32_t seq, len;
	uint8_t *data;
};

struct held_list {
	struct sl_stream_pool *pool;
	struct held *at;
	uint16_t n, room, history;
	uint32_t waiting_bytes, history_bytes;
};

/* Accounts for n bytes, or false if that is beyond the pool's limit. */
bool pool_take(struct sl_stream_pool *pool, size_t n);
void pool_give(struct sl_stream_pool *pool, size_t n);

static inline uint32_t held_end(const struct held *held)
{
	return held->seq + held->len;
}

/* The index of the first segment that ends behind seq; list->n if none does. */
unsigned int held_find(const struct held_list *list, uint32_t seq);
/*
 * A copy at index i, as history or as waiting, in the place of the `covered`
 * waiting segments from there on. False without memory, nothing has changed then.
 */
bool held_insert(struct held_list *list, unsigned int i, unsigned int covered, bool history, uint32_t seq,
		 const uint8_t *data, uint32_t len);
void held_remove(struct held_list *list, unsigned int i);
/* The first waiting segment becomes the last of history, from `seq` on. */
void held_settle(struct held_list *list, uint32_t seq);
void held_clear(struct held_list *list);

/*
 * Compares with what is held of [seq, seq + len): true if a byte differs.
 * *ret_covered: how many of the bytes before `next` could be compared.
 */
bool held_differs(const struct held_list *list, uint32_t seq, const uint8_t *data, uint32_t len,
		  uint32_t next, uint32_t *ret_covered);

#endif
