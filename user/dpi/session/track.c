// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a packet does to its session, whatever the protocol: counted, timed,
 * classed. What TCP adds is in tcp.c.
 *
 * Invariant: a packet that a receiver would throw away does not keep a
 * session alive.
 */
#include "dpi/session/track.h"

#include <netinet/in.h>
#include <string.h>

#include "dpi/session/seq.h"
#include "dpi/session/tcp.h"

#define SCALE_UNKNOWN 14 /* RFC 7323: the largest there is lets everything pass that may be right */

static uint32_t datagram(struct sl_table *table, struct entry *entry, const struct sl_packet *packet,
			 enum sl_side side)
{
	if (packet->checksum_bad)
		return SL_FACT_INVALID;
	if (side == SL_CLIENT || entry->class != SL_CLASS_UNANSWERED)
		return 0;
	class_leave(table, entry);
	class_enter(table, entry, SL_CLASS_ANSWERED);
	if (packet->kind == SL_PACKET_SCTP)
		wheel_arm(table, entry, SL_TIMER_SCTP);
	return SL_FACT_ANSWERED;
}

void sl_session_track(struct sl_table *table, struct sl_session *session, const struct sl_packet *packet,
		      enum sl_side side, struct sl_facts *ret)
{
	struct entry *entry = entry_of(session);
	uint64_t now = table_now(table, packet->now_ns), before = session->last_ns;
	struct sl_session_flow *flow = &session->flow[side];
	uint8_t touched = entry->flags & ENTRY_TOUCHED;

	/* Cleared if the packet moves the entry to the end of a class; the first one has just done so. */
	if (session->flow[SL_CLIENT].packets + session->flow[SL_SERVER].packets)
		entry->flags |= ENTRY_TOUCHED;
	/* An entry's deadline is read off last_ns, also by what rearms it on the way. */
	session->last_ns = now;
	if (packet->kind == SL_PACKET_TCP && entry->kind == SL_KIND_TCP)
		ret->facts = tcp_track(table, entry, packet, side);
	else
		ret->facts = datagram(table, entry, packet, side);
	/* A SYN's own window is never scaled; what is not TCP has none. */
	ret->window = packet->kind != SL_PACKET_TCP || packet->tcp_flags & SL_TCP_SYN
			      ? packet->window
			      : (uint32_t)packet->window << entry->tcp[side].scale;
	ret->handshake = !(ret->facts & SL_FACT_UNFIT) &&
			 (packet->tcp_flags & SL_TCP_SYN ||
			  (ret->facts & SL_FACT_ESTABLISHED && !(entry->flags & ENTRY_LOOSE)));
	/* As on the wire, where each has headers of its own. */
	flow->packets += 1u + packet->more;
	flow->bytes += packet->ip_len + (uint64_t)packet->more * (packet->payload - packet->l3);
	session->tcp_flags[side] |= packet->tcp_flags;
	if (ret->facts & SL_FACT_UNFIT) {
		session->last_ns = before;
		entry->flags = (uint8_t)((entry->flags & ~ENTRY_TOUCHED) | touched);
		return;
	}
	entry->vlan[side] = packet->vlan;
	memcpy(entry->mac[side], packet->data, sizeof(entry->mac[side]));
}

void sl_session_unwatched(struct sl_table *table, struct sl_session *session)
{
	struct entry *entry = entry_of(session);

	(void)table;
	if (entry->kind != SL_KIND_TCP)
		return;
	entry->flags = (entry->flags | ENTRY_LOOSE) & (uint8_t)~ENTRY_HINT;
	for (enum sl_side side = SL_CLIENT; side <= SL_SERVER; side++) {
		entry->tcp[side].max_window = 0;
		entry->tcp[side].flags &= (uint8_t) ~(TCP_ACK_SEEN | TCP_STAMPS);
	}
}

void sl_session_add(struct sl_table *table, struct sl_session *session, enum sl_side side, uint64_t packets,
		    uint64_t bytes, uint64_t last_ns)
{
	struct entry *entry = entry_of(session);

	(void)table;
	session->flow[side].packets += packets;
	session->flow[side].bytes += bytes;
	if (last_ns > session->last_ns)
		session->last_ns = last_ns;
	entry->flags |= ENTRY_TOUCHED;
}

