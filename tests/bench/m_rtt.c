// SPDX-License-Identifier: BSD-2-Clause
/* What the way through the core adds to a round trip: an echo over UDP, one question at a time. */
#include <string.h>

#include "bench/ports.h"
#include "bench/stream.h"

#define QUESTIONS 5000

static int measure(void *context, double *ret, struct sl_err *err)
{
	return stream_echo(context, QUESTIONS, ret, err);
}

static int one_mode(const char *name, const char *contender, struct ports *ports, struct sl_err *err)
{
	return ports_compare(ports, contender,
			     (struct series){ .name = name,
					      .unit = "us",
					      .note = "median of 5000 round trips of a UDP echo, 64 bytes",
					      .kind = BENCH_DIFFERENCE },
			     measure, err);
}

/* What a bulk lane costs those that do not take it. */
static int two_lanes(struct ports *two, struct sl_err *err)
{
	struct series series = { .name = "rtt_two_lanes_vs_one",
				 .contender = "with a bulk lane",
				 .baseline = "without one",
				 .unit = "us",
				 .note = "median of 5000 round trips of a UDP echo, 64 bytes, inline",
				 .kind = BENCH_RATIO };
	struct ports one = { 0 };
	int r = ports_open(&one, AGENT_DPI, "--bulk no", "inline", err);

	r = r
		    ?: bench_figure(&series, &(struct bench_side){ measure, &two->ours },
				    &(struct bench_side){ measure, &one.ours }, err);
	ports_close(&one);
	return r;
}

int measure_rtt(struct sl_err *err)
{
	struct ports ports = { 0 };
	int r = ports_open(&ports, AGENT_DPI, "", "inline", err);

	r = r ?: one_mode("rtt_inline_added_us", "sluice inline", &ports, err);
	r = r ?: two_lanes(&ports, err);
	r = r ?: agent_mode(&ports.agent, &ports.ours, "off", err);
	r = r ?: one_mode("rtt_off_added_us", "sluice off", &ports, err);
	ports_close(&ports);
	return r;
}
