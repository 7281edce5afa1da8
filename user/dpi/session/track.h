/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a packet to its session, and what the packet means for it.
 *
 * For each packet: sl_session_of(), then sl_session_track(), then, while the
 * session is inspected, sl_session_deliver() (deliver.h).
 *
 * Invariant: a segment that the receiver's TCP would throw away (outside its
 * windows, older than its timestamps, without ACK, a bad checksum) changes
 * nothing but counters, and is reported as such.
 *
 * Who is the client: who sent the SYN; for all that is not TCP, who spoke
 * first, whatever the ports say, or else "from port 53" would open any door.
 * TCP picked up in the middle goes by its ports (a receiver without that
 * connection would not take the segment anyway): a SYN with ACK comes from the
 * server; else the one port below 1024 is the server's; else the one outside
 * 32768 … 60999, where Linux takes clients' ports from; else the lower one.
 */
#ifndef SLUICE_DPI_TRACK_H
#define SLUICE_DPI_TRACK_H

#include "dpi/session/table.h"

enum sl_session_event {
	SL_SESSION_NONE, /* NULL: none, and none to be made: fragments, what no session begins with */
	SL_SESSION_NEW,
	SL_SESSION_KNOWN,
	SL_SESSION_RELATED, /* an ICMP error that speaks of this session, not one of its packets */
	SL_SESSION_UNRELATED, /* NULL: an ICMP error that speaks of none */
	SL_SESSION_WRONG_WAY, /* NULL: the addresses say one direction, the wire the other: forged */
	SL_SESSION_FULL, /* NULL: no memory */
};

struct sl_found {
	enum sl_session_event event;
	enum sl_side side; /* who sent the packet; of an ICMP error: who sent the packet it speaks of */
};

/*
 * create: a session is made if there is none and the packet may begin one.
 * What a SYN replaces, and a datagram session whose client was denied when the
 * other side now speaks by itself, is ended first. The session, or NULL.
 */
struct sl_session *sl_session_of(struct sl_table *table, const struct sl_packet *packet, bool create,
				 struct sl_found *ret);

/* Not to be taken in; a receiver does not either. To be dropped in protect. */
#define SL_FACT_INVALID 0x0001 /* bad checksum, no ACK, impossible flags */
#define SL_FACT_OUT_OF_WINDOW 0x0002 /* sequence or acknowledgement outside the window */
#define SL_FACT_OLD_STAMP 0x0004 /* older than the timestamps the receiver has seen */
#define SL_FACT_CLOSED 0x0008 /* the session has been reset */
#define SL_FACT_UNFIT (SL_FACT_INVALID | SL_FACT_OUT_OF_WINDOW | SL_FACT_OLD_STAMP | SL_FACT_CLOSED)
/* Changes nothing, but real stacks answer it: to be let pass. */
#define SL_FACT_CHALLENGED 0x0010 /* a RST or SYN that a receiver answers by an ACK only; and that ACK */
/* What happened. */
#define SL_FACT_ESTABLISHED 0x0020 /* now, on both sides */
#define SL_FACT_RESET 0x0040 /* now */
#define SL_FACT_FINISHED 0x0080 /* now: both sides have closed */
#define SL_FACT_NEW_DATA 0x0100
#define SL_FACT_RETRANSMISSION 0x0200
#define SL_FACT_ANSWERED 0x0400 /* datagrams: now, the first time */
/* What is odd about it. */
#define SL_FACT_PICKED_UP 0x0800 /* now: the beginning was missed */
#define SL_FACT_DATA_ON_SYN 0x1000
#define SL_FACT_SYN_CHANGED 0x2000 /* the SYN came again with another number */
#define SL_FACT_SIMULTANEOUS 0x4000 /* now: both sent a SYN without ACK */
#define SL_FACT_SPLIT_HANDSHAKE                                                                              \
	0x8000 /* now: the server answered by a SYN of its own and made the client its server */
#define SL_FACT_RESYNCED 0x10000 /* now: both sides agree on numbers that had not been seen */

struct sl_facts {
	uint32_t facts; /* SL_FACT_* */
	uint32_t window; /* of TCP: what the sender offers, in bytes */
	bool handshake; /* a SYN, or the segment that establishes the connection */
};

/* Counts the packet and moves the session's state. side: from sl_session_of(). Not for SL_SESSION_RELATED. */
void sl_session_track(struct sl_table *table, struct sl_session *session, const struct sl_packet *packet,
		      enum sl_side side, struct sl_facts *ret);

/*
 * Packets of this TCP session have passed unseen, or will (a verdict in the
 * kernel's flow map, a mode without inspection): the next of each side is taken as it comes.
 */
void sl_session_unwatched(struct sl_table *table, struct sl_session *session);
/* Adds what was counted elsewhere, and the time of the last of these packets. */
void sl_session_add(struct sl_table *table, struct sl_session *session, enum sl_side side, uint64_t packets,
		    uint64_t bytes, uint64_t last_ns);
/* TCP: open on both sides, all of it seen, and nothing was ever said. */
bool sl_session_silent(const struct sl_session *session);
/* How far a side of a TCP connection has come where it was not seen here. */
struct sl_elsewhere {
	uint32_t end; /* behind the last byte it has sent */
	uint32_t ack; /* that it has sent last */
	uint16_t window_max; /* the largest it has offered, not scaled */
};
/* Both sides of which something is known, then sl_session_caught_up(). What is known already is kept. */
void sl_session_catch_up(struct sl_table *table, struct sl_session *session, enum sl_side side,
			 const struct sl_elsewhere *where);
void sl_session_caught_up(struct sl_table *table, struct sl_session *session);
/* Does the segment speak of bytes that have not been seen here? */
bool sl_session_is_ahead(const struct sl_session *session, const struct sl_packet *packet, enum sl_side side);

/*
 * A session that an earlier core had left to the kernel: established, its beginning not seen. NULL: there is one
 * already, or no room.
 */
struct sl_session *sl_session_resume(struct sl_table *table, const struct sl_tuple *tuple, uint16_t workload,
				     bool ingress, uint64_t now_ns);

/*
 * It has been cut (RSTs sent, or its packets are dropped from now on): the
 * entry stays for the reset timer, so that what still comes is not taken for
 * a new session, and a new SYN begins a new one. It will end as `why`.
 */
void sl_session_cut(struct sl_table *table, struct sl_session *session, enum sl_session_end why);

#endif
