/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the core has decided of a frame's flow, and whether the frame may go by
 * that without the core.
 *
 * A verdict speaks of plain frames of exactly its flow: no VLAN tag, no IP
 * option or extension header, no fragment, lengths that agree, a checksum that
 * is there or left open in its own place, TCP with ACK and without SYN, FIN and
 * RST, and the same neighbour on the wire as when it was given; and of ICMP
 * errors that speak of such a packet. All else goes to the core as if there was
 * no entry.
 *
 * "Inspect" says only by which lane the core is reached. Tags do not matter
 * then, and FIN and RST go with the rest; of a super-frame all must belong to
 * the packet, as what is cut from it later would carry the rest as well.
 *
 * Invariants: a verdict of another policy than the workload's of now does not
 * count; no frame overtakes one of its flow and direction that is still with
 * the core (TCP; UDP: that has been sent there in the last milliseconds).
 */
#ifndef SLUICE_VERDICT_BPF_H
#define SLUICE_VERDICT_BPF_H

#include "flow.bpf.h"
#include "parse.bpf.h"
#include <bpf/bpf_core_read.h>

#define IPPROTO_ICMPV6 58 /* linux/in6.h, a macro there */
#define SL_TCP_FIN 0x01
#define SL_TCP_SYN 0x02
#define SL_TCP_RST 0x04
#define SL_TCP_ACK 0x10
#define SL_IP4_LEN sizeof(struct iphdr) /* without options: others have no verdict */
#define SL_TCP_LEN 20
#define SL_MAPPED bpf_htonl(0xffff) /* the third word of ::ffff:a.b.c.d */

struct sl_tcp {
	__be16 source;
	__be16 dest;
	__be32 seq;
	__be32 ack;
	__u8 offset; /* of the payload, in its upper half, in words */
	__u8 flags;
	__be16 window;
};

struct sl_udp {
	__be16 source;
	__be16 dest;
	__be16 len;
	__be16 sum;
};

/* A frame as its flow sees it. */
struct sl_segment {
	struct sl_flow_key key;
	__u32 ip_len; /* header included */
	__u32 headers; /* of IP and the transport: what each piece of a GSO frame has of its own */
	__u32 seq_end; /* TCP: behind the last byte */
	__u32 ack;
	__u16 window;
	__u8 tcp_flags;
	bool tagged; /* there are VLAN tags: plain for nothing but a lane */
	bool loose; /* a super-frame with something behind its packet */
	bool error; /* an ICMP error that speaks of the flow: follows it, is none of its packets */
};

static __always_inline void sl_map_ip4(__u8 *to, __be32 address)
{
	__u32 *w = (__u32 *)to;

	w[0] = w[1] = 0;
	w[2] = SL_MAPPED;
	w[3] = address;
}

static __always_inline void sl_copy_ip6(__u8 *to, const struct in6_addr *from)
{
	__builtin_memcpy(to, from, 16);
}

static __always_inline void sl_key_ports(struct sl_flow_key *key, bool to_workload, __be16 source,
					 __be16 dest)
{
	key->workload_port = to_workload ? dest : source;
	key->remote_port = to_workload ? source : dest;
}

/* Offset of the transport header; 0: not a plain packet. Fills in what IP knows. */
static __always_inline __u32 sl_segment_ip(struct __sk_buff *skb, const struct sl_parsed *p, bool to_workload,
					   struct sl_segment *s)
{
	__u32 there = skb->len - p->l3, headers;

