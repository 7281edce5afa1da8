// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sockets that know a device by its number: they keep the number when another
 * device takes its place, and hear nothing more. Nobody but their program can
 * change that, so all that can be done is to say so beforehand.
 *
 * Invariant: what the kernel itself has joined (all-hosts, all-nodes,
 * solicited-node groups, routers' groups) is nobody's and not counted.
 */
#include "port/holders.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <string.h>

#include "lib/netns.h"

#define PROC "/proc/thread-self/net/"

struct search {
	const struct port_snapshot *port;
	struct port_holders *ret;
};

static int on_socket(struct nl_msg *msg, void *context)
{
	const struct inet_diag_msg *found = nlmsg_data(nlmsg_hdr(msg));
	struct search *search = context;

	if (nlmsg_datalen(nlmsg_hdr(msg)) >= (int)sizeof(*found) &&
	    found->id.idiag_if == search->port->link.ifindex)
		search->ret->bound++;
	return NL_OK;
}

/* From inside the namespace. A kernel without this family of questions answers none. */
static void count_bound(struct search *search, __u8 family, __u8 protocol)
{
	struct inet_diag_req_v2 request = { .sdiag_family = family,
					    .sdiag_protocol = protocol,
					    .idiag_states = ~0U };
	struct nl_sock *socket = nl_socket_alloc();

	if (!socket)
		return;
	nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, on_socket, search);
	if (!nl_connect(socket, NETLINK_SOCK_DIAG) &&
	    nl_send_simple(socket, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request, sizeof(request)) >= 0)
		nl_recvmsgs_default(socket);
	nl_socket_free(socket);
}

static void add_group(struct port_holders *ret, int family, const void *address)
{
	if (ret->n_groups < HOLDERS_GROUPS_MAX)
		inet_ntop(family, address, ret->group[ret->n_groups], sizeof(ret->group[0]));
	ret->n_groups++;
}

/* An address of the port with this flag joins its group by itself. */
static bool joins_by_itself(const struct port_snapshot *port, int family, const void *address, int len)
{
	size_t i;

	for (i = 0; i < port->addrs.n; i++) {
		const struct ifaddrmsg *body = nlmsg_data(port->addrs.item[i]);
		struct nlattr *attr = message_attr(port->addrs.item[i], sizeof(*body), IFA_ADDRESS);

		if (body->ifa_family == family && attr && nla_len(attr) == len &&
		    !memcmp(nla_data(attr), address, len) &&
		    (message_u32(port->addrs.item[i], sizeof(*body), IFA_FLAGS, 0) & IFA_F_MCAUTOJOIN))
			return true;
	}
	return false;
}

/* A line with the interface, then one a group behind a tabulator. */
static void read_igmp(struct search *search)
{
	FILE *file = fopen(PROC "igmp", "re");
	char line[160], name[IFNAMSIZ + 1];
	unsigned int group;
	bool here = false;

	while (file && fgets(line, sizeof(line), file)) {
		if (line[0] != '\t')
			here = sscanf(line, "%*d %16s", name) == 1 && !strcmp(name, search->port->link.name);
		else if (here && sscanf(line, " %x", &group) == 1 && group != htonl(INADDR_ALLHOSTS_GROUP) &&
			 !joins_by_itself(search->port, AF_INET, &group, sizeof(group)))
			add_group(search->ret, AF_INET, &group);
	}
	if (file)
		fclose(file);
}

static bool is_kernels_group(const struct in6_addr *group)
{
	static const __u8 solicited[13] = { 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff };
	static const __u8 zeros[13];

	/* ff01::1, ff02::1, and ::2 of three scopes on a router. */
	if (!memcmp(group->s6_addr + 2, zeros, sizeof(zeros)) && group->s6_addr[15] <= 2)
		return true;
	return !memcmp(group, solicited, sizeof(solicited));
}

static void read_igmp6(struct search *search)
{
	FILE *file = fopen(PROC "igmp6", "re");
	char line[160], name[IFNAMSIZ + 1], digits[33];
	struct in6_addr group;
	unsigned int i, byte;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*d %16s %32s", name, digits) != 2 ||
		    strcmp(name, search->port->link.name) != 0 || strlen(digits) != 32)
			continue;
		for (i = 0; i < 16 && sscanf(digits + 2 * i, "%2x", &byte) == 1; i++)
			group.s6_addr[i] = byte;
		if (i == 16 && !is_kernels_group(&group) &&
		    !joins_by_itself(search->port, AF_INET6, &group, sizeof(group)))
			add_group(search->ret, AF_INET6, &group);
	}
	if (file)
		fclose(file);
}

static void read_packet(struct search *search)
{
	FILE *file = fopen(PROC "packet", "re");
	unsigned int ifindex;
	char line[160];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %*d %*d %*x %u", &ifindex) == 1 &&
		    ifindex == search->port->link.ifindex)
			search->ret->packet++;
	if (file)
		fclose(file);
}

int holders_find(const struct port_side *side, const struct port_snapshot *port, struct port_holders *ret,
		 struct sl_err *err)
{
	struct port_holders found = { 0 };
	struct search search = { port, &found };
	int token;

	token = sl_netns_enter(side->fd, err);
	if (token < 0)
		return token;
	count_bound(&search, AF_INET, IPPROTO_TCP);
	count_bound(&search, AF_INET6, IPPROTO_TCP);
	count_bound(&search, AF_INET, IPPROTO_UDP);
	count_bound(&search, AF_INET6, IPPROTO_UDP);
	read_igmp(&search);
	read_igmp6(&search);
	read_packet(&search);
	sl_netns_leave(token);
	*ret = found;
	return 0;
}
