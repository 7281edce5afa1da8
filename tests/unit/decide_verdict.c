// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sessions that are left to the kernel, as the engine keeps them: against a
 * real map, in which the test plays the programs' part.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "engine_lab.h"
#include "flow_map_lab.h"

#define ROOM 64
#define PEER_PORT 40000
#define SECOND 1000000000ull
#define REQUEST "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define DENY_ALL "version: 1\ndefault: {mode: protect}\nrules: []\n"

static struct trial trial;
static int map = -1;
static uint32_t client_next, server_next; /* sequence numbers */

static void with_map(struct sl_engine_conf *conf)
{
	conf->flows_fd = map;
}

static void open_trial(void)
{
	map = flow_map_open(ROOM);
	trial_open(&trial, TRIAL_ONLY_8080, with_map);
}

static void close_trial(void)
{
	trial_close(&trial);
	close(map);
}

TestSuite(decide_verdict, .init = open_trial, .fini = close_trial, .timeout = 60);

static struct found entries(void)
{
	return flow_map_entries(map);
}

static enum sl_action client(uint8_t flags, const char *data, size_t len)
{
	enum sl_action action =
		trial_tcp(&trial, true, PEER_PORT, 8080, client_next, server_next, flags, data, len);

	client_next += (uint32_t)len + !!(flags & FRAME_FIN);
	return action;
}

static enum sl_action server(uint8_t flags, const char *data, size_t len)
{
	enum sl_action action =
		trial_tcp(&trial, false, PEER_PORT, 8080, server_next, client_next, flags, data, len);

	server_next += (uint32_t)len + !!(flags & FRAME_FIN);
	return action;
}

/* Up to where nobody wants to see more of it. */
static void talk(void)
{
	cr_assert(trial_handshake(&trial, PEER_PORT, 8080));
	client_next = 1001;
	server_next = 5001;
	cr_assert_eq(client(FRAME_ACK | FRAME_PSH, REQUEST, strlen(REQUEST)), SL_FORWARD);
	cr_assert_eq(server(FRAME_ACK | FRAME_PSH, ANSWER, strlen(ANSWER)), SL_FORWARD);
}

/* What the programs do with an entry: so many bytes have passed each way. */
static void pass(uint32_t to_workload, uint32_t from_workload)
{
	struct found found = entries();
	struct sl_flow_dir *in = &found.flow.to_workload, *out = &found.flow.from_workload;

	cr_assert_eq(found.n, 1);
	client_next += to_workload;
	server_next += from_workload;
	in->packets += to_workload / 1000;
	in->bytes += to_workload;
	out->packets += from_workload / 1000;
	out->bytes += from_workload;
	in->last_ns = out->last_ns = trial.now_ns;
	in->seq_end = out->ack = client_next;
	out->seq_end = in->ack = server_next;
	in->window_max = out->window_max = 60000;
	in->tcp_flags = out->tcp_flags = FRAME_ACK;
	cr_assert_eq(bpf_map_update_elem(map, &found.key, &found.flow, BPF_EXIST), 0);
}

Test(decide_verdict, a_settled_session_has_an_entry)
{
	struct found found;

	cr_assert(trial_handshake(&trial, PEER_PORT, 8080));
	cr_expect_eq(entries().n, 0, "nothing has been said yet");
	client_next = 1001;
	server_next = 5001;
	client(FRAME_ACK | FRAME_PSH, REQUEST, strlen(REQUEST));
	server(FRAME_ACK | FRAME_PSH, ANSWER, strlen(ANSWER));
	found = entries();
	cr_assert_eq(found.n, 1);
	cr_expect_eq(found.flow.verdict, SL_VERDICT_ALLOW);
	cr_expect_eq(found.flow.rule, 1);
	cr_expect(found.flow.ingress);
	cr_expect_eq(found.flow.check, sl_flow_check(&found.key, SL_VERDICT_ALLOW, found.flow.generation));
	cr_expect_eq(ntohs(found.key.workload_port), 8080);
	cr_expect_eq(ntohs(found.key.remote_port), PEER_PORT);
	cr_expect_eq(found.key.workload, TRIAL_ID);
	cr_expect_eq(found.flow.to_workload.handover.way, SL_WAY_CORE);
	cr_expect(!memcmp(found.flow.to_workload.peer_mac, mac_of("02:00:00:00:00:01").b, 6));
	cr_expect(!memcmp(found.flow.from_workload.peer_mac, mac_of("02:00:00:00:00:01").b, 6));
}

Test(decide_verdict, the_kernels_figures_are_the_sessions)
{
	struct sl_session *session;
	uint64_t before;

	talk();
	session = trial_session(&trial);
	cr_assert_not_null(session);
	before = session->flow[SL_CLIENT].bytes;
	pass(50000, 700000);
	sl_engine_fold(trial.engine, session);
	sl_engine_fold(trial.engine, session);
	cr_expect_eq(session->flow[SL_CLIENT].bytes, before + 50000, "counted once");
	pass(50000, 0);
	/* Its end tells all. */
	cr_expect_eq(client(FRAME_ACK | FRAME_RST, NULL, 0), SL_FORWARD);
	cr_expect_eq(entries().n, 0);
	trial_later(&trial, 100 * SECOND);
	cr_expect_eq(trial.flows, 1);
	cr_expect_eq(trial.flow.flow.flow[SL_CLIENT].bytes, before + 100000 + 40);
	cr_expect_geq(trial.flow.flow.flow[SL_SERVER].bytes, 700000);
}

