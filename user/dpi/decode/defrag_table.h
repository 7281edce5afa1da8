/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Incomplete datagrams: finding them, and who pays for them; for defrag.c
 * alone.
 *
 * Invariant: each datagram in the table is in three lists, oldest first: that
 * of its source, that of its workload's direction, that of all; the counts and
 * bytes of a list are the sums of its members, and never above its limit.
 */
#ifndef SLUICE_DPI_DEFRAG_TABLE_H
#define SLUICE_DPI_DEFRAG_TABLE_H

#include "dpi/decode/defrag.h"

#define SL_DEFRAG_BLOCKS 8192 /* of 8 bytes, the unit of a fragment's offset */

/* A frame that is held. */
struct sl_held {
	struct sl_held *next; /* in order of arrival */
	uint32_t len, l3, payload, payload_len; /* as in struct sl_packet */
	uint16_t offset; /* of the payload in the datagram */
	uint16_t queue, gso_size, csum_start, csum_offset; /* as in struct sl_frame */
	uint8_t csum, gso;
	uint8_t data[];
};

struct sl_link {
	struct sl_link *previous, *next;
};

enum sl_payer { SL_PAYER_SOURCE, SL_PAYER_WORKLOAD, SL_PAYER_ALL, SL_PAYERS };

/* A source, or a workload's direction, or all. */
struct sl_account {
	struct sl_account *chain; /* same hash, or free */
	struct sl_link datagrams; /* oldest first */
	struct sl_addr source; /* zero for a workload's direction */
	uint16_t workload;
	uint8_t payer; /* enum sl_payer */
	uint8_t to_workload, family;
	uint32_t count, bytes;
};

struct sl_datagram_key {
	struct sl_addr source, destination;
	uint32_t id;
	uint16_t workload;
	uint8_t to_workload, family;
	uint8_t protocol; /* IPv4 only: an IPv6 receiver does not look at it */
	uint8_t pad[7];
};
_Static_assert(sizeof(struct sl_datagram_key) == 48, "hashed and compared as six words");

struct sl_datagram {
	struct sl_datagram *chain; /* same hash, or free */
	struct sl_link link[SL_PAYERS];
	struct sl_account *account[SL_PAYERS];
	struct sl_datagram_key key;
	uint64_t started_ns;
	struct sl_held *oldest, *newest;
	struct sl_held *head; /* the one at offset 0 */
	uint32_t frames, bytes;
	uint32_t len; /* of the datagram's body, as far as known */
	uint32_t top; /* where the last fragment held ends */
	uint32_t held; /* bytes of the body that are there */
	uint8_t ecn; /* bits 1 << ECN field */
	uint8_t compared; /* duplicates whose content has been looked at */
	bool last_in;
	uint64_t have[SL_DEFRAG_BLOCKS / 64]; /* blocks that are there */
	uint64_t
		begins[SL_DEFRAG_BLOCKS / 64]; /* blocks where a run of fragments that came in order begins */
};

struct sl_defrag_table {
	struct sl_datagram *datagrams, *free_datagrams;
	struct sl_account *accounts, *free_accounts;
	struct sl_datagram **by_key;
	struct sl_account **by_payer;
	uint64_t mask;
	uint64_t secret[4]; /* so that nobody outside can aim at one chain */
	struct sl_account all;
	uint32_t max_count[SL_PAYERS], max_bytes[SL_PAYERS];
};

/* 0 or -errno. */
int sl_defrag_table_init(struct sl_defrag_table *table, const struct sl_defrag_limits *limits);
/* All datagrams have been removed, or their frames are lost. */
void sl_defrag_table_fini(struct sl_defrag_table *table);

struct sl_datagram *sl_defrag_table_find(const struct sl_defrag_table *table,
					 const struct sl_datagram_key *key);
/* There is none of that key, and sl_defrag_table_crowded() has said NULL for it. */
struct sl_datagram *sl_defrag_table_add(struct sl_defrag_table *table, const struct sl_datagram_key *key,
					uint64_t now_ns);
/* Out of everything but its own frames; it stays readable until the next sl_defrag_table_add(). */
void sl_defrag_table_remove(struct sl_defrag_table *table, struct sl_datagram *datagram);
void sl_defrag_table_charge(struct sl_datagram *datagram, uint32_t bytes);

/* Who must go before a datagram of that key can be added; NULL: nobody. */
struct sl_datagram *sl_defrag_table_crowded(const struct sl_defrag_table *table,
					    const struct sl_datagram_key *key, enum sl_payer *ret_payer);
/* Who must go before the datagram can have so many bytes more, possibly itself; NULL: nobody. */
struct sl_datagram *sl_defrag_table_full(const struct sl_defrag_table *table,
					 const struct sl_datagram *datagram, uint32_t bytes,
					 enum sl_payer *ret_payer);
/* NULL if there is none. */
struct sl_datagram *sl_defrag_table_oldest(const struct sl_defrag_table *table);

#endif
