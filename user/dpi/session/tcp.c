// SPDX-License-Identifier: BSD-2-Clause
/*
 * The states of both ends of a TCP connection, from what passes between them.
 *
 * Invariant: a state moves when the end itself must have moved: a FIN counts
 * for the receiver once the receiver acknowledges it, a RST only where the
 * receiver can stand (RFC 5961), a SYN only before the connection is
 * established. So what never arrives, or is not taken, closes nothing here.
 */
#include "dpi/session/tcp.h"

#include "dpi/session/seq.h"

void tcp_cut(struct sl_table *table, struct entry *entry, enum sl_session_end why)
{
	entry->session.state[SL_CLIENT] = entry->session.state[SL_SERVER] = TCP_CLOSE;
	entry->reason = (uint8_t)why;
	if (entry->class != SL_CLASS_CLOSED) {
		class_leave(table, entry);
		class_enter(table, entry, SL_CLASS_CLOSED);
	}
	wheel_arm(table, entry, SL_TIMER_RESET);
}

static bool closed(const struct entry *entry)
{
	return entry->session.state[SL_CLIENT] == TCP_CLOSE && entry->session.state[SL_SERVER] == TCP_CLOSE;
}

bool tcp_replaces(const struct entry *entry, const struct sl_packet *packet, enum sl_side side)
{
	if ((packet->tcp_flags & (SL_TCP_SYN | SL_TCP_ACK | SL_TCP_RST | SL_TCP_FIN)) != SL_TCP_SYN ||
	    packet->checksum_bad || entry->class != SL_CLASS_CLOSED)
		return false;
	/* In TIME_WAIT the receiver wants a number or a time beyond what it has had. */
	return entry->session.state[!side] != TCP_TIME_WAIT || seq_after(packet->seq, entry->tcp[side].end) ||
	       (packet->tcp.has_timestamp && seq_after(packet->tcp.ts_value, entry->tcp[side].ts_recent));
}

static uint32_t established(struct sl_table *table, struct entry *entry)
{
	const uint8_t *state = entry->session.state;

	if (entry->flags & ENTRY_ESTABLISHED || state[SL_CLIENT] != TCP_ESTABLISHED ||
	    state[SL_SERVER] != TCP_ESTABLISHED)
		return 0;
	entry->flags |= ENTRY_ESTABLISHED;
	entry->tcp[SL_CLIENT].flags &= (uint8_t)~TCP_ALTERNATIVE;
	entry->tcp[SL_SERVER].flags &= (uint8_t)~TCP_ALTERNATIVE;
	class_leave(table, entry);
	class_enter(table, entry, SL_CLASS_ESTABLISHED);
	wheel_arm(table, entry, SL_TIMER_NO_DATA);
	return SL_FACT_ESTABLISHED;
}

/* The end that sent a SYN which was replaced by another goes back to it. */
static void use_alternative(struct tcp_side *me)
{
	uint32_t isn = me->alternative;

	me->alternative = me->isn;
	me->end += isn - me->isn;
	me->max_end += isn - me->isn;
	me->isn = isn;
}

/* Another SYN than before from an end that has not been answered: it may be either that the other end takes. */
static uint32_t change_syn(struct tcp_side *me, const struct sl_packet *packet)
{
	me->alternative = me->isn;
	me->flags |= TCP_ALTERNATIVE;
	window_from_syn(me, packet);
	return SL_FACT_SYN_CHANGED;
}

static uint32_t bare_syn(struct entry *entry, const struct sl_packet *packet, enum sl_side side)
{
	struct tcp_side *me = &entry->tcp[side], *you = &entry->tcp[!side];
	uint8_t *state = entry->session.state;

	if (me->flags & TCP_SYN_SEEN && packet->seq == me->isn)
		return SL_FACT_RETRANSMISSION;
	if (entry->flags & ENTRY_ESTABLISHED)
		return SL_FACT_CHALLENGED;
	if (!me->max_window && !you->max_window) {
		window_from_syn(me, packet);
		state[side] = TCP_SYN_SENT;
		state[!side] = TCP_LISTEN;
		return 0;
	}
	if (!me->max_window && state[!side] == TCP_SYN_SENT) {
		window_from_syn(me, packet);
		window_agree(me, you);
		me->max_end += you->max_window;
		you->max_end += me->max_window;
		state[side] = state[!side] = TCP_SYN_RECV;
		entry->flags |= ENTRY_SIMULTANEOUS;
		return SL_FACT_SIMULTANEOUS;
	}
	if (state[side] == TCP_SYN_SENT && !you->max_window)
		return change_syn(me, packet);
	return SL_FACT_CHALLENGED;
}

