// SPDX-License-Identifier: BSD-2-Clause
/*
 * The rules by which fragments become a datagram; see defrag.h for the
 * invariants.
 *
 * The receiver's kernel keeps runs of fragments that came in order. One that
 * lies within a single run is a duplicate, whatever it holds; one that lies
 * across the border of two, even if they touch, is an overlap. Two bitmaps
 * tell the same in constant time: which blocks are there, and where a run
 * begins.
 */
#include "dpi/decode/defrag.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dpi/decode/bytes.h"
#include "dpi/decode/defrag_table.h"
#include "dpi/decode/stage.h"
#include "lib/checksum.h"

#define IP_MAX 65535
#define IPV6_LEN 40
#define FRAGMENT_LEN 8
#define WHOLE_MAX (14 + SL_DECODE_VLANS * 4 + IPV6_LEN + IP_MAX)
#define COMPARE_MAX 16 /* duplicates of one datagram whose content is looked at */
#define EXPIRE_EACH 2 /* datagrams looked at by the way, so that it works without a tick */

struct sl_defrag {
	struct sl_defrag_table table;
	struct sl_defrag_limits limits;
	struct sl_decoder *decoder;
	struct sl_defrag_stats stats;
	struct sl_held *done,
		*given; /* of the datagram completed last: all, and those still to be given out */
	uint8_t whole[WHOLE_MAX];
};

/* Where a fragment lies, be it a held one or the one that came last. */
struct part {
	const uint8_t *data;
	uint32_t l3, payload, payload_len, offset;
};

static void set_blocks(uint64_t *map, uint32_t first, uint32_t end)
{
	for (uint32_t i = first / 64; i * 64 < end; i++) {
		uint64_t mask = ~0ull;

		if (i == first / 64)
			mask &= ~0ull << first % 64;
		if (end - i * 64 < 64)
			mask &= ~0ull >> (64 - (end - i * 64));
		map[i] |= mask;
	}
}

/* How many of the blocks first … end - 1 are set. */
static uint32_t count_blocks(const uint64_t *map, uint32_t first, uint32_t end)
{
	uint32_t n = 0;

	for (uint32_t i = first / 64; i * 64 < end; i++) {
		uint64_t word = map[i];

		if (i == first / 64)
			word &= ~0ull << first % 64;
		if (end - i * 64 < 64)
			word &= ~0ull >> (64 - (end - i * 64));
		n += __builtin_popcountll(word);
	}
	return n;
}

static void free_frames(struct sl_held *held)
{
	while (held) {
		struct sl_held *next = held->next;

		free(held);
		held = next;
	}
}

static void drop_datagram(struct sl_defrag *defrag, struct sl_datagram *datagram, enum sl_malformed reason)
{
	defrag->decoder->malformed[reason]++;
	defrag->stats.frames_dropped += datagram->frames;
	defrag->stats.frames_held -= datagram->frames;
	defrag->stats.datagrams_dropped++;
	sl_defrag_table_remove(&defrag->table, datagram);
	free_frames(datagram->oldest);
	datagram->oldest = NULL;
}

/* The fragment at hand, and with it the datagram it belongs to if there is one. Returns -EBADMSG. */
static int refuse(struct sl_defrag *defrag, struct sl_datagram *datagram, struct sl_packet *fragment,
		  enum sl_malformed reason)
{
	sl_mark(fragment, reason);
	defrag->stats.frames_dropped++;
	if (datagram)
		drop_datagram(defrag, datagram, reason);
	else
		defrag->decoder->malformed[reason]++;
	return -EBADMSG;
}

int sl_defrag_new(struct sl_defrag **ret, const struct sl_defrag_limits *limits, struct sl_decoder *decoder)
{
	struct sl_defrag *defrag = calloc(1, sizeof(*defrag));
	int r;

	if (!defrag)
		return -ENOMEM;
	r = sl_defrag_table_init(&defrag->table, limits);
	if (r < 0) {
		free(defrag);
		return r;
	}
	defrag->limits = *limits;
	defrag->decoder = decoder;
	*ret = defrag;
	return 0;
}

