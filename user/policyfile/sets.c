// SPDX-License-Identifier: BSD-2-Clause
/* Sets of rules, each kept once; see sets.h for the invariant. */
#include "policyfile/sets.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dpi/policy/block.h"

#define TABLE_FIRST 1024

int sl_sets_open(struct sl_sets *sets, uint32_t n_rules)
{
	memset(sets, 0, sizeof(*sets));
	sets->n_rules = n_rules;
	sets->n_words = (n_rules + 63) / 64;
	sets->n_summary = (sets->n_words + 63) / 64;
	sets->table_size = TABLE_FIRST;
	sets->table = calloc(sets->table_size, sizeof(*sets->table));
	return sets->table ? 0 : -ENOMEM;
}

void sl_sets_close(struct sl_sets *sets)
{
	free(sets->words);
	free(sets->table);
	sets->words = NULL;
	sets->table = NULL;
}

/* Room for one more of `size` bytes; *items may move. */
static bool grow(struct sl_sets *sets, void *items, size_t n, size_t *room, size_t size)
{
	size_t wanted = *room ? *room * 2 : 64;
	void *more;

	if (sets->failed)
		return false;
	if (n < *room)
		return true;
	more = wanted > SL_BLOCK_SIZE_MAX ? NULL : realloc(*(void **)items, wanted * size);
	if (!more) {
		sets->failed = wanted > SL_BLOCK_SIZE_MAX ? -E2BIG : -ENOMEM;
		return false;
	}
	*(void **)items = more;
	*room = wanted;
	return true;
}

static size_t stored_length(const struct sl_sets *sets, uint32_t place)
{
	size_t n = sets->n_summary;

	for (uint32_t i = 0; i < sets->n_summary; i++)
		n += (size_t)__builtin_popcountll(sets->words[place + i]);
	return n;
}

static uint64_t hash(const uint64_t *words, size_t n)
{
	uint64_t h = n;

	for (size_t i = 0; i < n; i++) {
		h = (h ^ words[i]) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 32;
	}
	return h;
}

static void put(uint32_t *table, size_t size, uint64_t h, uint32_t place)
{
	while (table[h & (size - 1)])
		h++;
	table[h & (size - 1)] = place + 1;
}

static bool grow_table(struct sl_sets *sets)
{
	size_t size = sets->table_size * 2;
	uint32_t *table;

	if (sets->table_used * 2 < sets->table_size)
		return true;
	table = calloc(size, sizeof(*table));
	if (!table) {
		sets->failed = -ENOMEM;
		return false;
	}
	for (size_t i = 0; i < sets->table_size; i++) {
		uint32_t place = sets->table[i] - 1;

		if (sets->table[i])
			put(table, size, hash(sets->words + place, stored_length(sets, place)), place);
	}
	free(sets->table);
	sets->table = table;
	sets->table_size = size;
	return true;
}

uint32_t sl_sets_add(struct sl_sets *sets, const uint64_t *bits)
{
	uint64_t stored[SL_BLOCK_SUMMARY_MAX + SL_BLOCK_WORDS_MAX] = { 0 }, h;
	size_t n = sets->n_summary;

	/* Without rules there is one set, of no words. */
	if (sets->failed || !sets->n_rules)
		return 0;
	for (uint32_t w = 0; w < sets->n_words; w++) {
		if (!bits[w])
			continue;
		stored[w / 64] |= 1ULL << w % 64;
		stored[n++] = bits[w];
	}
	h = hash(stored, n);
	for (uint64_t i = h; sets->table[i & (sets->table_size - 1)]; i++) {
		uint32_t place = sets->table[i & (sets->table_size - 1)] - 1;

		if (sets->n - place >= n && !memcmp(sets->words + place, stored, n * sizeof(*stored)))
			return place;
	}
	while (sets->n + n > sets->room)
		if (!grow(sets, &sets->words, sets->room, &sets->room, sizeof(*sets->words)))
			return 0;
	if (!grow_table(sets))
		return 0;
	if (n)
		memcpy(sets->words + sets->n, stored, n * sizeof(*stored));
	put(sets->table, sets->table_size, h, (uint32_t)sets->n);
	sets->table_used++;
	sets->n += n;
	return (uint32_t)(sets->n - n);
}

