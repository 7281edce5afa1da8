// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is left to the kernel, beside a plain veth: TCP streams, small
 * datagrams, short questions.
 *
 * Invariant: a run in which less than 19 of 20 frames went by a verdict is
 * void: it measured something else.
 */
#include <errno.h>

#include "bench/lane.h"
#include "bench/ports.h"
#include "bench/stream.h"

#define RUN_MS 1000
#define FRAME_LEN 64
#define QUESTIONS 10000
#define QUESTION_EVERY_US 200

/* One side of a comparison. */
struct side {
	const struct workload *workload;
	struct agent *agent; /* NULL: plain */
	enum stream_way way;
	enum { OF_GBIT, OF_CPU, OF_P50, OF_P99 } figure;
};

/* Nothing to say of a plain one. */
static int judged_so_far(const struct side *side, struct agent_judged *ret, struct sl_err *err)
{
	*ret = (struct agent_judged){ 0 };
	return side->agent ? agent_judged(side->agent, ret, err) : 0;
}

/* Was it the judged way that was measured? */
static int judged_since(const struct side *side, const struct agent_judged *before, struct sl_err *err)
{
	struct agent_judged now;
	__u64 in, allowed;
	int r = judged_so_far(side, &now, err);

	in = now.in - before->in;
	allowed = now.allowed - before->allowed;
	if (!r && allowed * 20 < in * 19)
		r = sl_err(err, EAGAIN, "only %llu of %llu frames went by a verdict",
			   (unsigned long long)allowed, (unsigned long long)in);
	return r;
}

static int measure_stream(void *context, double *ret, struct sl_err *err)
{
	const struct side *side = context;
	struct stream_result result = { 0 };
	struct agent_judged before;
	int r = judged_so_far(side, &before, err);

	r = r ?: stream_tcp(side->workload, side->way, RUN_MS, &result, err);
	r = r ?: judged_since(side, &before, err);
	if (!r)
		*ret = side->figure == OF_CPU ? result.cpu_ns_per_byte : result.gbit;
	return r;
}

static int measure_questions(void *context, double *ret, struct sl_err *err)
{
	const struct side *side = context;
	struct stream_rtt rtt = { 0 };
	struct agent_judged before;
	int r = judged_so_far(side, &before, err);

	r = r ?: stream_ask(side->workload, QUESTIONS, QUESTION_EVERY_US, &rtt, err);
	r = r ?: judged_since(side, &before, err);
	if (!r)
		*ret = side->figure == OF_P99 ? rtt.p99_us : rtt.p50_us;
	return r;
}

/* Sent = received + what was dropped and counted, or the run is void. */
static int measure_datagrams(void *context, double *ret, struct sl_err *err)
{
	const struct side *side = context;
	__u64 dropped_before = 0, dropped = 0, host_before = 0, host = 0;
	struct datagrams run = { 0 };
	struct agent_judged before;
	__s64 rest;
	int r = judged_so_far(side, &before, err);

	if (!r && side->agent)
		r = agent_drops(side->agent, &dropped_before, err);
	r = r ?: lab_tx_drops(NULL, side->workload->host_if, &host_before, err);
	r = r ?: stream_datagrams(side->workload, side->way, FRAME_LEN, 0, RUN_MS, &run, err);
	r = r ?: lab_tx_drops(NULL, side->workload->host_if, &host, err);
	if (!r && side->agent)
		r = agent_drops(side->agent, &dropped, err);
	r = r ?: judged_since(side, &before, err);
	if (r)
		return r;
	rest = (__s64)(run.sent - run.received - run.no_room - (host - host_before) -
		       (dropped - dropped_before));
	if (rest)
		return sl_err(err, EAGAIN, "%lld datagrams are on no account", (long long)rest);
	*ret = run.per_s / 1000;
	return 0;
}

static int compare(const char *name, const char *unit, const char *note, bench_measure measure,
		   struct ports *ports, struct side side, struct sl_err *err)
{
	struct side ours = side, plain = side;
	struct series series = {
		.name = name,
		.contender = "sluice, judged flow",
		.baseline = "plain veth",
		.unit = unit,
		.note = note,
		.kind = BENCH_RATIO,
	};

