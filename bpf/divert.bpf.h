/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Moving a frame: rewriting a MAC address and redirecting.
 *
 * bpf_redirect_peer() puts the frame straight into the far end's namespace,
 * past its eth_type_trans(). From then on the frame counts as PACKET_HOST (we
 * set it; kernels that scrub on the way set it for every frame). So it is used
 * only for frames that are addressed to the kernel behind the far end; foreign
 * and group-addressed ones take bpf_redirect() and are judged by the receiver.
 *
 * Invariant: a mark set by anyone in this namespace never reaches another
 * (some kernels keep it across bpf_redirect_peer()).
 */
#ifndef SLUICE_DIVERT_BPF_H
#define SLUICE_DIVERT_BPF_H

#include "maps.bpf.h"

#define TC_ACT_SHOT 2
#define PACKET_HOST 0

/* Both are at even offsets of even-aligned objects: three loads each, and one branch. */
static __always_inline bool sl_mac_equal(const __u8 *mac1, const __u8 *mac2)
{
	const __u16 *a = (const __u16 *)mac1, *b = (const __u16 *)mac2;

	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]));
}

static __always_inline bool sl_mac_is_group(const __u8 *mac)
{
	return mac[0] & 1;
}

/* A MAC address at `offset` (of ethhdr) := mac. Copies the header only if it is shared. 0 or -errno. */
static __always_inline long sl_write_mac(struct __sk_buff *skb, __u32 offset, const __u8 *mac)
{
	return bpf_skb_store_bytes(skb, offset, mac, SL_MAC_LEN, 0);
}

#define SL_OFFSET_DA offsetof(struct ethhdr, h_dest)
#define SL_OFFSET_SA offsetof(struct ethhdr, h_source)
#ifndef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
#endif

/* The mark is ours to clear: whoever set it did so in this namespace. */
static __always_inline void sl_clear_mark(struct __sk_buff *skb)
{
	if (skb->mark)
		skb->mark = 0;
}

/* To the far end of `ifindex`; for_far_end: the frame is addressed to that kernel and the leg allows it. */
static __always_inline int sl_send(struct __sk_buff *skb, __u32 ifindex, bool for_far_end)
{
	sl_clear_mark(skb);
	if (!for_far_end)
		return bpf_redirect(ifindex, 0);
	if (skb->pkt_type != PACKET_HOST)
		bpf_skb_change_type(skb, PACKET_HOST);
	return bpf_redirect_peer(ifindex, 0);
}

/* Toward the workload, the frame's destination MAC being da. */
static __always_inline int sl_send_to_workload(struct __sk_buff *skb, const struct sl_workload *workload,
					       const __u8 *mac, const __u8 *da)
{
	return sl_send(skb, workload->vin_ifindex,
		       (workload->flags & SL_WL_PEER_VIN) && sl_mac_equal(da, mac));
}

/* Toward the network. */
static __always_inline int sl_send_to_network(struct __sk_buff *skb, const struct sl_workload *workload,
					      const __u8 *da)
{
	return sl_send(skb, workload->vex_ifindex,
		       (workload->flags & SL_WL_PEER_VEX) && sl_mac_equal(da, workload->far_mac));
}

#endif
