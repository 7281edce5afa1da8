// SPDX-License-Identifier: BSD-2-Clause
/*
 * SipHash (Aumasson and Bernstein, 2012), for whole words only, and the form
 * in which a tuple is given to it.
 *
 * Invariant: the words do not depend on which end is called source.
 */
#include "dpi/session/hash.h"

#include <string.h>

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t x, unsigned int by)
{
	return x << by | x >> (64 - by);
}

static inline __attribute__((always_inline)) void rounds(struct sip *s, unsigned int n)
{
	while (n--) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = rotate(s->v1, 13) ^ s->v0;
		s->v3 = rotate(s->v3, 16) ^ s->v2;
		s->v0 = rotate(s->v0, 32) + s->v3;
		s->v2 += s->v1;
		s->v3 = rotate(s->v3, 21) ^ s->v0;
		s->v1 = rotate(s->v1, 17) ^ s->v2;
		s->v2 = rotate(s->v2, 32);
	}
}

static inline __attribute__((always_inline)) uint64_t
siphash(const struct sl_hash_key *key, const uint64_t *word, size_t n, unsigned int c, unsigned int d)
{
	/* The constants spell "somepseudorandomlygeneratedbytes". */
	struct sip s = { key->k[0] ^ 0x736f6d6570736575, key->k[1] ^ 0x646f72616e646f6d,
			 key->k[0] ^ 0x6c7967656e657261, key->k[1] ^ 0x7465646279746573 };
	uint64_t last = (uint64_t)n << 59; /* the number of bytes, modulo 256, in the top byte */

	for (size_t i = 0; i < n; i++) {
		s.v3 ^= word[i];
		rounds(&s, c);
		s.v0 ^= word[i];
	}
	s.v3 ^= last;
	rounds(&s, c);
	s.v0 ^= last;
	s.v2 ^= 0xff;
	rounds(&s, d);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t sl_siphash(const struct sl_hash_key *key, const uint64_t *word, size_t n, unsigned int c,
		    unsigned int d)
{
	return siphash(key, word, n, c, d);
}

/* Without the constant part of an IPv4-mapped address: two words fewer to hash. */
static size_t put_address(uint64_t *word, const struct sl_addr *addr, uint8_t family)
{
	uint32_t v4;

	if (family == 4) {
		memcpy(&v4, addr->byte + 12, sizeof(v4));
		*word = v4;
		return 1;
	}
	memcpy(word, addr->byte, sizeof(addr->byte));
	return 2;
}

uint32_t sl_session_hash(const struct sl_hash_key *key, uint16_t workload, const struct sl_tuple *t)
{
	const struct sl_addr *low = &t->source, *high = &t->destination;
	uint16_t low_port = t->source_port, high_port = t->destination_port;
	int order = memcmp(low, high, sizeof(*low));
	uint64_t word[5];
	size_t n;

	if (order > 0 || (!order && low_port > high_port)) {
		low = &t->destination;
		high = &t->source;
		low_port = t->destination_port;
		high_port = t->source_port;
	}
	word[0] = (uint64_t)workload << 48 | (uint64_t)t->protocol << 40 | (uint64_t)t->family << 32 |
		  (uint32_t)low_port << 16 | high_port;
	n = 1 + put_address(word + 1, low, t->family);
	n += put_address(word + n, high, t->family);
	return (uint32_t)siphash(key, word, n, 1, 3);
}
