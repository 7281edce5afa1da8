// SPDX-License-Identifier: BSD-2-Clause
/* The table: who is found, who times out when, who goes when there is no room, and what it costs in bytes. */
#include <criterion/criterion.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>

#include "dpi/session/hash.h"
#include "session_craft.h"

#define MANY 500000u
#define BYTES_MAX 400000000u

static struct craft packet;

static struct sl_session *feed(struct sl_table *table, uint8_t protocol, uint32_t client, enum sl_side side,
			       uint64_t now_ns)
{
	struct sl_session *session;

	craft(&packet, protocol, client, CLIENT_PORT, SERVER_PORT, side, now_ns);
	craft_feed(table, &packet, &session, NULL);
	return session;
}

static void tcp_segment(struct sl_table *table, uint32_t client, enum sl_side side, uint8_t flags,
			uint32_t seq, uint32_t ack, uint32_t len, uint64_t now_ns)
{
	craft(&packet, IPPROTO_TCP, client, CLIENT_PORT, SERVER_PORT, side, now_ns);
	packet.packet.tcp_flags = flags;
	packet.packet.seq = seq;
	packet.packet.ack = ack;
	packet.packet.payload_len = len;
	craft_feed(table, &packet, NULL, NULL);
}

static void half_open(struct sl_table *table, uint32_t client, uint64_t now_ns)
{
	tcp_segment(table, client, SL_CLIENT, SL_TCP_SYN, 100, 0, 0, now_ns);
}

static void establish(struct sl_table *table, uint32_t client, uint32_t data, uint64_t now_ns)
{
	half_open(table, client, now_ns);
	tcp_segment(table, client, SL_SERVER, SL_TCP_SYN | SL_TCP_ACK, 500, 101, 0, now_ns);
	tcp_segment(table, client, SL_CLIENT, SL_TCP_ACK, 101, 501, data, now_ns);
}

static bool known(struct sl_table *table, uint8_t protocol, uint32_t client)
{
	struct sl_found found;

	craft(&packet, protocol, client, CLIENT_PORT, SERVER_PORT, SL_CLIENT, 0);
	return sl_session_of(table, &packet.packet, false, &found) != NULL;
}

static void small(struct sl_table_config *config)
{
	config->sessions_max = 320; /* reserves of 10, 289 established */
}

/* The first example of the algorithm's paper, and the 16 bytes behind it in its table. */
Test(session_table, the_hash_is_siphash)
{
	const struct sl_hash_key key = { { 0x0706050403020100, 0x0f0e0d0c0b0a0908 } };
	const uint64_t word[] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };

	cr_expect_eq(sl_siphash(&key, word, 0, 2, 4), 0x726fdb47dd0e0e31);
	cr_expect_eq(sl_siphash(&key, word, 1, 2, 4), 0x93f5f5799a932462);
	cr_expect_eq(sl_siphash(&key, word, 2, 2, 4), 0x3f2acc7f57c29bdb);
}

Test(session_table, both_directions_are_one_session)
{
	struct sl_table *table = craft_table(NULL, NULL);
	struct sl_session *session = feed(table, IPPROTO_UDP, 1, SL_CLIENT, SECOND);
	struct sl_table_stats stats;
	struct sl_found found;
	uint8_t destination[6], source[6];
	uint16_t vlan;

	cr_expect_eq(feed(table, IPPROTO_UDP, 1, SL_SERVER, SECOND), session);
	cr_expect(session->ingress && session->tuple.source_port == CLIENT_PORT);
	cr_expect(session->flow[SL_CLIENT].packets == 1 && session->flow[SL_SERVER].bytes == 40);
	sl_session_mac(session, SL_SERVER, destination, source, &vlan);
	cr_expect(destination[0] == 0xbb && source[5] == 0xaa);
	cr_expect_neq(feed(table, IPPROTO_UDP, 2, SL_CLIENT, SECOND), session);
	cr_expect_neq(feed(table, IPPROTO_SCTP, 1, SL_CLIENT, SECOND), session);
	/* The same tuple of another workload is another conversation. */
	craft(&packet, IPPROTO_UDP, 1, CLIENT_PORT, SERVER_PORT, SL_CLIENT, SECOND);
	packet.packet.workload = 8;
	cr_expect_neq(sl_session_of(table, &packet.packet, true, &found), session);
	/* The client's tuple coming out of the workload that is the server. */
	craft(&packet, IPPROTO_UDP, 1, CLIENT_PORT, SERVER_PORT, SL_CLIENT, SECOND);
	packet.packet.to_workload = false;
	cr_expect_null(sl_session_of(table, &packet.packet, true, &found));
	cr_expect_eq(found.event, SL_SESSION_WRONG_WAY);
	sl_table_stats(table, &stats);
	cr_expect(stats.sessions == 4 && stats.by_kind[SL_KIND_UDP] == 3 && stats.wrong_way == 1);
	sl_table_close(table);
}

