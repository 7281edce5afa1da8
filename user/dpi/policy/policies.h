/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy in force, for many workers: exchanged as a whole under traffic,
 * what DNS answers have told of the names in its rules, and the addresses of
 * workloads.
 *
 * A worker fetches the policy at the beginning of each batch of frames and
 * uses that pointer until it fetches again; before it sleeps it says so. A
 * policy is freed when every worker has fetched since it was replaced, or
 * sleeps. Workers never wait and take no lock for a lookup; telling of a name
 * takes one, which is held for microseconds.
 *
 * Invariant: a policy, and a list of peers, that a worker has fetched is not
 * freed before that worker fetches again or sleeps.
 */
#ifndef SLUICE_DPI_POLICIES_H
#define SLUICE_DPI_POLICIES_H

#include "dpi/policy/peers.h"
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
/* Behind sl_policies_fetch(), and valid as long as what that returned. NULL: none are known. */
const struct sl_peers *sl_policies_peers(struct sl_policies *policies);
void sl_policies_sleep(struct sl_policies *policies, unsigned int worker);

/*
 * By the control thread. Takes over the policy, which then knows the
 * addresses learned so far; frees those before it that nobody uses. Returns
 * the generation, from 1 on.
 */
uint64_t sl_policies_set(struct sl_policies *policies, struct sl_policy *policy, uint64_t now_ns);
/* The same for the workloads' addresses: a new generation, as they may change answers. */
uint64_t sl_policies_set_peers(struct sl_policies *policies, struct sl_peers *peers);
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

/*
 * By the control thread: the name by which each of these addresses (ascending,
 * as bytes, each once) was asked for, whether that still holds or not; "" where
 * it is not known, or not only one.
 */
void sl_policies_names_of(struct sl_policies *policies, const struct sl_addr *addresses, size_t n,
			  sl_policy_name *ret);

#endif
