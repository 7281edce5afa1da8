// SPDX-License-Identifier: BSD-2-Clause
/*
 * How a figure moves with what it depends on: the number of judged flows, the
 * size of frames; and what a rate costs that is not the highest.
 */
#include <errno.h>
#include <stdio.h>

#include "bench/bed.h"
#include "bench/lane.h"
#include "bench/ports.h"
#include "bench/stream.h"

#define RUN_MS 1000
#define JUMBO_MTU 9000
#define JUMBO "--mtu 9216"
#define PACED 100000 /* frames a second */
#define PACED_MS 2000

static int flow_cost(void *context, double *ret, struct sl_err *err)
{
	return bed_cost(context, SL_PROG_VEX, BED_LAST, SL_R_flow_allowed, ret, err);
}

static int point(const char *name, const char *contender, const char *unit, const char *note,
		 const char *curve, double x, bench_measure measure, void *context, struct sl_err *err)
{
	struct series series = {
		.name = name,
		.contender = contender,
		.baseline = "",
		.unit = unit,
		.note = note,
		.kind = BENCH_VALUE,
		.curve = curve,
		.x = x,
	};

	return bench_figure(&series, &(struct bench_side){ measure, context }, NULL, err);
}

int measure_flows_axis(struct sl_err *err)
{
	static const unsigned int numbers[] = { 1, 64, 1000, 10000, 100000 };
	int r = 0;

	for (unsigned int i = 0; i < sizeof(numbers) / sizeof(numbers[0]) && !r; i++) {
		struct bed *bed = NULL;
		double bytes;
		char name[48];

		snprintf(name, sizeof(name), "prog_vex_judged_ns_%u_flows", numbers[i]);
		r = bed_open(&bed, 1, err);
		r = r ?: bed_flows(bed, numbers[i], &bytes, err);
		r = r
			    ?: point(name, "sl_vex", "ns",
				     "a 64-byte UDP frame of a judged flow among as many",
				     "a judged frame by the number of judged flows", numbers[i], flow_cost,
				     bed, err);
		bed_close(bed);
	}
	return r;
}

/* Each size for each of them; the flood's frames must fit in a page. */
int measure_sizes(struct sl_err *err)
{
	static const unsigned int sizes[] = { 64, 512, 1500 };
	struct lane ours = LANE_NONE, yardstick = LANE_NONE, plain = LANE_NONE;
	const struct {
		struct lane *lane;
		const char *name, *what;
	} contenders[] = {
		{ &plain, "plain", "plain veth" },
		{ &yardstick, "yardstick", "packet ring" },
		{ &ours, "inline", "sluice inline" },
	};
	struct flood *flood = NULL;
	int r;

	r = flood_open(&flood, err);
	r = r ?: lane_open(&plain, flood, LANE_PLAIN, AGENT_DPI, err);
	r = r ?: lane_open(&yardstick, flood, LANE_AGENT, AGENT_RING, err);
	r = r ?: lane_open(&ours, flood, LANE_AGENT, AGENT_DPI, err);
	for (unsigned int i = 0; i < 3 * sizeof(sizes) / sizeof(sizes[0]) && !r; i++) {
		unsigned int size = sizes[i / 3];
		char name[48];

		snprintf(name, sizeof(name), "udp%u_%s_kps", size, contenders[i % 3].name);
		contenders[i % 3].lane->frame_len = size;
		r = point(name, contenders[i % 3].what, "k/s",
			  "UDP frames of that size delivered, of a flood", "UDP frames by size", size,
			  lane_measure, contenders[i % 3].lane, err);
	}
	lane_close(&ours);
	lane_close(&yardstick);
	lane_close(&plain);
	flood_close(flood);
	return r;
}

/* One point of the curves by size. */
struct datagram_axis {
	const struct workload *workload;
	unsigned int size;
};

