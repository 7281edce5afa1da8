// SPDX-License-Identifier: BSD-2-Clause
/* See table.h: opening, finding, making and ending. Who is evicted is class.c, who times out wheel.c. */
#include "dpi/session/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "dpi/session/entry.h"

#define SESSIONS_MIN 64u
#define SHARE 32u /* a class's reserve is 1/SHARE of the table */

_Static_assert(ENTRY_HOT <= 3 * 64, "what each packet looks at is three cache lines");
_Static_assert(sizeof(struct entry) % 64 == 0, "entries begin where a cache line does, as the arena does");
_Static_assert(sizeof(struct entry) <= 320, "half a million of them and what hangs off them fit 400 MB");
_Static_assert(WHEEL_SLOTS < NO_SLOT, "a slot fits its field");

const char *sl_session_end_name(unsigned int end)
{
	static const char *const name[] = { "fin", "rst", "timeout", "evicted", "killed", "shutdown" };

	_Static_assert(sizeof(name) / sizeof(*name) == SL_END_MAX, "a name for each");
	return end < SL_END_MAX ? name[end] : "?";
}

#define NO_DATA_SECONDS 30

void sl_table_config_init(struct sl_table_config *config)
{
	*config = (struct sl_table_config){
		.sessions_max = SL_TABLE_SESSIONS,
		.bytes_max = SL_TABLE_BYTES,
		.stream_total_bytes = SL_STREAM_TOTAL_BYTES,
		.stream_flow_bytes = SL_STREAM_FLOW_BYTES,
		.stream_history_bytes = SL_STREAM_HISTORY_BYTES,
		.seconds = {
			[SL_TIMER_OPENING] = 20,
			[SL_TIMER_NO_DATA] = NO_DATA_SECONDS,
			[SL_TIMER_ACTIVE] = 1200,
			[SL_TIMER_HALF_CLOSED] = 90,
			[SL_TIMER_CLOSING] = 15,
			[SL_TIMER_RESET] = 60,
			[SL_TIMER_UDP] = 30,
			[SL_TIMER_ICMP] = 5,
			[SL_TIMER_SCTP] = 210,
			[SL_TIMER_IP] = 15,
		},
		.first_id = 1,
		.id_step = 1,
	};
}

void sl_table_set_no_data(struct sl_table *table, uint32_t seconds)
{
	table->config.seconds[SL_TIMER_NO_DATA] = seconds ?: NO_DATA_SECONDS;
}

static uint32_t buckets_for(uint64_t sessions)
{
	uint32_t n = 64;

	while (n < sessions)
		n *= 2;
	return n;
}

/* How many sessions fit, with what each takes of the index: two buckets at most. */
static uint32_t fitting(const struct sl_table_config *config)
{
	uint64_t each = sizeof(struct entry) + SL_TABLE_NAME_BYTES + 2 * sizeof(uint32_t);
	uint64_t fixed = sizeof(struct sl_table) + config->stream_total_bytes;

	if (config->bytes_max < fixed)
		return 0;
	return (config->bytes_max - fixed) / each < config->sessions_max
		       ? (uint32_t)((config->bytes_max - fixed) / each)
		       : config->sessions_max;
}

static uint64_t arena_bytes(const struct sl_table *table)
{
	return (uint64_t)table->max * sizeof(*table->arena);
}

static uint64_t index_bytes(const struct sl_table *table)
{
	return (table->bucket_mask + 1ull) * sizeof(*table->bucket);
}

/* Addresses for it; the memory comes with its use, by large pages where there are such: one fault for 512. NULL: none. */
static void *reserve(uint64_t bytes)
{
	void *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	/* A kernel without them refuses, and gives small ones. */
	madvise(memory, bytes, MADV_HUGEPAGE);
	return memory;
}

static void release(struct sl_table *table)
{
	if (table->arena)
		munmap(table->arena, arena_bytes(table));
	if (table->bucket)
		munmap(table->bucket, index_bytes(table));
	free(table);
}

int sl_table_open(struct sl_table **ret, const struct sl_table_config *config, struct sl_err *err)
{
	struct sl_table *table;

	if (config->sessions_max < SESSIONS_MIN || config->sessions_max > 1u << 30 ||
	    fitting(config) < SESSIONS_MIN)
		return sl_err(
			err, EINVAL,
			"session table: %u sessions in %llu bytes, of which %llu for streams, are too few "
			"or too many: give room for at least %u",
			config->sessions_max, (unsigned long long)config->bytes_max,
			(unsigned long long)config->stream_total_bytes, SESSIONS_MIN);
	table = calloc(1, sizeof(*table));
	if (!table)
		return sl_errno(err, ENOMEM, "session table");
	table->config = *config;
	table->max = fitting(config);
	table->stats.sessions_max = table->max;
	table->reserve = table->max / SHARE;
	table->established_max =
		table->max - 3 * table->reserve - 1; /* or all could have just their shares */
	table->bucket_mask = buckets_for(table->max) - 1;
	table->bucket = reserve(index_bytes(table));
	table->arena = reserve(arena_bytes(table));
	if (!table->bucket || !table->arena) {
		release(table);
		return sl_errno(err, ENOMEM, "session table for %u sessions", config->sessions_max);
	}
	memset(table->bucket, 0xff, index_bytes(table));
	memset(table->wheel, 0xff, sizeof(table->wheel));
	memset(table->class, 0xff, sizeof(table->class));
	table->free = NO_ENTRY;
	table->next_id = config->first_id;
	table->pool.total_max = config->stream_total_bytes;
	table->pool.flow_max = config->stream_flow_bytes;
	table->pool.history_max = config->stream_history_bytes;
	if (getrandom(&table->key, sizeof(table->key), 0) != sizeof(table->key)) {
		int code = errno ? errno : EIO;

		release(table);
		return sl_errno(err, code, "session table: random bytes for its hash");
	}
	*ret = table;
	return 0;
}