bool sl_session_silent(const struct sl_session *session)
{
	const struct entry *entry = entry_of_const(session);

	return entry->kind == SL_KIND_TCP && entry->class == SL_CLASS_ESTABLISHED &&
	       entry->timer == SL_TIMER_NO_DATA && !(entry->flags & (ENTRY_DATA | ENTRY_LOOSE));
}

void sl_session_catch_up(struct sl_table *table, struct sl_session *session, enum sl_side side,
			 const struct sl_elsewhere *where)
{
	struct entry *entry = entry_of(session);
	struct tcp_side *me = &entry->tcp[side];
	uint32_t window = (uint32_t)where->window_max << me->scale;

	if (entry->kind != SL_KIND_TCP)
		return;
	/* Nothing was known of it: picked up here. Nobody told us the scale, unless its SYN did. */
	if (!me->max_window) {
		if (!(me->flags & TCP_SYN_SEEN)) {
			me->scale = SCALE_UNKNOWN;
			window = (uint32_t)where->window_max << me->scale;
		}
		entry->flags |= ENTRY_LOOSE;
		me->end = where->end;
		me->flags &= (uint8_t)~TCP_ACK_SEEN;
	}
	if (seq_after(where->end, me->end)) {
		me->end = where->end;
		entry->flags |= ENTRY_DATA;
		if (entry->timer == SL_TIMER_NO_DATA)
			wheel_arm(table, entry, SL_TIMER_ACTIVE);
	}
	me->ack = me->flags & TCP_ACK_SEEN ? seq_max(me->ack, where->ack) : where->ack;
	me->flags |= TCP_ACK_SEEN;
	if (window > me->max_window)
		me->max_window = window;
	if (!me->max_window)
		me->max_window = 1;
}

void sl_session_caught_up(struct sl_table *table, struct sl_session *session)
{
	struct entry *entry = entry_of(session);

	(void)table;
	if (entry->kind != SL_KIND_TCP)
		return;
	entry->flags &= (uint8_t)~ENTRY_HINT;
	for (enum sl_side side = SL_CLIENT; side <= SL_SERVER; side++) {
		struct tcp_side *me = &entry->tcp[side], *you = &entry->tcp[!side];

		/* A late one of its acknowledgements may be all that was seen of what the other has sent. */
		if (you->flags & TCP_ACK_SEEN)
			me->end = seq_max(me->end, you->ack);
		me->max_end = seq_max(me->max_end, me->end);
		if (you->flags & TCP_ACK_SEEN)
			me->max_end = seq_max(me->max_end, you->ack + you->max_window);
	}
}

bool sl_session_is_ahead(const struct sl_session *session, const struct sl_packet *packet, enum sl_side side)
{
	const struct entry *entry = entry_of_const(session);
	const struct tcp_side *me = &entry->tcp[side], *you = &entry->tcp[!side];

	/* Beyond what it may send as far as is known: it is acknowledgements that were not seen. */
	return entry->kind == SL_KIND_TCP &&
	       (seq_after(packet->seq, me->end) || seq_after(packet->ack, you->end) ||
		seq_after(segment_end(packet), me->max_end));
}

struct sl_session *sl_session_resume(struct sl_table *table, const struct sl_tuple *tuple, uint16_t workload,
				     bool ingress, uint64_t now_ns)
{
	bool tcp = tuple->protocol == IPPROTO_TCP;
	struct entry *entry;
	enum sl_side side;

	table_now(table, now_ns);
	if (entry_find(table, workload, tuple, &side) || table->stats.sessions >= table->max)
		return NULL;
	entry = entry_make(table, tuple, workload, tcp ? SL_KIND_TCP : SL_KIND_UDP);
	if (!entry)
		return NULL;
	entry->session.ingress = ingress;
	entry->session.picked_up = true;
	if (tcp) {
		entry->flags |= ENTRY_LOOSE | ENTRY_ESTABLISHED | ENTRY_DATA;
		entry->session.state[SL_CLIENT] = entry->session.state[SL_SERVER] = TCP_ESTABLISHED;
	}
	class_enter(table, entry, tcp ? SL_CLASS_ESTABLISHED : SL_CLASS_ANSWERED);
	wheel_arm(table, entry, tcp ? SL_TIMER_ACTIVE : SL_TIMER_UDP);
	return &entry->session;
}

void sl_session_cut(struct sl_table *table, struct sl_session *session, enum sl_session_end why)
{
	struct entry *entry = entry_of(session);

	if (entry->kind == SL_KIND_TCP)
		tcp_cut(table, entry, why);
	else
		entry->reason = (uint8_t)why;
}