static int datagram_rate(void *context, double *ret, struct sl_err *err)
{
	const struct datagram_axis *axis = context;
	struct datagrams run = { 0 };
	int r = stream_datagrams(axis->workload, STREAM_TO_WORKLOAD, axis->size, 0, RUN_MS, &run, err);

	*ret = run.per_s / 1000;
	return r;
}

/* From socket to socket, where frames may be larger than a page. */
int measure_datagram_sizes(struct sl_err *err)
{
	static const unsigned int sizes[] = { 64, 512, 1500, 9000 };
	struct ports inlined = { .mtu = JUMBO_MTU }, judged = { .mtu = JUMBO_MTU };
	const struct {
		const struct workload *workload;
		const char *name, *what;
	} contenders[] = {
		{ &inlined.plain, "plain", "plain veth" },
		{ &inlined.ours, "inline", "sluice inline" },
		{ &judged.ours, "judged", "sluice, judged flow" },
	};
	int r = ports_open(&inlined, AGENT_DPI, JUMBO, "inline", err);

	r = r ?: ports_open(&judged, AGENT_JUDGED, JUMBO, "inline", err);
	for (unsigned int i = 0; i < 3 * sizeof(sizes) / sizeof(sizes[0]) && !r; i++) {
		struct datagram_axis axis = { contenders[i % 3].workload, sizes[i / 3] };
		char name[48];

		snprintf(name, sizeof(name), "datagram%u_%s_kps", axis.size, contenders[i % 3].name);
		r = point(name, contenders[i % 3].what, "k/s",
			  "datagrams in frames of that size, from socket to socket, MTU 9000",
			  "datagrams by size", axis.size, datagram_rate, &axis, err);
	}
	ports_close(&judged);
	ports_close(&inlined);
	return r;
}

/* Of one flow and of many: sessions that do not lie in the cache. */
int measure_flows_inline(struct sl_err *err)
{
	static const unsigned int numbers[] = { 1, 64, 1024, 16384, FLOOD_FLOWS_MAX };
	struct lane ours = LANE_NONE;
	struct flood *flood = NULL;
	int r;

	r = flood_open(&flood, err);
	r = r ?: lane_open(&ours, flood, LANE_AGENT, AGENT_DPI, err);
	for (unsigned int i = 0; i < sizeof(numbers) / sizeof(numbers[0]) && !r; i++) {
		char name[48];

		snprintf(name, sizeof(name), "udp64_inline_kps_%u_flows", numbers[i]);
		ours.flows = numbers[i];
		r = point(name, "sluice inline", "k/s",
			  "64-byte UDP frames delivered, of so many flows in turns",
			  "UDP frames by the number of flows", numbers[i], lane_measure, &ours, err);
	}
	lane_close(&ours);
	flood_close(flood);
	return r;
}

static int cores(void *context, double *ret, struct sl_err *err)
{
	struct datagrams run = { 0 };
	int r = stream_datagrams(context, STREAM_TO_WORKLOAD, 64, PACED, PACED_MS, &run, err);

	if (r)
		return r;
	/* A rate that is not kept is not what was asked about. */
	if (run.received != run.sent || run.per_s < PACED * 0.99)
		return sl_err(err, EAGAIN, "%llu of %llu datagrams arrived, %.0f a second",
			      (unsigned long long)run.received, (unsigned long long)run.sent, run.per_s);
	*ret = run.cores;
	return 0;
}

int measure_cores(struct sl_err *err)
{
	struct ports ports = { 0 };
	int r = ports_open(&ports, AGENT_DPI, "", "inline", err);

	r = r
		    ?: ports_compare(
			       &ports, "sluice inline",
			       (struct series){
				       .name = "cores_at_100k_inline",
				       .unit = "cores",
				       .note = "processors at work while 100,000 UDP frames of 64 bytes a "
					       "second pass and none is lost, beyond those of a plain veth",
				       .kind = BENCH_DIFFERENCE },
			       cores, err);
	ports_close(&ports);
	return r;
}
