// SPDX-License-Identifier: BSD-2-Clause
/*
 * Random rules and questions. Values come from small sets, and often lie on
 * an edge, so that rules overlap, shadow and touch each other.
 */
#include "policy_make.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

const char *const make_names[MAKE_NAMES] = { "db.example.com", "*.example.com", "*.example.org", "x.test" };

uint64_t make_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state * 0x2545f4914f6cdd1dULL >> 16;
}

static unsigned int below(uint64_t *state, unsigned int n)
{
	return (unsigned int)(make_random(state) % n);
}

static struct sl_addr random_address(uint64_t *state, bool v6)
{
	static const uint8_t edges[] = { 0, 1, 127, 128, 255, 10, 77 };
	struct sl_addr address = { 0 };

	if (v6) {
		if (below(state, 8)) {
			address.byte[0] = 0x20;
			address.byte[1] = 1;
			address.byte[8] = edges[below(state, 7)];
			address.byte[15] = edges[below(state, 7)];
		} else {
			for (int i = 0; i < 16; i++)
				address.byte[i] = below(state, 2) ? 255 : 0;
		}
	} else {
		address.byte[10] = address.byte[11] = 0xff;
		for (int i = 12; i < 16; i++)
			address.byte[i] = edges[below(state, i == 15 ? 7 : 5)];
	}
	return address;
}

static void random_peer(uint64_t *state, struct sl_peer *peer)
{
	struct sl_addr other;

	switch (below(state, 8)) {
	case 0:
		peer->kind = SL_PEER_NAME;
		peer->name = make_names[below(state, MAKE_NAMES)];
		break;
	case 1:
		peer->kind = SL_PEER_WORKLOAD;
		peer->workload.id = (uint16_t)(1 + below(state, 6));
		break;
	default:
		peer->kind = SL_PEER_RANGE;
		peer->v6 = below(state, 2);
		peer->from = random_address(state, peer->v6);
		other = below(state, 3) ? peer->from : random_address(state, peer->v6);
		if (memcmp(&peer->from, &other, sizeof(other)) > 0) {
			peer->to = peer->from;
			peer->from = other;
		} else {
			peer->to = other;
		}
		break;
	}
}

static void random_rule(struct sl_arena *arena, uint64_t *state, struct sl_rule *rule)
{
	static const uint8_t protocols[] = { 6, 17, 132, 1, 58, 47, 0, 255 };

	rule->directions = (uint8_t)(1 + below(state, 3));
	rule->action = below(state, 2) ? SL_RULE_DENY : SL_RULE_ALLOW;
	rule->n_workloads = below(state, 3);
	rule->n_peers = below(state, 5) ? 1 + below(state, 3) : 0;
	rule->n_ports = below(state, 3);
	rule->n_protocols = below(state, 3);
	rule->n_applications = below(state, 3) ? 0 : 1 + below(state, 2);
	rule->workloads = sl_arena_array(arena, 4, sizeof(*rule->workloads));
	rule->peers = sl_arena_array(arena, 4, sizeof(*rule->peers));
	rule->ports = sl_arena_array(arena, 4, sizeof(*rule->ports));
	rule->protocols = sl_arena_array(arena, 4, 1);
	rule->applications = sl_arena_array(arena, 4, sizeof(*rule->applications));
	for (size_t i = 0; i < rule->n_workloads; i++)
		rule->workloads[i].id = (uint16_t)(1 + below(state, 6));
	for (size_t i = 0; i < rule->n_peers; i++)
		random_peer(state, &rule->peers[i]);
	for (size_t i = 0; i < rule->n_ports; i++) {
		rule->ports[i].from =
			(uint16_t)(below(state, 4) ? below(state, 20) : 65535 - below(state, 600));
		rule->ports[i].to =
			(uint16_t)(rule->ports[i].from + below(state, 65536U - rule->ports[i].from) %
								 (below(state, 2) ? 8 : 65536));
	}
	for (size_t i = 0; i < rule->n_protocols; i++)
		rule->protocols[i] = protocols[below(state, rule->n_ports ? 3 : 8)];
	for (size_t i = 0; i < rule->n_applications; i++)
		rule->applications[i] = (uint16_t)(below(state, 4) ? 1000 + below(state, 4) : 0);
	sl_rule_normalise(rule);
}

static void random_default(uint64_t *state, struct sl_default *setting)
{
	setting->mode = below(state, 3);
	setting->ingress = below(state, 2);
	setting->egress = below(state, 2);
}

struct sl_rules *make_rules(uint64_t *state, size_t n)
{
	struct sl_rules *rules = calloc(1, sizeof(*rules));

	cr_assert(rules);
	rules->arena.limit = 1 << 28;
	rules->rules = sl_arena_array(&rules->arena, n, sizeof(*rules->rules));
	rules->workloads = sl_arena_array(&rules->arena, 8, sizeof(*rules->workloads));
	random_default(state, &rules->fallback);
	for (uint16_t id = 1; id <= 8; id++) {
		if (below(state, 2))
			continue;
		rules->workloads[rules->n_workloads].workload.id = id;
		random_default(state, &rules->workloads[rules->n_workloads++].setting);
	}
	for (rules->n_rules = 0; rules->n_rules < n; rules->n_rules++) {
		rules->rules[rules->n_rules].id = (uint32_t)rules->n_rules * 3 + 1;
		random_rule(&rules->arena, state, &rules->rules[rules->n_rules]);
	}
	return rules;
}

void make_query(uint64_t *state, struct sl_policy_query *ret)
{
	static const uint8_t protocols[] = { 6, 6, 6, 17, 17, 132, 1, 58, 47, 255 };

	memset(ret, 0, sizeof(*ret));
	ret->workload = (uint16_t)below(state, 8);
	ret->ingress = below(state, 2);
	ret->peer = random_address(state, below(state, 2));
	ret->peer_workload = (uint16_t)(below(state, 2) ? below(state, 7) : 0);
	ret->port = (uint16_t)(below(state, 4) ? below(state, 30) : 65535 - below(state, 650));
	ret->protocol = protocols[below(state, sizeof(protocols))];
	ret->application = (uint16_t)(below(state, 2) ? 1000 + below(state, 5) : 0);
	ret->application_final = below(state, 2);
}

struct sl_policy *make_policy(const struct sl_rules *rules)
{
	struct sl_policy *policy = NULL;
	struct sl_err err = { 0 };
	void *block = NULL;
	size_t size = 0;

	cr_assert(!sl_rules_compile(rules, NULL, &block, &size, NULL, &err), "%s", err.text);
	cr_assert(!sl_policy_open(block, size, &policy, &err), "%s", err.text);
	free(block);
	return policy;
}

struct sl_rules *make_rules_of(const char *text)
{
	struct sl_rules *rules = NULL;
	struct sl_err err = { 0 };

	cr_assert(!sl_rules_read(text, strlen(text), "test", &rules, &err), "%s", err.text);
	return rules;
}

struct sl_policy *make_policy_of(const char *text)
{
	struct sl_rules *rules = make_rules_of(text);
	struct sl_policy *policy = make_policy(rules);

	sl_rules_free(rules);
	return policy;
}
