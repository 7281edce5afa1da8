/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many sessions at once: listed, counted, cleared, killed, by a filter.
 *
 * Invariant: a call looks at no more sessions than it is allowed to, so that a
 * worker can go through half a million of them between its frames. Sessions
 * that were there from the first call to the last are shown exactly once;
 * those that came or went in between may be or not.
 */
#ifndef SLUICE_DPI_LIST_H
#define SLUICE_DPI_LIST_H

#include "dpi/session/table.h"

/* All conditions that are set must hold; all zero: every session. */
struct sl_session_filter {
	uint64_t id;
	uint16_t workload;
	uint8_t family; /* 4 or 6 */
	uint8_t protocol;
	bool has_protocol; /* 0 is a protocol as well */
	bool has_address; /* one of the two ends … */
	struct sl_addr address; /* … is in this network … */
	uint8_t prefix; /* … of so many bits, 0 … 128 (IPv4: 96 more) */
	uint16_t client_port, server_port, port; /* port: either */
	uint16_t application;
	bool has_action;
	uint8_t action; /* enum sl_policy_action */
	bool has_direction, ingress;
	bool established; /* TCP on both sides, or a datagram session that was answered */
	uint32_t idle_s; /* silent for at least so long */
};

bool sl_session_matches(const struct sl_table *table, const struct sl_session *session,
			const struct sl_session_filter *filter);

/* Where a walk stands; all zero: at the beginning. */
struct sl_cursor {
	uint32_t next;
	bool done;
};

/*
 * The next session that matches, having looked at up to *budget more (which is
 * lowered by as many). NULL: cursor->done, or the budget is used up. The
 * session may be ended before the next call, any other as well.
 */
struct sl_session *sl_sessions_next(struct sl_table *table, struct sl_cursor *cursor,
				    const struct sl_session_filter *filter, uint32_t *budget);

/*
 * What a RST to one side must say to be taken: exactly the number that side
 * waits for. `seq[1]`, if n is 2, is the other number it may wait for, as it
 * is not known whether all that was sent has arrived.
 */
struct sl_reset_one {
	uint8_t n; /* 0: nothing can be sent there that would be taken */
	bool has_ack; /* RST and ACK */
	uint32_t seq[2], ack;
};

/* By the side that receives it. */
struct sl_reset {
	struct sl_reset_one to[2];
};

/*
 * For a TCP session at rest; the caller builds the frames (sl_session_mac()),
 * then calls sl_session_cut() or sl_session_end().
 */
void sl_session_reset_numbers(const struct sl_session *session, struct sl_reset *ret);

/* The same for a packet of `side` that is dropped instead of delivered. No session is needed. */
void sl_packet_reset_numbers(const struct sl_packet *packet, enum sl_side side, struct sl_reset *ret);

#endif
