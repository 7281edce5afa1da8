// SPDX-License-Identifier: BSD-2-Clause
/*
 * Taking a compiled policy from somebody: everything that a lookup will rely
 * on is checked here, so that a lookup need not.
 *
 * Invariant: whatever the bytes are, they are refused, or no query can make a
 * lookup read outside them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dpi/policy/agent.h"
#include "dpi/policy/compiled.h"
#include "dpi/policy/known.h"
#include "lib/sealed.h"

static int bad(struct sl_err *err, const char *what)
{
	return sl_err(err, EBADMSG, "the compiled policy is damaged, or of another version: %s", what);
}

/* The table's first element, or NULL if it is not wholly in the block. */
static const void *part(const struct sl_block *block, const struct sl_block_part *where, size_t size)
{
	if (where->offset % 8 || where->offset < sizeof(*block) || where->offset > block->size ||
	    where->count > (block->size - where->offset) / size)
		return NULL;
	return (const char *)block + where->offset;
}

/* Is there a set at this place, with no rule that does not exist? */
static bool set_is_good(const struct sl_policy *policy, uint32_t set)
{
	const struct sl_block *block = policy->block;
	uint32_t room = block->words.count, n = 0;
	const uint64_t *summary;

	if (set > room || room - set < block->n_summary)
		return false;
	summary = policy->words + set;
	room -= set + block->n_summary;
	for (uint32_t i = 0; i < block->n_summary; i++)
		n += (uint32_t)__builtin_popcountll(summary[i]);
	if (n > room)
		return false;
	if (block->n_words % 64 && summary[block->n_summary - 1] >> block->n_words % 64)
		return false;
	/* The last word of rules may be in use in part. */
	if (block->n_rules % 64 && summary[(block->n_words - 1) / 64] >> (block->n_words - 1) % 64 & 1 &&
	    summary[block->n_summary + n - 1] >> block->n_rules % 64)
		return false;
	return true;
}

static bool sets_are_good(const struct sl_policy *policy, const uint32_t *sets, uint32_t n)
{
	uint32_t last = 0;

	/* Neighbours often are the same set. */
	for (uint32_t i = 0; i < n; i++) {
		if ((!i || sets[i] != last) && !set_is_good(policy, sets[i]))
			return false;
		last = sets[i];
	}
	return true;
}

static bool ascends(const uint32_t *table, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if (table[i] <= table[i - 1])
			return false;
	return true;
}

static bool v6_ascends(const struct sl_block_v6 *table, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if (table[i].high < table[i - 1].high ||
		    (table[i].high == table[i - 1].high && table[i].low <= table[i - 1].low))
			return false;
	return true;
}

static bool workload_is_good(const struct sl_policy *policy, const struct sl_block_workload *workload)
{
	return workload->mode <= SL_POLICY_PROTECT && workload->action[0] <= SL_RULE_DENY &&
	       workload->action[1] <= SL_RULE_DENY && workload->label < SL_LABELS &&
	       !(workload->agent & ~SL_BLOCK_AGENT_ALL) && set_is_good(policy, workload->set[0]) &&
	       set_is_good(policy, workload->set[1]);
}

static bool names_are_good(const struct sl_policy *policy)
{
	const struct sl_block *block = policy->block;
	const char *before = NULL, *text;

	if (block->names.count > SL_BLOCK_NAMES_MAX)
		return false;
	for (uint32_t i = 0; i < block->names.count; i++) {
		if (policy->names[i].text >= block->texts.count || !set_is_good(policy, policy->names[i].set))
			return false;
		text = policy->texts + policy->names[i].text;
		if (strnlen(text, block->texts.count - policy->names[i].text) > SL_BLOCK_NAME_MAX)
			return false;
		if (policy->names[i].text + strnlen(text, block->texts.count - policy->names[i].text) ==
		    block->texts.count)
			return false;
		if (before && strcmp(before, text) >= 0)
			return false;
		before = text;
	}
	return true;
}

