// SPDX-License-Identifier: BSD-2-Clause
/* What the policy makes of a session; see engine_own.h. */
#include <netinet/in.h>

#include "dpi/decide/engine_own.h"
#include "dpi/decide/refuse.h"
#include "dpi/policy/agent.h"
#include "dpi/decide/verdict.h"
#include "dpi/session/list.h"

#define SECOND 1000000000ull
#define GRACE_S (SL_GRACE_NS / SECOND)
#define AGENT_CRITICAL 5 /* the worst of its severities */

static struct sl_policy_query query_of(const struct sl_engine *engine, const struct sl_session *session)
{
	const struct sl_tuple *tuple = &session->tuple;
	const struct sl_addr *peer = session->ingress ? &tuple->source : &tuple->destination;

	return (struct sl_policy_query){
		.workload = session->workload,
		.ingress = session->ingress,
		.peer = *peer,
		.peer_workload = sl_peers_find(engine->peers, peer),
		.port = tuple->destination_port,
		.protocol = tuple->protocol,
		.application = session->application,
		.application_final = session->application_final,
		.now_ns = engine->now_ns,
		.own = session->ingress ? tuple->destination : tuple->source,
		.host = session->name,
		.grace = engine->grace,
	};
}

static void ask(const struct sl_engine *engine, const struct sl_session *session,
		struct sl_policy_answer *ret)
{
	struct sl_policy_query query = query_of(engine, session);

	if (engine->agent) {
		sl_policy_ask(engine->agent, &query, ret);
		if (ret->agent)
			return;
	}
	if (!engine->policy) {
		*ret = (struct sl_policy_answer){ .action = SL_RULE_ALLOW, .mode = SL_POLICY_DISCOVER };
		return;
	}
	sl_policy_ask(engine->policy, &query, ret);
}

enum sl_policy_mode decide_mode(struct sl_engine *engine, uint16_t workload)
{
	typeof(engine->mode[0]) *mode = &engine->mode[workload % SL_ENGINE_MODES];

	if (!mode->known || mode->workload != workload) {
		struct sl_session nobody = { .workload = workload };
		struct sl_policy_answer answer;

		ask(engine, &nobody, &answer);
		mode->workload = workload;
		mode->mode = (uint8_t)answer.mode;
		mode->known = true;
	}
	return mode->mode;
}

static enum sl_policy_action action_of(const struct sl_policy_answer *answer,
				       const struct sl_session *session)
{
	if (answer->agent && !answer->pending)
		return answer->label == SL_LABEL_DENY	   ? SL_POLICY_DENY
		       : answer->label == SL_LABEL_VIOLATE ? SL_POLICY_VIOLATE
							   : SL_POLICY_ALLOW;
	/* What is discovered is a rule with its application, so it waits for that. */
	if (answer->pending || (answer->mode == SL_POLICY_DISCOVER && !session->application_final))
		return SL_POLICY_PENDING;
	if (answer->action == SL_RULE_ALLOW)
		return SL_POLICY_ALLOW;
	switch (answer->mode) {
	case SL_POLICY_PROTECT:
		return SL_POLICY_DENY;
	case SL_POLICY_MONITOR:
		return SL_POLICY_VIOLATE;
	default:
		return SL_POLICY_ALLOW;
	}
}

static bool send_own(struct sl_engine *engine, const uint8_t *frame, size_t len)
{
	struct sl_err err;

	/* A lane that is broken says so at its next run. */
	if (!len || !engine->lane || engine->lane->ops->send(engine->lane, frame, (uint32_t)len, &err) < 0)
		return false;
	count(&engine->figures.resets);
	return true;
}

