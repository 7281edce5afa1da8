// SPDX-License-Identifier: BSD-2-Clause
/*
 * The normal form of a rule, in which equal meaning is equal fields: sorted
 * lists, ranges merged where they meet, nothing twice.
 */
#include <stdlib.h>
#include <string.h>

#include "policyfile/rules.h"

int sl_ref_compare(const struct sl_workload_ref *a, const struct sl_workload_ref *b)
{
	if (!a->name != !b->name)
		return a->name ? 1 : -1;
	return a->name ? strcmp(a->name, b->name) : (int)a->id - b->id;
}

bool sl_ref_equal(const struct sl_workload_ref *a, const struct sl_workload_ref *b)
{
	return !sl_ref_compare(a, b);
}

int sl_peer_compare(const struct sl_peer *a, const struct sl_peer *b)
{
	int r;

	if (a->kind != b->kind)
		return (int)a->kind - (int)b->kind;
	if (a->kind == SL_PEER_NAME)
		return strcmp(a->name, b->name);
	if (a->kind == SL_PEER_WORKLOAD)
		return sl_ref_compare(&a->workload, &b->workload);
	if (a->v6 != b->v6)
		return a->v6 ? 1 : -1;
	r = memcmp(&a->from, &b->from, sizeof(a->from));
	return r ? r : memcmp(&a->to, &b->to, sizeof(a->to));
}

static int compare_refs(const void *a, const void *b)
{
	return sl_ref_compare(a, b);
}

static int compare_peers(const void *a, const void *b)
{
	return sl_peer_compare(a, b);
}

static int compare_ports(const void *a, const void *b)
{
	const struct sl_port_range *x = a, *y = b;

	return x->from != y->from ? (int)x->from - y->from : (int)x->to - y->to;
}

static int compare_u8(const void *a, const void *b)
{
	return (int)*(const uint8_t *)a - *(const uint8_t *)b;
}

static int compare_u16(const void *a, const void *b)
{
	return (int)*(const uint16_t *)a - *(const uint16_t *)b;
}

static size_t unique(void *items, size_t n, size_t size, int (*compare)(const void *a, const void *b))
{
	char *base = items;
	size_t kept = 0;

	if (!n)
		return 0;
	qsort(items, n, size, compare);
	for (size_t i = 1; i < n; i++)
		if (compare(base + kept * size, base + i * size) != 0)
			memmove(base + ++kept * size, base + i * size, size);
	return kept + 1;
}

/* Is b the address behind a, or not even that far? */
static bool meets(const struct sl_addr *a, const struct sl_addr *b)
{
	struct sl_addr next = *a;
	int i = 15;

	while (i >= 0 && ++next.byte[i] == 0)
		i--;
	return i < 0 || memcmp(b, &next, sizeof(next)) <= 0;
}

static size_t merge_peers(struct sl_peer *peers, size_t n)
{
	size_t kept = 0;

	if (!n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		struct sl_peer *last = &peers[kept];

		if (peers[i].kind != SL_PEER_RANGE || peers[i].v6 != last->v6 ||
		    !meets(&last->to, &peers[i].from))
			peers[++kept] = peers[i];
		else if (memcmp(&peers[i].to, &last->to, sizeof(last->to)) > 0)
			last->to = peers[i].to;
	}
	return kept + 1;
}

static size_t merge_ports(struct sl_port_range *ports, size_t n)
{
	size_t kept = 0;

	if (!n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (ports[i].from > ports[kept].to + 1)
			ports[++kept] = ports[i];
		else if (ports[i].to > ports[kept].to)
			ports[kept].to = ports[i].to;
	}
	return kept + 1;
}

void sl_rule_normalise(struct sl_rule *rule)
{
	rule->n_workloads =
		unique(rule->workloads, rule->n_workloads, sizeof(*rule->workloads), compare_refs);
	rule->n_peers = unique(rule->peers, rule->n_peers, sizeof(*rule->peers), compare_peers);
	rule->n_peers = merge_peers(rule->peers, rule->n_peers);
	rule->n_ports = unique(rule->ports, rule->n_ports, sizeof(*rule->ports), compare_ports);
	rule->n_ports = merge_ports(rule->ports, rule->n_ports);
	rule->n_protocols = unique(rule->protocols, rule->n_protocols, 1, compare_u8);
	rule->n_applications =
		unique(rule->applications, rule->n_applications, sizeof(*rule->applications), compare_u16);
}

bool sl_rule_equal(const struct sl_rule *a, const struct sl_rule *b)
{
	if (a->id != b->id || a->directions != b->directions || a->action != b->action ||
	    a->n_workloads != b->n_workloads || a->n_peers != b->n_peers || a->n_ports != b->n_ports ||
	    a->n_protocols != b->n_protocols || a->n_applications != b->n_applications)
		return false;
	for (size_t i = 0; i < a->n_workloads; i++)
		if (!sl_ref_equal(&a->workloads[i], &b->workloads[i]))
			return false;
	for (size_t i = 0; i < a->n_peers; i++)
		if (sl_peer_compare(&a->peers[i], &b->peers[i]) != 0)
			return false;
	for (size_t i = 0; i < a->n_ports; i++)
		if (compare_ports(&a->ports[i], &b->ports[i]) != 0)
			return false;
	for (size_t i = 0; i < a->n_protocols; i++)
		if (a->protocols[i] != b->protocols[i])
			return false;
	for (size_t i = 0; i < a->n_applications; i++)
		if (a->applications[i] != b->applications[i])
			return false;
	return true;
}

bool sl_name_matches(const char *pattern, const char *name)
{
	size_t suffix = strlen(pattern) - 1, len = strlen(name);

	if (strncmp(pattern, "*.", 2) != 0)
		return !strcmp(pattern, name);
	/* All below, not the name itself: *.example.com does not cover example.com. */
	return len > suffix && !strcmp(name + len - suffix, pattern + 1);
}
