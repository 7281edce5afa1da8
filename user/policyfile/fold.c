// SPDX-License-Identifier: BSD-2-Clause
/*
 * Folding in steps, each of which keeps exactly what was seen: a step sorts
 * the rules so that those which are equal but for one list stand together,
 * and joins their lists. Joining in one list at a time is exact, as the rules
 * agree in all others.
 */
#include "policyfile/fold.h"
#include "policyfile/values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* In the order in which they are joined: what varies most first. */
enum { PORTS, PEERS, PROTOCOLS, APPLICATIONS, WORKLOADS, LISTS };

static void *copy(struct sl_arena *arena, const void *items, size_t n, size_t size)
{
	void *into = sl_arena_array(arena, n, size);

	if (into)
		memcpy(into, items, n * size);
	return into;
}

static bool workload_ref(struct sl_arena *arena, const struct sl_fold_names *names, uint16_t id,
			 struct sl_workload_ref *ret)
{
	const char *name = names && names->workload ? names->workload(names->context, id) : NULL;

	*ret = (struct sl_workload_ref){ .id = name ? 0 : id };
	if (name)
		ret->name = sl_arena_text(arena, name, strlen(name));
	return !name || ret->name;
}

/* The name as a peer, if it is one that a file can have: what a name server says is anything. */
static bool host_peer(struct sl_arena *arena, const char *name, struct sl_peer *ret)
{
	struct sl_peer peer = { 0 };

	if (!name || sl_value_peer(arena, name, &peer, NULL) || peer.kind != SL_PEER_NAME ||
	    *peer.name == '*')
		return false;
	*ret = peer;
	return true;
}

static bool make_peer(struct sl_arena *arena, const struct sl_seen *seen, const struct sl_fold_names *names,
		      struct sl_peer *peer)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (seen->peer_workload) {
		peer->kind = SL_PEER_WORKLOAD;
		return workload_ref(arena, names, seen->peer_workload, &peer->workload);
	}
	if (names && names->host && host_peer(arena, names->host(names->context, seen), peer))
		return true;
	peer->kind = SL_PEER_RANGE;
	peer->v6 = memcmp(&seen->peer, mapped, sizeof(mapped)) != 0;
	peer->from = peer->to = seen->peer;
	return true;
}

/* A rule for one session alone. */
static bool make_rule(struct sl_arena *arena, const struct sl_seen *seen, const struct sl_fold_names *names,
		      struct sl_rule *rule)
{
	const struct sl_port_range port = { seen->port, seen->port };
	struct sl_workload_ref workload;
	struct sl_peer peer = { 0 };

	if (!workload_ref(arena, names, seen->workload, &workload) || !make_peer(arena, seen, names, &peer))
		return false;
	rule->directions = seen->ingress ? SL_INGRESS : SL_EGRESS;
	rule->action = SL_RULE_ALLOW;
	rule->n_workloads = rule->n_peers = rule->n_protocols = rule->n_applications = 1;
	rule->n_ports = sl_protocol_has_ports(seen->protocol);
	rule->workloads = copy(arena, &workload, 1, sizeof(workload));
	rule->peers = copy(arena, &peer, 1, sizeof(peer));
	rule->ports = copy(arena, &port, 1, sizeof(port));
	rule->protocols = copy(arena, &seen->protocol, 1, 1);
	rule->applications = copy(arena, &seen->application, 1, sizeof(seen->application));
	return rule->workloads && rule->peers && rule->ports && rule->protocols && rule->applications;
}

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

static int compare_list(const struct sl_rule *a, const struct sl_rule *b, unsigned int list)
{
	int r = 0;

	switch (list) {
	case PORTS:
		r = COMPARE(a->n_ports, b->n_ports);
		for (size_t i = 0; !r && i < a->n_ports; i++)
			r = COMPARE(a->ports[i].from, b->ports[i].from)
				    ?: COMPARE(a->ports[i].to, b->ports[i].to);
		break;
	case PEERS:
		r = COMPARE(a->n_peers, b->n_peers);
		for (size_t i = 0; !r && i < a->n_peers; i++)
			r = sl_peer_compare(&a->peers[i], &b->peers[i]);
		break;
	case PROTOCOLS:
		r = COMPARE(a->n_protocols, b->n_protocols);
		for (size_t i = 0; !r && i < a->n_protocols; i++)
			r = COMPARE(a->protocols[i], b->protocols[i]);
		break;
	case APPLICATIONS:
		r = COMPARE(a->n_applications, b->n_applications);
		for (size_t i = 0; !r && i < a->n_applications; i++)
			r = COMPARE(a->applications[i], b->applications[i]);
		break;
	default:
		r = COMPARE(a->n_workloads, b->n_workloads);
		for (size_t i = 0; !r && i < a->n_workloads; i++)
			r = sl_ref_compare(&a->workloads[i], &b->workloads[i]);
		break;
	}
	return r;
}

/* Equal but for the list that is being joined? */
static int compare_others(const struct sl_rule *a, const struct sl_rule *b, unsigned int but)
{
	/* Protocols with and without ports are never joined, as ports of one would be lost. */
	int r = COMPARE(a->directions, b->directions) ?: COMPARE(!a->n_ports, !b->n_ports);

	for (unsigned int list = LISTS; !r && list-- > 0;)
		if (list != but)
			r = compare_list(a, b, list);
	return r;
}

