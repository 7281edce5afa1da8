// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* tc ingress of vbk: frames, most of them super-frames, that the core has put back by its packet sockets. */
#include "back.bpf.h"

SEC("tc")
int sl_vbk(struct __sk_buff *skb)
{
	return sl_back(skb, SL_PROG_VBK);
}
