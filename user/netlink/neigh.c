// SPDX-License-Identifier: BSD-2-Clause
/*
 * Neighbours: the kernel's RTM_NEWNEIGH messages kept and sent back.
 *
 * Invariant: permanent and proxied entries come back as they were. Learned
 * ones are a courtesy that saves the first packet a resolution: they come back
 * as stale, so the kernel itself finds out whether they still hold. Those that
 * some program minds (managed, externally learned, without ARP) keep their state.
 */
#include "netlink/neigh.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <string.h>

#define HEADER sizeof(struct ndmsg)
#define NUD_LEARNED (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE)
#define FLAGS_KEPT (NTF_PROXY | NTF_ROUTER | NTF_EXT_LEARNED)

static struct ndmsg *body(const struct nlmsghdr *message)
{
	return nlmsg_data(message);
}

struct filter {
	__u32 ifindex;
	__u16 states;
	struct msgs *ret;
};

static bool has_unicast_mac(const struct nlmsghdr *message)
{
	struct nlattr *attr = message_attr(message, HEADER, NDA_LLADDR);

	return attr && nla_len(attr) > 0 && !(*(const __u8 *)nla_data(attr) & 1);
}

static int visit(void *context, struct nlmsghdr *message)
{
	struct filter *filter = context;
	const struct ndmsg *ndm = body(message);

	if (message->nlmsg_type != RTM_NEWNEIGH || !nlmsg_valid_hdr(message, HEADER) ||
	    (__u32)ndm->ndm_ifindex != filter->ifindex ||
	    (ndm->ndm_family != AF_INET && ndm->ndm_family != AF_INET6))
		return 0;
	if (!(ndm->ndm_flags & NTF_PROXY) && !(ndm->ndm_state & filter->states))
		return 0;
	/* The kernel has one of these for every group and every broadcast address somebody sends to. */
	if ((ndm->ndm_state & NUD_NOARP) && !has_unicast_mac(message))
		return 0;
	return msgs_add(filter->ret, message);
}

static int dump_states(struct nls *nls, __u32 ifindex, __u16 states, __u8 flags, struct msgs *ret,
		       struct sl_err *err)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct filter filter = { ifindex, states, ret };
	unsigned int i;
	int rc;

	for (i = 0; i < 2; i++) {
		struct ndmsg request = { .ndm_family = families[i], .ndm_flags = flags };
		struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP);

		if (msg && (nlmsg_append(msg, &request, sizeof(request), NLMSG_ALIGNTO) ||
			    (!flags && nla_put_u32(msg, NDA_IFINDEX, ifindex)))) {
			nlmsg_free(msg);
			msg = NULL;
		}
		rc = nls_dump(nls, msg, visit, &filter, err, "read the neighbours of interface %u", ifindex);
		if (rc)
			return rc;
	}
	return 0;
}

static int dump(struct nls *nls, __u32 ifindex, struct msgs *ret, struct sl_err *err)
{
	int rc;

	rc = dump_states(nls, ifindex, NUD_PERMANENT, 0, ret, err);
	if (!rc)
		rc = dump_states(nls, ifindex, 0, NTF_PROXY, ret, err);
	return rc;
}

int neigh_dump_learned(struct nls *nls, __u32 ifindex, struct msgs *ret, struct sl_err *err)
{
	return dump_states(nls, ifindex, NUD_LEARNED | NUD_NOARP, 0, ret, err);
}

static void wipe(struct nlmsghdr *message, int type)
{
	struct nlattr *attr = message_attr(message, HEADER, type);

	if (attr)
		memset(nla_data(attr), 0, nla_len(attr));
}

static void normalize(struct nlmsghdr *message, __u32 ifindex)
{
	if ((__u32)body(message)->ndm_ifindex == ifindex)
		body(message)->ndm_ifindex = 0;
	wipe(message, NDA_CACHEINFO);
	wipe(message, NDA_PROBES);
}

static void describe(const struct nlmsghdr *message, char *text, size_t size)
{
	address_text(body(message)->ndm_family, message_attr(message, HEADER, NDA_DST), -1, text, size);
}

static int remove_one(struct nls *nls, const struct nlmsghdr *message, struct sl_err *err)
{
	char text[64];

	describe(message, text, sizeof(text));
	return nls_call(nls, message_copy(message, RTM_DELNEIGH, 0, 0), err, "remove neighbour %s", text);
}

static int put(struct nls *nls, const struct nlmsghdr *neigh, __u32 ifindex, __u16 state, struct sl_err *err)
{
	struct nl_msg *msg = message_copy(neigh, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, 0);
	char text[64];

	describe(neigh, text, sizeof(text));
	if (msg) {
		struct ndmsg *ndm = body(nlmsg_hdr(msg));

		ndm->ndm_ifindex = ifindex;
		ndm->ndm_state = state;
		if (state != NUD_PERMANENT && !(ndm->ndm_flags & NTF_PROXY))
			ndm->ndm_flags &= FLAGS_KEPT;
	}
	return nls_call(nls, msg, err, "put back neighbour %s", text);
}

int neigh_replay(struct nls *nls, const struct msgs *neighs, __u32 ifindex, struct sl_err *err)
{
	size_t i;
	int rc;

	for (i = 0; i < neighs->n; i++) {
		rc = put(nls, neighs->item[i], ifindex, body(neighs->item[i])->ndm_state, err);
		if (rc)
			return rc;
	}
	return 0;
}

void neigh_replay_learned(struct nls *nls, const struct msgs *neighs, __u32 ifindex)
{
	size_t i;

	/* One that is not taken is learned again: no error. */
	for (i = 0; i < neighs->n; i++) {
		const struct ndmsg *ndm = body(neighs->item[i]);

		put(nls, neighs->item[i], ifindex,
		    (ndm->ndm_state & NUD_NOARP) || (ndm->ndm_flags & NTF_EXT_LEARNED) ? ndm->ndm_state
										       : NUD_STALE,
		    NULL);
	}
}

const struct object_kind neigh_kind = {
	.name = "neighbour",
	.dump = dump,
	.normalize = normalize,
	.remove = remove_one,
	.describe = describe,
};
