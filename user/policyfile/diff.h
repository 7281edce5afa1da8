/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two policies compared: what was written differently, and what that changes
 * for traffic.
 *
 * Invariant: no change of a rule, its place, a setting or a default is left
 * out; an effect that is told is one, and if they are not all told, that is.
 */
#ifndef SLUICE_POLICYFILE_DIFF_H
#define SLUICE_POLICYFILE_DIFF_H

#include "policyfile/rules.h"

enum sl_change_kind {
	SL_CHANGE_ADDED,
	SL_CHANGE_REMOVED,
	SL_CHANGE_CHANGED,
	SL_CHANGE_MOVED,
	SL_CHANGE_SETTING
};

struct sl_change {
	enum sl_change_kind kind;
	uint32_t rule; /* id; 0 for a setting */
	char *text;
};

#define SL_EFFECTS_MAX 100 /* told of */
struct sl_diff {
	size_t n_changes, n_effects;
	struct sl_change *changes;
	char **effects;
	bool cut; /* there are more effects than told */
	bool skipped; /* too many cases to go through */
};

/* 0, or -ENOMEM; *ret is to be emptied by sl_diff_free() in any case. */
int sl_rules_diff(const struct sl_rules *a, const struct sl_rules *b, struct sl_diff *ret,
		  struct sl_err *err);
void sl_diff_free(struct sl_diff *diff);

/* effect.c: fills in the effects. touched: a flag for each rule of a, then of b, that changed. */
int sl_rules_effects(const struct sl_rules *a, const struct sl_rules *b, const bool *touched,
		     bool settings_changed, struct sl_diff *diff);

#endif
