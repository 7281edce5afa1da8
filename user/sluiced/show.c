// SPDX-License-Identifier: BSD-2-Clause
/* Answers; see show.h for the invariant. */
#include "sluiced/show.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sluiced/side.h"
#include "sluiced/state.h"
#include "sluiced/supervise.h"

#define TRACE_IDS_MAX 1000

static const char *kind_name(int kind)
{
	return kind == SL_ATTACH_TCX ? "tcx" : kind == SL_ATTACH_CLSACT ? "clsact" : "none";
}

static json_t *show_direction(const struct sl_traffic_dir *dir)
{
	return json_pack("{sI sI sI sI}", "frames", (json_int_t)dir->frames, "bytes", (json_int_t)dir->bytes,
			 "inspected", (json_int_t)dir->inspected, "dropped", (json_int_t)dir->dropped);
}

json_t *show_workload(struct instance *inst, const struct workload *w)
{
	static const __u8 unknown[SL_MAC_LEN];
	char mac[MAC_TEXT_LEN], ucmac[MAC_TEXT_LEN], far[MAC_TEXT_LEN];
	const struct sl_workload *value = &w->value;
	struct sl_traffic traffic = { 0 };
	__u8 ucmac_bytes[SL_MAC_LEN];
	int kind = -ENOENT;

	sl_ucmac_write(ucmac_bytes, w->id);
	if (w->port.vex_ifindex)
		kind = sl_attached_kind(inst->programs, SL_PROG_VEX, w->port.vex_ifindex);
	/* Figures that cannot be read are shown as zero; the rest is worth an answer. */
	if (sl_maps_traffic(&inst->maps, w->id, &traffic, NULL))
		traffic = (struct sl_traffic){ 0 };
	return json_pack(
		"{si ss ss si ss ss ss ss ss sb sb sI s{ss si} s{ss si} si ss s{sb sb} ss? ss ss s{so so}}",
		"id", w->id, "name", value->name, "target", w->target, "pid", (int)w->pid, "port",
		w->port.name, "mac", mac_format(w->port.mac, mac), "ucmac", mac_format(ucmac_bytes, ucmac),
		"mode", sl_mode_name(value->mode), "fail", sl_fail_name(value->fail), "strict",
		!!(value->flags & SL_WL_STRICT), "trace", !!(value->flags & SL_WL_TRACE), "generation",
		(json_int_t)value->generation, "vex", "name", w->port.vex_name, "ifindex",
		(int)w->port.vex_ifindex, "vin", "name", w->port.vin_name, "ifindex",
		(int)w->port.vin_ifindex, "mtu", (int)w->port.mtu, "attach", kind_name(kind), "peer", "vex",
		!!(value->flags & SL_WL_PEER_VEX), "vin", !!(value->flags & SL_WL_PEER_VIN), "far_mac",
		memcmp(value->far_mac, unknown, SL_MAC_LEN) ? mac_format(value->far_mac, far) : NULL, "side",
		side_name(w), "side_reason", w->side_reason, "traffic", "to_workload",
		show_direction(&traffic.to_workload), "from_workload",
		show_direction(&traffic.from_workload));
}

/* record: of one of its lanes; stamped_ns: the worker's heartbeat, who reads both. */
static json_t *show_queue(__u32 queue, const struct sl_core *record, __u64 stamped_ns)
{
	json_t *age = json_null();

	if (stamped_ns)
		age = json_integer((now_ns() - stamped_ns) / 1000000);
	return json_pack("{si so sI sI sI sI sI sI sI sI sI sI sI sI sI sI}", "queue", (int)queue,
			 "heartbeat_age_ms", age, "rx_frames", (json_int_t)record->rx_frames, "rx_bytes",
			 (json_int_t)record->rx_bytes, "tx_frames", (json_int_t)record->tx_frames, "tx_bytes",
			 (json_int_t)record->tx_bytes, "drop_tx_full", (json_int_t)record->drop_tx_full,
			 "drop_invalid", (json_int_t)record->drop_invalid, "drop_rx_full",
			 (json_int_t)record->drop_rx_full, "drop_fill_empty",
			 (json_int_t)record->drop_fill_empty, "tx_invalid", (json_int_t)record->tx_invalid,
			 "wakeups", (json_int_t)record->wakeups, "polls", (json_int_t)record->polls,
			 "dropped", (json_int_t)record->dropped, "made", (json_int_t)record->made, "bundled",
			 (json_int_t)record->bundled);
}

