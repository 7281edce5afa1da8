/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sessions of one worker: found, made, timed out, evicted, listed.
 *
 * Invariants: one worker owns a table and nothing in it is locked; a session
 * is in the table once, whichever direction is asked for; the callback
 * `ended` is called exactly once for each that was made; the memory of all
 * tables' arenas, indexes and streams is bounded when the table is opened.
 *
 * Room is made in this order: closed sessions, TCP that is not established,
 * datagram sessions without an answer, other datagram sessions. Of each of the
 * middle three a share (1/32 of the table) stays, so that none is starved by a
 * flood of another; established TCP may have the rest, and only a session
 * that becomes established itself can push an older one out of it. So no flood
 * of half-open connections or datagrams ends an established connection. Within
 * a class the one that has been idle longest goes, as near as a clock
 * algorithm gets to that.
 */
#ifndef SLUICE_DPI_TABLE_H
#define SLUICE_DPI_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "dpi/session/reassembly.h"
#include "dpi/session/session.h"
#include "lib/err.h"

#define SL_TABLE_SESSIONS 600000u /* so that half a million can be established TCP */
#define SL_TABLE_BYTES (400u * 1000 * 1000)
#define SL_TABLE_NAME_BYTES 64 /* reckoned for a session's name and what the heap adds */
#define SL_STREAM_TOTAL_BYTES (64u << 20)
#define SL_STREAM_FLOW_BYTES (256u << 10)
#define SL_STREAM_HISTORY_BYTES (16u << 10)

/* How long a session may be silent, by what it is. */
enum sl_session_timer {
	SL_TIMER_OPENING, /* TCP, handshake not done */
	SL_TIMER_NO_DATA, /* TCP, established, nothing said yet */
	SL_TIMER_ACTIVE,
	SL_TIMER_HALF_CLOSED,
	SL_TIMER_CLOSING, /* both have closed */
	SL_TIMER_RESET,
	SL_TIMER_UDP,
	SL_TIMER_ICMP,
	SL_TIMER_SCTP, /* longer than its heartbeat */
	SL_TIMER_IP,
	SL_TIMER_MAX,
};

/* What a session is when room must be made; those first in the list go first. */
enum sl_session_class {
	SL_CLASS_CLOSED,
	SL_CLASS_OPENING,
	SL_CLASS_UNANSWERED,
	SL_CLASS_ANSWERED,
	SL_CLASS_ESTABLISHED,
	SL_CLASS_MAX,
};

enum sl_session_kind { SL_KIND_TCP, SL_KIND_UDP, SL_KIND_ICMP, SL_KIND_IP, SL_KIND_MAX };

struct sl_table_config {
	uint32_t sessions_max; /* as many as `bytes_max` has room for, if that is less */
	uint64_t bytes_max; /* arena, index, streams, names at SL_TABLE_NAME_BYTES each */
	uint64_t stream_total_bytes; /* part of bytes_max */
	uint32_t stream_flow_bytes, stream_history_bytes;
	uint32_t seconds[SL_TIMER_MAX];
	/* Ids are first_id, first_id + id_step …: workers that take turns have ids of their own. */
	uint64_t first_id, id_step;
	/*
	 * The session is still whole, and leaves the table when this returns;
	 * session->inspect and session->name are to be freed here.
	 */
	void (*ended)(void *context, struct sl_session *session, enum sl_session_end why);
	/*
	 * Nothing has been seen of it for its time: sl_session_add() what was seen elsewhere. It ends only if
	 * that is too long ago as well. NULL: there is no elsewhere.
	 */
	void (*silent)(void *context, struct sl_session *session);
	void *context;
};

/* The defaults, to be changed where need be. */
void sl_table_config_init(struct sl_table_config *config);

struct sl_table_stats {
	uint32_t sessions; /* now … */
	uint32_t by_class[SL_CLASS_MAX], by_kind[SL_KIND_MAX]; /* … of these */
	uint32_t sessions_max;
	uint64_t made;
	uint64_t ended[SL_END_MAX];
	uint64_t evicted[SL_CLASS_MAX];
	uint64_t no_memory; /* not made, the machine having none */
	uint64_t wrong_way; /* packets with the tuple of one direction, going the other */
	uint64_t bytes; /* arena, index and streams as they are now */
	uint64_t stream_bytes, streams;
};

struct sl_table;

/* 0 or -errno. */
int sl_table_open(struct sl_table **ret, const struct sl_table_config *config, struct sl_err *err);
void sl_table_close(struct sl_table *table); /* ends all sessions; NULL allowed */

/*
 * Ends what has timed out by now, looking at no more than `budget` sessions.
 * True: there is more to be done for this moment, call again soon.
 */
bool sl_sessions_tick(struct sl_table *table, uint64_t now_ns, unsigned int budget);

void sl_table_stats(const struct sl_table *table, struct sl_table_stats *ret);
struct sl_stream_pool *sl_table_pool(struct sl_table *table);

/* How long a TCP connection may be open without data; 0: as by default. What is open already ends no sooner than before. */
void sl_table_set_no_data(struct sl_table *table, uint32_t seconds);

/* Ends one. */
void sl_session_end(struct sl_table *table, struct sl_session *session, enum sl_session_end why);
/* Seconds until it times out if nothing more is heard, as the listing shows. */
uint32_t sl_session_life(const struct sl_table *table, const struct sl_session *session);
/* The Ethernet addresses of the last packet of a side, and its VLAN: for frames of our own. */
void sl_session_mac(const struct sl_session *session, enum sl_side side, uint8_t ret_destination[6],
		    uint8_t ret_source[6], uint16_t *ret_vlan);

#endif
