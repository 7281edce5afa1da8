// SPDX-License-Identifier: BSD-2-Clause
/* From segments to payload: what the numbers of both sides and the bytes say together, through one whole connection. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "session_craft.h"

#define C SL_CLIENT
#define S SL_SERVER
#define CI CLIENT_ISN
#define SI SERVER_ISN

static struct sl_table *table;
static struct craft segment;
static uint8_t out[2][4096];
static uint32_t out_len[2], gaps[2];

static void sink(void *context, struct sl_session *session, enum sl_side side, const uint8_t *data,
		 uint32_t len)
{
	(void)context;
	cr_assert_not_null(session);
	if (!data) {
		gaps[side] += len;
		return;
	}
	memcpy(out[side] + out_len[side], data, len);
	out_len[side] += len;
}

static uint32_t send_crafted(bool refuse)
{
	struct sl_found found;
	struct sl_session *session = sl_session_of(table, &segment.packet, true, &found);
	struct sl_facts facts;

	cr_assert_not_null(session);
	if (found.event == SL_SESSION_NEW)
		cr_assert_eq(sl_session_inspect_begin(table, session), 0);
	sl_session_track(table, session, &segment.packet, found.side, &facts);
	return sl_session_deliver(table, session, &segment.packet, found.side, &facts, refuse, sink, NULL);
}

static uint32_t send(enum sl_side side, const char *flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	craft_tcp(&segment, side, flags, seq, ack, len, SECOND);
	return send_crafted(false);
}

static void expect(enum sl_side side, uint32_t isn, uint32_t len)
{
	cr_expect_eq(out_len[side], len, "%u bytes of side %u instead of %u", out_len[side], side, len);
	for (uint32_t i = 0; i < out_len[side]; i++)
		cr_assert_eq(out[side][i], craft_byte(isn + 1 + i), "side %u, byte %u", side, i);
}

static void open_table(void)
{
	table = craft_table(NULL, NULL);
	memset(out_len, 0, sizeof(out_len));
	memset(gaps, 0, sizeof(gaps));
}

static void close_table(void)
{
	struct sl_table_stats stats;
	struct sl_cursor cursor = { 0 };
	uint32_t budget = 100;
	struct sl_session *session;

	while ((session = sl_sessions_next(table, &cursor, &(struct sl_session_filter){ 0 }, &budget)))
		sl_session_end(table, session, SL_END_KILLED);
	sl_table_stats(table, &stats);
	cr_expect(!stats.stream_bytes && !stats.streams);
	sl_table_close(table);
}

TestSuite(session_deliver, .init = open_table, .fini = close_table);

Test(session_deliver, a_whole_connection)
{
	send(C, "S", CI, 0, 0);
	send(S, "SA", SI, CI + 1, 0);
	send(C, "A", CI + 1, SI + 1, 0);
	send(C, "A", CI + 1, SI + 1, 100);
	cr_expect_eq(send(S, "A", SI + 501, CI + 101, 500), SL_STREAM_OUT_OF_ORDER);
	send(S, "A", SI + 1, CI + 101, 500);
	cr_expect_eq(send(S, "A", SI + 1, CI + 101, 1000), SL_STREAM_OLD);
	send(C, "FA", CI + 101, SI + 1001, 10);
	send(S, "FA", SI + 1001, CI + 112, 0);
	send(C, "A", CI + 112, SI + 1002, 0);
	expect(C, CI, 110);
	expect(S, SI, 1000);
	cr_expect(!gaps[C] && !gaps[S]);
}

/* Bytes that the receiver does not take must not be taken for the stream: the oldest way round an inspector. */
Test(session_deliver, what_the_receiver_throws_away_is_not_shown)
{
	send(C, "S", CI, 0, 0);
	send(S, "SA", SI, CI + 1, 0);
	send(C, "A", CI + 1, SI + 1, 0);
	send(C, "", CI + 1, 0, 10);
	send(C, "A", CI + 1, SI + 5000, 10);
	craft_tcp(&segment, C, "A", CI + 1, SI + 1, 10, SECOND);
	segment.packet.checksum_bad = true;
	send_crafted(false);
	send(C, "R", CI + 100, 0, 10);
	cr_expect_eq(out_len[C], 0);
	send(C, "A", CI + 1, SI + 1, 10);
	expect(C, CI, 10);
}

Test(session_deliver, payload_on_the_syn)
{
	send(C, "S", CI, 0, 50);
	cr_expect_eq(out_len[C], 0);
	send(S, "SA", SI, CI + 51, 0);
	expect(C, CI, 50);
	send(C, "A", CI + 51, SI + 1, 50);
	expect(C, CI, 100);
	cr_expect_eq(gaps[C], 0);
}

Test(session_deliver, payload_on_the_syn_that_is_thrown_away)
{
	send(C, "S", CI, 0, 50);
	send(S, "SA", SI, CI + 1, 0);
	send(C, "A", CI + 1, SI + 1, 0);
	cr_expect_eq(out_len[C], 0);
	send(C, "A", CI + 1, SI + 1, 50);
	expect(C, CI, 50);
}

Test(session_deliver, the_syn_that_was_answered_counts)
{
	send(C, "S", CI, 0, 20);
	send(C, "S", CI + 100000, 0, 20);
	send(S, "SA", SI, CI + 1, 0);
	send(C, "A", CI + 1, SI + 1, 30);
	expect(C, CI, 30);
	cr_expect_eq(gaps[C], 0);
}

Test(session_deliver, begun_in_the_middle)
{
	send(C, "A", CI + 1, SI + 1, 30);
	send(S, "A", SI + 1, CI + 31, 30);
	/* One of the client's passes us by; the server has it. */
	send(C, "A", CI + 41, SI + 31, 10);
	cr_expect_eq(send(S, "A", SI + 31, CI + 51, 0), SL_STREAM_GAP);
	expect(S, SI, 30);
	cr_expect(out_len[C] == 40 && gaps[C] == 10);
}

Test(session_deliver, in_protect_a_changed_repetition_is_refused)
{
	send(C, "S", CI, 0, 0);
	send(S, "SA", SI, CI + 1, 0);
	send(C, "A", CI + 1, SI + 1, 100);
	craft_tcp(&segment, C, "A", CI + 51, SI + 1, 100, SECOND);
	segment.bytes[54 + 7] ^= 1;
	cr_expect_eq(send_crafted(true), SL_STREAM_CONFLICT | SL_STREAM_REFUSED);
	expect(C, CI, 100);
	send(C, "A", CI + 51, SI + 1, 100);
	expect(C, CI, 150);
}
