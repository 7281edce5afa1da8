// SPDX-License-Identifier: BSD-2-Clause
/*
 * What happens to sessions when the world around them changes: the policy, a
 * worker that sleeps, names that are learned, and the end of all.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>

#include "dpi/inspect/application.h"
#include "engine_lab.h"
#include "policy_make.h"

#define DENY_ALL "version: 1\ndefault: {mode: protect}\nrules: []\n"
#define MONITOR "version: 1\ndefault: {mode: monitor}\nrules: []\n"
#define DISCOVER "version: 1\ndefault: {mode: discover}\nrules: []\n"

static struct trial trial;

static void open_trial(void)
{
	trial_open(&trial, TRIAL_ONLY_8080, NULL);
}

static void close_trial(void)
{
	trial_close(&trial);
}

TestSuite(engine_life, .init = open_trial, .fini = close_trial, .timeout = 60);

/* A reset that was sent with that number to the peer, or to the workload. */
static bool reset_sent(bool to_workload, uint32_t seq)
{
	for (unsigned int i = 0; i < trial.lane->sent && i < TRIAL_SENT; i++) {
		const struct frame *f = &trial.lane->frame[i];
		const uint8_t *tcp = f->data + 34;
		uint32_t number = (uint32_t)tcp[4] << 24 | tcp[5] << 16 | tcp[6] << 8 | tcp[7];

		if (mac_equal(frame_dst(f), mac_uc(TRIAL_ID)) == to_workload && tcp[13] & FRAME_RST &&
		    number == seq && frame_checksums_right(f->data, f->len))
			return true;
	}
	return false;
}

Test(engine_life, a_new_policy_ends_what_it_forbids_on_both_sides)
{
	cr_assert(trial_handshake(&trial, 40000, 8080));
	/* On its way to the peer, who has not said yet that it came. */
	cr_assert_eq(trial_tcp(&trial, false, 40000, 8080, 5001, 1001, FRAME_ACK, NULL, 100), SL_FORWARD);
	trial_policy(&trial, DENY_ALL);
	cr_expect_eq(trial_tcp(&trial, true, 40000, 8080, 1001, 5001, FRAME_ACK, "hello", 5), SL_DROP);
	cr_expect_str_eq(trial_reason(&trial), "policy");
	cr_expect(reset_sent(false, 5101), "the peer waits for 5101");
	cr_expect(reset_sent(true, 1001), "the workload waits for 1001");
	cr_expect(trial.alert.alert.blocked);
	/* And it stays so until somebody opens a new one, which is denied as well. */
	cr_expect_eq(trial_tcp(&trial, false, 40000, 8080, 5101, 1001, FRAME_ACK, NULL, 10), SL_DROP);
	cr_expect_eq(trial_tcp(&trial, true, 40000, 8080, 9000, 0, FRAME_SYN, NULL, 0), SL_DROP);
	cr_expect_str_eq(trial_reason(&trial), "policy");
}

Test(engine_life, a_repetition_is_refused_by_the_numbers_that_are_waited_for)
{
	cr_assert(trial_handshake(&trial, 40000, 8080));
	cr_assert_eq(trial_tcp(&trial, true, 40000, 8080, 1001, 5001, FRAME_ACK, NULL, 10), SL_FORWARD);
	trial_policy(&trial, DENY_ALL);
	cr_expect_eq(trial_tcp(&trial, true, 40000, 8080, 1001, 5001, FRAME_ACK, NULL, 10), SL_DROP);
	cr_expect(reset_sent(true, 1011), "the workload has had 1001");
	cr_expect(reset_sent(false, 5001));
}

Test(engine_life, a_violation_that_was_reported_is_told_again_when_it_is_blocked)
{
	trial_policy(&trial, MONITOR);
	cr_assert(trial_handshake(&trial, 40000, 9090));
	cr_expect_eq(trial.alerts, 1);
	cr_expect(!trial.alert.alert.blocked);
	trial_policy(&trial, DENY_ALL);
	cr_expect_eq(trial_tcp(&trial, true, 40000, 9090, 1001, 5001, FRAME_ACK, "x", 1), SL_DROP);
	cr_expect_eq(trial.alerts, 2);
	cr_expect(trial.alert.alert.blocked);
}

