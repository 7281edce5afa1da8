// SPDX-License-Identifier: BSD-2-Clause
/*
 * Bringing a port home from wherever an error or a crash has left it.
 *
 * Invariant: only the kernel's own state is trusted, not how far somebody
 * believes to have come; nothing is deleted before the original has been
 * found, in whichever namespace it is and under whichever name; and it may be
 * run again and again until it succeeds.
 */
#include "port/home.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netlink/address.h"
#include "port/apply.h"
#include "port/move.h"

struct search {
	const struct port_taken *taken;
	const struct port_snapshot *wanted;
	const struct port_side *workload, *agent;
	struct link_info vin; /* ifindex 0: gone */
	struct link_info original;
	bool in_agent; /* where it was found */
};

static bool is_mac(const struct link_info *link, const __u8 *mac)
{
	return link->mac_valid && !memcmp(link->mac, mac, SL_MAC_LEN);
}

static bool can_be_taken(const struct link_info *link)
{
	return !strcmp(link->kind, "veth") || !strcmp(link->kind, "macvlan");
}

/* In the workload the original is the one of its MAC that vin is not the far end of. */
static int visit_original(void *context, const struct link_info *link)
{
	struct search *search = context;

	if (!can_be_taken(link) ||
	    (!is_mac(link, search->taken->mac) && !is_mac(link, search->wanted->link.mac)))
		return 0;
	if (search->vin.ifindex && link->ifindex == search->vin.peer_ifindex)
		return 0;
	/* Its old number is the surest sign; where that was not free, the first will do. */
	if (!search->original.ifindex || link->ifindex == search->taken->original_ifindex)
		search->original = *link;
	return 0;
}

static int find_all(struct search *search, struct sl_err *err)
{
	int rc;

	rc = link_find(search->agent->nls, search->taken->vin_name, 0, &search->vin, err);
	if (rc == -ENODEV)
		search->vin.ifindex = 0;
	else if (rc)
		return rc;
	rc = link_find(search->agent->nls, search->taken->vex_name, 0, &search->original, err);
	search->in_agent = !rc;
	if (rc != -ENODEV)
		return rc;
	search->original.ifindex = 0;
	rc = link_list(search->workload->nls, visit_original, search, err);
	if (!rc && !search->original.ifindex)
		rc = sl_err(err, ENODEV, "the original of %s is neither in %s nor in %s", search->taken->name,
			    nls_label(search->workload->nls), nls_label(search->agent->nls));
	return rc;
}

/* The original comes home, under a name that nobody can have taken meanwhile, and down. */
static int fetch(struct search *search, struct sl_err *err)
{
	char temporary[IFNAMSIZ];
	int rc;

	if (!search->in_agent)
		return strcmp(search->original.name, search->wanted->link.name)
			       ? move_set_up(search->workload, search->original.ifindex, false, err)
			       : 0;
	rc = move_set_up(search->agent, search->original.ifindex, false, err);
	if (!rc)
		rc = move_free_name(search->workload, MOVE_COMING, temporary, err);
	if (!rc)
		rc = move_port(search->agent, search->original.ifindex, search->workload, temporary,
			       search->taken->original_ifindex, 0, &search->original, err);
	return rc;
}

/* From the start: of what is there already nobody knows whether it is in order, and order matters for addresses. */
static int put_all(const struct search *search, struct sl_err *err)
{
	__u32 ifindex = search->original.ifindex;
	int rc;

	/* While it is up: going down takes IPv6 addresses away, and the kernel's memberships for them would stay. */
	rc = addr_leave_groups(search->workload->nls, ifindex, NULL, err);
	if (!rc)
		rc = move_set_up(search->workload, ifindex, false, err);
	if (!rc)
		rc = addr_remove_all(search->workload->nls, ifindex, err);
	if (!rc)
		rc = apply_all(search->workload, search->wanted, ifindex, search->original.name, err);
	return rc;
}

