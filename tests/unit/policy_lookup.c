// SPDX-License-Identifier: BSD-2-Clause
/*
 * The compiled policy answers as the rules do when one goes through them in
 * order; and a block that is damaged is never used.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dpi/policy/block.h"
#include "dpi/policy/compiled.h"
#include "dpi/policy/known.h"
#include "address.h"
#include "policy_make.h"

#define SEED 0x5eed5eed5eed5eedULL

TestSuite(policy_lookup, .timeout = 120);

struct covering {
	const struct sl_policy *policy;
};

/* Through what the policy has been told, name by name. */
static bool covers(void *context, const char *pattern, const struct sl_addr *address)
{
	const struct covering *covering = context;
	const struct sl_policy *policy = covering->policy;
	uint32_t names[SL_KNOWN_NAMES];
	unsigned int n = policy->known ? sl_known_ask(policy->known, address, 0, names) : 0;

	for (unsigned int i = 0; i < n; i++)
		if (!strcmp(policy->texts + policy->names[names[i]].text, pattern))
			return true;
	return false;
}

static void tell_some(const struct sl_policy *policy, uint64_t *state)
{
	struct sl_policy_query query;

	for (unsigned int i = 0; policy->known && i < 200; i++) {
		make_query(state, &query);
		sl_known_tell(policy->known, &query.peer,
			      (uint32_t)(make_random(state) % policy->block->names.count), 1000, 1);
	}
}

static void expect_same(const struct sl_rules *rules, const struct sl_policy *policy,
			const struct sl_policy_query *query, unsigned int *hits)
{
	struct covering covering = { policy };
	const struct sl_names_of names = { covers, &covering };
	struct sl_policy_answer is, wanted;

	sl_rules_ask(rules, query, &names, &wanted);
	sl_policy_ask(policy, query, &is);
	*hits += wanted.rule != 0;
	cr_assert(is.action == wanted.action && is.rule == wanted.rule && is.pending == wanted.pending &&
			  is.mode == wanted.mode,
		  "workload %u %s protocol %u port %u application %u final %d: "
		  "action %d rule %u pending %d mode %d instead of %d %u %d %d",
		  query->workload, query->ingress ? "ingress" : "egress", query->protocol, query->port,
		  query->application, query->application_final, is.action, is.rule, is.pending, is.mode,
		  wanted.action, wanted.rule, wanted.pending, wanted.mode);
}

static void compare(size_t n_rules, unsigned int policies, unsigned int queries)
{
	uint64_t state = SEED + n_rules;
	struct sl_policy_query query;
	unsigned int hits = 0;

	for (unsigned int i = 0; i < policies; i++) {
		struct sl_rules *rules = make_rules(&state, n_rules);
		struct sl_policy *policy = make_policy(rules);

		tell_some(policy, &state);
		for (unsigned int k = 0; k < queries; k++) {
			make_query(&state, &query);
			expect_same(rules, policy, &query, &hits);
		}
		sl_policy_free(policy);
		sl_rules_free(rules);
	}
	cr_assert(!n_rules || hits > policies * queries / 20, "only %u queries met a rule", hits);
}

Test(policy_lookup, no_rules_at_all)
{
	compare(0, 20, 100);
}

Test(policy_lookup, few_rules)
{
	compare(5, 2000, 100);
}

/* More than one word, and a last word in use in part. */
Test(policy_lookup, some_rules)
{
	compare(64, 100, 1000);
	compare(65, 100, 1000);
	compare(200, 50, 2000);
}

/* More than one word of summary: above 4096. */
Test(policy_lookup, many_rules)
{
	compare(5000, 2, 5000);
	compare(SL_RULES_MAX, 1, 2000);
}