Test(session_table, an_icmp_error_belongs_to_what_it_speaks_of)
{
	struct sl_table *table = craft_table(NULL, NULL);
	struct sl_session *session = feed(table, IPPROTO_UDP, 1, SL_CLIENT, SECOND);
	struct sl_found found;
	struct sl_tuple inner;

	/* The workload has no such port and says so: about the client's packet, to the client. */
	craft(&packet, IPPROTO_UDP, 1, CLIENT_PORT, SERVER_PORT, SL_CLIENT, SECOND);
	inner = packet.packet.tuple;
	craft(&packet, IPPROTO_UDP, 1, CLIENT_PORT, SERVER_PORT, SL_SERVER, SECOND);
	packet.packet.inner = inner;
	packet.packet.kind = SL_PACKET_ICMP_ERROR;
	packet.packet.to_workload = false;
	cr_expect_eq(sl_session_of(table, &packet.packet, true, &found), session);
	cr_expect(found.event == SL_SESSION_RELATED && found.side == SL_CLIENT);
	/* It cannot come to the workload: the workload did not send that packet. */
	packet.packet.to_workload = true;
	cr_expect_null(sl_session_of(table, &packet.packet, true, &found));
	cr_expect_eq(found.event, SL_SESSION_UNRELATED);
	packet.packet.to_workload = false;
	packet.packet.inner.source_port++;
	cr_expect_null(sl_session_of(table, &packet.packet, true, &found));
	packet.packet.inner = inner;
	/* To somebody else it carries what it likes behind a right quotation. */
	packet.packet.tuple.destination.byte[15] ^= 1;
	cr_expect_null(sl_session_of(table, &packet.packet, true, &found));
	cr_expect_eq(found.event, SL_SESSION_UNRELATED);
	cr_expect_eq(session->flow[SL_CLIENT].packets, 1);
	sl_table_close(table);
}

Test(session_table, nothing_begins_with_what_begins_nothing)
{
	struct sl_table *table = craft_table(NULL, NULL);
	struct sl_found found;

	craft_tcp(&packet, SL_CLIENT, "R", 1, 0, 0, SECOND);
	cr_expect_null(sl_session_of(table, &packet.packet, true, &found));
	craft_tcp(&packet, SL_CLIENT, "", 1, 0, 0, SECOND);
	cr_expect_null(sl_session_of(table, &packet.packet, true, &found));
	craft_tcp(&packet, SL_CLIENT, "S", 1, 0, 0, SECOND);
	packet.packet.checksum_bad = true;
	cr_expect_null(sl_session_of(table, &packet.packet, true, &found));
	craft(&packet, IPPROTO_UDP, 1, 1, 1, SL_CLIENT, SECOND);
	packet.packet.kind = SL_PACKET_FRAGMENT;
	cr_expect_null(sl_session_of(table, &packet.packet, true, &found));
	cr_expect_eq(found.event, SL_SESSION_NONE);
	sl_table_close(table);
}

/* A denied client's datagrams never arrived, so the server's first one is no answer. */
Test(session_table, the_other_side_of_a_denied_datagram_session_speaks_for_itself)
{
	struct ended ended = { 0 };
	struct sl_table *table = craft_table(&ended, NULL);
	struct sl_session *session = feed(table, IPPROTO_UDP, 1, SL_CLIENT, SECOND);

	session->action = SL_POLICY_DENY;
	session = feed(table, IPPROTO_UDP, 1, SL_SERVER, SECOND);
	cr_expect(!session->ingress && session->tuple.source_port == SERVER_PORT && ended.n == 1);
	session = feed(table, IPPROTO_UDP, 1, SL_CLIENT, SECOND);
	cr_expect(session->flow[SL_SERVER].packets == 1 && ended.n == 1);
	sl_table_close(table);
}

