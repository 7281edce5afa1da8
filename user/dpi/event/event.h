/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the core has to tell: a record of fixed size that a worker puts into
 * its ring, and the lines of text that become of it.
 *
 * Invariant: telling never blocks a worker and never allocates: a full ring
 * loses the event and counts it by kind, and the number lost is told too.
 */
#ifndef SLUICE_DPI_EVENT_H
#define SLUICE_DPI_EVENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dpi/decode/packet.h"
#include "dpi/session/session.h"

/* The event_type of the line. */
enum sl_event_kind {
	SL_EVENT_FLOW, /* a session's end, or a long one's present state */
	SL_EVENT_NETFLOW, /* one direction of it */
	SL_EVENT_ALERT, /* a violation of the policy, a threat */
	SL_EVENT_DROP, /* a packet that was kept back */
	SL_EVENT_STATS, /* figures of the core, from time to time */
	SL_EVENT_KINDS,
};
const char *sl_event_name(enum sl_event_kind kind);

enum sl_flow_reason {
	SL_FLOW_OPEN, /* it goes on */
	SL_FLOW_CLOSED, /* FIN or RST */
	SL_FLOW_TIMEOUT,
	SL_FLOW_FORCED, /* cleared, or the core ends */
	SL_FLOW_EVICTED, /* to make room for another */
};

#define SL_EVENT_NAME 128 /* bytes kept of a server name, NUL included; longer ones are cut */

struct sl_event_flow {
	struct sl_session_flow flow[2]; /* by enum sl_side */
	uint8_t tcp_flags[2];
	uint8_t tcp_state[2]; /* Linux numbers */
	uint8_t reason; /* enum sl_flow_reason */
	bool reported; /* there was an alert */
};

struct sl_event_alert {
	uint32_t id; /* policy: SL_ALERT_POLICY; threats: their numbers (1001 …) */
	uint8_t severity; /* 1 high … 3 low, as EVE has it */
	bool blocked;
	char text[80];
	char category[32];
};

struct sl_event_drop {
	char reason[32];
	uint32_t len; /* of the IP packet */
	uint32_t seq, ack;
	uint16_t window;
	uint8_t ttl, tcp_flags;
};

#define SL_ALERT_POLICY 1

struct sl_event {
	uint8_t kind; /* enum sl_event_kind; FLOW also makes the two NETFLOW lines */
	uint64_t time_ns; /* CLOCK_MONOTONIC, or the capture's time */

	/* The session, or the packet if there is none (then source is the sender). */
	uint64_t flow_id; /* 0: none */
	struct sl_tuple tuple; /* source is the client */
	uint64_t start_ns, last_ns;
	uint16_t workload; /* id */
	bool ingress;
	uint16_t vlan;
	uint8_t icmp_type, icmp_code;
	uint16_t application;
	uint8_t confidence;
	uint8_t action; /* enum sl_policy_action */
	uint32_t rule;
	char name[SL_EVENT_NAME]; /* server name; "" if none */

	union {
		struct sl_event_flow flow;
		struct sl_event_alert alert;
		struct sl_event_drop drop;
	};
};

/* From a session: everything but kind, time_ns and the union. */
void sl_event_of_session(struct sl_event *ret, const struct sl_session *session);
/* From a packet that has no session. */
void sl_event_of_packet(struct sl_event *ret, const struct sl_packet *packet);

/* One writer (a worker), one reader (the main thread). */
struct sl_event_ring;
/* size: how many events it holds, a power of two. NULL without memory. */
struct sl_event_ring *sl_event_ring_new(uint32_t size);
void sl_event_ring_free(struct sl_event_ring *ring); /* NULL allowed */
/* False: the ring was full, the event is lost and counted. */
bool sl_event_put(struct sl_event_ring *ring, const struct sl_event *event);
/* False: there is none. */
bool sl_event_take(struct sl_event_ring *ring, struct sl_event *ret);
/* Lost so far, for want of room. Any thread. */
uint64_t sl_event_lost(const struct sl_event_ring *ring, enum sl_event_kind kind);

#endif
