// SPDX-License-Identifier: BSD-2-Clause
/*
 * A ring of records of different lengths; see report.h.
 *
 * Invariant: head is written by the worker alone, tail by the reader alone; a
 * record may go round the end, both sides copy in two parts then.
 */
#include "dpi/event/report.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define LINE 64

_Static_assert(sizeof(struct sl_report) % 8 == 0, "records are aligned");

struct sl_report_ring {
	_Alignas(LINE) _Atomic uint64_t head;
	_Atomic uint64_t lost;
	_Alignas(LINE) _Atomic uint64_t tail;
	_Atomic bool wanted;
	_Alignas(LINE) uint32_t size;
	uint8_t *bytes;
};

struct sl_report_ring *sl_report_ring_new(uint32_t size)
{
	struct sl_report_ring *ring;

	if (!size || size & (size - 1))
		return NULL;
	ring = aligned_alloc(LINE, sizeof(*ring));
	if (!ring)
		return NULL;
	memset(ring, 0, sizeof(*ring));
	ring->size = size;
	ring->bytes = malloc(size);
	if (!ring->bytes) {
		free(ring);
		return NULL;
	}
	return ring;
}

void sl_report_ring_free(struct sl_report_ring *ring)
{
	if (!ring)
		return;
	free(ring->bytes);
	free(ring);
}

bool sl_report_wanted(const struct sl_report_ring *ring)
{
	return ring && atomic_load_explicit(&ring->wanted, memory_order_relaxed);
}

void sl_report_listen(struct sl_report_ring *ring, bool listening)
{
	atomic_store_explicit(&ring->wanted, listening, memory_order_relaxed);
	if (!listening)
		atomic_store_explicit(&ring->tail, atomic_load_explicit(&ring->head, memory_order_acquire),
				      memory_order_release);
}

static void copy_in(struct sl_report_ring *ring, uint64_t at, const void *from, size_t len)
{
	size_t place = at & (ring->size - 1), first = ring->size - place < len ? ring->size - place : len;

	memcpy(ring->bytes + place, from, first);
	memcpy(ring->bytes, (const uint8_t *)from + first, len - first);
}

static void copy_out(const struct sl_report_ring *ring, uint64_t at, void *to, size_t len)
{
	size_t place = at & (ring->size - 1), first = ring->size - place < len ? ring->size - place : len;

	memcpy(to, ring->bytes + place, first);
	memcpy((uint8_t *)to + first, ring->bytes, len - first);
}

bool sl_report_put(struct sl_report_ring *ring, struct sl_report *report, const void *more, size_t len)
{
	static const uint8_t zero[8];
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	size_t whole = sizeof(*report) + ((len + 7) & ~(size_t)7);

	if (whole > ring->size - (head - atomic_load_explicit(&ring->tail, memory_order_acquire))) {
		atomic_fetch_add_explicit(&ring->lost, 1, memory_order_relaxed);
		return false;
	}
	report->len = (uint32_t)whole;
	report->version = SL_REPORT_VERSION;
	copy_in(ring, head, report, sizeof(*report));
	if (len)
		copy_in(ring, head + sizeof(*report), more, len);
	copy_in(ring, head + sizeof(*report) + len, zero, whole - sizeof(*report) - len);
	atomic_store_explicit(&ring->head, head + whole, memory_order_release);
	return true;
}

size_t sl_report_take(struct sl_report_ring *ring, void *to, size_t size)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
	size_t n = 0;

	while (tail != head) {
		uint32_t len;

		copy_out(ring, tail, &len, sizeof(len));
		if (n + len > size)
			break;
		copy_out(ring, tail, (uint8_t *)to + n, len);
		tail += len;
		n += len;
	}
	atomic_store_explicit(&ring->tail, tail, memory_order_release);
	return n;
}

uint64_t sl_report_lost(const struct sl_report_ring *ring)
{
	return atomic_load_explicit(&ring->lost, memory_order_relaxed);
}
