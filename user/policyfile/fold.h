/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From sessions seen to rules: few rules that allow exactly what was seen.
 *
 * Invariant: a session is allowed by the rules if and only if it was seen (up
 * to what a session is known by: struct sl_seen). The same sessions, in any
 * order, give the same rules.
 */
#ifndef SLUICE_POLICYFILE_FOLD_H
#define SLUICE_POLICYFILE_FOLD_H

#include "dpi/policy/learn.h"
#include "policyfile/rules.h"

/* Ids to names; NULL for one that has none: the rule then names the id. */
typedef const char *(*sl_name_of)(void *context, uint16_t workload);

/*
 * Mode discover, default deny, rules with ids from 1 on. *ret is freed by
 * sl_rules_free(). -E2BIG: it would take more rules than a policy may have.
 */
int sl_rules_fold(const struct sl_seen *seen, size_t n, sl_name_of name_of, void *context,
		  struct sl_rules **ret, struct sl_err *err);

/* The same for rules of one action, in place: joins and sorts them. False: no memory. */
bool sl_rules_join(struct sl_arena *arena, struct sl_rule *rules, size_t *n);

#endif
