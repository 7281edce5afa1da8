// SPDX-License-Identifier: BSD-2-Clause
/*
 * Small frames through the core: how many of a flood of 64-byte UDP frames are
 * delivered in a second, by sluice-dpi and by the yardstick, each behind its own
 * sluiced with a workload inline. A plain veth beside them says what the flood
 * itself can do.
 *
 * Invariant: sent = received + every drop that was counted, or the run is void.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/agent.h"
#include "bench/bench.h"
#include "bench/flood.h"

#define FRAME_LEN 64
#define RUN_MS 1000
#define DRAIN_NS 2000000000ULL

/* One contender. */
struct lane {
	struct flood *flood;
	struct agent agent;
	struct workload workload;
	int feed, sink; /* links */
	bool plain; /* no agent */
};

#define LANE_NONE                                                                                            \
	{                                                                                                    \
		.feed = -1, .sink = -1                                                                       \
	}

/* What the books say: frames on no account, or -errno. */
static int unaccounted(struct lane *lane, __s64 *ret, struct sl_err *err)
{
	__u64 drops = 0, host = 0;
	int r = lane->plain ? 0 : agent_drops(&lane->agent, &drops, err);

	r = r ?: lab_tx_drops(NULL, lane->workload.host_if, &host, err);
	if (r)
		return r;
	*ret = (__s64)(flood_sent(lane->flood) - flood_received(lane->flood) - drops - host);
	return 0;
}

static int measure(void *context, double *ret, struct sl_err *err)
{
	struct lane *lane = context;
	__s64 before, after;
	double per_s = 0;
	__u64 limit;
	int r;

	r = unaccounted(lane, &before, err);
	r = r ?: flood_run(lane->flood, &lane->workload, FRAME_LEN, RUN_MS, &per_s, err);
	if (r)
		return r;
	limit = lab_now_ns() + DRAIN_NS;
	do {
		r = unaccounted(lane, &after, err);
		if (r)
			return r;
		if (after == before) {
			*ret = per_s / 1000;
			return 0;
		}
		lab_wait_until(lab_now_ns() + 10000000);
	} while (lab_now_ns() < limit);
	return sl_err(err, EAGAIN, "%lld frames are on no account", (long long)(after - before));
}

static int lane_open(struct lane *lane, struct flood *flood, bool plain, enum agent_core core,
		     struct sl_err *err)
{
	int r;

	lane->flood = flood;
	lane->plain = plain;
	r = workload_make(&lane->workload, err);
	if (!r && !plain)
		r = agent_start(&lane->agent, core, err);
	if (!r && !plain)
		r = agent_intercept(&lane->agent, &lane->workload, "inline", err);
	if (!r && !plain)
		r = agent_pin_core(&lane->agent, 1, err);
	if (r)
		return r;
	lane->feed = plain ? flood_prepare(flood, &lane->workload.ns, "eth0", err)
			   : flood_prepare(flood, &lane->agent.ns, "vex", err);
	if (lane->feed < 0)
		return lane->feed;
	lane->sink = flood_sink(flood, &lane->workload.ns, err);
	return lane->sink < 0 ? lane->sink : 0;
}

static void lane_close(struct lane *lane)
{
	if (lane->sink >= 0)
		close(lane->sink);
	if (lane->feed >= 0)
		close(lane->feed);
	agent_end(&lane->agent);
	workload_end(&lane->workload);
}

static int compare(const char *name, struct lane *contender, const char *contender_name,
		   struct lane *baseline, const char *baseline_name, const char *note, struct sl_err *err)
{
	struct series series = {
		.name = name,
		.contender = contender_name,
		.baseline = baseline_name,
		.unit = "k/s",
		.note = note,
		.kind = BENCH_RATIO,
	};
	int r = bench_run(&series, &(struct bench_side){ measure, contender },
			  &(struct bench_side){ measure, baseline }, err);

	if (!r)
		report_add(&series);
	return r;
}

int measure_udp64(struct sl_err *err)
{
	struct lane ours = LANE_NONE, yardstick = LANE_NONE, plain = LANE_NONE;
	struct flood *flood = NULL;
	int r;

	r = flood_open(&flood, err);
	r = r ?: lane_open(&plain, flood, true, AGENT_DPI, err);
	r = r ?: lane_open(&yardstick, flood, false, AGENT_RING, err);
	r = r ?: lane_open(&ours, flood, false, AGENT_DPI, err);
	r = r
		    ?: compare("udp64_inline_vs_yardstick", &ours, "sluice inline", &yardstick, "packet ring",
			       "64-byte UDP frames delivered; both behind sluiced, one thread on CPU 1, the "
			       "flood on CPU 0",
			       err);
	r = r
		    ?: compare("udp64_inline_vs_plain", &ours, "sluice inline", &plain, "plain veth",
			       "64-byte UDP frames delivered", err);
	lane_close(&ours);
	lane_close(&yardstick);
	lane_close(&plain);
	flood_close(flood);
	return r;
}

int measure_udp64_judged(struct sl_err *err)
{
	struct lane ours = LANE_NONE, plain = LANE_NONE;
	struct flood *flood = NULL;
	int r;

	r = flood_open(&flood, err);
	r = r ?: lane_open(&plain, flood, true, AGENT_DPI, err);
	r = r ?: lane_open(&ours, flood, false, AGENT_JUDGED, err);
	r = r
		    ?: compare("udp64_judged", &ours, "sluice, judged flow", &plain, "plain veth",
			       "64-byte UDP frames delivered", err);
	lane_close(&ours);
	lane_close(&plain);
	flood_close(flood);
	return r;
}
