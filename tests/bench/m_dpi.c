// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a frame costs in the core, by stage and as a whole, without a lane: the
 * same frames through more and more of it. 1000 rules, the workload in protect.
 *
 * Invariant: what should pass passes and is found in the figures, or the run
 * is void.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/bench.h"
#include "dpi/decide/engine.h"
#include "dpi/decode/decode.h"
#include "dpi/policy/policies.h"
#include "dpi/session/list.h"
#include "dpi/session/track.h"
#include "lib/frames.h"
#include "policyfile/compile.h"

#define RULES 1000
#define FLOWS 512
#define ROUNDS 400
#define NEW 100000u
#define CONNECTIONS 20000u
#define ID 7
#define BATCH 64 /* frames between two turns, as the worker has it */

struct small {
	uint32_t len;
	uint8_t data[300];
};

struct bed {
	struct sl_engine *engine;
	struct sl_policies *policies;
	struct sl_decoder *decoder;
	struct sl_table *table;
	struct small flow[FLOWS];
	uint64_t now_ns;
	uint32_t next; /* the next connection's or session's number */
};

static double clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static struct sl_frame shown(struct small *small)
{
	return (struct sl_frame){ .len = small->len,
				  .n_pieces = 1,
				  .csum = SL_CSUM_VERIFIED,
				  .piece = { { small->data, small->len } } };
}

static void keep(struct small *small, const struct frame *f)
{
	small->len = f->len;
	memcpy(small->data, f->data, f->len < sizeof(small->data) ? f->len : sizeof(small->data));
}

/* A datagram of 64 bytes of frame, from a peer's port to one that is allowed. */
static void make_udp(struct small *small)
{
	static struct frame f;

	frame_eth(&f, mac_uc(ID), mac_of("02:00:00:00:00:01"));
	frame_ipv4(&f, "10.1.2.3", "10.9.8.7", IPPROTO_UDP);
	frame_udp(&f, 40000, 4000, NULL, 22);
	keep(small, &f);
}

/* The client's address and port are the number; the checksums do not matter to who says they were verified. */
static void renumber(struct small *small, uint32_t n, bool to)
{
	uint8_t *ip = small->data + 14, *ports = small->data + 34;
	uint32_t sum = 0;
	uint16_t port = (uint16_t)(32768 + n % 28000);

	ip[to ? 13 : 17] = (uint8_t)(n / 28000 >> 8);
	ip[to ? 14 : 18] = (uint8_t)(n / 28000);
	ports[to ? 0 : 2] = (uint8_t)(port >> 8);
	ports[to ? 1 : 3] = (uint8_t)port;
	ip[10] = ip[11] = 0;
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
	sum = ~((sum & 0xffff) + (sum >> 16));
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
}

static int set_policy(struct bed *bed, struct sl_err *err)
{
	struct sl_policy *policy = NULL;
	struct sl_rules *rules = NULL;
	void *block = NULL;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int r;

	if (!out)
		return sl_err(err, ENOMEM, "no memory for rules");
	fputs("version: 1\ndefault: {mode: protect}\nrules:\n", out);
	for (unsigned int i = 1; i < RULES - 2; i++)
		fprintf(out,
			"- {id: %u, direction: %s, protocol: %s, ports: %u, peer: 172.%u.%u.0/24, action: "
			"%s}\n",
			i, i % 2 ? "ingress" : "egress", i % 3 ? "tcp" : "udp", 5000 + i, 16 + i % 16,
			i % 256, i % 5 ? "allow" : "deny");
	fprintf(out, "- {id: %d, direction: ingress, protocol: udp, ports: 4000, action: allow}\n", RULES);
	fprintf(out,
		"- {id: %d, direction: ingress, protocol: tcp, ports: 80, application: http, action: "
		"allow}\n",
		RULES + 1);
	fclose(out);
	r = sl_rules_read(text, size, "bench", &rules, err);
	r = r ?: sl_rules_compile(rules, NULL, &block, &size, NULL, err);
	r = r ?: sl_policy_open(block, size, &policy, err);
	if (!r)
		sl_policies_set(bed->policies, policy, 1);
	sl_rules_free(rules);
	free(block);
	free(text);
	return r;
}