static const char *check_header(const struct sl_block *block, size_t size)
{
	if (block->magic != SL_BLOCK_MAGIC || block->version != SL_BLOCK_VERSION)
		return "it does not begin like one";
	if (block->size != size)
		return "its size is not the one it names";
	if (sl_block_sum(block, size) != block->sum)
		return "its sum is wrong";
	if (block->n_rules > SL_BLOCK_RULES_MAX || block->n_words != (block->n_rules + 63) / 64 ||
	    block->n_summary != (block->n_words + 63) / 64 || block->rules.count != block->n_rules)
		return "the number of rules";
	return NULL;
}

static bool find_parts(struct sl_policy *policy)
{
	const struct sl_block *block = policy->block;

	policy->rules = part(block, &block->rules, sizeof(*policy->rules));
	policy->workloads = part(block, &block->workloads, sizeof(*policy->workloads));
	policy->v4_from = part(block, &block->v4_from, sizeof(uint32_t));
	policy->v4_set = part(block, &block->v4_set, sizeof(uint32_t));
	policy->v6_from = part(block, &block->v6_from, sizeof(*policy->v6_from));
	policy->v6_set = part(block, &block->v6_set, sizeof(uint32_t));
	policy->peer_id = part(block, &block->peer_id, sizeof(uint32_t));
	policy->peer_set = part(block, &block->peer_set, sizeof(uint32_t));
	policy->application_id = part(block, &block->application_id, sizeof(uint32_t));
	policy->application_set = part(block, &block->application_set, sizeof(uint32_t));
	policy->names = part(block, &block->names, sizeof(*policy->names));
	policy->texts = part(block, &block->texts, 1);
	policy->pages = part(block, &block->pages, 256 * sizeof(uint32_t));
	policy->words = part(block, &block->words, sizeof(uint64_t));
	policy->own_from = part(block, &block->own_from, sizeof(uint32_t));
	policy->own_set = part(block, &block->own_set, sizeof(uint32_t));
	policy->class_from = part(block, &block->class_from, sizeof(uint32_t));
	policy->class_bits = part(block, &block->class_bits, sizeof(uint32_t));
	return policy->rules && policy->workloads && policy->v4_from && policy->v4_set && policy->v6_from &&
	       policy->v6_set && policy->peer_id && policy->peer_set && policy->application_id &&
	       policy->application_set && policy->names && policy->texts && policy->pages && policy->words &&
	       policy->own_from && policy->own_set && policy->class_from && policy->class_bits;
}

static bool tables_are_good(const struct sl_policy *policy)
{
	const struct sl_block *block = policy->block;

	/* The stretches begin at 0, so that every address lies in one. */
	if (!block->v4_from.count || policy->v4_from[0] || !block->v6_from.count || policy->v6_from[0].high ||
	    policy->v6_from[0].low)
		return false;
	if (block->v4_set.count != block->v4_from.count || block->v6_set.count != block->v6_from.count ||
	    block->peer_set.count != block->peer_id.count ||
	    block->application_set.count != block->application_id.count || block->pages.count > 256)
		return false;
	/* These two may be left out. */
	if ((block->own_from.count && policy->own_from[0]) ||
	    (block->class_from.count && policy->class_from[0]) ||
	    block->own_set.count != block->own_from.count ||
	    block->class_bits.count != block->class_from.count ||
	    !ascends(policy->own_from, block->own_from.count) ||
	    !ascends(policy->class_from, block->class_from.count))
		return false;
	if (!ascends(policy->v4_from, block->v4_from.count) ||
	    !v6_ascends(policy->v6_from, block->v6_from.count) ||
	    !ascends(policy->peer_id, block->peer_id.count) ||
	    !ascends(policy->application_id, block->application_id.count))
		return false;
	return sets_are_good(policy, policy->v4_set, block->v4_set.count) &&
	       sets_are_good(policy, policy->own_set, block->own_set.count) &&
	       sets_are_good(policy, policy->v6_set, block->v6_set.count) &&
	       sets_are_good(policy, policy->peer_set, block->peer_set.count) &&
	       sets_are_good(policy, policy->application_set, block->application_set.count) &&
	       sets_are_good(policy, policy->pages, block->pages.count * 256) &&
	       sets_are_good(policy, block->protocol, 256);
}

