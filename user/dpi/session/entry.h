/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A session as its table has it. For the files of this folder only.
 *
 * Invariant: small while idle: what only inspection needs hangs off `stream`.
 * What each packet looks at lies together (ENTRY_HOT bytes), the hash that is
 * compared first beside the tuple that is compared then.
 */
#ifndef SLUICE_DPI_ENTRY_H
#define SLUICE_DPI_ENTRY_H

#include <stddef.h>

#include "dpi/session/hash.h"
#include "dpi/session/table.h"

#define NO_ENTRY UINT32_MAX
#define TICK_NS 500000000ull
#define WHEEL_SLOTS 4096u /* half an hour and a bit: longer timers go round more than once */
#define NO_SLOT UINT16_MAX

/* What is known of one side of a TCP connection, from what it has sent. */
struct tcp_side {
	uint32_t isn; /* with TCP_SYN_SEEN */
	uint32_t end; /* behind the last byte it has sent */
	uint32_t max_end; /* behind the last byte it may send */
	uint32_t max_window; /* the largest it has offered, scaled; 0: nothing seen from it yet */
	uint32_t ack; /* the highest it has sent, with TCP_ACK_SEEN */
	union {
		uint32_t alternative; /* with TCP_ALTERNATIVE: ISN of a SYN that another has replaced */
		uint32_t fin; /* with TCP_FIN_SEEN: behind its FIN */
	};
	uint32_t ts_recent;
	uint8_t scale;
	uint8_t flags; /* TCP_* */
	uint16_t pad;
};

#define TCP_SYN_SEEN 0x01
#define TCP_ACK_SEEN 0x02
#define TCP_SCALES 0x04 /* its SYN had the option */
#define TCP_STAMPS 0x08 /* its SYN had the option */
#define TCP_FIN_SEEN 0x10
#define TCP_FIN_ACKED 0x20
#define TCP_PASSIVE 0x40 /* it had the other's FIN before it sent its own */
#define TCP_ALTERNATIVE 0x80

#define ENTRY_USED 0x01
#define ENTRY_TOUCHED 0x02 /* since it was put where it is in its class's list */
#define ENTRY_DATA 0x04 /* TCP: payload has been seen */
#define ENTRY_LOOSE 0x08 /* TCP: parts have been or will be missed, windows say little */
#define ENTRY_SIMULTANEOUS 0x10 /* TCP: both sent a SYN without ACK */
#define ENTRY_SYNACK 0x20 /* TCP: the server has sent a SYN with ACK */
#define ENTRY_ESTABLISHED 0x40 /* TCP: both sides were */
#define ENTRY_HINT 0x80 /* TCP: hint_* is set */

struct entry {
	uint32_t hash, hash_next;
	uint8_t flags; /* ENTRY_* */
	uint8_t kind; /* enum sl_session_kind */
	uint8_t class, timer; /* enum sl_session_class, enum sl_session_timer */
	uint16_t vlan[2];
	uint8_t mac[2][12]; /* by side: destination and source of its last packet */
	struct sl_session session;
	struct tcp_side tcp[2];
	uint32_t wheel_prev, wheel_next;
	uint32_t class_prev, class_next;
	uint16_t slot; /* of the wheel */
	uint8_t reason; /* enum sl_session_end once it is decided, else SL_END_TIMEOUT */
	uint8_t hint_side;
	uint32_t hint_seq, hint_end, hint_ack; /* of the last segment that did not fit, by hint_side */
	struct sl_stream *stream[2]; /* NULL unless inspected */
};
/* From the entry's beginning: what each packet of a session that is known and judged looks at. */
#define ENTRY_HOT (offsetof(struct entry, session) + offsetof(struct sl_session, rule))

struct list {
	uint32_t first, last;
};

struct sl_table {
	struct sl_table_config config;
	struct sl_hash_key key;
	struct sl_stream_pool pool;
	uint32_t *bucket;
	uint32_t bucket_mask;
	struct entry *arena; /* of max entries; memory only where it has been used */
	uint32_t fresh; /* entries never used: [fresh, max) */
	uint32_t free; /* a list by hash_next */
	uint32_t max, reserve, established_max;
	uint32_t wheel[WHEEL_SLOTS];
	uint64_t tick; /* the last one done */
	uint64_t now_ns;
	struct list class[SL_CLASS_MAX];
	uint64_t next_id;
	struct sl_table_stats stats;
};

static inline struct entry *entry_at(const struct sl_table *table, uint32_t i)
{
	return &table->arena[i];
}

static inline uint32_t entry_index(const struct sl_table *table, const struct entry *entry)
{
	return (uint32_t)(entry - table->arena);
}

static inline struct entry *entry_of(struct sl_session *session)
{
	return (struct entry *)((char *)session - offsetof(struct entry, session));
}

static inline const struct entry *entry_of_const(const struct sl_session *session)
{
	return (const struct entry *)((const char *)session - offsetof(struct entry, session));
}

/* table.c */
struct entry *entry_find(const struct sl_table *table, uint16_t workload, const struct sl_tuple *tuple,
			 enum sl_side *ret_side);
/* A new one with the tuple's source as the client; NULL without memory. */
struct entry *entry_make(struct sl_table *table, const struct sl_tuple *tuple, uint16_t workload,
			 enum sl_session_kind kind);
void entry_remove(struct sl_table *table, struct entry *entry, enum sl_session_end why);

/* class.c */
void class_enter(struct sl_table *table, struct entry *entry, enum sl_session_class class);
void class_leave(struct sl_table *table, struct entry *entry);
/* Ends one session to make room. False: there is none. */
bool class_evict(struct sl_table *table);

/* wheel.c */
void wheel_arm(struct sl_table *table, struct entry *entry, enum sl_session_timer timer);
void wheel_disarm(struct sl_table *table, struct entry *entry);
uint64_t wheel_deadline(const struct sl_table *table, const struct entry *entry);

/* Time never goes back for a table, whatever a capture says. */
static inline uint64_t table_now(struct sl_table *table, uint64_t now_ns)
{
	if (now_ns > table->now_ns)
		table->now_ns = now_ns;
	return table->now_ns;
}

#endif
