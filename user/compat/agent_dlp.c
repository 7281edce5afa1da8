// SPDX-License-Identifier: BSD-2-Clause
/*
 * Content rules as the agent has built and chosen them, kept for the core's
 * matching; see agent.h for the invariant.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat/agent.h"

#define TEXT_MAX (32U << 20)

/* Which rules hold for an endpoint. */
struct choice {
	struct choice *next;
	uint8_t mac[6];
	char type[2][16]; /* dlp, waf: inside, outside */
	size_t n[2], n_policies[2];
	struct agent_dlp_choice *rules[2];
	uint32_t *policies[2];
};

struct set {
	bool begun;
	size_t n_rules;
	struct agent_dlp_rule *rules;
	struct sl_arena arena;
};

struct agent_dlp {
	struct set built, coming;
	struct choice *choices;
	size_t n_choices;
	bool choosing; /* the first piece of a cfg_dlp has come, not its last */
	struct choice *chosen; /* of these pieces */
};

struct agent_dlp *agent_dlp_new(void)
{
	return calloc(1, sizeof(struct agent_dlp));
}

static void clear_set(struct set *set)
{
	free(set->rules);
	sl_arena_free(&set->arena);
	*set = (struct set){ .begun = false };
}

static void free_choice(struct choice *choice)
{
	for (int kind = 0; kind < 2; kind++) {
		free(choice->rules[kind]);
		free(choice->policies[kind]);
	}
	free(choice);
}

static void free_choices(struct choice **list)
{
	while (*list) {
		struct choice *choice = *list;

		*list = choice->next;
		free_choice(choice);
	}
}

void agent_dlp_free(struct agent_dlp *dlp)
{
	if (!dlp)
		return;
	clear_set(&dlp->built);
	clear_set(&dlp->coming);
	free_choices(&dlp->choices);
	free_choices(&dlp->chosen);
	free(dlp);
}

void agent_dlp_count(const struct agent_dlp *dlp, size_t *ret_rules, size_t *ret_choices)
{
	*ret_rules = dlp->built.n_rules;
	*ret_choices = dlp->n_choices;
}

static int copy_rule(struct set *set, const struct agent_dlp_rule *rule)
{
	struct agent_dlp_rule *copy = &set->rules[set->n_rules];

	*copy = *rule;
	copy->name = sl_arena_text(&set->arena, rule->name, strlen(rule->name));
	copy->patterns = sl_arena_array(&set->arena, rule->n_patterns, sizeof(*copy->patterns));
	if (!copy->name || !copy->patterns)
		return -ENOMEM;
	for (size_t i = 0; i < rule->n_patterns; i++) {
		copy->patterns[i] = sl_arena_text(&set->arena, rule->patterns[i], strlen(rule->patterns[i]));
		if (!copy->patterns[i])
			return -ENOMEM;
	}
	set->n_rules++;
	return 0;
}

static int build(struct agent_dlp *dlp, const struct agent_dlp_build *piece, struct sl_err *err)
{
	struct set *set = &dlp->coming;
	struct agent_dlp_rule *rules;
	int r = 0;

	if (piece->piece & PIECE_FIRST)
		clear_set(set);
	else if (!set->begun)
		return sl_err(err, EINVAL, "a piece of a list without its first one (\"flag\" 1)");
	set->begun = true;
	set->arena.limit = TEXT_MAX;
	if (set->n_rules + piece->n_rules > AGENT_DLP_MAX)
		r = -E2BIG;
	rules = r ? NULL : realloc(set->rules, (set->n_rules + piece->n_rules + 1) * sizeof(*rules));
	if (rules)
		set->rules = rules;
	else if (!r)
		r = -ENOMEM;
	for (size_t i = 0; i < piece->n_rules && !r; i++)
		r = copy_rule(set, &piece->rules[i]);
	if (r) {
		clear_set(set);
		return sl_err(err, -r, "no room for the content rules");
	}
	if (!(piece->piece & PIECE_LAST))
		return 0;
	clear_set(&dlp->built);
	dlp->built = *set;
	*set = (struct set){ .begun = false };
	return 0;
}

