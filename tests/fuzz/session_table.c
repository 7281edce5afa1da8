// SPDX-License-Identifier: BSD-2-Clause
/*
 * A small session table under libFuzzer: any packets, at any times, killed
 * and listed in between; its counts agree with each other after every step.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "dpi/session/deliver.h"
#include "dpi/session/list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t ends;

static void must(bool what)
{
	if (!what)
		abort();
}

static void ended(void *context, struct sl_session *session, enum sl_session_end why)
{
	(void)context;
	(void)session;
	must(why < SL_END_MAX);
	ends++;
}

static void sink(void *context, struct sl_session *session, enum sl_side side, const uint8_t *data,
		 uint32_t len)
{
	(void)context;
	(void)data;
	must(session && side <= SL_SERVER && len);
}

static void check(const struct sl_table *table)
{
	struct sl_table_stats stats;
	uint32_t sum = 0, kinds = 0;

	sl_table_stats(table, &stats);
	for (int i = 0; i < SL_CLASS_MAX; i++)
		sum += stats.by_class[i];
	for (int i = 0; i < SL_KIND_MAX; i++)
		kinds += stats.by_kind[i];
	must(sum == stats.sessions && kinds == sum && sum <= stats.sessions_max);
	must(stats.made == ends + stats.sessions);
}

static void packet_of(struct sl_packet *p, uint8_t *frame, const uint8_t *d, const uint8_t *rest, size_t left)
{
	static const enum sl_packet_kind kind[] = { SL_PACKET_TCP,	  SL_PACKET_TCP,  SL_PACKET_TCP,
						    SL_PACKET_TCP,	  SL_PACKET_UDP,  SL_PACKET_ICMP,
						    SL_PACKET_ICMP_ERROR, SL_PACKET_OTHER };
	static const uint8_t protocol[] = { IPPROTO_TCP, IPPROTO_TCP,  IPPROTO_TCP,  IPPROTO_TCP,
					    IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMP, IPPROTO_SCTP };
	bool way = d[1] & 0x80;

	memset(p, 0, sizeof(*p));
	p->data = frame;
	p->kind = kind[d[0] & 7];
	p->workload = 1;
	p->to_workload = way;
	p->tuple.protocol = protocol[d[0] & 7];
	p->tuple.family = d[0] & 8 ? 6 : 4;
	p->tuple.source.byte[15] = way ? d[1] & 0x3f : 0xff;
	p->tuple.destination.byte[15] = way ? 0xff : d[1] & 0x3f;
	p->tuple.source_port = way ? 40000 : 80;
	p->tuple.destination_port = way ? 80 : 40000;
	p->inner = p->tuple;
	p->inner.protocol = d[2] & 1 ? IPPROTO_TCP : IPPROTO_UDP;
	p->tcp_flags = d[2];
	p->seq = (way ? 1000u : 0xfffffff0u) + (uint32_t)(int8_t)d[3] * (d[0] & 0x10 ? 5000 : 1);
	p->ack = (way ? 0xfffffff0u : 1000u) + (uint32_t)(int8_t)d[4] * (d[0] & 0x20 ? 5000 : 1);
	p->payload_len = d[5] < left ? d[5] : (uint32_t)left;
	p->payload = 54;
	p->l4 = 34;
	p->window = (uint16_t)(d[6] << 8);
	p->tcp.has_window_scale = d[7] & 1;
	p->tcp.window_scale = d[7] >> 4;
	p->tcp.has_timestamp = d[7] & 2;
	p->tcp.ts_value = d[3];
	memcpy(frame + 54, rest, p->payload_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t frame[512];
	struct sl_table_config config;
	struct sl_table *table = NULL;
	struct sl_cursor cursor = { 0 };
	uint64_t now = 1000000000;

	ends = 0;
	sl_table_config_init(&config);
	config.sessions_max = 64;
	config.bytes_max = 8 << 20;
	config.stream_total_bytes = 16384;
	config.stream_flow_bytes = 1024;
	config.stream_history_bytes = 512;
	config.ended = ended;
	must(!sl_table_open(&table, &config, NULL));
	/* Steps of 9 bytes; the payload is what follows in the input. */
	for (; size >= 9; data += 9, size -= 9) {
		struct sl_session *session;
		struct sl_packet packet;
		struct sl_found found;
		struct sl_facts facts;
		struct sl_reset reset;
		uint32_t budget = 7;

		packet_of(&packet, frame, data, data + 9, size - 9);
		now += (uint64_t)data[8] * (data[0] & 0x40 ? 1000000000ull : 1000000ull);
		packet.now_ns = now;
		session = sl_session_of(table, &packet, true, &found);
		if (session && found.event != SL_SESSION_RELATED) {
			if (found.event == SL_SESSION_NEW)
				sl_session_inspect_begin(table, session);
			sl_session_track(table, session, &packet, found.side, &facts);
			sl_session_deliver(table, session, &packet, found.side, &facts, data[0] & 0x80, sink,
					   NULL);
			sl_session_reset_numbers(session, &reset);
			if (data[7] == 0xff)
				sl_session_unwatched(table, session);
			else if (data[7] == 0xfe)
				sl_session_cut(table, session, SL_END_KILLED);
			else if (data[7] == 0xfd)
				sl_session_end(table, session, SL_END_KILLED);
			else if (data[7] == 0xfc)
				session->action = SL_POLICY_DENY;
			else if (data[7] == 0xfb)
				sl_session_inspect_end(table, session);
		}
		check(table);
		sl_sessions_tick(table, now, data[8]);
		sl_sessions_next(table, &cursor, &(struct sl_session_filter){ .established = data[8] & 1 },
				 &budget);
		if (cursor.done)
			cursor = (struct sl_cursor){ 0 };
		check(table);
	}
	sl_table_close(table);
	return 0;
}