void sl_pairs_add(struct sl_sets *sets, struct sl_pairs *pairs, uint32_t key, uint32_t rule)
{
	if (grow(sets, &pairs->pair, pairs->n, &pairs->room, sizeof(*pairs->pair)))
		pairs->pair[pairs->n++] = (struct sl_pair){ key, rule };
}

static int compare_pairs(const void *a, const void *b)
{
	const struct sl_pair *x = a, *y = b;

	return x->key != y->key ? (x->key > y->key) - (x->key < y->key)
				: (x->rule > y->rule) - (x->rule < y->rule);
}

static void *array(struct sl_sets *sets, size_t n, size_t size)
{
	void *items = calloc(n ? n : 1, size);

	if (!items && !sets->failed)
		sets->failed = -ENOMEM;
	return items;
}

void sl_pairs_sets(struct sl_sets *sets, struct sl_pairs *pairs, uint32_t **ret_keys, uint32_t **ret_sets,
		   uint32_t *ret_n)
{
	uint32_t *keys = array(sets, pairs->n, sizeof(*keys)),
		 *places = array(sets, pairs->n, sizeof(*places));
	uint64_t bits[SL_BLOCK_WORDS_MAX];
	uint32_t n = 0;

	if (pairs->n)
		qsort(pairs->pair, pairs->n, sizeof(*pairs->pair), compare_pairs);
	for (size_t i = 0; keys && places && i < pairs->n;) {
		keys[n] = pairs->pair[i].key;
		memset(bits, 0, sizeof(bits));
		for (; i < pairs->n && pairs->pair[i].key == keys[n]; i++)
			bits[pairs->pair[i].rule / 64] |= 1ULL << pairs->pair[i].rule % 64;
		places[n++] = sl_sets_add(sets, bits);
	}
	*ret_keys = keys;
	*ret_sets = places;
	*ret_n = n;
}

void sl_edges_add(struct sl_sets *sets, struct sl_edges *edges, sl_point from, sl_point to, sl_point max,
		  uint32_t rule)
{
	if (grow(sets, &edges->edge, edges->n, &edges->room, sizeof(*edges->edge)))
		edges->edge[edges->n++] = (struct sl_edge){ from, rule, 1 };
	if (to < max && grow(sets, &edges->edge, edges->n, &edges->room, sizeof(*edges->edge)))
		edges->edge[edges->n++] = (struct sl_edge){ to + 1, rule, 0 };
}

/* Ends before beginnings, as a rule may go on where it ends. */
static int compare_edges(const void *a, const void *b)
{
	const struct sl_edge *x = a, *y = b;

	if (x->at != y->at)
		return x->at > y->at ? 1 : -1;
	return (int)x->begins - (int)y->begins;
}

void sl_edges_sets(struct sl_sets *sets, struct sl_edges *edges, sl_point **ret_from, uint32_t **ret_sets,
		   uint32_t *ret_n)
{
	sl_point *from = array(sets, edges->n + 1, sizeof(*from));
	uint32_t *places = array(sets, edges->n + 1, sizeof(*places)), n = 0;
	uint64_t bits[SL_BLOCK_WORDS_MAX] = { 0 };
	size_t i = 0;

	if (edges->n)
		qsort(edges->edge, edges->n, sizeof(*edges->edge), compare_edges);
	for (sl_point at = 0; from && places; at = edges->edge[i].at) {
		uint32_t place;

		for (; i < edges->n && edges->edge[i].at == at; i++) {
			uint64_t bit = 1ULL << edges->edge[i].rule % 64;

			if (edges->edge[i].begins)
				bits[edges->edge[i].rule / 64] |= bit;
			else
				bits[edges->edge[i].rule / 64] &= ~bit;
		}
		place = sl_sets_add(sets, bits);
		if (!n || places[n - 1] != place) {
			from[n] = at;
			places[n++] = place;
		}
		if (i == edges->n)
			break;
	}
	*ret_from = from;
	*ret_sets = places;
	*ret_n = n;
}
