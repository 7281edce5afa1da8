// SPDX-License-Identifier: BSD-2-Clause
/*
 * The whole engine under libFuzzer: a sequence of frames at any times, policies
 * that change in between, sessions killed, a worker that sleeps. The workload
 * is in protect and may serve TCP 8080, HTTP on 8081, and ask DNS; nothing
 * else is ever forwarded or released, and what is counted adds up.
 *
 * A step is 12 bytes of input and the payload behind them:
 * what, flags, ports, sequence, acknowledgement, length, time, fragment, …
 *
 * The engine lives from input to input, as loading nDPI takes longer than a
 * whole one; its sessions do not, and time goes on by minutes.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "dpi/decide/engine.h"
#include "lib/checksum.h"
#include "dpi/policy/policies.h"
#include "dpi/session/list.h"
#include "policyfile/compile.h"
#include "policyfile/rules.h"
#include "sluice/ucmac.h"

#define STEP 12
#define ID 7
#define IP 14

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const texts[] = {
	"version: 1\ndefault: {mode: protect}\nrules:\n"
	"- {id: 1, direction: ingress, protocol: tcp, ports: 8080, action: allow}\n"
	"- {id: 2, direction: ingress, protocol: tcp, ports: 8081, application: http, action: allow}\n"
	"- {id: 3, direction: egress, protocol: udp, ports: 53, action: allow}\n",
	"version: 1\ndefault: {mode: protect}\nrules:\n"
	"- {id: 1, direction: ingress, protocol: tcp, ports: 8080, peer: 10.0.0.0/9, action: allow}\n"
	"- {id: 3, direction: egress, protocol: [udp, tcp], ports: 53, application: dns, action: allow}\n",
};

static struct sl_engine *engine;
static struct sl_policies *policies;
static uint64_t now = 1000000000;
static uint64_t released;

/* A failed expectation must end the process in every build, which assert() does not. */
static void must(bool what)
{
	if (!what)
		abort();
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

/* What any of the policies could allow, by the frame's own headers. Fragments are judged as a whole. */
static bool could_be_allowed(const uint8_t *frame)
{
	bool to = frame[0] == 0x4e, six = frame[12] == 0x86;
	const uint8_t *ip = frame + IP, *l4 = ip + (six ? 40 : 20);
	uint8_t protocol = six ? ip[6] : ip[9];
	uint16_t server = get16(to ? l4 + 2 : l4), asked = get16(to ? l4 : l4 + 2);

	if (six && protocol == 44) {
		if (get16(ip + 42) & 0xfff8)
			return true;
		protocol = ip[40];
		l4 += 8;
		server = get16(to ? l4 + 2 : l4);
		asked = get16(to ? l4 : l4 + 2);
	}
	if (!six && get16(ip + 6) & 0x1fff)
		return true;
	switch (protocol) {
	case IPPROTO_TCP:
		return server == 8080 || server == 8081 || asked == 53;
	case IPPROTO_UDP:
		return asked == 53;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		/* Errors, and neighbours. */
		return six ? l4[0] < 128 || l4[0] == 135 || l4[0] == 136
			   : l4[0] == 3 || l4[0] == 4 || l4[0] == 5 || l4[0] == 11 || l4[0] == 12;
	default:
		return false;
	}
}

static int lane_send(struct sl_lane *lane, const uint8_t *data, uint32_t len, struct sl_err *err)
{
	volatile uint8_t touched = 0;

	(void)lane;
	(void)err;
	must(len >= 34 && len <= SL_FRAME_MAX);
	for (uint32_t i = 0; i < len; i++)
		touched ^= data[i];
	released++;
	return 0;
}

/* Read and compiled once: that is what other targets are for. */
static struct sl_policy *policy_of(unsigned int which)
{
	static void *block[2];
	static size_t size[2];
	struct sl_policy *policy = NULL;
	struct sl_rules *rules = NULL;

	if (!block[which]) {
		must(!sl_rules_read(texts[which], strlen(texts[which]), "fuzz", &rules, NULL));
		must(!sl_rules_compile(rules, NULL, &block[which], &size[which], NULL, NULL));
		sl_rules_free(rules);
	}
	must(!sl_policy_open(block[which], size[which], &policy, NULL));
	return policy;
}

static void open_engine(void)
{
	static const struct sl_lane_ops ops = { .name = "fuzz", .send = lane_send };
	static struct sl_lane lane = { .ops = &ops };
	struct sl_engine_conf conf;

	sl_engine_conf_init(&conf);
	conf.sessions = 64;
	conf.say_unreachable = true;
	must(!sl_policies_open(&policies, 1, NULL));
	must(!sl_engine_open(&engine, &conf, 0, 1, policies, &lane, NULL));
}

static void end_sessions(void)
{
	struct sl_session_filter all = { 0 };
	struct sl_cursor cursor = { 0 };
	struct sl_session *session;
	uint32_t budget = UINT32_MAX;

	while ((session = sl_sessions_next(sl_engine_table(engine), &cursor, &all, &budget)))
		sl_session_end(sl_engine_table(engine), session, SL_END_KILLED);
}

static void check(const struct sl_engine_figures *before, enum sl_action action, bool held)
{
	struct sl_table_stats stats;
	struct sl_engine_figures f;
	struct sl_event event;

	sl_engine_figures(engine, &f);
	sl_table_stats(sl_engine_table(engine), &stats);
	must(stats.sessions <= stats.sessions_max);
	must(f.packets == before->packets + 1);
	/* Each frame that is dropped is dropped for a reason, or a fragment that is kept. */
	must(f.dropped == before->dropped + (action == SL_DROP && !held));
	while (sl_event_take(sl_engine_events(engine), &event))
		must(event.kind != SL_EVENT_DROP || event.drop.reason[0]);
}

static size_t headers(uint8_t *frame, const uint8_t *d, uint8_t protocol, size_t l4_len)
{
	bool to = d[1] & 1, six = d[0] & 0x10;
	uint8_t *ip = frame + IP;
	uint16_t sum;

	memset(frame, 0, IP + 48);
	frame[6] = frame[0] = 2;
	sl_ucmac_write(to ? frame : frame + 6, ID);
	if (six) {
		size_t ext = d[10] & 0x80 ? 8 : 0;

		put16(frame + 12, 0x86dd);
		ip[0] = 0x60;
		put16(ip + 4, (uint32_t)(l4_len + ext));
		ip[6] = ext ? 44 : protocol;
		ip[7] = d[10] & 1 ? 255 : 64;
		ip[8] = ip[24] = 0xfd;
		ip[to ? 23 : 39] = d[11] & 3;
		ip[to ? 39 : 23] = 9;
		if (ext) {
			ip[40] = protocol;
			put16(ip + 42, (uint32_t)((d[10] >> 2 & 15) * 8) | (d[10] >> 1 & 1));
			ip[47] = d[11] >> 6;
		}
		return IP + 40 + ext;
	}
	put16(frame + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, (uint32_t)(20 + l4_len));
	ip[5] = d[11] >> 6;
	if (d[10] & 0x80)
		put16(ip + 6, (uint32_t)(d[10] >> 1 & 1) << 13 | (d[10] >> 2 & 15));
	ip[8] = 64;
	ip[9] = protocol;
	put32(ip + 12, 0x0a000001u + (to ? (d[11] & 3u) << 22 : 0x90000u));
	put32(ip + 16, 0x0a000001u + (to ? 0x90000u : (d[11] & 3u) << 22));
	sum = (uint16_t)~sl_sum(ip, 20, 0);
	memcpy(ip + 10, &sum, 2);
	return IP + 20;
}

static size_t make(uint8_t *frame, const uint8_t *d, const uint8_t *rest, size_t left)
{
	static const uint16_t port[] = { 8080, 8081, 53, 9090, 22, 40000, 1, 443 };
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_TCP,	IPPROTO_TCP, IPPROTO_TCP,
					     IPPROTO_UDP, IPPROTO_ICMP, 253,	     47 };
	uint8_t protocol = protocols[d[0] & 7], *l4;
	size_t len = d[7] < left ? d[7] : left, head = 0;
	uint16_t server = port[d[2] & 7], client = (uint16_t)(40000 + (d[2] >> 3 & 3));
	bool to = d[1] & 1;

	if (d[2] & 0x80) { /* the workload is the client */
		uint16_t swap = server;

		server = client;
		client = swap;
	}
	if (protocol == IPPROTO_ICMP && d[0] & 0x10)
		protocol = IPPROTO_ICMPV6;
	head = protocol == IPPROTO_TCP ? 20 : 8;
	l4 = frame + headers(frame, d, protocol, head + len);
	memset(l4, 0, head);
	if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6) {
		l4[0] = d[3];
		l4[1] = d[4] & 3;
	} else {
		put16(l4, to ? client : server);
		put16(l4 + 2, to ? server : client);
	}
	if (protocol == IPPROTO_TCP) {
		put32(l4 + 4, (to ? 1000u : 5000u) + (uint32_t)(int8_t)d[4] * (d[1] & 2 ? 4096 : 1));
		put32(l4 + 8, (to ? 5000u : 1000u) + (uint32_t)(int8_t)d[5] * (d[1] & 4 ? 4096 : 1));
		l4[12] = 0x50;
		l4[13] = d[3];
		put16(l4 + 14, (uint32_t)d[6] << 8 | 0xff);
		put16(l4 + 18, d[6]);
	} else if (protocol == IPPROTO_UDP) {
		put16(l4 + 4, (uint32_t)(8 + len));
	}
	memcpy(l4 + head, rest, len);
	return (size_t)(l4 - frame) + head + len;
}

