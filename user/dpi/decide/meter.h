/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Meters: how much of something a source does in a second, and is it too much?
 * With two thresholds, so that an attack at the edge does not flicker: above
 * `upper` the meter fires, and it rests when a whole second stayed below `lower`.
 *
 * Invariant: memory is bounded; when the table is full the meter that was
 * touched least recently within its bucket gives way, unless it is firing and
 * another is not; a packet costs one lookup in one cache line or two.
 */
#ifndef SLUICE_DPI_METER_H
#define SLUICE_DPI_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "dpi/decode/packet.h"

enum sl_meter_kind {
	SL_METER_SYN, /* opening TCP packets of one source to one workload */
	SL_METER_ICMP, /* questions by ICMP of or to one workload */
	SL_METER_SESSIONS, /* new sessions of one source */
	SL_METER_KINDS,
};

struct sl_meter_limit {
	uint32_t upper, lower; /* a second; upper 0: not metered */
};

struct sl_meters;
/* size: how many sources at most, rounded up. seed: random, so that nobody can aim at a bucket. NULL without memory. */
struct sl_meters *sl_meters_new(uint32_t size, const struct sl_meter_limit limits[SL_METER_KINDS],
				uint64_t seed);
/* From now on; what has been counted stays. */
void sl_meters_set(struct sl_meters *meters, const struct sl_meter_limit limits[SL_METER_KINDS]);
void sl_meters_free(struct sl_meters *meters); /* NULL allowed */

struct sl_meter_answer {
	bool firing; /* this one is too many */
	bool began; /* … and the first that is */
};
/* What a meter shows of itself. */
struct sl_meter_state {
	struct sl_addr source; /* all zero: of all */
	uint16_t workload;
	uint8_t kind; /* enum sl_meter_kind */
	bool firing;
	uint32_t count, before; /* in this second, in the one before */
	struct sl_meter_limit limit;
	uint32_t idle_s;
};
/* Up to `room` of those that were touched lately; how many. */
unsigned int sl_meters_show(const struct sl_meters *meters, uint64_t now_ns, struct sl_meter_state *ret,
			    unsigned int room);

/* One more by this source (NULL: all sources together) at the workload. */
void sl_meter(struct sl_meters *meters, enum sl_meter_kind kind, uint16_t workload,
	      const struct sl_addr *source, uint64_t now_ns, struct sl_meter_answer *ret);

#endif
