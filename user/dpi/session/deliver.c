// SPDX-License-Identifier: BSD-2-Clause
/* See deliver.h: between track, which knows the numbers, and reassembly, which knows the bytes. */
#include "dpi/session/deliver.h"

#include <errno.h>

#include "dpi/session/seq.h"
#include "dpi/session/tcp.h"

#define URGENT_POINTER 18 /* its offset in the TCP header */

struct to_side {
	sl_session_sink sink;
	void *context;
	struct sl_session *session;
	enum sl_side side;
};

static void pass_on(void *context, const uint8_t *data, uint32_t len)
{
	const struct to_side *to = context;

	to->sink(to->context, to->session, to->side, data, len);
}

/* Begun in the middle: where the receiver stands, if it has said so, else where the next segment begins. */
static void start(struct entry *entry, enum sl_side side)
{
	const struct tcp_side *me = &entry->tcp[side], *you = &entry->tcp[!side];

	if (!(entry->flags & (ENTRY_LOOSE | ENTRY_DATA)) && me->flags & TCP_SYN_SEEN)
		sl_stream_start(entry->stream[side], me->isn + 1);
	else if (you->flags & TCP_ACK_SEEN && me->max_window)
		sl_stream_start(entry->stream[side], you->ack);
}

/* During the handshake: which of two SYNs was taken may have turned out only now. */
static void realign(struct entry *entry, enum sl_side side)
{
	const struct tcp_side *me = &entry->tcp[side];

	if (!(entry->flags & ENTRY_LOOSE) && me->flags & TCP_SYN_SEEN &&
	    !seq_between(sl_stream_next(entry->stream[side]), me->isn + 1, me->end))
		sl_stream_start(entry->stream[side], me->isn + 1);
}

int sl_session_inspect_begin(struct sl_table *table, struct sl_session *session)
{
	struct entry *entry = entry_of(session);

	if (entry->kind != SL_KIND_TCP || entry->stream[SL_CLIENT])
		return 0;
	for (enum sl_side side = SL_CLIENT; side <= SL_SERVER; side++) {
		entry->stream[side] = sl_stream_new(&table->pool);
		if (!entry->stream[side]) {
			sl_session_inspect_end(table, session);
			return -ENOBUFS;
		}
		start(entry, side);
	}
	return 0;
}

void sl_session_inspect_end(struct sl_table *table, struct sl_session *session)
{
	struct entry *entry = entry_of(session);

	(void)table;
	for (enum sl_side side = SL_CLIENT; side <= SL_SERVER; side++) {
		sl_stream_free(entry->stream[side]);
		entry->stream[side] = NULL;
	}
}

static int32_t urgent_of(const struct sl_packet *packet)
{
	const uint8_t *at = packet->data + packet->l4 + URGENT_POINTER;

	return packet->tcp_flags & SL_TCP_URG ? at[0] << 8 | at[1] : -1;
}

uint32_t sl_session_deliver(struct sl_table *table, struct sl_session *session,
			    const struct sl_packet *packet, enum sl_side side, const struct sl_facts *facts,
			    bool refuse, sl_session_sink sink, void *context)
{
	struct entry *entry = entry_of(session);
	struct to_side mine = { sink, context, session, side }, theirs = { sink, context, session, !side };
	const uint8_t *payload = packet->data + packet->payload;
	uint32_t seen = 0;

	(void)table;
	if (packet->kind != SL_PACKET_TCP || !entry->stream[side] ||
	    facts->facts & (SL_FACT_UNFIT | SL_FACT_CHALLENGED) || packet->tcp_flags & SL_TCP_RST)
		return 0;
	if (packet->tcp_flags & SL_TCP_SYN || facts->facts & SL_FACT_ESTABLISHED) {
		realign(entry, side);
		realign(entry, !side);
	}
	if (packet->tcp_flags & SL_TCP_SYN) {
		sl_stream_with_syn(entry->stream[side], packet->seq + 1, payload, packet->payload_len);
		if (packet->tcp_flags & SL_TCP_ACK)
			seen |= sl_stream_acked(entry->stream[!side], packet->ack, pass_on, &theirs);
		return seen;
	}
	seen |= sl_stream_acked(entry->stream[!side], packet->ack, pass_on, &theirs);
	seen |= sl_stream_push(entry->stream[side], packet->seq, payload, packet->payload_len,
			       urgent_of(packet), refuse, pass_on, &mine);
	if (packet->tcp_flags & SL_TCP_FIN && !(seen & SL_STREAM_REFUSED))
		sl_stream_fin(entry->stream[side], segment_end(packet) - 1);
	return seen;
}
