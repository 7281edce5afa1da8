// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * tc ingress of vin, our end of the workload's new port: frames from the
 * workload, on their way to the network. The workload's MAC is the source; a
 * frame to be inspected gets the UCMAC there.
 */
#include "leg.bpf.h"

SEC("tc")
int sl_vin(struct __sk_buff *skb)
{
	return sl_leg(skb, SL_PROG_VIN);
}