Test(engine_life, errors_of_a_session_go_by_todays_policy)
{
	static struct frame inner;

	cr_assert(trial_handshake(&trial, 40000, 8080));
	frame_eth(&inner, mac_uc(TRIAL_ID), mac_uc(TRIAL_ID));
	frame_ipv4(&inner, TRIAL_WORKLOAD, TRIAL_PEER, IPPROTO_TCP);
	frame_tcp(&inner, 8080, 40000, 5001, 1001, FRAME_ACK, NULL, 0);
	trial_ip(&trial, true, 4, IPPROTO_ICMP);
	frame_icmp(&trial.f, 3, 4, 0, 0, inner.data + inner.l3_at, inner.len - inner.l3_at);
	cr_expect_eq(trial_feed(&trial, &trial.f), SL_FORWARD);
	trial_policy(&trial, DENY_ALL);
	cr_expect_eq(trial_feed(&trial, &trial.f), SL_DROP);
	cr_expect_str_eq(trial_reason(&trial), "policy");
	/* What was denied under protect passes in monitor. */
	trial_policy(&trial, MONITOR);
	cr_expect_eq(trial_feed(&trial, &trial.f), SL_FORWARD);
}

Test(engine_life, a_worker_that_slept_does_not_use_the_policy_it_had)
{
	struct sl_frame frame;

	sl_engine_rest(trial.engine);
	sl_policies_set(trial.policies, make_policy_of(DENY_ALL), trial.now_ns);
	cr_expect_eq(sl_policies_reclaim(trial.policies), 0, "the old one was still held");
	/* As at the worker's end: frames without a turn before them. */
	trial_ip(&trial, true, 4, IPPROTO_TCP);
	frame_tcp(&trial.f, 40000, 8080, 1000, 0, FRAME_SYN, NULL, 0);
	frame = (struct sl_frame){ .len = trial.f.len,
				   .n_pieces = 1,
				   .piece = { { trial.f.data, trial.f.len } } };
	cr_expect_eq(sl_engine_handle(trial.engine, &frame), SL_DROP);
}

/* Under a sanitizer this says whether it was read after it was freed. */
Test(engine_life, a_worker_that_slept_ends_its_sessions_by_the_policy_there_is)
{
	trial_policy(&trial, DISCOVER);
	cr_assert(trial_handshake(&trial, 40000, 9090));
	sl_engine_rest(trial.engine);
	sl_policies_set(trial.policies, make_policy_of(DISCOVER), trial.now_ns);
	cr_expect_eq(sl_policies_reclaim(trial.policies), 0);
}

/* The last frame that was sent, if it is an empty segment to the peer with that number. */
static bool asked(uint32_t seq)
{
	const struct frame *f = &trial.lane->frame[(trial.lane->sent - 1) % TRIAL_SENT];
	const uint8_t *tcp = f->data + 34;

	return trial.lane->sent && f->len == 54 && mac_equal(frame_src(f), mac_uc(TRIAL_ID)) &&
	       tcp[13] == FRAME_ACK && frame_checksums_right(f->data, f->len) &&
	       ((uint32_t)tcp[4] << 24 | tcp[5] << 16 | tcp[6] << 8 | tcp[7]) == seq;
}

/* An "answer" from the open port to where nobody has asked: its ports make it look allowed. */
Test(engine_life, a_server_waits_for_its_client_when_the_beginning_was_missed)
{
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(trial_tcp(&trial, false, 40000, 8080, 5001, 1001, FRAME_ACK, "secret", 6),
			     SL_DROP);
		cr_expect_str_eq(trial_reason(&trial), "unasked");
		cr_expect(asked(5000));
	}
	/* Nothing to ask about. */
	cr_expect_eq(trial_tcp(&trial, false, 40000, 8080, 5001, 1001, FRAME_ACK, NULL, 0), SL_DROP);
	cr_expect_eq(trial.lane->sent, 3);
	/* The client has the connection: it says where it stands, and the repetition passes. */
	cr_expect_eq(trial_tcp(&trial, true, 40000, 8080, 1001, 5001, FRAME_ACK, NULL, 0), SL_FORWARD);
	cr_expect_eq(trial_tcp(&trial, false, 40000, 8080, 5001, 1001, FRAME_ACK, "answer", 6), SL_FORWARD);
}

Test(engine_life, a_client_without_the_connection_ends_it)
{
	cr_expect_eq(trial_tcp(&trial, false, 40000, 8080, 5001, 1001, FRAME_ACK, "secret", 6), SL_DROP);
	trial_tcp(&trial, true, 40000, 8080, 1001, 0, FRAME_RST, NULL, 0);
	cr_expect_eq(trial_tcp(&trial, false, 40000, 8080, 5001, 1001, FRAME_ACK, "secret", 6), SL_DROP);
	cr_expect_str_eq(trial_reason(&trial), "unfit for its session");
}

