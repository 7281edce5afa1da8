// SPDX-License-Identifier: BSD-2-Clause
/*
 * What was written differently; see diff.h for the invariant. Rules are the
 * same by their ids. A rule has moved if it is not part of the longest run of
 * common rules that kept their order.
 */
#include "policyfile/diff.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct common {
	size_t a, b; /* places */
	size_t length, before; /* of the longest run that ends here; its last but one */
};

struct differ {
	const struct sl_rules *a, *b;
	struct sl_diff *diff;
	const struct sl_rule **by_id; /* of b */
	struct common *common;
	size_t n_common;
	bool *touched; /* rules of a, then of b */
	bool settings;
	int failed;
};

static void __attribute__((format(printf, 4, 5)))
add(struct differ *differ, enum sl_change_kind kind, uint32_t rule, const char *fmt, ...)
{
	struct sl_diff *diff = differ->diff;
	struct sl_change *more;
	va_list ap;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	more = n < 0 ? NULL : realloc(diff->changes, (diff->n_changes + 1) * sizeof(*more));
	if (!more) {
		if (n >= 0)
			free(text);
		differ->failed = -ENOMEM;
		return;
	}
	diff->changes = more;
	diff->changes[diff->n_changes++] = (struct sl_change){ kind, rule, text };
}

static int compare_ids(const void *a, const void *b)
{
	const struct sl_rule *x = *(const struct sl_rule *const *)a, *y = *(const struct sl_rule *const *)b;

	return (x->id > y->id) - (x->id < y->id);
}

static const struct sl_rule *find(const struct differ *differ, uint32_t id)
{
	const struct sl_rule key = { .id = id }, *key_at = &key, **found;

	found = bsearch(&key_at, differ->by_id, differ->b->n_rules, sizeof(*differ->by_id), compare_ids);
	return found ? *found : NULL;
}

/* Longest run in order, by patience: tails[k] ends the run of length k+1 that ends earliest in b. */
static int mark_moved(struct differ *differ, bool *kept)
{
	size_t *tails = calloc(differ->n_common + 1, sizeof(*tails)), length = 0, low, high;
	struct common *common = differ->common;

	if (!tails)
		return -ENOMEM;
	for (size_t i = 0; i < differ->n_common; i++) {
		for (low = 0, high = length; low < high;) {
			size_t middle = (low + high) / 2;

			if (common[tails[middle]].b < common[i].b)
				low = middle + 1;
			else
				high = middle;
		}
		common[i].before = low ? tails[low - 1] : SIZE_MAX;
		tails[low] = i;
		if (low == length)
			length++;
	}
	for (size_t i = length ? tails[length - 1] : SIZE_MAX; i != SIZE_MAX; i = common[i].before)
		kept[i] = true;
	free(tails);
	return 0;
}

static void tell_rule(struct differ *differ, enum sl_change_kind kind, const struct sl_rule *rule)
{
	char *words = sl_rule_words(rule);

	if (words)
		add(differ, kind, rule->id, "rule %u: %s", rule->id, words);
	else
		differ->failed = -ENOMEM;
	free(words);
}

static void tell_changed(struct differ *differ, const struct sl_rule *a, const struct sl_rule *b)
{
	char *was = sl_rule_words(a), *is = sl_rule_words(b);

	if (!was || !is)
		differ->failed = -ENOMEM;
	else
		add(differ, SL_CHANGE_CHANGED, a->id, "rule %u: %s; now: %s", a->id, was, is);
	free(was);
	free(is);
}

static bool same_name(const struct sl_rule *a, const struct sl_rule *b)
{
	return !strcmp(a->name ?: "", b->name ?: "");
}

static void compare_common(struct differ *differ, const struct common *common, bool kept)
{
	const struct sl_rule *a = &differ->a->rules[common->a], *b = &differ->b->rules[common->b];
	bool equal = sl_rule_equal(a, b);

	if (!equal)
		tell_changed(differ, a, b);
	else if (!same_name(a, b))
		add(differ, SL_CHANGE_CHANGED, a->id, "rule %u: named '%s', now '%s'", a->id, a->name ?: "",
		    b->name ?: "");
	if (!kept)
		add(differ, SL_CHANGE_MOVED, a->id, "rule %u: from place %zu to place %zu", a->id,
		    common->a + 1, common->b + 1);
	if (!equal || !kept)
		differ->touched[common->a] = differ->touched[differ->a->n_rules + common->b] = true;
}

