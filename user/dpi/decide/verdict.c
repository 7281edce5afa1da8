// SPDX-License-Identifier: BSD-2-Clause
/* See verdict.h. How a direction turns without a frame overtaking another: include/sluice/abi.h, enum sl_way. */
#include "dpi/decide/verdict.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#define TO_WORKLOAD 0
#define FROM_WORKLOAD 1
#define ONE_WAY 4 /* datagrams after which a flow that nobody answers is left to the kernel, too */
/* Packets of a denied session after which the kernel drops them: scans make no entries. */
#define DENIED_SEEN 3
#define DENIED_TCP 32 /* the same where each is answered by a reset, which should be heard */
#define BULK_PAYLOAD 500 /* bytes: what nearly fills the smallest MTU … */
#define BULK_AFTER 16 /* … and how many such packets in a row make a flow one of bulk */
#define BULK_LOOK 64 /* packets on the bulk lane between two looks whether the flow needs the core */
#define LOST_AFTER 256 /* packets that come although there is a verdict, after which it is looked for */

static struct sl_flow_dir *dir_of(struct sl_flow *flow, int way)
{
	return way == TO_WORKLOAD ? &flow->to_workload : &flow->from_workload;
}

/* What the entry has that the session has not. */
static void take_figures(struct sl_engine *engine, struct sl_session *session, struct sl_flow *flow)
{
	struct sl_flow_link *link = session->link;

	for (int way = TO_WORKLOAD; way <= FROM_WORKLOAD; way++) {
		const struct sl_flow_dir *dir = dir_of(flow, way);
		enum sl_side side = sl_flows_sender(session, way == TO_WORKLOAD);

		if (dir->packets == link->packets[way])
			continue;
		/* What is denied does not live on by being tried. */
		sl_session_add(engine->table, session, side, dir->packets - link->packets[way],
			       dir->bytes - link->bytes[way],
			       link->verdict == SL_VERDICT_ALLOW ? dir->last_ns : 0);
		link->packets[way] = dir->packets;
		link->bytes[way] = dir->bytes;
		if (session->tuple.protocol == IPPROTO_TCP && dir->tcp_flags)
			sl_session_catch_up(engine->table, session, side,
					    &(struct sl_elsewhere){ dir->seq_end, dir->ack,
								    dir->window_max });
	}
	if (session->tuple.protocol == IPPROTO_TCP)
		sl_session_caught_up(engine->table, session);
}

static void unlink_session(struct sl_session *session)
{
	free(session->link);
	session->link = NULL;
	session->passed_by = false;
}

void verdict_fold(struct sl_engine *engine, struct sl_session *session)
{
	struct sl_flow flow;

	if (session->link && session->link->verdict != SL_VERDICT_INSPECT &&
	    !sl_flows_look(&engine->flows, &session->link->key, &flow))
		take_figures(engine, session, &flow);
}

void verdict_withdraw(struct sl_engine *engine, struct sl_session *session)
{
	struct sl_flow flow;
	int r;

	if (!session->link)
		return;
	r = sl_flows_take(&engine->flows, &session->link->key, &flow);
	if (session->link->verdict == SL_VERDICT_INSPECT)
		r = 0; /* nothing has passed that was not seen here */
	else if (!r)
		take_figures(engine, session, &flow);
	if (r == -ENOENT)
		sl_session_unwatched(engine->table, session);
	unlink_session(session);
}

void verdict_leave(struct sl_engine *engine, struct sl_session *session)
{
	if (session->link && session->link->verdict == SL_VERDICT_INSPECT) {
		verdict_withdraw(engine, session);
		return;
	}
	verdict_fold(engine, session);
	unlink_session(session);
}

