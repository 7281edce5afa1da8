// SPDX-License-Identifier: BSD-2-Clause
/*
 * The lookup: each property of the query leads to sets of rules, and the
 * lowest bit common to all decides. Summaries are intersected first, so that
 * words without a common rule are not looked at: the cost hardly depends on
 * how many rules there are.
 *
 * Invariant: the same as going through the rules in order (the tests compare).
 */
#include <string.h>

#include "dpi/policy/agent.h"
#include "dpi/policy/compiled.h"
#include "dpi/policy/known.h"

/* What a query's property selects: rules that are in any of these sets. */
#define SETS_MAX (3 + SL_KNOWN_NAMES)
struct choice {
	unsigned int n;
	const uint64_t *set[SETS_MAX];
};

enum { WORKLOAD, PEER, PORT, PROTOCOL, OWN, CHOICES };

struct lookup {
	const struct sl_policy *policy;
	unsigned int n_summary;
	struct choice choice[CHOICES];
	const uint64_t *dependent, *application; /* application: NULL if not known */
	bool own; /* a rule asks for the workload's own address */
};

/* What the walk through the matching rules has found. */
struct found {
	bool answered, possible[2];
	uint32_t rule; /* index */
};

static unsigned int count_bits(uint64_t x)
{
	x -= x >> 1 & 0x5555555555555555ULL;
	x = (x & 0x3333333333333333ULL) + (x >> 2 & 0x3333333333333333ULL);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return (unsigned int)(x * 0x0101010101010101ULL >> 56);
}

/* The set's word w: zero, or the one that as many stand in front of as there are bits in front of its own. */
static uint64_t set_word(const uint64_t *set, unsigned int n_summary, unsigned int w)
{
	uint64_t bit = 1ULL << w % 64;
	unsigned int before;

	if (!(set[w / 64] & bit))
		return 0;
	before = count_bits(set[w / 64] & (bit - 1));
	for (unsigned int i = 0; i < w / 64; i++)
		before += count_bits(set[i]);
	return set[n_summary + before];
}

static uint64_t choice_summary(const struct choice *choice, unsigned int i)
{
	uint64_t summary = 0;

	for (unsigned int k = 0; k < choice->n; k++)
		summary |= choice->set[k][i];
	return summary;
}

static uint64_t choice_word(const struct choice *choice, unsigned int n_summary, unsigned int w)
{
	uint64_t word = 0;

	for (unsigned int k = 0; k < choice->n; k++)
		word |= set_word(choice->set[k], n_summary, w);
	return word;
}

static void choose(struct lookup *lookup, unsigned int which, uint32_t set)
{
	struct choice *choice = &lookup->choice[which];

	choice->set[choice->n++] = lookup->policy->words + set;
}

static uint64_t big_endian(const uint8_t *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return __builtin_bswap64(value);
}

/* The stretch an address lies in: the last that begins at it or before. The first begins at 0. */
static uint32_t v4_stretch(const uint32_t *from, uint32_t n, uint32_t address)
{
	uint32_t low = 0;

	while (n > 1) {
		uint32_t half = n / 2;

		low = from[low + half] <= address ? low + half : low;
		n -= half;
	}
	return low;
}

static uint32_t v6_stretch(const struct sl_block_v6 *from, uint32_t n, uint64_t high, uint64_t low_half)
{
	uint32_t low = 0;

	while (n > 1) {
		uint32_t half = n / 2;
		const struct sl_block_v6 *middle = &from[low + half];

		if (middle->high < high || (middle->high == high && middle->low <= low_half))
			low += half;
		n -= half;
	}
	return low;
}

static void choose_peer(struct lookup *lookup, const struct sl_policy_query *query)
{
	const struct sl_policy *policy = lookup->policy;
	const struct sl_block *block = policy->block;
	uint32_t names[SL_KNOWN_NAMES];
	unsigned int n;
	long at;

	choose(lookup, PEER, block->any_peer);
	if (sl_addr_is_v4(&query->peer)) {
		uint32_t address = (uint32_t)big_endian(query->peer.byte + 8);

		choose(lookup, PEER,
		       policy->v4_set[v4_stretch(policy->v4_from, block->v4_from.count, address)]);
	} else {
		choose(lookup, PEER,
		       policy->v6_set[v6_stretch(policy->v6_from, block->v6_from.count,
						 big_endian(query->peer.byte),
						 big_endian(query->peer.byte + 8))]);
	}
	if (query->peer_workload && block->peer_id.count) {
		at = sl_find_u32(policy->peer_id, block->peer_id.count, query->peer_workload);
		if (at >= 0)
			choose(lookup, PEER, policy->peer_set[at]);
	}
	if (!policy->known)
		return;
	n = sl_known_ask(policy->known, &query->peer, query->now_ns, names);
	for (unsigned int i = 0; i < n; i++)
		choose(lookup, PEER, policy->names[names[i]].set);
}

