/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sessions that the kernel carries on: when one is left to it, how it comes
 * back, and how its figures do.
 *
 * A session is left to the kernel as soon as the policy has decided and nobody
 * wants to see more of it. The programs then pass (or drop) its frames; SYN,
 * FIN, RST and whatever is not plain still come here, and so does everything
 * when the workload's policy has changed or the entry is gone.
 *
 * Invariants: an entry says what the session's action is, or it is not there;
 * a session's end is its entry's end; before a packet of such a session is
 * followed, the session knows what has passed without it.
 */
#ifndef SLUICE_DPI_VERDICT_H
#define SLUICE_DPI_VERDICT_H

#include "dpi/decide/engine_own.h"
#include "sluice/abi.h"

/* What is remembered of a session's entry. */
struct sl_flow_link {
	struct sl_flow_key key;
	enum sl_verdict verdict;
	uint32_t generation;
	uint32_t seen; /* packets that came here all the same */
	uint8_t peer_mac[2][SL_MAC_LEN]; /* [0] toward the workload, as in struct sl_flow */
	uint64_t packets[2], bytes[2]; /* of the entry's, those the session has */
};

/* Before the packet is tracked. */
void verdict_meet(struct sl_engine *engine, struct sl_session *session, const struct sl_packet *packet,
		  enum sl_side side);
/* When it has been decided, and passes. */
void verdict_give(struct sl_engine *engine, struct sl_session *session, const struct sl_packet *packet,
		  enum sl_side side);
/* When it has been decided, and is dropped. */
void verdict_deny(struct sl_engine *engine, struct sl_session *session, const struct sl_packet *packet);
/* The session is to have no entry. */
void verdict_withdraw(struct sl_engine *engine, struct sl_session *session);
/* The core ends, the entry stays: the figures so far are taken, and it is forgotten here. */
void verdict_leave(struct sl_engine *engine, struct sl_session *session);
/* An entry that an earlier core has made becomes a session. False: it does not. */
bool verdict_adopt(struct sl_engine *engine, const struct sl_flow_key *key, const struct sl_flow *flow);
/* The kernel's figures and clock into the session. */
void verdict_fold(struct sl_engine *engine, struct sl_session *session);

#endif