Test(engine_life, a_server_that_answers_a_missed_syn_waits_for_it_to_come_again)
{
	cr_expect_eq(trial_tcp(&trial, false, 40000, 8080, 5000, 1001, FRAME_SYN | FRAME_ACK, NULL, 0),
		     SL_DROP);
	cr_expect_eq(trial.lane->sent, 0);
	cr_expect_eq(trial_tcp(&trial, true, 40000, 8080, 1000, 0, FRAME_SYN, NULL, 0), SL_FORWARD);
	cr_expect_eq(trial_tcp(&trial, false, 40000, 8080, 5000, 1001, FRAME_SYN | FRAME_ACK, NULL, 0),
		     SL_FORWARD);
	cr_expect_eq(trial_tcp(&trial, true, 40000, 8080, 1001, 5001, FRAME_ACK, "x", 1), SL_FORWARD);
	cr_expect_eq(trial_tcp(&trial, false, 40000, 8080, 5001, 1002, FRAME_ACK, "y", 1), SL_FORWARD);
}

/* Who only watches loses nothing by it. */
Test(engine_life, in_monitor_a_server_need_not_wait)
{
	trial_policy(&trial, MONITOR);
	cr_expect_eq(trial_tcp(&trial, false, 40000, 8080, 5001, 1001, FRAME_ACK, "hello", 5), SL_FORWARD);
}

static enum sl_action neighbour(uint8_t type, uint8_t hops, size_t len, uint8_t option)
{
	uint8_t body[64] = { 0xfe, 0x80 };

	body[16] = option;
	body[17] = 1;
	trial_ip(&trial, true, 6, IPPROTO_ICMPV6);
	trial.f.data[trial.f.l3_at + 7] = hops;
	frame_icmp(&trial.f, type, 0, 0, 0, body, len);
	return trial_feed(&trial, &trial.f);
}

Test(engine_life, neighbours_of_ipv6_find_each_other)
{
	cr_expect_eq(neighbour(135, 255, 24, 1), SL_FORWARD, "is it still there?");
	cr_expect_eq(neighbour(136, 255, 24, 2), SL_FORWARD, "it is");
	cr_expect_eq(neighbour(136, 255, 16, 0), SL_FORWARD, "it is, without its MAC");
	cr_expect_eq(neighbour(136, 64, 24, 2), SL_DROP, "from beyond a router");
	cr_expect_eq(neighbour(136, 255, 32, 2), SL_DROP, "with something behind it");
	cr_expect_eq(neighbour(136, 255, 24, 200), SL_DROP, "with another option");
	cr_expect_eq(neighbour(137, 255, 24, 2), SL_DROP, "a redirect");
	cr_expect_eq(neighbour(134, 255, 24, 2), SL_DROP, "a router");
}

/* db.example.com is 10.77.0.1, for a minute. */
static const uint8_t answer[] = "\x12\x34\x81\x80\0\1\0\1\0\0\0\0\2db\7example\3com\0\0\1\0\1\xc0\x0c\0\1\0\1"
				"\0\0\0\x3c\0\4\x0a\x4d\0\1";
