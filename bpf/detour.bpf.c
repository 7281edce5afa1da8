// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The detour: a second wire between the host and the agent, for the
 * milliseconds in which a port's own is cut; see user/port/detour.h.
 *
 *   host end ── out ──> outer ~~~~~~ inner ── in ──> vin ──> the substitute
 *            <── back ──       ~~~~~~      <── home ──
 *
 * Invariant: frames leave their way only while the switch is on; what is on
 * the detour when it is switched off still arrives.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "sluice/detour.h"

#define TCX_NEXT (-1) /* also TC_ACT_UNSPEC */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sl_detour);
} sl_detour SEC(".maps");

static __always_inline const struct sl_detour *ends(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sl_detour, &zero);
}

/* Egress of the host end. */
SEC("tc")
int sl_detour_out(struct __sk_buff *skb)
{
	const struct sl_detour *detour = ends();

	(void)skb;
	return detour && detour->on ? bpf_redirect(detour->outer, 0) : TCX_NEXT;
}

/* Ingress of the outer end: the outer end has the host end's MAC, so the kernel has judged the frame as that would. */
SEC("tc")
int sl_detour_back(struct __sk_buff *skb)
{
	const struct sl_detour *detour = ends();

	(void)skb;
	return detour ? bpf_redirect(detour->host_end, BPF_F_INGRESS) : TCX_NEXT;
}

/* Ingress of the inner end. */
SEC("tc")
int sl_detour_in(struct __sk_buff *skb)
{
	const struct sl_detour *detour = ends();

	(void)skb;
	return detour ? bpf_redirect(detour->vin, 0) : TCX_NEXT;
}

/* Ingress of vin, before sl_vin. */
SEC("tc")
int sl_detour_home(struct __sk_buff *skb)
{
	const struct sl_detour *detour = ends();

	(void)skb;
	return detour && detour->on ? bpf_redirect(detour->inner, 0) : TCX_NEXT;
}

char _license[] SEC("license") = "Dual BSD/GPL";
