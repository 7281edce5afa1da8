/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traffic of endpoints in slots of five seconds, from the core's totals.
 *
 * Invariant: the sum of all slots that have passed and of what came since is
 * the total. A core that begins anew counts on from what was there.
 */
#ifndef SLUICE_COMPAT_STATS_H
#define SLUICE_COMPAT_STATS_H

#include "compat/agent.h"
#include "compat/core.h"
#include "compat/wire.h"

#define STATS_SLOTS 60
#define STATS_SLOT_S 5

/* [0] from the endpoint, [1] to it. */
struct traffic {
	uint64_t packets[2], bytes[2];
	uint32_t sessions[2];
};

struct endpoint_stats {
	struct traffic before; /* of cores that have ended */
	struct traffic core, slot_began; /* the core's total; all at the last slot's end */
	uint32_t now[2];
	unsigned int next;
	struct traffic slot[STATS_SLOTS];
};

/* Asks the core for totals. slot: five seconds have passed. */
void stats_fetch(struct agent *agent, struct core *core, bool slot);
/* To be called when another core is there. */
void stats_new_core(struct agent *agent);
/* Adds the endpoint's figures; NULL: nothing is known of it. */
void stats_add(struct wire_stats *sum, const struct endpoint *endpoint);

#endif