void sl_defrag_free(struct sl_defrag *defrag)
{
	struct sl_datagram *datagram;

	if (!defrag)
		return;
	while ((datagram = sl_defrag_table_oldest(&defrag->table))) {
		sl_defrag_table_remove(&defrag->table, datagram);
		free_frames(datagram->oldest);
	}
	free_frames(defrag->done);
	sl_defrag_table_fini(&defrag->table);
	free(defrag);
}

static bool expired(const struct sl_defrag *defrag, const struct sl_datagram *datagram, uint64_t now_ns)
{
	/* A capture's time can step back. */
	return now_ns > datagram->started_ns && now_ns - datagram->started_ns >= defrag->limits.timeout_ns;
}

unsigned int sl_defrag_tick(struct sl_defrag *defrag, uint64_t now_ns, unsigned int budget)
{
	struct sl_datagram *oldest;
	unsigned int n = 0;

	while (n < budget && (oldest = sl_defrag_table_oldest(&defrag->table)) &&
	       expired(defrag, oldest, now_ns)) {
		drop_datagram(defrag, oldest, SL_MALFORMED_frag_timeout);
		n++;
	}
	return n;
}

static enum sl_malformed reason_of(enum sl_payer payer)
{
	return payer == SL_PAYER_ALL ? SL_MALFORMED_frag_memory : SL_MALFORMED_frag_share;
}

static struct sl_datagram *find_or_add(struct sl_defrag *defrag, const struct sl_packet *fragment)
{
	struct sl_datagram_key key = {
		.source = fragment->tuple.source,
		.destination = fragment->tuple.destination,
		.id = fragment->fragment_id,
		.workload = fragment->workload,
		.to_workload = fragment->to_workload,
		.family = fragment->tuple.family,
		.protocol = fragment->tuple.family == 4 ? fragment->tuple.protocol : 0,
	};
	struct sl_datagram *datagram = sl_defrag_table_find(&defrag->table, &key);
	struct sl_datagram *victim;
	enum sl_payer payer;

	if (datagram && !expired(defrag, datagram, fragment->now_ns))
		return datagram;
	if (datagram)
		drop_datagram(defrag, datagram, SL_MALFORMED_frag_timeout);
	while ((victim = sl_defrag_table_crowded(&defrag->table, &key, &payer)))
		drop_datagram(defrag, victim, reason_of(payer));
	defrag->stats.datagrams_in++;
	return sl_defrag_table_add(&defrag->table, &key, fragment->now_ns);
}

/* Does what lies at the same place hold other bytes? Looks at the fragments that begin in or before it. */
static bool conflicts(const struct sl_datagram *datagram, const struct sl_packet *fragment)
{
	uint32_t begin = fragment->fragment_offset, end = begin + fragment->payload_len;

	for (const struct sl_held *held = datagram->oldest; held; held = held->next) {
		uint32_t from = held->offset > begin ? held->offset : begin;
		uint32_t held_end = held->offset + held->payload_len;
		uint32_t to = held_end < end ? held_end : end;

		if (from < to && memcmp(held->data + held->payload + (from - held->offset),
					fragment->data + fragment->payload + (from - begin), to - from))
			return true;
	}
	return false;
}

/* Whether the fragment fits the end of the datagram, as far as known. False: they contradict each other. */
static bool judge_end(struct sl_datagram *datagram, const struct sl_packet *fragment, uint32_t end)
{
	if (!fragment->fragment_more) {
		if (end < datagram->len || (datagram->last_in && end != datagram->len))
			return false;
		datagram->last_in = true;
		datagram->len = end;
	} else if (end > datagram->len) {
		if (datagram->last_in)
			return false;
		datagram->len = end;
	}
	return true;
}

/* Puts the fragment into the maps: 0, or why it cannot be. */
static enum sl_malformed place(struct sl_datagram *datagram, const struct sl_packet *fragment, uint32_t end)
{
	uint32_t first = fragment->fragment_offset / 8, behind = (end + 7) / 8;
	uint32_t there = count_blocks(datagram->have, first, behind);