bool verdict_adopt(struct sl_engine *engine, const struct sl_flow_key *key, const struct sl_flow *flow)
{
	struct sl_flow_link *link;
	struct sl_session *session;
	struct sl_tuple tuple;

	/* With other queues its frames may be another worker's; what was denied is judged again. */
	if (!engine->conf.verdicts || flow->verdict != SL_VERDICT_ALLOW || flow->queues != engine->workers ||
	    engine->flows.used >= engine->flows.room)
		return false;
	sl_flows_tuple(key, flow->ingress, &tuple);
	session = sl_session_resume(engine->table, &tuple, key->workload, flow->ingress, engine->now_ns);
	if (!session)
		return false;
	link = calloc(1, sizeof(*link));
	if (!link) {
		sl_session_end(engine->table, session, SL_END_EVICTED);
		return false;
	}
	link->key = *key;
	link->verdict = flow->verdict;
	link->generation = flow->generation;
	memcpy(link->peer_mac[TO_WORKLOAD], flow->to_workload.peer_mac, SL_MAC_LEN);
	memcpy(link->peer_mac[FROM_WORKLOAD], flow->from_workload.peer_mac, SL_MAC_LEN);
	session->link = link;
	session->passed_by = link->verdict == SL_VERDICT_ALLOW;
	session->started_ns = flow->started_ns;
	session->application = flow->application;
	session->application_final = true;
	session->action = flow->action;
	session->rule = flow->rule;
	engine->flows.used++;
	verdict_fold(engine, session);
	return true;
}

void verdict_meet(struct sl_engine *engine, struct sl_session *session, const struct sl_packet *packet,
		  enum sl_side side)
{
	if (!session->link || session->link->verdict != SL_VERDICT_ALLOW)
		return;
	if (packet->kind == SL_PACKET_TCP && (packet->tcp_flags & (SL_TCP_SYN | SL_TCP_FIN | SL_TCP_RST) ||
					      sl_session_is_ahead(session, packet, side)))
		verdict_fold(engine, session);
}

/* Has this end sent its FIN? */
static bool has_closed(uint8_t state)
{
	return state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT;
}

/* Established, and may still send or receive. */
static bool is_open(uint8_t state)
{
	return state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT || state == TCP_FIN_WAIT1 ||
	       state == TCP_FIN_WAIT2;
}

static bool is_settled(const struct sl_engine *engine, const struct sl_session *session,
		       const struct sl_packet *packet)
{
	const struct sl_session_flow *flow = session->flow;

	if (!engine->conf.verdicts)
		return false;
	if (session->action != SL_POLICY_ALLOW && session->action != SL_POLICY_VIOLATE)
		return false;
	/* An agent's policy changes without a new generation in the kernel. */
	if (session->agent.judged)
		return false;
	if (sl_inspect_wants(session) || inspect_wants_stream(engine, session) || packet->vlans ||
	    packet->fragment)
		return false;
	switch (packet->kind) {
	case SL_PACKET_TCP:
		return is_open(session->state[SL_CLIENT]) && is_open(session->state[SL_SERVER]) &&
		       !(has_closed(session->state[SL_CLIENT]) && has_closed(session->state[SL_SERVER]));
	case SL_PACKET_UDP:
		return flow[SL_SERVER].packets || flow[SL_CLIENT].packets >= ONE_WAY;
	default:
		return false;
	}
}

/* The neighbour's address, as the packets of each direction had it. False: not of the kind a verdict speaks of. */
static bool neighbours(const struct sl_session *session, uint8_t ret[2][SL_MAC_LEN])
{
	for (int way = TO_WORKLOAD; way <= FROM_WORKLOAD; way++) {
		enum sl_side side = sl_flows_sender(session, way == TO_WORKLOAD);
		uint8_t destination[SL_MAC_LEN], source[SL_MAC_LEN];
		uint16_t vlan;

		/* Zero if it has not spoken: no frame has that address. */
		sl_session_mac(session, side, destination, source, &vlan);
		if (vlan)
			return false;
		memcpy(ret[way], way == TO_WORKLOAD ? source : destination, SL_MAC_LEN);
	}
	return true;
}

