/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is odd in a policy that is valid: rules that never decide anything.
 *
 * Invariant: a rule is reported only if one single rule in front of it takes
 * all it could; a rule that several together hide is not found.
 */
#ifndef SLUICE_POLICYFILE_CHECK_H
#define SLUICE_POLICYFILE_CHECK_H

#include "policyfile/rules.h"

struct sl_finding {
	const struct sl_rule *rule; /* never decides … */
	const struct sl_rule *shadow; /* … because of this one, in front of it */
	bool contradicts; /* they want different things */
};

/* Does `outer` match whatever `inner` matches? */
bool sl_rule_covers(const struct sl_rule *outer, const struct sl_rule *inner);
/* malloc'ed list, in the order of the rules; NULL without memory. */
struct sl_finding *sl_rules_check(const struct sl_rules *rules, size_t *ret_n);

#endif