static void between(const uint8_t *d)
{
	struct sl_session_filter all = { 0 };
	struct sl_cursor cursor = { 0 };
	struct sl_session *session;
	uint32_t budget = UINT32_MAX;

	switch (d[9]) {
	case 0xff:
		sl_engine_rest(engine);
		sl_policies_set(policies, policy_of(d[8] & 1), now);
		sl_policies_reclaim(policies);
		break;
	case 0xfe:
		session = sl_sessions_next(sl_engine_table(engine), &cursor, &all, &budget);
		if (session)
			sl_engine_kill(engine, session);
		break;
	case 0xfd:
		sl_engine_rest(engine);
		break;
	default:
		now += (uint64_t)d[9] * (d[1] & 8 ? 1000000000ull : 1000000ull);
		sl_engine_turn(engine, now);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t frame[1024];

	if (!engine)
		open_engine();
	end_sessions();
	now += 100000000000ull;
	sl_policies_set(policies, policy_of(0), now);
	sl_engine_turn(engine, now);
	for (; size >= STEP; data += STEP, size -= STEP) {
		bool raw = data[0] & 0x20, held;
		struct sl_engine_figures before, after;
		struct sl_frame shown = { .n_pieces = 1 };
		enum sl_action action;
		size_t len;
		uint8_t *copy;

		between(data);
		if (raw) {
			len = size - STEP < 200 ? size - STEP : 200;
			memcpy(frame, data + STEP, len);
			if (len >= 14)
				sl_ucmac_write(data[1] & 1 ? frame : frame + 6, ID);
		} else {
			len = make(frame, data, data + STEP, size - STEP);
			shown.csum = SL_CSUM_VERIFIED;
		}
		if (len < 14)
			continue;
		copy = malloc(len);
		must(copy);
		memcpy(copy, frame, len);
		shown.len = shown.piece[0].len = (uint32_t)len;
		shown.piece[0].data = copy;
		sl_engine_figures(engine, &before);
		action = sl_engine_handle(engine, &shown);
		must(!memcmp(copy, frame, len));
		free(copy);
		sl_engine_figures(engine, &after);
		held = action == SL_DROP && after.fragments > before.fragments &&
		       after.reassembled == before.reassembled &&
		       after.fragments_dropped == before.fragments_dropped;
		must(action == SL_DROP || raw || could_be_allowed(frame));
		check(&before, action, held);
	}
	end_sessions();
	return 0;
}
