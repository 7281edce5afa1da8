// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reports for an agent; see engine_own.h. When a connection is told of is the
 * existing protocol's: when its application is found, when the policy decides
 * against it, now and then while it lasts, and at its end.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "dpi/decide/engine_own.h"
#include "dpi/inspect/application.h"
#include "dpi/policy/agent.h"

#define SECOND 1000000000ull
#define AGAIN_S 60
#define AGAIN_DNS_S 15
#define PATTERNS_FIRST 2000 /* threats' numbers: below are those that are counted */
#define ETHERNET 14 /* sessions count IP packets, the protocol frames */

static void fill(struct sl_report *report, const struct sl_engine *engine, const struct sl_session *session)
{
	*report = (struct sl_report){
		.workload = session->workload,
		.time_ns = engine->now_ns,
		.tuple = session->tuple,
		.application = session->application,
		.application_final = session->application_final,
		.ingress = session->ingress,
		.label = session->agent_label,
		.severity = session->agent.severity,
		.flags = session->agent_flags,
		.rule = session->rule,
		.threat = session->agent.threat,
	};
}

static uint64_t frames_of(const struct sl_session *session)
{
	const struct sl_session_flow *flow = session->flow;

	return flow[0].bytes + flow[1].bytes + ETHERNET * (flow[0].packets + flow[1].packets);
}

static void tell(struct sl_engine *engine, struct sl_session *session, uint32_t violates)
{
	struct sl_agent_view *view = &session->agent;
	uint64_t bytes = frames_of(session);
	struct sl_report report;

	fill(&report, engine, session);
	report.kind = SL_REPORT_CONNECTION;
	report.connection.first_ns = session->started_ns;
	report.connection.last_ns = session->last_ns;
	report.connection.bytes = bytes - view->told_bytes;
	report.connection.sessions = !view->told && !violates;
	report.connection.violates = violates;
	/* What finds no room is told next time. */
	if (!sl_report_put(engine->reports, &report, NULL, 0))
		return;
	view->told_bytes = bytes;
	view->told = true;
	view->told_s = (uint32_t)(engine->now_ns / SECOND);
}

void report_denied(struct sl_engine *engine, struct sl_session *session)
{
	if (sl_report_wanted(engine->reports))
		tell(engine, session, 1);
}

void report_session(struct sl_engine *engine, struct sl_session *session, bool judged)
{
	struct sl_agent_view *view = &session->agent;
	uint32_t now = (uint32_t)(engine->now_ns / SECOND);
	bool tcp = session->tuple.protocol == IPPROTO_TCP, due;

	if (!sl_report_wanted(engine->reports))
		return;
	if (!view->told) {
		/* Of TCP only once there is something to say beyond that it was tried. */
		if (!tcp || (session->application && engine->changed) || session->action == SL_POLICY_VIOLATE)
			tell(engine, session, session->action == SL_POLICY_VIOLATE && judged);
		return;
	}
	due = tcp ? now - view->told_s >= AGAIN_S
		  : session->application == SL_APPLICATION_DNS && now - view->told_s >= AGAIN_DNS_S;
	if (due || judged || (engine->changed && session->application))
		tell(engine, session, session->action == SL_POLICY_VIOLATE && judged);
}

void report_end(struct sl_engine *engine, struct sl_session *session)
{
	bool tcp = session->tuple.protocol == IPPROTO_TCP;

	if (!sl_report_wanted(engine->reports) || session->action == SL_POLICY_DENY ||
	    frames_of(session) == session->agent.told_bytes)
		return;
	/* A connection that never came about is none. */
	if (tcp && !session->agent.told &&
	    !(session->tcp_flags[SL_SERVER] & SL_TCP_SYN && session->flow[SL_CLIENT].packets > 1) &&
	    !session->picked_up)
		return;
	if (tcp && !session->agent.told && session->tcp_flags[SL_CLIENT] & SL_TCP_RST &&
	    session->flow[SL_CLIENT].packets <= 2)
		return;
	tell(engine, session, 0);
}

void report_threat(struct sl_engine *engine, uint32_t number, const char *text, uint32_t count,
		   const struct sl_packet *packet, const struct sl_session *session, uint16_t workload,
		   bool dropped)
{
	struct sl_report report = { .application = 0 };
	size_t len = 0;

	if (!sl_report_wanted(engine->reports))
		return;
	if (session)
		fill(&report, engine, session);
	/* From the sender to the receiver, whoever of them is the client; of a flood of ICMP nobody is. */
	if (packet && number != sl_threat_facts(SL_THREAT_icmp_flood)->number)
		report.tuple = packet->tuple;
	report.kind = SL_REPORT_THREAT;
	report.workload = workload;
	report.time_ns = engine->now_ns;
	report.threat = number;
	report.seen.count = count;
	report.seen.dropped = dropped;
	snprintf(report.seen.text, sizeof(report.seen.text), "%s", text);
	/* A flood is many packets, none of which says anything by itself. */
	if (packet && number >= PATTERNS_FIRST) {
		len = packet->len < SL_REPORT_PACKET ? packet->len : SL_REPORT_PACKET;
		if (!session)
			report.ingress = packet->to_workload;
		report.seen.packet_len = (uint16_t)len;
		report.seen.captured = (uint16_t)(packet->len < UINT16_MAX ? packet->len : UINT16_MAX);
		report.seen.to_workload = packet->to_workload;
		report.seen.icmp_type = packet->icmp_type;
		report.seen.icmp_code = packet->icmp_code;
	}
	sl_report_put(engine->reports, &report, len ? packet->data : NULL, len);
}

void report_named(struct sl_engine *engine, uint16_t workload, const char *name,
		  const struct sl_addr *address, uint32_t ttl)
{
	struct sl_report report = { .kind = SL_REPORT_NAMED,
				    .workload = workload,
				    .time_ns = engine->now_ns };
	size_t len = strnlen(name, SL_REPORT_NAME - 1);

	if (!sl_report_wanted(engine->reports))
		return;
	report.named.address = *address;
	report.named.ttl = ttl;
	report.named.name_len = (uint16_t)len;
	sl_report_put(engine->reports, &report, name, len);
}
