// SPDX-License-Identifier: BSD-2-Clause
/* TCP exchanges, orderly and hostile, segment by segment: what each means, and the states of both ends behind it. */
#include <criterion/criterion.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "session_craft.h"

#define C SL_CLIENT
#define S SL_SERVER
#define CI CLIENT_ISN
#define SI SERVER_ISN
#define STEPS_MAX 14

/* Both sides, behind the segment. */
#define ST(client, server) TCP_##client, TCP_##server
#define EST ST(ESTABLISHED, ESTABLISHED)

struct step {
	enum sl_side side;
	const char *flags; /* NULL: no more */
	uint32_t seq, ack, len;
	uint32_t facts;
	uint8_t client, server;
};

#define HANDSHAKE                                                                                            \
	{ C, "S", CI, 0, 0, 0, ST(SYN_SENT, LISTEN) },                                                       \
		{ S, "SA", SI, CI + 1, 0, 0, ST(ESTABLISHED, SYN_RECV) },                                    \
	{                                                                                                    \
		C, "A", CI + 1, SI + 1, 0, SL_FACT_ESTABLISHED, EST                                          \
	}
#define NEW SL_FACT_NEW_DATA
#define OUT SL_FACT_OUT_OF_WINDOW

static const struct exchange {
	const char *name;
	struct step step[STEPS_MAX];
} exchanges[] = {
	{ "client closes",
	  { HANDSHAKE,
	    { C, "PA", CI + 1, SI + 1, 100, NEW, EST },
	    { S, "A", SI + 1, CI + 101, 1000, NEW, EST },
	    { C, "FA", CI + 101, SI + 1001, 0, 0, ST(FIN_WAIT1, ESTABLISHED) },
	    { S, "A", SI + 1001, CI + 102, 0, 0, ST(FIN_WAIT2, CLOSE_WAIT) },
	    { S, "A", SI + 1001, CI + 102, 10, NEW, ST(FIN_WAIT2, CLOSE_WAIT) },
	    { S, "FA", SI + 1011, CI + 102, 0, 0, ST(FIN_WAIT2, LAST_ACK) },
	    { C, "A", CI + 102, SI + 1012, 0, SL_FACT_FINISHED, ST(TIME_WAIT, CLOSE) } } },
	{ "server closes, FIN and ACK in one",
	  { HANDSHAKE,
	    { S, "FA", SI + 1, CI + 1, 5, NEW, ST(ESTABLISHED, FIN_WAIT1) },
	    { C, "FA", CI + 1, SI + 7, 0, 0, ST(LAST_ACK, FIN_WAIT2) },
	    { S, "A", SI + 7, CI + 2, 0, SL_FACT_FINISHED, ST(CLOSE, TIME_WAIT) } } },
	{ "both close at once",
	  { HANDSHAKE,
	    { C, "FA", CI + 1, SI + 1, 0, 0, ST(FIN_WAIT1, ESTABLISHED) },
	    { S, "FA", SI + 1, CI + 1, 0, 0, ST(FIN_WAIT1, FIN_WAIT1) },
	    { C, "A", CI + 2, SI + 2, 0, 0, ST(CLOSING, FIN_WAIT2) },
	    { S, "A", SI + 2, CI + 2, 0, SL_FACT_FINISHED, ST(TIME_WAIT, TIME_WAIT) } } },
	{ "a FIN nobody acknowledges closes nothing",
	  { HANDSHAKE,
	    { C, "FA", CI + 5000, SI + 1, 0, 0, ST(FIN_WAIT1, ESTABLISHED) },
	    { S, "A", SI + 1, CI + 1, 0, 0, ST(FIN_WAIT1, ESTABLISHED) },
	    { C, "A", CI + 1, SI + 1, 10, SL_FACT_RETRANSMISSION, ST(FIN_WAIT1, ESTABLISHED) } } },
	{ "refused",
	  { { C, "S", CI, 0, 0, 0, ST(SYN_SENT, LISTEN) },
	    { S, "RA", 0, CI + 2, 0, OUT, ST(SYN_SENT, LISTEN) },
	    { S, "R", 0, 0, 0, OUT, ST(SYN_SENT, LISTEN) },
	    { S, "RA", 0, CI + 1, 0, SL_FACT_RESET, ST(CLOSE, CLOSE) },
	    { C, "A", CI + 1, SI + 1, 0, SL_FACT_CLOSED, ST(CLOSE, CLOSE) } } },
	{ "reset by the client",
	  { HANDSHAKE,
	    { C, "A", CI + 1, SI + 1, 100, NEW, EST },
	    { C, "R", CI + 101, 0, 0, SL_FACT_RESET, ST(CLOSE, CLOSE) },
	    { S, "A", SI + 1, CI + 1, 10, SL_FACT_CLOSED, ST(CLOSE, CLOSE) } } },
	{ "blind resets",
	  { HANDSHAKE,
	    { C, "R", CI + 2, 0, 0, SL_FACT_CHALLENGED, EST },
	    { C, "R", CI + 50000, 0, 0, SL_FACT_CHALLENGED, EST },
	    { C, "R", CI, 0, 0, OUT, EST },
	    { C, "R", CI + 70000, 0, 0, OUT, EST },
	    { S, "R", SI + 2, 0, 0, SL_FACT_CHALLENGED, EST },
	    { S, "R", SI - 1, 0, 0, OUT, EST },
	    { S, "RA", SI + 1, CI + 1, 0, SL_FACT_RESET, ST(CLOSE, CLOSE) } } },
	{ "a SYN in the middle",
	  { HANDSHAKE,
	    { C, "S", CI + 500, 0, 0, SL_FACT_CHALLENGED, EST },
	    { S, "S", SI + 500, 0, 0, SL_FACT_CHALLENGED, EST },
	    { S, "SA", SI + 500, CI + 1, 0, SL_FACT_CHALLENGED, EST },
	    { S, "SA", SI, CI + 1, 0, SL_FACT_RETRANSMISSION, EST },
	    { C, "S", CI, 0, 0, SL_FACT_RETRANSMISSION, EST } } },
	{ "outside the window",
	  { HANDSHAKE,
	    { C, "A", CI + 60001, SI + 1, 2, OUT, EST },
	    { C, "A", CI + 1 + 59999, SI + 1, 3, OUT, EST },
	    { C, "A", CI + 1 + 60002, SI + 1, 0, OUT, EST },
	    { C, "A", CI + 1 - 60001, SI + 1, 0, OUT, EST },
	    { C, "A", CI + 1, SI + 2, 10, OUT, EST },
	    { C, "A", CI + 1, SI + 1 - 66001, 10, OUT, EST },
	    { C, "A", CI + 1, SI + 1, 60000, NEW, EST },
	    { C, "A", CI + 60001, SI + 1, 1, NEW, EST } } },
	{ "what no receiver takes",
	  { HANDSHAKE,
	    { C, "", CI + 1, 0, 10, SL_FACT_INVALID, EST },
	    { C, "PU", CI + 1, SI + 1, 10, SL_FACT_INVALID, EST },
	    { C, "F", CI + 1, SI + 1, 0, SL_FACT_INVALID, EST },
	    { C, "SF", CI + 1, 0, 0, SL_FACT_INVALID, EST },
	    { C, "SR", CI + 1, 0, 0, SL_FACT_INVALID, EST } } },
	{ "simultaneous open",
	  { { C, "S", CI, 0, 0, 0, ST(SYN_SENT, LISTEN) },
	    { S, "S", SI, 0, 0, SL_FACT_SIMULTANEOUS, ST(SYN_RECV, SYN_RECV) },
	    { C, "SA", CI, SI + 1, 0, 0, ST(SYN_RECV, ESTABLISHED) },
	    { S, "SA", SI, CI + 1, 0, SL_FACT_ESTABLISHED, EST },
	    { C, "A", CI + 1, SI + 1, 10, NEW, EST },
	    { S, "A", SI + 1, CI + 11, 10, NEW, EST } } },
	{ "split handshake",
	  { { C, "S", CI, 0, 0, 0, ST(SYN_SENT, LISTEN) },
	    { S, "A", SI, CI + 1, 0, SL_FACT_CHALLENGED, ST(SYN_SENT, LISTEN) },
	    { S, "S", SI, 0, 0, SL_FACT_SIMULTANEOUS, ST(SYN_RECV, SYN_RECV) },
	    { C, "SA", CI, SI + 1, 0, 0, ST(SYN_RECV, ESTABLISHED) },
	    { S, "A", SI + 1, CI + 1, 0, SL_FACT_ESTABLISHED | SL_FACT_SPLIT_HANDSHAKE, EST } } },
	{ "another SYN, the second is taken",
	  { { C, "S", CI, 0, 0, 0, ST(SYN_SENT, LISTEN) },
	    { C, "S", CI + 9999, 0, 0, SL_FACT_SYN_CHANGED, ST(SYN_SENT, LISTEN) },
	    { S, "SA", SI, CI + 10000, 0, 0, ST(ESTABLISHED, SYN_RECV) },
	    { C, "A", CI + 10000, SI + 1, 5, NEW | SL_FACT_ESTABLISHED, EST } } },
	{ "another SYN, the first is taken",
	  { { C, "S", CI, 0, 0, 0, ST(SYN_SENT, LISTEN) },
	    { C, "S", CI + 99999, 0, 0, SL_FACT_SYN_CHANGED, ST(SYN_SENT, LISTEN) },
	    { S, "SA", SI, CI + 50, 0, OUT, ST(SYN_SENT, LISTEN) },
	    { S, "SA", SI, CI + 1, 0, 0, ST(ESTABLISHED, SYN_RECV) },
	    { C, "A", CI + 100000, SI + 1, 5, OUT, ST(ESTABLISHED, SYN_RECV) },
	    { C, "A", CI + 1, SI + 1, 5, NEW | SL_FACT_ESTABLISHED, EST } } },
	{ "another SYN-ACK, the client decides",
	  { { C, "S", CI, 0, 0, 0, ST(SYN_SENT, LISTEN) },
	    { S, "SA", SI, CI + 1, 0, 0, ST(ESTABLISHED, SYN_RECV) },
	    { S, "SA", SI + 77777, CI + 1, 0, SL_FACT_SYN_CHANGED, ST(ESTABLISHED, SYN_RECV) },
	    { C, "A", CI + 1, SI + 1, 5, NEW | SL_FACT_ESTABLISHED, EST },
	    { S, "A", SI + 1, CI + 6, 5, NEW, EST } } },
	{ "data before the server has answered",
	  { { C, "S", CI, 0, 0, 0, ST(SYN_SENT, LISTEN) },
	    { C, "A", CI + 1, SI + 1, 10, OUT, ST(SYN_SENT, LISTEN) },
	    { S, "A", SI + 9, CI + 1, 10, SL_FACT_INVALID, ST(SYN_SENT, LISTEN) } } },
	{ "data on the SYN",
	  { { C, "S", CI, 0, 20, SL_FACT_DATA_ON_SYN, ST(SYN_SENT, LISTEN) },
	    { S, "SA", SI, CI + 21, 0, 0, ST(ESTABLISHED, SYN_RECV) },
	    { C, "A", CI + 21, SI + 1, 5, NEW | SL_FACT_ESTABLISHED, EST } } },
	{ "data on the SYN, not taken",
	  { { C, "S", CI, 0, 20, SL_FACT_DATA_ON_SYN, ST(SYN_SENT, LISTEN) },
	    { S, "SA", SI, CI + 1, 0, 0, ST(ESTABLISHED, SYN_RECV) },
	    { C, "A", CI + 1, SI + 1, 20, SL_FACT_RETRANSMISSION | SL_FACT_ESTABLISHED, EST } } },
	{ "picked up at the SYN-ACK",
	  { { S, "SA", SI, CI + 1, 0, SL_FACT_PICKED_UP, ST(ESTABLISHED, SYN_RECV) },
	    { C, "A", CI + 1, SI + 1, 5, NEW | SL_FACT_ESTABLISHED, EST } } },
	{ "picked up in the middle, server first",
	  { { S, "A", SI, CI, 1000, NEW | SL_FACT_PICKED_UP, ST(LISTEN, LISTEN) },
	    { C, "A", CI, SI + 1000, 5, NEW | SL_FACT_ESTABLISHED, EST },
	    { C, "A", CI + 5, SI + 1000, 5, NEW, EST },
	    { S, "R", SI + 1000, 0, 0, SL_FACT_RESET, ST(CLOSE, CLOSE) } } },
	{ "picked up at what the server sends again and the client has had long ago",
	  { { S, "A", SI, CI, 1000, NEW | SL_FACT_PICKED_UP, ST(LISTEN, LISTEN) },
	    { C, "A", CI, SI + 250000, 1000, NEW | SL_FACT_ESTABLISHED, EST },
	    { S, "A", SI, CI, 1000, SL_FACT_RETRANSMISSION, EST },
	    { S, "A", SI + 250000, CI + 1000, 1000, NEW, EST } } },
	{ "missed a part, both sides agree",
	  { HANDSHAKE,
	    { C, "A", CI + 900000, SI + 700000, 10, OUT, EST },
	    { S, "A", SI + 700000, CI + 900010, 10, SL_FACT_RESYNCED | NEW, EST },
	    { C, "A", CI + 900010, SI + 700010, 10, NEW, EST } } },
	{ "missed a part, says one side, and confirms itself",
	  { HANDSHAKE,
	    { C, "A", CI + 900000, CI + 900005, 10, OUT, EST },
	    { C, "A", CI + 900000, CI + 900005, 10, OUT, EST } } },
	{ "missed a part, says one side only",
	  { HANDSHAKE,
	    { C, "A", CI + 900000, SI + 700000, 10, OUT, EST },
	    { C, "A", CI + 900010, SI + 700000, 10, OUT, EST },
	    { S, "A", SI + 700000, CI + 800000, 10, OUT, EST } } },
};

