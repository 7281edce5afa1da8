// SPDX-License-Identifier: BSD-2-Clause
/* See flowmap.h. In batches: a call for each of a million entries would take seconds. */
#include "lib/flowmap.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#define BATCH 1024 /* more than any bucket of the hash has, which must fit */

static int remove_all(int fd, const struct sl_flow_key *gone, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int r = bpf_map_delete_elem(fd, &gone[i]);

		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

int sl_flowmap_walk(int fd, sl_flowmap_keep keep, void *context, struct sl_err *err)
{
	struct sl_flow_key *keys = calloc(BATCH, sizeof(*keys)), *gone = NULL;
	struct sl_flow *values = calloc(BATCH, sizeof(*values));
	uint32_t n = BATCH, place = 0;
	size_t n_gone = 0, room = 0;
	int r = keys && values ? 0 : -ENOMEM, looked = 0;
	bool first = true, last = false;

	while (!r && !last) {
		/* More than fit are in one bucket of the hash: with more room it goes on from there. */
		n = BATCH;
		r = bpf_map_lookup_batch(fd, first ? NULL : &place, &place, keys, values, &n, NULL);
		last = r == -ENOENT;
		if (r < 0 && !last)
			break;
		r = 0;
		first = false;
		looked += (int)n;
		for (uint32_t i = 0; i < n && !r; i++) {
			struct sl_flow_key *more;

			if (keep(context, &keys[i], &values[i]))
				continue;
			if (n_gone == room) {
				more = realloc(gone, (room + BATCH) * sizeof(*gone));
				if (!more) {
					r = -ENOMEM;
					break;
				}
				gone = more;
				room += BATCH;
			}
			gone[n_gone++] = keys[i];
		}
	}
	/* Not while it is being walked through. */
	if (!r)
		r = remove_all(fd, gone, n_gone);
	free(keys);
	free(values);
	free(gone);
	return r < 0 ? sl_errno(err, -r, "cannot go through map %s", SL_MAP_FLOWS) : looked;
}