static uint32_t syn_ack(struct entry *entry, const struct sl_packet *packet, enum sl_side side)
{
	struct tcp_side *me = &entry->tcp[side], *you = &entry->tcp[!side];
	uint8_t *state = entry->session.state;
	uint32_t facts = 0;

	/* Repeated because an ACK was lost, or what a real stack answers by an ACK. */
	if (entry->flags & ENTRY_ESTABLISHED || (!you->max_window && me->max_window))
		return me->flags & TCP_SYN_SEEN && packet->seq == me->isn ? SL_FACT_RETRANSMISSION
									  : SL_FACT_CHALLENGED;
	if (!you->max_window) { /* the SYN was missed */
		window_from_syn(me, packet);
		entry->flags |= ENTRY_LOOSE;
		you->end = you->max_end = packet->ack;
		you->isn = packet->ack - 1;
		facts |= SL_FACT_PICKED_UP;
	} else {
		if (you->flags & TCP_ALTERNATIVE && packet->ack == you->alternative + 1)
			use_alternative(you);
		if (!seq_between(packet->ack, you->isn + 1, you->end))
			return SL_FACT_OUT_OF_WINDOW;
		if (!me->max_window)
			window_from_syn(me, packet);
		else if (packet->seq != me->isn && state[side] == TCP_SYN_RECV)
			facts |= change_syn(me, packet);
		window_agree(me, you);
		me->max_end = seq_max(me->max_end, me->end + you->max_window);
	}
	if (side == SL_SERVER)
		entry->flags |= ENTRY_SYNACK;
	me->ack = packet->ack;
	me->flags |= TCP_ACK_SEEN;
	you->max_end = seq_max(you->max_end, packet->ack + packet->window);
	if (state[side] != TCP_ESTABLISHED)
		state[side] = TCP_SYN_RECV;
	state[!side] = TCP_ESTABLISHED;
	return facts;
}

static uint32_t reset(struct sl_table *table, struct entry *entry, const struct sl_packet *packet,
		      enum sl_side side)
{
	struct tcp_side *me = &entry->tcp[side], *you = &entry->tcp[!side];
	uint32_t seq = packet->seq, low, reach;

	if (!me->max_window && entry->session.state[!side] == TCP_SYN_SENT) {
		/* The answer to a SYN: known by what it acknowledges. */
		if (!(packet->tcp_flags & SL_TCP_ACK) ||
		    (!seq_between(packet->ack, you->isn + 1, you->end) &&
		     !(you->flags & TCP_ALTERNATIVE && packet->ack == you->alternative + 1)))
			return SL_FACT_OUT_OF_WINDOW;
	} else if (me->max_window || (you->max_window && !(entry->flags & ENTRY_LOOSE))) {
		/* Where the receiver can stand: it has acknowledged `low`, and `end` is all there is to have. */
		low = you->flags & TCP_ACK_SEEN ? you->ack : me->flags & TCP_SYN_SEEN ? me->isn + 1 : me->end;
		reach = you->max_window ? you->max_window : 65535;
		if (!seq_between(seq, low, seq_max(low, me->end))) {
			if (entry->session.state[side] == TCP_SYN_SENT && !you->max_window)
				return SL_FACT_CHALLENGED; /* answers the ACK of an older connection */
			return seq_between(seq, low, low + reach) ? SL_FACT_CHALLENGED
								  : SL_FACT_OUT_OF_WINDOW;
		}
	}
	tcp_cut(table, entry, SL_END_RST);
	return SL_FACT_RESET;
}

static uint8_t closing_state(const struct tcp_side *me, const struct tcp_side *you)
{
	bool sent = me->flags & TCP_FIN_SEEN, acked = me->flags & TCP_FIN_ACKED;

	if (!(you->flags & TCP_FIN_ACKED))
		return !sent ? TCP_ESTABLISHED : acked ? TCP_FIN_WAIT2 : TCP_FIN_WAIT1;
	if (!sent)
		return TCP_CLOSE_WAIT;
	if (me->flags & TCP_PASSIVE)
		return acked ? TCP_CLOSE : TCP_LAST_ACK;
	return acked ? TCP_TIME_WAIT : TCP_CLOSING;
}

static uint32_t fins(struct sl_table *table, struct entry *entry, const struct sl_packet *packet,
		     enum sl_side side)
{
	struct tcp_side *me = &entry->tcp[side], *you = &entry->tcp[!side];
	bool over, sent;

