// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which segments a receiver would take: the four bounds of "Real Stateful TCP
 * Packet Filtering in IP Filter" (van Rooij, 2000), which netfilter's
 * connection tracking uses as well, and RFC 7323's timestamps.
 *
 * Invariant: a segment that does not fit moves nothing, unless both sides have
 * by then sent segments that do not fit and confirm each other's numbers:
 * then it is we who have missed something.
 */
#include "dpi/session/seq.h"
#include "dpi/session/tcp.h"

#define SCALE_MAX 14 /* RFC 7323 */
#define OLD_ACK_MAX 66000u /* how far an acknowledgement may lag at least, as in netfilter */
#define STAMP_SLACK 1 /* as in Linux */
#define STAMP_LIFE_NS (24ull * 24 * 3600 * 1000000000) /* 24 days */

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

void window_from_syn(struct tcp_side *me, const struct sl_packet *packet)
{
	uint8_t keep = me->flags & TCP_ALTERNATIVE;

	me->isn = packet->seq;
	me->end = me->max_end = segment_end(packet);
	me->max_window = larger(packet->window, 1);
	me->ts_recent = packet->tcp.ts_value;
	me->scale = packet->tcp.window_scale < SCALE_MAX ? packet->tcp.window_scale : SCALE_MAX;
	me->flags = keep | TCP_SYN_SEEN | (packet->tcp.has_window_scale ? TCP_SCALES : 0) |
		    (packet->tcp.has_timestamp ? TCP_STAMPS : 0);
	if (!packet->tcp.has_window_scale)
		me->scale = 0;
}

void window_agree(struct tcp_side *a, struct tcp_side *b)
{
	uint8_t both = a->flags & b->flags;

	if (!(both & TCP_SCALES))
		a->scale = b->scale = 0;
	if (!(both & TCP_STAMPS)) {
		a->flags &= (uint8_t)~TCP_STAMPS;
		b->flags &= (uint8_t)~TCP_STAMPS;
	}
}

void window_pick_up(struct entry *entry, enum sl_side side, const struct sl_packet *packet)
{
	struct tcp_side *me = &entry->tcp[side], *you = &entry->tcp[!side];

	/* Nobody told us the scale: the largest there is lets everything pass that may be right. */
	if (!(me->flags & TCP_SYN_SEEN))
		me->scale = SCALE_MAX;
	entry->flags |= ENTRY_LOOSE;
	me->end = packet->seq;
	me->max_window = larger((uint32_t)packet->window << me->scale, 1);
	me->max_end = segment_end(packet) + larger(me->max_window, you->max_window);
	me->flags &= (uint8_t)~TCP_STAMPS;
	if (!you->max_window) {
		you->end = you->max_end = packet->ack;
	} else if (!(you->flags & TCP_SYN_SEEN)) {
		/* What was heard of it may be sent again from long ago: this one has had what we have missed. */
		you->end = seq_max(you->end, packet->ack);
		you->max_end = seq_max(you->max_end, packet->ack);
	}
}

/* The other side's numbers, as this acknowledgement has them. */
static void take_ack(struct tcp_side *me, struct tcp_side *you, uint32_t ack, uint32_t window)
{
	me->ack = me->flags & TCP_ACK_SEEN ? seq_max(me->ack, ack) : ack;
	me->flags |= TCP_ACK_SEEN;
	you->max_end = seq_max(you->max_end, ack + window);
}

static bool fits(const struct entry *entry, const struct tcp_side *me, const struct tcp_side *you,
		 const struct sl_packet *packet)
{
	uint32_t seq = packet->seq, end = segment_end(packet);

	/* Not behind what the receiver has room for; one byte more is a probe of a closed window, or a FIN. */
	if (seq_after(seq, me->max_end) || (!(entry->flags & ENTRY_LOOSE) && seq_after(end, me->max_end + 1)))
		return false;
	if (seq_after(packet->ack, you->end))
		return false;
	/* What the kernel passes by us can have overtaken this one by far. */
	if (entry->session.passed_by)
		return true;
	/* Not before all that the receiver may still be missing. */
	if (you->max_window && seq_before(end, me->end - you->max_window))
		return false;
	/* Acknowledges what was sent, and not what was sent long ago. */
	return !seq_before(packet->ack, you->end - larger(OLD_ACK_MAX, me->max_window));
}

static bool stamp_is_old(const struct entry *entry, const struct tcp_side *me, const struct sl_packet *packet)
{
	return me->flags & TCP_STAMPS && packet->tcp.has_timestamp && packet->payload_len &&
	       (int32_t)(me->ts_recent - packet->tcp.ts_value) > STAMP_SLACK &&
	       packet->now_ns < entry->session.last_ns + STAMP_LIFE_NS;
}

bool window_confirmed(const struct entry *entry, enum sl_side side, const struct sl_packet *packet)
{
	return entry->flags & ENTRY_HINT && entry->hint_side != side &&
	       seq_between(packet->ack, entry->hint_seq, entry->hint_end) &&
	       seq_between(entry->hint_ack, packet->seq, segment_end(packet));
}

void window_remember(struct entry *entry, enum sl_side side, const struct sl_packet *packet)
{
	entry->flags |= ENTRY_HINT;
	entry->hint_side = (uint8_t)side;
	entry->hint_seq = packet->seq;
	entry->hint_end = segment_end(packet);
	entry->hint_ack = packet->ack;
}

static void resync(struct entry *entry, enum sl_side side, const struct sl_packet *packet)
{
	struct tcp_side *me = &entry->tcp[side], *you = &entry->tcp[!side];

	entry->flags &= (uint8_t)~ENTRY_HINT;
	you->max_window = 0;
	me->flags &= (uint8_t)~TCP_ACK_SEEN;
	you->flags &= (uint8_t) ~(TCP_ACK_SEEN | TCP_STAMPS);
	window_pick_up(entry, side, packet);
	you->end = you->max_end = seq_max(entry->hint_end, packet->ack);
	you->max_window = me->max_window;
}

uint32_t window_segment(struct entry *entry, enum sl_side side, const struct sl_packet *packet)
{
	struct tcp_side *me = &entry->tcp[side], *you = &entry->tcp[!side];
	uint32_t window = (uint32_t)packet->window << me->scale, end = segment_end(packet), facts = 0;

	if (stamp_is_old(entry, me, packet))
		return SL_FACT_OLD_STAMP;
	/* Of the other side nothing has been seen since parts were missed: this one knows better. */
	if (!you->max_window && entry->flags & ENTRY_LOOSE)
		you->end = seq_max(you->end, packet->ack);
	if (!fits(entry, me, you, packet)) {
		if (!window_confirmed(entry, side, packet)) {
			window_remember(entry, side, packet);
			return SL_FACT_OUT_OF_WINDOW;
		}
		resync(entry, side, packet);
		facts |= SL_FACT_RESYNCED;
	}
	if (packet->payload_len)
		facts |= seq_after(end, me->end) ? SL_FACT_NEW_DATA : SL_FACT_RETRANSMISSION;
	me->max_window = larger(me->max_window, window);
	me->end = seq_max(me->end, end);
	take_ack(me, you, packet->ack, window);
	if (packet->tcp.has_timestamp && (!(you->flags & TCP_ACK_SEEN) || !seq_after(packet->seq, you->ack)))
		me->ts_recent = seq_max(me->ts_recent, packet->tcp.ts_value);
	return facts;
}
