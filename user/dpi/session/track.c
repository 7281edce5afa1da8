// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a packet does to its session, whatever the protocol: counted, timed,
 * classed. What TCP adds is in tcp.c.
 *
 * Invariant: a packet that a receiver would throw away does not keep a
 * session alive.
 */
#include "dpi/session/track.h"

#include <string.h>

#include "dpi/session/tcp.h"

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
	/* A SYN's own window is never scaled. */
	ret->window = packet->tcp_flags & SL_TCP_SYN ? packet->window
						     : (uint32_t)packet->window << entry->tcp[side].scale;
	ret->handshake = !(ret->facts & SL_FACT_UNFIT) &&
			 (packet->tcp_flags & SL_TCP_SYN ||
			  (ret->facts & SL_FACT_ESTABLISHED && !(entry->flags & ENTRY_LOOSE)));
	flow->packets++;
	flow->bytes += packet->ip_len;
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

void sl_session_cut(struct sl_table *table, struct sl_session *session, enum sl_session_end why)
{
	struct entry *entry = entry_of(session);

	if (entry->kind == SL_KIND_TCP)
		tcp_cut(table, entry, why);
	else
		entry->reason = (uint8_t)why;
}
