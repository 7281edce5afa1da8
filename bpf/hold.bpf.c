// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Keeps a place on tc ingress of a port that is carried from one namespace to
 * another: see user/sluiced/attach_carry.c for why.
 *
 * Invariant: it touches nothing and ends no chain; a port with it behaves as
 * without.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#define TCX_NEXT (-1) /* also TC_ACT_UNSPEC */

SEC("tc")
int sl_hold(struct __sk_buff *skb)
{
	(void)skb;
	return TCX_NEXT;
}

char _license[] SEC("license") = "Dual BSD/GPL";
