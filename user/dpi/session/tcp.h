/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP as both sides live through it. For the files of this folder only. */
#ifndef SLUICE_DPI_TCP_H
#define SLUICE_DPI_TCP_H

#include <netinet/tcp.h> /* the states' numbers */

#include "dpi/session/entry.h"
#include "dpi/session/track.h"

/* tcp.c: moves the states; SL_FACT_*. */
uint32_t tcp_track(struct sl_table *table, struct entry *entry, const struct sl_packet *packet,
		   enum sl_side side);
/* Both sides are closed; the entry waits for the reset timer. */
void tcp_cut(struct sl_table *table, struct entry *entry, enum sl_session_end why);
/* May this SYN, on the tuple of an old connection, begin a new one? */
bool tcp_replaces(const struct entry *entry, const struct sl_packet *packet, enum sl_side side);

/* window.c */
void window_from_syn(struct tcp_side *me, const struct sl_packet *packet);
/* What both SYNs offered is in use, all else is not. */
void window_agree(struct tcp_side *a, struct tcp_side *b);
void window_pick_up(struct entry *entry, enum sl_side side, const struct sl_packet *packet);
/* Keeps the numbers of a segment that does not fit … */
void window_remember(struct entry *entry, enum sl_side side, const struct sl_packet *packet);
/* … and asks whether the other side's last and this one speak of the same bytes. */
bool window_confirmed(const struct entry *entry, enum sl_side side, const struct sl_packet *packet);
/* A segment with ACK, without SYN or RST. SL_FACT_*; with one of SL_FACT_UNFIT nothing has moved. */
uint32_t window_segment(struct entry *entry, enum sl_side side, const struct sl_packet *packet);

static inline uint32_t segment_end(const struct sl_packet *packet)
{
	return packet->seq + packet->payload_len + !!(packet->tcp_flags & SL_TCP_SYN) +
	       !!(packet->tcp_flags & SL_TCP_FIN);
}

#endif
