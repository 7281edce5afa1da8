/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From sessions seen to rules: few rules that allow exactly what was seen.
 *
 * Invariant: a session is allowed by the rules if and only if it was seen (up
 * to what a session is known by: struct sl_seen; and a host by its name, if it has one). The same sessions, in any
 * order, give the same rules.
 */
#ifndef SLUICE_POLICYFILE_FOLD_H
#define SLUICE_POLICYFILE_FOLD_H

#include "dpi/policy/learn.h"
#include "policyfile/rules.h"

/* How rules call what was seen. */
struct sl_fold_names {
	/* Ids to names; NULL for one that has none: the rule then names the id. NULL: none has. */
	const char *(*workload)(void *context, uint16_t id);
	/* The host name by which the peer was asked for, or NULL: the rule then has its address. NULL: none has. */
	const char *(*host)(void *context, const struct sl_seen *seen);
	void *context;
};

/*
 * Mode discover, default deny, rules with ids from 1 on. *ret is freed by
 * sl_rules_free(). -E2BIG: it would take more rules than a policy may have.
 */
int sl_rules_fold(const struct sl_seen *seen, size_t n, const struct sl_fold_names *names,
		  struct sl_rules **ret, struct sl_err *err);

/* The same for rules of one action, in place: joins and sorts them. False: no memory. */
bool sl_rules_join(struct sl_arena *arena, struct sl_rule *rules, size_t *n);

#endif
