// SPDX-License-Identifier: BSD-2-Clause
/*
 * Who goes when there is no room: the order that table.h describes.
 *
 * Invariant: each class is a list with the longest untouched at its head. A
 * packet only sets ENTRY_TOUCHED; who is touched and at the head goes to the
 * tail when room is needed (the clock algorithm), so that packets cost nothing.
 */
#include "dpi/session/entry.h"

/* So many touched ones are passed over at most, which bounds the work of one eviction. */
#define CLASS_LOOKS 16

void class_leave(struct sl_table *table, struct entry *entry)
{
	struct list *list = &table->class[entry->class];

	if (entry->class_prev != NO_ENTRY)
		entry_at(table, entry->class_prev)->class_next = entry->class_next;
	else
		list->first = entry->class_next;
	if (entry->class_next != NO_ENTRY)
		entry_at(table, entry->class_next)->class_prev = entry->class_prev;
	else
		list->last = entry->class_prev;
	table->stats.by_class[entry->class]--;
}

static void append(struct sl_table *table, struct entry *entry, enum sl_session_class class)
{
	struct list *list = &table->class[class];
	uint32_t self = entry_index(table, entry);

	entry->class = (uint8_t) class;
	entry->flags &= (uint8_t)~ENTRY_TOUCHED;
	entry->class_next = NO_ENTRY;
	entry->class_prev = list->last;
	if (list->last != NO_ENTRY)
		entry_at(table, list->last)->class_next = self;
	else
		list->first = self;
	list->last = self;
	table->stats.by_class[class]++;
}

/* The head, or the first behind it that has not been touched since it came there. */
static struct entry *oldest(struct sl_table *table, enum sl_session_class class)
{
	for (unsigned int looks = 0; looks < CLASS_LOOKS; looks++) {
		struct entry *entry = entry_at(table, table->class[class].first);

		if (!(entry->flags & ENTRY_TOUCHED))
			return entry;
		class_leave(table, entry);
		append(table, entry, class);
	}
	return entry_at(table, table->class[class].first);
}

static void evict(struct sl_table *table, enum sl_session_class class)
{
	table->stats.evicted[class]++;
	entry_remove(table, oldest(table, class), SL_END_EVICTED);
}

bool class_evict(struct sl_table *table)
{
	const uint32_t *n = table->stats.by_class;
	enum sl_session_class class;

	for (class = 0; class < SL_CLASS_ESTABLISHED; class ++) {
		if (n[class] > (class == SL_CLASS_CLOSED ? 0 : table->reserve))
			break;
	}
	/* None has more than its share: a very small table, or no memory to grow to what it may be. */
	if (class == SL_CLASS_ESTABLISHED) {
		for (class = 0; class < SL_CLASS_ESTABLISHED && !n[class]; class ++)
			;
	}
	if (class == SL_CLASS_ESTABLISHED)
		return false;
	evict(table, class);
	return true;
}

void class_enter(struct sl_table *table, struct entry *entry, enum sl_session_class class)
{
	if (class == SL_CLASS_ESTABLISHED && table->stats.by_class[class] >= table->established_max)
		evict(table, class);
	append(table, entry, class);
}
