/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What vbr and vbk do with frames that the core has put back. The UCMAC says
 * whose they are and which way they were going when they were diverted: in the
 * destination toward the workload, in the source from it. `program` is a
 * constant in either.
 *
 * Invariant: a frame leaves by the leg opposite to the one it was diverted on,
 * or not at all. One lookup by UCMAC and one by workload, so the cost does not
 * depend on how many workloads there are.
 */
#ifndef SLUICE_BACK_BPF_H
#define SLUICE_BACK_BPF_H

#include "count.bpf.h"
#include "divert.bpf.h"
#include "trace.bpf.h"
#include "verdict.bpf.h"

struct sl_back_pass {
	struct __sk_buff *skb;
	const struct sl_workload *workload;
	struct sl_workload_key key;
	struct ethhdr eth;
	bool bulk; /* it came by the bulk lane */
	int action;
};

/* The core says that the verdict of this frame's flow has been given: can its direction turn behind it? */
static __always_inline void sl_back_turn(struct sl_back_pass *pass, bool to_workload)
{
	struct sl_segment segment = {};
	enum sl_verdict verdict;
	struct sl_parsed parsed;
	struct sl_flow *flow;

	sl_parse(pass->skb, pass->eth.h_proto, &parsed);
	if ((parsed.kind != SL_FRAME_IPV4 && parsed.kind != SL_FRAME_IPV6) ||
	    !sl_segment_read(pass->skb, &parsed, pass->key.id, to_workload, &segment) || segment.error ||
	    segment.key.protocol != IPPROTO_TCP)
		return;
	flow = sl_flow_find(&segment.key, pass->workload->generation, &verdict);
	if (flow && verdict != SL_VERDICT_DENY)
		sl_turn_behind(flow, to_workload, pass->bulk, segment.seq_end);
}

static __always_inline enum sl_reason sl_back_restore(struct sl_back_pass *pass, bool to_workload)
{
	/* The queue of the pair means nothing to the next device. */
	pass->skb->queue_mapping = 0;
	if (sl_write_mac(pass->skb, to_workload ? SL_OFFSET_DA : SL_OFFSET_SA, pass->key.mac))
		return SL_R_rewrite_failed;
	if (to_workload) {
		pass->action = sl_send_to_workload(pass->skb, pass->workload, pass->key.mac, pass->key.mac);
		return SL_R_to_workload;
	}
	pass->action = sl_send_to_network(pass->skb, pass->workload, pass->eth.h_dest);
	return SL_R_to_network;
}

static __always_inline enum sl_reason sl_back_decide(struct sl_back_pass *pass)
{
	void *data = (void *)(long)pass->skb->data;
	void *end = (void *)(long)pass->skb->data_end;
	bool to_workload, from_workload, handover;
	const struct sl_ucmac *ucmac;
	struct sl_ucmac_key key;

	if (data + sizeof(pass->eth) > end)
		return SL_R_too_short;
	pass->eth = *(struct ethhdr *)data;
	to_workload = sl_is_ucmac(pass->eth.h_dest);
	from_workload = sl_is_ucmac(pass->eth.h_source);
	if (to_workload && from_workload)
		return SL_R_uc_both;
	if (!to_workload && !from_workload)
		return SL_R_uc_neither;

	__builtin_memcpy(key.mac, to_workload ? pass->eth.h_dest : pass->eth.h_source, sizeof(key.mac));
	handover = key.mac[3] & SL_UCMAC_HANDOVER;
	key.mac[3] = SL_UCMAC_3;
	ucmac = bpf_map_lookup_elem(&sl_ucmacs_v1, &key);
	if (!ucmac)
		return SL_R_no_workload;
	pass->key = ucmac->workload;
	pass->workload = bpf_map_lookup_elem(&sl_workloads_v1, &pass->key);
	if (!pass->workload)
		return SL_R_no_workload;

	if (handover)
		sl_back_turn(pass, to_workload);
	switch (pass->workload->mode) {
	case SL_MODE_OFF: /* diverted before the switch: not lost by it */
	case SL_MODE_INLINE:
		return sl_back_restore(pass, to_workload);
	case SL_MODE_TAP:
		return SL_R_tap_copy;
	default:
		return SL_R_quarantine;
	}
}

/* The whole program: counts the frame in, decides, counts it out by the one reason. */
static __always_inline int sl_back(struct __sk_buff *skb, enum sl_program program)
{
	struct sl_back_pass pass = { .skb = skb, .bulk = program == SL_PROG_VBK, .action = TC_ACT_SHOT };
	const struct sl_config *config = sl_config();
	__u32 segments = sl_segments(skb);
	struct sl_counters *counters;
	__u64 bytes = skb->len;
	enum sl_reason reason;

	counters = sl_count_in(program, segments, bytes);
	if (!counters || !config)
		return TC_ACT_SHOT;
	reason = sl_back_decide(&pass);
	sl_count_out(counters, reason, segments, bytes);
	if (sl_traced(config, program, pass.workload)) {
		if (pass.bulk)
			sl_trace_frame("vbk", pass.key.id, reason, &pass.eth, skb->len);
		else
			sl_trace_frame("vbr", pass.key.id, reason, &pass.eth, skb->len);
	}
	return sl_is_drop(reason) ? TC_ACT_SHOT : pass.action;
}

#endif
