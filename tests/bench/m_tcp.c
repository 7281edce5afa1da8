// SPDX-License-Identifier: BSD-2-Clause
/*
 * One TCP stream through an intercepted port, and through a plain one of the
 * same kind beside it.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/agent.h"
#include "bench/bench.h"
#include "bench/stream.h"

#define RUN_MS 1000

struct side {
	const struct workload *workload;
	enum stream_way way;
};

static int measure(void *context, double *ret, struct sl_err *err)
{
	const struct side *side = context;
	struct stream_result result;
	int r = stream_tcp(side->workload, side->way, RUN_MS, &result, err);

	if (!r)
		*ret = result.gbit;
	return r;
}

static int one_way(const char *name, const char *contender, const struct workload *ours,
		   const struct workload *plain, enum stream_way way, struct sl_err *err)
{
	struct side a = { ours, way }, b = { plain, way };
	struct series series = {
		.name = name,
		.contender = contender,
		.baseline = "plain veth",
		.unit = "Gb/s",
		.note = way == STREAM_TO_WORKLOAD
				? "one TCP stream to the workload, sender on CPU 0, receiver on CPU 1"
				: "one TCP stream from the workload, sender on CPU 0, receiver on CPU 1",
		.kind = BENCH_RATIO,
	};
	int r = bench_run(&series, &(struct bench_side){ measure, &a }, &(struct bench_side){ measure, &b },
			  err);

	if (!r)
		report_add(&series);
	return r;
}

static int both_ways(enum agent_core core, const char *mode, const char *contender, const char *to,
		     const char *from, struct sl_err *err)
{
	struct workload ours = { 0 }, plain = { 0 };
	struct agent agent = { 0 };
	int r;

	r = workload_make(&ours, err);
	r = r ?: workload_make(&plain, err);
	r = r ?: agent_start(&agent, core, err);
	r = r ?: agent_intercept(&agent, &ours, mode, err);
	r = r ?: one_way(to, contender, &ours, &plain, STREAM_TO_WORKLOAD, err);
	r = r ?: one_way(from, contender, &ours, &plain, STREAM_FROM_WORKLOAD, err);
	agent_end(&agent);
	workload_end(&plain);
	workload_end(&ours);
	return r;
}

int measure_tcp_off(struct sl_err *err)
{
	return both_ways(AGENT_DPI, "off", "sluice off", "tcp_off", "tcp_off_from_workload", err);
}

int measure_tcp_inline(struct sl_err *err)
{
	return both_ways(AGENT_DPI, "inline", "sluice inline", "tcp_inline", "tcp_inline_from_workload", err);
}
