/* SPDX-License-Identifier: BSD-2-Clause */
/* What most comparisons are of: a port that sluiced has taken, and a plain one beside it. */
#ifndef SLUICE_BENCH_PORTS_H
#define SLUICE_BENCH_PORTS_H

#include "bench/agent.h"
#include "bench/bench.h"

struct ports {
	unsigned int mtu; /* may be set before ports_open(); 0: 1500 */
	struct workload ours, plain;
	struct agent agent; /* ours is its only workload */
};

/* options as of agent_start_with(). 0 or -errno; ports_close() in any case. */
int ports_open(struct ports *ports, enum agent_core core, const char *options, const char *mode,
	       struct sl_err *err);
void ports_close(struct ports *ports);

/*
 * Measures both in turns, and adds the figure, whose name, unit, note and kind are given. The contexts are the
 * workloads. 0 or -errno.
 */
int ports_compare(struct ports *ports, const char *contender, struct series series, bench_measure measure,
		  struct sl_err *err);

#endif
