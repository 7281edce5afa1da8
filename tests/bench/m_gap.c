// SPDX-License-Identifier: BSD-2-Clause
/*
 * How long a workload is cut off when its port is taken and given back: the
 * longest silence in a steady stream of datagrams, beside the longest silence
 * of the same stream left in peace.
 */
#include <string.h>

#include "bench/agent.h"
#include "bench/bench.h"
#include "bench/stream.h"

#define PER_S 10000
#define PEACE_MS 100 /* watched undisturbed, and after each hand-over */

/* The longest gap while `act` does its work. */
static int gap_of(struct steady *steady, int (*act)(struct agent *, const struct workload *, struct sl_err *),
		  struct agent *agent, const struct workload *workload, double *ret, struct sl_err *err)
{
	int r;

	steady_reset(steady);
	r = act ? act(agent, workload, err) : 0;
	return r ?: steady_gap(steady, PEACE_MS, ret, err);
}

static int take(struct agent *agent, const struct workload *workload, struct sl_err *err)
{
	return agent_intercept(agent, workload, "off --side workload", err);
}

static int take_host(struct agent *agent, const struct workload *workload, struct sl_err *err)
{
	return agent_intercept(agent, workload, "off --side host", err);
}

static int give_back(struct agent *agent, const struct workload *workload, struct sl_err *err)
{
	return agent_release(agent, workload, err);
}

static int hand_over(struct agent *agent, const struct workload *workload, struct steady *steady,
		     int (*act)(struct agent *, const struct workload *, struct sl_err *),
		     const char *name_taken, const char *name_given, struct sl_err *err)
{
	struct series taken = {
		.name = name_taken,
		.contender = "port taken",
		.baseline = "left in peace",
		.unit = "ms",
		.note = "longest silence in 10000 datagrams/s to the workload",
		.kind = BENCH_VALUE,
	};
	struct series given = taken;
	double peace = 0, gap = 0;
	int r = 0;

	given.name = name_given;
	given.contender = "port given back";
	for (unsigned int i = 0; !r && i < bench_pairs(); i++) {
		r = gap_of(steady, NULL, agent, workload, &peace, err);
		r = r ?: gap_of(steady, act, agent, workload, &gap, err);
		taken.baselines[i] = given.baselines[i] = peace;
		taken.contenders[i] = gap;
		r = r ?: gap_of(steady, give_back, agent, workload, &gap, err);
		given.contenders[i] = gap;
		taken.n = given.n = i + 1;
	}
	if (r)
		return r;
	report_add(&taken);
	report_add(&given);
	/* By the default way, under the name that stays. */
	if (act == take) {
		taken.name = "handover_gap_ms";
		report_add(&taken);
	}
	return 0;
}

int measure_gap(struct sl_err *err)
{
	struct workload workload = { 0 };
	struct steady *steady = NULL;
	struct agent agent = { 0 };
	int r;

	r = workload_make(&workload, err);
	r = r ?: agent_start(&agent, AGENT_DPI, err);
	r = r ?: steady_start(&steady, &workload, PER_S, err);
	r = r
		    ?: hand_over(&agent, &workload, steady, take, "handover_gap_take_ms",
				 "handover_gap_give_back_ms", err);
	r = r
		    ?: hand_over(&agent, &workload, steady, take_host, "handover_gap_host_ms",
				 "handover_gap_host_give_back_ms", err);
	steady_end(steady);
	agent_end(&agent);
	workload_end(&workload);
	return r;
}