/* Seconds of silence after which it must be gone, and half a second before that must not. */
static void expect_life(struct sl_table *table, const struct ended *ended, uint64_t from_ns,
			unsigned int seconds, enum sl_session_end why, const char *what)
{
	unsigned int n = ended->n;

	cr_assert(!sl_sessions_tick(table, from_ns + seconds * SECOND - SECOND / 2, 100000));
	cr_expect_eq(ended->n, n, "%s goes before %u s", what, seconds);
	sl_sessions_tick(table, from_ns + seconds * SECOND + SECOND, 100000);
	cr_expect_eq(ended->n, n + 1, "%s stays after %u s", what, seconds);
	cr_expect_eq(ended->why, why, "%s ends by %s", what, sl_session_end_name(ended->why));
}

Test(session_table, timers)
{
	struct ended ended = { 0 };
	struct sl_table *table = craft_table(&ended, NULL);
	uint64_t now = 1000000 * SECOND + 123456789;

	half_open(table, 1, now);
	expect_life(table, &ended, now, 20, SL_END_TIMEOUT, "half-open TCP");
	now += 5000 * SECOND;
	establish(table, 1, 0, now);
	expect_life(table, &ended, now, 30, SL_END_TIMEOUT, "TCP without data");
	now += 5000 * SECOND;
	establish(table, 1, 10, now);
	expect_life(table, &ended, now, 1200, SL_END_TIMEOUT, "TCP");
	now += 5000 * SECOND;
	establish(table, 1, 10, now);
	tcp_segment(table, 1, SL_CLIENT, SL_TCP_FIN | SL_TCP_ACK, 111, 501, 0, now);
	tcp_segment(table, 1, SL_SERVER, SL_TCP_ACK, 501, 112, 0, now);
	expect_life(table, &ended, now, 90, SL_END_TIMEOUT, "half-closed TCP");
	now += 5000 * SECOND;
	establish(table, 1, 10, now);
	tcp_segment(table, 1, SL_CLIENT, SL_TCP_FIN | SL_TCP_ACK, 111, 501, 0, now);
	tcp_segment(table, 1, SL_SERVER, SL_TCP_FIN | SL_TCP_ACK, 501, 112, 0, now);
	tcp_segment(table, 1, SL_CLIENT, SL_TCP_ACK, 112, 502, 0, now);
	expect_life(table, &ended, now, 15, SL_END_FIN, "closed TCP");
	now += 5000 * SECOND;
	establish(table, 1, 10, now);
	tcp_segment(table, 1, SL_CLIENT, SL_TCP_RST, 111, 0, 0, now);
	expect_life(table, &ended, now, 60, SL_END_RST, "reset TCP");
	now += 5000 * SECOND;
	feed(table, IPPROTO_UDP, 1, SL_CLIENT, now);
	/* Each packet begins the time anew, in either direction. */
	now += 29 * SECOND;
	feed(table, IPPROTO_UDP, 1, SL_SERVER, now);
	expect_life(table, &ended, now, 30, SL_END_TIMEOUT, "UDP");
	now += 5000 * SECOND;
	feed(table, IPPROTO_ICMP, 1, SL_CLIENT, now);
	expect_life(table, &ended, now, 5, SL_END_TIMEOUT, "ICMP");
	now += 5000 * SECOND;
	feed(table, IPPROTO_GRE, 1, SL_CLIENT, now);
	cr_expect_eq(sl_session_life(table, feed(table, IPPROTO_GRE, 1, SL_SERVER, now)), 15);
	expect_life(table, &ended, now, 15, SL_END_TIMEOUT, "GRE");
	/* What a receiver would not take keeps nothing alive. */
	now += 5000 * SECOND;
	establish(table, 1, 0, now);
	tcp_segment(table, 1, SL_CLIENT, SL_TCP_ACK, 900000, 1, 10, now + 20 * SECOND);
	expect_life(table, &ended, now, 30, SL_END_TIMEOUT, "TCP and a stray segment");
	sl_table_close(table);
}

