// SPDX-License-Identifier: BSD-2-Clause
/* Reassembly: what becomes a datagram, what is refused and why, and who pays for what is held. */
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode_craft.h"

static struct sl_decoder *decoder;
static struct sl_defrag *defrag;
static struct frame f, whole;
static struct sl_packet fragment, packet;
static uint8_t family;

static void set_up(void)
{
	const struct sl_defrag_limits limits = SL_DEFRAG_LIMITS;

	decoder = sl_decoder_new();
	cr_assert(decoder);
	cr_assert_eq(sl_defrag_new(&defrag, &limits, decoder), 0);
}

static void limits_are(struct sl_defrag_limits limits)
{
	sl_defrag_free(defrag);
	cr_assert_eq(sl_defrag_new(&defrag, &limits, decoder), 0);
}

static struct sl_defrag_stats stats(void)
{
	struct sl_defrag_stats s;

	sl_defrag_stats(defrag, &s);
	cr_assert_eq(s.frames_in, s.frames_out + s.frames_dropped + s.frames_held);
	cr_assert_eq(s.datagrams_in, s.datagrams_out + s.datagrams_dropped + s.datagrams_held);
	return s;
}

static void tear_down(void)
{
	stats();
	sl_defrag_free(defrag);
	sl_decoder_free(decoder);
}

TestSuite(decode_defrag, .init = set_up, .fini = tear_down);

/* Of the datagram in `whole`: the bytes from..to of what is behind its IP header. */
static int give(uint32_t id, uint32_t from, uint32_t to, bool more)
{
	craft_fragment(&f, family, whole.data[whole.next_at], id, from, more, whole.data + whole.l4_at + from,
		       to - from);
	return craft_defrag(defrag, decoder, &f, CRAFT_SECOND, &fragment, &packet);
}

static void refused(int r, uint64_t reason)
{
	cr_assert_eq(r, -EBADMSG);
	cr_assert_eq(fragment.malformed, reason, "%s", craft_reasons(fragment.malformed));
}

static void expect_whole(void)
{
	uint32_t len = whole.len - whole.l4_at;

	cr_assert(packet.reassembled && packet.fragment && !packet.malformed, "%s",
		  craft_reasons(packet.malformed));
	cr_assert_eq(packet.ip_len, whole.len - whole.l3_at);
	cr_assert(!memcmp(packet.data + packet.l4, whole.data + whole.l4_at, len));
	cr_assert(packet.checksum_good && packet.workload == CRAFT_ID);
	cr_assert(packet.tuple.source_port == 3000 && packet.tuple.destination_port == 4000);
}

#define both_families for (family = 4; family <= 6; family += 2)

