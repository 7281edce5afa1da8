// SPDX-License-Identifier: BSD-2-Clause
/*
 * Invariant: sent = received + every drop that was counted, or the run is void.
 */
#include "bench/lane.h"

#include <errno.h>
#include <unistd.h>

#include "bench/bench.h"

#define FRAME_LEN 64
#define CORE_CPU 1 /* the flood has the other one */
#define RUN_MS 1000
#define DRAIN_NS 2000000000ULL

/* What the books say: frames on no account, or -errno. */
static int unaccounted(struct lane *lane, __s64 *ret, struct sl_err *err)
{
	__u64 drops = 0, host = 0;
	int r = 0;

	/* In tap the core gets copies: what is lost of them is missing nowhere. */
	if (lane->kind == LANE_AGENT && !lane->mode)
		r = agent_drops(&lane->agent, &drops, err);
	else if (lane->kind == LANE_AGENT)
		r = lab_tx_drops(&lane->agent.ns, "vin", &drops, err);
	else if (lane->kind == LANE_BARE)
		r = lab_tx_drops(&lane->between, "", &drops, err);
	r = r ?: lab_tx_drops(NULL, lane->workload.host_if, &host, err);
	if (r)
		return r;
	*ret = (__s64)(flood_sent(lane->flood) - flood_received(lane->flood) - drops - host);
	return 0;
}

int lane_measure(void *context, double *ret, struct sl_err *err)
{
	struct lane *lane = context;
	__s64 before, after;
	double per_s = 0;
	__u64 limit;
	int r;

	r = unaccounted(lane, &before, err);
	r = r
		    ?: flood_run(lane->flood, &lane->workload, lane->frame_len ? lane->frame_len : FRAME_LEN,
				 lane->flows, RUN_MS, &per_s, err);
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

/* For each second that the core works. */
static int measure_core(void *context, double *ret, struct sl_err *err)
{
	struct lane *lane = context;
	__u64 frames = flood_received(lane->flood), before = 0, after = 0;
	int r = agent_core_ns(&lane->agent, &before, err);

	r = r ?: lane_measure(context, ret, err);
	r = r ?: agent_core_ns(&lane->agent, &after, err);
	if (r)
		return r;
	if (after == before)
		return sl_err(err, ENODATA, "the kernel does not say what a process works (schedstat)");
	*ret = (flood_received(lane->flood) - frames) * 1e6 / (after - before);
	return 0;
}

/* sluiced takes the port; its core has a processor of its own. */
static int put_agent(struct lane *lane, enum agent_core core, struct sl_err *err)
{
	int r = agent_start_with(&lane->agent, core, lane->options ? lane->options : "", err);

	r = r ?: agent_intercept(&lane->agent, &lane->workload, lane->mode ? lane->mode : "inline", err);
	return r ?: agent_pin_core(&lane->agent, CORE_CPU, err);
}

/* The same two pairs by hand, and one program. */
static int put_bare(struct lane *lane, struct sl_err *err)
{
	const __u8 *m = lane->workload.mac;
	int r = ns_make(&lane->between, err);

	r = r ?: lab_run(&lane->workload.ns, err, "ip link set eth0 netns %d name vex", lane->between.pid);
	r = r
		    ?: lab_run(&lane->between, err,
			       "ip link add vin type veth peer name eth0 address "
			       "%02x:%02x:%02x:%02x:%02x:%02x netns %d",
			       m[0], m[1], m[2], m[3], m[4], m[5], lane->workload.ns.pid);
	r = r ?: lab_run(&lane->between, err, "ip link set vex up");
	r = r ?: lab_run(&lane->between, err, "ip link set vin up");
	r = r ?: lab_run(&lane->workload.ns, err, "ip link set eth0 up");
	if (r)
		return r;
	lane->redirect = flood_redirect(lane->flood, &lane->between, "vex", "vin", err);
	return lane->redirect < 0 ? lane->redirect : 0;
}

int lane_open(struct lane *lane, struct flood *flood, enum lane_kind kind, enum agent_core core,
	      struct sl_err *err)
{
	int r;

	lane->flood = flood;
	lane->kind = kind;
	r = workload_make(&lane->workload, err);
	if (!r && kind == LANE_AGENT)
		r = put_agent(lane, core, err);
	if (!r && kind == LANE_BARE)
		r = put_bare(lane, err);
	if (r)
		return r;
	if (kind == LANE_PLAIN)
		lane->feed = flood_prepare(flood, &lane->workload.ns, "eth0", err);
	else
		lane->feed = flood_prepare(flood, kind == LANE_BARE ? &lane->between : &lane->agent.ns, "vex",
					   err);
	if (lane->feed < 0)
		return lane->feed;
	lane->sink = flood_sink(flood, &lane->workload.ns, err);
	return lane->sink < 0 ? lane->sink : 0;
}

void lane_close(struct lane *lane)
{
	if (lane->redirect >= 0)
		close(lane->redirect);
	if (lane->sink >= 0)
		close(lane->sink);
	if (lane->feed >= 0)
		close(lane->feed);
	agent_end(&lane->agent);
	workload_end(&lane->workload);
	ns_end(&lane->between);
}

static int compare(const char *name, bench_measure measure, struct lane *contender,
		   const char *contender_name, struct lane *baseline, const char *baseline_name,
		   const char *note, struct sl_err *err)
{
	struct series series = {
		.name = name,
		.contender = contender_name,
		.baseline = baseline_name,
		.unit = "k/s",
		.note = note,
		.kind = BENCH_RATIO,
	};

	return bench_figure(&series, &(struct bench_side){ measure, contender },
			    &(struct bench_side){ measure, baseline }, err);
}

int lane_compare(const char *name, struct lane *contender, const char *contender_name, struct lane *baseline,
		 const char *baseline_name, const char *note, struct sl_err *err)
{
	return compare(name, lane_measure, contender, contender_name, baseline, baseline_name, note, err);
}

int lane_compare_core(const char *name, struct lane *contender, const char *contender_name,
		      struct lane *baseline, const char *baseline_name, const char *note, struct sl_err *err)
{
	return compare(name, measure_core, contender, contender_name, baseline, baseline_name, note, err);
}
