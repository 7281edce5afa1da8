/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy in force, for many workers: exchanged as a whole under traffic,
 * and what DNS answers have told of the names in its rules.
 *
 * A worker fetches the policy at the beginning of each batch of frames and
 * uses that pointer until it fetches again; before it sleeps it says so. A
 * policy is freed when every worker has fetched since it was replaced, or
 * sleeps. Workers never wait and take no lock for a lookup; telling of a name
 * takes one, which is held for microseconds.
 *
 * Invariant: a policy that a worker has fetched is not freed before that
 * worker fetches again or sleeps.
 */
#ifndef SLUICE_DPI_POLICIES_H
#define SLUICE_DPI_POLICIES_H

#include "dpi/policy/policy.h"

#define SL_POLICIES_WORKERS_MAX 64
#define SL_POLICIES_RECORDS_MAX 16384 /* pairs of name and address remembered for the next policy */
#define SL_NAME_TTL_MIN 60 /* s: clients go on with an address beyond its TTL */
#define SL_NAME_TTL_MAX 86400

struct sl_policies;
/* Begins with no policy: sl_policies_fetch() returns NULL until one is set. */
int sl_policies_open(struct sl_policies **ret, unsigned int workers, struct sl_err *err);
/* All workers have ended. NULL allowed. */
void sl_policies_close(struct sl_policies *policies);

/* By worker `worker` alone. What was fetched before is not to be used any more. */
const struct sl_policy *sl_policies_fetch(struct sl_policies *policies, unsigned int worker);
void sl_policies_sleep(struct sl_policies *policies, unsigned int worker);

/*
 * By the control thread. Takes over the policy, which then knows the
 * addresses learned so far; frees those before it that nobody uses. Returns
 * the generation, from 1 on.
 */
uint64_t sl_policies_set(struct sl_policies *policies, struct sl_policy *policy, uint64_t now_ns);
/* Frees what nobody uses any more; how many are still to be freed. To be called now and then. */
unsigned int sl_policies_reclaim(struct sl_policies *policies);
uint64_t sl_policies_generation(struct sl_policies *policies);

/*
 * By anyone: a DNS answer says that name (any case) has this address for ttl
 * seconds. `name` is the one that was asked for, also where an alias leads to
 * the address. True if a rule of the present policy speaks of it.
 */
bool sl_policies_learn(struct sl_policies *policies, const char *name, const struct sl_addr *address,
		       uint32_t ttl, uint64_t now_ns);

#endif