void sl_table_close(struct sl_table *table)
{
	if (!table)
		return;
	for (uint32_t i = 0; i < table->fresh; i++) {
		if (entry_at(table, i)->flags & ENTRY_USED)
			entry_remove(table, entry_at(table, i), SL_END_SHUTDOWN);
	}
	release(table);
}

static bool ends_equal(const struct sl_addr *a, uint16_t a_port, const struct sl_addr *b, uint16_t b_port)
{
	return a_port == b_port && !memcmp(a, b, sizeof(*a));
}

struct entry *entry_find(const struct sl_table *table, uint16_t workload, const struct sl_tuple *t,
			 enum sl_side *ret_side)
{
	uint32_t hash = sl_session_hash(&table->key, workload, t);
	uint32_t i = table->bucket[hash & table->bucket_mask];

	while (i != NO_ENTRY) {
		struct entry *entry = entry_at(table, i);
		const struct sl_tuple *have = &entry->session.tuple;

		i = entry->hash_next;
		if (entry->hash != hash || entry->session.workload != workload ||
		    have->protocol != t->protocol || have->family != t->family)
			continue;
		if (ends_equal(&have->source, have->source_port, &t->source, t->source_port) &&
		    ends_equal(&have->destination, have->destination_port, &t->destination,
			       t->destination_port)) {
			*ret_side = SL_CLIENT;
			return entry;
		}
		if (ends_equal(&have->source, have->source_port, &t->destination, t->destination_port) &&
		    ends_equal(&have->destination, have->destination_port, &t->source, t->source_port)) {
			*ret_side = SL_SERVER;
			return entry;
		}
	}
	return NULL;
}

/* One that is not in use; NULL if there is neither room nor memory. */
static struct entry *allocate(struct sl_table *table)
{
	struct entry *entry;

	if (table->free != NO_ENTRY) {
		entry = entry_at(table, table->free);
		table->free = entry->hash_next;
		return entry;
	}
	if (table->fresh == table->max)
		return NULL;
	return entry_at(table, table->fresh++);
}

struct entry *entry_make(struct sl_table *table, const struct sl_tuple *tuple, uint16_t workload,
			 enum sl_session_kind kind)
{
	struct entry *entry;
	uint32_t self;

	if (!table->stats.sessions && table->now_ns / TICK_NS > table->tick)
		table->tick = table->now_ns / TICK_NS;
	if (table->stats.sessions == table->max)
		class_evict(table);
	entry = allocate(table);
	/* No memory to grow to what is allowed: no more than there are. */
	if (!entry && class_evict(table))
		entry = allocate(table);
	if (!entry) {
		table->stats.no_memory++;
		return NULL;
	}
	self = entry_index(table, entry);
	memset(entry, 0, sizeof(*entry));
	entry->slot = NO_SLOT;
	entry->flags = ENTRY_USED;
	entry->kind = (uint8_t)kind;
	entry->reason = SL_END_TIMEOUT;
	entry->session.tuple = *tuple;
	entry->session.workload = workload;
	entry->session.id = table->next_id;
	entry->session.started_ns = entry->session.last_ns = table->now_ns;
	table->next_id += table->config.id_step;
	entry->hash = sl_session_hash(&table->key, workload, tuple);
	entry->hash_next = table->bucket[entry->hash & table->bucket_mask];
	table->bucket[entry->hash & table->bucket_mask] = self;
	table->stats.sessions++;
	table->stats.by_kind[kind]++;
	table->stats.made++;
	return entry;
}

void entry_remove(struct sl_table *table, struct entry *entry, enum sl_session_end why)
{
	uint32_t *link = &table->bucket[entry->hash & table->bucket_mask];
	uint32_t self = entry_index(table, entry);

	if (table->config.ended)
		table->config.ended(table->config.context, &entry->session, why);
	while (*link != self)
		link = &entry_at(table, *link)->hash_next;
	*link = entry->hash_next;
	wheel_disarm(table, entry);
	class_leave(table, entry);
	sl_stream_free(entry->stream[SL_CLIENT]);
	sl_stream_free(entry->stream[SL_SERVER]);
	table->stats.sessions--;
	table->stats.by_kind[entry->kind]--;
	table->stats.ended[why]++;
	entry->flags = 0;
	entry->hash_next = table->free;
	table->free = self;
}

void sl_session_end(struct sl_table *table, struct sl_session *session, enum sl_session_end why)
{
	entry_remove(table, entry_of(session), why);
}

uint32_t sl_session_life(const struct sl_table *table, const struct sl_session *session)
{
	uint64_t deadline = wheel_deadline(table, entry_of_const(session));

	return deadline > table->now_ns ? (uint32_t)((deadline - table->now_ns) / 1000000000) : 0;
}

void sl_session_mac(const struct sl_session *session, enum sl_side side, uint8_t ret_destination[6],
		    uint8_t ret_source[6], uint16_t *ret_vlan)
{
	const struct entry *entry = entry_of_const(session);

	memcpy(ret_destination, entry->mac[side], 6);
	memcpy(ret_source, entry->mac[side] + 6, 6);
	*ret_vlan = entry->vlan[side];
}

struct sl_stream_pool *sl_table_pool(struct sl_table *table)
{
	return &table->pool;
}

void sl_table_stats(const struct sl_table *table, struct sl_table_stats *ret)
{
	*ret = table->stats;
	ret->stream_bytes = table->pool.used;
	ret->streams = table->pool.streams;
	ret->bytes = sizeof(*table) + index_bytes(table) + (uint64_t)table->fresh * sizeof(struct entry) +
		     table->pool.used;
}
