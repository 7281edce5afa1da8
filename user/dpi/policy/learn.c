// SPDX-License-Identifier: BSD-2-Clause
/* A set of kinds of sessions, by hash; see learn.h for the invariant. */
#include "dpi/policy/learn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

_Static_assert(sizeof(struct sl_seen) == 28, "no padding: compared as bytes");

struct sl_learn {
	size_t n, limit, size; /* size of the table: a power of two, at least twice the limit */
	uint64_t missed, key;
	struct sl_seen *table; /* workload 0: free */
};

int sl_learn_open(struct sl_learn **ret, size_t limit, struct sl_err *err)
{
	struct sl_learn *learn = calloc(1, sizeof(*learn));

	if (!learn)
		return sl_err(err, ENOMEM, "no memory for what is learned");
	learn->limit = limit;
	for (learn->size = 16; learn->size < 2 * limit; learn->size *= 2)
		;
	learn->table = calloc(learn->size, sizeof(*learn->table));
	if (!learn->table || getrandom(&learn->key, sizeof(learn->key), 0) != sizeof(learn->key)) {
		sl_learn_close(learn);
		return sl_err(err, ENOMEM, "no memory for %zu learned sessions", limit);
	}
	*ret = learn;
	return 0;
}

void sl_learn_close(struct sl_learn *learn)
{
	if (!learn)
		return;
	free(learn->table);
	free(learn);
}

void sl_learn_clear(struct sl_learn *learn)
{
	memset(learn->table, 0, learn->size * sizeof(*learn->table));
	learn->n = 0;
	learn->missed = 0;
}

static bool add(struct sl_learn *learn, const struct sl_seen *seen)
{
	const unsigned char *bytes = (const unsigned char *)seen;
	uint64_t h = learn->key;

	for (size_t i = 0; i < sizeof(*seen); i++)
		h = (h ^ bytes[i]) * 0x9e3779b97f4a7c15ULL ^ h >> 29;
	for (h >>= 20;; h++) {
		struct sl_seen *place = &learn->table[h & (learn->size - 1)];

		if (!memcmp(place, seen, sizeof(*seen)))
			return true;
		if (place->workload)
			continue;
		if (learn->n == learn->limit) {
			learn->missed++;
			return false;
		}
		*place = *seen;
		learn->n++;
		return true;
	}
}

bool sl_learn_add(struct sl_learn *learn, const struct sl_policy_query *query)
{
	struct sl_seen seen;
	bool ports = query->protocol == 6 || query->protocol == 17 || query->protocol == 132;

	memset(&seen, 0, sizeof(seen));
	if (!query->workload)
		return true;
	seen.workload = query->workload;
	seen.peer_workload = query->peer_workload;
	if (!query->peer_workload)
		seen.peer = query->peer;
	seen.port = ports ? query->port : 0;
	seen.application = query->application;
	seen.protocol = query->protocol;
	seen.ingress = query->ingress;
	return add(learn, &seen);
}

void sl_learn_merge(struct sl_learn *learn, const struct sl_learn *from)
{
	for (size_t i = 0; i < from->size; i++)
		if (from->table[i].workload)
			add(learn, &from->table[i]);
	learn->missed += from->missed;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct sl_seen));
}

struct sl_seen *sl_learn_list(const struct sl_learn *learn, size_t *ret_n)
{
	struct sl_seen *list = calloc(learn->n + 1, sizeof(*list));
	size_t n = 0;

	if (!list)
		return NULL;
	for (size_t i = 0; i < learn->size; i++)
		if (learn->table[i].workload)
			list[n++] = learn->table[i];
	qsort(list, n, sizeof(*list), compare);
	*ret_n = n;
	return list;
}

uint64_t sl_learn_missed(const struct sl_learn *learn)
{
	return learn->missed;
}
