/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What DNS answers have said: names and their addresses, remembered whether a
 * rule speaks of them or not, as the next policy's rules may.
 *
 * Invariant: one caller at a time (policies.c holds its lock); never more
 * records than the limit, the one that expires first makes room.
 */
#ifndef SLUICE_DPI_POLICY_NAMES_H
#define SLUICE_DPI_POLICY_NAMES_H

#include "dpi/policy/policy.h"

struct sl_names;
/* limit: a power of two, 16 at least. */
int sl_names_open(struct sl_names **ret, uint32_t limit, struct sl_err *err);
void sl_names_close(struct sl_names *names); /* NULL allowed */
/* Remembers, and tells the policy (NULL allowed) if a rule of its speaks of the name: true then. */
bool sl_names_learn(struct sl_names *names, struct sl_policy *policy, const char *name,
		    const struct sl_addr *address, uint64_t expires_ns, uint64_t now_ns);
/* Tells a new policy all that still holds. */
void sl_names_tell_all(struct sl_names *names, struct sl_policy *policy, uint64_t now_ns);

/* See sl_policies_names_of(). */
void sl_names_of(const struct sl_names *names, const struct sl_addr *addresses, size_t n,
		 sl_policy_name *ret);

#endif