static json_t *show_core(struct instance *inst)
{
	json_t *queues = json_array(), *bulk = json_array();
	struct core_status status;
	struct sl_core record;
	__u64 stamped_ns;

	core_status(inst->core, &status);
	for (__u32 queue = 0; queue < inst->bridge.queues; queue++) {
		__u32 bulk_queue = SL_CORE_BULK + queue;

		if (bpf_map_lookup_elem(inst->maps.core, &queue, &record))
			continue;
		stamped_ns = record.heartbeat_ns;
		json_array_append_new(queues, show_queue(queue, &record, stamped_ns));
		if (inst->bridge.vbk_ifindex && !bpf_map_lookup_elem(inst->maps.core, &bulk_queue, &record))
			json_array_append_new(bulk, show_queue(queue, &record, stamped_ns));
	}
	return json_pack("{ss ss si sb si sI ss* so so}", "kind",
			 inst->conf.dpi == SL_DPI_EXTERNAL ? "external" : "internal", "state",
			 core_state_name(status.state), "pid", (int)status.pid, "adopted", status.adopted,
			 "restarts", (int)status.restarts, "state_ms",
			 (json_int_t)((now_ns() - status.since_ns) / 1000000), "last_end",
			 *status.last_end ? status.last_end : NULL, "queues", queues, "bulk_queues", bulk);
}

static json_t *show_leg(const struct instance *inst, const char *name, __u32 ifindex)
{
	return json_pack("{ss si si si}", "name", name, "ifindex", (int)ifindex, "mtu", (int)inst->bridge.mtu,
			 "queues", (int)inst->bridge.queues);
}

/* The bulk lane: its pair, or why there is none. */
static json_t *show_bulk(const struct instance *inst)
{
	if (!inst->bridge.vbk_ifindex)
		return json_pack("{sb ss}", "on", 0, "reason", inst->no_bulk.text);
	return json_pack("{sb so so}", "on", 1, "vbk",
			 show_leg(inst, inst->conf.vbk, inst->bridge.vbk_ifindex), "vtk",
			 show_leg(inst, inst->conf.vtk, inst->bridge.vtk_ifindex));
}

static int count_host_side(const struct instance *inst)
{
	struct workload *w;
	int n = 0;

	for (w = workloads_next(inst->workloads, 0); w; w = workloads_next(inst->workloads, w->id))
		n += w->port.side == PORT_SIDE_HOST;
	return n;
}

json_t *show_status(struct instance *inst)
{
	json_int_t uptime_ms = (now_ns() - inst->started_ns) / 1000000;

	return json_pack("{ss ss si sI sI ss s{sI sI} so so so ss ss sI so si si}", "instance",
			 inst->conf.instance, "version", SLUICE_VERSION, "pid", (int)getpid(), "uptime",
			 uptime_ms / 1000, "uptime_ms", uptime_ms, "netns", instance_netns(inst), "netns_id",
			 "dev", (json_int_t)inst->agent_id.dev, "ino", (json_int_t)inst->agent_id.ino, "vbr",
			 show_leg(inst, inst->conf.vbr, inst->bridge.vbr_ifindex), "vth",
			 show_leg(inst, inst->conf.vth, inst->bridge.vth_ifindex), "bulk", show_bulk(inst),
			 "attach", kind_name(inst->attach), "redirect",
			 inst->redirect_peer ? "peer" : "plain", "heartbeat_ms",
			 (json_int_t)inst->conf.heartbeat_ms, "dpi", show_core(inst), "workloads",
			 (int)workloads_count(inst->workloads), "host_side", count_host_side(inst));
}

static int add_check(json_t *checks, const char *name, enum sl_check_status status, const char *detail)
{
	static const char *const words[] = { "ok", "warn", "fail" };

	return json_array_append_new(checks, json_pack("{ss ss ss}", "name", name, "status", words[status],
						       "detail", detail));
}

static int check_core(struct instance *inst, json_t *checks)
{
	enum sl_check_status result = SL_CHECK_OK;
	__u32 queue, stale = 0;
	struct core_status status;
	struct sl_core record;
	char detail[256];

	core_status(inst->core, &status);
	if (status.state == CORE_EXTERNAL)
		return add_check(checks, "core", SL_CHECK_OK,
				 "external: not watched, no heartbeat is expected");
	for (queue = 0; queue < inst->bridge.queues; queue++) {
		if (bpf_map_lookup_elem(inst->maps.core, &queue, &record) ||
		    record.heartbeat_ns + inst->conf.heartbeat_ms * 1000000ULL < now_ns())
			stale++;
	}
	if (status.state != CORE_RUNNING || stale)
		result = SL_CHECK_FAIL;
	else if (status.restarts)
		result = SL_CHECK_WARN;
	snprintf(detail, sizeof(detail), "%s, pid %d, %u restarts%s%s, %u of %u queues without a heartbeat",
		 core_state_name(status.state), status.pid, status.restarts,
		 *status.last_end ? ", the last one " : "", status.last_end, stale, inst->bridge.queues);
	return add_check(checks, "core", result, detail);
}

static int check_bridge(struct instance *inst, json_t *checks)
{
	int kind = sl_attached_kind(inst->programs, SL_PROG_VBR, inst->bridge.vbr_ifindex);
	int xdp = sl_attached_kind(inst->programs, SL_PROG_VTH, inst->bridge.vth_ifindex);
	bool good = kind >= 0 && (xdp >= 0) == (inst->conf.dpi == SL_DPI_INTERNAL);
	char detail[256];

	snprintf(detail, sizeof(detail), "%s (ifindex %u): sl_vbr %s; %s (ifindex %u): XDP %s",
		 inst->conf.vbr, inst->bridge.vbr_ifindex,
		 kind >= 0 ? kind_name(kind) : "is missing: start sluiced again", inst->conf.vth,
		 inst->bridge.vth_ifindex, xdp >= 0 ? "sl_vth" : "none of ours");
	return add_check(checks, "bridge", good ? SL_CHECK_OK : SL_CHECK_FAIL, detail);
}