	s->tagged = p->l3 != ETH_HLEN || skb->vlan_present;
	if (p->kind == SL_FRAME_IPV4) {
		if (p->ip4.ihl != 5 || p->ip4.frag_off & bpf_htons(SL_IP_MF | SL_IP_OFFSET))
			return 0;
		s->key.family = 4;
		s->key.protocol = p->ip4.protocol;
		s->ip_len = bpf_ntohs(p->ip4.tot_len);
		headers = SL_IP4_LEN;
		sl_map_ip4(s->key.workload_addr, to_workload ? p->ip4.daddr : p->ip4.saddr);
		sl_map_ip4(s->key.remote_addr, to_workload ? p->ip4.saddr : p->ip4.daddr);
	} else {
		s->key.family = 6;
		s->key.protocol = p->ip6.nexthdr;
		s->ip_len = bpf_ntohs(p->ip6.payload_len) + sizeof(struct ipv6hdr);
		headers = sizeof(struct ipv6hdr);
		sl_copy_ip6(s->key.workload_addr, to_workload ? &p->ip6.daddr : &p->ip6.saddr);
		sl_copy_ip6(s->key.remote_addr, to_workload ? &p->ip6.saddr : &p->ip6.daddr);
	}
	if (s->ip_len > there)
		return 0;
	s->loose = skb->gso_size && s->ip_len != there;
	s->headers = headers;
	return p->l3 + headers;
}

#define SL_CHECKSUM_PARTIAL 3 /* linux/skbuff.h, a macro there */
#define SL_TCP_SUM 16
#define SL_UDP_SUM 6
#define SL_NO_SUM 0 /* none that may be left open */

/* Since Linux 6.2: the sk_buff that a __sk_buff stands for, read without a call for every field. */
extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym __weak;

/*
 * A sender that leaves the checksum to the kernel says where it is to be written, and a packet socket may say
 * anywhere: over the ports, behind whoever has looked at them. Plain is only the transport's own place.
 */
static __always_inline bool sl_checksum_is_plain(struct __sk_buff *ctx, __u32 l4, __u16 at)
{
	struct sk_buff *skb = (struct sk_buff *)ctx;

	if (bpf_core_enum_value_exists(enum special_kfunc_type, KF_bpf_cast_to_kern_ctx)) {
		skb = bpf_cast_to_kern_ctx(ctx);
		if (BPF_CORE_READ_BITFIELD(skb, ip_summed) != SL_CHECKSUM_PARTIAL)
			return true;
		return at != SL_NO_SUM && skb->csum_offset == at &&
		       skb->head + skb->csum_start == skb->data + l4;
	}
	if (BPF_CORE_READ_BITFIELD_PROBED(skb, ip_summed) != SL_CHECKSUM_PARTIAL)
		return true;
	return at != SL_NO_SUM && BPF_CORE_READ(skb, csum_offset) == at &&
	       BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, csum_start) == BPF_CORE_READ(skb, data) + l4;
}

static __always_inline bool sl_segment_tcp(struct __sk_buff *skb, __u32 l4, bool to_workload,
					   struct sl_segment *s)
{
	struct sl_tcp tcp;
	__u32 header;

	if (!sl_read(skb, l4, &tcp))
		return false;
	header = (tcp.offset >> 4) * 4;
	if (header < SL_TCP_LEN || s->headers + header > s->ip_len || !(tcp.flags & SL_TCP_ACK) ||
	    !sl_checksum_is_plain(skb, l4, SL_TCP_SUM))
		return false;
	s->headers += header;
	s->seq_end = bpf_ntohl(tcp.seq) + s->ip_len - s->headers;
	s->ack = bpf_ntohl(tcp.ack);
	s->window = bpf_ntohs(tcp.window);
	s->tcp_flags = tcp.flags;
	sl_key_ports(&s->key, to_workload, tcp.source, tcp.dest);
	return true;
}

static __always_inline bool sl_segment_udp(struct __sk_buff *skb, __u32 l4, bool to_workload,
					   struct sl_segment *s)
{
	struct sl_udp udp;

	if (!sl_read(skb, l4, &udp) || bpf_ntohs(udp.len) != s->ip_len - s->headers ||
	    bpf_ntohs(udp.len) < sizeof(udp) || !sl_checksum_is_plain(skb, l4, SL_UDP_SUM))
		return false;
	s->headers += sizeof(udp);
	sl_key_ports(&s->key, to_workload, udp.source, udp.dest);
	return true;
}

