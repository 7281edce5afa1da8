// SPDX-License-Identifier: BSD-2-Clause
/* Reading and showing counters; see figures.h for the invariant. */
#include "sluicectl/figures.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sluicectl/output.h"

/* Which programs can count a reason, as in reasons.h. */
static const char *const counted_by[SL_REASON_MAX] = {
#define X(name, kind, programs, text) programs,
	SL_REASONS(X)
#undef X
};

static bool can_count(unsigned int prog, unsigned int reason)
{
	return strstr(counted_by[reason], sl_program_name(prog));
}

static __u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static int read_core(const struct sl_maps *maps, struct figures *figures, struct sl_err *err)
{
	struct sl_config config;
	__u32 zero = 0;

	if (bpf_map_lookup_elem(maps->config, &zero, &config))
		return sl_errno(err, errno, "cannot read map %s", SL_MAP_CONFIG);
	figures->external = !config.heartbeat_ns;
	figures->queues = config.queues < SL_QUEUES_MAX ? config.queues : SL_QUEUES_MAX;
	figures->has_bulk = config.vbk_ifindex;
	for (__u32 queue = 0; queue < figures->queues; queue++) {
		__u32 bulk = SL_CORE_BULK + queue;

		if (bpf_map_lookup_elem(maps->core, &queue, &figures->core[queue]) ||
		    bpf_map_lookup_elem(maps->core, &bulk, &figures->bulk[queue]))
			return sl_errno(err, errno, "cannot read queue %u of map %s", queue, SL_MAP_CORE);
	}
	return 0;
}

int figures_read(const struct sl_maps *maps, struct figures *ret, struct sl_err *err)
{
	/* The last station first: see the invariant. */
	static const enum sl_program behind_core[] = { SL_PROG_VTH, SL_PROG_VTK, SL_PROG_VIN, SL_PROG_VEX };
	int r;

	memset(ret, 0, sizeof(*ret));
	r = sl_maps_counters(maps, SL_PROG_VBR, &ret->program[SL_PROG_VBR], err);
	if (!r)
		r = sl_maps_counters(maps, SL_PROG_VBK, &ret->program[SL_PROG_VBK], err);
	if (!r)
		r = read_core(maps, ret, err);
	for (size_t i = 0; !r && i < sizeof(behind_core) / sizeof(*behind_core); i++)
		r = sl_maps_counters(maps, behind_core[i], &ret->program[behind_core[i]], err);
	ret->taken_ns = now_ns();
	return r;
}

static double rate(__u64 now, __u64 before, __u64 ns)
{
	/* A restart of everything may have begun anew. */
	return ns && now > before ? (double)(now - before) * 1e9 / (double)ns : 0;
}

static void add_rate(struct table *table, __u64 now, __u64 before, __u64 ns)
{
	table_number(table, (__u64)(rate(now, before, ns) + 0.5));
}

static void add_count(struct table *table, const struct sl_count *now, const struct sl_count *before,
		      __u64 ns, const char *text)
{
	table_number(table, now->frames);
	if (before) {
		add_rate(table, now->frames, before->frames, ns);
		add_rate(table, now->segments, before->segments, ns);
		add_rate(table, now->bytes, before->bytes, ns);
	} else {
		table_number(table, now->segments);
		table_number(table, now->bytes);
		table_text(table, text);
	}
}

static void add_program(struct table *table, const struct figures *figures, const struct figures *before,
			unsigned int prog, bool zeros)
{
	const struct sl_counters *now = &figures->program[prog];
	const struct sl_counters *then = before ? &before->program[prog] : NULL;
	__u64 ns = before ? figures->taken_ns - before->taken_ns : 0;

	table_text(table, sl_program_name(prog));
	table_text(table, "in");
	table_text(table, "in");
	add_count(table, &now->in, then ? &then->in : NULL, ns, "came in");
	for (unsigned int reason = 0; reason < SL_REASON_MAX; reason++) {
		const struct sl_count *count = figures_count(now, reason);

		/* One that cannot be there but is, is worth seeing. */
		if (!count->frames && !(zeros && can_count(prog, reason)))
			continue;
		table_text(table, sl_program_name(prog));
		table_text(table, sl_reason_name(reason));
		table_text(table, sl_reason_is_drop(reason) ? "drop" : "out");
		if (sl_reason_is_drop(reason) && count->frames && can_colour())
			table_colour(table, COLOUR_WARN);
		add_count(table, count, then ? figures_count(then, reason) : NULL, ns,
			  sl_reason_text(reason));
	}
}

