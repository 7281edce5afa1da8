// SPDX-License-Identifier: BSD-2-Clause
/*
 * Streams put in order: against a plain model of Linux's rules, segment by
 * random segment, and case by case for limits, gaps, conflicts and urgent data.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dpi/session/reassembly.h"
#include "session_craft.h"

#define OUT_MAX 65536

static struct sl_stream_pool pool;
static struct sl_stream *stream;
static uint8_t out[OUT_MAX];
static uint32_t out_len, gap_bytes;

static void sink(void *context, const uint8_t *data, uint32_t len)
{
	(void)context;
	cr_assert(out_len + len <= OUT_MAX && len);
	if (data)
		memcpy(out + out_len, data, len);
	else
		memset(out + out_len, '?', len);
	gap_bytes += data ? 0 : len;
	out_len += len;
}

static void open_stream(uint32_t seq)
{
	memset(&pool, 0, sizeof(pool));
	pool.total_max = 1 << 20;
	pool.flow_max = 1 << 18;
	pool.history_max = 1 << 14;
	out_len = gap_bytes = 0;
	stream = sl_stream_new(&pool);
	cr_assert_not_null(stream);
	sl_stream_start(stream, seq);
}

static void close_stream(void)
{
	sl_stream_free(stream);
	cr_expect_eq(pool.used, 0, "%zu bytes are still accounted for", pool.used);
	cr_expect_eq(pool.streams, 0);
}

static uint32_t push(uint32_t seq, const char *text)
{
	return sl_stream_push(stream, seq, (const uint8_t *)text, (uint32_t)strlen(text), -1, false, sink,
			      NULL);
}

static uint32_t push_refusing(uint32_t seq, const char *text)
{
	return sl_stream_push(stream, seq, (const uint8_t *)text, (uint32_t)strlen(text), -1, true, sink,
			      NULL);
}

static void expect_out(const char *text)
{
	cr_expect(out_len == strlen(text) && !memcmp(out, text, out_len), "'%.*s' instead of '%s'",
		  (int)out_len, out, text);
}

Test(session_reassembly, in_order_out_of_order_and_again)
{
	open_stream(UINT32_MAX - 3);
	cr_expect_eq(push(UINT32_MAX - 3, "abc"), 0);
	cr_expect_eq(push(3, "hij"), SL_STREAM_OUT_OF_ORDER);
	cr_expect_eq(push(UINT32_MAX - 1, "cd"), 0);
	cr_expect(sl_stream_waits(stream));
	cr_expect_eq(push(1, "fghi"), SL_STREAM_OUT_OF_ORDER);
	expect_out("abcd");
	cr_expect_eq(push(0, "e"), 0);
	expect_out("abcdefghij");
	cr_expect_eq(push(UINT32_MAX - 3, "abcdefghij"), SL_STREAM_OLD);
	expect_out("abcdefghij");
	cr_expect_eq(sl_stream_next(stream), 6);
	close_stream();
}

Test(session_reassembly, what_was_sent_before_is_compared)
{
	open_stream(100);
	push(100, "abcdef");
	cr_expect_eq(push(102, "cXe"), SL_STREAM_OLD | SL_STREAM_CONFLICT);
	cr_expect_eq(push(104, "efgh"), 0);
	cr_expect_eq(push_refusing(107, "Yz"), SL_STREAM_CONFLICT | SL_STREAM_REFUSED);
	cr_expect_eq(push(107, "Yz"), SL_STREAM_CONFLICT);
	expect_out("abcdefghz");
	/* Acknowledged: the receiver does not look at it any more, nor do we. */
	sl_stream_acked(stream, 109, sink, NULL);
	cr_expect_eq(push(102, "cXe"), SL_STREAM_OLD);
	cr_expect_eq(push(112, "mno"), SL_STREAM_OUT_OF_ORDER);
	cr_expect_eq(push(113, "N"), SL_STREAM_OUT_OF_ORDER | SL_STREAM_CONFLICT);
	cr_expect_eq(pool.conflicts, 3 + 1);
	close_stream();
	/* Forgotten for want of room: said to be so. */
	open_stream(100);
	pool.history_max = 4;
	push(100, "abcd");
	push(104, "efgh");
	cr_expect_eq(push(100, "XXXX"), SL_STREAM_OLD | SL_STREAM_UNVERIFIED);
	cr_expect_eq(push(104, "efgX"), SL_STREAM_OLD | SL_STREAM_CONFLICT);
	close_stream();
}

