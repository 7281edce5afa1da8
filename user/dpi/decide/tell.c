// SPDX-License-Identifier: BSD-2-Clause
/* Events of the engine; see engine_own.h. */
#include <stdio.h>
#include <string.h>

#include "dpi/decide/engine_own.h"

static enum sl_flow_reason flow_reason(enum sl_session_end why)
{
	switch (why) {
	case SL_END_FIN:
	case SL_END_RST:
		return SL_FLOW_CLOSED;
	case SL_END_TIMEOUT:
		return SL_FLOW_TIMEOUT;
	case SL_END_EVICTED:
		return SL_FLOW_EVICTED;
	default:
		return SL_FLOW_FORCED;
	}
}

static void of_session(struct sl_event *event, const struct sl_session *session)
{
	/* Who has not spoken has no tag; both speak on the same VLAN. */
	enum sl_side side = session->flow[SL_CLIENT].packets ? SL_CLIENT : SL_SERVER;
	uint8_t destination[6], source[6];

	sl_event_of_session(event, session);
	sl_session_mac(session, side, destination, source, &event->vlan);
}

void tell_end(struct sl_engine *engine, const struct sl_session *session, enum sl_session_end why)
{
	struct sl_event event;

	of_session(&event, session);
	event.kind = SL_EVENT_FLOW;
	event.time_ns = engine->now_ns;
	memcpy(event.flow.flow, session->flow, sizeof(event.flow.flow));
	memcpy(event.flow.tcp_flags, session->tcp_flags, sizeof(event.flow.tcp_flags));
	memcpy(event.flow.tcp_state, session->state, sizeof(event.flow.tcp_state));
	event.flow.reason = flow_reason(why);
	event.flow.reported = session->reported;
	sl_event_put(engine->events, &event);
}

void tell_violation(struct sl_engine *engine, struct sl_session *session, bool blocked)
{
	struct sl_event event;

	if (session->reported)
		return;
	session->reported = true;
	if (!blocked)
		count(&engine->figures.violations);
	of_session(&event, session);
	event.kind = SL_EVENT_ALERT;
	event.time_ns = engine->now_ns;
	event.alert.id = SL_ALERT_POLICY;
	event.alert.severity = blocked ? 2 : 3;
	event.alert.blocked = blocked;
	if (session->rule)
		snprintf(event.alert.text, sizeof(event.alert.text), "policy violation, rule %u",
			 session->rule);
	else
		snprintf(event.alert.text, sizeof(event.alert.text), "policy violation, no rule allows it");
	snprintf(event.alert.category, sizeof(event.alert.category), "policy");
	sl_event_put(engine->events, &event);
}

static void fill_threat(struct sl_event *event, enum sl_threat threat, uint32_t times, bool blocked)
{
	const struct sl_threat_facts *facts = sl_threat_facts(threat);

	event->kind = SL_EVENT_ALERT;
	event->alert.id = facts->number;
	event->alert.severity = facts->severity;
	event->alert.blocked = blocked;
	if (times > 1)
		snprintf(event->alert.text, sizeof(event->alert.text), "%s (%u times)", facts->text, times);
	else
		snprintf(event->alert.text, sizeof(event->alert.text), "%s", facts->text);
	snprintf(event->alert.category, sizeof(event->alert.category), "threat");
}

bool tell_threat(struct sl_engine *engine, enum sl_threat threat, const struct sl_packet *packet,
		 const struct sl_session *session, bool protect)
{
	bool blocked = protect && sl_threat_facts(threat)->drops;
	uint32_t times = sl_threat_count(engine->threats, threat, packet->workload, engine->now_ns);
	struct sl_event event;

	count(&engine->figures.threats);
	if (!times)
		return blocked;
	if (session)
		of_session(&event, session);
	else
		sl_event_of_packet(&event, packet);
	event.time_ns = engine->now_ns;
	fill_threat(&event, threat, times, blocked);
	sl_event_put(engine->events, &event);
	report_threat(engine, sl_threat_facts(threat)->number, sl_threat_facts(threat)->text, times, packet,
		      session, packet->workload, blocked);
	return blocked;
}

void tell_threat_of(struct sl_engine *engine, enum sl_threat threat, const struct sl_session *session)
{
	uint32_t times = sl_threat_count(engine->threats, threat, session->workload, engine->now_ns);
	struct sl_event event;

	count(&engine->figures.threats);
	if (!times)
		return;
	of_session(&event, session);
	event.time_ns = engine->now_ns;
	fill_threat(&event, threat, times, false);
	sl_event_put(engine->events, &event);
	report_threat(engine, sl_threat_facts(threat)->number, sl_threat_facts(threat)->text, times, NULL,
		      session, session->workload, false);
}

void tell_threats_due(struct sl_engine *engine)
{
	enum sl_threat threat = SL_THREAT_bad_packet;
	struct sl_event event;
	uint16_t workload = 0;
	uint32_t times;

	while ((times = sl_threat_due(engine->threats, engine->now_ns, &threat, &workload))) {
		memset(&event, 0, sizeof(event));
		/* Of many packets: no one's addresses. */
		event.tuple.family = 4;
		event.workload = workload;
		event.time_ns = event.start_ns = event.last_ns = engine->now_ns;
		fill_threat(&event, threat, times,
			    decide_mode(engine, workload) == SL_POLICY_PROTECT &&
				    sl_threat_facts(threat)->drops);
		sl_event_put(engine->events, &event);
		report_threat(engine, event.alert.id, sl_threat_facts(threat)->text, times, NULL, NULL,
			      workload, event.alert.blocked);
	}
}

void tell_drop(struct sl_engine *engine, const struct sl_packet *packet, const struct sl_session *session,
	       const char *reason)
{
	struct sl_event event;

	count(&engine->figures.dropped);
	if (!engine->conf.drop_events)
		return;
	if (session)
		of_session(&event, session);
	else
		sl_event_of_packet(&event, packet);
	event.kind = SL_EVENT_DROP;
	event.time_ns = engine->now_ns;
	event.drop.len = packet->ip_len;
	event.drop.seq = packet->seq;
	event.drop.ack = packet->ack;
	event.drop.window = packet->window;
	event.drop.ttl = packet->ttl;
	event.drop.tcp_flags = packet->tcp_flags;
	snprintf(event.drop.reason, sizeof(event.drop.reason), "%s", reason);
	sl_event_put(engine->events, &event);
}