	if (you->flags & TCP_FIN_SEEN && !seq_before(packet->ack, you->fin))
		you->flags |= TCP_FIN_ACKED;
	if (packet->tcp_flags & SL_TCP_FIN && !(me->flags & TCP_FIN_ACKED)) {
		if (!(me->flags & TCP_FIN_SEEN) && you->flags & TCP_FIN_ACKED)
			me->flags |= TCP_PASSIVE;
		me->flags = (uint8_t)((me->flags & ~TCP_ALTERNATIVE) | TCP_FIN_SEEN);
		me->fin = segment_end(packet);
	}
	if (!((me->flags | you->flags) & TCP_FIN_SEEN) || entry->class == SL_CLASS_CLOSED)
		return 0;
	entry->session.state[side] = closing_state(me, you);
	entry->session.state[!side] = closing_state(you, me);
	sent = me->flags & you->flags & TCP_FIN_SEEN;
	/* Of a connection that passes by us for the most part, the last ACK is not seen. */
	over = sent && (me->flags & you->flags & TCP_FIN_ACKED || entry->flags & ENTRY_LOOSE);
	if (over) {
		entry->reason = SL_END_FIN;
		class_leave(table, entry);
		class_enter(table, entry, SL_CLASS_CLOSED);
		wheel_arm(table, entry, SL_TIMER_CLOSING);
		return SL_FACT_FINISHED;
	}
	if ((me->flags | you->flags) & TCP_FIN_ACKED)
		wheel_arm(table, entry, SL_TIMER_HALF_CLOSED);
	return 0;
}

static uint32_t segment(struct sl_table *table, struct entry *entry, const struct sl_packet *packet,
			enum sl_side side)
{
	struct tcp_side *me = &entry->tcp[side], *you = &entry->tcp[!side];
	uint8_t *state = entry->session.state;
	uint32_t facts = 0, seen;

	/* Before the server's SYN the client has nothing to acknowledge … */
	if (state[side] == TCP_SYN_SENT && !you->max_window && !(entry->flags & ENTRY_LOOSE)) {
		window_remember(entry, side, packet);
		return SL_FACT_OUT_OF_WINDOW;
	}
	if (!me->max_window) {
		/* … and takes no data; a bare ACK it answers by a RST. Unless it is we who have missed that SYN. */
		if (state[!side] == TCP_SYN_SENT && !(entry->flags & ENTRY_LOOSE) &&
		    !window_confirmed(entry, side, packet))
			return packet->payload_len ? SL_FACT_INVALID : SL_FACT_CHALLENGED;
		window_pick_up(entry, side, packet);
		if (!you->max_window) {
			facts |= SL_FACT_PICKED_UP;
			entry->session.picked_up = true;
		}
	}
	if (!(entry->flags & ENTRY_ESTABLISHED) && you->flags & TCP_ALTERNATIVE &&
	    packet->ack == you->alternative + 1)
		use_alternative(you);
	seen = window_segment(entry, side, packet);
	facts |= seen;
	if (seen & SL_FACT_UNFIT)
		return seen;
	if (entry->flags & ENTRY_LOOSE && me->max_window && you->max_window &&
	    !(entry->flags & ENTRY_ESTABLISHED)) {
		state[side] = state[!side] = TCP_ESTABLISHED;
	} else if (state[!side] == TCP_SYN_RECV && seq_after(packet->ack, you->isn)) {
		state[!side] = TCP_ESTABLISHED;
		if (entry->flags & ENTRY_SIMULTANEOUS && side == SL_SERVER && !(entry->flags & ENTRY_SYNACK))
			facts |= SL_FACT_SPLIT_HANDSHAKE;
	}
	facts |= established(table, entry);
	if (packet->payload_len && !(entry->flags & ENTRY_DATA)) {
		entry->flags |= ENTRY_DATA;
		if (entry->timer == SL_TIMER_NO_DATA)
			wheel_arm(table, entry, SL_TIMER_ACTIVE);
	} else if (facts & SL_FACT_ESTABLISHED && entry->flags & ENTRY_DATA) {
		wheel_arm(table, entry, SL_TIMER_ACTIVE);
	}
	return facts | fins(table, entry, packet, side);
}

uint32_t tcp_track(struct sl_table *table, struct entry *entry, const struct sl_packet *packet,
		   enum sl_side side)
{
	uint8_t flags = packet->tcp_flags;
	uint32_t facts;

	if (packet->checksum_bad || !(flags & (SL_TCP_SYN | SL_TCP_ACK | SL_TCP_RST)) ||
	    (flags & SL_TCP_SYN && flags & (SL_TCP_FIN | SL_TCP_RST)))
		return SL_FACT_INVALID;
	if (closed(entry))
		return SL_FACT_CLOSED;
	if (flags & SL_TCP_RST)
		return reset(table, entry, packet, side);
	if (!(flags & SL_TCP_SYN))
		return segment(table, entry, packet, side);
	facts = flags & SL_TCP_ACK ? syn_ack(entry, packet, side) : bare_syn(entry, packet, side);
	if (facts & SL_FACT_PICKED_UP)
		entry->session.picked_up = true;
	if (packet->payload_len)
		facts |= SL_FACT_DATA_ON_SYN;
	return facts | established(table, entry);
}
