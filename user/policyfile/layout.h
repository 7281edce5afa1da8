/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Laying out the tables of a compiled policy one behind the other.
 *
 * Invariant: every table begins at a multiple of 8 and what lies between them
 * is zero, so that equal tables give equal bytes.
 */
#ifndef SLUICE_POLICYFILE_LAYOUT_H
#define SLUICE_POLICYFILE_LAYOUT_H

#include "dpi/policy/block.h"
#include "policyfile/sets.h"

struct sl_layout {
	struct sl_block head;
	char *bytes; /* begins with room for the head */
	size_t n, room;
	int failed; /* -ENOMEM, -E2BIG or 0 */
};

/* Appends a copy of the table and notes in *part, one of head's, where it is. */
void sl_layout_add(struct sl_layout *layout, struct sl_block_part *part, const void *table, uint32_t count,
		   size_t size);
void sl_layout_add_v4(struct sl_layout *layout, struct sl_sets *sets, struct sl_edges *edges,
		      struct sl_block_part *from, struct sl_block_part *set);
void sl_layout_add_v6(struct sl_layout *layout, struct sl_sets *sets, struct sl_edges *edges);
void sl_layout_add_ports(struct sl_layout *layout, struct sl_sets *sets, struct sl_edges *edges);
/* classes.c. Addresses' classes as stretches from 0 on, malloc'ed; *ret_n 0: there are none. 0 or -ENOMEM. */
struct sl_rules;
int sl_classes_stretches(const struct sl_rules *rules, uint32_t **ret_from, uint32_t **ret_bits,
			 uint32_t *ret_n);
/* Writes the head; *ret is malloc'ed. Only if nothing failed. */
void sl_layout_finish(struct sl_layout *layout, void **ret, size_t *ret_size);

#endif