/* To the side that `to` is, as if from the other. */
static void reset_side(struct sl_engine *engine, const struct sl_session *session, enum sl_side to,
		       const struct sl_reset_one *one)
{
	enum sl_side from = to == SL_CLIENT ? SL_SERVER : SL_CLIENT;
	struct sl_tuple tuple = session->tuple;
	struct sl_reset_words words = { .tuple = &tuple, .ack = one->ack, .has_ack = one->has_ack };
	uint8_t frame[SL_REFUSE_MAX];

	if (from == SL_SERVER) {
		tuple.source = session->tuple.destination;
		tuple.destination = session->tuple.source;
		tuple.source_port = session->tuple.destination_port;
		tuple.destination_port = session->tuple.source_port;
	}
	if (session->flow[from].packets)
		sl_session_mac(session, from, words.mac_destination, words.mac_source, &words.vlan);
	else
		/* It has not spoken yet: the other's addresses the other way round. */
		sl_session_mac(session, to, words.mac_source, words.mac_destination, &words.vlan);
	for (uint8_t i = 0; i < one->n; i++) {
		words.seq = one->seq[i];
		send_own(engine, frame, sl_refuse_reset_of(&words, frame));
	}
}

/* Those of the numbers that have not been sent yet. */
static void reset_others(struct sl_engine *engine, const struct sl_session *session, enum sl_side to,
			 const struct sl_reset_one *one, uint32_t sent)
{
	struct sl_reset_one rest = *one;

	rest.n = 0;
	for (uint8_t i = 0; i < one->n; i++) {
		if (one->seq[i] != sent)
			rest.seq[rest.n++] = one->seq[i];
	}
	reset_side(engine, session, to, &rest);
}

static void refuse_tcp(struct sl_engine *engine, const struct sl_session *session,
		       const struct sl_packet *packet, enum sl_side side)
{
	uint8_t frame[SL_REFUSE_MAX];
	struct sl_reset reset;

	send_own(engine, frame, sl_refuse_reset(packet, SL_TO_SENDER, frame));
	/* A receiver that has never heard of the connection needs no end of it. */
	if (session->flow[SL_SERVER].packets + session->flow[SL_CLIENT].packets < 2 ||
	    packet->tcp_flags & SL_TCP_SYN)
		return;
	send_own(engine, frame, sl_refuse_reset(packet, SL_TO_RECEIVER, frame));
	if (!session->flow[SL_SERVER].packets || !session->flow[SL_CLIENT].packets)
		return;
	/*
	 * Only the very number it waits for ends a connection (RFC 5961). The packet's are not, if what the other
	 * side has sent is still on its way, or if the packet is a repetition.
	 */
	sl_session_reset_numbers(session, &reset);
	reset_others(engine, session, side, &reset.to[side], packet->ack);
	reset_others(engine, session, !side, &reset.to[!side], packet->seq);
}

static void refuse(struct sl_engine *engine, const struct sl_session *session, const struct sl_packet *packet,
		   enum sl_side side)
{
	uint8_t frame[SL_REFUSE_MAX];

	if (packet->kind == SL_PACKET_TCP)
		refuse_tcp(engine, session, packet, side);
	else if (engine->conf.say_unreachable)
		send_own(engine, frame, sl_refuse_unreachable(packet, frame));
}

void sl_engine_kill(struct sl_engine *engine, struct sl_session *session)
{
	struct sl_reset reset;

	/* First: from here on its frames come, and its numbers are known. */
	verdict_withdraw(engine, session);
	if (session->tuple.protocol != IPPROTO_TCP) {
		sl_session_end(engine->table, session, SL_END_KILLED);
		return;
	}
	sl_session_reset_numbers(session, &reset);
	reset_side(engine, session, SL_CLIENT, &reset.to[SL_CLIENT]);
	reset_side(engine, session, SL_SERVER, &reset.to[SL_SERVER]);
	sl_session_cut(engine->table, session, SL_END_KILLED);
}

/* True if what the answer depends on is not what it was. */
static bool is_stale(const struct sl_engine *engine, const struct sl_session *session)
{
	return session->action == SL_POLICY_NONE || session->policy_generation != engine->generation ||
	       (session->action == SL_POLICY_PENDING && engine->changed) ||
	       (session->agent_flags & SL_LOOK_GRACE &&
		(uint32_t)(engine->now_ns / SECOND) - session->agent.asked_s >= GRACE_S);
}

static void learn(struct sl_engine *engine, const struct sl_session *session)
{
	struct sl_policy_query query = query_of(engine, session);

	if (sl_learn_add(engine->learn, &query))
		count(&engine->figures.learned);
}

