// SPDX-License-Identifier: BSD-2-Clause
/* Tables one behind the other; see layout.h for the invariant. */
#include "policyfile/layout.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 256

static bool make_room(struct sl_layout *layout, size_t more)
{
	size_t room = layout->room ? layout->room : 65536;
	char *bytes;

	if (layout->failed)
		return false;
	if (layout->n + more > SL_BLOCK_SIZE_MAX) {
		layout->failed = -E2BIG;
		return false;
	}
	while (room < layout->n + more)
		room *= 2;
	if (room > layout->room) {
		bytes = realloc(layout->bytes, room);
		if (!bytes) {
			layout->failed = -ENOMEM;
			return false;
		}
		memset(bytes + layout->room, 0, room - layout->room);
		layout->bytes = bytes;
		layout->room = room;
	}
	return true;
}

void sl_layout_add(struct sl_layout *layout, struct sl_block_part *part, const void *table, uint32_t count,
		   size_t size)
{
	size_t length = (count * size + 7) & ~(size_t)7;

	if (!layout->n)
		layout->n = sizeof(layout->head);
	/* A failure elsewhere leaves no table. */
	if (!table)
		count = 0, length = 0;
	if (!make_room(layout, length))
		return;
	if (count)
		memcpy(layout->bytes + layout->n, table, count * size);
	part->offset = (uint32_t)layout->n;
	part->count = count;
	layout->n += length;
}

void sl_layout_add_v4(struct sl_layout *layout, struct sl_sets *sets, struct sl_edges *edges,
		      struct sl_block_part *ret_from, struct sl_block_part *ret_set)
{
	sl_point *from;
	uint32_t *places, *short_from, n;

	sl_edges_sets(sets, edges, &from, &places, &n);
	short_from = calloc(n + 1, sizeof(*short_from));
	for (uint32_t i = 0; short_from && i < n; i++)
		short_from[i] = (uint32_t)from[i];
	if (!short_from)
		layout->failed = -ENOMEM;
	sl_layout_add(layout, ret_from, short_from, n, sizeof(*short_from));
	sl_layout_add(layout, ret_set, places, n, sizeof(*places));
	free(short_from);
	free(from);
	free(places);
}

void sl_layout_add_v6(struct sl_layout *layout, struct sl_sets *sets, struct sl_edges *edges)
{
	struct sl_block_v6 *halves;
	sl_point *from;
	uint32_t *places, n;

	sl_edges_sets(sets, edges, &from, &places, &n);
	halves = calloc(n + 1, sizeof(*halves));
	for (uint32_t i = 0; halves && i < n; i++)
		halves[i] = (struct sl_block_v6){ (uint64_t)(from[i] >> 64), (uint64_t)from[i] };
	if (!halves)
		layout->failed = -ENOMEM;
	sl_layout_add(layout, &layout->head.v6_from, halves, n, sizeof(*halves));
	sl_layout_add(layout, &layout->head.v6_set, places, n, sizeof(*places));
	free(halves);
	free(from);
	free(places);
}

/* Stretches of ports to a table with a set for each, by pages of 256 of which equal ones are kept once. */
void sl_layout_add_ports(struct sl_layout *layout, struct sl_sets *sets, struct sl_edges *edges)
{
	uint32_t *pages = calloc((size_t)PAGE * PAGE, sizeof(*pages)), *places, n, n_pages = 0, at = 0;
	sl_point *from;

	sl_edges_sets(sets, edges, &from, &places, &n);
	if (!pages)
		layout->failed = -ENOMEM;
	for (uint32_t p = 0; pages && n && p < PAGE; p++) {
		uint32_t *page = pages + (size_t)n_pages * PAGE, same = 0;

		for (uint32_t i = 0; i < PAGE; i++) {
			while (at + 1 < n && from[at + 1] <= p * PAGE + i)
				at++;
			page[i] = places[at];
		}
		while (memcmp(pages + (size_t)same * PAGE, page, PAGE * sizeof(*page)) != 0)
			same++;
		layout->head.port_page[p] = (uint16_t)same;
		n_pages += same == n_pages;
	}
	sl_layout_add(layout, &layout->head.pages, pages, n_pages, PAGE * sizeof(*pages));
	free(pages);
	free(from);
	free(places);
}

void sl_layout_finish(struct sl_layout *layout, void **ret, size_t *ret_size)
{
	struct sl_block *head = &layout->head;

	head->magic = SL_BLOCK_MAGIC;
	head->version = SL_BLOCK_VERSION;
	head->size = layout->n;
	memcpy(layout->bytes, head, sizeof(*head));
	head->sum = sl_block_sum(layout->bytes, layout->n);
	memcpy(layout->bytes, head, sizeof(*head));
	*ret = layout->bytes;
	*ret_size = layout->n;
}
