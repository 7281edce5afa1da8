// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Native XDP on vth: hands each frame to the AF_XDP socket of its queue.
 *
 * Invariant: nothing reaches this namespace's own stack by vth; without a
 * socket the frame is dropped and counted. "frags", so that frames larger than
 * a page (jumbo) come through on kernels whose AF_XDP takes several buffers.
 */
#include "count.bpf.h"
#include "trace.bpf.h"

static __always_inline void vth_trace(const struct sl_config *config, const struct xdp_md *ctx,
				      enum sl_reason reason, __u32 bytes)
{
	const struct ethhdr *eth = (void *)(long)ctx->data;
	const struct sl_workload *workload;
	__u32 id = 0;

	if (!(config->trace & (1U << SL_PROG_VTH)) || (void *)(eth + 1) > (void *)(long)ctx->data_end)
		return;
	workload = sl_traced_workload(eth, &id);
	if (sl_traced(config, SL_PROG_VTH, workload))
		sl_trace_frame("vth", id, reason, eth, bytes);
}

SEC("xdp.frags")
int sl_vth(struct xdp_md *ctx)
{
	const struct sl_config *config = sl_config();
	enum sl_reason reason = SL_R_to_core;
	__u64 bytes = bpf_xdp_get_buff_len(ctx);
	struct sl_counters *counters;
	int action;

	counters = sl_count_in(SL_PROG_VTH, 1, bytes);
	if (!counters || !config)
		return XDP_DROP;
	action = bpf_redirect_map(&sl_xsks_v1, ctx->rx_queue_index, XDP_DROP);
	if (action != XDP_REDIRECT)
		reason = SL_R_no_core;
	sl_count_out(counters, reason, 1, bytes);
	vth_trace(config, ctx, reason, bytes);
	return action;
}
