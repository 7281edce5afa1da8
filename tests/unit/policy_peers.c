// SPDX-License-Identifier: BSD-2-Clause
/* Addresses of workloads: what is taken for a list of them, what is found in it, and how it is exchanged. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dpi/policy/policies.h"
#include "policyfile/compile.h"
#include "policyfile/fold.h"
#include "address.h"

static struct sl_peers_block *make_block(const char *const *address, const uint16_t *id, uint32_t n)
{
	struct sl_peers_block *block = calloc(1, sizeof(*block) + n * sizeof(*block->peer));

	cr_assert_not_null(block);
	block->magic = SL_PEERS_MAGIC;
	block->version = SL_PEERS_VERSION;
	block->count = n;
	for (uint32_t i = 0; i < n; i++) {
		block->peer[i].address = address_of(address[i]);
		block->peer[i].workload = id[i];
	}
	return block;
}

static size_t size_of(const struct sl_peers_block *block)
{
	return sizeof(*block) + block->count * sizeof(*block->peer);
}

/* IPv4 stands at ::ffff:0:0, before global IPv6. */
static const char *const addresses[] = { "10.0.0.1", "10.0.0.2", "192.0.2.1", "2001:db8::1", "fe80::1" };
static const uint16_t ids[] = { 7, 7, 65535, 7, 1 };
#define N 5

static struct sl_peers *make_peers(const struct sl_peers_block *block)
{
	struct sl_peers *peers = NULL;
	struct sl_err err = { 0 };

	cr_assert_eq(sl_peers_open(block, size_of(block), &peers, &err), 0, "%s", err.text);
	return peers;
}

Test(policy_peers, each_address_is_found_and_no_other)
{
	struct sl_peers_block *block = make_block(addresses, ids, N);
	struct sl_peers *peers = make_peers(block);
	struct sl_addr other;

	cr_expect_eq(sl_peers_count(peers), N);
	for (int i = 0; i < N; i++) {
		struct sl_addr address = address_of(addresses[i]);

		cr_expect_eq(sl_peers_find(peers, &address), ids[i], "%s", addresses[i]);
	}
	for (int i = 0; i < 4; i++) {
		static const char *const others[] = { "10.0.0.0", "10.0.0.3", "::a00:1", "ffff::" };

		other = address_of(others[i]);
		cr_expect_eq(sl_peers_find(peers, &other), 0, "%s", others[i]);
	}
	other = address_of("10.0.0.1");
	cr_expect_eq(sl_peers_find(NULL, &other), 0);
	sl_peers_free(peers);
	block->count = 0;
	peers = make_peers(block);
	cr_expect_eq(sl_peers_find(peers, &other), 0);
	sl_peers_free(peers);
	free(block);
}

