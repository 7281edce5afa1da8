/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What kind of frame is this, as the kernel that will receive it would see it?
 *
 * VLAN tags are walked like a receiving kernel strips them: the outermost may
 * be in the skb's metadata, the rest is in the data, 802.1Q or 802.1ad, any
 * VID, repeated. What lies in the linear part is read from there; the rest by
 * bpf_skb_load_bytes(), which also reaches into page fragments: a sender cannot
 * hide a header by how the frame lies in memory, and nothing is pulled (which
 * would copy the head of every cloned TCP frame) for the sake of looking.
 *
 * Invariant: SL_KIND_IP* is only said of a frame whose fixed IP header has
 * been read and agrees with the ethertype.
 */
#ifndef SLUICE_PARSE_BPF_H
#define SLUICE_PARSE_BPF_H

#include "maps.bpf.h"
#include <bpf/bpf_endian.h>

/* Macros are not in BTF and so not in vmlinux.h; from linux/if_ether.h. */
#define ETH_HLEN 14
#define ETH_P_IP 0x0800
#define ETH_P_ARP 0x0806
#define ETH_P_8021Q 0x8100
#define ETH_P_IPV6 0x86DD
#define ETH_P_8021AD 0x88A8
#define ETH_P_802_3_MIN 0x0600
#define ETH_ZLEN 60 /* minimum frame on a real wire: shorter ones arrive padded with zeros */

enum sl_kind {
	SL_FRAME_IPV4,
	SL_FRAME_IPV6,
	SL_FRAME_ARP,
	SL_FRAME_OTHER,
	SL_FRAME_VLAN_DEEP,
	SL_FRAME_SHORT,
	SL_FRAME_BAD_IP,
};

struct sl_parsed {
	enum sl_kind kind;
	__u32 l3; /* offset of the network header */
	__u16 ethertype; /* host order, behind all tags */
	union {
		struct iphdr ip4;
		struct ipv6hdr ip6;
	};
};

/* No header is looked for beyond this; it bounds what the verifier has to believe of an offset. */
#define SL_OFFSET_MAX 0x3ff

/*
 * *(to) := the object at `offset`, which is below SL_OFFSET_MAX; false if the frame ends before it does. The
 * type of `to` says how wide the loads may be (packed types are read byte by byte).
 */
#define sl_read(skb, offset, to)                                                                             \
	({                                                                                                   \
		void *at_ = (void *)(long)(skb)->data + ((offset)&SL_OFFSET_MAX);                            \
		bool good_ = true;                                                                           \
                                                                                                             \
		if (at_ + sizeof(*(to)) <= (void *)(long)(skb)->data_end)                                    \
			*(to) = *(typeof(to))at_;                                                            \
		else                                                                                         \
			good_ = !bpf_skb_load_bytes(skb, offset, to, sizeof(*(to)));                         \
		good_;                                                                                       \
	})

static __always_inline bool sl_is_vlan(__be16 proto)
{
	return proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD);
}

/*
 * A function that the verifier looks at once, by itself, and of whose result it then knows nothing: what follows a
 * loop is not looked at again for every way through it. vex and vin take it a fourteenth of the instructions so.
 */
#define SL_APART __weak __noinline

/*
 * What lies behind the Ethernet header and all VLAN tags in the data: its offset << 16 | its type, which is still a
 * VLAN type if there were more than SL_VLAN_MAX. -1 if a tag is cut short.
 */
SL_APART int sl_skip_vlans(struct __sk_buff *skb, __u32 type)
{
	__u32 offset = ETH_HLEN;
	__be16 proto = type;
	struct {
		__be16 tci;
		__be16 proto;
	} tag;

	for (int i = 0; i < SL_VLAN_MAX && sl_is_vlan(proto); i++) {
		if (!sl_read(skb, offset, &tag))
			return -1;
		proto = tag.proto;
		offset += sizeof(tag);
	}
	return offset << 16 | proto;
}

