// SPDX-License-Identifier: BSD-2-Clause
/* What the way through the core adds to a round trip: an echo over UDP, one question at a time. */
#include <string.h>

#include "bench/agent.h"
#include "bench/bench.h"
#include "bench/stream.h"

#define QUESTIONS 5000

static int measure(void *context, double *ret, struct sl_err *err)
{
	return stream_echo(context, QUESTIONS, ret, err);
}

static int one_mode(const char *name, const char *contender, struct workload *ours, struct workload *plain,
		    struct sl_err *err)
{
	struct series series = {
		.name = name,
		.contender = contender,
		.baseline = "plain veth",
		.unit = "us",
		.note = "median of 5000 round trips of a UDP echo, 64 bytes",
		.kind = BENCH_DIFFERENCE,
	};
	int r = bench_run(&series, &(struct bench_side){ measure, ours },
			  &(struct bench_side){ measure, plain }, err);

	if (!r)
		report_add(&series);
	return r;
}

int measure_rtt(struct sl_err *err)
{
	struct workload ours = { 0 }, plain = { 0 };
	struct agent agent = { 0 };
	int r;

	r = workload_make(&ours, err);
	r = r ?: workload_make(&plain, err);
	r = r ?: agent_start(&agent, AGENT_DPI, err);
	r = r ?: agent_intercept(&agent, &ours, "inline", err);
	r = r ?: one_mode("rtt_inline_added_us", "sluice inline", &ours, &plain, err);
	r = r ?: agent_mode(&agent, &ours, "off", err);
	r = r ?: one_mode("rtt_off_added_us", "sluice off", &ours, &plain, err);
	agent_end(&agent);
	workload_end(&plain);
	workload_end(&ours);
	return r;
}