static void forget(struct agent_dlp *dlp, const uint8_t (*macs)[6], size_t n)
{
	for (struct choice **at = &dlp->choices; *at;) {
		struct choice *choice = *at;
		bool gone = false;

		for (size_t i = 0; i < n && !gone; i++)
			gone = !memcmp(choice->mac, macs[i], 6);
		if (!gone) {
			at = &choice->next;
			continue;
		}
		*at = choice->next;
		dlp->n_choices--;
		free_choice(choice);
	}
}

static int append(void **list, size_t *n, const void *more, size_t n_more, size_t size)
{
	void *longer = *n + n_more > AGENT_DLP_MAX ? NULL : realloc(*list, (*n + n_more + 1) * size);

	if (!longer)
		return *n + n_more > AGENT_DLP_MAX ? -E2BIG : -ENOMEM;
	if (n_more)
		memcpy((uint8_t *)longer + *n * size, more, n_more * size);
	*list = longer;
	*n += n_more;
	return 0;
}

static int add_choice(struct choice **list, const uint8_t mac[6], const struct agent_dlp_piece *piece)
{
	struct choice *choice = *list;

	while (choice && memcmp(choice->mac, mac, 6) != 0)
		choice = choice->next;
	if (!choice) {
		choice = calloc(1, sizeof(*choice));
		if (!choice)
			return -ENOMEM;
		memcpy(choice->mac, mac, 6);
		choice->next = *list;
		*list = choice;
	}
	snprintf(choice->type[0], sizeof(choice->type[0]), "%s", piece->dlp_type);
	snprintf(choice->type[1], sizeof(choice->type[1]), "%s", piece->waf_type);
	return append((void **)&choice->rules[0], &choice->n[0], piece->dlp, piece->n_dlp,
		      sizeof(*piece->dlp)) ?:
	       append((void **)&choice->rules[1], &choice->n[1], piece->waf, piece->n_waf,
		      sizeof(*piece->waf)) ?:
	       append((void **)&choice->policies[0], &choice->n_policies[0], piece->dlp_policies,
		      piece->n_dlp_policies, sizeof(*piece->dlp_policies)) ?:
	       append((void **)&choice->policies[1], &choice->n_policies[1], piece->waf_policies,
		      piece->n_waf_policies, sizeof(*piece->waf_policies));
}

static int choose(struct agent_dlp *dlp, const struct agent_dlp_piece *piece, struct sl_err *err)
{
	int r = 0;

	if (piece->piece & PIECE_FIRST)
		free_choices(&dlp->chosen);
	else if (!dlp->choosing)
		return sl_err(err, EINVAL, "a piece of a list without its first one (\"flag\" 1)");
	dlp->choosing = true;
	if (dlp->n_choices + piece->n_macs > AGENT_ENDPOINTS_MAX)
		r = -ENOSPC;
	for (size_t i = 0; i < piece->n_macs && !r; i++)
		r = add_choice(&dlp->chosen, piece->macs[i], piece);
	if (r) {
		free_choices(&dlp->chosen);
		dlp->choosing = false;
		return sl_err(err, -r, "no room for what is to be looked for");
	}
	if (!(piece->piece & PIECE_LAST))
		return 0;
	dlp->choosing = false;
	while (dlp->chosen) {
		struct choice *choice = dlp->chosen;

		dlp->chosen = choice->next;
		forget(dlp, (const uint8_t(*)[6]) & choice->mac, 1);
		choice->next = dlp->choices;
		dlp->choices = choice;
		dlp->n_choices++;
	}
	return 0;
}

int agent_dlp_apply(struct agent_dlp *dlp, const struct compat_request *request, struct sl_err *err)
{
	int r;

	if (request->command == COMPAT_CFG_DLP || request->command == COMPAT_CFG_DLPMAC)
		return choose(dlp, &request->dlp, err);
	if (request->command == COMPAT_BLD_DLPMAC) {
		forget(dlp, request->build.gone, request->build.n_gone);
		return 0;
	}
	r = build(dlp, &request->build, err);
	if (!r)
		forget(dlp, request->build.gone, request->build.n_gone);
	return r;
}
