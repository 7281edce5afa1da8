// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * tc ingress of vex, the workload's original port: frames from the network,
 * on their way to the workload. The workload's MAC is the destination; a frame
 * to be inspected gets the UCMAC there.
 */
#include "leg.bpf.h"

SEC("tc")
int sl_vex(struct __sk_buff *skb)
{
	return sl_leg(skb, SL_PROG_VEX);
}
