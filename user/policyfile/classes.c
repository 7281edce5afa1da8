// SPDX-License-Identifier: BSD-2-Clause
/*
 * What an agent says of addresses, network by network, as stretches of
 * addresses that are all alike.
 *
 * Invariant: an address has the bits of every network it lies in.
 */
#include <errno.h>
#include <stdlib.h>

#include "policyfile/layout.h"
#include "policyfile/rules.h"

#define BITS 32

/* Where a network begins, or behind its end. */
struct edge {
	uint64_t at;
	uint32_t bits;
	int step;
};

static int compare(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static struct edge *edges_of(const struct sl_rules *rules)
{
	struct edge *edges = calloc(2 * rules->n_classes, sizeof(*edges));

	for (size_t i = 0; edges && i < rules->n_classes; i++) {
		const struct sl_address_class *class = &rules->classes[i];

		edges[2 * i] = (struct edge){ class->from, class->bits, 1 };
		edges[2 * i + 1] = (struct edge){ (uint64_t) class->to + 1, class->bits, -1 };
	}
	if (edges)
		qsort(edges, 2 * rules->n_classes, sizeof(*edges), compare);
	return edges;
}

static uint32_t step(uint32_t counts[BITS], const struct edge *edge)
{
	uint32_t bits = 0;

	for (unsigned int i = 0; i < BITS; i++) {
		if (edge->bits >> i & 1)
			counts[i] += (uint32_t)edge->step;
		bits |= counts[i] ? 1U << i : 0;
	}
	return bits;
}

int sl_classes_stretches(const struct sl_rules *rules, uint32_t **ret_from, uint32_t **ret_bits,
			 uint32_t *ret_n)
{
	size_t n_edges = 2 * rules->n_classes;
	uint32_t counts[BITS] = { 0 }, *from, *bits, n = 1;
	struct edge *edges;

	if (!rules->n_classes)
		return 0;
	edges = edges_of(rules);
	from = calloc(n_edges + 1, sizeof(*from));
	bits = calloc(n_edges + 1, sizeof(*bits));
	if (!edges || !from || !bits) {
		free(edges);
		free(from);
		free(bits);
		return -ENOMEM;
	}
	/* The first stretch begins at 0, where no address has anything unless an edge says so. */
	for (size_t i = 0; i < n_edges && edges[i].at <= UINT32_MAX; i++) {
		uint32_t at = (uint32_t)edges[i].at;

		if (at != from[n - 1])
			from[n++] = at;
		bits[n - 1] = step(counts, &edges[i]);
	}
	free(edges);
	*ret_from = from;
	*ret_bits = bits;
	*ret_n = n;
	return 0;
}