static int compare_for_join(const void *a, const void *b, void *but)
{
	unsigned int list = *(unsigned int *)but;

	return compare_others(a, b, list) ?: compare_list(a, b, list);
}

static int compare_for_people(const void *a, const void *b)
{
	const struct sl_rule *x = a, *y = b;
	int r = compare_list(x, y, WORKLOADS) ?: COMPARE(x->directions, y->directions);

	r = r ?: compare_list(x, y, PROTOCOLS) ?: compare_list(x, y, PORTS) ?: compare_list(x, y, APPLICATIONS);
	return r ?: compare_list(x, y, PEERS);
}

/* Joins `from` into the list of `into`, copying: NULL lists tell of missing memory. */
#define APPEND(field)                                                                                        \
	do {                                                                                                 \
		size_t total = 0;                                                                            \
                                                                                                             \
		for (size_t i = 0; i < n; i++)                                                               \
			total += rules[i].n_##field;                                                         \
		void *room = sl_arena_array(arena, total, sizeof(*into->field));                             \
		if (!room)                                                                                   \
			return false;                                                                        \
		into->field = room;                                                                          \
		into->n_##field = 0;                                                                         \
		for (size_t i = 0; i < n; i++) {                                                             \
			if (rules[i].n_##field)                                                              \
				memcpy(into->field + into->n_##field, rules[i].field,                        \
				       rules[i].n_##field * sizeof(*into->field));                           \
			into->n_##field += rules[i].n_##field;                                               \
		}                                                                                            \
	} while (0)

/* n rules that are equal but for the list, into one. */
static bool join(struct sl_arena *arena, struct sl_rule *rules, size_t n, unsigned int list,
		 struct sl_rule *ret)
{
	struct sl_rule joined = rules[0], *into = &joined;

	if (list == PORTS)
		APPEND(ports);
	else if (list == PEERS)
		APPEND(peers);
	else if (list == PROTOCOLS)
		APPEND(protocols);
	else if (list == APPLICATIONS)
		APPEND(applications);
	else
		APPEND(workloads);
	sl_rule_normalise(into);
	/* All ports are as good as any; such rules may be joined with protocols that have none. */
	if (into->n_ports == 1 && !into->ports->from && into->ports->to == UINT16_MAX)
		into->n_ports = 0;
	*ret = joined;
	return true;
}

/* Entries of one list are limited in files. */
static size_t entries(const struct sl_rule *rule, unsigned int list)
{
	const size_t n[LISTS] = { rule->n_ports, rule->n_peers, rule->n_protocols, rule->n_applications,
				  rule->n_workloads };

	return n[list];
}

static bool fold_list(struct sl_arena *arena, struct sl_rule *rules, size_t *n, unsigned int list)
{
	size_t kept = 0, end, sum;

	qsort_r(rules, *n, sizeof(*rules), compare_for_join, &list);
	for (size_t i = 0; i < *n; i = end) {
		sum = entries(&rules[i], list);
		for (end = i + 1; end < *n && !compare_others(&rules[i], &rules[end], list); end++) {
			sum += entries(&rules[end], list);
			if (sum > SL_RULE_LIST_MAX)
				break;
		}
		if (!join(arena, &rules[i], end - i, list, &rules[kept++]))
			return false;
	}
	*n = kept;
	return true;
}

bool sl_rules_join(struct sl_arena *arena, struct sl_rule *rules, size_t *n)
{
	bool ok = true;

	for (unsigned int list = 0; ok && *n && list < LISTS; list++)
		ok = fold_list(arena, rules, n, list);
	if (*n)
		qsort(rules, *n, sizeof(*rules), compare_for_people);
	return ok;
}

static struct sl_rules *new_rules(size_t n)
{
	struct sl_rules *rules = calloc(1, sizeof(*rules));

	if (!rules)
		return NULL;
	rules->arena.limit = (size_t)1 << 30;
	rules->fallback = (struct sl_default){ .mode = SL_POLICY_DISCOVER,
					       .ingress = SL_RULE_DENY,
					       .egress = SL_RULE_DENY };
	rules->rules = sl_arena_array(&rules->arena, n + 1, sizeof(*rules->rules));
	if (rules->rules)
		return rules;
	sl_rules_free(rules);
	return NULL;
}

int sl_rules_fold(const struct sl_seen *seen, size_t n, const struct sl_fold_names *names,
		  struct sl_rules **ret, struct sl_err *err)
{
	struct sl_rules *rules = new_rules(n);
	bool ok = rules;

	for (size_t i = 0; ok && i < n; i++)
		ok = make_rule(&rules->arena, &seen[i], names, &rules->rules[rules->n_rules++]);
	ok = ok && sl_rules_join(&rules->arena, rules->rules, &rules->n_rules);
	if (!ok || rules->n_rules > SL_RULES_MAX) {
		sl_rules_free(rules);
		return ok ? sl_err(err, E2BIG,
				   "what was learned takes more than %d rules: pick a workload, or learn for "
				   "a "
				   "shorter time",
				   SL_RULES_MAX)
			  : sl_err(err, ENOMEM, "no memory to make rules of what was learned");
	}
	for (size_t i = 0; i < rules->n_rules; i++)
		rules->rules[i].id = (uint32_t)i + 1;
	*ret = rules;
	return 0;
}
