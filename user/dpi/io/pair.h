/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two lanes of one worker as one: frames, and those of the bulk lane. Whoever
 * handles frames need not know that there are two.
 *
 * Invariants: both have their part of a run, so that small frames wait for
 * some super-frames at most; a frame leaves by the lane by which it
 * has come (a datagram with others of its flow by the bulk lane's socket, see
 * bundle.h), one of the core's own by that of the frame that is being answered.
 */
#ifndef SLUICE_DPI_PAIR_H
#define SLUICE_DPI_PAIR_H

#include "dpi/io/io.h"

/* Of which the first keeps the worker's record, and its heartbeat. Both must outlive it. NULL without memory. */
struct sl_lane *sl_pair_new(struct sl_lane *frames, struct sl_lane *bulk);
/* The bulk one of a pair's, else NULL. */
const struct sl_lane *sl_pair_bulk(const struct sl_lane *lane);

#endif