Test(policy_lookup, ipv6_any_is_no_ipv4_and_the_reverse)
{
	struct sl_policy *policy =
		make_policy_of("version: 1\nrules:\n"
			       "- {id: 1, direction: both, peer: '::/0', action: allow}\n"
			       "- {id: 2, direction: both, peer: 0.0.0.0/0, action: allow}\n");
	struct sl_policy_query query = { .workload = 1, .protocol = 6, .application_final = true };
	struct sl_policy_answer answer;

	query.peer = address_of("255.255.255.255");
	sl_policy_ask(policy, &query, &answer);
	cr_assert_eq(answer.rule, 2);
	query.peer = address_of("0.0.0.0");
	sl_policy_ask(policy, &query, &answer);
	cr_assert_eq(answer.rule, 2);
	query.peer = address_of("::ffff:1.2.3.4");
	sl_policy_ask(policy, &query, &answer);
	cr_assert_eq(answer.rule, 2);
	query.peer = address_of("::1");
	sl_policy_ask(policy, &query, &answer);
	cr_assert_eq(answer.rule, 1);
	query.peer = address_of("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	sl_policy_ask(policy, &query, &answer);
	cr_assert_eq(answer.rule, 1);
	sl_policy_free(policy);
}

/* The life of an answer: not known, known, known not to become known. */
Test(policy_lookup, applications_make_an_answer_pending)
{
	struct sl_policy *policy = make_policy_of(
		"version: 1\ndefault: {mode: protect, ingress: deny, egress: deny}\nrules:\n"
		"- {id: 1, direction: ingress, ports: 80, application: http, action: allow}\n"
		"- {id: 2, direction: ingress, ports: 81, application: http, action: deny}\n"
		"- {id: 3, direction: ingress, ports: [80, 82], application: unknown, action: allow}\n");
	static const struct {
		uint16_t port, application;
		bool final, pending;
		uint32_t rule;
		enum sl_rule_action action;
	} rows[] = {
		{ 80, 0, false, true, 0, SL_RULE_DENY },     { 80, 1001, true, false, 1, SL_RULE_ALLOW },
		{ 80, 1001, false, true, 1, SL_RULE_ALLOW }, { 80, 1002, true, false, 0, SL_RULE_DENY },
		{ 80, 0, true, false, 3, SL_RULE_ALLOW },    { 81, 0, false, false, 0, SL_RULE_DENY },
		{ 81, 1001, true, false, 2, SL_RULE_DENY },  { 82, 0, false, true, 0, SL_RULE_DENY },
		{ 83, 0, false, false, 0, SL_RULE_DENY },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct sl_policy_query query = { .workload = 9,
						 .ingress = true,
						 .protocol = 6,
						 .port = rows[i].port,
						 .application = rows[i].application,
						 .application_final = rows[i].final };
		struct sl_policy_answer answer;

		query.peer = address_of("10.0.0.1");
		sl_policy_ask(policy, &query, &answer);
		cr_assert(answer.pending == rows[i].pending && answer.rule == rows[i].rule &&
				  answer.action == rows[i].action && answer.mode == SL_POLICY_PROTECT,
			  "row %zu: pending %d rule %u action %d", i, answer.pending, answer.rule,
			  answer.action);
	}
	sl_policy_free(policy);
}

static size_t two_of_name(void *context, const char *name, uint16_t *ret, size_t room)
{
	(void)context;
	if (strcmp(name, "web") != 0 || room < 2)
		return 0;
	ret[0] = 7;
	ret[1] = 9;
	return 2;
}

/* A name that stands for nothing must not become `any`. */
Test(policy_lookup, names_of_workloads_are_resolved)
{
	struct sl_rules *rules = make_rules_of(
		"version: 1\ndefault: {ingress: allow}\nworkloads: [{workload: web, mode: protect}]\nrules:\n"
		"- {id: 1, direction: ingress, workload: web, peer: 'workload:web', action: deny}\n"
		"- {id: 2, direction: ingress, workload: gone, action: deny}\n"
		"- {id: 3, direction: ingress, peer: 'workload:gone', action: deny}\n");
	const struct sl_resolver resolver = { two_of_name, NULL };
	struct sl_policy_query query = { .ingress = true, .protocol = 6, .application_final = true };
	unsigned int unresolved = 0;
	struct sl_policy *policy;
	struct sl_policy_answer answer;
	void *block;
	size_t size;

	cr_assert(!sl_rules_compile(rules, &resolver, &block, &size, &unresolved, NULL));
	cr_assert_eq(unresolved, 2);
	cr_assert(!sl_policy_open(block, size, &policy, NULL));
	for (uint16_t id = 6; id < 11; id++) {
		bool web = id == 7 || id == 9;

		query.workload = id;
		query.peer_workload = 9;
		sl_policy_ask(policy, &query, &answer);
		cr_assert_eq(answer.rule, web ? 1 : 0, "workload %u", id);
		cr_assert_eq(answer.mode, web ? SL_POLICY_PROTECT : SL_POLICY_DISCOVER);
		query.peer_workload = 8;
		sl_policy_ask(policy, &query, &answer);
		cr_assert_eq(answer.rule, 0);
	}
	free(block);
	sl_policy_free(policy);
	sl_rules_free(rules);
}

Test(policy_lookup, the_same_rules_give_the_same_bytes)
{
	uint64_t state = SEED;
	struct sl_rules *rules = make_rules(&state, 300);
	void *a, *b;
	size_t a_size, b_size;

	cr_assert(!sl_rules_compile(rules, NULL, &a, &a_size, NULL, NULL));
	cr_assert(!sl_rules_compile(rules, NULL, &b, &b_size, NULL, NULL));
	cr_assert_eq(a_size, b_size);
	cr_assert(!memcmp(a, b, a_size));
	free(a);
	free(b);
	sl_rules_free(rules);
}

Test(policy_lookup, a_damaged_block_is_refused)
{
	uint64_t state = SEED;
	struct sl_rules *rules = make_rules(&state, 100);
	struct sl_policy *policy = NULL;
	struct sl_err err;
	uint8_t *block;
	size_t size;

	cr_assert(!sl_rules_compile(rules, NULL, (void **)&block, &size, NULL, NULL));
	for (size_t len = 0; len < size; len += 1 + len / 64)
		cr_assert_eq(sl_policy_open(block, len, &policy, &err), -EBADMSG, "%zu of %zu bytes", len,
			     size);
	for (size_t i = 0; i < size; i += 1 + make_random(&state) % 40) {
		block[i] ^= (uint8_t)(1 << i % 8);
		cr_assert_eq(sl_policy_open(block, size, &policy, &err), -EBADMSG, "byte %zu", i);
		block[i] ^= (uint8_t)(1 << i % 8);
	}
	cr_assert(!policy);
	cr_assert(!sl_policy_open(block, size, &policy, &err));
	sl_policy_free(policy);
	free(block);
	sl_rules_free(rules);
}

/* Whoever damages on purpose mends the sum: what is then taken must be safe to ask (sanitizers look on). */
Test(policy_lookup, a_forged_block_is_refused_or_harmless)
{
	uint64_t state = SEED;
	struct sl_rules *rules = make_rules(&state, 70);
	struct sl_policy_query query;
	struct sl_policy_answer answer;
	unsigned int refused = 0;
	struct sl_block *block;
	size_t size;

	cr_assert(!sl_rules_compile(rules, NULL, (void **)&block, &size, NULL, NULL));
	for (unsigned int i = 0; i < 4000; i++) {
		/* Most of a block is tables whose damage shows less than that of the head. */
		size_t limit = i % 2 ? sizeof(*block) : size, where = make_random(&state) % (limit / 4);
		uint32_t *word = (uint32_t *)block + where, before = *word;
		struct sl_policy *policy = NULL;

		*word = (uint32_t)(i % 3 ? before + 1 - make_random(&state) % 3 : make_random(&state));
		block->sum = sl_block_sum(block, size);
		if (sl_policy_open(block, size, &policy, NULL))
			refused++;
		for (unsigned int k = 0; policy && k < 20; k++) {
			make_query(&state, &query);
			sl_policy_ask(policy, &query, &answer);
		}
		sl_policy_free(policy);
		*word = before;
	}
	cr_assert(refused > 500 && refused < 4000, "%u refused", refused);
	free(block);
	sl_rules_free(rules);
}

Test(policy_lookup, a_memory_file_is_taken_only_when_sealed)
{
	struct sl_rules *rules = make_rules_of("version: 1\n");
	struct sl_policy *policy = NULL;
	struct sl_err err = { 0 };
	void *block;
	size_t size;
	int fd;

	cr_assert(!sl_rules_compile(rules, NULL, &block, &size, NULL, NULL));
	fd = sl_block_memfd(block, size, &err);
	cr_assert(fd >= 0, "%s", err.text);
	cr_assert(!sl_policy_open_fd(fd, &policy, &err), "%s", err.text);
	close(fd);
	cr_assert_eq(sl_policy_size(policy), size);
	sl_policy_free(policy);
	policy = NULL;
	fd = fileno(tmpfile());
	cr_assert_eq(write(fd, block, size), (ssize_t)size);
	cr_assert_eq(sl_policy_open_fd(fd, &policy, &err), -EPERM);
	cr_assert(!policy);
	close(fd);
	free(block);
	sl_rules_free(rules);
}
