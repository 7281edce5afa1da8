/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP sequence numbers. Invariant: compared only by these, which are right
 * across the wrap as long as the two are less than 2 GiB apart.
 */
#ifndef SLUICE_DPI_SEQ_H
#define SLUICE_DPI_SEQ_H

#include <stdbool.h>
#include <stdint.h>

static inline bool seq_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool seq_after(uint32_t a, uint32_t b)
{
	return seq_before(b, a);
}

/* low <= seq <= high */
static inline bool seq_between(uint32_t seq, uint32_t low, uint32_t high)
{
	return high - low >= seq - low;
}

static inline uint32_t seq_max(uint32_t a, uint32_t b)
{
	return seq_before(a, b) ? b : a;
}

static inline uint32_t seq_min(uint32_t a, uint32_t b)
{
	return seq_before(a, b) ? a : b;
}

#endif