/* An ICMP error and the beginning of the packet it speaks of, which went the other way. */
struct sl_error4 {
	__u8 type, code;
	__be16 sum;
	__be32 unused;
	struct iphdr ip;
	struct sl_ports_pair ports;
	__be32 rest; /* of the 8 bytes that a receiver wants to see */
};
struct sl_error6 {
	__u8 type, code;
	__be16 sum;
	__be32 unused;
	struct ipv6hdr ip;
	struct sl_ports_pair ports;
	__be32 rest;
};

/* Not redirects: they speak to the sender's routing, not of a flow. */
static __always_inline bool sl_is_error4(__u8 type)
{
	return type == 3 || type == 11 || type == 12;
}

static __always_inline bool sl_is_error6(__u8 type)
{
	return type >= 1 && type <= 4;
}

static __always_inline bool sl_same_address(const __u8 *a, const __u8 *b)
{
	const __u32 *x = (const __u32 *)a, *y = (const __u32 *)b;

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]));
}

/*
 * Makes the key that of the flow an error speaks of: one that the workload is told of, or tells of, itself, and tells
 * him whose packet it quotes: to anybody else it could carry anything. (From whom it comes says nothing: any router
 * may.)
 */
SL_APART bool sl_segment_error(struct __sk_buff *skb, __u32 l4, bool to_workload, struct sl_segment *s)
{
	__u8 workload[16], remote[16];

	if (!s)
		return false;
	l4 &= SL_OFFSET_MAX;
	__builtin_memcpy(workload, s->key.workload_addr, sizeof(workload));
	__builtin_memcpy(remote, s->key.remote_addr, sizeof(remote));
	if (!sl_checksum_is_plain(skb, l4, SL_NO_SUM))
		return false;
	if (s->key.family == 4) {
		struct sl_error4 e;

		if (s->ip_len < s->headers + sizeof(e) || !sl_read(skb, l4, &e) || !sl_is_error4(e.type) ||
		    e.ip.version != 4 || e.ip.ihl != 5 || e.ip.frag_off & bpf_htons(SL_IP_MF | SL_IP_OFFSET))
			return false;
		s->key.protocol = e.ip.protocol;
		sl_map_ip4(s->key.workload_addr, to_workload ? e.ip.saddr : e.ip.daddr);
		sl_map_ip4(s->key.remote_addr, to_workload ? e.ip.daddr : e.ip.saddr);
		sl_key_ports(&s->key, !to_workload, e.ports.source, e.ports.dest);
	} else {
		struct sl_error6 e;

		if (s->ip_len < s->headers + sizeof(e) || !sl_read(skb, l4, &e) || !sl_is_error6(e.type) ||
		    e.ip.version != 6)
			return false;
		s->key.protocol = e.ip.nexthdr;
		sl_copy_ip6(s->key.workload_addr, to_workload ? &e.ip.saddr : &e.ip.daddr);
		sl_copy_ip6(s->key.remote_addr, to_workload ? &e.ip.daddr : &e.ip.saddr);
		sl_key_ports(&s->key, !to_workload, e.ports.source, e.ports.dest);
	}
	s->error = true;
	return sl_same_address(workload, s->key.workload_addr) &&
	       (to_workload || sl_same_address(remote, s->key.remote_addr)) &&
	       (s->key.protocol == IPPROTO_TCP || s->key.protocol == IPPROTO_UDP);
}

