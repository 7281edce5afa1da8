/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One sluiced with its namespace, and what does the work of a core on its vth:
 * sluice-dpi, or the yardstick.
 */
#ifndef SLUICE_BENCH_AGENT_H
#define SLUICE_BENCH_AGENT_H

#include <stdbool.h>

#include "bench/lab.h"
#include "lib/maps.h"

#define AGENT_RULES 1000 /* of the policy that our core goes by, in every measurement */

enum agent_core {
	AGENT_DPI, /* every frame goes by it */
	AGENT_JUDGED, /* what it has judged is left to the kernel, as by default */
	AGENT_RING,
};

struct agent {
	struct ns ns;
	enum agent_core core;
	char instance[32];
	char run_dir[64];
	char log[96]; /* what the daemon said */
	pid_t daemon;
	pid_t ring; /* the yardstick, 0 without */
	int ring_out;
	struct sl_maps maps;
};

/* Ready to intercept on return. 0 or -errno, with the end of the daemon's log in the text. */
int agent_start(struct agent *ret, enum agent_core core, struct sl_err *err);
/* The same with more options of sluiced, separated by blanks. */
int agent_start_with(struct agent *ret, enum agent_core core, const char *options, struct sl_err *err);
/* Gives everything back. An agent that is all zero is allowed. */
void agent_end(struct agent *agent);

int agent_intercept(struct agent *agent, const struct workload *workload, const char *mode,
		    struct sl_err *err);
int agent_release(struct agent *agent, const struct workload *workload, struct sl_err *err);
int agent_mode(struct agent *agent, const struct workload *workload, const char *mode, struct sl_err *err);

/* The core's process, of one that is sluice-dpi. */
int agent_core_pid(struct agent *agent, pid_t *ret, struct sl_err *err);

/* Puts what does the core's work on one CPU, all its threads. */
int agent_pin_core(struct agent *agent, unsigned int cpu, struct sl_err *err);
/* What the core, or the yardstick, has worked so far, what the kernel did in its place included. 0 or -errno. */
int agent_core_ns(struct agent *agent, __u64 *ret, struct sl_err *err);

/*
 * Frames that were dropped inside so far, whoever dropped them and counted it:
 * the programs, the devices of the agent's namespace, the core or yardstick.
 */
int agent_drops(struct agent *agent, __u64 *ret, struct sl_err *err);

/* Frames that came to vex and vin so far, and of those the ones that went on by a verdict. */
struct agent_judged {
	__u64 in, allowed;
};
int agent_judged(struct agent *agent, struct agent_judged *ret, struct sl_err *err);

#endif
