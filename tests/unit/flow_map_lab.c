// SPDX-License-Identifier: BSD-2-Clause
/* See flow_map_lab.h. */
#include "flow_map_lab.h"

#include <bpf/bpf.h>
#include <criterion/criterion.h>

#include "lib/flowmap.h"

int flow_map_open(unsigned int room)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	int map = bpf_map_create(BPF_MAP_TYPE_HASH, SL_MAP_FLOWS, sizeof(struct sl_flow_key),
				 sizeof(struct sl_flow), room, &opts);

	cr_assert_geq(map, 0);
	return map;
}

static bool note(void *context, const struct sl_flow_key *key, const struct sl_flow *flow)
{
	struct found *found = context;

	found->n++;
	found->key = *key;
	found->flow = *flow;
	return true;
}

struct found flow_map_entries(int map)
{
	struct found found = { 0 };
	struct sl_err err = { 0 };

	cr_assert_geq(sl_flowmap_walk(map, note, &found, &err), 0, "%s", err.text);
	return found;
}
