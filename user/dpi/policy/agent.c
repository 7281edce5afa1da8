// SPDX-License-Identifier: BSD-2-Clause
/* See agent.h. What each case means is docs/compat.md's, "Policy". */
#include "dpi/policy/agent.h"

#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "dpi/policy/compiled.h"

#define RENEWALS 10
#define RENEWALS_EXTERNAL 2
#define RENEWALS_HOST 3

static uint32_t v4_of(const struct sl_addr *address)
{
	return (uint32_t)address->byte[12] << 24 | (uint32_t)address->byte[13] << 16 |
	       (uint32_t)address->byte[14] << 8 | address->byte[15];
}

/* SL_CLASS_*. Of IPv6 the protocol knows nothing: internal, and known. */
static uint32_t class_of(const struct sl_policy *policy, const struct sl_addr *address)
{
	uint32_t low = 0, n = policy->block->class_from.count, value, bits;

	if (!sl_addr_is_v4(address))
		return SL_CLASS_INTERNAL | SL_CLASS_KNOWN;
	bits = policy->block->agent & SL_AGENT_INTERNAL ? 0 : SL_CLASS_INTERNAL;
	value = v4_of(address);
	if (!n)
		return bits;
	while (n > 1) {
		uint32_t half = n / 2;

		low = policy->class_from[low + half] <= value ? low + half : low;
		n -= half;
	}
	return bits | policy->class_bits[low];
}

static void set(struct sl_policy_answer *answer, enum sl_label label, uint32_t rule)
{
	answer->label = (uint8_t)label;
	answer->action = label == SL_LABEL_DENY ? SL_RULE_DENY : SL_RULE_ALLOW;
	answer->rule = rule;
}

static void settle(struct sl_policy_answer *answer, enum sl_label label)
{
	set(answer, label, 0);
	answer->pending = false;
}

static bool host_is(const char *pattern, const char *host)
{
	size_t n = strlen(host), k;

	if (*pattern == '*')
		pattern++;
	k = strlen(pattern);
	return k <= n && (pattern[0] == '.' || k == n) && !strncasecmp(host + n - k, pattern, k);
}

/*
 * Passes a peer that the agent has not told of? Whose address must be known: the peer's, or the workload's own for
 * one from outside and for hosts and tunnels. Some kinds of addresses never get it, one always.
 */
static bool has_grace(const struct sl_policy *policy, const struct sl_policy_query *query, uint32_t peer)
{
	bool host = peer & (SL_CLASS_HOST | SL_CLASS_TUNNEL), internal = peer & SL_CLASS_INTERNAL;
	uint32_t asked = internal && !host ? peer : class_of(policy, &query->own);
	unsigned int renewals = host ? RENEWALS_HOST : internal ? RENEWALS : RENEWALS_EXTERNAL;

	if (policy->block->agent & SL_AGENT_STRICT ||
	    peer & (SL_CLASS_SERVICE | SL_CLASS_UNMANAGED | SL_CLASS_EXTERNAL))
		return false;
	if (!(peer & SL_CLASS_DEVICE) && asked & SL_CLASS_KNOWN)
		return false;
	return query->grace && sl_grace_ask(query->grace, &query->own, &query->peer, renewals, query->now_ns);
}

/* No rule has decided. */
static void judge_default(const struct sl_policy *policy, const struct sl_block_workload *workload,
			  const struct sl_policy_query *query, uint32_t peer, struct sl_policy_answer *ret)
{
	bool icmp = query->protocol == IPPROTO_ICMP || query->protocol == IPPROTO_ICMPV6;

	if (icmp && !(policy->block->agent & SL_AGENT_ICMP)) {
		settle(ret, SL_LABEL_OPEN);
		return;
	}
	set(ret, (enum sl_label)workload->label, 0);
	if (workload->label != SL_LABEL_DENY || ret->pending)
		return;
	if (has_grace(policy, query, peer)) {
		settle(ret, SL_LABEL_OPEN);
		ret->flags |= SL_LOOK_GRACE;
	}
}

static void judge_rule(const struct sl_policy *policy, const struct sl_block_workload *workload,
		       const struct sl_policy_query *query, const struct sl_block_rule *rule, uint32_t peer,
		       struct sl_policy_answer *ret)
{
	enum sl_label label = (enum sl_label)rule->label;

	/* Its address is right; the name the client asks for must be as well. */
	if (rule->host && label != SL_LABEL_DENY) {
		const char *pattern = policy->texts + policy->names[rule->host - 1].text;

		if (!query->host && !query->application_final) {
			set(ret, SL_LABEL_CHECK_HOST, rule->id);
			ret->pending = true;
			return;
		}
		if (!query->host || !host_is(pattern, query->host)) {
			ret->pending = false;
			judge_default(policy, workload, query, peer, ret);
			return;
		}
		label = SL_LABEL_ALLOW;
	}
	if (label == SL_LABEL_CHECK_NBE) {
		if (workload->agent & SL_BLOCK_AGENT_NBE) {
			label = SL_LABEL_DENY;
			ret->flags |= SL_LOOK_CHECK_NBE;
		} else {
			label = SL_LABEL_ALLOW;
		}
	}
	set(ret, label, rule->id);
}

static bool is_link_local(const struct sl_addr *address)
{
	return sl_addr_is_v4(address) && v4_of(address) >> 16 == 0xa9fe;
}

void sl_agent_judge(const struct sl_policy *policy, const struct sl_block_workload *workload,
		    const struct sl_policy_query *query, const struct sl_block_rule *rule,
		    struct sl_policy_answer *ret)
{
	uint8_t direction = query->ingress ? SL_BLOCK_AGENT_INGRESS : SL_BLOCK_AGENT_EGRESS;
	uint32_t switches = policy->block->agent, peer = class_of(policy, &query->peer);
	bool internal = peer & SL_CLASS_INTERNAL;

	ret->agent = true;
	if (!internal)
		ret->flags |= SL_LOOK_EXTERNAL;
	if (is_link_local(&query->peer))
		ret->flags |= SL_LOOK_LINK_LOCAL;
	if (switches & SL_AGENT_DISABLED || (internal && !(workload->agent & direction))) {
		settle(ret, SL_LABEL_OPEN);
		return;
	}
	if (peer & SL_CLASS_EXTERNAL && !internal && !query->ingress) {
		/* A service claims an address outside: whoever trusts it may speak to another. */
		settle(ret, SL_LABEL_DENY);
		ret->flags |= SL_LOOK_SERVICE_EXTIP;
		ret->threat = SL_THREAT_NUMBER_EXTIP;
		return;
	}
	if (rule) {
		judge_rule(policy, workload, query, rule, peer, ret);
		return;
	}
	if (peer & SL_CLASS_UNMANAGED && !(switches & SL_AGENT_UNMANAGED)) {
		settle(ret, SL_LABEL_OPEN);
		ret->flags |= SL_LOOK_UNMANAGED;
		return;
	}
	/* Until the application is known a rule may still allow it. */
	if (ret->pending) {
		set(ret, SL_LABEL_CHECK_APP, 0);
		return;
	}
	judge_default(policy, workload, query, peer, ret);
}