/* Which of the bytes that wait is delivered: the case of each rule. */
Test(session_reassembly, overlaps_as_linux_has_them)
{
	static const struct {
		uint32_t first, second;
		const char *one, *two, *want;
	} cases[] = {
		{ 5, 3, "BBBB", "AAAA", "_____AAAABB" }, /* begins earlier: wins */
		{ 3, 5, "AAAA", "BBBB", "_____AAAABB" },
		{ 4, 3, "BB", "AAAA", "_____AAAA" }, /* covers it: replaces it */
		{ 3, 4, "AAAA", "BB", "_____AAAA" }, /* lies inside: dropped */
		{ 3, 3, "AA", "BBBB", "_____BBBB" }, /* begins together: the longer */
		{ 3, 3, "AAAA", "BB", "_____AAAA" },
		{ 3, 3, "AAA", "BBB", "_____AAA" }, /* the same place: the first */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		open_stream(100);
		push(100, "__");
		cr_expect_eq(push(100 + cases[i].first, cases[i].one), SL_STREAM_OUT_OF_ORDER);
		cr_expect_eq(push(100 + cases[i].second, cases[i].two),
			     SL_STREAM_OUT_OF_ORDER | SL_STREAM_CONFLICT);
		push(102, "_");
		cr_expect(out_len == strlen(cases[i].want) - 2 &&
				  !memcmp(out + 3, cases[i].want + 5, out_len - 3),
			  "case %zu: '%.*s'", i, (int)out_len, out);
		close_stream();
	}
}

Test(session_reassembly, a_gap_is_skipped_when_the_receiver_has_it)
{
	open_stream(100);
	push(100, "ab");
	push(104, "ef");
	push(108, "ij");
	cr_expect_eq(sl_stream_acked(stream, 102, sink, NULL), 0);
	cr_expect_eq(sl_stream_acked(stream, 107, sink, NULL), SL_STREAM_GAP);
	expect_out("ab??ef?");
	cr_expect_eq(push(106, "gh"), SL_STREAM_LATE);
	expect_out("ab??ef?hij");
	cr_expect_eq(pool.gaps, 2);
	sl_stream_fin(stream, 110);
	cr_expect_eq(sl_stream_acked(stream, 111, sink, NULL), 0);
	close_stream();
}

Test(session_reassembly, limits_skip_or_refuse_and_never_lose_silently)
{
	open_stream(100);
	pool.flow_max = 8;
	push(110, "klmn");
	push(120, "uvwx");
	cr_expect_eq(push_refusing(130, "E"), SL_STREAM_OUT_OF_ORDER | SL_STREAM_REFUSED);
	cr_expect_eq(out_len, 0);
	cr_expect_eq(push(130, "E"), SL_STREAM_OUT_OF_ORDER | SL_STREAM_GAP);
	expect_out("??????????klmn");
	cr_expect_eq(push(112, "mn"), SL_STREAM_OLD);
	cr_expect_eq(push(105, "X"), SL_STREAM_OLD | SL_STREAM_LATE | SL_STREAM_UNVERIFIED);
	close_stream();
	/* What it covers makes room for it. */
	open_stream(100);
	pool.flow_max = 10;
	push(110, "klmn");
	push(120, "uvwx");
	cr_expect_eq(push_refusing(109, "jklmno"), SL_STREAM_OUT_OF_ORDER);
	cr_expect_eq(push_refusing(108, "ijklmno"), SL_STREAM_OUT_OF_ORDER | SL_STREAM_REFUSED);
	close_stream();
	/* Nothing at all may be kept: everything is still handed out or told of. */
	open_stream(100);
	pool.total_max = pool.used;
	cr_expect_eq(push(100, "ab"), 0);
	cr_expect_eq(push(104, "ef"), SL_STREAM_OUT_OF_ORDER | SL_STREAM_GAP);
	expect_out("ab??ef");
	close_stream();
}

Test(session_reassembly, tiny_segments_cost_no_more_than_the_limit)
{
	open_stream(0);
	for (uint32_t i = 0; i < 4 * SL_STREAM_SEGMENTS; i++)
		push(2 + 2 * i, "x");
	cr_expect_leq(sl_stream_bytes(stream), SL_STREAM_SEGMENTS * 18 + 1000u);
	cr_expect_gt(pool.gaps, 0);
	close_stream();
}

Test(session_reassembly, the_urgent_byte_is_not_in_the_stream)
{
	open_stream(100);
	cr_expect_eq(sl_stream_push(stream, 100, (const uint8_t *)"abcd", 4, 2, false, sink, NULL),
		     SL_STREAM_URGENT);
	expect_out("acd");
	/* Announced ahead, out of order. */
	sl_stream_push(stream, 106, (const uint8_t *)"ghi", 3, 3, false, sink, NULL);
	push(104, "ef");
	expect_out("acdefgh");
	sl_stream_push(stream, 109, (const uint8_t *)"!j", 2, 0, false, sink, NULL);
	expect_out("acdefghj");
	/* An older one does not take a newer one's place. */
	sl_stream_push(stream, 120, (const uint8_t *)"v", 1, 0, false, sink, NULL);
	sl_stream_push(stream, 111, (const uint8_t *)"klmnopqrst", 9, 3, false, sink, NULL);
	push(120, "v");
	expect_out("acdefghjklmnopqrs");
	close_stream();
}

