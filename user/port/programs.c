// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whose programs are on a port: XDP by what rtnetlink says, tcx by asking for
 * the chain, as no netlink message tells it. Those of cls_bpf are filters; see
 * netlink/qdisc.h.
 *
 * Invariant: a kernel that cannot be asked has none.
 */
#include "port/programs.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>

#include "lib/netns.h"

/* Newer than the distribution's headers; the numbers are the kernel's ABI. */
#define ATTACH_TCX_INGRESS 46
#define ATTACH_TCX_EGRESS 47

int programs_find(const struct port_side *side, const struct port_snapshot *port, struct port_programs *ret,
		  struct sl_err *err)
{
	struct nlattr *xdp = message_attr(port->link_message.item[0], sizeof(struct ifinfomsg), IFLA_XDP);
	struct port_programs found = { 0 };
	struct nlattr *attached = NULL;
	unsigned int i;
	int token;

	if (xdp)
		attached = nla_find(nla_data(xdp), nla_len(xdp), IFLA_XDP_ATTACHED);
	found.xdp = attached && nla_get_u8(attached) != XDP_ATTACHED_NONE;
	token = sl_netns_enter(side->fd, err);
	if (token < 0)
		return token;
	for (i = ATTACH_TCX_INGRESS; i <= ATTACH_TCX_EGRESS; i++) {
		__u32 ids[64], n = 64;

		if (bpf_prog_query(port->link.ifindex, i, 0, NULL, ids, &n) && errno != ENOSPC)
			n = 0;
		found.tcx |= n != 0;
	}
	sl_netns_leave(token);
	*ret = found;
	return 0;
}
