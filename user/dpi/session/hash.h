/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hash of a session's key: SipHash-1-3 under a random key.
 *
 * Invariant: both directions of a conversation have the same hash, and nobody
 * who does not know the key can choose packets that share one.
 */
#ifndef SLUICE_DPI_HASH_H
#define SLUICE_DPI_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "dpi/decode/packet.h"

struct sl_hash_key {
	uint64_t k[2];
};

/* SipHash-c-d over n words of 64 bits, which stand for 8 * n bytes in little-endian order. */
uint64_t sl_siphash(const struct sl_hash_key *key, const uint64_t *word, size_t n, unsigned int c,
		    unsigned int d);

uint32_t sl_session_hash(const struct sl_hash_key *key, uint16_t workload, const struct sl_tuple *tuple);

#endif
