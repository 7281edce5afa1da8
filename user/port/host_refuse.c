// SPDX-License-Identifier: BSD-2-Clause
/*
 * Saying no to the host's side in time: what hangs on a host end and could not
 * follow to another.
 *
 * Invariant: nothing is changed here. What can be asked of any port is asked by
 * refuse_port(); here is what only a host end has.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/netns.h"
#include "port/host_snapshot.h"
#include "port/refuse.h"

static int refuse_master(const struct port_side *host, const struct host_snapshot *snapshot,
			 struct sl_err *err)
{
	const struct nlmsghdr *link = snapshot->port.link_message.item[0];
	const char *name = snapshot->port.link.name, *where = nls_label(host->nls), *unkept;
	char kind[16];
	int rc;

	if (!bridge_port_master_kind(link, kind, sizeof(kind)))
		return 0;
	if (strcmp(kind, "bridge"))
		return sl_err(err, EOPNOTSUPP,
			      "%s in %s is a port of a %s, whose settings cannot be given to another", name,
			      where, *kind ? kind : "device of unknown kind");
	rc = bridge_runs_stp(host->nls, snapshot->port.link.master, err);
	if (rc > 0)
		return sl_err(err, EBUSY,
			      "%s in %s is in a bridge with a spanning tree, which would block it for the "
			      "forward delay",
			      name, where);
	if (rc)
		return rc;
	unkept = bridge_place_unkept(link, &snapshot->place);
	return unkept ? sl_err(err, EOPNOTSUPP, "%s in %s as a bridge port %s", name, where, unkept) : 0;
}

/* A file of /proc of the current namespace, line by line behind the heading, until line() is true. */
static bool any_line(const char *path, bool (*line)(const char *text, void *context), void *context)
{
	char text[512];
	bool hit = false;
	FILE *file;

	file = fopen(path, "re");
	if (!file)
		return false;
	while (!hit && fgets(text, sizeof(text), file))
		hit = line(text, context);
	fclose(file);
	return hit;
}

struct holder {
	__u32 ifindex, at;
	char group[40];
};

/* sk RefCnt Type Proto Iface … */
static bool is_packet_socket(const char *text, void *context)
{
	struct holder *holder = context;
	unsigned int iface;

	return sscanf(text, "%*s %*s %*s %*s %u", &iface) == 1 && iface == holder->ifindex;
}

/* "7 vethX : …" heads the groups of a device, one a line, in the machine's byte order. */
static bool is_igmp_group(const char *text, void *context)
{
	struct holder *holder = context;
	unsigned int number;

	if (text[0] != '\t' && text[0] != ' ') {
		holder->at = strtoul(text, NULL, 10);
		return false;
	}
	if (holder->at != holder->ifindex || sscanf(text, "%x", &number) != 1 || number == 0x010000e0)
		return false;
	snprintf(holder->group, sizeof(holder->group), "%u.%u.%u.%u", number & 0xff, number >> 8 & 0xff,
		 number >> 16 & 0xff, number >> 24);
	return true;
}

/* ifindex dev group …: all nodes, all routers and solicited nodes are the kernel's own. */
static bool is_mld_group(const char *text, void *context)
{
	static const char *const own[] = {
		"ff010000000000000000000000000001", "ff020000000000000000000000000001",
		"ff010000000000000000000000000002", "ff020000000000000000000000000002",
		"ff050000000000000000000000000002",
	};
	struct holder *holder = context;
	unsigned int ifindex, i;

	if (sscanf(text, "%u %*s %39s", &ifindex, holder->group) != 2 || ifindex != holder->ifindex)
		return false;
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (!strcmp(holder->group, own[i]))
			return false;
	return strncmp(holder->group, "ff0200000000000000000001ff", 26) != 0;
}

static int refuse_sockets(const struct port_side *host, const struct host_snapshot *snapshot,
			  struct sl_err *err)
{
	struct holder holder = { .ifindex = snapshot->port.link.ifindex };
	const char *name = snapshot->port.link.name, *where = nls_label(host->nls);
	bool packet, group;
	int token;

	token = sl_netns_enter(host->fd, err);
	if (token < 0)
		return token;
	/* "self" is this process's namespace at start; the thread's is the one that counts. */
	packet = any_line("/proc/thread-self/net/packet", is_packet_socket, &holder);
	group = any_line("/proc/thread-self/net/igmp", is_igmp_group, &holder) ||
		any_line("/proc/thread-self/net/igmp6", is_mld_group, &holder);
	sl_netns_leave(token);
	if (packet)
		return sl_err(
			err, EBUSY,
			"a packet socket (a capture, a DHCP server) is bound to %s in %s and would lose it",
			name, where);
	if (group)
		return sl_err(err, EBUSY, "a socket in %s has joined group %s on %s and would lose it", where,
			      holder.group, name);
	return 0;
}

int host_refuse(const struct port_side *host, const struct host_snapshot *snapshot, bool same_ns,
		struct sl_err *err)
{
	struct port_snapshot without = snapshot->port;
	int rc;

	rc = refuse_master(host, snapshot, err);
	/* Of a bridge's port everything else can be asked as of any other. */
	without.link.master = 0;
	if (!rc)
		rc = refuse_port(host, &without, err);
	if (!rc)
		rc = refuse_sockets(host, snapshot, err);
	if (!rc && same_ns &&
	    message_attr(snapshot->port.link_message.item[0], sizeof(struct ifinfomsg), IFLA_PROP_LIST))
		rc = sl_err(
			err, EOPNOTSUPP,
			"%s in %s has alternative names, which stay with it when it stays in its namespace",
			without.link.name, nls_label(host->nls));
	return rc;
}