Test(session_table, a_tick_does_a_bounded_piece_of_the_work)
{
	struct ended ended = { 0 };
	struct sl_table *table = craft_table(&ended, NULL);
	unsigned int calls = 0;

	for (uint32_t i = 0; i < 1000; i++)
		feed(table, IPPROTO_UDP, i, SL_CLIENT, SECOND);
	while (sl_sessions_tick(table, 40 * SECOND, 64)) {
		calls++;
		cr_assert_leq(ended.n, 64 * calls);
	}
	cr_expect(ended.n == 1000 && calls == 15);
	sl_table_close(table);
}

Test(session_table, a_half_open_flood_leaves_the_established_alone)
{
	struct ended ended = { 0 };
	struct sl_table *table = craft_table(&ended, small);
	struct sl_table_stats stats;

	for (uint32_t i = 0; i < 289; i++)
		establish(table, i, 10, SECOND);
	for (uint32_t i = 0; i < 10; i++) {
		feed(table, IPPROTO_UDP, i, SL_CLIENT, SECOND);
		feed(table, IPPROTO_UDP, i, SL_SERVER, SECOND);
	}
	for (uint32_t i = 1000; i < 20000; i++) {
		half_open(table, i, 2 * SECOND);
		cr_assert(known(table, IPPROTO_TCP, i), "never the one that has just come");
	}
	for (uint32_t i = 1000; i < 20000; i++)
		feed(table, IPPROTO_UDP, i, SL_CLIENT, 2 * SECOND);
	sl_table_stats(table, &stats);
	cr_expect(stats.sessions == 320 && stats.evicted[SL_CLASS_ESTABLISHED] == 0);
	for (uint32_t i = 0; i < 289; i++)
		cr_assert(known(table, IPPROTO_TCP, i), "established session %u is gone", i);
	/* Nor do the floods starve each other, or a client in the middle of its handshake. */
	cr_expect(stats.by_class[SL_CLASS_OPENING] >= 10 && stats.by_class[SL_CLASS_UNANSWERED] >= 10);
	cr_expect_eq(stats.by_class[SL_CLASS_ANSWERED], 10);
	/* Only one that becomes established itself takes an older one's place: the one idle longest. */
	tcp_segment(table, 0, SL_CLIENT, SL_TCP_ACK, 111, 501, 10, 3 * SECOND);
	establish(table, 30000, 10, 3 * SECOND);
	cr_expect(known(table, IPPROTO_TCP, 0) && !known(table, IPPROTO_TCP, 1) &&
		  known(table, IPPROTO_TCP, 30000));
	sl_table_stats(table, &stats);
	cr_expect_eq(stats.evicted[SL_CLASS_ESTABLISHED], 1);
	cr_expect_eq(stats.made, stats.sessions + ended.n);
	sl_table_close(table);
}

Test(session_table, closed_first_then_the_oldest_idle)
{
	struct sl_table *table = craft_table(NULL, small);

	establish(table, 5000, 10, SECOND);
	tcp_segment(table, 5000, SL_CLIENT, SL_TCP_RST, 111, 0, 0, SECOND);
	for (uint32_t i = 0; i < 319; i++)
		feed(table, IPPROTO_UDP, i, SL_CLIENT, SECOND + i);
	feed(table, IPPROTO_UDP, 0, SL_CLIENT, 2 * SECOND);
	feed(table, IPPROTO_UDP, 1000, SL_CLIENT, 2 * SECOND);
	cr_expect(!known(table, IPPROTO_TCP, 5000) && known(table, IPPROTO_UDP, 0));
	feed(table, IPPROTO_UDP, 1001, SL_CLIENT, 2 * SECOND);
	cr_expect(known(table, IPPROTO_UDP, 0) && !known(table, IPPROTO_UDP, 1) &&
		  known(table, IPPROTO_UDP, 2));
	sl_table_close(table);
}

