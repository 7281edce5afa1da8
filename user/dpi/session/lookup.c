// SPDX-License-Identifier: BSD-2-Clause
/* Which session a packet belongs to, and whether it may begin one. The rules for "client" are in track.h. */
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "dpi/session/tcp.h"

#define WELL_KNOWN 1024 /* ports below it are servers' */
#define EPHEMERAL_LOW 32768 /* net.ipv4.ip_local_port_range of Linux */
#define EPHEMERAL_HIGH 60999

static bool ephemeral(uint16_t port)
{
	return port >= EPHEMERAL_LOW && port <= EPHEMERAL_HIGH;
}

/* Of a TCP segment that is no SYN: does its sender look like the client? */
static bool ports_say_client(uint16_t from, uint16_t to)
{
	if ((from < WELL_KNOWN) != (to < WELL_KNOWN))
		return to < WELL_KNOWN;
	if (ephemeral(from) != ephemeral(to))
		return ephemeral(from);
	return from >= to;
}

static bool sender_is_client(const struct sl_packet *packet)
{
	if (packet->kind != SL_PACKET_TCP)
		return true;
	if (packet->tcp_flags & SL_TCP_SYN)
		return !(packet->tcp_flags & SL_TCP_ACK);
	return ports_say_client(packet->tuple.source_port, packet->tuple.destination_port);
}

static bool is_reply(const struct sl_packet *packet)
{
	if (packet->kind != SL_PACKET_ICMP)
		return false;
	if (packet->tuple.protocol == IPPROTO_ICMPV6)
		return packet->icmp_type == ICMP6_ECHO_REPLY;
	return packet->icmp_type == ICMP_ECHOREPLY || packet->icmp_type == ICMP_TIMESTAMPREPLY ||
	       packet->icmp_type == ICMP_INFO_REPLY || packet->icmp_type == ICMP_ADDRESSREPLY;
}

/* May it begin a session? Stray RSTs and what no receiver takes do not. */
static bool begins(const struct sl_packet *packet)
{
	uint8_t flags = packet->tcp_flags;

	if (packet->checksum_bad)
		return false;
	if (packet->kind != SL_PACKET_TCP)
		return true;
	return !(flags & SL_TCP_RST) && flags & (SL_TCP_SYN | SL_TCP_ACK) &&
	       !(flags & SL_TCP_SYN && flags & SL_TCP_FIN);
}

static enum sl_session_kind kind_of(const struct sl_packet *packet)
{
	switch (packet->kind) {
	case SL_PACKET_TCP:
		return SL_KIND_TCP;
	case SL_PACKET_UDP:
		return SL_KIND_UDP;
	case SL_PACKET_ICMP:
		return SL_KIND_ICMP;
	default:
		return SL_KIND_IP;
	}
}

static enum sl_session_timer first_timer(const struct sl_packet *packet)
{
	switch (packet->kind) {
	case SL_PACKET_TCP:
		return SL_TIMER_OPENING;
	case SL_PACKET_UDP:
		return SL_TIMER_UDP;
	case SL_PACKET_ICMP:
		return SL_TIMER_ICMP;
	default:
		return SL_TIMER_IP;
	}
}

static struct sl_session *begin(struct sl_table *table, const struct sl_packet *packet, struct sl_found *ret)
{
	struct sl_tuple tuple = packet->tuple;
	struct entry *entry;

	ret->side = SL_CLIENT;
	if (!sender_is_client(packet)) {
		ret->side = SL_SERVER;
		tuple.source = packet->tuple.destination;
		tuple.destination = packet->tuple.source;
		tuple.source_port = packet->tuple.destination_port;
		tuple.destination_port = packet->tuple.source_port;
	}
	entry = entry_make(table, &tuple, packet->workload, kind_of(packet));
	if (!entry) {
		ret->event = SL_SESSION_FULL;
		return NULL;
	}
	ret->event = SL_SESSION_NEW;
	entry->session.ingress = packet->to_workload == (ret->side == SL_CLIENT);
	entry->session.picked_up = is_reply(packet);
	class_enter(table, entry, entry->kind == SL_KIND_TCP ? SL_CLASS_OPENING : SL_CLASS_UNANSWERED);
	wheel_arm(table, entry, first_timer(packet));
	return &entry->session;
}

/* The packet shows that the session it would belong to is not the one we know. */
static bool is_over(const struct entry *entry, const struct sl_packet *packet, enum sl_side side)
{
	const struct sl_session *session = &entry->session;

	if (entry->kind == SL_KIND_TCP)
		return packet->kind == SL_PACKET_TCP && tcp_replaces(entry, packet, side);
	/* The denied client's packets never arrived: the other side does not answer, it speaks by itself. */
	return session->action == SL_POLICY_DENY && side == SL_SERVER && !session->flow[SL_SERVER].packets;
}

static struct sl_session *related(struct sl_table *table, const struct sl_packet *packet,
				  struct sl_found *ret)
{
	struct entry *entry = entry_find(table, packet->workload, &packet->inner, &ret->side);

	/*
	 * It speaks of what came from where it now goes, to whom that came from: whoever else it is sent to gets
	 * nothing but what is behind the quotation.
	 */
	if (!entry || packet->checksum_bad ||
	    memcmp(&packet->tuple.destination, &packet->inner.source, sizeof(packet->inner.source)) != 0 ||
	    packet->to_workload != (entry->session.ingress == (ret->side == SL_SERVER))) {
		ret->event = SL_SESSION_UNRELATED;
		return NULL;
	}
	ret->event = SL_SESSION_RELATED;
	return &entry->session;
}

struct sl_session *sl_session_of(struct sl_table *table, const struct sl_packet *packet, bool create,
				 struct sl_found *ret)
{
	struct entry *entry;

	*ret = (struct sl_found){ SL_SESSION_NONE, SL_CLIENT };
	table_now(table, packet->now_ns);
	if (packet->kind == SL_PACKET_FRAGMENT)
		return NULL;
	if (packet->kind == SL_PACKET_ICMP_ERROR)
		return related(table, packet, ret);
	entry = entry_find(table, packet->workload, &packet->tuple, &ret->side);
	if (entry) {
		if (packet->to_workload != (entry->session.ingress == (ret->side == SL_CLIENT))) {
			table->stats.wrong_way++;
			ret->event = SL_SESSION_WRONG_WAY;
			return NULL;
		}
		if (!create || !is_over(entry, packet, ret->side)) {
			ret->event = SL_SESSION_KNOWN;
			return &entry->session;
		}
		entry_remove(table, entry, (enum sl_session_end)entry->reason);
	}
	return create && begins(packet) ? begin(table, packet, ret) : NULL;
}
