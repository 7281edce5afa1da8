// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a change of policy means for traffic. Every property is cut into
 * stretches within which no rule of either policy tells two values apart; one
 * value of each stands for it. Where a rule that was touched applies, all
 * combinations are asked of both policies, and those that are answered
 * differently are joined into sentences.
 *
 * Invariant: complete within a budget of questions; beyond it nothing is told
 * but that.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyfile/check.h"
#include "policyfile/diff.h"
#include "policyfile/fold.h"

#define BUDGET 20000000 /* rules looked at */
#define CELLS_MAX 100000 /* different answers kept */
#define OTHER_PROTOCOL 253 /* for experiments (RFC 3692): stands for all that are not named */
#define OTHER_APPLICATION 65535

/* Each list as a rule with that list alone: so that sl_rule_covers() says whether a stretch is a rule's. */
struct stretches {
	size_t n;
	struct sl_rule *rule;
};

enum { WORKLOADS, PEERS, PROTOCOLS, PORTS, APPLICATIONS, DIMENSIONS };

struct effects {
	const struct sl_rules *rules[2];
	struct sl_arena arena;
	struct stretches all[DIMENSIONS];
	struct sl_rule *cells; /* answered differently; .action: the new answer */
	size_t n_cells;
	uint64_t spent;
	bool failed, over;
};

static void *take(struct effects *effects, size_t n, size_t size)
{
	void *taken = sl_arena_array(&effects->arena, n, size);

	effects->failed |= !taken;
	return taken;
}

static int compare_peers(const void *a, const void *b)
{
	const struct sl_rule *x = a, *y = b;

	return sl_peer_compare(x->peers, y->peers);
}

static int compare_refs(const void *a, const void *b)
{
	const struct sl_rule *x = a, *y = b;

	return sl_ref_compare(x->workloads, y->workloads);
}

static size_t unique(struct stretches *stretches, int (*compare)(const void *a, const void *b))
{
	size_t kept = 0;

	qsort(stretches->rule, stretches->n, sizeof(*stretches->rule), compare);
	for (size_t i = 1; i < stretches->n; i++)
		if (compare(&stretches->rule[kept], &stretches->rule[i]) != 0)
			stretches->rule[++kept] = stretches->rule[i];
	return stretches->n ? kept + 1 : 0;
}

/* The address before (-1) or behind (+1). */
static struct sl_addr beside(struct sl_addr address, int step)
{
	for (int i = 15; i >= 0; i--) {
		address.byte[i] = (uint8_t)(address.byte[i] + step);
		if (address.byte[i] != (step > 0 ? 0 : 255))
			break;
	}
	return address;
}

static int compare_addresses(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct sl_addr));
}

/* Stretches of one family, between all places where a range of it begins or has ended. */
static void cut_addresses(struct effects *effects, bool v6, struct sl_addr *edges, size_t n)
{
	struct sl_addr first = { 0 }, last;
	struct stretches *all = &effects->all[PEERS];

	memset(&last, 0xff, sizeof(last));
	if (!v6) {
		first.byte[10] = first.byte[11] = 0xff;
		memset(last.byte, 0, 10);
	}
	edges[n++] = first;
	qsort(edges, n, sizeof(*edges), compare_addresses);
	for (size_t i = 0; i < n; i++) {
		struct sl_peer *peer;

		if (i && !memcmp(&edges[i], &edges[i - 1], sizeof(*edges)))
			continue;
		peer = take(effects, 1, sizeof(*peer));
		if (!peer)
			return;
		*peer = (struct sl_peer){ .kind = SL_PEER_RANGE, .v6 = v6, .from = edges[i], .to = last };
		for (size_t k = i + 1; k < n; k++)
			if (memcmp(&edges[k], &edges[i], sizeof(*edges)) != 0) {
				peer->to = beside(edges[k], -1);
				break;
			}
		all->rule[all->n++] = (struct sl_rule){ .peers = peer, .n_peers = 1 };
	}
}

static void each_rule(struct effects *effects,
		      void (*visit)(struct effects *effects, const struct sl_rule *rule, void *into),
		      void *into)
{
	for (unsigned int side = 0; side < 2; side++)
		for (size_t i = 0; i < effects->rules[side]->n_rules; i++)
			visit(effects, &effects->rules[side]->rules[i], into);
}

struct edges {
	bool v6;
	size_t n, peers, refs;
	struct sl_addr *edge;
};

