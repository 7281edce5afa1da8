// SPDX-License-Identifier: BSD-2-Clause
/* See stats.h for the invariant. */
#include "compat/stats.h"

#include <stdlib.h>

#include "lib/log.h"

static void add(struct traffic *to, const struct traffic *more)
{
	for (int way = 0; way < 2; way++) {
		to->packets[way] += more->packets[way];
		to->bytes[way] += more->bytes[way];
		to->sessions[way] += more->sessions[way];
	}
}

static void subtract(struct traffic *from, const struct traffic *less)
{
	for (int way = 0; way < 2; way++) {
		from->packets[way] -= less->packets[way];
		from->bytes[way] -= less->bytes[way];
		from->sessions[way] -= less->sessions[way];
	}
}

static struct traffic total_of(const struct endpoint_stats *stats)
{
	struct traffic total = stats->before;

	add(&total, &stats->core);
	return total;
}

void stats_new_core(struct agent *agent)
{
	for (struct endpoint *e = agent->endpoints; e; e = e->next) {
		if (!e->stats)
			continue;
		add(&e->stats->before, &e->stats->core);
		e->stats->core = (struct traffic){ .packets = { 0 } };
		e->stats->now[0] = e->stats->now[1] = 0;
	}
}

static void take(struct agent *agent, json_t *item)
{
	struct endpoint *e = agent_find_core(agent, (uint16_t)json_integer_value(json_array_get(item, 0)));
	json_int_t v[8];

	for (size_t i = 0; i < 8; i++)
		v[i] = json_integer_value(json_array_get(item, i + 1));
	if (!e)
		return;
	if (!e->stats)
		e->stats = calloc(1, sizeof(*e->stats));
	if (!e->stats)
		return;
	for (int way = 0; way < 2; way++) {
		e->stats->core.sessions[way] = (uint32_t)v[way];
		e->stats->now[way] = (uint32_t)v[2 + way];
		e->stats->core.packets[way] = (uint64_t)v[4 + way];
		e->stats->core.bytes[way] = (uint64_t)v[6 + way];
	}
}

static void end_slot(struct endpoint_stats *stats)
{
	struct traffic total = total_of(stats), slot = total;

	subtract(&slot, &stats->slot_began);
	stats->slot[stats->next] = slot;
	stats->next = (stats->next + 1) % STATS_SLOTS;
	stats->slot_began = total;
}

void stats_fetch(struct agent *agent, struct core *core, bool slot)
{
	struct sl_err err = { 0 };
	json_int_t after = 0;
	json_t *result, *item;
	size_t i;

	do {
		result = core_ask(core, json_pack("{ss sI}", "cmd", "totals", "after", after), -1, &err);
		if (!result)
			sl_debug("statistics: %s", err.text);
		json_array_foreach (json_object_get(result, "items"), i, item)
			take(agent, item);
		after = json_integer_value(json_object_get(result, "next"));
		json_decref(result);
	} while (after);
	for (struct endpoint *e = agent->endpoints; slot && e; e = e->next) {
		if (e->stats)
			end_slot(e->stats);
	}
}

static void add_slots(struct wire_traffic *to, const struct endpoint_stats *stats, unsigned int n)
{
	struct traffic sum = { .packets = { 0 } };

	for (unsigned int i = 1; i <= n; i++)
		add(&sum, &stats->slot[(stats->next + STATS_SLOTS - i) % STATS_SLOTS]);
	to->sessions_in += sum.sessions[1];
	to->sessions_out += sum.sessions[0];
	to->packets_in += sum.packets[1];
	to->packets_out += sum.packets[0];
	to->bytes_in += sum.bytes[1];
	to->bytes_out += sum.bytes[0];
}

void stats_add(struct wire_stats *sum, const struct endpoint *endpoint)
{
	const struct endpoint_stats *stats = endpoint ? endpoint->stats : NULL;
	struct traffic total;

	if (!endpoint)
		return;
	sum->interval = STATS_SLOT_S;
	if (!stats)
		return;
	total = total_of(stats);
	sum->sessions_in += total.sessions[1];
	sum->sessions_out += total.sessions[0];
	sum->sessions_current_in += stats->now[1];
	sum->sessions_current_out += stats->now[0];
	sum->packets_in += total.packets[1];
	sum->packets_out += total.packets[0];
	sum->bytes_in += total.bytes[1];
	sum->bytes_out += total.bytes[0];
	add_slots(&sum->slots1, stats, 1);
	add_slots(&sum->slots12, stats, 12);
	add_slots(&sum->slots60, stats, STATS_SLOTS);
}
