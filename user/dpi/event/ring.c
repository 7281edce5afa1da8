// SPDX-License-Identifier: BSD-2-Clause
/*
 * The ring between a worker and the main thread; see event.h.
 *
 * Invariant: head is written by the worker alone, tail by the reader alone;
 * the slots between them are the reader's, the others the worker's.
 */
#include <stdlib.h>
#include <string.h>

#include "dpi/event/event.h"

#define LINE 64 /* of the cache: what the two threads write lies in different ones */

struct sl_event_ring {
	_Alignas(LINE) _Atomic uint32_t head;
	_Atomic uint64_t lost[SL_EVENT_KINDS];
	_Alignas(LINE) _Atomic uint32_t tail;
	_Alignas(LINE) uint32_t mask;
	struct sl_event *slot;
};

struct sl_event_ring *sl_event_ring_new(uint32_t size)
{
	struct sl_event_ring *ring;

	if (!size || size & (size - 1))
		return NULL;
	ring = aligned_alloc(LINE, sizeof(*ring));
	if (!ring)
		return NULL;
	memset(ring, 0, sizeof(*ring));
	ring->mask = size - 1;
	ring->slot = calloc(size, sizeof(*ring->slot));
	if (!ring->slot) {
		free(ring);
		return NULL;
	}
	return ring;
}

void sl_event_ring_free(struct sl_event_ring *ring)
{
	if (!ring)
		return;
	free(ring->slot);
	free(ring);
}

bool sl_event_put(struct sl_event_ring *ring, const struct sl_event *event)
{
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	if (head - atomic_load_explicit(&ring->tail, memory_order_acquire) > ring->mask) {
		if (event->kind < SL_EVENT_KINDS)
			atomic_fetch_add_explicit(&ring->lost[event->kind], 1, memory_order_relaxed);
		return false;
	}
	ring->slot[head & ring->mask] = *event;
	atomic_store_explicit(&ring->head, head + 1, memory_order_release);
	return true;
}

bool sl_event_take(struct sl_event_ring *ring, struct sl_event *ret)
{
	uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

	if (tail == atomic_load_explicit(&ring->head, memory_order_acquire))
		return false;
	*ret = ring->slot[tail & ring->mask];
	atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
	return true;
}

uint64_t sl_event_lost(const struct sl_event_ring *ring, enum sl_event_kind kind)
{
	return kind < SL_EVENT_KINDS ? atomic_load_explicit(&ring->lost[kind], memory_order_relaxed) : 0;
}
