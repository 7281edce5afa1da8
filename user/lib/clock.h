/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's clocks as one number, so that times can be compared and subtracted.
 *
 * Invariant: durations and deadlines come from CLOCK_MONOTONIC, which setting the time does not move.
 */
#ifndef SLUICE_LIB_CLOCK_H
#define SLUICE_LIB_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds of that clock, which the kernel is known to have. */
static inline uint64_t sl_clock_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint64_t sl_clock_ns(void)
{
	return sl_clock_of(CLOCK_MONOTONIC);
}

#endif
