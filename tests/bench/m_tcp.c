// SPDX-License-Identifier: BSD-2-Clause
/*
 * One TCP stream through an intercepted port, and through a plain one of the
 * same kind beside it.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/ports.h"
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

static int one_way(const char *name, const char *contender, const struct ports *ports, enum stream_way way,
		   unsigned int streams, struct sl_err *err)
{
	struct side a = { &ports->ours, way, streams }, b = { &ports->plain, way, streams };
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

	return bench_figure(&series, &(struct bench_side){ measure, &a }, &(struct bench_side){ measure, &b },
			    err);
}

/* How a port is served, and what its figures are called; NULL: is not measured. */
struct served {
	const char *options, *mode, *contender;
	const char *to, *from, *to_8, *from_8;
};

static int all_ways(const struct served *served, struct sl_err *err)
{
	const struct {
		const char *name;
		enum stream_way way;
		unsigned int streams;
	} ways[] = {
		{ served->to, STREAM_TO_WORKLOAD, 1 },
		{ served->from, STREAM_FROM_WORKLOAD, 1 },
		{ served->to_8, STREAM_TO_WORKLOAD, 8 },
		{ served->from_8, STREAM_FROM_WORKLOAD, 8 },
	};
	struct ports ports = { 0 };
	int r = ports_open(&ports, AGENT_DPI, served->options, served->mode, err);

	for (unsigned int i = 0; i < sizeof(ways) / sizeof(ways[0]) && !r; i++) {
		if (ways[i].name)
			r = one_way(ways[i].name, served->contender, &ports, ways[i].way, ways[i].streams,
				    err);
	}
	ports_close(&ports);
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
	return all_ways(&(struct served){ "--bulk no", "inline", "sluice inline", "tcp_inline",
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