static void run(const struct exchange *exchange, uint32_t shift)
{
	struct sl_table *table = craft_table(NULL, NULL);
	static struct craft craft;

	for (const struct step *step = exchange->step; step->flags; step++) {
		unsigned int n = (unsigned int)(step - exchange->step);
		struct sl_session *session;
		struct sl_found found;
		uint32_t facts, want = step->facts;
		bool zero = !strcmp(step->flags, "RA") && !step->seq;

		craft_tcp(&craft, step->side, step->flags, zero ? 0 : step->seq + shift, step->ack + shift,
			  step->len, SECOND + n);
		facts = craft_feed(table, &craft, &session, &found);
		cr_assert_not_null(session, "%s, step %u", exchange->name, n);
		cr_expect_eq(found.side, step->side, "%s, step %u: from side %u", exchange->name, n,
			     found.side);
		cr_expect_eq(facts, want, "%s, step %u, shift %u: facts %#x instead of %#x", exchange->name,
			     n, shift, facts, want);
		if (step->client != TCP_LISTEN)
			cr_expect(session->state[C] == step->client && session->state[S] == step->server,
				  "%s, step %u, shift %u: states %u %u instead of %u %u", exchange->name, n,
				  shift, session->state[C], session->state[S], step->client, step->server);
	}
	sl_table_close(table);
}

