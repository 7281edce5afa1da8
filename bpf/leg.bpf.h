/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What vex and vin do: the same rows of the frame table, seen from the
 * network (vex: the workload's MAC is the destination) and from the workload
 * (vin: it is the source). `program` is a constant in either, so the compiler
 * leaves only one side.
 *
 * Invariant: a frame that could carry IP to the receiving stack is inspected,
 * or passed or dropped by a reason of its own; there is no way past the list.
 */
#ifndef SLUICE_LEG_BPF_H
#define SLUICE_LEG_BPF_H

#include "count.bpf.h"
#include "divert.bpf.h"
#include "flow.bpf.h"
#include "parse.bpf.h"
#include "trace.bpf.h"
#include "verdict.bpf.h"

/* One frame on its way through vex or vin. */
struct sl_pass {
	struct __sk_buff *skb;
	const struct sl_config *config;
	const struct sl_workload *workload;
	struct sl_workload_key key;
	enum sl_program program;
	struct ethhdr eth; /* as it came in */
	bool bulk; /* to the core by the bulk lane */
	bool pass_on; /* an OUT reason: to the other leg, as if sluice was not there … */
	int action; /* … otherwise this TC_ACT_* */
};

static __always_inline bool sl_to_workload(const struct sl_pass *pass)
{
	return pass->program == SL_PROG_VEX;
}

/* Decides only: the sending is done in one place, at the end, so that its code is there once. */
static __always_inline enum sl_reason sl_pass_on(struct sl_pass *pass, enum sl_reason reason)
{
	pass->pass_on = true;
	return reason;
}

static __always_inline int sl_send_on(const struct sl_pass *pass)
{
	if (sl_to_workload(pass))
		return sl_send_to_workload(pass->skb, pass->workload, pass->key.mac, pass->eth.h_dest);
	return sl_send_to_network(pass->skb, pass->workload, pass->eth.h_dest);
}

/* For what inspection cannot read: passed in tap, a matter of `strict` inline. */
static __always_inline enum sl_reason sl_pass_unless_strict(struct sl_pass *pass, enum sl_reason pass_reason,
							    enum sl_reason drop_reason)
{
	if (pass->workload->mode != SL_MODE_INLINE)
		return sl_pass_on(pass, SL_R_direct);
	if (pass->workload->flags & SL_WL_STRICT)
		return drop_reason;
	return sl_pass_on(pass, pass_reason);
}

/* For frames no receiver can use: inline drops them even if it is not strict. */
static __always_inline enum sl_reason sl_pass_unless_inline(struct sl_pass *pass, enum sl_reason drop_reason)
{
	if (pass->workload->mode == SL_MODE_INLINE)
		return drop_reason;
	return sl_pass_on(pass, SL_R_direct);
}

/* Is the worker of that queue gone, by the age of its heartbeat? */
static __always_inline bool sl_core_absent(const struct sl_config *config, __u32 queue)
{
	const struct sl_core *core;

	if (!config->heartbeat_ns)
		return false;
	core = bpf_map_lookup_elem(&sl_core_v2, &queue);
	if (!core)
		return true;
	/* The coarse clock may be a tick behind the stamp; the sum is on the side where that is harmless. */
	return *(volatile __u64 *)&core->heartbeat_ns + config->heartbeat_ns < bpf_ktime_get_coarse_ns();
}

static __always_inline __u32 sl_mac_offset(const struct sl_pass *pass)
{
	return sl_to_workload(pass) ? SL_OFFSET_DA : SL_OFFSET_SA;
}

/* MAC := UCMAC, and the queue that the worker of this flow reads. 0 or -errno. */
static __always_inline long sl_enter_diversion(struct sl_pass *pass, __u32 queue)
{
	__u8 ucmac[SL_MAC_LEN];

	sl_ucmac_write(ucmac, pass->key.id);
	/* veth takes the transmit queue from here; 0 means "none recorded", hence the 1. */
	pass->skb->queue_mapping = queue + 1;
	return sl_write_mac(pass->skb, sl_mac_offset(pass), ucmac);
}

/* The lane's outer end. */
static __always_inline __u32 sl_lane_ifindex(const struct sl_pass *pass)
{
	return pass->bulk ? pass->config->vbk_ifindex : pass->config->vbr_ifindex;
}

static __always_inline enum sl_reason sl_tap(struct sl_pass *pass, __u32 queue)
{
	enum sl_reason reason = pass->bulk ? SL_R_tapped_bulk : SL_R_tapped;

	if (sl_core_absent(pass->config, queue))
		return sl_pass_on(pass, SL_R_tap_no_copy);
	/*
	 * The clone shares its data with the original, so it must be made with the
	 * UCMAC in place; writing the MAC back then gives the original a header of
	 * its own.
	 */
	if (sl_enter_diversion(pass, queue))
		return sl_pass_on(pass, SL_R_tap_no_copy);
	if (bpf_clone_redirect(pass->skb, sl_lane_ifindex(pass), 0))
		reason = SL_R_tap_no_copy;
	if (sl_write_mac(pass->skb, sl_mac_offset(pass), pass->key.mac))
		return SL_R_rewrite_failed;
	pass->skb->queue_mapping = 0;
	return sl_pass_on(pass, reason);
}

static __always_inline enum sl_reason sl_divert(struct sl_pass *pass, __u32 queue)
{
	if (sl_core_absent(pass->config, queue)) {
		if (pass->workload->fail == SL_FAIL_OPEN)
			return sl_pass_on(pass, SL_R_fail_open);
		return SL_R_fail_closed;
	}
	if (sl_enter_diversion(pass, queue))
		return SL_R_rewrite_failed;
	sl_clear_mark(pass->skb);
	pass->action = bpf_redirect(sl_lane_ifindex(pass), 0);
	return pass->bulk ? SL_R_bulk : SL_R_diverted;
}

enum sl_judged { SL_JUDGED_NOT, SL_JUDGED_ALLOW, SL_JUDGED_DENY };

static __always_inline __u32 sl_queue(const struct sl_pass *pass, const struct sl_parsed *parsed)
{
	return sl_flow_queue(sl_flow_hash(pass->skb, parsed->l3), pass->config->queues);
}

/*
 * May this frame of an allowed flow go by itself? The end of a connection is shown to the core, if there is one:
 * an allowed flow goes on without it, to its end.
 */
static __always_inline bool sl_is_direct(struct sl_pass *pass, const struct sl_parsed *parsed,
					 struct sl_flow *flow, struct sl_flow_dir *dir,
					 const struct sl_segment *s)
{
	if (s->tcp_flags & SL_TCP_SYN)
		return false;
	if (s->tcp_flags & (SL_TCP_FIN | SL_TCP_RST))
		return sl_core_absent(pass->config, sl_queue(pass, parsed));
	/* The original never was with the core. */
	if (pass->workload->mode == SL_MODE_TAP)
		return true;
	if (s->key.protocol == IPPROTO_TCP ? sl_fence_tcp(dir, s->seq_end)
					   : sl_fence_udp(dir, flow->given_ns, true))
		return true;
	if (!sl_core_absent(pass->config, sl_queue(pass, parsed)))
		return false;
	sl_turn(dir);
	return true;
}

/*
 * By which lane does a frame of a flow that stays with the core get there? In tap nothing waits for a copy, but the
 * core wants them in order as well. Datagrams gain nothing unless they come as super-frames.
 */
static __always_inline bool sl_is_bulk(const struct sl_pass *pass, struct sl_flow_dir *dir,
				       const struct sl_segment *s)
{
	if (!pass->config->vbk_ifindex || s->error || s->loose || s->tcp_flags & SL_TCP_SYN)
		return false;
	if (s->key.protocol == IPPROTO_TCP)
		return sl_fence_tcp(dir, s->seq_end);
	return sl_fence_udp(dir, 0, pass->skb->gso_size);
}

static __always_inline enum sl_judged sl_judge(struct sl_pass *pass, const struct sl_parsed *parsed)
{
	const __u8 *peer_mac = sl_to_workload(pass) ? pass->eth.h_source : pass->eth.h_dest;
	struct sl_segment segment = {};
	struct sl_flow_dir *dir;
	enum sl_verdict verdict;
	struct sl_flow *flow;

	if ((!(pass->config->flags & SL_CONFIG_VERDICTS) && !pass->config->vbk_ifindex) ||
	    !sl_segment_read(pass->skb, parsed, pass->key.id, sl_to_workload(pass), &segment))
		return SL_JUDGED_NOT;
	flow = sl_flow_find(&segment.key, pass->workload->generation, &verdict);
	if (!flow)
		return SL_JUDGED_NOT;
	dir = sl_flow_dir(flow, sl_to_workload(pass));
	if (verdict == SL_VERDICT_INSPECT) {
		if (segment.key.protocol == IPPROTO_TCP && !segment.error &&
		    flow->turning & SL_TURNING(!sl_to_workload(pass)))
			sl_turn_acknowledged(flow, !sl_to_workload(pass), segment.ack);
		pass->bulk = sl_is_bulk(pass, dir, &segment);
		return SL_JUDGED_NOT;
	}
	if (!(pass->config->flags & SL_CONFIG_VERDICTS) || segment.tagged)
		return SL_JUDGED_NOT;
	if (verdict == SL_VERDICT_DENY && pass->workload->mode == SL_MODE_INLINE) {
		if (!segment.error)
			sl_flow_count(dir, &segment, sl_segments(pass->skb));
		return SL_JUDGED_DENY;
	}
	if (verdict != SL_VERDICT_ALLOW || !sl_mac_equal(dir->peer_mac, peer_mac))
		return SL_JUDGED_NOT;
	if (segment.error)
		return SL_JUDGED_ALLOW;
	if (segment.key.protocol == IPPROTO_TCP && flow->turning & SL_TURNING(!sl_to_workload(pass)))
		sl_turn_acknowledged(flow, !sl_to_workload(pass), segment.ack);
	if (!sl_is_direct(pass, parsed, flow, dir, &segment)) {
		/* What still goes to the core must not overtake, or be overtaken, there either. */
		pass->bulk = pass->config->vbk_ifindex && !segment.loose && dir->handover.way & SL_WAY_BULK;
		return SL_JUDGED_NOT;
	}
	sl_flow_count(dir, &segment, sl_segments(pass->skb));
	if (segment.key.protocol == IPPROTO_TCP)
		sl_flow_follow(dir, &segment);
	return SL_JUDGED_ALLOW;
}

static __always_inline enum sl_reason sl_ip(struct sl_pass *pass, const struct sl_parsed *parsed)
{
	const __u8 *mac = sl_to_workload(pass) ? pass->eth.h_dest : pass->eth.h_source;
	__u32 queue;

	if (sl_mac_is_group(pass->eth.h_dest)) {
		if (!sl_ip_is_group(parsed))
			return sl_pass_unless_strict(pass, SL_R_pass_group_ip, SL_R_group_ip);
		return sl_pass_on(pass,
				  pass->workload->mode == SL_MODE_INLINE ? SL_R_pass_group : SL_R_direct);
	}
	if (!sl_mac_equal(mac, pass->key.mac))
		return sl_pass_unless_strict(pass, SL_R_pass_foreign_mac, SL_R_foreign_mac);
	switch (sl_judge(pass, parsed)) {
	case SL_JUDGED_ALLOW:
		return sl_pass_on(pass, SL_R_flow_allowed);
	case SL_JUDGED_DENY:
		return SL_R_flow_denied;
	default:
		break;
	}
	queue = sl_queue(pass, parsed);
	return pass->workload->mode == SL_MODE_TAP ? sl_tap(pass, queue) : sl_divert(pass, queue);
}

static __always_inline enum sl_reason sl_arp(struct sl_pass *pass, const struct sl_parsed *parsed)
{
	if (pass->workload->mode != SL_MODE_INLINE)
		return sl_pass_on(pass, SL_R_direct);
	if ((pass->workload->flags & SL_WL_STRICT) && !sl_arp_is_exact(pass->skb, parsed))
		return SL_R_arp_not_exact;
	return sl_pass_on(pass, SL_R_pass_arp);
}

static __always_inline enum sl_reason sl_other(struct sl_pass *pass, const struct sl_parsed *parsed)
{
	__u16 etype = parsed->ethertype < ETH_P_802_3_MIN ? SL_ETYPE_LLC : parsed->ethertype;

	if (pass->workload->mode == SL_MODE_INLINE && bpf_map_lookup_elem(&sl_etypes_v1, &etype))
		return sl_pass_on(pass, SL_R_pass_non_ip);
	return sl_pass_unless_strict(pass, SL_R_pass_non_ip, SL_R_non_ip);
}

/* The rows of the frame table, top to bottom. */
static __always_inline enum sl_reason sl_decide(struct sl_pass *pass)
{
	struct sl_parsed parsed;

	if (sl_is_ucmac(pass->eth.h_dest) || sl_is_bcmac(pass->eth.h_dest) ||
	    sl_is_ucmac(pass->eth.h_source) || sl_is_bcmac(pass->eth.h_source))
		return SL_R_reserved_mac;
	if (pass->workload->mode == SL_MODE_QUARANTINE)
		return SL_R_quarantine;
	if (pass->workload->mode == SL_MODE_OFF)
		return sl_pass_on(pass, SL_R_direct);

	sl_parse(pass->skb, pass->eth.h_proto, &parsed);
	switch (parsed.kind) {
	case SL_FRAME_IPV4:
	case SL_FRAME_IPV6:
		return sl_ip(pass, &parsed);
	case SL_FRAME_ARP:
		return sl_arp(pass, &parsed);
	case SL_FRAME_VLAN_DEEP:
		return sl_pass_unless_strict(pass, SL_R_pass_vlan_deep, SL_R_vlan_deep);
	case SL_FRAME_SHORT:
		return sl_pass_unless_inline(pass, SL_R_too_short);
	case SL_FRAME_BAD_IP:
		return sl_pass_unless_inline(pass, SL_R_bad_ip);
	default:
		return sl_other(pass, &parsed);
	}
}

/* Finds the workload of the port, then decides. */
static __always_inline enum sl_reason sl_find_and_decide(struct sl_pass *pass)
{
	void *data = (void *)(long)pass->skb->data;
	void *end = (void *)(long)pass->skb->data_end;
	__u32 ifindex = pass->skb->ifindex;
	const struct sl_port *port;

	if (data + sizeof(pass->eth) > end)
		return SL_R_too_short;
	pass->eth = *(struct ethhdr *)data;
	port = bpf_map_lookup_elem(&sl_ports_v1, &ifindex);
	if (!port || port->program != pass->program)
		return SL_R_no_port;
	pass->key = port->workload;
	pass->workload = bpf_map_lookup_elem(&sl_workloads_v1, &pass->key);
	if (!pass->workload)
		return SL_R_no_workload;
	return sl_decide(pass);
}

static __always_inline void sl_traffic_add(const struct sl_pass *pass, enum sl_reason reason, __u64 bytes)
{
	struct sl_traffic_dir *dir;
	struct sl_traffic *traffic;
	__u32 id = pass->key.id;

	traffic = bpf_map_lookup_elem(&sl_traffic_v1, &id);
	if (!traffic)
		return;
	dir = sl_to_workload(pass) ? &traffic->to_workload : &traffic->from_workload;
	dir->frames += 1;
	dir->bytes += bytes;
	dir->inspected += reason == SL_R_diverted || reason == SL_R_tapped || reason == SL_R_bulk ||
			  reason == SL_R_tapped_bulk;
	dir->dropped += sl_is_drop(reason);
}

/* The whole program: counts the frame in, decides, counts it out by the one reason. */
static __always_inline int sl_leg(struct __sk_buff *skb, enum sl_program program)
{
	struct sl_pass pass = {
		.skb = skb,
		.config = sl_config(),
		.program = program,
		.action = TC_ACT_SHOT,
	};
	__u32 segments = sl_segments(skb);
	struct sl_counters *counters;
	__u64 bytes = skb->len;
	enum sl_reason reason;

	counters = sl_count_in(program, segments, bytes);
	if (!counters || !pass.config)
		return TC_ACT_SHOT;
	reason = sl_find_and_decide(&pass);
	sl_count_out(counters, reason, segments, bytes);
	if (pass.workload)
		sl_traffic_add(&pass, reason, bytes);
	if (sl_traced(pass.config, program, pass.workload)) {
		if (program == SL_PROG_VEX)
			sl_trace_frame("vex", pass.key.id, reason, &pass.eth, skb->len);
		else
			sl_trace_frame("vin", pass.key.id, reason, &pass.eth, skb->len);
	}
	if (sl_is_drop(reason))
		return TC_ACT_SHOT;
	return pass.pass_on ? sl_send_on(&pass) : pass.action;
}

#endif
