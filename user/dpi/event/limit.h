/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * No more than so many events of a kind in a second: whoever can send packets
 * must not be able to fill a disk.
 *
 * Invariant: what is not let through is counted, and sl_limit_suppressed()
 * gives each of them out once.
 */
#ifndef SLUICE_DPI_LIMIT_H
#define SLUICE_DPI_LIMIT_H

#include "dpi/event/event.h"

struct sl_limit {
	uint32_t per_second; /* 0: no limit */
	uint32_t burst; /* how many may come at once */
	uint64_t credit; /* in billionths of an event */
	uint64_t last_ns;
	uint64_t suppressed; /* since it was last told */
	uint64_t total; /* ever */
};

/* Starts with a whole burst in hand. */
void sl_limit_init(struct sl_limit *limit, uint32_t per_second, uint32_t burst, uint64_t now_ns);
/* May one more pass? Time that goes backwards is taken for standing still. */
bool sl_limit_pass(struct sl_limit *limit, uint64_t now_ns);
/* How many were kept back since the last call. */
uint64_t sl_limit_suppressed(struct sl_limit *limit);

#endif