Test(session_tcp, every_segment_means_what_it_means_to_the_two_ends)
{
	for (size_t i = 0; i < sizeof(exchanges) / sizeof(*exchanges); i++)
		run(&exchanges[i], 0);
}

/* The same across the wrap of the sequence numbers, wherever it falls. */
Test(session_tcp, numbers_wrap_anywhere)
{
	for (size_t i = 0; i < sizeof(exchanges) / sizeof(*exchanges); i++) {
		run(&exchanges[i], -CI - 1);
		run(&exchanges[i], -SI - 3);
		run(&exchanges[i], -CI - 50);
		run(&exchanges[i], 0x80000000u - CI);
	}
}

static void handshake(struct sl_table *table, uint8_t client_scale, uint8_t server_scale, bool stamps)
{
	static struct craft craft;

	for (int i = 0; i < 3; i++) {
		craft_tcp(&craft, i == 1,
			  i == 0   ? "S"
			  : i == 1 ? "SA"
				   : "A",
			  i == 1 ? SI : CI + (i == 2),
			  i == 0   ? 0
			  : i == 1 ? CI + 1
				   : SI + 1,
			  0, SECOND);
		craft.packet.window = 1000;
		if (i < 2) {
			craft.packet.tcp.has_window_scale = true;
			craft.packet.tcp.window_scale = i ? server_scale : client_scale;
		}
		craft.packet.tcp.has_timestamp = stamps;
		craft.packet.tcp.ts_value = 100;
		craft_feed(table, &craft, NULL, NULL);
	}
}

