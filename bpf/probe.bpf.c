// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The programs with which the daemon tries out what this kernel does, in
 * namespaces made for that and thrown away.
 *
 * Invariant: only frames of the probe's own ethertype are touched or counted;
 * whatever else a new interface sends (IPv6 does at once) goes its way.
 */
/* What is read of a frame is the same everywhere: nothing to look up in the kernel's types, which takes its time. */
#define BPF_NO_PRESERVE_ACCESS_INDEX
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define ETH_P_PROBE 0x88b5 /* IEEE 802: local experimental ethertype 1 */
#define PACKET_HOST 0
#define TC_ACT_UNSPEC (-1) /* also TCX_NEXT */
#define TC_ACT_SHOT 2

/* Set and read by the daemon's probe through the object's memory-mapped variables. */
__u32 probe_to; /* ifindex to redirect to */
__u32 probe_queue; /* of the interface redirected to */
__u64 probe_tc_runs;
__u64 probe_xdp_runs;

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} probe_xsks SEC(".maps");

static __always_inline bool ours(struct __sk_buff *skb)
{
	if (skb->protocol != bpf_htons(ETH_P_PROBE))
		return false;
	__sync_fetch_and_add(&probe_tc_runs, 1);
	return true;
}

SEC("tc")
int sl_probe_plain(struct __sk_buff *skb)
{
	if (!ours(skb))
		return TC_ACT_UNSPEC;
	skb->queue_mapping = probe_queue + 1;
	return bpf_redirect(probe_to, 0);
}

/* As vbr does it after it has restored a MAC. */
SEC("tc")
int sl_probe_peer(struct __sk_buff *skb)
{
	if (!ours(skb))
		return TC_ACT_UNSPEC;
	if (bpf_skb_change_type(skb, PACKET_HOST))
		return TC_ACT_SHOT;
	return bpf_redirect_peer(probe_to, 0);
}

/* The same with the packet type left to the kernel, which some kernels set right by themselves. */
SEC("tc")
int sl_probe_bare(struct __sk_buff *skb)
{
	if (!ours(skb))
		return TC_ACT_UNSPEC;
	return bpf_redirect_peer(probe_to, 0);
}

SEC("xdp.frags")
int sl_probe_xdp(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;

	if ((void *)(eth + 1) > end || eth->h_proto != bpf_htons(ETH_P_PROBE))
		return XDP_PASS;
	__sync_fetch_and_add(&probe_xdp_runs, 1);
	return bpf_redirect_map(&probe_xsks, ctx->rx_queue_index, XDP_PASS);
}

char _license[] SEC("license") = "Dual BSD/GPL";
