/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A session: one conversation, both directions, as one worker knows it.
 *
 * Invariant: a session belongs to the worker whose table it is in; nobody else
 * reads or writes it. "Client" is who spoke first.
 */
#ifndef SLUICE_DPI_SESSION_H
#define SLUICE_DPI_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "dpi/decode/packet.h"

enum sl_side { SL_CLIENT, SL_SERVER };

/* How the policy has decided, so far. */
enum sl_policy_action {
	SL_POLICY_NONE, /* not asked yet */
	SL_POLICY_ALLOW,
	SL_POLICY_VIOLATE, /* monitor: reported, passes */
	SL_POLICY_DENY,
	SL_POLICY_PENDING, /* passes until the application is known */
};

/* Why a session has ended. */
enum sl_session_end {
	SL_END_FIN, /* both sides closed, and what may still come has had its time */
	SL_END_RST,
	SL_END_TIMEOUT,
	SL_END_EVICTED, /* to make room */
	SL_END_KILLED, /* by the user or the policy */
	SL_END_SHUTDOWN, /* its table was closed */
	SL_END_MAX,
};
/* "fin", "rst" …; "?" beyond the end. Static memory. */
const char *sl_session_end_name(unsigned int end);

/* One direction, counted. */
struct sl_session_flow {
	uint64_t packets, bytes; /* bytes of whole IP packets */
};

/* What an agent of the existing protocol is told of a session (decide/agent_report.c), in its own numbers. */
struct sl_agent_view {
	uint64_t told_bytes; /* frames' bytes told so far */
	uint32_t told_s, asked_s; /* when it was told, when the policy was asked; CLOCK_MONOTONIC, seconds */
	uint32_t threat; /* the last one seen; 0: none */
	uint8_t severity; /* of the threat */
	bool judged; /* by an agent's policy */
	bool silent; /* denied without a reset */
	bool told;
};

struct sl_inspect_state; /* inspect/inspect.h: made and freed there */
struct sl_flow_link; /* decide/verdict.h: made and freed there */

/*
 * What each of its packets looks at comes first and lies together: among half a million sessions a packet's own is in no
 * cache, and each line of it is a wait for memory.
 */
struct sl_session {
	struct sl_tuple tuple; /* source is the client */
	uint16_t workload; /* id */
	bool ingress : 1; /* the workload is the server */
	bool picked_up : 1; /* its beginning was not seen */
	bool passed_by : 1; /* it is left to the kernel: some of its packets are not seen here, or late */
	bool reported : 1; /* a violation has been told of */
	bool application_final : 1;
	uint8_t confidence; /* of the application, 0..100 */
	uint8_t state[2]; /* by enum sl_side: TCP state, numbers of the Linux kernel (1 established …) */
	uint8_t tcp_flags[2]; /* all flags seen, by side */
	uint8_t refused; /* packets since it was denied, up to 255 */
	uint64_t last_ns;
	struct sl_session_flow flow[2]; /* by enum sl_side */
	struct sl_inspect_state *inspect; /* NULL: done or never begun */
	struct sl_flow_link *link; /* the kernel has a verdict of it; NULL: it has not */
	uint16_t application; /* enum sl_application of inspect/application.h; 0 unknown */
	uint8_t full[2]; /* by side: packets in a row that were as large as bulk is; see decide/verdict.c */

	/* policy */
	uint32_t policy_generation; /* the policy that decided */
	uint16_t agent_flags; /* SL_LOOK_* of policy/agent.h */
	uint8_t agent_label; /* SL_LABEL_* */
	uint8_t action; /* enum sl_policy_action */

	/* From here on what only some packets need. */
	uint32_t rule; /* id of the rule that decided, 0: the default */
	uint64_t id; /* unique in this core's life */
	uint64_t started_ns;
	char *name; /* TLS SNI, HTTP host, DNS question; malloc'ed, NULL if none */
	struct sl_agent_view agent;

	/* The rest is the table's own: see session/table.h. */
};

#endif
