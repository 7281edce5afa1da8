// SPDX-License-Identifier: BSD-2-Clause
/*
 * One way of doing it beside another: how programs are attached, how frames
 * are handed over, what the core does with them, on how many workers.
 */
#include "bench/agent.h"
#include "bench/bench.h"
#include "bench/lane.h"
#include "bench/stream.h"

#define FLOWS 64
#define RUN_MS 1000

static int gbit(void *context, double *ret, struct sl_err *err)
{
	struct stream_result result = { 0 };
	int r = stream_tcp(context, STREAM_TO_WORKLOAD, RUN_MS, &result, err);

	if (!r)
		*ret = result.gbit;
	return r;
}

/* A stream through a port in mode off, which only the programs touch. */
static int streams(const char *name, const char *option_a, const char *option_b, const char *a_name,
		   const char *b_name, const char *note, struct sl_err *err)
{
	struct series series = {
		.name = name,
		.contender = a_name,
		.baseline = b_name,
		.unit = "Gb/s",
		.note = note,
		.kind = BENCH_RATIO,
	};
	struct workload a = { 0 }, b = { 0 };
	struct agent of_a = { 0 }, of_b = { 0 };
	int r;

	r = workload_make(&a, err);
	r = r ?: workload_make(&b, err);
	r = r ?: agent_start_with(&of_a, AGENT_DPI, option_a, err);
	r = r ?: agent_start_with(&of_b, AGENT_DPI, option_b, err);
	r = r ?: agent_intercept(&of_a, &a, "off", err);
	r = r ?: agent_intercept(&of_b, &b, "off", err);
	r = r
		    ?: bench_figure(&series, &(struct bench_side){ gbit, &a },
				    &(struct bench_side){ gbit, &b }, err);
	agent_end(&of_a);
	agent_end(&of_b);
	workload_end(&b);
	workload_end(&a);
	return r;
}

int measure_attachment(struct sl_err *err)
{
	int r = streams("tcp_off_clsact_vs_tcx", "--attach clsact", "--attach tcx", "clsact", "tcx",
			"one TCP stream to the workload, mode off", err);

	return r
		       ?: streams("tcp_off_plain_vs_peer", "--redirect plain", "--redirect peer",
				  "bpf_redirect", "bpf_redirect_peer",
				  "one TCP stream to the workload, mode off", err);
}

/* The flood of one flow and of many, through cores that do less or more. */
int measure_core_work(struct sl_err *err)
{
	struct lane all = LANE_NONE, forward = LANE_NONE, tap = LANE_NONE, two = LANE_NONE, one = LANE_NONE;
	struct lane single = LANE_NONE;
	struct flood *flood = NULL;
	int r;

	forward.options = "--inspect no";
	tap.mode = "tap";
	two.options = "--workers 2";
	two.flows = one.flows = FLOWS;
	r = flood_open(&flood, err);
	r = r ?: lane_open(&all, flood, LANE_AGENT, AGENT_DPI, err);
	r = r ?: lane_open(&forward, flood, LANE_AGENT, AGENT_DPI, err);
	r = r
		    ?: lane_compare("udp64_forward_only_vs_inspect", &forward, "forwarding only", &all,
				    "sessions, applications, policy",
				    "64-byte UDP frames delivered, of one flow", err);
	lane_close(&forward);
	r = r ?: lane_open(&tap, flood, LANE_AGENT, AGENT_DPI, err);
	r = r
		    ?: lane_compare("udp64_tap_vs_inline", &tap, "tap", &all, "inline",
				    "64-byte UDP frames delivered, of one flow; in tap the core gets copies",
				    err);
	lane_close(&tap);
	single.options = "--bulk no";
	r = r ?: lane_open(&single, flood, LANE_AGENT, AGENT_DPI, err);
	r = r
		    ?: lane_compare(
			       "udp64_two_lanes_vs_one", &all, "with a bulk lane", &single, "without one",
			       "64-byte UDP frames delivered, of one flow; with it they leave in bundles",
			       err);
	lane_close(&single);
	lane_close(&all);
	r = r ?: lane_open(&one, flood, LANE_AGENT, AGENT_DPI, err);
	r = r ?: lane_open(&two, flood, LANE_AGENT, AGENT_DPI, err);
	r = r
		    ?: lane_compare("udp64_two_workers_vs_one", &two, "two workers", &one, "one worker",
				    "64-byte UDP frames delivered, of 64 flows; all workers on CPU 1, the "
				    "flood on "
				    "CPU 0: what a second worker costs, not what a second processor brings",
				    err);
	lane_close(&two);
	lane_close(&one);
	flood_close(flood);
	return r;
}