/* way: how its frames get to the core when it is written. */
static void put(struct sl_engine *engine, struct sl_session *session, enum sl_verdict verdict,
		enum sl_way way, const uint8_t peer_mac[2][SL_MAC_LEN])
{
	struct sl_flow_link *link = calloc(1, sizeof(*link));
	struct sl_flow flow = {
		.verdict = verdict,
		.generation = engine->epoch,
		.rule = session->rule,
		.session = session->id,
		.started_ns = session->started_ns,
		.given_ns = engine->now_ns,
		.application = session->application,
		.queue = (uint16_t)engine->worker,
		.queues = (uint16_t)engine->workers,
		.ingress = session->ingress,
		.action = session->action,
	};

	if (!link)
		return;
	flow.to_workload.handover.way = flow.from_workload.handover.way = way;
	sl_flows_key(session, &link->key);
	link->verdict = verdict;
	link->generation = engine->epoch;
	memcpy(link->peer_mac, peer_mac, sizeof(link->peer_mac));
	memcpy(flow.to_workload.peer_mac, peer_mac[TO_WORKLOAD], SL_MAC_LEN);
	memcpy(flow.from_workload.peer_mac, peer_mac[FROM_WORKLOAD], SL_MAC_LEN);
	/* No room, or the map is gone: the session stays here, which is never wrong. */
	if (sl_flows_put(&engine->flows, &link->key, &flow, !session->link) < 0) {
		free(link);
		return;
	}
	free(session->link);
	session->link = link;
	session->passed_by = link->verdict == SL_VERDICT_ALLOW;
}

/* Its frames come although there is an entry: rightly so? */
static bool is_valid(struct sl_engine *engine, struct sl_session *session,
		     const uint8_t peer_mac[2][SL_MAC_LEN])
{
	struct sl_flow_link *link = session->link;
	struct sl_flow flow;

	if (link->verdict != SL_VERDICT_ALLOW || link->generation != engine->epoch ||
	    memcmp(link->peer_mac, peer_mac, sizeof(link->peer_mac)) != 0)
		return false;
	/* While the directions turn a few do. */
	if (++link->seen % LOST_AFTER)
		return true;
	return sl_flows_look(&engine->flows, &link->key, &flow) != -ENOENT;
}

/* To sl_vbr: this one belongs to a flow that is about to turn. */
static void mark(struct sl_engine *engine, const struct sl_packet *packet)
{
	uint8_t *eth = engine->frame ? engine->frame->piece[0].data : NULL;

	if (eth && packet->kind == SL_PACKET_TCP)
		eth[packet->to_workload ? 3 : 9] |= SL_UCMAC_HANDOVER;
}

/* Are the packets of one direction as large as they can be, one after the other? */
static bool moves_bulk(struct sl_session *session, const struct sl_packet *packet, enum sl_side side)
{
	uint8_t *full = &session->full[side];

	if (packet->payload_len >= BULK_PAYLOAD)
		*full += *full < BULK_AFTER;
	else if (packet->payload_len)
		*full = 0;
	return *full == BULK_AFTER;
}

/*
 * A session that stays here and moves bulk gets the bulk lane. Not while a verdict may still be given, which would
 * leave it to the kernel.
 */
static void give_lane(struct sl_engine *engine, struct sl_session *session, const struct sl_packet *packet,
		      enum sl_side side)
{
	static const uint8_t none[2][SL_MAC_LEN];

	if (!engine->conf.bulk || packet->fragment || !moves_bulk(session, packet, side) ||
	    (engine->conf.verdicts && sl_inspect_wants(session)))
		return;
	if (packet->kind == SL_PACKET_TCP
		    ? !is_open(session->state[SL_CLIENT]) || !is_open(session->state[SL_SERVER])
		    : packet->kind != SL_PACKET_UDP || !engine->conf.bulk_udp)
		return;
	put(engine, session, SL_VERDICT_INSPECT, SL_WAY_CORE, none);
	if (session->link)
		mark(engine, packet);
}