Test(decode_defrag, any_order)
{
	static const uint8_t orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
					      { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	struct sl_frame out;
	static struct frame sent[3];

	both_families
	{
		craft_packet(&whole, family, IPPROTO_UDP, 100);
		for (unsigned int o = 0; o < 6; o++) {
			for (unsigned int i = 0; i < 3; i++) {
				uint8_t n = orders[o][i];

				cr_assert_eq(give(o, n * 40u, n == 2 ? 108 : n * 40u + 40, n < 2), i == 2);
				sent[i] = f;
			}
			expect_whole();
			for (unsigned int i = 0; i < 2; i++) {
				cr_assert(sl_defrag_frames(defrag, &out));
				cr_assert(out.n_pieces == 1 && out.len == sent[i].len);
				cr_assert(!memcmp(out.piece[0].data, sent[i].data, out.len));
			}
			cr_assert(!sl_defrag_frames(defrag, &out));
		}
	}
	cr_assert_eq(stats().frames_out, 36);
	cr_assert_eq(stats().bytes_held, 0);
}

Test(decode_defrag, offload_state_is_kept)
{
	struct sl_frame frame = {
		.n_pieces = 1, .queue = 3, .csum = SL_CSUM_PARTIAL, .csum_start = 34, .csum_offset = 6
	};
	struct sl_frame out;

	family = 4;
	craft_packet(&whole, 4, IPPROTO_UDP, 100);
	craft_fragment(&f, 4, IPPROTO_UDP, 1, 0, true, whole.data + whole.l4_at, 40);
	frame.len = f.len;
	frame.piece[0] = (struct sl_piece){ f.data, f.len };
	sl_decode(&fragment, &frame, decoder, CRAFT_SECOND);
	cr_assert_eq(sl_defrag(defrag, &fragment, &frame, &packet), 0);
	cr_assert_eq(give(1, 40, 108, false), 1);
	cr_assert(sl_defrag_frames(defrag, &out));
	cr_assert(out.queue == 3 && out.csum == SL_CSUM_PARTIAL && out.csum_start == 34 &&
		  out.csum_offset == 6);
}

Test(decode_defrag, overlaps)
{
	both_families
	{
		uint32_t id = 0;

		craft_packet(&whole, family, IPPROTO_UDP, 100);
		/* Half over the one before: all are gone, and what comes later does not complete. */
		cr_assert_eq(give(++id, 0, 40, true), 0);
		refused(give(id, 32, 72, true), SL_MALFORMED_BIT(frag_overlap));
		cr_assert_eq(give(id, 40, 108, false), 0);
		/* Around it. */
		cr_assert_eq(give(++id, 40, 56, true), 0);
		refused(give(id, 32, 72, true), SL_MALFORMED_BIT(frag_overlap));
		/* The teardrop: a last one that ends inside the first. */
		cr_assert_eq(give(++id, 0, 48, true), 0);
		refused(give(id, 24, 28, false), SL_MALFORMED_BIT(frag_overlap));
		/* A last one before the end of another, a second end, and something behind the end. */
		cr_assert_eq(give(++id, 64, 80, true), 0);
		refused(give(id, 8, 28, false), SL_MALFORMED_BIT(frag_end));
		cr_assert_eq(give(++id, 64, 80, false), 0);
		refused(give(id, 96, 104, false), SL_MALFORMED_BIT(frag_end));
		cr_assert_eq(give(++id, 64, 80, false), 0);
		refused(give(id, 80, 88, true), SL_MALFORMED_BIT(frag_end));
		/* Their harmless neighbours touch. */
		cr_assert_eq(give(++id, 0, 40, true), 0);
		cr_assert_eq(give(id, 40, 72, true), 0);
		cr_assert_eq(give(id, 72, 108, false), 1);
		expect_whole();
	}
}

Test(decode_defrag, duplicates)
{
	struct sl_frame out;

	both_families
	{
		craft_packet(&whole, family, IPPROTO_UDP, 100);
		cr_assert_eq(give(1, 0, 40, true), 0);
		cr_assert_eq(give(1, 40, 80, true), 0);
		refused(give(1, 0, 40, true), SL_MALFORMED_BIT(frag_duplicate));
		/* Part of two that came in order. */
		refused(give(1, 32, 48, true), SL_MALFORMED_BIT(frag_duplicate));
		/* The first wins. */
		craft_fragment(&f, family, IPPROTO_UDP, 1, 8, true, "otherwise, evil!", 16);
		refused(craft_defrag(defrag, decoder, &f, CRAFT_SECOND, &fragment, &packet),
			SL_MALFORMED_BIT(frag_conflict));
		cr_assert_eq(give(1, 80, 108, false), 1);
		expect_whole();
		/* What was ignored does not go on. */
		cr_assert(sl_defrag_frames(defrag, &out));
		cr_assert(sl_defrag_frames(defrag, &out));
		cr_assert(!sl_defrag_frames(defrag, &out));
		/* Across the border of two that did not come in order, it is an overlap. */
		cr_assert_eq(give(2, 40, 80, true), 0);
		cr_assert_eq(give(2, 0, 40, true), 0);
		refused(give(2, 32, 48, true), SL_MALFORMED_BIT(frag_overlap));
	}
}

Test(decode_defrag, tiny_first)
{
	family = 4;
	craft_packet(&whole, 4, IPPROTO_TCP, 40);
	cr_assert_eq(give(1, 0, 8, true), 0);
	cr_assert_eq(give(1, 8, 60, false), 1);
	cr_assert_eq(packet.malformed, SL_MALFORMED_BIT(frag_tiny));
	cr_assert_eq(packet.tuple.destination_port, 4000);
	cr_assert_eq(give(2, 0, 24, true), 0);
	cr_assert_eq(give(2, 24, 60, false), 1);
	expect_whole();
}

Test(decode_defrag, too_long_together)
{
	static uint8_t bytes[32800];

	/* Each alone is not too long, but the first one's options are in front of all. */
	craft_start(&f);
	frame_ipv4_full(&f, CRAFT4_PEER, CRAFT4_WORKLOAD, IPPROTO_UDP, 64, 0x2000, "\1\1\1\1\1\1\1\1", 8);
	frame_raw(&f, bytes, 32760);
	craft_put16(&f, f.l3_at + 4, 0);
	craft_fix_ipv4(&f);
	cr_assert_eq(craft_defrag(defrag, decoder, &f, CRAFT_SECOND, &fragment, &packet), 0);
	craft_fragment(&f, 4, IPPROTO_UDP, 0, 32760, false, bytes, 65515 - 32760);
	refused(craft_defrag(defrag, decoder, &f, CRAFT_SECOND, &fragment, &packet),
		SL_MALFORMED_BIT(frag_beyond));
	/* The longest there can be. */
	both_families
	{
		uint32_t most = family == 4 ? 65515 : 65535;

		craft_fragment(&f, family, IPPROTO_ESP, 9, 0, true, bytes, 32760);
		cr_assert_eq(craft_defrag(defrag, decoder, &f, CRAFT_SECOND, &fragment, &packet), 0);
		craft_fragment(&f, family, IPPROTO_ESP, 9, 32760, false, bytes, most - 32760);
		cr_assert_eq(craft_defrag(defrag, decoder, &f, CRAFT_SECOND, &fragment, &packet), 1);
		cr_assert(packet.payload_len == most && !packet.malformed);
	}
}

Test(decode_defrag, ecn)
{
	both_families
	{
		static const uint8_t fields[][3] = {
			{ 0, 0, 1 }, { 1, 2, 1 }, { 2, 3, 1 }, { 0, 1, 0 }, { 3, 0, 0 }
		};

		craft_packet(&whole, family, IPPROTO_UDP, 100);
		for (unsigned int i = 0; i < 5; i++) {
			for (unsigned int n = 0; n < 2; n++) {
				craft_fragment(&f, family, IPPROTO_UDP, i, n * 40, !n,
					       whole.data + whole.l4_at + n * 40, n ? 68 : 40);
				f.data[f.l3_at + 1] = family == 4 ? fields[i][n] : fields[i][n] << 4;
				if (family == 4)
					craft_fix_ipv4(&f);
				int r = craft_defrag(defrag, decoder, &f, CRAFT_SECOND, &fragment, &packet);

				cr_assert_eq(r, !n ? 0 : fields[i][2] ? 1 : -EBADMSG);
			}
			if (!fields[i][2])
				cr_assert_eq(fragment.malformed, SL_MALFORMED_BIT(frag_ecn));
		}
	}
}

Test(decode_defrag, timeout)
{
	both_families
	{
		craft_packet(&whole, family, IPPROTO_UDP, 100);
		cr_assert_eq(give(1, 0, 40, true), 0);
		cr_assert_eq(give(2, 0, 40, true), 0);
		cr_assert_eq(sl_defrag_tick(defrag, 11 * CRAFT_SECOND - 1, 100), 0);
		cr_assert_eq(sl_defrag_tick(defrag, 11 * CRAFT_SECOND, 1), 1);
		cr_assert_eq(stats().datagrams_held, 1);
		/* The rest comes too late, without a tick as well. */
		craft_fragment(&f, family, IPPROTO_UDP, 2, 40, false, whole.data + whole.l4_at + 40, 68);
		cr_assert_eq(craft_defrag(defrag, decoder, &f, 11 * CRAFT_SECOND, &fragment, &packet), 0);
		cr_assert_eq(sl_defrag_tick(defrag, 100 * CRAFT_SECOND, 100), 1);
		cr_assert_eq(stats().bytes_held, 0);
		cr_assert_eq(stats().frames_held, 0);
	}
	cr_assert_eq(decoder->malformed[SL_MALFORMED_frag_timeout], 6);
}

Test(decode_defrag, number_of_fragments)
{
	limits_are((struct sl_defrag_limits){ CRAFT_SECOND, 16, 1 << 20, 4 });
	family = 6;
	craft_packet(&whole, 6, IPPROTO_UDP, 100);
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(give(1, i * 16, i * 16 + 16, true), 0);
	cr_assert_eq(give(1, 48, 108, false), 1);
	expect_whole();
	for (uint32_t i = 0; i < 4; i++)
		cr_assert_eq(give(1, i * 16, i * 16 + 16, true), 0);
	refused(give(1, 64, 108, false), SL_MALFORMED_BIT(frag_many));
	cr_assert_eq(stats().datagrams_held, 0);
}

/* The first fragment of a datagram from 10.x.y.z, `n` being xyz, to that workload. */
static int flood(uint16_t workload, uint32_t n, uint32_t id, size_t len)
{
	char source[32];

	snprintf(source, sizeof(source), "10.%u.%u.%u", n >> 16 & 255, n >> 8 & 255, n & 255);
	frame_eth(&f, mac_uc(workload), mac_of("02:00:00:00:00:01"));
	frame_ipv4_full(&f, source, "10.255.0.1", IPPROTO_UDP, 64, 0x2000, NULL, 0);
	craft_put16(&f, f.l3_at + 4, id);
	frame_raw(&f, NULL, len);
	craft_fix_ipv4(&f);
	return craft_defrag(defrag, decoder, &f, CRAFT_SECOND, &fragment, &packet);
}

Test(decode_defrag, a_source_has_its_share)
{
	family = 4;
	craft_packet(&whole, 4, IPPROTO_UDP, 100);
	cr_assert_eq(give(1, 0, 40, true), 0);
	/* One source, then many of them, to the same workload's other … */
	for (uint32_t i = 0; i < 5000; i++)
		flood(CRAFT_ID, 77, i, 64);
	cr_assert_eq(stats().datagrams_held, 1024 / 16 + 1);
	cr_assert_eq(decoder->malformed[SL_MALFORMED_frag_share], 5000 - 1024 / 16);
	/* … and to another, where they push out each other. */
	for (uint32_t i = 0; i < 5000; i++)
		flood(99, i, i, 64);
	cr_assert_eq(stats().datagrams_held, 1024 / 16 + 1 + 1024 / 4);
	cr_assert_eq(give(1, 40, 108, false), 1);
	expect_whole();
}

Test(decode_defrag, memory_is_bounded)
{
	for (uint32_t i = 0; i < 20000; i++) {
		flood(1 + i % 7, i % 300, i, 1400);
		cr_assert_leq(stats().bytes_held, 16u << 20);
		cr_assert_leq(stats().datagrams_held, 1024);
	}
	/* All has been used that there is for all. */
	cr_assert_eq(stats().datagrams_held, 1024);
	cr_assert_gt(decoder->malformed[SL_MALFORMED_frag_memory], 1000);
	/* Bytes, not datagrams: a source with few large ones. */
	limits_are((struct sl_defrag_limits){ CRAFT_SECOND, 1024, 64 << 10, 256 });
	cr_assert_eq(flood(1, 1, 1, 1400), 0);
	cr_assert_eq(flood(1, 1, 2, 1400), 0);
	cr_assert_eq(stats().datagrams_held, 2);
	cr_assert_eq(flood(1, 1, 3, 1400), 0);
	cr_assert_eq(stats().datagrams_held, 2);
	refused(flood(1, 1, 4, 8000), SL_MALFORMED_BIT(frag_share));
	cr_assert_eq(stats().datagrams_held, 0);
}

Test(decode_defrag, directions_and_workloads_do_not_mix)
{
	family = 6;
	craft_packet(&whole, 6, IPPROTO_UDP, 100);
	cr_assert_eq(give(1, 0, 40, true), 0);
	craft_fragment(&f, 6, IPPROTO_UDP, 1, 40, false, whole.data + whole.l4_at + 40, 68);
	frame_set_dst(&f, mac_uc(CRAFT_ID + 1));
	cr_assert_eq(craft_defrag(defrag, decoder, &f, CRAFT_SECOND, &fragment, &packet), 0);
	frame_set_dst(&f, mac_of("02:00:00:00:00:01"));
	frame_set_src(&f, mac_uc(CRAFT_ID));
	cr_assert_eq(craft_defrag(defrag, decoder, &f, CRAFT_SECOND, &fragment, &packet), 0);
	cr_assert_eq(give(1, 40, 108, false), 1);
	expect_whole();
}
