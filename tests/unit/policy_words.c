// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is said about policies: rules that never decide, what differs between
 * two, and rules made of what was seen.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "policy_make.h"
#include "policyfile/check.h"
#include "policyfile/diff.h"
#include "policyfile/fold.h"

TestSuite(policy_words, .timeout = 120);

#define R "version: 1\nrules:\n"

static void expect_shadow(const char *text, int rule, int shadow, bool contradicts)
{
	struct sl_rules *rules = make_rules_of(text);
	size_t n = 0;
	struct sl_finding *found = sl_rules_check(rules, &n);

	cr_assert_eq(n, (size_t)(rule != 0), "%zu findings in %s", n, text);
	if (rule) {
		cr_assert_eq(found[0].rule->id, (uint32_t)rule);
		cr_assert_eq(found[0].shadow->id, (uint32_t)shadow);
		cr_assert_eq(found[0].contradicts, contradicts);
	}
	free(found);
	sl_rules_free(rules);
}

Test(policy_words, hidden_rules_are_named)
{
	expect_shadow(
		R "- {id: 1, direction: both, peer: 10.0.0.0/8, action: allow}\n"
		  "- {id: 2, direction: ingress, peer: [10.1.0.0/16, 10.9.9.9], ports: 80, action: deny}\n",
		2, 1, true);
	expect_shadow(
		R "- {id: 1, direction: both, peer: '*.example.com', action: allow}\n"
		  "- {id: 2, direction: egress, peer: a.b.example.com, application: tls, action: allow}\n",
		2, 1, false);
	expect_shadow(R "- {id: 1, direction: both, ports: 1-100, workload: [a, b], action: allow}\n"
			"- {id: 2, direction: both, ports: [5, 90-100], workload: b, action: deny}\n",
		      2, 1, true);
	/* Each is larger in one respect. */
	expect_shadow(
		R
		"- {id: 1, direction: ingress, peer: 10.0.0.0/8, action: allow}\n"
		"- {id: 2, direction: both, peer: 10.0.0.0/8, action: deny}\n"
		"- {id: 3, direction: ingress, peer: 0.0.0.0/0, action: deny}\n"
		"- {id: 4, direction: ingress, peer: '::/0', ports: 80, action: deny}\n"
		"- {id: 5, direction: ingress, peer: '::/0', ports: 80-81, application: http, action: deny}\n"
		"- {id: 6, direction: ingress, peer: '::/0', ports: 80-81, application: [tls, http], action: "
		"deny}\n"
		"- {id: 7, direction: ingress, peer: any, ports: 80-81, protocol: tcp, action: deny}\n",
		0, 0, false);
}

/* A rule said to be hidden decides nothing, whatever is asked. */
Test(policy_words, hidden_rules_never_decide)
{
	uint64_t state = 0xabcdULL;
	unsigned int seen = 0;

	for (unsigned int i = 0; i < 40; i++) {
		struct sl_rules *rules = make_rules(&state, 60);
		size_t n = 0;
		struct sl_finding *found = sl_rules_check(rules, &n);
		struct sl_policy_query query;
		struct sl_policy_answer answer;

		seen += (unsigned int)n;
		for (unsigned int k = 0; k < 2000; k++) {
			make_query(&state, &query);
			query.application_final = true;
			sl_rules_ask(rules, &query, NULL, &answer);
			for (size_t f = 0; f < n; f++)
				cr_assert_neq(answer.rule, found[f].rule->id);
		}
		free(found);
		sl_rules_free(rules);
	}
	cr_assert(seen > 20, "only %u hidden rules", seen);
}

static char *diff_words(const char *a, const char *b)
{
	struct sl_rules *old = make_rules_of(a), *new = make_rules_of(b);
	static const char signs[] = "+-~>*";
	struct sl_diff diff;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	cr_assert(!sl_rules_diff(old, new, &diff, NULL));
	for (size_t i = 0; i < diff.n_changes; i++)
		fprintf(out, "%c %s\n", signs[diff.changes[i].kind], diff.changes[i].text);
	for (size_t i = 0; i < diff.n_effects; i++)
		fprintf(out, "= %s\n", diff.effects[i]);
	fprintf(out, "%s", diff.skipped ? "skipped\n" : "");
	fclose(out);
	sl_diff_free(&diff);
	sl_rules_free(old);
	sl_rules_free(new);
	return text;
}

static void expect_diff(const char *a, const char *b, const char *wanted)
{
	char *is = diff_words(a, b);

	cr_assert_str_eq(is, wanted);
	free(is);
}

#define ONE "- {id: 1, direction: ingress, workload: web, protocol: tcp, ports: 80, action: allow}\n"
#define TWO "- {id: 2, direction: ingress, workload: web, protocol: tcp, ports: 80-90, action: deny}\n"

Test(policy_words, differences_and_their_effects)
{
	expect_diff(R ONE, R ONE, "");
	expect_diff(R ONE, R ONE "- {id: 3, direction: egress, peer: 10.0.0.0/8, action: allow}\n",
		    "+ rule 3: allow egress of any workload to 10.0.0.0/8\n"
		    "= now allow egress of any workload to 10.0.0.0/8\n");
	expect_diff(R ONE TWO, R TWO ONE,
		    "> rule 1: from place 1 to place 2\n"
		    "= now deny ingress of web from any peer, tcp 80\n");
	expect_diff(R ONE TWO, R ONE, "- rule 2: deny ingress of web from any peer, tcp 80-90\n");
	expect_diff(
		R ONE,
		R "- {id: 1, direction: ingress, workload: web, protocol: tcp, ports: 81, action: allow}\n",
		"~ rule 1: allow ingress of web from any peer, tcp 80; now: allow ingress of web from any "
		"peer, tcp 81\n"
		"= now allow ingress of web from any peer, tcp 81\n"
		"= now deny ingress of web from any peer, tcp 80\n");
	expect_diff(
		R ONE, "version: 1\nworkloads: [{workload: db, mode: protect, egress: allow}]\nrules:\n" ONE,
		"* workload db: mode discover, default ingress deny, egress deny; now: mode protect, ingress "
		"deny, egress allow\n"
		"= now allow egress of db to any peer\n");
}

