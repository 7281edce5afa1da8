// SPDX-License-Identifier: BSD-2-Clause
/* Pairs of addresses and their windows; see agent.h. A table in neighbourhoods of a few places by a keyed hash. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dpi/policy/agent.h"

#define NEIGHBOURS 8

struct pair {
	struct sl_addr own, peer;
	uint64_t began_ns, last_ns; /* last_ns 0: the place is free */
	uint32_t renewed;
};

struct sl_grace {
	uint64_t key;
	struct pair pair[SL_GRACE_PAIRS + NEIGHBOURS];
};

struct sl_grace *sl_grace_new(void)
{
	struct sl_grace *grace = calloc(1, sizeof(*grace));

	if (grace && getrandom(&grace->key, sizeof(grace->key), 0) != sizeof(grace->key)) {
		free(grace);
		return NULL;
	}
	return grace;
}

void sl_grace_free(struct sl_grace *grace)
{
	free(grace);
}

void sl_grace_renew(struct sl_grace *grace)
{
	memset(grace->pair, 0, sizeof(grace->pair));
}

static struct pair *find(struct sl_grace *grace, const struct sl_addr *own, const struct sl_addr *peer)
{
	struct pair *place, *oldest;
	uint64_t words[4], h = grace->key;

	memcpy(words, own, sizeof(*own));
	memcpy(words + 2, peer, sizeof(*peer));
	for (unsigned int i = 0; i < 4; i++) {
		h = (h ^ words[i]) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 29;
	}
	place = oldest = &grace->pair[h % SL_GRACE_PAIRS];
	for (unsigned int i = 0; i < NEIGHBOURS; i++, place++) {
		if (place->last_ns && !memcmp(&place->own, own, sizeof(*own)) &&
		    !memcmp(&place->peer, peer, sizeof(*peer)))
			return place;
		if (place->last_ns < oldest->last_ns)
			oldest = place;
	}
	*oldest = (struct pair){ .own = *own, .peer = *peer };
	return oldest;
}

bool sl_grace_ask(struct sl_grace *grace, const struct sl_addr *own, const struct sl_addr *peer,
		  unsigned int renewals, uint64_t now_ns)
{
	struct pair *pair = find(grace, own, peer);

	if (!now_ns)
		now_ns = 1;
	if (!pair->last_ns || now_ns - pair->last_ns > SL_GRACE_FORGOTTEN_NS) {
		pair->began_ns = now_ns;
		pair->renewed = 0;
	}
	pair->last_ns = now_ns;
	if (now_ns - pair->began_ns < SL_GRACE_NS)
		return true;
	if (pair->renewed >= renewals)
		return false;
	pair->renewed++;
	pair->began_ns = now_ns;
	return true;
}