static const char *check(struct sl_policy *policy)
{
	const struct sl_block *block = policy->block;
	const char *what = check_header(block, policy->size);

	if (what)
		return what;
	if (!find_parts(policy))
		return "a table is not in it";
	for (uint32_t i = 0; i < block->n_rules; i++)
		if (!policy->rules[i].id || policy->rules[i].action > SL_RULE_DENY ||
		    policy->rules[i].label >= SL_LABELS || policy->rules[i].host > block->names.count)
			return "a rule";
	if (block->agent & ~SL_AGENT_ALL)
		return "an agent's switches";
	if (!tables_are_good(policy))
		return "a table";
	for (uint32_t i = 0; i < 256; i++)
		if (block->port_page[i] >= block->pages.count)
			return "the ports";
	if (!workload_is_good(policy, &block->fallback))
		return "the default";
	for (uint32_t i = 0; i < block->workloads.count; i++)
		if (!workload_is_good(policy, &policy->workloads[i]) ||
		    (i && policy->workloads[i].id <= policy->workloads[i - 1].id))
			return "a workload";
	if (!set_is_good(policy, block->any_workload[0]) || !set_is_good(policy, block->any_workload[1]) ||
	    !set_is_good(policy, block->any_peer) || !set_is_good(policy, block->any_own) ||
	    !set_is_good(policy, block->any_port) || !set_is_good(policy, block->any_protocol) ||
	    !set_is_good(policy, block->dependent))
		return "a set";
	return names_are_good(policy) ? NULL : "a name";
}

/* Takes over the block, also when it fails. */
static int open_block(const void *block, size_t size, bool mapped, struct sl_policy **ret, struct sl_err *err)
{
	struct sl_policy *policy = calloc(1, sizeof(*policy));
	const char *what;
	int r = 0;

	if (!policy) {
		if (mapped)
			munmap((void *)block, size);
		else
			free((void *)block);
		return sl_err(err, ENOMEM, "no memory for the policy");
	}
	policy->block = block;
	policy->size = size;
	policy->mapped = mapped;
	what = check(policy);
	if (what)
		r = bad(err, what);
	else if (policy->block->names.count)
		r = sl_known_open(&policy->known, err);
	if (r)
		sl_policy_free(policy);
	else
		*ret = policy;
	return r;
}

static int check_size(size_t size, struct sl_err *err)
{
	return size < sizeof(struct sl_block) || size > SL_BLOCK_SIZE_MAX || size % 8
		       ? bad(err, "no policy has this size")
		       : 0;
}

int sl_policy_open(const void *block, size_t size, struct sl_policy **ret, struct sl_err *err)
{
	int r = check_size(size, err);
	void *copy;

	if (r)
		return r;
	copy = malloc(size);
	if (!copy)
		return sl_err(err, ENOMEM, "no memory for a policy of %zu bytes", size);
	memcpy(copy, block, size);
	return open_block(copy, size, false, ret, err);
}

int sl_policy_open_fd(int fd, struct sl_policy **ret, struct sl_err *err)
{
	const void *map;
	size_t size;
	int r = sl_sealed_map(fd, "the policy", sizeof(struct sl_block), SL_BLOCK_SIZE_MAX, &map, &size, err);

	if (r < 0)
		return r;
	r = check_size(size, err);
	if (r < 0) {
		munmap((void *)map, size);
		return r;
	}
	return open_block(map, size, true, ret, err);
}

void sl_policy_free(struct sl_policy *policy)
{
	if (!policy)
		return;
	sl_known_close(policy->known);
	if (policy->mapped)
		munmap((void *)policy->block, policy->size);
	else
		free((void *)policy->block);
	free(policy);
}

uint32_t sl_policy_rules(const struct sl_policy *policy)
{
	return policy->block->n_rules;
}

size_t sl_policy_size(const struct sl_policy *policy)
{
	return policy->size;
}

void sl_policy_set_number(struct sl_policy *policy, uint32_t number)
{
	policy->number = number;
}

uint32_t sl_policy_number(const struct sl_policy *policy)
{
	return policy->number;
}