static int compare_rules(struct differ *differ)
{
	size_t n_a = differ->a->n_rules, n_b = differ->b->n_rules;
	bool *in_a = calloc(n_b + 1, sizeof(*in_a)), *kept = calloc(n_a + 1, sizeof(*kept));
	int r = in_a && kept ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < n_a; i++) {
		const struct sl_rule *b = find(differ, differ->a->rules[i].id);

		if (!b) {
			differ->touched[i] = true;
			tell_rule(differ, SL_CHANGE_REMOVED, &differ->a->rules[i]);
			continue;
		}
		in_a[b - differ->b->rules] = true;
		differ->common[differ->n_common++] =
			(struct common){ .a = i, .b = (size_t)(b - differ->b->rules) };
	}
	for (size_t i = 0; !r && i < n_b; i++)
		if (!in_a[i]) {
			differ->touched[n_a + i] = true;
			tell_rule(differ, SL_CHANGE_ADDED, &differ->b->rules[i]);
		}
	r = r ?: mark_moved(differ, kept);
	for (size_t i = 0; !r && i < differ->n_common; i++)
		compare_common(differ, &differ->common[i], kept[i]);
	free(in_a);
	free(kept);
	return r;
}

static bool same_default(const struct sl_default *a, const struct sl_default *b)
{
	return a->mode == b->mode && a->ingress == b->ingress && a->egress == b->egress;
}

static void compare_setting(struct differ *differ, const char *who, const struct sl_default *a,
			    const struct sl_default *b)
{
	if (same_default(a, b))
		return;
	differ->settings = true;
	add(differ, SL_CHANGE_SETTING, 0,
	    "%s: mode %s, default ingress %s, egress %s; now: mode %s, ingress %s, egress %s", who,
	    sl_mode_text(a->mode), sl_action_text(a->ingress), sl_action_text(a->egress),
	    sl_mode_text(b->mode), sl_action_text(b->ingress), sl_action_text(b->egress));
}

/* Where the workload's own setting is; n_workloads if it has none. */
static size_t setting_at(const struct sl_rules *rules, const struct sl_workload_ref *ref)
{
	size_t i = 0;

	while (i < rules->n_workloads && !sl_ref_equal(&rules->workloads[i].workload, ref))
		i++;
	return i;
}

static void compare_settings(struct differ *differ)
{
	char who[SL_TEXT_MAX + 16], text[SL_TEXT_MAX];
	const struct sl_rules *a = differ->a, *b = differ->b;
	size_t at;

	compare_setting(differ, "workloads without settings", &a->fallback, &b->fallback);
	for (size_t i = 0; i < a->n_workloads; i++) {
		const struct sl_workload_ref *ref = &a->workloads[i].workload;

		snprintf(who, sizeof(who), "workload %s", sl_ref_text(ref, text));
		at = setting_at(b, ref);
		compare_setting(differ, who, &a->workloads[i].setting,
				at < b->n_workloads ? &b->workloads[at].setting : &b->fallback);
	}
	for (size_t i = 0; i < b->n_workloads; i++) {
		const struct sl_workload_ref *ref = &b->workloads[i].workload;

		snprintf(who, sizeof(who), "workload %s", sl_ref_text(ref, text));
		if (setting_at(a, ref) == a->n_workloads)
			compare_setting(differ, who, &a->fallback, &b->workloads[i].setting);
	}
}

int sl_rules_diff(const struct sl_rules *a, const struct sl_rules *b, struct sl_diff *ret, struct sl_err *err)
{
	struct differ differ = { .a = a, .b = b, .diff = ret };
	int r = -ENOMEM;

	memset(ret, 0, sizeof(*ret));
	differ.by_id = calloc(b->n_rules + 1, sizeof(*differ.by_id));
	differ.common = calloc(a->n_rules + 1, sizeof(*differ.common));
	differ.touched = calloc(a->n_rules + b->n_rules + 1, sizeof(*differ.touched));
	if (differ.by_id && differ.common && differ.touched) {
		for (size_t i = 0; i < b->n_rules; i++)
			differ.by_id[i] = &b->rules[i];
		qsort(differ.by_id, b->n_rules, sizeof(*differ.by_id), compare_ids);
		compare_settings(&differ);
		r = compare_rules(&differ) ?: differ.failed;
		if (!r && ret->n_changes)
			r = sl_rules_effects(a, b, differ.touched, differ.settings, ret);
	}
	free(differ.by_id);
	free(differ.common);
	free(differ.touched);
	return r ? sl_err(err, -r, "no memory to compare the policies") : 0;
}

void sl_diff_free(struct sl_diff *diff)
{
	for (size_t i = 0; i < diff->n_changes; i++)
		free(diff->changes[i].text);
	for (size_t i = 0; i < diff->n_effects; i++)
		free(diff->effects[i]);
	free(diff->changes);
	free(diff->effects);
	memset(diff, 0, sizeof(*diff));
}
