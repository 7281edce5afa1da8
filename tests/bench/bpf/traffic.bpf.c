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
 * A flow's datagrams are those of a connected socket: numbered one by one,
 * with their checksum.
 *
 * Invariant: pages are used again as they were last modified, so bench_gen
 * writes whatever anything on the way may have changed, the MAC addresses, and
 * what differs between frames: identification, the source's address and port,
 * and the sums.
 */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define ETH_P_IP 0x0800
#define TC_ACT_SHOT 2
#define TCX_NEXT -1
/* Offsets in the frame: IPv4 without options, UDP. */
#define IDENTIFICATION 18
#define CHECKSUM 24
#define SOURCE_HOST 29 /* the last byte of the address */
#define SOURCE_PORT 34
#define UDP_CHECKSUM 40
#define BENCH_SOURCE 40000
#define PORT_BITS 14 /* of the number of a flow; those above go into the address, … */
#define APART 4 /* … so that it is not that of the receiver, which comes behind the first sender's */

/* Set before loading. */
const volatile __u16 bench_port; /* UDP destination port of the flood, host byte order */

/* Set for each run. */
__u8 bench_macs[12]; /* destination, source */
__u32 bench_target; /* ifindex of the port to feed */
__u16 bench_checksum,
	bench_udp_checksum; /* host byte order, of a flow's first for the first of the flows … */
__u8 bench_host; /* … and the last byte of its source's address */
__u32 bench_flow_bits; /* two to the power of this: so many flows */
__u32 bench_far; /* of the leg behind which bench_bare puts frames */

/* Each is written on one CPU at a time: the generator's thread is pinned, one program sends. */
__u64 bench_sent;
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} bench_received SEC(".maps");

/* The sum when `more` has been added to what it covers, which does not carry out of its word: RFC 1624, equation 3. */
static __always_inline __be16 sum_of(__u16 before, __u32 more)
{
	__u32 sum = (__u16)~before + more;

	sum = (sum & 0xffff) + (sum >> 16);
	return bpf_htons(~((sum & 0xffff) + (sum >> 16)));
}

SEC("xdp")
int bench_gen(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u32 flow = bench_sent & ((1 << bench_flow_bits) - 1);
	__u32 host = (flow >> PORT_BITS) * APART, port = flow & ((1 << PORT_BITS) - 1);
	__u16 number = bench_sent >> bench_flow_bits;
	__be16 udp;

	if ((void *)(data + UDP_CHECKSUM + sizeof(__be16)) > end)
		return XDP_ABORTED;
	__builtin_memcpy(data, bench_macs, sizeof(bench_macs));
	*(__be16 *)(data + IDENTIFICATION) = bpf_htons(number);
	*(__be16 *)(data + CHECKSUM) = sum_of(bench_checksum, host + number);
	data[SOURCE_HOST] = bench_host + host;
	*(__be16 *)(data + SOURCE_PORT) = bpf_htons(BENCH_SOURCE + port);
	udp = sum_of(bench_udp_checksum, host + port);
	*(__be16 *)(data + UDP_CHECKSUM) = udp ?: 0xffff;
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
		*count += skb->gso_segs ?: 1; /* of datagrams that came together, each */
	return TC_ACT_SHOT;
}

char _license[] SEC("license") = "Dual BSD/GPL";