Test(session_tcp, windows_are_scaled_behind_the_handshake)
{
	struct sl_table *table = craft_table(NULL, NULL);
	static struct craft craft;

	handshake(table, 4, 0, false);
	/* 1000 << 4 from the client: the server may send 16000 bytes. */
	craft_tcp(&craft, S, "A", SI + 1 + 15000, CI + 1, 1000, SECOND);
	craft.packet.window = 1000;
	cr_expect_eq(craft_feed(table, &craft, NULL, NULL), NEW);
	craft_tcp(&craft, S, "A", SI + 1 + 16000, CI + 1, 2, SECOND);
	cr_expect_eq(craft_feed(table, &craft, NULL, NULL), OUT);
	/* The server's is 1000 in its SYN and, unscaled, 1000 later. */
	craft_tcp(&craft, C, "A", CI + 1, SI + 1, 1002, SECOND);
	cr_expect_eq(craft_feed(table, &craft, NULL, NULL), OUT);
	craft_tcp(&craft, C, "A", CI + 1, SI + 1, 1000, SECOND);
	cr_expect_eq(craft_feed(table, &craft, NULL, NULL), NEW);
	sl_table_close(table);
}

Test(session_tcp, what_is_older_than_the_receivers_clock_is_not_taken)
{
	struct sl_table *table = craft_table(NULL, NULL);
	static struct craft craft;

	handshake(table, 0, 0, true);
	craft_tcp(&craft, C, "A", CI + 1, SI + 1, 10, SECOND);
	craft.packet.tcp.has_timestamp = true;
	craft.packet.tcp.ts_value = 98;
	cr_expect_eq(craft_feed(table, &craft, NULL, NULL), SL_FACT_OLD_STAMP);
	craft.packet.tcp.ts_value = 99;
	cr_expect_eq(craft_feed(table, &craft, NULL, NULL), NEW);
	sl_table_close(table);
}