static int check_bulk(struct instance *inst, json_t *checks)
{
	struct sl_bridge *bridge = &inst->bridge;
	char detail[SL_ERR_LEN + 64];
	int back, end;

	if (!bridge->vbk_ifindex) {
		snprintf(detail, sizeof(detail), "off, everything goes by %s: %s", inst->conf.vbr,
			 inst->no_bulk.text);
		/* As configured, or not to be had. */
		return add_check(checks, "bulk", sl_conf_bulk(&inst->conf) ? SL_CHECK_WARN : SL_CHECK_OK,
				 detail);
	}
	back = sl_attached_kind(inst->programs, SL_PROG_VBK, bridge->vbk_ifindex);
	end = sl_attached_kind(inst->programs, SL_PROG_VTK, bridge->vtk_ifindex);
	snprintf(detail, sizeof(detail), "%s (ifindex %u): sl_vbk %s; %s (ifindex %u): sl_vtk %s",
		 inst->conf.vbk, bridge->vbk_ifindex,
		 back >= 0 ? kind_name(back) : "is missing: start sluiced again", inst->conf.vtk,
		 bridge->vtk_ifindex, end >= 0 ? kind_name(end) : "is missing: start sluiced again");
	return add_check(checks, "bulk", back >= 0 && end >= 0 ? SL_CHECK_OK : SL_CHECK_FAIL, detail);
}

static int check_workloads(struct instance *inst, json_t *checks)
{
	unsigned int bad = 0, n = 0;
	char detail[256], first[128] = "";
	struct workload *w;

	for (w = workloads_next(inst->workloads, 0); w; w = workloads_next(inst->workloads, w->id)) {
		n++;
		if (w->taken && sl_attached_kind(inst->programs, SL_PROG_VEX, w->port.vex_ifindex) >= 0 &&
		    sl_attached_kind(inst->programs, SL_PROG_VIN, w->port.vin_ifindex) >= 0)
			continue;
		if (!bad++)
			snprintf(first, sizeof(first), "; the first is id %u, port %s of %.64s", w->id,
				 w->port.name, w->target);
	}
	snprintf(detail, sizeof(detail), "%u ports taken, %u of them without their programs%s", n, bad,
		 first);
	return add_check(checks, "workloads", bad ? SL_CHECK_FAIL : SL_CHECK_OK, detail);
}

json_t *show_doctor(struct instance *inst)
{
	const struct sl_probe *probe = &inst->probe;
	json_t *checks = json_array();
	int r = 0;

	for (unsigned int i = 0; i < probe->n_checks; i++)
		r |= add_check(checks, probe->check[i].name, probe->check[i].status, probe->check[i].detail);
	r |= check_bridge(inst, checks);
	r |= check_bulk(inst, checks);
	r |= check_core(inst, checks);
	r |= check_workloads(inst, checks);
	if (r) {
		json_decref(checks);
		return NULL;
	}
	return json_pack("{so}", "checks", checks);
}

json_t *show_trace(struct instance *inst)
{
	json_t *programs = json_array(), *ids = json_array();
	struct sl_config config = { 0 };
	struct workload *w;
	__u32 zero = 0;

	if (bpf_map_lookup_elem(inst->maps.config, &zero, &config))
		config.trace = config.trace_all = 0;
	for (unsigned int prog = 0; prog < SL_PROG_MAX; prog++) {
		if (config.trace & (1U << prog))
			json_array_append_new(programs, json_string(sl_program_name(prog)));
	}
	for (w = workloads_next(inst->workloads, 0); w; w = workloads_next(inst->workloads, w->id)) {
		if ((w->value.flags & SL_WL_TRACE) && json_array_size(ids) < TRACE_IDS_MAX)
			json_array_append_new(ids, json_integer(w->id));
	}
	return json_pack("{so sb so}", "programs", programs, "all", !!config.trace_all, "workloads", ids);
}

int show_list_begin(struct show_list *list)
{
	*list = (struct show_list){ .items = json_array() };
	list->object = json_pack("{sO}", "items", list->items);
	json_decref(list->items); /* the object holds it now */
	return list->object ? 0 : -ENOMEM;
}

int show_list_add(struct show_list *list, __u32 id, json_t *item)
{
	size_t len;

	if (!item)
		return -ENOMEM;
	len = json_dumpb(item, NULL, 0, JSON_COMPACT) + 1;
	if (!list->full && list->used + len > SHOW_LIST_MAX) {
		list->full = true;
		json_object_set_new(list->object, "next", json_integer(list->last));
	}
	if (list->full) {
		json_decref(item);
		return 0;
	}
	list->used += len;
	list->last = id;
	return json_array_append_new(list->items, item) ? -ENOMEM : 1;
}