static long long heartbeat_age_ms(const struct sl_core *core, __u64 now)
{
	if (!core->heartbeat_ns)
		return -1;
	return now > core->heartbeat_ns ? (long long)((now - core->heartbeat_ns) / 1000000) : 0;
}

static void add_core(struct table *table, const struct figures *figures, unsigned int queue, bool bulk)
{
	const struct sl_core *core = bulk ? &figures->bulk[queue] : &figures->core[queue];
	/* Both lanes are one worker's. */
	long long age = heartbeat_age_ms(&figures->core[queue], figures->taken_ns);

	table_printf(table, "%u%s", queue, bulk ? " bulk" : "");
	table_printf(table, "%u", figures->core[queue].pid);
	if (age < 0)
		table_text(table, "none");
	else
		table_printf(table, "%lld ms", age);
	table_number(table, core->rx_frames);
	table_number(table, core->rx_bytes);
	table_number(table, core->tx_frames);
	table_number(table, core->tx_bytes);
	table_number(table, core->dropped);
	table_number(table, core->made);
	table_number(table, core->bundled);
	table_number(table, core->drop_tx_full);
	table_number(table, core->drop_invalid);
	table_number(table, core->drop_rx_full);
	table_number(table, core->drop_fill_empty);
	table_number(table, core->tx_invalid);
	table_number(table, core->wakeups);
	table_number(table, core->polls);
}

static int print_core(const struct figures *figures, struct sl_err *err)
{
	struct table *table = table_new(
		"QUEUE,>PID,>HEARTBEAT,>RX-FRAMES,>RX-BYTES,>TX-FRAMES,>TX-BYTES,"
		">DROPPED,>MADE,>BUNDLED,>TX-FULL,>INVALID,>RX-FULL,>FILL-EMPTY,>TX-INVALID,>WAKEUPS,>POLLS");

	for (unsigned int queue = 0; queue < figures->queues; queue++) {
		add_core(table, figures, queue, false);
		if (figures->has_bulk)
			add_core(table, figures, queue, true);
	}
	printf("\ncore\n");
	return table_print(table, true, err);
}

int figures_print(const struct figures *figures, const struct figures *before,
		  const struct figures_view *view, struct sl_err *err)
{
	struct table *table = table_new(before ? "PROGRAM,REASON,KIND,>FRAMES,>FRAMES/S,>SEGMENTS/S,>BYTES/S"
					       : "PROGRAM,REASON,KIND,>FRAMES,>SEGMENTS,>BYTES,MEANING");
	int r;

	for (unsigned int prog = 0; prog < SL_PROG_MAX; prog++) {
		if (view->programs & (1U << prog))
			add_program(table, figures, before, prog, view->zeros);
	}
	r = table_print(table, true, err);
	return r || !view->core ? r : print_core(figures, err);
}

static json_t *count_json(const struct sl_count *count)
{
	return json_pack("{sI sI sI}", "frames", (json_int_t)count->frames, "segments",
			 (json_int_t)count->segments, "bytes", (json_int_t)count->bytes);
}

static json_t *rates_json(const struct sl_count *now, const struct sl_count *before, __u64 ns)
{
	if (!before)
		return NULL;
	return json_pack("{sf sf sf}", "frames", rate(now->frames, before->frames, ns), "segments",
			 rate(now->segments, before->segments, ns), "bytes",
			 rate(now->bytes, before->bytes, ns));
}