/* False: no frame that a verdict could speak of. p is SL_FRAME_IPV4 or SL_FRAME_IPV6. */
static __always_inline bool sl_segment_read(struct __sk_buff *skb, const struct sl_parsed *p, __u16 workload,
					    bool to_workload, struct sl_segment *s)
{
	__u32 l4 = sl_segment_ip(skb, p, to_workload, s);

	if (!l4)
		return false;
	s->key.workload = workload;
	if (s->key.protocol == IPPROTO_TCP)
		return sl_segment_tcp(skb, l4, to_workload, s);
	if (s->key.protocol == IPPROTO_UDP)
		return sl_segment_udp(skb, l4, to_workload, s);
	if (s->key.protocol == (s->key.family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return sl_segment_error(skb, l4, to_workload, s);
	return false;
}

union sl_handover_word {
	struct sl_handover handover;
	__u64 word;
};

/* Without the bit that says which lane is left. */
static __always_inline enum sl_way sl_way(struct sl_handover handover)
{
	return handover.way & ~SL_WAY_BULK;
}

static __always_inline __u64 sl_handover_read(const struct sl_flow_dir *dir)
{
	return *(const volatile __u64 *)&dir->handover;
}

/* What was there before, which is `old` if it was exchanged. */
static __always_inline __u64 sl_handover_exchange(struct sl_flow_dir *dir, __u64 old, __u64 new)
{
	return __sync_val_compare_and_swap((__u64 *)&dir->handover, old, new);
}

/* The rest of sl_fence_tcp(). A pointer to what is not in the frame may be NULL for all that the verifier knows. */
SL_APART bool sl_move_fence_tcp(struct sl_flow_dir *dir, __u32 seq_end)
{
	union sl_handover_word old, new, seen;

	if (!dir)
		return false;
	old.word = sl_handover_read(dir);
	/* It is tried again only if another frame of the same direction did the same at the same time. */
	for (int i = 0; i < 4; i++) {
		if (sl_way(old.handover) == SL_WAY_DIRECT)
			return true;
		new.handover.way = SL_WAY_FENCED | (old.handover.way & SL_WAY_BULK);
		new.handover.fence = seq_end;
		if (sl_way(old.handover) == SL_WAY_TURNING &&
		    (__s64)(bpf_ktime_get_ns() - dir->turning_ns) > SL_TURN_NS)
			new.handover.way |= SL_WAY_DIRECT;
		if (sl_way(old.handover) == SL_WAY_FENCED && (__s32)(old.handover.fence - seq_end) >= 0)
			return false;
		seen.word = sl_handover_exchange(dir, old.word, new.word);
		if (seen.word == old.word)
			return sl_way(new.handover) == SL_WAY_DIRECT;
		old.word = seen.word;
	}
	return false;
}

/* Has the direction turned? */
static __always_inline bool sl_is_turned(const struct sl_flow_dir *dir)
{
	union sl_handover_word now = { .word = sl_handover_read(dir) };

	return sl_way(now.handover) == SL_WAY_DIRECT;
}

/* Before a TCP frame goes to the core: the fence is behind it. True: it need not, the direction has turned. */
static __always_inline bool sl_fence_tcp(struct sl_flow_dir *dir, __u32 seq_end)
{
	return sl_is_turned(dir) || sl_move_fence_tcp(dir, seq_end);
}

SL_APART bool sl_move_fence_udp(struct sl_flow_dir *dir, __u64 given_ns, bool may_turn)
{
	union sl_handover_word old, new;
	__u64 now_ns;
	__u32 now;

	if (!dir)
		return false;
	old.word = sl_handover_read(dir);
	if (sl_way(old.handover) == SL_WAY_DIRECT)
		return true;
	now_ns = bpf_ktime_get_ns();
	now = now_ns >> SL_GAP_SHIFT;
	new.handover.fence = now;
	new.handover.way = SL_WAY_FENCED | (old.handover.way & SL_WAY_BULK);
	if (may_turn &&
	    ((sl_way(old.handover) == SL_WAY_FENCED && now - old.handover.fence >= SL_GAP_UNITS) ||
	     (given_ns && (now_ns - given_ns) >> SL_GAP_SHIFT >= SL_GAP_LATEST)))
		new.handover.way |= SL_WAY_DIRECT;
	sl_handover_exchange(dir, old.word, new.word);
	return sl_way(new.handover) == SL_WAY_DIRECT;
}

/*
 * The same for UDP, which has no numbers. given_ns 0: it need not turn at all if it is never silent; may_turn: by
 * this datagram.
 */
static __always_inline bool sl_fence_udp(struct sl_flow_dir *dir, __u64 given_ns, bool may_turn)
{
	return sl_is_turned(dir) || sl_move_fence_udp(dir, given_ns, may_turn);
}

/* Without a core there is nothing that could be overtaken. */
static __always_inline void sl_turn(struct sl_flow_dir *dir)
{
	union sl_handover_word old, new;

	old.word = sl_handover_read(dir);
	new.word = old.word;
	new.handover.way |= SL_WAY_DIRECT;
	sl_handover_exchange(dir, old.word, new.word);
}

#define SL_TURNING(to_workload) ((to_workload) ? 1U : 2U) /* in struct sl_flow */

static __always_inline struct sl_flow_dir *sl_flow_dir(struct sl_flow *flow, bool to_workload)
{
	return to_workload ? &flow->to_workload : &flow->from_workload;
}

/* A frame has come out of the core again by a lane: the last one that went there since the verdict? */
static __always_inline void sl_turn_behind(struct sl_flow *flow, bool to_workload, bool bulk, __u32 seq_end)
{
	struct sl_flow_dir *dir = sl_flow_dir(flow, to_workload);
	union sl_handover_word old, new;

	old.word = sl_handover_read(dir);
	if (old.handover.way != (bulk ? SL_WAY_FENCED_BULK : SL_WAY_FENCED) || old.handover.fence != seq_end)
		return;
	new.word = old.word;
	new.handover.way = bulk ? SL_WAY_TURNING_BULK : SL_WAY_TURNING;
	dir->turning_ns = bpf_ktime_get_ns();
	/* Fails if meanwhile another one went there: then that one turns it. */
	if (sl_handover_exchange(dir, old.word, new.word) == old.word)
		__sync_fetch_and_or(&flow->turning, SL_TURNING(to_workload));
}

/* The receiver itself says how far it has got, in a frame of the other direction. */
static __always_inline void sl_turn_acknowledged(struct sl_flow *flow, bool to_workload, __u32 ack)
{
	struct sl_flow_dir *dir = sl_flow_dir(flow, to_workload);
	union sl_handover_word old, new;

	old.word = sl_handover_read(dir);
	if (sl_way(old.handover) == SL_WAY_TURNING && (__s32)(ack - old.handover.fence) >= 0) {
		new.word = old.word;
		new.handover.way |= SL_WAY_DIRECT;
		sl_handover_exchange(dir, old.word, new.word);
	}
	if (sl_way(old.handover) == SL_WAY_DIRECT)
		__sync_fetch_and_and(&flow->turning, ~SL_TURNING(to_workload));
}

static __always_inline void sl_flow_count(struct sl_flow_dir *dir, const struct sl_segment *s, __u32 segments)
{
	__sync_fetch_and_add(&dir->packets, segments);
	__sync_fetch_and_add(&dir->bytes, s->ip_len + (__u64)(segments - 1) * s->headers);
	dir->last_ns = bpf_ktime_get_coarse_ns();
}

/* Where the connection is, for when the core sees it again. */
static __always_inline void sl_flow_follow(struct sl_flow_dir *dir, const struct sl_segment *s)
{
	if (!dir->tcp_flags || (__s32)(s->seq_end - dir->seq_end) > 0)
		dir->seq_end = s->seq_end;
	dir->ack = s->ack;
	if (s->window > dir->window_max)
		dir->window_max = s->window;
	if ((dir->tcp_flags | s->tcp_flags) != dir->tcp_flags)
		dir->tcp_flags |= s->tcp_flags;
}

/* The entry of the segment's flow if it speaks for today's policy or for any, with its verdict; else NULL. */
static __always_inline struct sl_flow *sl_flow_find(const struct sl_flow_key *key, __u32 generation,
						    enum sl_verdict *ret_verdict)
{
	struct sl_flow *flow = bpf_map_lookup_elem(&sl_flows_v1, key);
	__u32 verdict, given;

	if (!flow)
		return NULL;
	verdict = *(volatile __u32 *)&flow->verdict;
	given = *(volatile __u32 *)&flow->generation;
	if ((given != generation && verdict != SL_VERDICT_INSPECT) ||
	    flow->check != sl_flow_check(key, verdict, given))
		return NULL;
	*ret_verdict = verdict;
	return flow;
}

#endif