static const uint8_t question[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\2db\7example\3com\0\0\1\0\1";

#define NAMED                                                                                                \
	"version: 1\ndefault: {mode: protect}\nrules:\n"                                                     \
	"- {id: 1, direction: both, ports: 53, action: allow}\n"                                             \
	"- {id: 2, direction: egress, protocol: tcp, ports: 443, peer: db.example.com, action: allow}\n"

/* May the workload talk to db.example.com? */
static bool knows_db(uint16_t port)
{
	frame_eth(&trial.f, mac_of("02:00:00:00:00:01"), mac_uc(TRIAL_ID));
	frame_ipv4(&trial.f, TRIAL_WORKLOAD, "10.77.0.1", IPPROTO_TCP);
	frame_tcp(&trial.f, port, 443, 1, 0, FRAME_SYN, NULL, 0);
	return trial_feed(&trial, &trial.f) == SL_FORWARD;
}

static enum sl_action udp(bool to_workload, uint16_t from, uint16_t to, const uint8_t *data, size_t len)
{
	trial_ip(&trial, to_workload, 4, IPPROTO_UDP);
	frame_udp(&trial.f, from, to, data, len);
	return trial_feed(&trial, &trial.f);
}

Test(engine_life, names_are_learned_from_the_server_that_was_asked)
{
	trial_policy(&trial, NAMED);
	cr_expect(!knows_db(40000));
	/* A workload that is asked is no authority. */
	cr_expect_eq(udp(true, 50000, 53, question, sizeof(question) - 1), SL_FORWARD);
	cr_expect_eq(udp(false, 53, 50000, answer, sizeof(answer) - 1), SL_FORWARD);
	cr_expect(!knows_db(40001));
	cr_expect_eq(udp(false, 50001, 53, question, sizeof(question) - 1), SL_FORWARD);
	cr_expect_eq(udp(true, 53, 50001, answer, sizeof(answer) - 1), SL_FORWARD);
	cr_expect(knows_db(40002));
	/* Till its time is over. */
	trial_later(&trial, 120 * 1000 * TRIAL_MS);
	cr_expect(!knows_db(40003));
}

/* Over TCP: the workload asks, twice over one connection. */
Test(engine_life, names_are_learned_over_tcp)
{
	uint8_t framed[128] = { 0, sizeof(question) - 1 }, reply[128] = { 0, sizeof(answer) - 1 };
	uint32_t asks = 1001, says = 5001, q = 2 + sizeof(question) - 1, a = 2 + sizeof(answer) - 1;

	memcpy(framed + 2, question, q - 2);
	memcpy(reply + 2, answer, a - 2);
	trial_policy(&trial, NAMED);
	/* Here the workload is the client: its port is `server` of these helpers. */
	cr_assert_eq(trial_tcp(&trial, false, 53, 45000, 1000, 0, FRAME_SYN, NULL, 0), SL_FORWARD);
	cr_assert_eq(trial_tcp(&trial, true, 53, 45000, 5000, 1001, FRAME_SYN | FRAME_ACK, NULL, 0),
		     SL_FORWARD);
	for (uint16_t i = 0; i < 2; i++) {
		cr_expect_eq(trial_tcp(&trial, false, 53, 45000, asks, says, FRAME_ACK, framed, q),
			     SL_FORWARD);
		asks += q;
		cr_expect_eq(trial_tcp(&trial, true, 53, 45000, says, asks, FRAME_ACK, reply, a), SL_FORWARD);
		says += a;
		cr_expect(knows_db((uint16_t)(40000 + i)), "answer %d", i);
		trial_later(&trial, 120 * 1000 * TRIAL_MS);
		cr_expect(!knows_db((uint16_t)(40100 + i)));
	}
}

Test(engine_life, a_killed_session_is_reset_on_both_sides)
{
	cr_assert(trial_handshake(&trial, 40000, 8080));
	cr_assert_not_null(trial_session(&trial));
	sl_engine_kill(trial.engine, trial_session(&trial));
	cr_expect(reset_sent(false, 5001));
	cr_expect(reset_sent(true, 1001));
	cr_expect_eq(trial_tcp(&trial, true, 40000, 8080, 1001, 5001, FRAME_ACK, "x", 1), SL_DROP);
	trial_later(&trial, 61 * 1000 * TRIAL_MS);
	trial_later(&trial, TRIAL_MS);
	cr_expect_eq(trial.flows, 1);
	cr_expect_eq(trial.flow.flow.reason, SL_FLOW_FORCED);
}

Test(engine_life, without_a_policy_all_passes)
{
	struct trial bare;

	trial_open(&bare, NULL, NULL);
	cr_expect_eq(trial_tcp(&bare, true, 40000, 9090, 1, 0, FRAME_SYN, NULL, 0), SL_FORWARD);
	trial_close(&bare);
}

/* A tag of its packets is in all that is told of a session. */
Test(engine_life, vlan_of_a_session)
{
	struct mac other = mac_of("02:00:00:00:00:01");
	struct sl_session *session;

	frame_eth(&trial.f, mac_uc(TRIAL_ID), other);
	frame_vlan(&trial.f, 0x8100, 42);
	frame_ipv4(&trial.f, TRIAL_PEER, TRIAL_WORKLOAD, IPPROTO_TCP);
	frame_tcp(&trial.f, 40000, 9090, 1000, 0, FRAME_SYN, NULL, 0);
	cr_expect_eq(trial_feed(&trial, &trial.f), SL_DROP);
	cr_expect_eq(trial.alert.vlan, 42);
	cr_expect_eq(trial.drop.vlan, 42);
	session = trial_session(&trial);
	cr_assert_not_null(session);
	sl_session_end(sl_engine_table(trial.engine), session, SL_END_KILLED);
	trial_later(&trial, 0);
	cr_expect_eq(trial.flow.vlan, 42);
}