int home_bring(const struct port_taken *taken, const struct port_snapshot *wanted,
	       const struct port_side *workload, const struct port_side *agent, struct sl_err *err)
{
	struct search search = { taken, wanted, workload, agent, .in_agent = false };
	int rc;

	rc = find_all(&search, err);
	/* The substitute's name is needed. */
	if (!rc && search.vin.ifindex)
		rc = home_delete(agent, taken->vin_name, err);
	if (!rc)
		rc = fetch(&search, err);
	if (!rc && apply_verify(workload, wanted, search.original.ifindex, NULL))
		rc = put_all(&search, err);
	return rc;
}

int home_delete(const struct port_side *agent, const char *name, struct sl_err *err)
{
	struct link_info link;
	int rc;

	rc = link_find(agent->nls, name, 0, &link, err);
	if (!rc && !can_be_taken(&link))
		return sl_err(err, EEXIST, "%s in %s is no veth or macvlan and not ours; left alone", name,
			      nls_label(agent->nls));
	if (!rc)
		rc = link_delete(agent->nls, link.ifindex, err);
	return rc == -ENODEV ? 0 : rc;
}

void home_note_addresses(struct port_taken *taken, const struct msgs *addrs)
{
	const struct ifaddrmsg *header;
	struct nlattr *attr;
	unsigned int n = 0;

	memset(taken->addrs, 0, sizeof(taken->addrs));
	for (size_t i = 0; i < addrs->n && n < PORT_ADDRS; i++) {
		header = nlmsg_data(addrs->item[i]);
		attr = message_attr(addrs->item[i], sizeof(*header), IFA_LOCAL);
		if (!attr)
			attr = message_attr(addrs->item[i], sizeof(*header), IFA_ADDRESS);
		if (attr && header->ifa_scope != RT_SCOPE_LINK)
			address_text(header->ifa_family, attr, header->ifa_prefixlen, taken->addrs[n++],
				     PORT_ADDR_LEN);
	}
}

/* 0 also when it is there. */
static int add_address(struct nls *nls, __u32 ifindex, const char *text, bool *ret_added, struct sl_err *err)
{
	struct ifaddrmsg header = { .ifa_index = ifindex };
	__u8 address[sizeof(struct in6_addr)];
	char plain[INET6_ADDRSTRLEN];
	struct nl_msg *msg;
	size_t len;
	int rc;

	snprintf(plain, sizeof(plain), "%.*s", (int)strcspn(text, "/"), text);
	header.ifa_family = strchr(plain, ':') ? AF_INET6 : AF_INET;
	len = header.ifa_family == AF_INET6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);
	if (!strchr(text, '/') || inet_pton(header.ifa_family, plain, address) != 1)
		return sl_err(err, EBADMSG, "\"%.60s\" on record is no address", text);
	header.ifa_prefixlen = atoi(strchr(text, '/') + 1);
	/* Nobody can have taken it meanwhile: the port is only coming home. */
	header.ifa_flags = header.ifa_family == AF_INET6 ? IFA_F_NODAD : 0;
	msg = nlmsg_alloc_simple(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
	if (!msg || nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO) ||
	    nla_put(msg, IFA_LOCAL, len, address) || nla_put(msg, IFA_ADDRESS, len, address)) {
		nlmsg_free(msg);
		return sl_err(err, ENOMEM, "out of memory for an address");
	}
	rc = nls_call(nls, msg, err, "add address %s", text);
	*ret_added |= !rc;
	return rc == -EEXIST ? 0 : rc;
}

int home_add_recorded(const struct port_taken *taken, struct nls *nls, __u32 ifindex, bool *ret_added,
		      struct sl_err *err)
{
	struct sl_err other;
	int rc = 0, one;

	*ret_added = false;
	for (unsigned int i = 0; i < PORT_ADDRS && *taken->addrs[i]; i++) {
		one = add_address(nls, ifindex, taken->addrs[i], ret_added, rc ? &other : err);
		if (!rc)
			rc = one;
	}
	return rc;
}
