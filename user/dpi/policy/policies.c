// SPDX-License-Identifier: BSD-2-Clause
/*
 * One pointer, a generation, and per worker the generation it has last seen;
 * see policies.h for the invariant. Why it holds: the control thread first
 * exchanges the pointer, then raises the generation to g. A worker first
 * reads the generation and stores it as seen, then reads the pointer. So a
 * worker whose `seen` is g or more reads the new pointer, and whatever it did
 * with the old one was before. A sleeping worker counts as having seen all;
 * its store of `seen` on waking and its load of the pointer must not change
 * places, hence sequential consistency throughout.
 */
#include "dpi/policy/policies.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "dpi/policy/compiled.h"
#include "dpi/policy/names.h"

#define SLEEPS UINT64_MAX

struct reader {
	_Alignas(64) _Atomic uint64_t seen; /* a cache line each */
};

struct retired {
	struct retired *next;
	struct sl_policy *policy; /* one of the two */
	struct sl_peers *peers;
	uint64_t generation; /* the first without it */
};

struct sl_policies {
	_Atomic(struct sl_policy *) current;
	_Atomic(struct sl_peers *) peers;
	_Atomic uint64_t generation;
	unsigned int workers;
	struct reader reader[SL_POLICIES_WORKERS_MAX];
	pthread_mutex_t lock; /* over all below, and over telling the current policy of names */
	struct retired *retired;
	struct sl_names *names;
};

int sl_policies_open(struct sl_policies **ret, unsigned int workers, struct sl_err *err)
{
	struct sl_policies *policies;
	int r;

	if (workers > SL_POLICIES_WORKERS_MAX)
		return sl_err(err, EINVAL, "%u workers; at most %d", workers, SL_POLICIES_WORKERS_MAX);
	policies = aligned_alloc(64, sizeof(*policies));
	if (!policies)
		return sl_err(err, ENOMEM, "no memory for the policy's workers");
	atomic_init(&policies->current, NULL);
	atomic_init(&policies->peers, NULL);
	atomic_init(&policies->generation, 0);
	policies->workers = workers;
	for (unsigned int i = 0; i < SL_POLICIES_WORKERS_MAX; i++)
		atomic_init(&policies->reader[i].seen, SLEEPS);
	pthread_mutex_init(&policies->lock, NULL);
	policies->retired = NULL;
	r = sl_names_open(&policies->names, SL_POLICIES_RECORDS_MAX, err);
	if (r) {
		pthread_mutex_destroy(&policies->lock);
		free(policies);
		return r;
	}
	*ret = policies;
	return 0;
}

const struct sl_policy *sl_policies_fetch(struct sl_policies *policies, unsigned int worker)
{
	atomic_store(&policies->reader[worker].seen, atomic_load(&policies->generation));
	return atomic_load(&policies->current);
}

const struct sl_peers *sl_policies_peers(struct sl_policies *policies)
{
	return atomic_load(&policies->peers);
}

void sl_policies_sleep(struct sl_policies *policies, unsigned int worker)
{
	atomic_store(&policies->reader[worker].seen, SLEEPS);
}

static uint64_t oldest_seen(struct sl_policies *policies)
{
	uint64_t oldest = SLEEPS, seen;

	for (unsigned int i = 0; i < policies->workers; i++) {
		seen = atomic_load(&policies->reader[i].seen);
		if (seen < oldest)
			oldest = seen;
	}
	return oldest;
}

/* With the lock held. */
static unsigned int reclaim(struct sl_policies *policies, uint64_t oldest)
{
	struct retired **at = &policies->retired, *retired;
	unsigned int left = 0;

	while ((retired = *at)) {
		if (retired->generation > oldest) {
			at = &retired->next;
			left++;
			continue;
		}
		*at = retired->next;
		sl_policy_free(retired->policy);
		sl_peers_free(retired->peers);
		free(retired);
	}
	return left;
}

unsigned int sl_policies_reclaim(struct sl_policies *policies)
{
	unsigned int left;

	pthread_mutex_lock(&policies->lock);
	left = reclaim(policies, oldest_seen(policies));
	pthread_mutex_unlock(&policies->lock);
	return left;
}

/* Behind the exchange of a pointer, with the lock held: the next generation. retired: NULL allowed. */
static uint64_t retire(struct sl_policies *policies, struct retired *retired)
{
	uint64_t generation = atomic_fetch_add(&policies->generation, 1) + 1;

	if (retired) {
		retired->generation = generation;
		retired->next = policies->retired;
		policies->retired = retired;
	}
	reclaim(policies, oldest_seen(policies));
	return generation;
}

uint64_t sl_policies_set(struct sl_policies *policies, struct sl_policy *policy, uint64_t now_ns)
{
	struct retired *retired = calloc(1, sizeof(*retired));
	uint64_t generation;

	pthread_mutex_lock(&policies->lock);
	sl_names_tell_all(policies->names, policy, now_ns);
	if (retired)
		retired->policy = atomic_exchange(&policies->current, policy);
	else
		/* Without memory to remember it by, the old one is lost rather than freed too early. */
		atomic_store(&policies->current, policy);
	generation = retire(policies, retired);
	pthread_mutex_unlock(&policies->lock);
	return generation;
}

uint64_t sl_policies_set_peers(struct sl_policies *policies, struct sl_peers *peers)
{
	struct retired *retired = calloc(1, sizeof(*retired));
	uint64_t generation;

	pthread_mutex_lock(&policies->lock);
	if (retired)
		retired->peers = atomic_exchange(&policies->peers, peers);
	else
		atomic_store(&policies->peers, peers);
	generation = retire(policies, retired);
	pthread_mutex_unlock(&policies->lock);
	return generation;
}

uint64_t sl_policies_generation(struct sl_policies *policies)
{
	return atomic_load(&policies->generation);
}

bool sl_policies_learn(struct sl_policies *policies, const char *name, const struct sl_addr *address,
		       uint32_t ttl, uint64_t now_ns)
{
	bool told;

	ttl = ttl < SL_NAME_TTL_MIN ? SL_NAME_TTL_MIN : ttl > SL_NAME_TTL_MAX ? SL_NAME_TTL_MAX : ttl;
	pthread_mutex_lock(&policies->lock);
	/* It is not freed while the lock is held. */
	told = sl_names_learn(policies->names, atomic_load(&policies->current), name, address,
			      now_ns + ttl * 1000000000ULL, now_ns);
	pthread_mutex_unlock(&policies->lock);
	return told;
}

void sl_policies_names_of(struct sl_policies *policies, const struct sl_addr *addresses, size_t n,
			  sl_policy_name *ret)
{
	pthread_mutex_lock(&policies->lock);
	sl_names_of(policies->names, addresses, n, ret);
	pthread_mutex_unlock(&policies->lock);
}

void sl_policies_close(struct sl_policies *policies)
{
	if (!policies)
		return;
	reclaim(policies, SLEEPS);
	sl_policy_free(atomic_load(&policies->current));
	sl_peers_free(atomic_load(&policies->peers));
	sl_names_close(policies->names);
	pthread_mutex_destroy(&policies->lock);
	free(policies);
}