static void count_peers(struct effects *effects, const struct sl_rule *rule, void *into)
{
	struct edges *edges = into;

	(void)effects;
	edges->peers += rule->n_peers;
	edges->refs += rule->n_workloads;
}

static void edges_of(struct effects *effects, const struct sl_rule *rule, void *into)
{
	struct edges *edges = into;
	struct sl_addr last;

	(void)effects;
	memset(&last, 0xff, sizeof(last));
	if (!edges->v6)
		memset(last.byte, 0, 10);
	for (size_t i = 0; i < rule->n_peers; i++) {
		const struct sl_peer *peer = &rule->peers[i];

		if (peer->kind != SL_PEER_RANGE || peer->v6 != edges->v6)
			continue;
		edges->edge[edges->n++] = peer->from;
		if (memcmp(&peer->to, &last, sizeof(last)) != 0)
			edges->edge[edges->n++] = beside(peer->to, 1);
	}
}

static void other_peers(struct effects *effects, const struct sl_rule *rule, void *into)
{
	struct stretches *all = into;

	(void)effects;
	for (size_t i = 0; i < rule->n_peers; i++)
		if (rule->peers[i].kind != SL_PEER_RANGE)
			all->rule[all->n++] = (struct sl_rule){ .peers = &rule->peers[i], .n_peers = 1 };
}

static void refs_of(struct effects *effects, const struct sl_rule *rule, void *into)
{
	struct stretches *all = into;

	(void)effects;
	for (size_t i = 0; i < rule->n_workloads; i++)
		all->rule[all->n++] = (struct sl_rule){ .workloads = &rule->workloads[i], .n_workloads = 1 };
}

static void cut_peers_and_workloads(struct effects *effects)
{
	static struct sl_workload_ref other = { .name = "any other workload" };
	struct edges edges = { 0 };
	struct stretches *peers = &effects->all[PEERS], *refs = &effects->all[WORKLOADS];
	size_t settings = effects->rules[0]->n_workloads + effects->rules[1]->n_workloads;

	each_rule(effects, count_peers, &edges);
	edges.edge = take(effects, 2 * edges.peers + 1, sizeof(*edges.edge));
	peers->rule = take(effects, 3 * edges.peers + 2, sizeof(*peers->rule));
	refs->rule = take(effects, edges.refs + settings + 1, sizeof(*refs->rule));
	if (effects->failed)
		return;
	for (unsigned int v6 = 0; v6 < 2; v6++) {
		edges.v6 = v6;
		edges.n = 0;
		each_rule(effects, edges_of, &edges);
		cut_addresses(effects, v6, edges.edge, edges.n);
	}
	each_rule(effects, other_peers, peers);
	peers->n = unique(peers, compare_peers);
	each_rule(effects, refs_of, refs);
	for (unsigned int side = 0; side < 2; side++)
		for (size_t i = 0; i < effects->rules[side]->n_workloads; i++)
			refs->rule[refs->n++] =
				(struct sl_rule){ .workloads = &effects->rules[side]->workloads[i].workload,
						  .n_workloads = 1 };
	refs->n = unique(refs, compare_refs);
	refs->rule[refs->n++] = (struct sl_rule){ .workloads = &other, .n_workloads = 1 };
}

/* Numbers that a rule of either policy names, or at which a stretch of them begins. */
static void mark_numbers(struct effects *effects, const struct sl_rule *rule, void *into)
{
	bool(*marks)[65537] = into;

	(void)effects;
	for (size_t i = 0; i < rule->n_protocols; i++)
		marks[0][rule->protocols[i]] = true;
	for (size_t i = 0; i < rule->n_ports; i++)
		marks[1][rule->ports[i].from] = marks[1][rule->ports[i].to + 1] = true;
	for (size_t i = 0; i < rule->n_applications; i++)
		marks[2][rule->applications[i]] = true;
}