static const struct sl_block_workload *find_workload(const struct sl_policy *policy, uint16_t id)
{
	const struct sl_block_workload *table = policy->workloads;
	uint32_t low = 0, n = policy->block->workloads.count;

	while (n) {
		uint32_t half = n / 2;

		if (table[low + half].id == id)
			return &table[low + half];
		if (table[low + half].id < id) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return &policy->block->fallback;
}

static bool has_ports(uint8_t protocol)
{
	return protocol == 6 || protocol == 17 || protocol == 132;
}

static void choose_all(struct lookup *lookup, const struct sl_policy_query *query,
		       const struct sl_block_workload *workload)
{
	const struct sl_policy *policy = lookup->policy;
	const struct sl_block *block = policy->block;
	bool known = query->application || query->application_final;
	long at;

	choose(lookup, WORKLOAD, block->any_workload[query->ingress]);
	choose(lookup, WORKLOAD, workload->set[query->ingress]);
	choose_peer(lookup, query);
	choose(lookup, PORT, block->any_port);
	if (has_ports(query->protocol))
		choose(lookup, PORT,
		       policy->pages[block->port_page[query->port >> 8] * 256 + (query->port & 255)]);
	choose(lookup, PROTOCOL, block->any_protocol);
	choose(lookup, PROTOCOL, block->protocol[query->protocol]);
	if (lookup->own) {
		choose(lookup, OWN, block->any_own);
		if (sl_addr_is_v4(&query->own))
			choose(lookup, OWN,
			       policy->own_set[v4_stretch(policy->own_from, block->own_from.count,
							  (uint32_t)big_endian(query->own.byte + 8))]);
	}
	lookup->dependent = policy->words + block->dependent;
	if (!known)
		return;
	at = sl_find_u32(policy->application_id, block->application_id.count, query->application);
	if (at >= 0)
		lookup->application = policy->words + policy->application_set[at];
}

/*
 * Takes the rules of word w that match but for the application, in order. A
 * rule with applications answers only if one is the query's; until a rule
 * without has come, others may still become the answer. True: no rule behind
 * these matters.
 */
static bool take_word(const struct lookup *lookup, unsigned int w, uint64_t matching, bool final,
		      struct found *found)
{
	uint64_t dependent = set_word(lookup->dependent, lookup->n_summary, w), agrees = 0;

	if (lookup->application)
		agrees = set_word(lookup->application, lookup->n_summary, w);
	for (; matching; matching &= matching - 1) {
		unsigned int bit = (unsigned int)__builtin_ctzll(matching);
		uint64_t mask = 1ULL << bit;
		uint32_t rule = w * 64 + bit;

		found->possible[lookup->policy->rules[rule].action] = true;
		if (!found->answered && (!(dependent & mask) || agrees & mask)) {
			found->answered = true;
			found->rule = rule;
		}
		if (!(dependent & mask) || (found->answered && final))
			return true;
	}
	return false;
}

/* True if a rule without applications matched, or an answer is all that is wanted. */
static bool walk(const struct lookup *lookup, bool final, struct found *found)
{
	const struct choice *choice = lookup->choice;
	unsigned int n = lookup->n_summary;

	for (unsigned int i = 0; i < n; i++) {
		uint64_t summary = choice_summary(&choice[WORKLOAD], i) & choice_summary(&choice[PEER], i) &
				   choice_summary(&choice[PORT], i) & choice_summary(&choice[PROTOCOL], i);

		for (; summary; summary &= summary - 1) {
			unsigned int w = i * 64 + (unsigned int)__builtin_ctzll(summary);
			/* What differs most from rule to rule comes first. */
			uint64_t matching = choice_word(&choice[PEER], n, w);

			matching = matching ? matching & choice_word(&choice[PORT], n, w) : 0;
			matching = matching ? matching & choice_word(&choice[WORKLOAD], n, w) : 0;
			matching = matching ? matching & choice_word(&choice[PROTOCOL], n, w) : 0;
			if (lookup->own)
				matching = matching ? matching & choice_word(&choice[OWN], n, w) : 0;
			if (matching && take_word(lookup, w, matching, final, found))
				return true;
		}
	}
	return false;
}

void sl_policy_ask(const struct sl_policy *policy, const struct sl_policy_query *query,
		   struct sl_policy_answer *ret)
{
	const struct sl_block_workload *workload = find_workload(policy, query->workload);
	struct lookup lookup;
	struct found found = { 0 };

	lookup.policy = policy;
	lookup.n_summary = policy->block->n_summary;
	lookup.application = NULL;
	lookup.own = policy->block->own_from.count;
	for (unsigned int i = 0; i < CHOICES; i++)
		lookup.choice[i].n = 0;
	choose_all(&lookup, query, workload);
	if (!walk(&lookup, query->application_final, &found))
		found.possible[workload->action[query->ingress]] = true;
	*ret = (struct sl_policy_answer){ .mode = workload->mode };
	if (found.answered) {
		ret->action = policy->rules[found.rule].action;
		ret->rule = policy->rules[found.rule].id;
	} else {
		ret->action = workload->action[query->ingress];
		ret->rule = 0;
	}
	ret->pending = !query->application_final && found.possible[!ret->action];
	if (workload->agent)
		sl_agent_judge(policy, workload, query, found.answered ? &policy->rules[found.rule] : NULL,
			       ret);
}
