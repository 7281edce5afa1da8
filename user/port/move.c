// SPDX-License-Identifier: BSD-2-Clause
/*
 * Moving interfaces.
 *
 * Invariant: an interface never gets the same index as the far end of its
 * veth. The kernel takes such a pair for an ordinary interface and may sit on
 * its carrier changes for up to a second before it lets frames out.
 */
#include "port/move.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "lib/netns.h"
#include "lib/sysctl.h"
#include "netlink/address.h"
#include "netlink/altname.h"

#define ATTEMPTS 32

/*
 * Indexes to wish for are drawn from a range that kernels, which count up from
 * 1, hardly reach: thousands of ports can be taken from namespaces that all
 * call them number 2.
 */
#define INDEX_FIRST (1u << 20)
#define INDEX_COUNT (1u << 29)

__u32 move_draw_index(void)
{
	__u32 random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = (__u32)clock();
	return INDEX_FIRST + random % INDEX_COUNT;
}

int move_port(const struct port_side *from, __u32 ifindex, const struct port_side *to, const char *name,
	      __u32 wish, __u32 flags_set, struct link_info *ret, struct sl_err *err)
{
	struct link_change change = LINK_NO_CHANGE;
	struct msgs message = MSGS_NONE, joined = MSGS_NONE;
	struct link_info link;
	unsigned int attempt;
	int rc;

	rc = link_message(from->nls, NULL, ifindex, &message, err);
	if (!rc && link_parse(message.item[0], &link))
		rc = sl_err(err, EBADMSG, "the kernel's answer about an interface in %s makes no sense",
			    nls_label(from->nls));
	/* They would go along, and could be taken there. */
	if (!rc)
		rc = altnames_remove(from->nls, message.item[0], err);
	if (!rc)
		rc = addr_leave_groups(from->nls, ifindex, &joined, err);
	if (rc)
		goto out;
	/* A macvlan lets only the groups in that its interface listens to, and vex listens to none itself. */
	if (!strcmp(link.kind, "macvlan") && flags_set)
		flags_set |= IFF_ALLMULTI;
	if (!wish)
		wish = ifindex;
	change.name = name;
	change.netns_fd = to->fd;
	change.flags_set = flags_set;
	for (attempt = 0; attempt < ATTEMPTS; attempt++, wish = move_draw_index()) {
		if (wish == link.peer_ifindex)
			continue;
		change.new_ifindex = wish;
		rc = link_change(from->nls, ifindex, &change, err);
		if (rc != -EBUSY)
			break;
	}
	if (rc) {
		altnames_put(from->nls, message.item[0], ifindex, ifindex, NULL);
		addr_replay(from->nls, &joined, AF_INET, ifindex, NULL);
		addr_replay(from->nls, &joined, AF_INET6, ifindex, NULL);
		rc = sl_err_prefix(err, "moving %s from %s to %s", link.name, nls_label(from->nls),
				   nls_label(to->nls));
		goto out;
	}
	rc = link_find(to->nls, name, 0, ret, err);
out:
	msgs_clear(&message);
	msgs_clear(&joined);
	return rc;
}

/*
 * A sender can mark a frame so that the next receiver runs no tc program on it
 * (a redirect by way of an ifb does), and so reach this namespace's own stack.
 * Strict reverse path filtering on an interface without routes ends that for
 * IPv4, as no IPv6 does for IPv6.
 */
int move_silence(const struct port_side *side, const char *name, struct sl_err *err)
{
	static const struct {
		const char *family, *file, *value;
	} settings[] = {
		{ "ipv6", "disable_ipv6", "1" },
		{ "ipv4", "forwarding", "0" },
		{ "ipv4", "rp_filter", "1" },
	};
	char path[80];
	int token, rc = 0;
	unsigned int i;

	token = sl_netns_enter(side->fd, err);
	if (token < 0)
		return token;
	for (i = 0; !rc && i < sizeof(settings) / sizeof(settings[0]); i++) {
		snprintf(path, sizeof(path), "net/%s/conf/%s/%s", settings[i].family, name, settings[i].file);
		rc = sl_sysctl_write(path, settings[i].value, err);
		/* No such file: no such protocol to silence. */
		if (rc == -ENOENT)
			rc = 0;
	}
	sl_netns_leave(token);
	return rc;
}

int move_free_name(const struct port_side *side, const char *stem, char *ret, struct sl_err *err)
{
	struct link_info link;
	unsigned int i;
	int rc;

	for (i = 0; i < ATTEMPTS; i++) {
		snprintf(ret, IFNAMSIZ, "%s%u", stem, i);
		rc = link_find(side->nls, ret, 0, &link, err);
		if (rc == -ENODEV)
			return 0;
		if (rc)
			return rc;
	}
	return sl_err(err, EEXIST, "%s holds %d interfaces named %s…; remove those left behind",
		      nls_label(side->nls), ATTEMPTS, stem);
}

int move_set_up(const struct port_side *side, __u32 ifindex, bool up, struct sl_err *err)
{
	struct link_change change = LINK_NO_CHANGE;

	change.up = up;
	return link_change(side->nls, ifindex, &change, err);
}