	if (there) {
		if (end > datagram->top || there < behind - first ||
		    count_blocks(datagram->begins, first + 1, behind))
			return SL_MALFORMED_frag_overlap;
		if (datagram->compared < COMPARE_MAX) {
			datagram->compared++;
			if (conflicts(datagram, fragment))
				return SL_MALFORMED_frag_conflict;
		}
		return SL_MALFORMED_frag_duplicate;
	}
	/* Only at the end of what is there does a run go on. */
	if (!datagram->top || fragment->fragment_offset != datagram->top)
		set_blocks(datagram->begins, first, first + 1);
	set_blocks(datagram->have, first, behind);
	if (end > datagram->top)
		datagram->top = end;
	datagram->held += fragment->payload_len;
	return SL_MALFORMED_MAX;
}

/* ECN fields that a receiver does not accept together: some fragments with, some without. */
static bool ecn_mixed(uint8_t seen)
{
	return (seen & 1) && (seen & ~1);
}

static struct sl_held *copy_frame(const struct sl_packet *fragment, const struct sl_frame *frame)
{
	struct sl_held *held = malloc(sizeof(*held) + fragment->len);

	if (!held)
		return NULL;
	held->next = NULL;
	held->len = fragment->len;
	held->l3 = fragment->l3;
	held->payload = fragment->payload;
	held->payload_len = fragment->payload_len;
	held->offset = fragment->fragment_offset;
	held->queue = frame->queue;
	held->gso_size = frame->gso_size;
	held->csum_start = frame->csum_start;
	held->csum_offset = frame->csum_offset;
	held->csum = frame->csum;
	held->gso = frame->gso;
	memcpy(held->data, fragment->data, fragment->len);
	return held;
}

static int hold(struct sl_defrag *defrag, struct sl_datagram *datagram, struct sl_packet *fragment,
		const struct sl_frame *frame)
{
	uint32_t cost = sizeof(struct sl_held) + fragment->len;
	struct sl_datagram *victim;
	struct sl_held *held;
	enum sl_payer payer;

	while ((victim = sl_defrag_table_full(&defrag->table, datagram, cost, &payer))) {
		if (victim == datagram)
			return refuse(defrag, datagram, fragment, reason_of(payer));
		drop_datagram(defrag, victim, reason_of(payer));
	}
	held = copy_frame(fragment, frame);
	if (!held)
		return refuse(defrag, datagram, fragment, SL_MALFORMED_frag_memory);
	if (datagram->newest)
		datagram->newest->next = held;
	else
		datagram->oldest = held;
	datagram->newest = held;
	if (!held->offset)
		datagram->head = held;
	datagram->frames++;
	defrag->stats.frames_held++;
	sl_defrag_table_charge(datagram, cost);
	return 0;
}

/* The headers of the first fragment, made those of the whole: 0, or -EBADMSG if it would be too long. */
static int write_headers(uint8_t *whole, const struct part *head, uint8_t family, uint32_t body,
			 uint32_t *ret_len)
{
	uint32_t headers = head->payload - head->l3, ip_len;
	uint8_t *ip = whole + head->l3;
	struct sl_chain chain;
	uint16_t sum;

	if (family == 6) {
		headers -= FRAGMENT_LEN;
		if (headers - IPV6_LEN + body > IP_MAX)
			return -EBADMSG;
	} else if (headers + body > IP_MAX) {
		return -EBADMSG;
	}
	memcpy(whole, head->data, head->l3 + headers);
	ip_len = headers + body;
	if (family == 6) {
		sl_walk_chain(head->data, head->l3, head->payload, &chain);
		whole[chain.named_at] = head->data[chain.fragment];
		sl_put16(ip + 4, ip_len - IPV6_LEN);
	} else {
		sl_put16(ip + 2, ip_len);
		sl_put16(ip + 6, 0);
		sl_put16(ip + 10, 0);
		sum = ~sl_sum(ip, headers, 0);
		memcpy(ip + 10, &sum, sizeof(sum));
	}
	*ret_len = head->l3 + headers;
	return 0;
}

static int complete(struct sl_defrag *defrag, struct sl_datagram *datagram, struct sl_packet *fragment,
		    struct sl_packet *ret)
{
	const struct part current = { fragment->data, fragment->l3, fragment->payload, fragment->payload_len,
				      fragment->fragment_offset };
	const struct sl_held *first = datagram->head;
	struct part head = current;
	uint32_t headers;

