// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What the existing agent's u32, pedit and mirred rules do, for kernels without
 * act_pedit: an endpoint's MAC becomes its UCMAC on the way to vbr and is
 * restored on the way back; all else goes from leg to leg.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#define PASS 0
#define DROP 2
#define IP 0x0008 /* ethertype as it lies there */

const volatile __u8 mac[6];
const volatile __u8 ucmac[6];
const volatile __u32 vex, vin, vbr;

static __always_inline bool is(const __u8 *at, const volatile __u8 *what)
{
	for (int i = 0; i < 6; i++)
		if (at[i] != what[i])
			return false;
	return true;
}

static __always_inline int rewrite(struct __sk_buff *skb, __u32 at, const volatile __u8 *to, __u32 port)
{
	__u8 bytes[6];

	for (int i = 0; i < 6; i++)
		bytes[i] = to[i];
	if (bpf_skb_store_bytes(skb, at, bytes, sizeof(bytes), 0))
		return DROP;
	return bpf_redirect(port, 0);
}

SEC("tc")
int from_vex(struct __sk_buff *skb)
{
	struct ethhdr eth;

	if (bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)))
		return DROP;
	if (eth.h_proto == IP && is(eth.h_dest, mac))
		return rewrite(skb, 0, ucmac, vbr);
	return bpf_redirect(vin, 0);
}

SEC("tc")
int from_vin(struct __sk_buff *skb)
{
	struct ethhdr eth;

	if (bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)))
		return DROP;
	if (eth.h_proto == IP && is(eth.h_source, mac))
		return rewrite(skb, 6, ucmac, vbr);
	return bpf_redirect(vex, 0);
}

SEC("tc")
int from_vbr(struct __sk_buff *skb)
{
	struct ethhdr eth;

	if (bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)))
		return DROP;
	if (is(eth.h_dest, ucmac))
		return rewrite(skb, 0, mac, vin);
	if (is(eth.h_source, ucmac))
		return rewrite(skb, 6, mac, vex);
	return PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
