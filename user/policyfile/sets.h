/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets of rules in the form of a compiled policy (dpi/policy/block.h), and the
 * two ways to get tables of them: by key, and by stretch of an ordered range.
 *
 * Invariant: equal sets are stored once; the first failure is kept and all
 * later calls do nothing, so that it need be looked for only at the end.
 */
#ifndef SLUICE_POLICYFILE_SETS_H
#define SLUICE_POLICYFILE_SETS_H

#include <stddef.h>
#include <stdint.h>

struct sl_sets {
	uint32_t n_rules, n_words, n_summary;
	uint64_t *words; /* what becomes the block's words */
	size_t n, room;
	uint32_t *table; /* hash to place + 1 */
	size_t table_size, table_used;
	int failed; /* -ENOMEM, -E2BIG or 0 */
};

int sl_sets_open(struct sl_sets *sets, uint32_t n_rules);
void sl_sets_close(struct sl_sets *sets);
/* The place of the set with these bits (n_words of them). */
uint32_t sl_sets_add(struct sl_sets *sets, const uint64_t *bits);

/* "This rule takes this key", collected in any order. */
struct sl_pair {
	uint32_t key, rule;
};
struct sl_pairs {
	struct sl_pair *pair;
	size_t n, room;
};
void sl_pairs_add(struct sl_sets *sets, struct sl_pairs *pairs, uint32_t key, uint32_t rule);
/* Sorts; one set a key: *ret_n keys ascending and their sets, malloc'ed. */
void sl_pairs_sets(struct sl_sets *sets, struct sl_pairs *pairs, uint32_t **ret_keys, uint32_t **ret_sets,
		   uint32_t *ret_n);

/* "This rule takes all from here to there"; a rule's own stretches do not overlap. */
typedef unsigned __int128 sl_point;
struct sl_edge {
	sl_point at;
	uint32_t rule, begins;
};
struct sl_edges {
	struct sl_edge *edge;
	size_t n, room;
};
/* max: the last point there is. */
void sl_edges_add(struct sl_sets *sets, struct sl_edges *edges, sl_point from, sl_point to, sl_point max,
		  uint32_t rule);
/* Sorts; stretches of equal sets: the first begins at 0. */
void sl_edges_sets(struct sl_sets *sets, struct sl_edges *edges, sl_point **ret_from, uint32_t **ret_sets,
		   uint32_t *ret_n);

#endif
