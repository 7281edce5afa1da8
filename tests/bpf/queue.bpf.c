// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Shows what cannot be seen from outside a program run: the flow hash and the
 * queue that the real flow.bpf.h computes for a frame.
 */
#include "flow.bpf.h"

const volatile __u32 queues = 1;

static __always_inline bool parse(struct __sk_buff *skb, struct sl_parsed *parsed)
{
	struct ethhdr eth;

	if (bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)))
		return false;
	sl_parse(skb, eth.h_proto, parsed);
	return parsed->kind == SL_FRAME_IPV4 || parsed->kind == SL_FRAME_IPV6;
}

/* Returns the flow hash; 0 for a frame that is not IP. */
SEC("tc")
int queue_hash(struct __sk_buff *skb)
{
	struct sl_parsed parsed;

	return parse(skb, &parsed) ? (int)sl_flow_hash(skb, parsed.l3) : 0;
}

/* Returns the queue out of `queues`; -1 for a frame that is not IP. */
SEC("tc")
int queue_number(struct __sk_buff *skb)
{
	struct sl_parsed parsed;

	return parse(skb, &parsed) ? (int)sl_flow_queue(sl_flow_hash(skb, parsed.l3), queues) : -1;
}

char _license[] SEC("license") = "Dual BSD/GPL";
