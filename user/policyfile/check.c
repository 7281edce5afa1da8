// SPDX-License-Identifier: BSD-2-Clause
/* Rules hidden by others; see check.h for the invariant. Quadratic, with cheap comparisons first. */
#include "policyfile/check.h"

#include <stdlib.h>
#include <string.h>

static bool peer_covers(const struct sl_peer *outer, const struct sl_peer *inner)
{
	if (outer->kind != inner->kind)
		return false;
	if (outer->kind == SL_PEER_WORKLOAD)
		return sl_ref_equal(&outer->workload, &inner->workload);
	if (outer->kind == SL_PEER_NAME)
		return !strcmp(outer->name, inner->name) || sl_name_matches(outer->name, inner->name);
	return outer->v6 == inner->v6 && memcmp(&outer->from, &inner->from, sizeof(inner->from)) <= 0 &&
	       memcmp(&outer->to, &inner->to, sizeof(inner->to)) >= 0;
}

/* Lists are merged, so what covers an element is one element. An empty list is `any`. */
#define LIST_COVERS(field, covers)                                                                           \
	static bool field##_cover(const struct sl_rule *outer, const struct sl_rule *inner)                  \
	{                                                                                                    \
		size_t k;                                                                                    \
                                                                                                             \
		if (!outer->n_##field)                                                                       \
			return true;                                                                         \
		for (size_t i = 0; i < inner->n_##field; i++) {                                              \
			for (k = 0; k < outer->n_##field; k++)                                               \
				if (covers(&outer->field[k], &inner->field[i]))                              \
					break;                                                               \
			if (k == outer->n_##field)                                                           \
				return false;                                                                \
		}                                                                                            \
		return inner->n_##field > 0;                                                                 \
	}
#define PORTS_COVER(outer, inner) ((outer)->from <= (inner)->from && (outer)->to >= (inner)->to)
#define SAME(outer, inner) (*(outer) == *(inner))
LIST_COVERS(workloads, sl_ref_equal)
LIST_COVERS(peers, peer_covers)
LIST_COVERS(ports, PORTS_COVER)
LIST_COVERS(protocols, SAME)
LIST_COVERS(applications, SAME)

bool sl_rule_covers(const struct sl_rule *outer, const struct sl_rule *inner)
{
	return (outer->directions & inner->directions) == inner->directions && ports_cover(outer, inner) &&
	       protocols_cover(outer, inner) && peers_cover(outer, inner) && workloads_cover(outer, inner) &&
	       applications_cover(outer, inner);
}

struct sl_finding *sl_rules_check(const struct sl_rules *rules, size_t *ret_n)
{
	struct sl_finding *found = calloc(rules->n_rules + 1, sizeof(*found));
	size_t n = 0;

	for (size_t i = 0; found && i < rules->n_rules; i++)
		for (size_t k = 0; k < i; k++)
			if (sl_rule_covers(&rules->rules[k], &rules->rules[i])) {
				found[n++] = (struct sl_finding){ &rules->rules[i], &rules->rules[k],
								  rules->rules[k].action !=
									  rules->rules[i].action };
				break;
			}
	*ret_n = n;
	return found;
}