Test(policy_peers, what_is_no_list_is_refused)
{
	struct sl_peers_block *block = make_block(addresses, ids, N), *wrong;
	size_t size = size_of(block);
	struct sl_peers *peers = NULL;
	struct sl_err err;
	int fd;

#define REFUSED(change)                                                                                      \
	do {                                                                                                 \
		wrong = malloc(size);                                                                        \
		memcpy(wrong, block, size);                                                                  \
		change;                                                                                      \
		cr_expect_eq(sl_peers_open(wrong, size, &peers, &err), -EBADMSG, #change);                   \
		free(wrong);                                                                                 \
	} while (0)
	REFUSED(wrong->magic++);
	REFUSED(wrong->version++);
	REFUSED(wrong->count++);
	REFUSED(wrong->count--);
	REFUSED(wrong->count = UINT32_MAX);
	REFUSED(wrong->peer[3].workload = 0);
	REFUSED(wrong->peer[1] = wrong->peer[0]);
	REFUSED(wrong->peer[0] = wrong->peer[4]);
	for (size_t i = 0; i < sizeof(*block); i++)
		cr_expect_eq(sl_peers_open(block, i, &peers, &err), -EBADMSG);
	cr_expect_null(peers);
	fd = sl_block_memfd(block, size, &err);
	cr_assert_geq(fd, 0);
	cr_expect_eq(sl_peers_open_fd(fd, &peers, &err), 0);
	close(fd);
	sl_peers_free(peers);
	cr_expect_eq(sl_peers_open_fd(STDERR_FILENO, &peers, &err), -EPERM, "not sealed");
	fd = sl_block_memfd(block, 8, &err);
	cr_expect_eq(sl_peers_open_fd(fd, &peers, &err), -EBADMSG);
	close(fd);
	free(block);
}

Test(policy_peers, a_worker_keeps_its_list_until_it_fetches_again)
{
	struct sl_peers_block *block = make_block(addresses, ids, N);
	struct sl_addr address = address_of("10.0.0.1");
	const struct sl_peers *before;
	struct sl_policies *policies;
	struct sl_err err;

	cr_assert_eq(sl_policies_open(&policies, 2, &err), 0);
	sl_policies_fetch(policies, 0);
	cr_expect_null(sl_policies_peers(policies));
	cr_expect_eq(sl_policies_set_peers(policies, make_peers(block)), 1);
	sl_policies_fetch(policies, 0);
	before = sl_policies_peers(policies);
	block->peer[0].workload = 8;
	cr_expect_eq(sl_policies_set_peers(policies, make_peers(block)), 2, "sessions are asked about again");
	cr_expect_eq(sl_policies_reclaim(policies), 1, "the worker may still read it");
	cr_expect_eq(sl_peers_find(before, &address), 7);
	sl_policies_fetch(policies, 0);
	cr_expect_eq(sl_peers_find(sl_policies_peers(policies), &address), 8);
	cr_expect_eq(sl_policies_reclaim(policies), 0);
	sl_policies_close(policies);
	free(block);
}

#define SECOND 1000000000ull

Test(policy_peers, addresses_have_the_one_name_they_were_asked_for_by)
{
	struct sl_addr a = address_of("192.0.2.1"), b = address_of("192.0.2.2"), c = address_of("192.0.2.3");
	struct sl_addr sorted[] = { a, b, c };
	struct sl_policies *policies;
	sl_policy_name name[3];
	struct sl_err err;

	cr_assert_eq(sl_policies_open(&policies, 1, &err), 0);
	sl_policies_learn(policies, "One.example.com.", &a, 300, SECOND);
	sl_policies_learn(policies, "one.example.com", &a, 300, 2 * SECOND);
	sl_policies_learn(policies, "two.example.com", &b, 300, SECOND);
	sl_policies_learn(policies, "also.example.com", &b, 300, SECOND);
	sl_policies_learn(policies, "third.example.com", &b, 300, SECOND);
	sl_policies_names_of(policies, sorted, 3, name);
	cr_expect_str_eq(name[0], "one.example.com");
	cr_expect_str_eq(name[1], "", "which of its names was meant is not known");
	cr_expect_str_eq(name[2], "");
	sl_policies_close(policies);
}

static const char *host_of(void *context, const struct sl_seen *seen)
{
	const char *const *names = context;

	return names[seen->port - 1];
}

Test(policy_peers, rules_name_hosts_where_a_file_can)
{
	static const char *const names[] = { "api.example.com", NULL,  "10.0.0.1",
					     "*.example.com",	"a b", "x\ny" };
	const struct sl_fold_names fold = { NULL, host_of, (void *)names };
	struct sl_seen seen[6] = { 0 };
	struct sl_rules *rules = NULL;
	char *yaml;

	for (uint16_t i = 0; i < 6; i++) {
		seen[i].workload = 1;
		seen[i].peer = address_of("192.0.2.1");
		seen[i].port = (uint16_t)(i + 1);
		seen[i].protocol = 6;
		seen[i].application = 1001;
	}
	cr_assert_eq(sl_rules_fold(seen, 6, &fold, &rules, NULL), 0);
	yaml = sl_rules_yaml(rules, NULL);
	cr_expect_eq(rules->n_rules, 2, "%s", yaml);
	cr_expect(strstr(yaml, "peer: api.example.com\n"), "%s", yaml);
	cr_expect(strstr(yaml, "peer: 192.0.2.1\n") && strstr(yaml, "ports: 2-6\n"), "%s", yaml);
	free(yaml);
	sl_rules_free(rules);
}
