// SPDX-License-Identifier: BSD-2-Clause
/* From a session's packets to its application; see engine_own.h. */
#include <netinet/in.h>

#include "dpi/decide/engine_own.h"
#include "dpi/inspect/application.h"
#include "dpi/inspect/dns.h"

/*
 * What a name stands for, as its server says: rules by name need it. The server is one that the workload may ask
 * and has asked: a workload that could answer by itself would open what it likes for all others.
 */
static void learn_names(struct sl_engine *engine, const struct sl_session *session, const uint8_t *data,
			uint32_t len, enum sl_side side)
{
	static _Thread_local struct sl_dns dns; /* kilobytes: not on the stack */

	/* Over TCP a message has its length in front. */
	if (session->tuple.protocol == IPPROTO_TCP && len > 2) {
		data += 2;
		len -= 2;
	}
	if (!engine->policies || session->application != SL_APPLICATION_DNS || side != SL_SERVER ||
	    session->ingress || session->action == SL_POLICY_DENY || sl_dns_parse(data, len, &dns) < 0 ||
	    !dns.response)
		return;
	for (unsigned int i = 0; i < dns.n_records; i++) {
		const struct sl_dns_record *record = &dns.record[i];

		if (record->type == SL_DNS_CNAME || !dns.question.len)
			continue;
		report_named(engine, session->workload, dns.question.text, &record->address, record->ttl);
		/* By the name that was asked for: aliases lead from there to the record's owner. */
		sl_policies_learn(engine->policies, dns.question.text, &record->address, record->ttl,
				  engine->now_ns);
		if (engine->conf.agents)
			sl_policies_learn(engine->conf.agents, dns.question.text, &record->address,
					  record->ttl, engine->now_ns);
	}
}

static void show(struct sl_engine *engine, struct sl_session *session, const uint8_t *data, uint32_t len,
		 enum sl_side side)
{
	if (sl_inspect_wants(session) &&
	    sl_inspect(engine->inspector, session, engine->packet, data, len, side))
		engine->changed = true;
	learn_names(engine, session, data, len, side);
}

static void sink(void *context, struct sl_session *session, enum sl_side side, const uint8_t *data,
		 uint32_t len)
{
	if (data)
		show(context, session, data, len, side);
}

bool inspect_wants_stream(const struct sl_engine *engine, const struct sl_session *session)
{
	return engine->policies && session->application == SL_APPLICATION_DNS && !session->ingress;
}

static bool wants(const struct sl_engine *engine, const struct sl_session *session)
{
	return sl_inspect_wants(session) || inspect_wants_stream(engine, session);
}

static bool inspect_tcp(struct sl_engine *engine, struct sl_session *session, const struct sl_packet *packet,
			enum sl_side side, const struct sl_facts *facts, bool protect)
{
	uint32_t seen;

	if (!wants(engine, session))
		return true;
	/* A stream whose beginning was missed, or for which there is no memory, has no application we could name. */
	if (sl_session_inspect_begin(engine->table, session) < 0) {
		if (!session->application_final)
			session->application_final = engine->changed = true;
		return true;
	}
	seen = sl_session_deliver(engine->table, session, packet, side, facts, protect, sink, engine);
	if (!wants(engine, session))
		sl_session_inspect_end(engine->table, session);
	/* What belongs to a gap that was skipped has not been seen, and would not be. */
	return !(seen & (SL_STREAM_REFUSED | SL_STREAM_LATE)) || !protect;
}

bool inspect_session(struct sl_engine *engine, struct sl_session *session, const struct sl_packet *packet,
		     enum sl_side side, const struct sl_facts *facts, bool protect)
{
	engine->packet = packet;
	engine->changed = false;
	switch (packet->kind) {
	case SL_PACKET_TCP:
		return inspect_tcp(engine, session, packet, side, facts, protect);
	case SL_PACKET_UDP:
		if (packet->payload_len)
			show(engine, session, packet->data + packet->payload, packet->payload_len, side);
		return true;
	default:
		/* There is no application above these. */
		if (!session->application_final)
			session->application_final = engine->changed = true;
		return true;
	}
}