/* Both directions have left the other lane: what is sent from now on goes by one lane, whatever is written. */
static bool has_turned(struct sl_engine *engine, const struct sl_flow_link *link)
{
	struct sl_flow flow;

	return !sl_flows_look(&engine->flows, &link->key, &flow) &&
	       flow.to_workload.handover.way == SL_WAY_DIRECT &&
	       flow.from_workload.handover.way == SL_WAY_DIRECT;
}

/* A session that has the bulk lane. It keeps it to its end, unless the kernel can do without the core after all. */
static void follow_lane(struct sl_engine *engine, struct sl_session *session, const struct sl_packet *packet)
{
	struct sl_flow_link *link = session->link;
	uint8_t peer_mac[2][SL_MAC_LEN];
	struct sl_flow flow;

	if (!engine->frame || !engine->frame->bulk) {
		mark(engine, packet);
		/* While the directions turn some come by the other one. */
		if (!(++link->seen % LOST_AFTER) &&
		    sl_flows_look(&engine->flows, &link->key, &flow) == -ENOENT)
			verdict_withdraw(engine, session);
		return;
	}
	if (++link->seen % BULK_LOOK || !is_settled(engine, session, packet) ||
	    !neighbours(session, peer_mac) || !has_turned(engine, link))
		return;
	put(engine, session, SL_VERDICT_ALLOW, SL_WAY_CORE_BULK, peer_mac);
	mark(engine, packet);
}

void verdict_give(struct sl_engine *engine, struct sl_session *session, const struct sl_packet *packet,
		  enum sl_side side)
{
	uint8_t peer_mac[2][SL_MAC_LEN];

	if (!engine->flows.room)
		return;
	/* Both have closed: what is still to come is seen here. */
	if (session->link && packet->kind == SL_PACKET_TCP && has_closed(session->state[SL_CLIENT]) &&
	    has_closed(session->state[SL_SERVER]))
		verdict_withdraw(engine, session);
	if (session->link && session->link->verdict == SL_VERDICT_INSPECT) {
		follow_lane(engine, session, packet);
		return;
	}
	if (!is_settled(engine, session, packet) || !neighbours(session, peer_mac)) {
		/* Its end, or something odd between: the entry stays unless the decision was taken back. */
		if (session->link && session->action != SL_POLICY_ALLOW &&
		    session->action != SL_POLICY_VIOLATE)
			verdict_withdraw(engine, session);
		if (!session->link)
			give_lane(engine, session, packet, side);
		return;
	}
	if (session->link && !is_valid(engine, session, peer_mac))
		verdict_withdraw(engine, session);
	if (!session->link)
		put(engine, session, SL_VERDICT_ALLOW, SL_WAY_CORE, peer_mac);
	if (session->link)
		mark(engine, packet);
}

void verdict_deny(struct sl_engine *engine, struct sl_session *session, const struct sl_packet *packet)
{
	static const uint8_t none[2][SL_MAC_LEN];

	/* What is dropped needs no lane. */
	if (session->link && session->link->verdict == SL_VERDICT_INSPECT)
		verdict_withdraw(engine, session);
	if (!engine->flows.room || !engine->conf.verdicts)
		return;
	if (session->link &&
	    (session->link->verdict != SL_VERDICT_DENY || session->link->generation != engine->epoch))
		verdict_withdraw(engine, session);
	/* An ICMP error is wanted for each datagram. */
	if (session->link || session->refused < (packet->kind == SL_PACKET_TCP ? DENIED_TCP : DENIED_SEEN) ||
	    packet->vlans || packet->fragment ||
	    (packet->kind != SL_PACKET_TCP &&
	     (packet->kind != SL_PACKET_UDP || engine->conf.say_unreachable)))
		return;
	put(engine, session, SL_VERDICT_DENY, SL_WAY_CORE, none);
}
