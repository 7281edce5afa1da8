// SPDX-License-Identifier: BSD-2-Clause
/*
 * Numbers of namespaces; see nsid.h.
 *
 * Invariant: asking gives no number to a namespace that has none.
 */
#include "netlink/nsid.h"

#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <sys/socket.h>

#include "netlink/messages.h"

#define HEADER sizeof(struct rtgenmsg)

static int visit(void *context, struct nlmsghdr *message)
{
	__s32 *nsid = context;

	if (message->nlmsg_type == RTM_NEWNSID && nlmsg_valid_hdr(message, HEADER))
		*nsid = (__s32)message_u32(message, HEADER, NETNSA_NSID, (__u32)NETNSA_NSID_NOT_ASSIGNED);
	return 0;
}

int nsid_of(struct nls *nls, int netns_fd, __s32 *ret, struct sl_err *err)
{
	struct rtgenmsg body = { .rtgen_family = AF_UNSPEC };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETNSID, NLM_F_REQUEST);
	__s32 nsid = NETNSA_NSID_NOT_ASSIGNED;
	int rc;

	if (msg && (nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO) ||
		    nla_put_u32(msg, NETNSA_FD, netns_fd))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	rc = nls_dump(nls, msg, visit, &nsid, err, "ask for the number of a namespace");
	if (!rc)
		*ret = nsid;
	return rc;
}
