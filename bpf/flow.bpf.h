/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Which flow does a frame belong to, and so which queue, and so which worker?
 *
 * Invariant: both directions of a flow get the same hash (addresses and ports
 * enter in sorted order), whichever port of whichever workload they are seen
 * on. Fragments have no ports to read but the first, so all of them, the first
 * too, go by their address pair.
 */
#ifndef SLUICE_FLOW_BPF_H
#define SLUICE_FLOW_BPF_H

#include "parse.bpf.h"

#define SL_IP_MF 0x2000
#define SL_IP_OFFSET 0x1fff
/* From linux/in6.h, macros there. */
#define IPPROTO_HOPOPTS 0
#define IPPROTO_ROUTING 43
#define IPPROTO_FRAGMENT 44
#define IPPROTO_DSTOPTS 60
#define SL_EXT_MAX 8 /* IPv6 extension headers followed to find the ports */

struct sl_ports_pair {
	__be16 source;
	__be16 dest;
};

/* Mixing step of Jenkins' one-at-a-time hash on 32-bit words: cheap, and spreads low bits upward. */
static __always_inline __u32 sl_mix(__u32 hash, __u32 word)
{
	hash += word;
	hash += hash << 10;
	hash ^= hash >> 6;
	return hash;
}

/* Adds an unordered pair: (a, b) and (b, a) give the same. */
static __always_inline __u32 sl_mix_pair(__u32 hash, __u32 a, __u32 b)
{
	hash = sl_mix(hash, a < b ? a : b);
	return sl_mix(hash, a < b ? b : a);
}

static __always_inline __u32 sl_mix_end(__u32 hash)
{
	hash += hash << 3;
	hash ^= hash >> 11;
	hash += hash << 15;
	return hash;
}

static __always_inline bool sl_has_ports(__u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_DCCP || proto == IPPROTO_UDPLITE;
}

/* Adds the port pair at `offset`; a frame too short for it hashes without. */
static __always_inline __u32 sl_mix_ports(struct __sk_buff *skb, __u32 hash, __u8 proto, __u32 offset)
{
	struct sl_ports_pair ports;

	hash = sl_mix(hash, proto);
	if (!sl_has_ports(proto) || !sl_read(skb, offset, &ports))
		return hash;
	return sl_mix_pair(hash, ports.source, ports.dest);
}

static __always_inline __u32 sl_flow_hash_v4(struct __sk_buff *skb, __u32 l3, const struct iphdr *ip)
{
	__u32 hash = sl_mix_pair(0, ip->saddr, ip->daddr);

	if (ip->frag_off & bpf_htons(SL_IP_MF | SL_IP_OFFSET))
		return hash;
	return sl_mix_ports(skb, hash, ip->protocol, l3 + ip->ihl * 4);
}

/*
 * The offset of the transport header behind the extension headers, its protocol in *proto; 0 if this is a
 * fragment or the chain is cut or longer than SL_EXT_MAX.
 */
static __always_inline __u32 sl_skip_extensions(struct __sk_buff *skb, __u32 l3, __u8 next, __u8 *proto)
{
	__u32 offset = l3 + sizeof(struct ipv6hdr);
	struct {
		__u8 next;
		__u8 len;
	} ext;

	for (int i = 0; i < SL_EXT_MAX; i++) {
		switch (next) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
		case IPPROTO_AH:
			if (!sl_read(skb, offset, &ext))
				return 0;
			/* RFC 8200: in 8 bytes beyond the first 8; RFC 4302: AH in 4 bytes, less 2. */
			offset += next == IPPROTO_AH ? (ext.len + 2) * 4 : (ext.len + 1) * 8;
			next = ext.next;
			break;
		case IPPROTO_FRAGMENT:
			return 0;
		default:
			*proto = next;
			return offset;
		}
		/* Ports further out than is read go by the address pair. */
		if (offset > SL_OFFSET_MAX)
			return 0;
	}
	return 0;
}

static __always_inline __u32 sl_flow_hash_v6(struct __sk_buff *skb, __u32 l3, const struct ipv6hdr *ip)
{
	const __be32 *s = ip->saddr.in6_u.u6_addr32;
	const __be32 *d = ip->daddr.in6_u.u6_addr32;
	__u32 hash, offset;
	__u8 proto = 0;

	/* Each address is folded by itself first: word-wise sorting would mix the two up. */
	hash = sl_mix_pair(0, sl_mix(sl_mix(sl_mix(sl_mix(0, s[0]), s[1]), s[2]), s[3]),
			   sl_mix(sl_mix(sl_mix(sl_mix(0, d[0]), d[1]), d[2]), d[3]));
	offset = sl_skip_extensions(skb, l3, ip->nexthdr, &proto);
	if (!offset)
		return hash;
	return sl_mix_ports(skb, hash, proto, offset);
}

/* l3: where the IP header is, of which sl_parse() has said that it is there. */
SL_APART __u32 sl_flow_hash(struct __sk_buff *skb, __u32 l3)
{
	struct ipv6hdr ip6;
	struct iphdr ip4;

	l3 &= SL_OFFSET_MAX;
	if (!sl_read(skb, l3, &ip4))
		return 0;
	if (ip4.version == 4)
		return sl_mix_end(sl_flow_hash_v4(skb, l3, &ip4));
	if (!sl_read(skb, l3, &ip6))
		return 0;
	return sl_mix_end(sl_flow_hash_v6(skb, l3, &ip6));
}

/* queues: 1..SL_QUEUES_MAX. The multiplication spreads the hash without a division. */
static __always_inline __u32 sl_flow_queue(__u32 hash, __u32 queues)
{
	return ((__u64)hash * queues) >> 32;
}

#endif
