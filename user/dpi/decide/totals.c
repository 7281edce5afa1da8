// SPDX-License-Identifier: BSD-2-Clause
/* Pages of a few workloads each, made when the first of them is seen; see totals.h. */
#include "dpi/decide/totals.h"

#include <linux/types.h>
#include <stdlib.h>

#include "sluice/abi.h"

#define PAGE 16u
#define PAGES ((SL_ID_MAX + PAGE) / PAGE)

struct page {
	bool known[PAGE];
	struct sl_totals_one one[PAGE];
};

struct sl_totals {
	struct page *page[PAGES];
};

struct sl_totals *sl_totals_new(void)
{
	return calloc(1, sizeof(struct sl_totals));
}

void sl_totals_free(struct sl_totals *totals)
{
	if (!totals)
		return;
	for (unsigned int i = 0; i < PAGES; i++)
		free(totals->page[i]);
	free(totals);
}

static struct sl_totals_one *find(struct sl_totals *totals, uint16_t workload)
{
	struct page **page = &totals->page[workload / PAGE];

	if (!*page)
		*page = calloc(1, sizeof(**page));
	if (!*page)
		return NULL;
	(*page)->known[workload % PAGE] = true;
	return &(*page)->one[workload % PAGE];
}

void sl_totals_packet(struct sl_totals *totals, uint16_t workload, bool to_workload, uint32_t bytes)
{
	struct sl_totals_one *one = find(totals, workload);

	if (!one)
		return;
	one->packets[to_workload]++;
	one->bytes[to_workload] += bytes;
}

void sl_totals_session(struct sl_totals *totals, uint16_t workload, bool ingress, bool begins)
{
	struct sl_totals_one *one = find(totals, workload);

	if (!one)
		return;
	one->sessions[ingress] += begins;
	if (begins)
		one->now[ingress]++;
	else if (one->now[ingress])
		one->now[ingress]--;
}

const struct sl_totals_one *sl_totals_next(const struct sl_totals *totals, uint32_t *id)
{
	for (; *id <= SL_ID_MAX; ++*id) {
		const struct page *page = totals->page[*id / PAGE];

		if (page && page->known[*id % PAGE])
			return &page->one[*id % PAGE];
	}
	return NULL;
}
