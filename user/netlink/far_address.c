// SPDX-License-Identifier: BSD-2-Clause
/* Addresses elsewhere (IFA_TARGET_NETNSID, NETLINK_LISTEN_ALL_NSID); see far_address.h for the invariant. */
#include "netlink/far_address.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netlink/messages.h"

#define HEADER sizeof(struct ifaddrmsg)

struct found {
	__s32 nsid;
	__u32 ifindex;
	struct far_address *address;
	unsigned int n, room;
};

static int on_address(void *context, struct nlmsghdr *message)
{
	struct found *found = context;
	const struct ifaddrmsg *header = nlmsg_data(message);
	const struct nlattr *local;
	__u32 flags;
	int len;

	if (message->nlmsg_type != RTM_NEWADDR || !nlmsg_valid_hdr(message, HEADER))
		return 0;
	/* A kernel that does not know the attribute would answer for this namespace. */
	if (header->ifa_index != found->ifindex ||
	    (__s32)message_u32(message, HEADER, IFA_TARGET_NETNSID, (__u32)-1) != found->nsid)
		return 0;
	flags = message_u32(message, HEADER, IFA_FLAGS, header->ifa_flags);
	local = message_attr(message, HEADER, IFA_LOCAL) ?: message_attr(message, HEADER, IFA_ADDRESS);
	len = header->ifa_family == AF_INET ? 4 : 16;
	/* Somebody else has it: it is not used. */
	if (!local || nla_len(local) != len || flags & IFA_F_DADFAILED || found->n == found->room)
		return 0;
	memset(found->address[found->n].byte, 0, sizeof(found->address->byte));
	if (len == 4)
		found->address[found->n].byte[10] = found->address[found->n].byte[11] = 0xff;
	memcpy(found->address[found->n++].byte + 16 - len, nla_data(local), (size_t)len);
	return 0;
}

int far_addresses(struct nls *nls, __s32 nsid, __u32 ifindex, struct far_address *ret, unsigned int room,
		  unsigned int *ret_n, struct sl_err *err)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct found found = { nsid, ifindex, ret, 0, room };
	int r = 0;

	for (int i = 0; i < 2 && !r; i++) {
		struct ifaddrmsg header = { .ifa_family = (__u8)families[i], .ifa_index = ifindex };
		struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP);

		if (msg && (nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
			    nla_put_u32(msg, IFA_TARGET_NETNSID, (__u32)nsid) < 0)) {
			nlmsg_free(msg);
			msg = NULL;
		}
		r = nls_dump(nls, msg, on_address, &found, err,
			     "read the addresses of interface %u of namespace %d", ifindex, nsid);
	}
	/* The kernel's word for a number that stands for nothing. */
	if (r == -EINVAL)
		r = -ENODEV;
	*ret_n = found.n;
	return r;
}

int far_address_watch(struct sl_err *err)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK,
				    .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR };
	const int on = 1;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd >= 0 && !setsockopt(fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &on, sizeof(on)) &&
	    !bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	sl_errno(err, errno, "cannot watch the addresses of workloads");
	if (fd >= 0)
		close(fd);
	return -err->code;
}

int far_address_changed(int fd, __s32 *ret_nsid)
{
	char buffer[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	char control[CMSG_SPACE(sizeof(__s32)) + CMSG_SPACE(sizeof(struct nl_pktinfo))];
	struct sockaddr_nl from = { 0 };
	struct iovec data = { buffer, sizeof(buffer) };
	struct msghdr message = { .msg_name = &from,
				  .msg_namelen = sizeof(from),
				  .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	ssize_t n;

	do {
		message.msg_namelen = sizeof(from);
		message.msg_controllen = sizeof(control);
		n = recvmsg(fd, &message, MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	} while (from.nl_pid); /* only the kernel is believed */
	*ret_nsid = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		if (c->cmsg_level == SOL_NETLINK && c->cmsg_type == NETLINK_LISTEN_ALL_NSID)
			memcpy(ret_nsid, CMSG_DATA(c), sizeof(*ret_nsid));
	}
	return 1;
}
