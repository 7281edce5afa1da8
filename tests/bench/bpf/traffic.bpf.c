// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Makes frames and counts them: the two ends of a flood.
 *
 * bench_gen is run by BPF_PROG_TEST_RUN with BPF_F_TEST_XDP_LIVE_FRAMES: each
 * run is a frame, which it redirects into the host's end of the port under
 * test. That is the cheapest way there is: the flood shares a CPU with the
 * first half of what is measured. bench_sink sits at the far end and stops the
 * frames before the receiver's stack makes an ICMP error of each.
 *
 * Invariant: pages are used again as they were last modified, so bench_gen
 * writes whatever anything on the way may have changed, the MAC addresses, and
 * what differs between frames, the source's address and port.
 */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define ETH_P_IP 0x0800
#define TC_ACT_SHOT 2
#define TCX_NEXT -1
/* Offsets in the frame: IPv4 without options, UDP. */
#define CHECKSUM 24
#define SOURCE_HOST 29 /* the last byte of the address */
#define SOURCE_PORT 34
#define BENCH_SOURCE 40000
#define PORT_BITS 14 /* of the number of a flow; those above go into the address, … */
#define APART 4 /* … so that it is not that of the receiver, which comes behind the first sender's */

/* Set before loading. */
const volatile __u16 bench_port; /* UDP destination port of the flood, host byte order */

/* Set for each run. */
__u8 bench_macs[12]; /* destination, source */
__u32 bench_target; /* ifindex of the port to feed */
__u16 bench_checksum; /* of the header, host byte order, for the first of the flows … */
__u8 bench_host; /* … and the last byte of its source's address */
__u32 bench_flow_mask; /* so many flows, less one: a power of two, less one */
__u32 bench_far; /* of the leg behind which bench_bare puts frames */

/* Each is written on one CPU at a time: the generator's thread is pinned, one program sends. */
__u64 bench_sent;
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} bench_received SEC(".maps");

SEC("xdp")
int bench_gen(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u32 flow = bench_sent & bench_flow_mask, host = (flow >> PORT_BITS) * APART, sum;

	if ((void *)(data + SOURCE_PORT + sizeof(__be16)) > end)
		return XDP_ABORTED;
	__builtin_memcpy(data, bench_macs, sizeof(bench_macs));
	/* RFC 1624, equation 3. The datagrams have no checksum. */
	sum = (__u16)~bench_checksum + host;
	*(__be16 *)(data + CHECKSUM) = bpf_htons(~((sum & 0xffff) + (sum >> 16)));
	data[SOURCE_HOST] = bench_host + host;
	*(__be16 *)(data + SOURCE_PORT) = bpf_htons(BENCH_SOURCE + (flow & ((1 << PORT_BITS) - 1)));
	bench_sent++;
	return bpf_redirect(bench_target, 0);
}

/* On the far end of the host's port: a veth takes frames of XDP only while it has an XDP program itself (or GRO). */
SEC("xdp")
int bench_pass(struct xdp_md *ctx)
{
	return ctx->data == ctx->data_end ? XDP_DROP : XDP_PASS;
}

/* The least that a program between two pairs can do. */
SEC("tc")
int bench_bare(struct __sk_buff *skb)
{
	(void)skb;
	return bpf_redirect_peer(bench_far, 0);
}

struct bench_headers {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
} __attribute__((packed));

SEC("tc")
int bench_sink(struct __sk_buff *skb)
{
	struct bench_headers headers;
	__u32 zero = 0;
	__u64 *count;

	if (bpf_skb_load_bytes(skb, 0, &headers, sizeof(headers)))
		return TCX_NEXT;
	if (headers.eth.h_proto != bpf_htons(ETH_P_IP) || headers.ip.protocol != IPPROTO_UDP ||
	    headers.udp.dest != bpf_htons(bench_port))
		return TCX_NEXT;
	count = bpf_map_lookup_elem(&bench_received, &zero);
	if (count)
		*count += 1;
	return TC_ACT_SHOT;
}

char _license[] SEC("license") = "Dual BSD/GPL";
