/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A way for the flood of flood.h to take: a workload behind its own sluiced, behind the least that can stand in its
 * place, or behind nothing.
 */
#ifndef SLUICE_BENCH_LANE_H
#define SLUICE_BENCH_LANE_H

#include "bench/agent.h"
#include "bench/flood.h"

enum lane_kind {
	LANE_PLAIN, /* a plain veth */
	LANE_AGENT, /* sluiced, the workload inline */
	LANE_BARE, /* two pairs and a program that does nothing but hand the frame over: what no program can beat */
};

struct lane {
	struct flood *flood;
	enum lane_kind kind;
	/* May be set before lane_open(): */
	const char *options; /* of sluiced, or NULL */
	const char *mode; /* of the workload, or NULL: inline */
	unsigned int frame_len; /* 0: 64 bytes */
	unsigned int flows; /* a power of two up to FLOOD_FLOWS_MAX; 0: one */
	struct agent agent; /* LANE_AGENT */
	struct ns between; /* LANE_BARE */
	struct workload workload;
	int feed, sink, redirect; /* links */
};

#define LANE_NONE                                                                                            \
	{                                                                                                    \
		.feed = -1, .sink = -1, .redirect = -1                                                       \
	}

/* core is of LANE_AGENT. 0 or -errno; lane_close() in any case. */
int lane_open(struct lane *lane, struct flood *flood, enum lane_kind kind, enum agent_core core,
	      struct sl_err *err);
void lane_close(struct lane *lane);

/* UDP frames delivered, in thousands a second. A bench_measure; the context is the lane. */
int lane_measure(void *lane, double *ret, struct sl_err *err);
/* 64-byte UDP frames delivered, contender to baseline, as a figure of the report. 0 or -errno. */
int lane_compare(const char *name, struct lane *contender, const char *contender_name, struct lane *baseline,
		 const char *baseline_name, const char *note, struct sl_err *err);
/* The same for each second that the core works, what the kernel does in its place included: it may be the flood's that has no time left. */
int lane_compare_core(const char *name, struct lane *contender, const char *contender_name,
		      struct lane *baseline, const char *baseline_name, const char *note, struct sl_err *err);

#endif