Test(session_tcp, a_new_syn_begins_anew_once_the_old_connection_is_over)
{
	struct ended ended = { 0 };
	struct sl_table *table = craft_table(&ended, NULL);
	struct sl_session *session;
	struct sl_found found;
	static struct craft craft;

	run(&exchanges[0], 0);
	for (const struct step *step = exchanges[0].step; step->flags; step++) {
		craft_tcp(&craft, step->side, step->flags, step->seq, step->ack, step->len, SECOND);
		craft_feed(table, &craft, &session, NULL);
	}
	/* The client, which is in TIME_WAIT, is spoken to with an old number … */
	craft_tcp(&craft, S, "S", SI + 5, 0, 0, SECOND);
	cr_expect_neq(craft_feed(table, &craft, NULL, &found), UINT32_MAX);
	cr_expect_eq(found.event, SL_SESSION_KNOWN);
	/* … the server is not, any number will do. */
	craft_tcp(&craft, C, "S", CI - 5000, 0, 0, SECOND);
	cr_expect_eq(craft_feed(table, &craft, &session, &found), 0);
	cr_expect_eq(found.event, SL_SESSION_NEW);
	cr_expect_eq(session->id, 2);
	cr_expect(ended.n == 1 && ended.why == SL_END_FIN);
	sl_table_close(table);
	cr_expect(ended.n == 2 && ended.why == SL_END_SHUTDOWN);
}

