/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The payload of a session's TCP segments in order, for as long as somebody
 * wants to see it.
 *
 * Invariant: a session costs memory for this only between
 * sl_session_inspect_begin() and sl_session_inspect_end().
 */
#ifndef SLUICE_DPI_DELIVER_H
#define SLUICE_DPI_DELIVER_H

#include "dpi/session/track.h"

/* data NULL: len bytes of that side are missing. The session must not be ended from within. */
typedef void (*sl_session_sink)(void *context, struct sl_session *session, enum sl_side side,
				const uint8_t *data, uint32_t len);

/* 0, or -ENOBUFS beyond the limit of all streams: the session goes uninspected. Not TCP, or begun already: 0. */
int sl_session_inspect_begin(struct sl_table *table, struct sl_session *session);
void sl_session_inspect_end(struct sl_table *table, struct sl_session *session);

/*
 * Behind sl_session_track(), for a TCP packet of a session that is inspected
 * (any other: 0 and nothing happens): what it makes available of either side
 * goes to the sink. refuse: as sl_stream_push() has it, for sessions that are
 * inline and protected. Returns SL_STREAM_*; with SL_STREAM_REFUSED the packet
 * must be dropped.
 */
uint32_t sl_session_deliver(struct sl_table *table, struct sl_session *session,
			    const struct sl_packet *packet, enum sl_side side, const struct sl_facts *facts,
			    bool refuse, sl_session_sink sink, void *context);

#endif
