// SPDX-License-Identifier: BSD-2-Clause
/*
 * The policy is exchanged while workers ask it, and names are learned
 * meanwhile. Worth the most under the thread and address sanitizers.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "dpi/policy/policies.h"
#include "address.h"
#include "policy_make.h"

#define WORKERS 3
#define EXCHANGES 300
#define SECOND 1000000000ULL

TestSuite(policy_switch, .timeout = 120);

static struct sl_policies *policies;
static atomic_bool stop;
static atomic_uint wrong, asked;

/* Two policies that disagree in everything: an answer must be wholly of one. */
static struct sl_policy *make_one(unsigned int which)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "version: 1\ndefault: {mode: %s}\nrules:\n"
		 "- {id: %u, direction: both, peer: ['*.example.com', 10.0.0.0/8], action: %s}\n",
		 which ? "protect" : "monitor", which + 1, which ? "allow" : "deny");
	return make_policy_of(text);
}

static void *work(void *context)
{
	unsigned int worker = (unsigned int)(uintptr_t)context, batch = 0;
	struct sl_policy_query query = { .workload = 1, .protocol = 6, .application_final = true };
	struct sl_policy_answer answer;

	query.peer = address_of("10.1.2.3");
	while (!atomic_load(&stop)) {
		const struct sl_policy *policy = sl_policies_fetch(policies, worker);

		for (unsigned int i = 0; i < 20; i++) {
			sl_policy_ask(policy, &query, &answer);
			if (!(answer.rule == 1 && answer.action == SL_RULE_DENY &&
			      answer.mode == SL_POLICY_MONITOR) &&
			    !(answer.rule == 2 && answer.action == SL_RULE_ALLOW &&
			      answer.mode == SL_POLICY_PROTECT))
				atomic_fetch_add(&wrong, 1);
		}
		atomic_fetch_add(&asked, 1);
		if (batch++ % 7 == worker) {
			struct sl_addr address = address_of("192.0.2.1");

			address.byte[15] = (uint8_t)batch;
			sl_policies_learn(policies, "www.example.com", &address, 1, batch);
			sl_policies_sleep(policies, worker);
		}
	}
	sl_policies_sleep(policies, worker);
	return NULL;
}

Test(policy_switch, under_load_every_answer_is_of_one_policy)
{
	pthread_t thread[WORKERS];
	unsigned int before;

	cr_assert(!sl_policies_open(&policies, WORKERS, NULL));
	cr_assert(!sl_policies_fetch(policies, 0), "there is none before one is set");
	sl_policies_sleep(policies, 0);
	cr_assert_eq(sl_policies_set(policies, make_one(0), 1), 1);
	for (uintptr_t i = 0; i < WORKERS; i++)
		cr_assert(!pthread_create(&thread[i], NULL, work, (void *)i));
	for (unsigned int i = 1; i <= EXCHANGES; i++) {
		before = atomic_load(&asked);
		cr_assert_eq(sl_policies_set(policies, make_one(i % 2), 1), i + 1);
		/* Workers get their turn between exchanges, however few cores there are. */
		while (atomic_load(&asked) == before)
			sched_yield();
	}
	atomic_store(&stop, true);
	for (unsigned int i = 0; i < WORKERS; i++)
		pthread_join(thread[i], NULL);
	cr_assert_eq(sl_policies_reclaim(policies), 0, "all but the last are freed once nobody uses them");
	cr_assert_eq(atomic_load(&wrong), 0);
	cr_assert(atomic_load(&asked) >= EXCHANGES);
	sl_policies_close(policies);
}

Test(policy_switch, a_fetched_policy_stays_until_the_next_fetch)
{
	cr_assert(!sl_policies_open(&policies, 2, NULL));
	sl_policies_set(policies, make_one(0), 1);
	sl_policies_fetch(policies, 0);
	sl_policies_fetch(policies, 1);
	sl_policies_set(policies, make_one(1), 1);
	cr_assert_eq(sl_policies_reclaim(policies), 1, "both still use it");
	sl_policies_fetch(policies, 0);
	cr_assert_eq(sl_policies_reclaim(policies), 1, "one still uses it");
	sl_policies_sleep(policies, 1);
	cr_assert_eq(sl_policies_reclaim(policies), 0, "the other sleeps");
	sl_policies_close(policies);
}