	ours.workload = &ports->ours;
	ours.agent = &ports->agent;
	plain.workload = &ports->plain;
	return bench_figure(&series, &(struct bench_side){ measure, &ours },
			    &(struct bench_side){ measure, &plain }, err);
}

int measure_tcp_judged(struct sl_err *err)
{
	struct ports ports = { 0 };
	struct side to = { .way = STREAM_TO_WORKLOAD }, from = { .way = STREAM_FROM_WORKLOAD };
	struct side cpu = { .way = STREAM_TO_WORKLOAD, .figure = OF_CPU };
	int r = ports_open(&ports, AGENT_JUDGED, "", "inline", err);

	r = r
		    ?: compare("tcp_judged", "Gb/s",
			       "one TCP stream to the workload, sender on CPU 0, receiver on CPU 1",
			       measure_stream, &ports, to, err);
	r = r
		    ?: compare("tcp_judged_from_workload", "Gb/s",
			       "one TCP stream from the workload, sender on CPU 0, receiver on CPU 1",
			       measure_stream, &ports, from, err);
	r = r
		    ?: compare("tcp_judged_cpu_per_byte", "ns",
			       "time that all processors worked for each byte of a stream to the workload",
			       measure_stream, &ports, cpu, err);
	ports_close(&ports);
	return r;
}

int measure_tcp_judged_rtt(struct sl_err *err)
{
	struct ports ports = { 0 };
	struct side p50 = { .figure = OF_P50 }, p99 = { .figure = OF_P99 };
	int r = ports_open(&ports, AGENT_JUDGED, "", "inline", err);

	r = r
		    ?: compare("tcp_judged_rtt_p50", "us",
			       "round trip of 64 bytes over a TCP connection, the median of 10000, one every "
			       "200 us",
			       measure_questions, &ports, p50, err);
	r = r
		    ?: compare("tcp_judged_rtt_p99", "us",
			       "the same, the hundredth part that is slower than this", measure_questions,
			       &ports, p99, err);
	ports_close(&ports);
	return r;
}

/* The flood that never meets a socket, and what no program could beat there. */
static int flood(struct sl_err *err)
{
	struct lane ours = LANE_NONE, plain = LANE_NONE, bare = LANE_NONE;
	struct flood *flood = NULL;
	int r;

	r = flood_open(&flood, err);
	r = r ?: lane_open(&plain, flood, LANE_PLAIN, AGENT_DPI, err);
	r = r ?: lane_open(&bare, flood, LANE_BARE, AGENT_DPI, err);
	r = r ?: lane_open(&ours, flood, LANE_AGENT, AGENT_JUDGED, err);
	r = r
		    ?: lane_compare(
			       "udp64_judged_flood", &ours, "sluice, judged flow", &plain, "plain veth",
			       "64-byte UDP frames that the kernel makes by XDP and a program takes away: no "
			       "sockets, no sender's or receiver's stack",
			       err);
	r = r
		    ?: lane_compare("udp64_bare_flood", &bare, "bare redirect", &plain, "plain veth",
				    "the same through two pairs and a program that only redirects: the "
				    "second pair "
				    "by itself",
				    err);
	r = r
		    ?: lane_compare("udp64_judged_vs_bare_flood", &ours, "sluice, judged flow", &bare,
				    "bare redirect", "the same, one to the other", err);
	lane_close(&ours);
	lane_close(&bare);
	lane_close(&plain);
	flood_close(flood);
	return r;
}

int measure_udp64_judged(struct sl_err *err)
{
	struct ports ports = { 0 };
	struct side to = { .way = STREAM_TO_WORKLOAD }, from = { .way = STREAM_FROM_WORKLOAD };
	int r = ports_open(&ports, AGENT_JUDGED, "", "inline", err);

	r = r
		    ?: compare("udp64_judged", "k/s",
			       "64-byte UDP frames from socket to socket, sender on CPU 0, receiver on CPU 1",
			       measure_datagrams, &ports, to, err);
	r = r
		    ?: compare("udp64_judged_from_workload", "k/s", "the same, sent by the workload",
			       measure_datagrams, &ports, from, err);
	ports_close(&ports);
	return r ?: flood(err);
}