	if (first)
		head = (struct part){ first->data, first->l3, first->payload, first->payload_len, 0 };
	if (write_headers(defrag->whole, &head, datagram->key.family, datagram->len, &headers) < 0)
		return refuse(defrag, datagram, fragment, SL_MALFORMED_frag_beyond);
	for (const struct sl_held *held = datagram->oldest; held; held = held->next)
		memcpy(defrag->whole + headers + held->offset, held->data + held->payload, held->payload_len);
	memcpy(defrag->whole + headers + current.offset, current.data + current.payload, current.payload_len);
	sl_defrag_table_remove(&defrag->table, datagram);
	defrag->done = defrag->given = datagram->oldest;
	datagram->oldest = NULL;
	defrag->stats.datagrams_out++;
	defrag->stats.frames_out += datagram->frames + 1;
	defrag->stats.frames_held -= datagram->frames;
	sl_decode_reassembled(ret, defrag->whole, headers + datagram->len, defrag->decoder, fragment->now_ns);
	ret->fragment_id = fragment->fragment_id;
	ret->fragment_header = fragment->fragment_header;
	ret->fragment_offset = fragment->fragment_offset;
	ret->fragment_more = fragment->fragment_more;
	/* An IPv4 receiver takes it; nobody sends it but to hide the ports from who does not reassemble. */
	if (head.payload_len < sl_transport_least(ret->tuple.protocol)) {
		sl_mark(ret, SL_MALFORMED_frag_tiny);
		defrag->decoder->malformed[SL_MALFORMED_frag_tiny]++;
	}
	return 1;
}

int sl_defrag(struct sl_defrag *defrag, struct sl_packet *fragment, const struct sl_frame *frame,
	      struct sl_packet *ret)
{
	uint32_t end = fragment->fragment_offset + fragment->payload_len;
	struct sl_datagram *datagram;
	enum sl_malformed reason;

	sl_defrag_forget(defrag);
	defrag->stats.frames_in++;
	sl_defrag_tick(defrag, fragment->now_ns, EXPIRE_EACH);
	datagram = find_or_add(defrag, fragment);
	if (!judge_end(datagram, fragment, end)) {
		/* The teardrop: a last fragment that ends inside another. */
		reason = count_blocks(datagram->have, fragment->fragment_offset / 8, (end + 7) / 8)
				 ? SL_MALFORMED_frag_overlap
				 : SL_MALFORMED_frag_end;
		return refuse(defrag, datagram, fragment, reason);
	}
	reason = place(datagram, fragment, end);
	if (reason == SL_MALFORMED_frag_duplicate || reason == SL_MALFORMED_frag_conflict)
		return refuse(defrag, NULL, fragment, reason);
	if (reason != SL_MALFORMED_MAX)
		return refuse(defrag, datagram, fragment, reason);
	if (datagram->frames + 1 > defrag->limits.fragments)
		return refuse(defrag, datagram, fragment, SL_MALFORMED_frag_many);
	datagram->ecn |= 1 << (fragment->tos & 3);
	if (!datagram->last_in || datagram->held != datagram->len)
		return hold(defrag, datagram, fragment, frame);
	if (ecn_mixed(datagram->ecn))
		return refuse(defrag, datagram, fragment, SL_MALFORMED_frag_ecn);
	return complete(defrag, datagram, fragment, ret);
}

bool sl_defrag_frames(struct sl_defrag *defrag, struct sl_frame *ret)
{
	struct sl_held *held = defrag->given;

	if (!held)
		return false;
	*ret = (struct sl_frame){
		.len = held->len,
		.n_pieces = 1,
		.queue = held->queue,
		.csum = held->csum,
		.gso = held->gso,
		.gso_size = held->gso_size,
		.csum_start = held->csum_start,
		.csum_offset = held->csum_offset,
		.piece = { { held->data, held->len } },
	};
	defrag->given = held->next;
	return true;
}

void sl_defrag_forget(struct sl_defrag *defrag)
{
	free_frames(defrag->done);
	defrag->done = defrag->given = NULL;
}

void sl_defrag_stats(const struct sl_defrag *defrag, struct sl_defrag_stats *ret)
{
	*ret = defrag->stats;
	ret->datagrams_held = defrag->table.all.count;
	ret->bytes_held = defrag->table.all.bytes;
}
