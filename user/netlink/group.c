// SPDX-License-Identifier: BSD-2-Clause
/*
 * Static groups. The kernel has no netlink message for them; ours is the one
 * that would fit (a neighbour of a bridge with nothing but its address), so
 * that they are kept, written and compared like everything else.
 *
 * Invariant: only groups a user joined by hand. Those the protocols have
 * joined come with the addresses, those of programs with their sockets.
 */
#include "netlink/group.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fault.h"

#define HEADER sizeof(struct ndmsg)
#define GROUP_LEN 6
#define LIST "/proc/thread-self/net/dev_mcast"

static int add(struct msgs *ret, const __u8 *group)
{
	struct ndmsg head = { .ndm_family = AF_BRIDGE, .ndm_state = NUD_PERMANENT, .ndm_flags = NTF_SELF };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWNEIGH, 0);
	int rc = -ENOMEM;

	if (msg && !nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO) &&
	    !nla_put(msg, NDA_LLADDR, GROUP_LEN, group))
		rc = msgs_add(ret, nlmsg_hdr(msg));
	nlmsg_free(msg);
	return rc;
}

static bool parse(const char *digits, __u8 *group)
{
	unsigned int i, byte;

	for (i = 0; i < GROUP_LEN; i++) {
		if (sscanf(digits + 2 * i, "%2x", &byte) != 1)
			return false;
		group[i] = byte;
	}
	return strlen(digits) == GROUP_LEN * 2;
}

int groups_read(const char *ifname, struct msgs *ret, struct sl_err *err)
{
	char line[160], name[IFNAMSIZ], digits[65];
	unsigned int users, by_hand;
	__u8 group[GROUP_LEN];
	int index, rc = 0;
	FILE *file;

	file = fopen(LIST, "re");
	if (!file)
		return sl_errno(err, errno, "cannot read the groups of %s from %s", ifname, LIST);
	while (!rc && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%d %15s %u %u %64s", &index, name, &users, &by_hand, digits) != 5 ||
		    !by_hand || strcmp(name, ifname) != 0 || !parse(digits, group))
			continue;
		rc = add(ret, group);
	}
	fclose(file);
	return rc ? sl_err(err, ENOMEM, "out of memory for the groups of %s", ifname) : 0;
}

static void describe(const struct nlmsghdr *message, char *text, size_t size)
{
	struct nlattr *attr = message_attr(message, HEADER, NDA_LLADDR);
	const __u8 *group = attr ? nla_data(attr) : (const __u8 *)"\0\0\0\0\0";

	snprintf(text, size, "%02x:%02x:%02x:%02x:%02x:%02x", group[0], group[1], group[2], group[3],
		 group[4], group[5]);
}

static int change(const char *ifname, unsigned long what, const struct nlmsghdr *message, struct sl_err *err)
{
	struct nlattr *attr = message_attr(message, HEADER, NDA_LLADDR);
	struct ifreq request = { 0 };
	char text[32];
	int fd, code;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", ifname);
	request.ifr_hwaddr.sa_family = AF_UNSPEC;
	if (attr && nla_len(attr) == GROUP_LEN)
		memcpy(request.ifr_hwaddr.sa_data, nla_data(attr), GROUP_LEN);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	code = fd < 0 ? errno : sl_fault("ioctl");
	if (!code && ioctl(fd, what, &request))
		code = errno;
	if (fd >= 0)
		close(fd);
	describe(message, text, sizeof(text));
	return code ? sl_errno(err, code, "cannot %s group %s on %s", what == SIOCADDMULTI ? "join" : "leave",
			       text, ifname)
		    : 0;
}

static void normalize(struct nlmsghdr *message, __u32 ifindex)
{
	(void)message;
	(void)ifindex;
}

int groups_apply(const char *ifname, const struct msgs *wanted, struct sl_err *err)
{
	struct msgs now = MSGS_NONE;
	const struct nlmsghdr *message;
	size_t at = 0;
	int rc;

	rc = groups_read(ifname, &now, err);
	while (!rc && (message = messages_missing(&group_kind, wanted, 0, &now, 0, &at)))
		rc = change(ifname, SIOCADDMULTI, message, err);
	at = 0;
	while (!rc && (message = messages_missing(&group_kind, &now, 0, wanted, 0, &at)))
		rc = change(ifname, SIOCDELMULTI, message, err);
	msgs_clear(&now);
	return rc;
}

const struct object_kind group_kind = {
	.name = "static group",
	.normalize = normalize,
	.describe = describe,
};