static void tight(struct sl_table_config *config)
{
	config->bytes_max = 4 << 20;
	config->stream_total_bytes = 1 << 20;
}

Test(session_table, bytes_limit_the_number)
{
	struct sl_table *table = craft_table(NULL, tight);
	struct sl_table_config config;
	struct sl_table_stats stats;
	struct sl_err err = { 0 };

	for (uint32_t i = 0; i < 100000; i++)
		feed(table, IPPROTO_UDP, i, SL_CLIENT, SECOND);
	sl_table_stats(table, &stats);
	cr_expect(stats.sessions == stats.sessions_max && stats.bytes < 4 << 20);
	sl_table_close(table);
	sl_table_config_init(&config);
	config.bytes_max = config.stream_total_bytes;
	table = NULL;
	cr_expect_eq(sl_table_open(&table, &config, &err), -EINVAL);
	cr_expect(!table && err.text[0]);
}

Test(session_table, half_a_million_established_with_names_fit_400_megabytes)
{
	struct mallinfo2 before = mallinfo2(), after;
	struct sl_table *table = craft_table(NULL, NULL);
	struct sl_session *session;
	struct sl_table_stats stats;
	struct sl_cursor cursor = { 0 };
	uint32_t budget = UINT32_MAX;
	size_t bytes;

	for (uint32_t i = 0; i < MANY; i++)
		establish(table, i, 10, SECOND);
	while ((session = sl_sessions_next(table, &cursor, &(struct sl_session_filter){ 0 }, &budget)))
		session->name = strdup("a-name-as-long-as-they-usually-are.example.com");
	after = mallinfo2();
	bytes = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
	sl_table_stats(table, &stats);
	cr_expect(stats.sessions == MANY && stats.by_class[SL_CLASS_ESTABLISHED] == MANY);
	cr_expect_leq(bytes, BYTES_MAX, "%zu bytes", bytes);
	cr_expect_leq(stats.bytes + MANY * SL_TABLE_NAME_BYTES, BYTES_MAX);
	cr_log_info("%zu bytes, %zu a session", bytes, bytes / MANY);
	cursor = (struct sl_cursor){ 0 };
	while ((session = sl_sessions_next(table, &cursor, &(struct sl_session_filter){ 0 }, &budget)))
		free(session->name);
	sl_table_close(table);
}

Test(session_table, a_listing_shows_each_once_in_pieces)
{
	struct sl_table *table = craft_table(NULL, NULL);
	struct sl_session_filter filter = { .has_protocol = true, .protocol = IPPROTO_UDP, .family = 4 };
	struct sl_cursor cursor = { 0 };
	struct sl_session *session;
	unsigned int shown = 0, calls = 0;
	uint8_t seen[256] = { 0 };

	for (uint32_t i = 0; i < 256; i++) {
		feed(table, IPPROTO_UDP, i, SL_CLIENT, SECOND);
		feed(table, IPPROTO_ICMP, i, SL_CLIENT, SECOND);
	}
	while (!cursor.done) {
		uint32_t budget = 10;

		calls++;
		while ((session = sl_sessions_next(table, &cursor, &filter, &budget))) {
			shown++;
			cr_assert(!seen[session->tuple.source.byte[15]]++);
			/* Ending one in the walk, and new ones between the calls, disturb nobody. */
			sl_session_end(table, session, SL_END_KILLED);
		}
		feed(table, IPPROTO_ICMP, 1000 + calls, SL_CLIENT, SECOND);
	}
	cr_expect(shown == 256 && calls >= 52);
	filter = (struct sl_session_filter){ .has_address = true, .prefix = 96 + 31 };
	memset(&filter.address, 0, 16);
	filter.address.byte[10] = filter.address.byte[11] = 0xff;
	filter.address.byte[12] = 10;
	filter.address.byte[15] = 6;
	cursor = (struct sl_cursor){ 0 };
	shown = 0;
	for (uint32_t budget = 100000; (session = sl_sessions_next(table, &cursor, &filter, &budget));
	     shown++)
		cr_expect(session->tuple.source.byte[15] == 6 || session->tuple.source.byte[15] == 7);
	cr_expect_eq(shown, 2);
	sl_table_close(table);
}
