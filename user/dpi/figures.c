// SPDX-License-Identifier: BSD-2-Clause
/* Figures of all workers together; see figures.h. */
#include "dpi/figures.h"

#include <errno.h>
#include <string.h>

#include "dpi/event/reporter.h"
#include "lib/clock.h"

#define LETTER_MS 2000

/* In the worker. */
static void table_stats(void *context, void *arg)
{
	sl_table_stats(sl_engine_table(context), arg);
}

static void add_table(struct sl_table_stats *sum, const struct sl_table_stats *one)
{
	sum->sessions += one->sessions;
	for (int i = 0; i < SL_KIND_MAX; i++)
		sum->by_kind[i] += one->by_kind[i];
	for (int i = 0; i < SL_CLASS_MAX; i++) {
		sum->by_class[i] += one->by_class[i];
		sum->evicted[i] += one->evicted[i];
	}
	for (int i = 0; i < SL_END_MAX; i++)
		sum->ended[i] += one->ended[i];
	sum->sessions_max += one->sessions_max;
	sum->made += one->made;
	sum->no_memory += one->no_memory;
	sum->bytes += one->bytes;
	sum->stream_bytes += one->stream_bytes;
	sum->streams += one->streams;
}

int sl_figures_collect(const struct sl_view *view, struct sl_core_figures *ret, struct sl_err *err)
{
	memset(ret, 0, sizeof(*ret));
	for (uint32_t q = 0; q < view->queues; q++) {
		const struct sl_core *record = view->workers[q].lane->record;
		uint64_t *sum = (uint64_t *)&ret->engine;
		struct sl_engine_figures one;
		struct sl_table_stats table;
		int r = sl_mailbox_ask(&view->workers[q].mailbox, table_stats, &table, LETTER_MS);

		if (r < 0)
			return sl_errno(err, -r, "the worker of queue %u did not answer", q);
		add_table(&ret->table, &table);
		sl_engine_figures(view->engines[q], &one);
		for (size_t i = 0; i < sizeof(one) / sizeof(uint64_t); i++)
			sum[i] += ((const uint64_t *)&one)[i];
		ret->kernel_drops += __atomic_load_n(&record->drop_rx_full, __ATOMIC_RELAXED) +
				     __atomic_load_n(&record->drop_fill_empty, __ATOMIC_RELAXED);
	}
	ret->uptime_s = (sl_clock_ns() - view->started_ns) / 1000000000u;
	ret->not_told = view->reporter ? sl_reporter_not_told(view->reporter) : 0;
	return 0;
}

json_t *sl_figures_json(const struct sl_core_figures *f)
{
	const struct sl_engine_figures *e = &f->engine;
	uint64_t evicted = 0;
	json_t *result;

	for (int i = 0; i < SL_CLASS_MAX; i++)
		evicted += f->table.evicted[i];
	result = json_pack("{sI sI sI sI sI sI sI sI sI sI sI sI sI sI sI sI sI sI sI sI}", "packets",
			   (json_int_t)e->packets, "bytes", (json_int_t)e->bytes, "malformed",
			   (json_int_t)e->malformed, "ipv4", (json_int_t)e->ipv4, "ipv6", (json_int_t)e->ipv6,
			   "tcp", (json_int_t)e->tcp, "udp", (json_int_t)e->udp, "icmp", (json_int_t)e->icmp,
			   "sctp", (json_int_t)e->sctp, "fragments", (json_int_t)e->fragments, "reassembled",
			   (json_int_t)e->reassembled, "fragments_dropped", (json_int_t)e->fragments_dropped,
			   "dropped", (json_int_t)e->dropped, "violations", (json_int_t)e->violations,
			   "denied", (json_int_t)e->denied, "resets", (json_int_t)e->resets, "threats",
			   (json_int_t)e->threats, "unfit", (json_int_t)e->unfit, "no_room",
			   (json_int_t)e->full, "learned", (json_int_t)e->learned);
	if (!result)
		return NULL;
	json_object_set_new(result, "dropped_meters", json_integer((json_int_t)e->flooded));
	json_object_set_new(result, "sessions",
			    json_pack("{sI sI sI sI sI sI sI sI}", "now", (json_int_t)f->table.sessions,
				      "max", (json_int_t)f->table.sessions_max, "made",
				      (json_int_t)f->table.made, "evicted", (json_int_t)evicted, "tcp",
				      (json_int_t)f->table.by_kind[SL_KIND_TCP], "udp",
				      (json_int_t)f->table.by_kind[SL_KIND_UDP], "icmp",
				      (json_int_t)f->table.by_kind[SL_KIND_ICMP], "bytes",
				      (json_int_t)f->table.bytes));
	json_object_set_new(result, "uptime", json_integer((json_int_t)f->uptime_s));
	json_object_set_new(result, "events_not_told", json_integer((json_int_t)f->not_told));
	return result;
}

void sl_figures_stats(const struct sl_core_figures *f, struct sl_eve_stats *ret)
{
	const struct sl_engine_figures *e = &f->engine;

	*ret = (struct sl_eve_stats){
		.uptime_s = f->uptime_s,
		.packets = e->packets,
		.bytes = e->bytes,
		.invalid = e->malformed,
		.kernel_drops = f->kernel_drops,
		.ipv4 = e->ipv4,
		.ipv6 = e->ipv6,
		.tcp = e->tcp,
		.udp = e->udp,
		.icmp = e->icmp,
		.sctp = e->sctp,
		.sessions = f->table.sessions,
		.sessions_memory = f->table.bytes,
		.sessions_total = f->table.made,
		.fragments = e->fragments,
		.reassembled = e->reassembled,
		.fragments_dropped = e->fragments_dropped,
		.alerts = e->violations + e->denied + e->threats,
		.dropped = e->dropped,
	};
	for (int i = 0; i < SL_CLASS_MAX; i++)
		ret->sessions_evicted += f->table.evicted[i];
}