static int bed_open(struct bed *bed, struct sl_err *err)
{
	struct sl_engine_conf conf;
	struct sl_table_config config;
	int r;

	sl_engine_conf_init(&conf);
	conf.thresholds.syn_flood = 0; /* all come from few addresses */
	sl_table_config_init(&config);
	bed->now_ns = 1000000000;
	bed->decoder = sl_decoder_new();
	if (!bed->decoder)
		return sl_err(err, ENOMEM, "no memory for a decoder");
	r = sl_policies_open(&bed->policies, 1, err);
	r = r ?: sl_engine_open(&bed->engine, &conf, 0, 1, bed->policies, NULL, err);
	r = r ?: sl_table_open(&bed->table, &config, err);
	r = r ?: set_policy(bed, err);
	for (uint32_t i = 0; !r && i < FLOWS; i++) {
		make_udp(&bed->flow[i]);
		renumber(&bed->flow[i], i, true);
	}
	return r;
}

static void bed_close(struct bed *bed)
{
	sl_table_close(bed->table);
	sl_engine_close(bed->engine);
	sl_policies_close(bed->policies);
	sl_decoder_free(bed->decoder);
}

static int measure_decode(void *context, double *ret, struct sl_err *err)
{
	struct bed *bed = context;
	struct sl_packet packet;
	double before = clock_now();
	unsigned int bad = 0;

	for (unsigned int round = 0; round < ROUNDS; round++)
		for (unsigned int i = 0; i < FLOWS; i++) {
			struct sl_frame frame = shown(&bed->flow[i]);

			bad += sl_decode(&packet, &frame, bed->decoder, bed->now_ns) < 0;
		}
	*ret = (clock_now() - before) / ROUNDS / FLOWS;
	return bad ? sl_err(err, EIO, "%u frames were not decoded", bad) : 0;
}

static int measure_tracked(void *context, double *ret, struct sl_err *err)
{
	struct bed *bed = context;
	struct sl_packet packet;
	struct sl_facts facts;
	struct sl_found found;
	double before = clock_now();
	unsigned int lost = 0;

	for (unsigned int round = 0; round < ROUNDS; round++)
		for (unsigned int i = 0; i < FLOWS; i++) {
			struct sl_frame frame = shown(&bed->flow[i]);
			struct sl_session *session;

			sl_decode(&packet, &frame, bed->decoder, bed->now_ns);
			session = sl_session_of(bed->table, &packet, true, &found);
			lost += !session;
			if (session)
				sl_session_track(bed->table, session, &packet, found.side, &facts);
		}
	*ret = (clock_now() - before) / ROUNDS / FLOWS;
	return lost ? sl_err(err, EIO, "%u packets had no session", lost) : 0;
}

static void turn(struct bed *bed)
{
	struct sl_event event;

	bed->now_ns += 50000;
	sl_engine_turn(bed->engine, bed->now_ns);
	while (sl_event_take(sl_engine_events(bed->engine), &event))
		;
}

/* Frames forwarded. */
static unsigned int handle(struct bed *bed, struct small *small)
{
	struct sl_frame frame = shown(small);

	return sl_engine_handle(bed->engine, &frame) == SL_FORWARD;
}

static int measure_engine(void *context, double *ret, struct sl_err *err)
{
	struct bed *bed = context;
	double before = clock_now();
	unsigned int passed = 0;

	for (unsigned int round = 0; round < ROUNDS; round++)
		for (unsigned int i = 0; i < FLOWS; i++) {
			if (i % BATCH == 0)
				turn(bed);
			passed += handle(bed, &bed->flow[i]);
		}
	*ret = (clock_now() - before) / ROUNDS / FLOWS;
	return passed != ROUNDS * FLOWS ? sl_err(err, EIO, "only %u frames passed", passed) : 0;
}

static void end_sessions(struct bed *bed)
{
	struct sl_session_filter all = { 0 };
	struct sl_cursor cursor = { 0 };
	struct sl_session *session;
	uint32_t budget = UINT32_MAX;

	while ((session = sl_sessions_next(sl_engine_table(bed->engine), &cursor, &all, &budget)))
		sl_session_end(sl_engine_table(bed->engine), session, SL_END_KILLED);
	turn(bed);
}

static int measure_new(void *context, double *ret, struct sl_err *err)
{
	struct bed *bed = context;
	unsigned int passed = 0;
	struct small small;
	double before;

	make_udp(&small);
	end_sessions(bed);
	before = clock_now();
	for (unsigned int i = 0; i < NEW; i++) {
		if (i % BATCH == 0)
			turn(bed);
		renumber(&small, FLOWS + i, true);
		passed += handle(bed, &small);
	}
	*ret = (clock_now() - before) / NEW;
	end_sessions(bed);
	return passed != NEW ? sl_err(err, EIO, "only %u first packets passed", passed) : 0;
}