static uint32_t rule_for(const char *address, uint64_t now_ns)
{
	struct sl_policy_query query = {
		.workload = 1, .protocol = 6, .application_final = true, .now_ns = now_ns
	};
	struct sl_policy_answer answer;

	query.peer = address_of(address);
	sl_policy_ask(sl_policies_fetch(policies, 0), &query, &answer);
	return answer.rule;
}

#define NAMED                                                                                                \
	"version: 1\nrules:\n"                                                                               \
	"- {id: 1, direction: egress, peer: db.example.com, action: allow}\n"                                \
	"- {id: 2, direction: egress, peer: '*.example.com', action: allow}\n"                               \
	"- {id: 3, direction: egress, peer: '*.com', action: deny}\n"

Test(policy_switch, names_match_while_their_addresses_are_known)
{
	struct sl_addr a = address_of("192.0.2.1"), b = address_of("2001:db8::1"),
		       c = address_of("192.0.2.3");

	cr_assert(!sl_policies_open(&policies, 1, NULL));
	cr_assert_not(sl_policies_learn(policies, "db.example.com", &a, 300, SECOND), "no policy yet");
	sl_policies_set(policies, make_policy_of(NAMED), 2 * SECOND);
	cr_assert_eq(rule_for("192.0.2.1", 2 * SECOND), 1, "what was learned before the policy counts");
	cr_assert_eq(rule_for("2001:db8::1", 2 * SECOND), 0);
	cr_assert(sl_policies_learn(policies, "A.B.Example.COM.", &b, 300, 2 * SECOND));
	cr_assert_eq(rule_for("2001:db8::1", 2 * SECOND), 2, "a wildcard covers all below");
	cr_assert(sl_policies_learn(policies, "example.com", &c, 300, 2 * SECOND));
	cr_assert_eq(rule_for("192.0.2.3", 2 * SECOND), 3, "but not the name itself");
	cr_assert_not(sl_policies_learn(policies, "example.net", &c, 300, 2 * SECOND));
	cr_assert_eq(rule_for("192.0.2.1", 302 * SECOND), 0, "expired");
	cr_assert(sl_policies_learn(policies, "db.example.com", &a, 0, 400 * SECOND));
	cr_assert_eq(rule_for("192.0.2.1", 459 * SECOND), 1, "a TTL of 0 is raised to the least");
	cr_assert_eq(rule_for("192.0.2.1", 461 * SECOND), 0);
	cr_assert(sl_policies_learn(policies, "db.example.com", &a, 600, 500 * SECOND));
	cr_assert(sl_policies_learn(policies, "db.example.com", &a, 60, 501 * SECOND));
	cr_assert_eq(rule_for("192.0.2.1", 1000 * SECOND), 1, "a later, shorter answer takes nothing back");
	sl_policies_set(policies, make_policy_of(NAMED), 1000 * SECOND);
	cr_assert_eq(rule_for("192.0.2.1", 1000 * SECOND), 1, "the next policy knows them too");
	cr_assert_eq(rule_for("192.0.2.3", 1000 * SECOND), 0);
	sl_policies_close(policies);
}

/* A flood of answers costs neither memory nor the names that matter most: those told last. */
Test(policy_switch, a_flood_of_names_is_bounded)
{
	struct sl_addr address = address_of("10.0.0.0");
	char name[64];

	cr_assert(!sl_policies_open(&policies, 1, NULL));
	sl_policies_set(policies, make_policy_of(NAMED), SECOND);
	for (unsigned int i = 0; i < 100000; i++) {
		memcpy(address.byte + 12, &i, sizeof(i));
		snprintf(name, sizeof(name), "h%u.example.com", i);
		sl_policies_learn(policies, name, &address, 300, SECOND + i);
	}
	address = address_of("192.0.2.9");
	sl_policies_learn(policies, "last.example.com", &address, 300, 2 * SECOND);
	cr_assert_eq(rule_for("192.0.2.9", 2 * SECOND), 2);
	sl_policies_close(policies);
}
