/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one worker does with a frame: decode, put fragments together, find the
 * session, follow it, inspect it, ask the policy, and answer: forward or drop.
 *
 * Invariant: a frame goes through once, in one direction, and is answered
 * before the next; everything in here belongs to one worker, but for what is
 * in struct sl_engine_shared, which is read only, or made for sharing. In
 * doubt a workload in protect loses the frame and any other keeps it.
 */
#ifndef SLUICE_DPI_ENGINE_H
#define SLUICE_DPI_ENGINE_H

#include "dpi/decide/meter.h"
#include "dpi/event/event.h"
#include "dpi/io/io.h"
#include "dpi/policy/policy.h"
#include "dpi/session/table.h"
#include "lib/err.h"
#include "sluice/thresholds.h"

struct sl_policies;

/* Limits and choices of all workers alike. */
struct sl_engine_conf {
	struct sl_thresholds thresholds;
	bool say_unreachable; /* a denied datagram is answered by ICMP */
	bool drop_events; /* each dropped packet is an event (limited like all) */
	uint32_t sessions; /* at most, of each worker; 0: the default */
	bool wait_policy; /* forwards nothing before the first policy has come */
	struct sl_policies *agents; /* an agent's, which come before the others; NULL: there is no agent */
	int flows_fd; /* the kernel's map of judged flows, borrowed; -1: nothing is written there */
	bool verdicts; /* judged flows are left to the kernel */
	bool bulk; /* flows that move bulk get the bulk lane … */
	bool bulk_udp; /* … also those of UDP */
};
void sl_engine_conf_init(struct sl_engine_conf *conf);

/* Figures of one worker: written by it alone, read by anyone. */
struct sl_engine_figures {
	uint64_t packets, bytes, malformed;
	uint64_t ipv4, ipv6, tcp, udp, icmp, sctp;
	uint64_t fragments, reassembled, fragments_dropped;
	uint64_t dropped; /* by decision, all reasons */
	uint64_t violations; /* reported and let through */
	uint64_t denied; /* sessions that were refused */
	uint64_t resets; /* frames of our own: resets and ICMP errors */
	uint64_t threats;
	uint64_t flooded; /* packets kept back because there were too many */
	uint64_t unfit; /* segments a receiver would not take */
	uint64_t full; /* packets for which there was no room for a session */
	uint64_t learned; /* sessions of workloads in discover that were noted */
};

struct sl_engine;

/* lane may be NULL (a replay): then nothing of our own is sent. 0 or -errno. */
int sl_engine_open(struct sl_engine **ret, const struct sl_engine_conf *conf, uint32_t worker,
		   uint32_t workers, struct sl_policies *policies, struct sl_lane *lane, struct sl_err *err);
/* Ends all sessions, which is told by events, first. NULL allowed. */
void sl_engine_close(struct sl_engine *engine);

/* A sl_frame_handler; context is the engine. */
enum sl_action sl_engine_handle(void *context, struct sl_frame *frame);
/* Before each run: time passes, sessions end. context is the engine. */
void sl_engine_turn(void *context, uint64_t now_ns);
/* Before the worker sleeps: it holds nothing that others want to free. context is the engine. */
void sl_engine_rest(void *context);
/* Has it got a policy? context is the engine. */
bool sl_engine_ready(void *context);

/* For the main thread. */
struct sl_event_ring *sl_engine_events(struct sl_engine *engine);
void sl_engine_figures(const struct sl_engine *engine, struct sl_engine_figures *ret);
/* For letters, in the worker alone. */
struct sl_table *sl_engine_table(struct sl_engine *engine);
uint64_t sl_engine_now(const struct sl_engine *engine);
/* From now on; and those of now. */
void sl_engine_set_thresholds(struct sl_engine *engine, const struct sl_thresholds *thresholds);
void sl_engine_thresholds(const struct sl_engine *engine, struct sl_thresholds *ret);
/* The kernel's figures of a session that it carries on. */
void sl_engine_fold(struct sl_engine *engine, struct sl_session *session);
/* Verdicts written, not written for want of room, and there now; any thread. */
struct sl_engine_verdicts {
	uint64_t given, no_room, lost;
	uint32_t now;
};
void sl_engine_verdicts(const struct sl_engine *engine, struct sl_engine_verdicts *ret);
struct sl_flow_key;
struct sl_flow;
/* Before the worker runs: what an earlier core has left to the kernel. False: not taken, the entry is to go. */
bool sl_engine_adopt(struct sl_engine *engine, const struct sl_flow_key *key, const struct sl_flow *flow,
		     uint64_t now_ns);
/* Ends a session: TCP by resets to both sides. */
void sl_engine_kill(struct sl_engine *engine, struct sl_session *session);
struct sl_learn;
struct sl_learn *sl_engine_learn(struct sl_engine *engine);
struct sl_meters *sl_engine_meters(struct sl_engine *engine);
/* NULL without an agent. */
struct sl_totals *sl_engine_totals(struct sl_engine *engine);
/* For the main thread; NULL without an agent. */
struct sl_report_ring *sl_engine_reports(struct sl_engine *engine);

#endif
