/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine as the files of this folder share it.
 *
 * Invariant: engine.c calls inspect_session(), decide_session() and verdict_*(),
 * these call tell_*(); nobody calls back up.
 */
#ifndef SLUICE_DPI_ENGINE_OWN_H
#define SLUICE_DPI_ENGINE_OWN_H

#include "dpi/decide/engine.h"
#include "dpi/decide/threat.h"
#include "dpi/decide/totals.h"
#include "dpi/decode/decode.h"
#include "dpi/decode/defrag.h"
#include "dpi/event/report.h"
#include "dpi/inspect/inspect.h"
#include "dpi/policy/learn.h"
#include "dpi/policy/policies.h"
#include "dpi/session/deliver.h"
#include "dpi/session/track.h"
#include "dpi/verdict/flows.h"

#define SL_ENGINE_MODES 256u /* a power of two */

struct sl_engine {
	struct sl_engine_conf conf;
	struct sl_engine_figures figures;
	uint32_t worker, workers;
	uint64_t now_ns;
	struct sl_lane *lane;
	struct sl_decoder *decoder;
	struct sl_defrag *defrag;
	struct sl_table *table;
	struct sl_inspector *inspector;
	struct sl_meters *meters;
	struct sl_threat_memory *threats;
	struct sl_event_ring *events;
	struct sl_learn *learn; /* what was seen of workloads in discover */
	struct sl_policies *policies;
	const struct sl_peers *peers; /* of this turn; NULL: none known */
	const struct sl_policy *policy; /* of this turn; NULL: none, all is discovered and passes */
	uint32_t generation; /* of the policy */
	uint32_t epoch; /* its number in the kernel's map */
	struct sl_flows flows; /* .room 0: nothing is left to the kernel */
	bool resting; /* `policy` may have been freed since */
	uint64_t waiting_ns; /* since when it might begin but for the agent's policy */
	/* With an agent, else NULL. */
	const struct sl_policy *agent; /* its policies, of this turn */
	struct sl_grace *grace;
	struct sl_totals *totals;
	struct sl_report_ring *reports;
	/* The modes asked for last, of `policy`: a packet costs no lookup for it. By the workload's lowest bits. */
	struct {
		uint16_t workload;
		uint8_t mode;
		bool known;
	} mode[SL_ENGINE_MODES];
	uint64_t last_sweep_ns;

	struct sl_frame *frame; /* that is handled now; NULL: it is not the packet that is judged */
	/* While a packet is inspected: the sink has no other way to know. */
	const struct sl_packet *packet;
	bool changed; /* the application or the name */
};

static inline void add(uint64_t *figure, uint64_t n)
{
	__atomic_store_n(figure, *figure + n, __ATOMIC_RELAXED);
}

static inline void count(uint64_t *figure)
{
	add(figure, 1);
}

/* inspect_session.c: shows the packet's payload to the inspector. False: the packet must be dropped. */
bool inspect_session(struct sl_engine *engine, struct sl_session *session, const struct sl_packet *packet,
		     enum sl_side side, const struct sl_facts *facts, bool protect);

/* Beyond its application: all that a name server says is listened to. */
bool inspect_wants_stream(const struct sl_engine *engine, const struct sl_session *session);

/* decide_session.c */
/* The mode of the workload, by today's policy. */
enum sl_policy_mode decide_mode(struct sl_engine *engine, uint16_t workload);
/* Asks the policy if something it depends on has changed, and answers for the packet. */
enum sl_action decide_session(struct sl_engine *engine, struct sl_session *session,
			      const struct sl_packet *packet, enum sl_side side);
/* The same where the client has not been heard: what may pass waits for him, who is asked. */
enum sl_action decide_unasked(struct sl_engine *engine, struct sl_session *session,
			      const struct sl_packet *packet, enum sl_side side);
/*
 * A packet of a session that was cut: its sender has not heard of it, or not believed it, as frames that passed
 * meanwhile had made the numbers old. Those of this packet are its own.
 */
void decide_refuse_again(struct sl_engine *engine, struct sl_session *session,
			 const struct sl_packet *packet);
/* The same for an ICMP error that speaks of the session. */
enum sl_action decide_related(struct sl_engine *engine, struct sl_session *session,
			      const struct sl_packet *packet);
/* A session has ended: if it was still to be learned, it is now. */
void decide_ended(struct sl_engine *engine, const struct sl_session *session);

/* agent_report.c: nothing unless an agent wants to know. */
void report_session(struct sl_engine *engine, struct sl_session *session, bool judged);
void report_denied(struct sl_engine *engine, struct sl_session *session);
void report_end(struct sl_engine *engine, struct sl_session *session);
/* packet, session: NULL: of none, or of many. */
void report_threat(struct sl_engine *engine, uint32_t number, const char *text, uint32_t count,
		   const struct sl_packet *packet, const struct sl_session *session, uint16_t workload,
		   bool dropped);
void report_named(struct sl_engine *engine, uint16_t workload, const char *name,
		  const struct sl_addr *address, uint32_t ttl);

/* notice.c: threats are told of; true: the packet must be dropped, its workload being in protect. */
void notice_limits(const struct sl_thresholds *t, struct sl_meter_limit ret[SL_METER_KINDS]);
bool notice_flood(struct sl_engine *engine, const struct sl_packet *packet, bool protect);
/* A session has been made of it. */
bool notice_source_flood(struct sl_engine *engine, const struct sl_packet *packet, bool protect);
/* TCP, once it is tracked. */
bool notice_odd(struct sl_engine *engine, const struct sl_packet *packet, const struct sl_session *session,
		const struct sl_facts *facts, bool protect);

/* tell.c: events. */
void tell_end(struct sl_engine *engine, const struct sl_session *session, enum sl_session_end why);
void tell_violation(struct sl_engine *engine, struct sl_session *session, bool blocked);
/* session may be NULL. True: it is dropped, the workload being in protect. */
bool tell_threat(struct sl_engine *engine, enum sl_threat threat, const struct sl_packet *packet,
		 const struct sl_session *session, bool protect);
/* Of one that is no single packet's. Nothing is dropped for it. */
void tell_threat_of(struct sl_engine *engine, enum sl_threat threat, const struct sl_session *session);
void tell_threats_due(struct sl_engine *engine);
void tell_drop(struct sl_engine *engine, const struct sl_packet *packet, const struct sl_session *session,
	       const char *reason);

#endif