Test(decide_verdict, the_end_is_believed_where_the_kernel_has_seen_the_connection)
{
	talk();
	pass(2000000, 9000000);
	/* A reset with a number from before, as one who guesses would send it. */
	cr_expect_eq(trial_tcp(&trial, true, PEER_PORT, 8080, client_next - 1900000, server_next,
			       FRAME_ACK | FRAME_RST, NULL, 0),
		     SL_DROP);
	cr_expect_eq(entries().n, 1, "cut by a guess");
	cr_expect_eq(client(FRAME_ACK | FRAME_FIN, NULL, 0), SL_FORWARD);
	cr_expect_eq(entries().n, 1, "the other side may have much to say yet");
	pass(0, 500000);
	cr_expect_eq(server(FRAME_ACK | FRAME_FIN, NULL, 0), SL_FORWARD);
	cr_expect_eq(entries().n, 0, "both have closed");
	cr_expect_eq(client(FRAME_ACK, NULL, 0), SL_FORWARD);
}

Test(decide_verdict, a_new_policy_takes_it_back)
{
	talk();
	pass(3000, 40000);
	trial_policy(&trial, DENY_ALL);
	cr_expect_eq(client(FRAME_ACK, "more", 4), SL_DROP);
	cr_expect_str_eq(trial_reason(&trial), "policy");
	cr_expect_eq(entries().n, 0);
	cr_expect_geq(trial.lane->sent, 2, "both sides are told");
}

Test(decide_verdict, the_same_policy_gives_it_anew)
{
	struct found before, after;

	talk();
	pass(3000, 40000);
	before = entries();
	trial_numbered_policy(&trial, TRIAL_ONLY_8080, 7);
	cr_expect_eq(client(FRAME_ACK, "more", 4), SL_FORWARD);
	after = entries();
	cr_assert_eq(after.n, 1);
	cr_expect_eq(before.flow.generation, 0);
	cr_expect_eq(after.flow.generation, 7);
	cr_expect_eq(after.flow.to_workload.handover.way, SL_WAY_CORE,
		     "frames of it are with the core again");
	cr_expect_eq(after.flow.to_workload.packets, 0);
}

Test(decide_verdict, silence_is_by_the_kernels_clock)
{
	talk();
	for (int i = 0; i < 3; i++) {
		pass(1000, 0);
		trial_later(&trial, 900 * SECOND);
		cr_expect_eq(entries().n, 1, "ended while the kernel carried it on");
	}
	trial_later(&trial, 1300 * SECOND);
	cr_expect_eq(entries().n, 0);
	cr_expect_eq(trial.flows, 1);
}

Test(decide_verdict, without_room_it_stays_here)
{
	struct sl_engine_verdicts figures;

	for (uint16_t port = 1; port <= ROOM + 10; port++) {
		cr_assert(trial_handshake(&trial, port, 8080));
		trial_tcp(&trial, true, port, 8080, 1001, 5001, FRAME_ACK, REQUEST, strlen(REQUEST));
		cr_expect_eq(trial_tcp(&trial, false, port, 8080, 5001, 1001 + (uint32_t)strlen(REQUEST),
				       FRAME_ACK, ANSWER, strlen(ANSWER)),
			     SL_FORWARD);
	}
	cr_expect_eq(entries().n, ROOM);
	sl_engine_verdicts(trial.engine, &figures);
	cr_expect_eq(figures.now, ROOM);
	cr_expect_geq(figures.no_room, 10);
}

static enum sl_action datagram(uint16_t port)
{
	trial_ip(&trial, true, 4, IPPROTO_UDP);
	frame_udp(&trial.f, port, 9, NULL, 20);
	return trial_feed(&trial, &trial.f);
}

/* Who scans makes no entries, who insists one. */
Test(decide_verdict, a_denied_sender_that_goes_on_is_the_kernels)
{
	for (uint16_t port = 1000; port < 1020; port++)
		cr_expect_eq(datagram(port), SL_DROP);
	cr_expect_eq(entries().n, 0);
	for (int i = 0; i < 5; i++)
		cr_expect_eq(datagram(2000), SL_DROP);
	cr_assert_eq(entries().n, 1);
	cr_expect_eq(entries().flow.verdict, SL_VERDICT_DENY);
}

/* An engine that ends leaves its entries, and the next one makes sessions of them. */
Test(decide_verdict, the_next_engine_carries_on)
{
	struct sl_session *session;
	struct found found;

	talk();
	pass(3000, 40000);
	trial_close(&trial);
	found = entries();
	cr_assert_eq(found.n, 1, "the core's end must not be the flow's");
	trial_open(&trial, TRIAL_ONLY_8080, with_map);
	cr_expect(sl_engine_adopt(trial.engine, &found.key, &found.flow, trial.now_ns));
	cr_expect_not(sl_engine_adopt(trial.engine, &found.key, &found.flow, trial.now_ns), "twice");
	session = trial_session(&trial);
	cr_assert_not_null(session);
	cr_expect_eq(session->flow[SL_SERVER].bytes, 40000);
	cr_expect_eq(session->action, SL_POLICY_ALLOW);
	pass(2000, 30000);
	cr_expect_eq(client(FRAME_ACK | FRAME_FIN, NULL, 0), SL_FORWARD);
	cr_expect_eq(server(FRAME_ACK | FRAME_FIN, NULL, 0), SL_FORWARD);
	cr_expect_eq(entries().n, 0);
}
