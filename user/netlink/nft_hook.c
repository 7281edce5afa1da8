// SPDX-License-Identifier: BSD-2-Clause
/*
 * What nftables has hooked to an interface: rtnetlink tells nothing of it, so
 * all chains and flow tables are asked for by nfnetlink.
 *
 * Invariant: a kernel that cannot be asked has none; one that breaks off in the
 * middle is an error, not "none".
 */
#include "netlink/nft_hook.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/netns.h"

/* Of linux/netfilter.h, which does not go with netinet/in.h. */
enum { FAMILY_ANY = 0, FAMILY_INET = 1, FAMILY_IP = 2, FAMILY_NETDEV = 5, FAMILY_IP6 = 10 };

#define DEVICE_PREFIX 2 /* NFTA_DEVICE_PREFIX, since 6.16: all whose names begin so */
#define ATTEMPTS 4 /* while others change the rules */

/* Chains and flow tables say the same, by other numbers. */
struct kind {
	const char *word;
	int get, reply, table, name, hook, device, devices; /* device 0: it has only a list */
};

static const struct kind kinds[] = {
	{ "chain", NFT_MSG_GETCHAIN, NFT_MSG_NEWCHAIN, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME, NFTA_CHAIN_HOOK,
	  NFTA_HOOK_DEV, NFTA_HOOK_DEVS },
	{ "flow table", NFT_MSG_GETFLOWTABLE, NFT_MSG_NEWFLOWTABLE, NFTA_FLOWTABLE_TABLE, NFTA_FLOWTABLE_NAME,
	  NFTA_FLOWTABLE_HOOK, 0, NFTA_FLOWTABLE_HOOK_DEVS },
};

struct search {
	const struct kind *kind;
	const char *device;
	char *ret;
	size_t size;
	bool found;
};

static bool names(const struct search *search, struct nlattr *attr, bool prefix)
{
	const char *text = nla_data(attr);
	size_t len = strnlen(text, nla_len(attr));

	if (prefix)
		return !strncmp(text, search->device, len);
	return len == strlen(search->device) && !strncmp(text, search->device, len);
}

static bool hook_names(const struct search *search, struct nlattr *hook)
{
	struct nlattr *list = nla_find(nla_data(hook), nla_len(hook), search->kind->devices), *attr;
	int left;

	if (search->kind->device) {
		attr = nla_find(nla_data(hook), nla_len(hook), search->kind->device);
		if (attr && names(search, attr, false))
			return true;
	}
	if (!list)
		return false;
	nla_for_each_nested (attr, list, left) {
		if (names(search, attr, nla_type(attr) == DEVICE_PREFIX))
			return true;
	}
	return false;
}

static const char *family_name(int family)
{
	switch (family) {
	case FAMILY_NETDEV:
		return "netdev";
	case FAMILY_INET:
		return "inet";
	case FAMILY_IP:
		return "ip";
	case FAMILY_IP6:
		return "ip6";
	default:
		return "of another family";
	}
}

static int on_message(struct nl_msg *msg, void *context)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	const struct nfgenmsg *body = nlmsg_data(header);
	struct search *search = context;
	struct nlattr *hook, *table, *name;

	if (search->found || header->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | search->kind->reply) ||
	    !nlmsg_valid_hdr(header, sizeof(*body)))
		return NL_OK;
	hook = nlmsg_find_attr(header, sizeof(*body), search->kind->hook);
	table = nlmsg_find_attr(header, sizeof(*body), search->kind->table);
	name = nlmsg_find_attr(header, sizeof(*body), search->kind->name);
	if (!hook || !table || !name || !hook_names(search, hook))
		return NL_OK;
	search->found = true;
	snprintf(search->ret, search->size, "%s %.*s of table %s %.*s", search->kind->word,
		 (int)strnlen(nla_data(name), nla_len(name)), (const char *)nla_data(name),
		 family_name(body->nfgen_family), (int)strnlen(nla_data(table), nla_len(table)),
		 (const char *)nla_data(table));
	return NL_OK;
}

/* 0, or libnl's error. */
static int dump(struct nl_sock *socket, const struct search *search)
{
	struct nfgenmsg body = { .nfgen_family = FAMILY_ANY, .version = NFNETLINK_V0 };
	int r = nl_send_simple(socket, NFNL_SUBSYS_NFTABLES << 8 | search->kind->get, NLM_F_DUMP, &body,
			       sizeof(body));

	return r < 0 ? r : nl_recvmsgs_default(socket);
}

/* 0, or libnl's error. */
static int ask(struct search *search)
{
	struct nl_sock *socket = nl_socket_alloc();
	unsigned int left = ATTEMPTS;
	int r;

	if (!socket)
		return -NLE_NOMEM;
	nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, on_message, search);
	r = nl_connect(socket, NETLINK_NETFILTER);
	/* No such protocol, or none of the message: no nftables. */
	if (r) {
		nl_socket_free(socket);
		return 0;
	}
	do {
		r = dump(socket, search);
	} while (r == -NLE_DUMP_INTR && --left);
	nl_socket_free(socket);
	return r == -NLE_OPNOTSUPP || r == -NLE_INVAL || r == -NLE_OBJ_NOTFOUND ? 0 : r;
}

int nft_hook_find(int netns_fd, const char *device, char *ret, size_t size, struct sl_err *err)
{
	struct search search = { .device = device, .ret = ret, .size = size };
	int token, r = 0;

	token = sl_netns_enter(netns_fd, err);
	if (token < 0)
		return token;
	for (size_t i = 0; !r && !search.found && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		search.kind = &kinds[i];
		r = ask(&search);
	}
	sl_netns_leave(token);
	if (r)
		return sl_err(err, EIO, "cannot ask nftables what is hooked to %s: %s", device,
			      nl_geterror(r));
	return search.found;
}