void decide_ended(struct sl_engine *engine, const struct sl_session *session)
{
	if (session->action == SL_POLICY_PENDING &&
	    decide_mode(engine, session->workload) == SL_POLICY_DISCOVER)
		learn(engine, session);
}

/* What its session looks like to an agent. */
static void show_agent(struct sl_engine *engine, struct sl_session *session,
		       const struct sl_policy_answer *answer, uint8_t before)
{
	struct sl_agent_view *view = &session->agent;

	view->judged = answer->agent;
	session->agent_label = answer->label;
	session->agent_flags = answer->flags;
	view->asked_s = (uint32_t)(engine->now_ns / SECOND);
	if (answer->threat) {
		view->threat = answer->threat;
		view->severity = AGENT_CRITICAL;
	}
	/* The agent's clients are refused as by the existing data plane: by silence, unless they were let in before. */
	view->silent = answer->agent && (before == SL_POLICY_NONE || before == SL_POLICY_PENDING);
}

static void judge(struct sl_engine *engine, struct sl_session *session)
{
	struct sl_policy_answer answer;
	uint8_t before = session->action;

	ask(engine, session, &answer);
	session->action = (uint8_t)action_of(&answer, session);
	session->rule = answer.rule;
	session->policy_generation = engine->generation;
	show_agent(engine, session, &answer, before);
	if (answer.mode == SL_POLICY_DISCOVER && session->action == SL_POLICY_ALLOW)
		learn(engine, session);
	/* What was told of it so far was told under another policy. */
	if (session->action != before)
		session->reported = false;
	if (session->action == SL_POLICY_DENY && before != SL_POLICY_DENY) {
		session->refused = 0;
		count(&engine->figures.denied);
	}
	if (session->action == SL_POLICY_VIOLATE)
		tell_violation(engine, session, false);
	if (session->action == SL_POLICY_DENY)
		tell_violation(engine, session, true);
	if (answer.threat && session->action != before)
		report_threat(engine, answer.threat, "service's external address", 1, engine->packet, session,
			      session->workload, true);
}

enum sl_action decide_session(struct sl_engine *engine, struct sl_session *session,
			      const struct sl_packet *packet, enum sl_side side)
{
	uint8_t label = session->agent_label, before = session->action;

	if (is_stale(engine, session))
		judge(engine, session);
	if (session->action != SL_POLICY_DENY) {
		report_session(engine, session, before != session->action || label != session->agent_label);
		return SL_FORWARD;
	}
	report_denied(engine, session);
	if (session->agent.silent) {
		tell_drop(engine, packet, session, "policy");
		return SL_DROP;
	}
	session->refused += session->refused < UINT8_MAX;
	refuse(engine, session, packet, side);
	tell_drop(engine, packet, session, "policy");
	if (packet->kind == SL_PACKET_TCP)
		sl_session_cut(engine->table, session, SL_END_KILLED);
	return SL_DROP;
}

enum sl_action decide_unasked(struct sl_engine *engine, struct sl_session *session,
			      const struct sl_packet *packet, enum sl_side side)
{
	uint8_t frame[SL_REFUSE_MAX];

	if (decide_session(engine, session, packet, side) == SL_DROP)
		return SL_DROP;
	if (packet->payload_len || packet->tcp_flags & SL_TCP_FIN)
		send_own(engine, frame, sl_refuse_question(packet, frame));
	tell_drop(engine, packet, session, "unasked");
	return SL_DROP;
}

void decide_refuse_again(struct sl_engine *engine, struct sl_session *session, const struct sl_packet *packet)
{
	uint8_t frame[SL_REFUSE_MAX];

	if (session->refused == UINT8_MAX || session->agent.silent)
		return;
	session->refused++;
	if (packet->kind == SL_PACKET_TCP && !(packet->tcp_flags & SL_TCP_RST))
		send_own(engine, frame, sl_refuse_reset(packet, SL_TO_SENDER, frame));
}

enum sl_action decide_related(struct sl_engine *engine, struct sl_session *session,
			      const struct sl_packet *packet)
{
	engine->changed = false;
	if (is_stale(engine, session))
		judge(engine, session);
	if (session->action != SL_POLICY_DENY)
		return SL_FORWARD;
	tell_drop(engine, packet, session, "policy");
	return SL_DROP;
}
