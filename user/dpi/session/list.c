// SPDX-License-Identifier: BSD-2-Clause
/* See list.h. The walk goes by the arena's order, which no insertion changes. */
#include "dpi/session/list.h"

#include <string.h>

#include "dpi/session/seq.h"
#include "dpi/session/tcp.h"

static bool in_network(const struct sl_addr *address, const struct sl_addr *network, unsigned int bits)
{
	unsigned int whole = bits / 8, rest = bits % 8;

	if (memcmp(address, network, whole))
		return false;
	return !rest || (address->byte[whole] ^ network->byte[whole]) >> (8 - rest) == 0;
}

bool sl_session_matches(const struct sl_table *table, const struct sl_session *session,
			const struct sl_session_filter *want)
{
	const struct sl_tuple *tuple = &session->tuple;
	uint8_t class = entry_of_const(session)->class;
	unsigned int bits = want->prefix < 128 ? want->prefix : 128;

	if ((want->id && session->id != want->id) ||
	    (want->workload && session->workload != want->workload) ||
	    (want->family && tuple->family != want->family) ||
	    (want->has_protocol && tuple->protocol != want->protocol) ||
	    (want->client_port && tuple->source_port != want->client_port) ||
	    (want->server_port && tuple->destination_port != want->server_port) ||
	    (want->port && tuple->source_port != want->port && tuple->destination_port != want->port) ||
	    (want->application && session->application != want->application) ||
	    (want->has_action && session->action != want->action) ||
	    (want->has_direction && session->ingress != want->ingress) ||
	    (want->established && class != SL_CLASS_ESTABLISHED && class != SL_CLASS_ANSWERED))
		return false;
	if (want->has_address && !in_network(&tuple->source, &want->address, bits) &&
	    !in_network(&tuple->destination, &want->address, bits))
		return false;
	return !want->idle_s || table->now_ns >= session->last_ns + want->idle_s * 1000000000ull;
}

struct sl_session *sl_sessions_next(struct sl_table *table, struct sl_cursor *cursor,
				    const struct sl_session_filter *filter, uint32_t *budget)
{
	for (; cursor->next < table->fresh; cursor->next++) {
		struct entry *entry = entry_at(table, cursor->next);

		if (!*budget)
			return NULL;
		(*budget)--;
		if (entry->flags & ENTRY_USED && sl_session_matches(table, &entry->session, filter)) {
			cursor->next++;
			return &entry->session;
		}
	}
	cursor->done = true;
	return NULL;
}

void sl_session_reset_numbers(const struct sl_session *session, struct sl_reset *ret)
{
	const struct entry *entry = entry_of_const(session);

	memset(ret, 0, sizeof(*ret));
	if (entry->kind != SL_KIND_TCP || (session->state[0] == TCP_CLOSE && session->state[1] == TCP_CLOSE))
		return;
	for (enum sl_side side = SL_CLIENT; side <= SL_SERVER; side++) {
		const struct tcp_side *it = &entry->tcp[side], *other = &entry->tcp[!side];
		struct sl_reset_one *to = &ret->to[side];

		if (!it->max_window && !other->max_window)
			continue; /* nothing is known */
		to->has_ack = it->max_window || entry->flags & ENTRY_LOOSE;
		to->ack = to->has_ack ? it->end : 0;
		if (it->max_window && !other->max_window && !(it->flags & TCP_ACK_SEEN)) {
			/* Its SYN has not been answered: it goes by the acknowledgement alone. */
			to->n = 1;
			continue;
		}
		to->n = 1;
		to->seq[0] = other->end;
		if (it->flags & TCP_ACK_SEEN && it->ack != other->end) {
			to->n = 2;
			to->seq[1] = it->ack;
		}
	}
}

void sl_packet_reset_numbers(const struct sl_packet *packet, enum sl_side side, struct sl_reset *ret)
{
	bool has_ack = packet->tcp_flags & SL_TCP_ACK;
	struct sl_reset_one *back = &ret->to[side], *on = &ret->to[!side];

	memset(ret, 0, sizeof(*ret));
	if (packet->kind != SL_PACKET_TCP || packet->tcp_flags & SL_TCP_RST)
		return;
	/* RFC 9293, 3.10.7.1: as a host answers that has no such connection. */
	back->n = 1;
	back->has_ack = !has_ack;
	back->seq[0] = has_ack ? packet->ack : 0;
	back->ack = has_ack ? 0 : segment_end(packet);
	/* Its receiver waits for just this segment, if none before it is missing. A SYN it has not heard of. */
	if ((packet->tcp_flags & (SL_TCP_SYN | SL_TCP_ACK)) == SL_TCP_SYN)
		return;
	on->n = 1;
	on->has_ack = has_ack;
	on->seq[0] = packet->tcp_flags & SL_TCP_SYN ? 0 : packet->seq;
	on->ack = packet->ack;
}