static void cut_numbers(struct effects *effects)
{
	bool(*marks)[65537] = calloc(3, sizeof(*marks));
	struct stretches *all = effects->all;
	struct sl_port_range *port = NULL;

	for (unsigned int i = PROTOCOLS; i < DIMENSIONS; i++)
		all[i].rule = take(effects, 65538, sizeof(*all[i].rule));
	if (!marks || effects->failed) {
		effects->failed = true;
		free(marks);
		return;
	}
	each_rule(effects, mark_numbers, marks);
	marks[0][6] = marks[0][17] = marks[0][1] = marks[0][58] = marks[0][OTHER_PROTOCOL] = true;
	marks[1][0] = true;
	marks[2][OTHER_APPLICATION] = true;
	for (uint32_t i = 0; i < 65536 && !effects->failed; i++) {
		struct sl_rule *rule = &all[PROTOCOLS].rule[all[PROTOCOLS].n];

		if (marks[0][i] && (rule->protocols = take(effects, 1, 1))) {
			rule->n_protocols = 1;
			*rule->protocols = (uint8_t)i;
			all[PROTOCOLS].n++;
		}
		rule = &all[APPLICATIONS].rule[all[APPLICATIONS].n];
		if (marks[2][i] && (rule->applications = take(effects, 1, 2))) {
			rule->n_applications = 1;
			*rule->applications = (uint16_t)i;
			all[APPLICATIONS].n++;
		}
		rule = &all[PORTS].rule[all[PORTS].n];
		if (marks[1][i] && (rule->ports = port = take(effects, 1, sizeof(*port)))) {
			rule->n_ports = 1;
			port->from = (uint16_t)i;
			all[PORTS].n++;
		}
		if (port)
			port->to = (uint16_t)i;
	}
	free(marks);
}

/* The one rule of a policy that decides a cell: the first that covers all of it. NULL: the default. */
static const struct sl_rule *decide(struct effects *effects, unsigned int side, const struct sl_rule *cell)
{
	const struct sl_rules *rules = effects->rules[side];

	for (size_t i = 0; i < rules->n_rules; i++)
		if (sl_rule_covers(&rules->rules[i], cell)) {
			effects->spent += i + 1;
			return &rules->rules[i];
		}
	effects->spent += rules->n_rules + 1;
	return NULL;
}

static const struct sl_default *setting_of(const struct sl_rules *rules, const struct sl_workload_ref *ref)
{
	for (size_t i = 0; i < rules->n_workloads; i++)
		if (sl_ref_equal(&rules->workloads[i].workload, ref))
			return &rules->workloads[i].setting;
	return &rules->fallback;
}

static void ask_cell(struct effects *effects, struct sl_rule *cell)
{
	enum sl_rule_action action[2];

	for (unsigned int side = 0; side < 2; side++) {
		const struct sl_rule *rule = decide(effects, side, cell);
		const struct sl_default *setting = setting_of(effects->rules[side], cell->workloads);

		action[side] = rule ? rule->action
				    : (cell->directions == SL_INGRESS ? setting->ingress : setting->egress);
	}
	if (action[0] == action[1])
		return;
	if (effects->n_cells == CELLS_MAX) {
		effects->over = true;
		return;
	}
	cell->action = action[1];
	effects->cells[effects->n_cells++] = *cell;
}

/* All cells within the rule, dimension by dimension. */
static void go_through(struct effects *effects, const struct sl_rule *within, struct sl_rule *cell,
		       unsigned int dimension)
{
	const struct stretches *all = &effects->all[dimension];

	if (effects->spent > BUDGET)
		effects->over = true;
	if (effects->over)
		return;
	if (dimension == DIMENSIONS) {
		ask_cell(effects, cell);
		return;
	}
	/* Protocols without ports have no stretches of them. */
	if (dimension == PORTS && !sl_protocol_has_ports(*cell->protocols)) {
		cell->n_ports = 0;
		if (!within->n_ports)
			go_through(effects, within, cell, dimension + 1);
		return;
	}
	for (size_t i = 0; i < all->n && !effects->over; i++) {
		const struct sl_rule *one = &all->rule[i];
		struct sl_rule only = *one, like = *within;

		/* Only this dimension is asked about. */
		only.directions = like.directions = SL_INGRESS;
		like.n_workloads = dimension == WORKLOADS ? like.n_workloads : 0;
		like.n_peers = dimension == PEERS ? like.n_peers : 0;
		like.n_protocols = dimension == PROTOCOLS ? like.n_protocols : 0;
		like.n_ports = dimension == PORTS ? like.n_ports : 0;
		like.n_applications = dimension == APPLICATIONS ? like.n_applications : 0;
		if (!sl_rule_covers(&like, &only))
			continue;
		if (dimension == WORKLOADS)
			cell->workloads = one->workloads, cell->n_workloads = 1;
		else if (dimension == PEERS)
			cell->peers = one->peers, cell->n_peers = 1;
		else if (dimension == PROTOCOLS)
			cell->protocols = one->protocols, cell->n_protocols = 1;
		else if (dimension == PORTS)
			cell->ports = one->ports, cell->n_ports = 1;
		else
			cell->applications = one->applications, cell->n_applications = 1;
		effects->spent++;
		go_through(effects, within, cell, dimension + 1);
	}
}

