// SPDX-License-Identifier: BSD-2-Clause
/*
 * When a session has been silent for too long, at a cost that does not depend
 * on how many there are.
 *
 * Invariant: a session sits in a slot that comes round no later than its
 * deadline. A packet only moves the deadline; the session is put further on
 * when its slot comes round, so that packets cost nothing here.
 */
#include "dpi/session/entry.h"

static uint64_t timeout_ns(const struct sl_table *table, const struct entry *entry)
{
	return table->config.seconds[entry->timer] * 1000000000ull;
}

uint64_t wheel_deadline(const struct sl_table *table, const struct entry *entry)
{
	return entry->session.last_ns + timeout_ns(table, entry);
}

/* In how many ticks the deadline has passed, 1 … WHEEL_SLOTS - 1. */
static uint32_t distance(const struct sl_table *table, const struct entry *entry)
{
	uint64_t tick = wheel_deadline(table, entry) / TICK_NS + 1;

	if (tick <= table->tick)
		return 1;
	return tick - table->tick < WHEEL_SLOTS ? (uint32_t)(tick - table->tick) : WHEEL_SLOTS - 1;
}

void wheel_disarm(struct sl_table *table, struct entry *entry)
{
	if (entry->slot == NO_SLOT)
		return;
	if (entry->wheel_prev != NO_ENTRY)
		entry_at(table, entry->wheel_prev)->wheel_next = entry->wheel_next;
	else
		table->wheel[entry->slot] = entry->wheel_next;
	if (entry->wheel_next != NO_ENTRY)
		entry_at(table, entry->wheel_next)->wheel_prev = entry->wheel_prev;
	entry->slot = NO_SLOT;
}

static void put(struct sl_table *table, struct entry *entry)
{
	uint16_t slot = (uint16_t)((table->tick + distance(table, entry)) % WHEEL_SLOTS);
	uint32_t self = entry_index(table, entry);

	entry->slot = slot;
	entry->wheel_prev = NO_ENTRY;
	entry->wheel_next = table->wheel[slot];
	if (entry->wheel_next != NO_ENTRY)
		entry_at(table, entry->wheel_next)->wheel_prev = self;
	table->wheel[slot] = self;
}

void wheel_arm(struct sl_table *table, struct entry *entry, enum sl_session_timer timer)
{
	if (entry->slot != NO_SLOT && entry->timer == timer)
		return;
	entry->timer = (uint8_t)timer;
	if (entry->slot != NO_SLOT) {
		uint32_t comes = (uint32_t)(entry->slot - table->tick) % WHEEL_SLOTS;

		if (comes <= distance(table, entry))
			return;
		wheel_disarm(table, entry);
	}
	put(table, entry);
}

bool sl_sessions_tick(struct sl_table *table, uint64_t now_ns, unsigned int budget)
{
	uint64_t now = table_now(table, now_ns) / TICK_NS;

	if (!table->stats.sessions) {
		if (now > table->tick)
			table->tick = now;
		return false;
	}
	/* Once round is all there is. */
	if (now > table->tick + WHEEL_SLOTS)
		table->tick = now - WHEEL_SLOTS;
	while (table->tick < now) {
		uint32_t *slot = &table->wheel[(table->tick + 1) % WHEEL_SLOTS];

		/* Taken as done first, so that a session put further on never lands in the slot being emptied. */
		table->tick++;
		while (*slot != NO_ENTRY) {
			struct entry *entry = entry_at(table, *slot);

			if (!budget--) {
				table->tick--;
				return true;
			}
			if (wheel_deadline(table, entry) / TICK_NS < now && table->config.silent)
				table->config.silent(table->config.context, &entry->session);
			if (wheel_deadline(table, entry) / TICK_NS < now) {
				entry_remove(table, entry, (enum sl_session_end)entry->reason);
				continue;
			}
			wheel_disarm(table, entry);
			put(table, entry);
		}
	}
	return false;
}