static __always_inline enum sl_kind sl_parse_ipv4(struct __sk_buff *skb, struct sl_parsed *p)
{
	if (!sl_read(skb, p->l3, &p->ip4))
		return SL_FRAME_SHORT;
	if (p->ip4.version != 4 || p->ip4.ihl < 5)
		return SL_FRAME_BAD_IP;
	if (p->l3 + p->ip4.ihl * 4 > skb->len)
		return SL_FRAME_SHORT;
	return SL_FRAME_IPV4;
}

static __always_inline enum sl_kind sl_parse_ipv6(struct __sk_buff *skb, struct sl_parsed *p)
{
	if (!sl_read(skb, p->l3, &p->ip6))
		return SL_FRAME_SHORT;
	return p->ip6.version == 6 ? SL_FRAME_IPV6 : SL_FRAME_BAD_IP;
}

static __always_inline void sl_parse(struct __sk_buff *skb, __be16 proto, struct sl_parsed *p)
{
	p->l3 = ETH_HLEN;
	if (sl_is_vlan(proto)) {
		int behind = sl_skip_vlans(skb, proto);

		if (behind < 0) {
			p->kind = SL_FRAME_SHORT;
			return;
		}
		proto = (__be16)behind;
		p->l3 = behind >> 16 & SL_OFFSET_MAX;
	}
	p->ethertype = bpf_ntohs(proto);
	switch (p->ethertype) {
	case ETH_P_IP:
		p->kind = sl_parse_ipv4(skb, p);
		break;
	case ETH_P_IPV6:
		p->kind = sl_parse_ipv6(skb, p);
		break;
	case ETH_P_ARP:
		p->kind = SL_FRAME_ARP;
		break;
	case ETH_P_8021Q:
	case ETH_P_8021AD:
		p->kind = SL_FRAME_VLAN_DEEP;
		break;
	default:
		p->kind = SL_FRAME_OTHER;
	}
}

/* Is the IP destination itself a group: multicast, or IPv4's limited broadcast? */
static __always_inline bool sl_ip_is_group(const struct sl_parsed *p)
{
	if (p->kind == SL_FRAME_IPV4)
		return (p->ip4.daddr & bpf_htonl(0xf0000000)) == bpf_htonl(0xe0000000) ||
		       p->ip4.daddr == bpf_htonl(0xffffffff);
	return p->ip6.daddr.in6_u.u6_addr8[0] == 0xff;
}

/* Ethernet/IPv4 ARP as RFC 826 has it, no more: anything behind it could be a payload in disguise. */
struct sl_arp {
	__be16 htype;
	__be16 ptype;
	__u8 hlen;
	__u8 plen;
	__be16 op;
	__u8 addresses[20];
};
_Static_assert(sizeof(struct sl_arp) == 28, "ARP for Ethernet and IPv4");

/*
 * A request or reply of exactly 28 bytes, or one that a real wire padded with zeros to the minimum frame (its
 * tags count, one that was in the frame on the wire may now be in the metadata).
 */
static __always_inline bool sl_arp_is_exact(struct __sk_buff *skb, const struct sl_parsed *p)
{
	struct sl_arp arp;
	__u32 end = p->l3 + sizeof(arp);
	__u8 pad[ETH_ZLEN - ETH_HLEN - sizeof(arp)] = {};
	__u32 n, sum = 0;

	if (!sl_read(skb, p->l3, &arp))
		return false;
	if (arp.htype != bpf_htons(1) || arp.ptype != bpf_htons(ETH_P_IP) || arp.hlen != 6 || arp.plen != 4)
		return false;
	if (arp.op != bpf_htons(1) && arp.op != bpf_htons(2))
		return false;
	n = skb->len - end;
	if (n == 0)
		return true;
	/* Older verifiers (6.1) take no lower bound from the line above: they see it in 0..17, and 1 more. */
	n -= 1;
	barrier_var(n);
	if (n >= sizeof(pad))
		return false;
	if (bpf_skb_load_bytes(skb, end, pad, n + 1))
		return false;
	for (__u32 i = 0; i < sizeof(pad); i++)
		sum |= pad[i];
	return sum == 0;
}

#endif
