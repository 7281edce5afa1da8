// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Drives one of the product's programs in BPF_PROG_TEST_RUN, which runs the
 * same skb again and again, as the run before has left it: bench_drive puts the
 * frame back into its first state, then tail-calls the program to be measured,
 * the loaded one, as it is.
 *
 * Invariant: what bench_drive itself costs is measured by the same call into
 * bench_nothing and subtracted.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#define TC_ACT_SHOT 2
#define PACKET_OTHERHOST 3

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} bench_target SEC(".maps");

__u8 bench_macs[12]; /* destination, source; the id in the last two bytes of the destination is filled in */
__u32 bench_ids; /* the id is 1..bench_ids; a power of two; 0: bench_macs as it is */
__u32 bench_random; /* 1: another id for each frame; 0: always the last */
__u32 bench_state; /* of the random numbers */

SEC("tc")
int bench_drive(struct __sk_buff *skb)
{
	__u8 macs[sizeof(bench_macs)];
	__u32 id = bench_ids;

	__builtin_memcpy(macs, bench_macs, sizeof(macs));
	/* Both kinds of run do the same work up to here: the numbers are drawn whether used or not. */
	bench_state = bench_state * 1664525 + 1013904223;
	if (id) {
		if (bench_random)
			id = 1 + ((bench_state >> 12) & (id - 1));
		macs[4] = id >> 8;
		macs[5] = id;
	}
	bpf_skb_store_bytes(skb, 0, macs, sizeof(macs), 0);
	if (skb->pkt_type != PACKET_OTHERHOST)
		bpf_skb_change_type(skb, PACKET_OTHERHOST);
	bpf_tail_call(skb, &bench_target, 0);
	return TC_ACT_SHOT;
}

SEC("tc")
int bench_nothing(struct __sk_buff *skb)
{
	return skb->len ? 0 : TC_ACT_SHOT;
}

/* On vth: the copies of tap mode end here, where a core would take them. */
SEC("xdp")
int bench_drop(struct xdp_md *ctx)
{
	return ctx->data == ctx->data_end ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "Dual BSD/GPL";