Test(session_reassembly, payload_of_a_syn_counts_when_it_is_acknowledged)
{
	open_stream(100);
	sl_stream_with_syn(stream, 100, (const uint8_t *)"early", 5);
	cr_expect_eq(out_len, 0);
	sl_stream_acked(stream, 105, sink, NULL);
	expect_out("early");
	close_stream();
	open_stream(100);
	sl_stream_with_syn(stream, 100, (const uint8_t *)"early", 5);
	sl_stream_acked(stream, 100, sink, NULL);
	cr_expect_eq(push(100, "later"), 0);
	expect_out("later");
	close_stream();
	open_stream(100);
	sl_stream_with_syn(stream, 100, (const uint8_t *)"early", 5);
	cr_expect_eq(push(100, "later"), SL_STREAM_CONFLICT);
	close_stream();
}

/* The model: the rules in their plainest form. */
static struct {
	uint32_t seq, len;
	const uint8_t *data;
} held[256];
static unsigned int n_held;
static uint8_t model[OUT_MAX];
static uint32_t model_len; /* also the next number, the stream beginning at 0 */

static void model_take(uint32_t seq, const uint8_t *data, uint32_t len)
{
	if (seq + len <= model_len)
		return;
	memcpy(model + model_len, data + (model_len - seq), seq + len - model_len);
	model_len = seq + len;
}

static void model_push(uint32_t seq, const uint8_t *data, uint32_t len)
{
	unsigned int kept = 0, first;

	if (seq <= model_len) {
		model_take(seq, data, len);
		for (;;) {
			first = n_held;
			for (unsigned int i = 0; i < n_held; i++) {
				if (held[i].len && held[i].seq <= model_len &&
				    (first == n_held || held[i].seq < held[first].seq))
					first = i;
			}
			if (first == n_held)
				return;
			model_take(held[first].seq, held[first].data, held[first].len);
			held[first].len = 0;
		}
	}
	for (unsigned int i = 0; i < n_held; i++) {
		if (held[i].len && held[i].seq <= seq && held[i].seq + held[i].len >= seq + len)
			return;
	}
	for (unsigned int i = 0; i < n_held; i++) {
		if (held[i].len && !(held[i].seq >= seq && held[i].seq + held[i].len <= seq + len))
			held[kept++] = held[i];
	}
	n_held = kept;
	held[n_held].seq = seq;
	held[n_held].len = len;
	held[n_held++].data = data;
}

#define SPACE 400u

static void random_stream(unsigned int seed, bool hostile)
{
	static uint8_t bytes[250][64];
	uint32_t base = (uint32_t)rand_r(&seed) * 2u + seed;

	open_stream(base);
	model_len = n_held = 0;
	for (unsigned int i = 0; i < 200; i++) {
		uint32_t seq = (uint32_t)rand_r(&seed) % SPACE, len = 1 + (uint32_t)rand_r(&seed) % 60, seen;

		for (uint32_t b = 0; b < len; b++)
			bytes[i][b] = hostile ? (uint8_t)rand_r(&seed) : craft_byte(seq + b);
		model_push(seq, bytes[i], len);
		seen = sl_stream_push(stream, base + seq, bytes[i], len, -1, false, sink, NULL);
		cr_assert(hostile || !(seen & SL_STREAM_CONFLICT), "seed %u, segment %u", seed, i);
		cr_assert_eq(out_len, model_len, "seed %u, segment %u: %u bytes instead of %u", seed, i,
			     out_len, model_len);
	}
	cr_assert(!memcmp(out, model, model_len), "seed %u", seed);
	for (uint32_t b = 0; !hostile && b < model_len; b++)
		cr_assert_eq(out[b], craft_byte(b));
	close_stream();
}

Test(session_reassembly, any_segments_in_any_order_as_the_model_has_them)
{
	for (unsigned int seed = 1; seed <= 3000; seed++)
		random_stream(seed, seed % 2);
}

/* Whatever the limits: each byte once, in order, or in a gap. */
Test(session_reassembly, under_any_limits_nothing_is_lost_or_doubled)
{
	for (unsigned int seed = 1; seed <= 2000; seed++) {
		unsigned int random = seed;
		uint8_t data[64];

		open_stream(0);
		pool.flow_max = (uint32_t)rand_r(&random) % 200;
		pool.history_max = (uint32_t)rand_r(&random) % 100;
		pool.total_max = pool.used + (size_t)rand_r(&random) % 1000;
		for (unsigned int i = 0; i < 200; i++) {
			uint32_t seq = (uint32_t)rand_r(&random) % SPACE,
				 len = 1 + (uint32_t)rand_r(&random) % 60;

			for (uint32_t b = 0; b < len; b++)
				data[b] = craft_byte(seq + b) | 1;
			if (rand_r(&random) % 4)
				sl_stream_push(stream, seq, data, len, -1, rand_r(&random) % 2, sink, NULL);
			else
				sl_stream_acked(stream, seq < out_len + 20 ? seq : out_len, sink, NULL);
			cr_assert_eq(out_len, sl_stream_next(stream));
			cr_assert_leq(pool.used, pool.total_max);
		}
		for (uint32_t b = 0; b < out_len; b++)
			cr_assert(out[b] == '?' || out[b] == (craft_byte(b) | 1), "seed %u, byte %u", seed,
				  b);
		close_stream();
	}
}