static json_t *reason_json(unsigned int reason, const struct sl_count *now, const struct sl_count *before,
			   __u64 ns)
{
	json_t *rates = rates_json(now, before, ns);

	return json_pack("{ss ss sI sI sI so* ss}", "reason", sl_reason_name(reason), "kind",
			 sl_reason_is_drop(reason) ? "drop" : "out", "frames", (json_int_t)now->frames,
			 "segments", (json_int_t)now->segments, "bytes", (json_int_t)now->bytes, "per_second",
			 rates, "text", sl_reason_text(reason));
}

static void add_up(struct sl_count *sum, const struct sl_count *count)
{
	sum->frames += count->frames;
	sum->segments += count->segments;
	sum->bytes += count->bytes;
}

static json_t *program_json(const struct figures *figures, const struct figures *before, unsigned int prog)
{
	const struct sl_counters *now = &figures->program[prog];
	const struct sl_counters *then = before ? &before->program[prog] : NULL;
	__u64 ns = before ? figures->taken_ns - before->taken_ns : 0;
	struct sl_count out = { 0 }, drop = { 0 };
	json_t *list = json_array();

	for (unsigned int reason = 0; reason < SL_REASON_MAX; reason++) {
		const struct sl_count *count = figures_count(now, reason);

		add_up(sl_reason_is_drop(reason) ? &drop : &out, count);
		if (can_count(prog, reason) || count->frames)
			json_array_append_new(list,
					      reason_json(reason, count,
							  then ? figures_count(then, reason) : NULL, ns));
	}
	return json_pack("{ss so so* so so so}", "name", sl_program_name(prog), "in", count_json(&now->in),
			 "in_per_second", rates_json(&now->in, then ? &then->in : NULL, ns), "out",
			 count_json(&out), "drop", count_json(&drop), "counters", list);
}

static json_t *core_json(const struct figures *figures, unsigned int queue, bool bulk)
{
	const struct sl_core *core = bulk ? &figures->bulk[queue] : &figures->core[queue];
	long long age = heartbeat_age_ms(&figures->core[queue], figures->taken_ns);

	return json_pack("{si ss si so sI sI sI sI sI sI sI sI sI sI sI sI sI sI}", "queue", (int)queue,
			 "lane", bulk ? "bulk" : "frames", "pid", (int)figures->core[queue].pid,
			 "heartbeat_age_ms", age < 0 ? json_null() : json_integer(age), "rx_frames",
			 (json_int_t)core->rx_frames, "rx_bytes", (json_int_t)core->rx_bytes, "tx_frames",
			 (json_int_t)core->tx_frames, "tx_bytes", (json_int_t)core->tx_bytes, "drop_tx_full",
			 (json_int_t)core->drop_tx_full, "drop_invalid", (json_int_t)core->drop_invalid,
			 "drop_rx_full", (json_int_t)core->drop_rx_full, "drop_fill_empty",
			 (json_int_t)core->drop_fill_empty, "tx_invalid", (json_int_t)core->tx_invalid,
			 "wakeups", (json_int_t)core->wakeups, "polls", (json_int_t)core->polls, "dropped",
			 (json_int_t)core->dropped, "made", (json_int_t)core->made, "bundled",
			 (json_int_t)core->bundled);
}

json_t *figures_json(const struct ctl *ctl, const struct figures *figures, const struct figures *before,
		     const struct figures_view *view)
{
	json_t *programs = json_array(), *core = view->core ? json_array() : NULL;
	json_t *bulk = view->core && figures->has_bulk ? json_array() : NULL;

	for (unsigned int prog = 0; prog < SL_PROG_MAX; prog++) {
		if (view->programs & (1U << prog))
			json_array_append_new(programs, program_json(figures, before, prog));
	}
	for (unsigned int queue = 0; core && queue < figures->queues; queue++)
		json_array_append_new(core, core_json(figures, queue, false));
	for (unsigned int queue = 0; bulk && queue < figures->queues; queue++)
		json_array_append_new(bulk, core_json(figures, queue, true));
	return json_pack("{ss so so* so*}", "instance", ctl->conf.instance, "programs", programs, "core",
			 core, "bulk", bulk);
}
