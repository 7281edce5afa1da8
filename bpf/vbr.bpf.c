// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* tc ingress of vbr: frames that the core has put back by AF_XDP. */
#include "back.bpf.h"

SEC("tc")
int sl_vbr(struct __sk_buff *skb)
{
	return sl_back(skb, SL_PROG_VBR);
}