/* A connection: opened, HTTP asked and answered, closed by both. */
static void make_connection(struct small frames[9])
{
	static const char ask[] = "GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n";
	static const char say[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
	const uint32_t a = 1001 + sizeof(ask) - 1, b = 5001 + sizeof(say) - 1;
	const struct {
		bool to;
		uint32_t seq, ack;
		uint8_t flags;
		const char *data;
	} script[9] = { { true, 1000, 0, FRAME_SYN, "" },
			{ false, 5000, 1001, FRAME_SYN | FRAME_ACK, "" },
			{ true, 1001, 5001, FRAME_ACK, "" },
			{ true, 1001, 5001, FRAME_ACK | FRAME_PSH, ask },
			{ false, 5001, a, FRAME_ACK | FRAME_PSH, say },
			{ true, a, b, FRAME_ACK, "" },
			{ false, b, a, FRAME_ACK | FRAME_FIN, "" },
			{ true, a, b + 1, FRAME_ACK | FRAME_FIN, "" },
			{ false, b + 1, a + 1, FRAME_ACK, "" } };
	static struct frame f;

	for (unsigned int i = 0; i < 9; i++) {
		bool to = script[i].to;
		struct mac other = mac_of("02:00:00:00:00:01");

		frame_eth(&f, to ? mac_uc(ID) : other, to ? other : mac_uc(ID));
		frame_ipv4(&f, to ? "10.1.2.3" : "10.9.8.7", to ? "10.9.8.7" : "10.1.2.3", IPPROTO_TCP);
		frame_tcp(&f, to ? 40000 : 80, to ? 80 : 40000, script[i].seq, script[i].ack, script[i].flags,
			  script[i].data, strlen(script[i].data));
		keep(&frames[i], &f);
	}
}

static int measure_connection(void *context, double *ret, struct sl_err *err)
{
	struct bed *bed = context;
	unsigned int passed = 0;
	struct small frames[9];
	double before;

	make_connection(frames);
	end_sessions(bed);
	before = clock_now();
	for (unsigned int i = 0; i < CONNECTIONS; i++) {
		if (i % 8 == 0)
			turn(bed);
		for (unsigned int k = 0; k < 9; k++) {
			renumber(&frames[k], i, frames[k].data[0] == 0x4e);
			passed += handle(bed, &frames[k]);
		}
	}
	*ret = (clock_now() - before) / CONNECTIONS / 1000;
	end_sessions(bed);
	return passed != 9 * CONNECTIONS
		       ? sl_err(err, EIO, "only %u of %u frames passed", passed, 9 * CONNECTIONS)
		       : 0;
}

static int one(struct bed *bed, const char *name, const char *contender, const char *unit, const char *note,
	       bench_measure measure, struct sl_err *err)
{
	struct series series = {
		.name = name, .contender = contender, .unit = unit, .note = note, .kind = BENCH_VALUE
	};
	struct bench_side side = { measure, bed };

	return bench_figure(&series, &side, NULL, err);
}

int measure_dpi(struct sl_err *err)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	int r;

	if (!bed)
		return sl_err(err, ENOMEM, "no memory for an engine");
	r = bed_open(bed, err);
	r = r
		    ?: one(bed, "dpi_decode_ns", "decode", "ns",
			   "64-byte UDP frames of 512 flows, warm caches", measure_decode, err);
	r = r
		    ?: one(bed, "dpi_decode_session_ns", "decode, session", "ns",
			   "the same, found and tracked", measure_tracked, err);
	r = r
		    ?: one(bed, "dpi_frame_ns", "a frame of a known session", "ns",
			   "the same through all stages: decode, session, inspect, 1000 rules, protect",
			   measure_engine, err);
	r = r
		    ?: one(bed, "dpi_new_session_ns", "a frame of a new session", "ns",
			   "UDP: made, inspected, judged by 1000 rules", measure_new, err);
	r = r
		    ?: one(bed, "dpi_connection_us", "an HTTP connection", "us",
			   "9 frames: opened, application found and judged, closed; with its events",
			   measure_connection, err);
	bed_close(bed);
	free(bed);
	return r;
}