/* What a flow verdict in the kernel leaves to be seen: the FINs, far ahead of where we stopped. */
Test(session_tcp, an_unwatched_middle_is_no_offence)
{
	struct ended ended = { 0 };
	struct sl_table *table = craft_table(&ended, NULL);
	struct sl_session *session;
	static struct craft craft;

	handshake(table, 7, 7, true);
	craft_tcp(&craft, C, "A", CI + 1, SI + 1, 10, SECOND);
	craft_feed(table, &craft, &session, NULL);
	sl_session_unwatched(table, session);
	sl_session_add(table, session, S, 1000, 1000000, 30 * SECOND);
	craft_tcp(&craft, C, "FA", CI + 1000000, SI + 2000000, 0, 31 * SECOND);
	cr_expect_eq(craft_feed(table, &craft, &session, NULL) & SL_FACT_UNFIT, 0);
	cr_expect_eq(session->state[C], TCP_FIN_WAIT1);
	craft_tcp(&craft, S, "FA", SI + 9000000, CI + 1000001, 0, 32 * SECOND);
	cr_expect(craft_feed(table, &craft, &session, NULL) & SL_FACT_FINISHED);
	cr_expect_eq(session->flow[S].packets, 1002);
	sl_sessions_tick(table, 40 * SECOND, 1000);
	cr_expect_eq(ended.n, 0);
	sl_sessions_tick(table, 48 * SECOND, 1000);
	cr_expect(ended.n == 1 && ended.why == SL_END_FIN);
	sl_table_close(table);
}

Test(session_tcp, a_kill_speaks_the_numbers_each_side_waits_for)
{
	struct sl_table *table = craft_table(NULL, NULL);
	struct sl_session *session;
	struct sl_reset reset;
	static struct craft craft;

	handshake(table, 0, 0, false);
	craft_tcp(&craft, S, "A", SI + 1, CI + 1, 500, SECOND);
	craft_feed(table, &craft, &session, NULL);
	sl_session_reset_numbers(session, &reset);
	cr_expect(reset.to[S].n == 1 && reset.to[S].seq[0] == CI + 1 && reset.to[S].ack == SI + 501);
	cr_expect(reset.to[C].n == 2 && reset.to[C].seq[0] == SI + 501 && reset.to[C].seq[1] == SI + 1);
	sl_session_cut(table, session, SL_END_KILLED);
	sl_session_reset_numbers(session, &reset);
	cr_expect(!reset.to[C].n && !reset.to[S].n);
	craft_tcp(&craft, S, "A", SI + 501, CI + 1, 500, SECOND);
	cr_expect_eq(craft_feed(table, &craft, NULL, NULL), SL_FACT_CLOSED);
	craft_tcp(&craft, C, "S", 77, 0, 3, SECOND);
	sl_packet_reset_numbers(&craft.packet, C, &reset);
	cr_expect(reset.to[C].n == 1 && reset.to[C].has_ack && reset.to[C].ack == 81 && !reset.to[S].n);
	sl_table_close(table);
}
