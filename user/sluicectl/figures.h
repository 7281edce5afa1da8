/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One reading of the counters and of the core's records, and what it looks
 * like.
 *
 * Invariant: the stations are read against the direction of the frames, so
 * what one has sent is never less than what the next has received (but for
 * what was lost the other way round: nothing).
 */
#ifndef SLUICE_CTL_FIGURES_H
#define SLUICE_CTL_FIGURES_H

#include "lib/maps.h"
#include "sluicectl/verb.h"

struct figures {
	struct sl_counters program[SL_PROG_MAX];
	struct sl_core core[SL_QUEUES_MAX], bulk[SL_QUEUES_MAX];
	bool has_bulk; /* there is a bulk lane */
	unsigned int queues;
	bool external; /* the core stamps no heartbeat and keeps no record */
	__u64 taken_ns; /* when, CLOCK_MONOTONIC */
};

/* 0 or -errno. */
int figures_read(const struct sl_maps *maps, struct figures *ret, struct sl_err *err);

static inline const struct sl_count *figures_count(const struct sl_counters *counters, unsigned int reason)
{
	return &counters->in + 1 + reason;
}

struct figures_view {
	unsigned int programs; /* bits 1 << enum sl_program */
	bool zeros; /* counters that are zero as well */
	bool core; /* and the core's records */
};
/* before may be NULL: without rates. 0 or -errno. */
int figures_print(const struct figures *figures, const struct figures *before,
		  const struct figures_view *view, struct sl_err *err);
/* A new reference, NULL without memory. Complete, whatever view->zeros says. */
json_t *figures_json(const struct ctl *ctl, const struct figures *figures, const struct figures *before,
		     const struct figures_view *view);

/*
 * Verifies in = out + drop of the programs (bits) and compares the stations
 * along the frames' way. 0 closed, CTL_BAD not, or -errno. Prints, as JSON if
 * that is wanted.
 */
int figures_check(const struct ctl *ctl, const struct sl_maps *maps, unsigned int programs,
		  struct sl_err *err);

#endif
