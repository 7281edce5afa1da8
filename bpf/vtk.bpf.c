// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * tc ingress of vtk: where the bulk lane's frames end. Packet sockets have
 * been shown the frame before a program on this hook runs.
 *
 * Invariant: nothing reaches this namespace's own stack by vtk.
 */
#include "count.bpf.h"
#include "divert.bpf.h"
#include "trace.bpf.h"

/* Is nobody there to look at it? By the heartbeat of its queue's worker, who reads both lanes. */
static __always_inline bool vtk_absent(const struct sl_config *config, __u32 queue)
{
	const struct sl_core *core = bpf_map_lookup_elem(&sl_core_v2, &queue);

	return !core || !*(volatile __u64 *)&core->heartbeat_ns || !config->queues;
}

static __always_inline void vtk_trace(const struct sl_config *config, struct __sk_buff *skb,
				      enum sl_reason reason)
{
	const struct sl_workload *workload;
	struct ethhdr eth;
	__u32 id;

	if (!(config->trace & (1U << SL_PROG_VTK)) || bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)))
		return;
	workload = sl_traced_workload(&eth, &id);
	if (sl_traced(config, SL_PROG_VTK, workload))
		sl_trace_frame("vtk", id, reason, &eth, skb->len);
}

SEC("tc")
int sl_vtk(struct __sk_buff *skb)
{
	const struct sl_config *config = sl_config();
	__u32 segments = sl_segments(skb);
	enum sl_reason reason = SL_R_to_core;
	struct sl_counters *counters;

	counters = sl_count_in(SL_PROG_VTK, segments, skb->len);
	if (!counters || !config)
		return TC_ACT_SHOT;
	if (vtk_absent(config, skb->queue_mapping))
		reason = SL_R_no_core;
	sl_count_out(counters, reason, segments, skb->len);
	vtk_trace(config, skb, reason);
	return TC_ACT_SHOT;
}
