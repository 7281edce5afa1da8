// SPDX-License-Identifier: BSD-2-Clause
/* See flows.h. */
#include "sluiced/flows.h"

#include "lib/flowmap.h"

static bool is_another_s(void *context, const struct sl_flow_key *key, const struct sl_flow *flow)
{
	const __u16 *id = context;

	(void)flow;
	return *id && key->workload != *id;
}

int flows_remove(const struct instance *inst, __u16 id, struct sl_err *err)
{
	int r;

	if (inst->maps.flows < 0)
		return 0;
	r = sl_flowmap_walk(inst->maps.flows, is_another_s, &id, err);
	return r < 0 ? r : 0;
}
