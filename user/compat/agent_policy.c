// SPDX-License-Identifier: BSD-2-Clause
/* Policies and their pieces; see agent.h for the invariant. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compat/agent.h"

#define ARENA_MAX (16U << 20)

enum { ADD = 1, MODIFY, DELETE };

static void free_one(struct agent_policy *policy)
{
	free(policy->macs);
	free(policy->rules);
	sl_arena_free(&policy->arena);
	free(policy);
}

void agent_policy_free(struct agent_policy *policy)
{
	while (policy) {
		struct agent_policy *next = policy->next;

		free_one(policy);
		policy = next;
	}
}

static bool has_mac(const struct agent_policy *policy, const uint8_t mac[6])
{
	for (size_t i = 0; i < policy->n_macs; i++) {
		if (!memcmp(policy->macs[i], mac, 6))
			return true;
	}
	return false;
}

const struct agent_policy *agent_policy_of(const struct agent *agent, const uint8_t mac[6])
{
	const struct agent_policy *policy = agent->policies;

	while (policy && !has_mac(policy, mac))
		policy = policy->next;
	return policy;
}

/* None of these MACs has one any more. */
static void forget(struct agent *agent, const uint8_t (*macs)[6], size_t n)
{
	for (struct agent_policy **at = &agent->policies; *at;) {
		struct agent_policy *policy = *at;
		size_t kept = 0;

		for (size_t i = 0; i < policy->n_macs; i++) {
			bool gone = false;

			for (size_t k = 0; k < n && !gone; k++)
				gone = !memcmp(policy->macs[i], macs[k], 6);
			if (!gone)
				memmove(policy->macs[kept++], policy->macs[i], 6);
		}
		policy->n_macs = kept;
		if (kept) {
			at = &policy->next;
			continue;
		}
		*at = policy->next;
		agent->weight -= policy->weight;
		free_one(policy);
	}
}

static int copy_rule(struct agent_policy *policy, const struct agent_rule *rule)
{
	struct agent_rule *copy;

	if (policy->n_rules == policy->rules_room) {
		size_t room = policy->rules_room ? 2 * policy->rules_room : 16;
		struct agent_rule *rules = realloc(policy->rules, room * sizeof(*rules));

		if (!rules)
			return -ENOMEM;
		policy->rules = rules;
		policy->rules_room = room;
	}
	copy = &policy->rules[policy->n_rules];
	*copy = *rule;
	copy->name = sl_arena_text(&policy->arena, rule->name, strlen(rule->name));
	copy->apps = sl_arena_array(&policy->arena, rule->n_apps, sizeof(*copy->apps));
	if (!copy->name || !copy->apps)
		return -ENOMEM;
	if (rule->n_apps)
		memcpy(copy->apps, rule->apps, rule->n_apps * sizeof(*copy->apps));
	policy->n_rules++;
	policy->weight += rule->n_apps ? rule->n_apps : 1;
	return 0;
}

static int add_rules(struct agent_policy *policy, const struct agent_policy_piece *piece, struct sl_err *err)
{
	for (size_t i = 0; i < piece->n_rules; i++) {
		int r = copy_rule(policy, &piece->rules[i]);

		if (r)
			return sl_err(err, -r, "no memory for the policy");
		if (policy->weight > AGENT_RULES_MAX)
			return sl_err(err, E2BIG, "the policy has more than %d rules", AGENT_RULES_MAX);
	}
	return 0;
}

static struct agent_policy *begin(const struct agent_policy_piece *piece)
{
	struct agent_policy *policy = calloc(1, sizeof(*policy));

	if (!policy)
		return NULL;
	policy->arena.limit = ARENA_MAX;
	policy->action = piece->action;
	policy->directions = piece->directions;
	policy->n_macs = piece->n_macs;
	policy->macs = calloc(piece->n_macs + 1, sizeof(*policy->macs));
	if (!policy->macs) {
		free(policy);
		return NULL;
	}
	memcpy(policy->macs, piece->macs, piece->n_macs * sizeof(*policy->macs));
	return policy;
}

static void drop_coming(struct agent *agent)
{
	agent_policy_free(agent->coming);
	agent->coming = NULL;
}

/* What the policies it replaces count for no more. */
static size_t weight_freed(const struct agent *agent, const struct agent_policy *by)
{
	size_t freed = 0;

	for (const struct agent_policy *policy = agent->policies; policy; policy = policy->next) {
		size_t covered = 0;

		for (size_t i = 0; i < policy->n_macs; i++)
			covered += has_mac(by, policy->macs[i]);
		if (covered == policy->n_macs)
			freed += policy->weight;
	}
	return freed;
}

int agent_policy_apply(struct agent *agent, const struct agent_policy_piece *piece, struct sl_err *err)
{
	struct agent_policy *policy;
	int r;

	if (piece->command == DELETE) {
		drop_coming(agent);
		forget(agent, piece->macs, piece->n_macs);
		return CHANGED_POLICY;
	}
	if (piece->piece & PIECE_FIRST) {
		drop_coming(agent);
		agent->coming = begin(piece);
		if (!agent->coming)
			return sl_err(err, ENOMEM, "no memory for the policy");
	}
	policy = agent->coming;
	if (!policy)
		return sl_err(err, EINVAL, "a piece of a policy without its first one (\"flag\" 1)");
	r = add_rules(policy, piece, err);
	if (!r && piece->piece & PIECE_LAST &&
	    agent->weight - weight_freed(agent, policy) + policy->weight > AGENT_RULES_MAX)
		r = sl_err(err, E2BIG, "all policies together would have more than %d rules",
			   AGENT_RULES_MAX);
	if (r) {
		drop_coming(agent);
		return r;
	}
	if (!(piece->piece & PIECE_LAST))
		return 0;
	agent->coming = NULL;
	forget(agent, (const uint8_t(*)[6])policy->macs, policy->n_macs);
	if (!policy->n_macs) {
		free_one(policy);
		return 0;
	}
	policy->next = agent->policies;
	agent->policies = policy;
	agent->weight += policy->weight;
	return CHANGED_POLICY;
}