static void go_through_rule(struct effects *effects, const struct sl_rule *within)
{
	struct sl_rule cell = { 0 };

	for (unsigned int direction = SL_INGRESS; direction <= SL_EGRESS; direction++) {
		cell.directions = (uint8_t)direction;
		if (within->directions & direction)
			go_through(effects, within, &cell, WORKLOADS);
	}
}

/* A list that has every stretch there is says nothing: any. */
static void drop_full_lists(const struct effects *effects, struct sl_rule *rule)
{
	const struct stretches *all = effects->all;
	size_t named = 0, ranges = 0;

	for (size_t i = 0; i < all[PEERS].n; i++)
		named += all[PEERS].rule[i].peers->kind != SL_PEER_RANGE;
	for (size_t i = 0; i < rule->n_peers; i++)
		ranges += rule->peers[i].kind == SL_PEER_RANGE;
	/* Of the stretches of a family all are one when all are there. */
	if (rule->n_peers == named + 2 && ranges == 2) {
		struct sl_addr zero = { 0 }, v4 = { .byte = { [10] = 0xff, [11] = 0xff } };

		if (!memcmp(&rule->peers[0].from, &v4, sizeof(v4)) && rule->peers[0].to.byte[12] == 255 &&
		    !memcmp(&rule->peers[1].from, &zero, sizeof(zero)))
			rule->n_peers = 0;
	}
	if (rule->n_workloads == all[WORKLOADS].n)
		rule->n_workloads = 0;
	if (rule->n_protocols == all[PROTOCOLS].n)
		rule->n_protocols = 0;
	if (rule->n_applications == all[APPLICATIONS].n)
		rule->n_applications = 0;
	if (rule->n_ports == 1 && !rule->ports->from && rule->ports->to == UINT16_MAX)
		rule->n_ports = 0;
}

static int tell(struct effects *effects, enum sl_rule_action now, struct sl_diff *diff)
{
	struct sl_rule *cells = take(effects, effects->n_cells + 1, sizeof(*cells));
	size_t n = 0;

	for (size_t i = 0; cells && i < effects->n_cells; i++)
		if (effects->cells[i].action == now)
			cells[n++] = effects->cells[i];
	if (!cells || !sl_rules_join(&effects->arena, cells, &n))
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		char *words, *text;

		if (diff->n_effects == SL_EFFECTS_MAX) {
			diff->cut = true;
			return 0;
		}
		drop_full_lists(effects, &cells[i]);
		words = sl_rule_words(&cells[i]);
		if (!words || asprintf(&text, "now %s", words) < 0) {
			free(words);
			return -ENOMEM;
		}
		free(words);
		diff->effects[diff->n_effects++] = text;
	}
	return 0;
}

int sl_rules_effects(const struct sl_rules *a, const struct sl_rules *b, const bool *touched,
		     bool settings_changed, struct sl_diff *diff)
{
	const struct sl_rule everything = { .directions = SL_INGRESS | SL_EGRESS };
	struct effects effects = { .rules = { a, b }, .arena = { .limit = (size_t)1 << 29 } };
	int r = 0;

	diff->effects = calloc(SL_EFFECTS_MAX, sizeof(*diff->effects));
	effects.cells = calloc(CELLS_MAX, sizeof(*effects.cells));
	if (diff->effects && effects.cells) {
		cut_peers_and_workloads(&effects);
		cut_numbers(&effects);
	}
	if (!diff->effects || !effects.cells || effects.failed)
		r = -ENOMEM;
	if (!r && settings_changed)
		go_through_rule(&effects, &everything);
	for (size_t i = 0; !r && !settings_changed && i < a->n_rules + b->n_rules; i++)
		if (touched[i])
			go_through_rule(&effects, i < a->n_rules ? &a->rules[i] : &b->rules[i - a->n_rules]);
	diff->skipped = effects.over;
	if (!r && !effects.over)
		r = tell(&effects, SL_RULE_ALLOW, diff) ?: tell(&effects, SL_RULE_DENY, diff);
	free(effects.cells);
	sl_arena_free(&effects.arena);
	return r;
}
