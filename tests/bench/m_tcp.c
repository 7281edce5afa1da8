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
	unsigned int streams;
};

static int measure(void *context, double *ret, struct sl_err *err)
{
	const struct side *side = context;
	struct stream_result result;
	int r;

	if (side->streams > 1)
		return stream_tcp_many(side->workload, side->way, side->streams, RUN_MS, ret, err);
	r = stream_tcp(side->workload, side->way, RUN_MS, &result, err);

	if (!r)
		*ret = result.gbit;
	return r;
}

static int one_way(const char *name, const char *contender, const struct workload *ours,
		   const struct workload *plain, enum stream_way way, unsigned int streams,
		   struct sl_err *err)
{
	struct side a = { ours, way, streams }, b = { plain, way, streams };
	struct series series = {
		.name = name,
		.contender = contender,
		.baseline = "plain veth",
		.unit = "Gb/s",
		.note = way == STREAM_TO_WORKLOAD
				? "TCP to the workload, senders on CPU 0, receivers on CPU 1"
				: "TCP from the workload, senders on CPU 0, receivers on CPU 1",
		.kind = BENCH_RATIO,
	};
	int r = bench_run(&series, &(struct bench_side){ measure, &a }, &(struct bench_side){ measure, &b },
			  err);

	if (!r)
		report_add(&series);
	return r;
}

/* How a port is served, and what its figures are called: to the workload, from it, eight streams to it (or NULL). */
struct served {
	const char *options, *mode, *contender;
	const char *to, *from, *to_8, *from_8;
};

static int all_ways(const struct served *served, struct sl_err *err)
{
	struct workload ours = { 0 }, plain = { 0 };
	struct agent agent = { 0 };
	const char *name = served->contender;
	int r;

	r = workload_make(&ours, err);
	r = r ?: workload_make(&plain, err);
	r = r ?: agent_start_with(&agent, AGENT_DPI, served->options, err);
	r = r ?: agent_intercept(&agent, &ours, served->mode, err);
	r = r ?: one_way(served->to, name, &ours, &plain, STREAM_TO_WORKLOAD, 1, err);
	r = r ?: one_way(served->from, name, &ours, &plain, STREAM_FROM_WORKLOAD, 1, err);
	if (!r && served->to_8)
		r = one_way(served->to_8, name, &ours, &plain, STREAM_TO_WORKLOAD, 8, err);
	if (!r && served->from_8)
		r = one_way(served->from_8, name, &ours, &plain, STREAM_FROM_WORKLOAD, 8, err);
	agent_end(&agent);
	workload_end(&plain);
	workload_end(&ours);
	return r;
}

int measure_tcp_off(struct sl_err *err)
{
	return all_ways(&(struct served){ "", "off", "sluice off", "tcp_off", "tcp_off_from_workload", NULL,
					  NULL },
			err);
}

int measure_tcp_inline(struct sl_err *err)
{
	return all_ways(&(struct served){ "", "inline", "sluice inline", "tcp_inline",
					  "tcp_inline_from_workload", "tcp_inline_8",
					  "tcp_inline_8_from_workload" },
			err);
}

int measure_tcp_bulk(struct sl_err *err)
{
	return all_ways(&(struct served){ "--bulk yes", "inline", "sluice inline, bulk lane", "tcp_bulk",
					  "tcp_bulk_from_workload", "tcp_bulk_8",
					  "tcp_bulk_8_from_workload" },
			err);
}
