// SPDX-License-Identifier: BSD-2-Clause
/* Meters in buckets of a few; see meter.h. */
#include "dpi/decide/meter.h"

#include <stdlib.h>
#include <string.h>

#define WAYS 4
#define SECOND 1000000000ull

struct meter {
	struct sl_addr source;
	uint64_t window_ns; /* when the second began; 0: the place is free */
	uint64_t last_ns;
	uint32_t count, before; /* in this second, in the one before */
	uint16_t workload;
	uint8_t kind;
	bool firing;
};

struct sl_meters {
	struct sl_meter_limit limits[SL_METER_KINDS];
	uint64_t seed;
	uint32_t mask;
	struct meter bucket[][WAYS];
};

struct sl_meters *sl_meters_new(uint32_t size, const struct sl_meter_limit limits[SL_METER_KINDS],
				uint64_t seed)
{
	uint32_t buckets = 1;
	struct sl_meters *meters;

	while (buckets < (size + WAYS - 1) / WAYS && buckets < 1u << 24)
		buckets *= 2;
	meters = calloc(1, sizeof(*meters) + (size_t)buckets * sizeof(meters->bucket[0]));
	if (!meters)
		return NULL;
	memcpy(meters->limits, limits, sizeof(meters->limits));
	meters->seed = seed;
	meters->mask = buckets - 1;
	return meters;
}

void sl_meters_set(struct sl_meters *meters, const struct sl_meter_limit limits[SL_METER_KINDS])
{
	memcpy(meters->limits, limits, sizeof(meters->limits));
}

void sl_meters_free(struct sl_meters *meters)
{
	free(meters);
}

static uint64_t mix(uint64_t hash)
{
	hash ^= hash >> 32;
	hash *= 0xd6e8feb86659fd93ull;
	hash ^= hash >> 32;
	hash *= 0xd6e8feb86659fd93ull;
	return hash ^ hash >> 32;
}

static uint32_t bucket_of(const struct sl_meters *meters, enum sl_meter_kind kind, uint16_t workload,
			  const struct sl_addr *source)
{
	uint64_t half[2];

	memcpy(half, source->byte, sizeof(half));
	return (uint32_t)mix(mix(mix(meters->seed ^ half[0]) ^ half[1]) ^ ((uint64_t)kind << 16 | workload)) &
	       meters->mask;
}

/* Does a give way before b? */
static bool gives_way(const struct meter *a, const struct meter *b)
{
	if (!a->window_ns != !b->window_ns)
		return !a->window_ns;
	if (a->firing != b->firing)
		return !a->firing;
	return a->last_ns < b->last_ns;
}

static struct meter *find(struct sl_meters *meters, enum sl_meter_kind kind, uint16_t workload,
			  const struct sl_addr *source, uint64_t now_ns)
{
	struct meter *bucket = meters->bucket[bucket_of(meters, kind, workload, source)], *victim = bucket;

	for (int i = 0; i < WAYS; i++) {
		struct meter *m = &bucket[i];

		if (m->window_ns && m->kind == kind && m->workload == workload &&
		    !memcmp(&m->source, source, sizeof(*source)))
			return m;
		/* Long silent: as good as free. */
		if (m->window_ns && now_ns > m->last_ns + 4 * SECOND)
			m->window_ns = 0;
		if (gives_way(m, victim))
			victim = m;
	}
	*victim = (struct meter){
		.source = *source,
		.workload = workload,
		.kind = (uint8_t)kind,
		.window_ns = now_ns ? now_ns : 1,
	};
	return victim;
}

static void turn(struct meter *m, uint32_t lower, uint64_t now_ns)
{
	if (now_ns < m->window_ns || now_ns - m->window_ns < SECOND)
		return;
	/* More than a second without one of them: the second before had none. */
	m->before = now_ns - m->window_ns < 2 * SECOND ? m->count : 0;
	m->count = 0;
	m->window_ns = now_ns;
	if (m->firing && m->before < lower)
		m->firing = false;
}

void sl_meter(struct sl_meters *meters, enum sl_meter_kind kind, uint16_t workload,
	      const struct sl_addr *source, uint64_t now_ns, struct sl_meter_answer *ret)
{
	static const struct sl_addr all;
	const struct sl_meter_limit *limit = &meters->limits[kind];
	struct meter *m;

	*ret = (struct sl_meter_answer){ false, false };
	if (!limit->upper)
		return;
	m = find(meters, kind, workload, source ? source : &all, now_ns);
	turn(m, limit->lower, now_ns);
	m->last_ns = now_ns;
	m->count++;
	if (!m->firing && m->count > limit->upper) {
		m->firing = true;
		ret->began = true;
	}
	/* While it fires, what is below the lower threshold still passes: the source is not cut off. */
	ret->firing = m->firing && m->count > limit->lower;
}

unsigned int sl_meters_show(const struct sl_meters *meters, uint64_t now_ns, struct sl_meter_state *ret,
			    unsigned int room)
{
	const struct meter *m = meters->bucket[0], *end = meters->bucket[meters->mask] + WAYS;
	unsigned int n = 0;

	for (; m < end && n < room; m++) {
		if (!m->window_ns || now_ns > m->last_ns + 4 * SECOND)
			continue;
		ret[n++] = (struct sl_meter_state){
			.source = m->source,
			.workload = m->workload,
			.kind = m->kind,
			.firing = m->firing,
			.count = m->count,
			.before = m->before,
			.limit = meters->limits[m->kind],
			.idle_s = (uint32_t)(now_ns > m->last_ns ? (now_ns - m->last_ns) / SECOND : 0),
		};
	}
	return n;
}
