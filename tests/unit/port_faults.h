/* SPDX-License-Identifier: BSD-2-Clause */
/* The stage for the tests of faults and sudden deaths: the daemon's own parts in this process, on a real port. */
#ifndef SLUICE_TESTS_PORT_FAULTS_H
#define SLUICE_TESTS_PORT_FAULTS_H

#include "sluiced/intercept.h"
#include "unit/port_lab.h"

enum stage_kind {
	STAGE_WORKLOAD, /* by the workload's side, the host's end out of sight */
	STAGE_DETOUR, /* the same with the host's end in sight, and so with a detour */
	STAGE_HOST_BRIDGED, /* by the host's side: a bridge's port */
	STAGE_HOST_ROUTED, /* with addresses and routes of its own */
	STAGE_HOST_SHARED, /* the same, and the agent is in the host's namespace */
};

struct stage {
	enum stage_kind kind;
	struct lab lab;
	struct instance inst;
	char *before, *before_host; /* the port's picture, and its far end's */
	char target[64]; /* holds also in other processes */
};

const char *stage_name(enum stage_kind kind);
/* What the table of steps is called. */
const char *stage_doing(enum stage_kind kind, bool taking);

/* Namespaces and a port with some of everything; this process is then in the agent's namespace. */
void stage_open(struct stage *stage, enum stage_kind kind);
void stage_close(struct stage *stage);
/* The daemon's parts, up to and with what the former one has left. 0 or -errno. */
int stage_start(struct stage *stage, struct sl_err *err);
void stage_stop(struct stage *stage);

int stage_take(struct stage *stage, struct sl_err *err);
/* Of the one port that is taken. */
int stage_give_back(struct stage *stage, struct sl_err *err);

/* What is left of the port's settings goes, and all of them come. */
void stage_dress_again(struct stage *stage);

/* The name, the MAC, up, the addresses; and the next stations are reached. */
void expect_home(const struct stage *stage, const char *what);
/* Frames flow both ways, of both families. `what` is for the message, here and below. */
void expect_flows(const struct stage *stage, const char *what);
/* Workload and host see what they saw at first, through the eyes of ip, sysctl and ethtool, and frames flow. */
void expect_port(const struct stage *stage, const char *what);
/* No interface, no journal, no state, no map entry and no pin of the port is left. */
void expect_clean(const struct stage *stage, const char *what);
/* The same, nor an interface of ours in any of the namespaces. */
void expect_gone(const struct stage *stage, const char *what);
/* All of that. */
void expect_free(const struct stage *stage, const char *what);

/* All calls of one kind, one after the other, on a machine that others use too: more than an hour. */
#define FAULTS_TIMEOUT 14400

/*
 * Which calls are made to fail: all, and of these one share. Each time it is
 * looked at whether frames flow and nothing is left; at all of the port, which
 * takes ten processes, after every so many: what is lost stays lost, as the
 * next round begins with what the former one has left. In the environment,
 * FAULTS_ONLY=n tries only that call, and FAULTS_FROM=n those from there on.
 */
struct fault_sample {
	unsigned int share, shares;
};
void faults_taking(enum stage_kind kind, const struct fault_sample *sample);
void faults_giving_back(enum stage_kind kind, const struct fault_sample *sample);

/* A share of the calls of either way, as two tests of their own: most of the time is spent waiting for the kernel. */
#define FAULTS_SHARE(suite, prefix, kind, n, shares)                                                         \
	Test(suite, prefix##taking_##n)                                                                      \
	{                                                                                                    \
		faults_taking(kind, &(struct fault_sample){ n, shares });                                    \
	}                                                                                                    \
	Test(suite, prefix##giving_back_##n)                                                                 \
	{                                                                                                    \
		faults_giving_back(kind, &(struct fault_sample){ n, shares });                               \
	}
/* How many places there were. */
unsigned int faults_kill_at_every_step(enum stage_kind kind, bool taking, bool journal_lost);
/* The last of so many steps fails, and on the way back the process is killed before undoing each. */
void faults_kill_at_every_undo(enum stage_kind kind, bool taking, unsigned int steps);

#endif
