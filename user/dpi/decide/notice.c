// SPDX-License-Identifier: BSD-2-Clause
/* Threats that well-formed packets are, and from where on; see engine_own.h. */
#include "dpi/decide/engine_own.h"
#include "lib/thresholds.h"

void notice_limits(const struct sl_thresholds *t, struct sl_meter_limit ret[SL_METER_KINDS])
{
	ret[SL_METER_SYN] =
		(struct sl_meter_limit){ t->syn_flood, sl_threshold_rest(t->syn_flood, t->syn_flood_rest) };
	ret[SL_METER_ICMP] = (struct sl_meter_limit){ t->icmp_flood,
						      sl_threshold_rest(t->icmp_flood, t->icmp_flood_rest) };
	ret[SL_METER_SESSIONS] =
		(struct sl_meter_limit){ t->source_sessions,
					 sl_threshold_rest(t->source_sessions, t->source_sessions_rest) };
}

void sl_engine_set_thresholds(struct sl_engine *engine, const struct sl_thresholds *thresholds)
{
	struct sl_meter_limit limits[SL_METER_KINDS];

	engine->conf.thresholds = *thresholds;
	notice_limits(thresholds, limits);
	sl_meters_set(engine->meters, limits);
	sl_table_set_no_data(engine->table, thresholds->no_data);
}

void sl_engine_thresholds(const struct sl_engine *engine, struct sl_thresholds *ret)
{
	*ret = engine->conf.thresholds;
}

bool notice_flood(struct sl_engine *engine, const struct sl_packet *packet, bool protect)
{
	struct sl_meter_answer answer;

	if (packet->kind == SL_PACKET_TCP && (packet->tcp_flags & (SL_TCP_SYN | SL_TCP_ACK)) == SL_TCP_SYN) {
		sl_meter(engine->meters, SL_METER_SYN, packet->workload, &packet->tuple.source,
			 engine->now_ns, &answer);
		return answer.firing && tell_threat(engine, SL_THREAT_syn_flood, packet, NULL, protect);
	}
	if (packet->kind == SL_PACKET_ICMP) {
		sl_meter(engine->meters, SL_METER_ICMP, packet->workload, NULL, engine->now_ns, &answer);
		return answer.firing && tell_threat(engine, SL_THREAT_icmp_flood, packet, NULL, protect);
	}
	return false;
}

bool notice_source_flood(struct sl_engine *engine, const struct sl_packet *packet, bool protect)
{
	struct sl_meter_answer answer;

	sl_meter(engine->meters, SL_METER_SESSIONS, packet->workload, &packet->tuple.source, engine->now_ns,
		 &answer);
	return answer.firing && tell_threat(engine, SL_THREAT_source_sessions, packet, NULL, protect);
}

bool notice_odd(struct sl_engine *engine, const struct sl_packet *packet, const struct sl_session *session,
		const struct sl_facts *facts, bool protect)
{
	const struct sl_thresholds *thresholds = &engine->conf.thresholds;
	bool odd = false;

	if (facts->facts & SL_FACT_DATA_ON_SYN)
		odd |= tell_threat(engine, SL_THREAT_syn_data, packet, session, protect);
	if (facts->facts & SL_FACT_SPLIT_HANDSHAKE)
		odd |= tell_threat(engine, SL_THREAT_split_handshake, packet, session, protect);
	if (packet->tcp_flags & SL_TCP_SYN && packet->tcp.mss && packet->tcp.mss < thresholds->small_mss)
		odd |= tell_threat(engine, SL_THREAT_small_mss, packet, session, protect);
	if (facts->handshake && facts->window < thresholds->small_window)
		odd |= tell_threat(engine, SL_THREAT_small_window, packet, session, protect);
	return odd;
}