/* The fold allows what was seen and nothing else: asked of every combination of what was seen. */
static void expect_exact(const struct sl_seen *seen, size_t n, const struct sl_rules *rules)
{
	struct sl_policy *policy = make_policy(rules);
	struct sl_policy_answer answer;
	struct sl_seen mixed;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			for (unsigned int parts = 0; parts < 16; parts++) {
				struct sl_policy_query query = { .application_final = true };
				bool was = false;

				mixed = seen[i];
				if (parts & 1)
					mixed.port = sl_protocol_has_ports(mixed.protocol) ? seen[k].port : 0;
				if (parts & 2)
					mixed.peer = seen[k].peer,
					mixed.peer_workload = seen[k].peer_workload;
				if (parts & 4)
					mixed.application = seen[k].application;
				if (parts & 8)
					mixed.workload = seen[k].workload, mixed.ingress = seen[k].ingress;
				for (size_t s = 0; !was && s < n; s++)
					was = !memcmp(&seen[s], &mixed, sizeof(mixed));
				query.workload = mixed.workload;
				query.ingress = mixed.ingress;
				query.peer = mixed.peer;
				query.peer_workload = mixed.peer_workload;
				query.port = mixed.port;
				query.protocol = mixed.protocol;
				query.application = mixed.application;
				sl_policy_ask(policy, &query, &answer);
				cr_assert_eq(answer.action == SL_RULE_ALLOW, was, "of %zu seen: %zu, %zu, %u",
					     n, i, k, parts);
			}
	sl_policy_free(policy);
}

Test(policy_words, learned_rules_are_exactly_what_was_seen)
{
	uint64_t state = 0x1ea2ULL;

	for (unsigned int round = 0; round < 30; round++) {
		struct sl_learn *learn, *other, *both;
		struct sl_rules *rules, *again;
		struct sl_policy_query query;
		struct sl_seen *seen;
		char *yaml, *yaml_again;
		size_t n;

		cr_assert(!sl_learn_open(&learn, 1000, NULL) && !sl_learn_open(&other, 1000, NULL) &&
			  !sl_learn_open(&both, 1000, NULL));
		for (unsigned int i = 0; i < 50; i++) {
			make_query(&state, &query);
			query.application = (uint16_t)(1001 + query.application % 2);
			query.peer.byte[14] = 0;
			sl_learn_add(i % 2 ? learn : other, &query);
			sl_learn_add(i % 3 ? learn : other, &query);
		}
		sl_learn_merge(both, other);
		sl_learn_merge(both, learn);
		sl_learn_merge(learn, other);
		seen = sl_learn_list(learn, &n);
		cr_assert(!sl_rules_fold(seen, n, NULL, &rules, NULL));
		cr_assert(rules->n_rules <= n);
		expect_exact(seen, n, rules);
		free(seen);
		seen = sl_learn_list(both, &n);
		cr_assert(!sl_rules_fold(seen, n, NULL, &again, NULL));
		yaml = sl_rules_yaml(rules, NULL);
		yaml_again = sl_rules_yaml(again, NULL);
		cr_assert_str_eq(yaml, yaml_again, "the order of sessions shows");
		sl_rules_free(again);
		again = make_rules_of(yaml);
		cr_assert_eq(again->n_rules, rules->n_rules);
		free(yaml);
		free(yaml_again);
		free(seen);
		sl_rules_free(rules);
		sl_rules_free(again);
		sl_learn_close(learn);
		sl_learn_close(other);
		sl_learn_close(both);
	}
}

Test(policy_words, learned_sessions_fold_into_few_rules)
{
	struct sl_policy_query query = { .workload = 1, .protocol = 6, .application = 1001 };
	struct sl_learn *learn;
	struct sl_rules *rules;
	struct sl_seen *seen;
	char *yaml;
	size_t n;

	cr_assert(!sl_learn_open(&learn, 64 * 3, NULL));
	query.peer = address_of("10.0.0.0");
	for (unsigned int i = 0; i < 64; i++)
		for (query.port = 80; query.port < 83; query.port++) {
			query.peer.byte[15] = (uint8_t)i;
			cr_assert(sl_learn_add(learn, &query));
			cr_assert(sl_learn_add(learn, &query));
		}
	query.port = 9;
	cr_assert_not(sl_learn_add(learn, &query), "the limit holds");
	cr_assert_eq(sl_learn_missed(learn), 1);
	seen = sl_learn_list(learn, &n);
	cr_assert_eq(n, 64 * 3);
	cr_assert(!sl_rules_fold(seen, n, NULL, &rules, NULL));
	yaml = sl_rules_yaml(rules, NULL);
	cr_assert_str_eq(yaml,
			 "version: 1\ndefault:\n  mode: discover\n  ingress: deny\n  egress: deny\nrules:\n"
			 "  - id: 1\n    direction: egress\n    workload: 1\n    peer: 10.0.0.0/26\n"
			 "    protocol: tcp\n    ports: 80-82\n    application: http\n    action: allow\n");
	free(yaml);
	free(seen);
	sl_rules_free(rules);
	sl_learn_close(learn);
}
