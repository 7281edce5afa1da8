// SPDX-License-Identifier: BSD-2-Clause
/*
 * Addresses and their owners; see claims.h for the invariant. All claims, also
 * those that do not count, are kept in order, so that a change is a merge and
 * an owner is found among the neighbours.
 */
#include "sluiced/claims.h"

#include <errno.h>
#include <linux/types.h>
#include <stdlib.h>
#include <string.h>

#include "sluice/abi.h"

struct list {
	struct sl_peer_address *at;
	size_t n, room;
};

struct claims {
	struct list all; /* ascending by address, then by id */
	struct list owned; /* each address once */
	struct list fresh; /* of those that have changed, in the order they were set */
	bool changed[SL_ID_MAX + 1];
	bool any; /* of them */
};

static int reserve(struct list *list, size_t room)
{
	struct sl_peer_address *at;

	if (room <= list->room)
		return 0;
	at = realloc(list->at, room * sizeof(*at));
	if (!at)
		return -ENOMEM;
	list->at = at;
	list->room = room;
	return 0;
}

static int make_list(struct list *ret, size_t room)
{
	*ret = (struct list){ .at = calloc(room, sizeof(*ret->at)), .room = room };
	return ret->at ? 0 : -ENOMEM;
}

static int by_address(const struct sl_peer_address *a, const struct sl_peer_address *b)
{
	return memcmp(&a->address, &b->address, sizeof(a->address));
}

static int by_both(const void *a, const void *b)
{
	const struct sl_peer_address *x = a, *y = b;

	return by_address(x, y) ?: (x->workload > y->workload) - (x->workload < y->workload);
}

struct claims *claims_new(void)
{
	return calloc(1, sizeof(struct claims));
}

void claims_free(struct claims *claims)
{
	if (!claims)
		return;
	free(claims->all.at);
	free(claims->owned.at);
	free(claims->fresh.at);
	free(claims);
}

/* What was set before and has not taken effect. */
static void unset(struct claims *claims, __u16 id)
{
	struct list *fresh = &claims->fresh;
	size_t kept = 0;

	for (size_t i = 0; i < fresh->n; i++) {
		if (fresh->at[i].workload != id)
			fresh->at[kept++] = fresh->at[i];
	}
	fresh->n = kept;
}

int claims_set(struct claims *claims, __u16 id, const struct sl_addr *address, unsigned int n)
{
	struct list *fresh = &claims->fresh;

	/* Doubled, or a start with many workloads would copy them again for each. */
	if (fresh->n + n > fresh->room && reserve(fresh, 2 * (fresh->n + n)))
		return -ENOMEM;
	if (claims->changed[id])
		unset(claims, id);
	for (unsigned int i = 0; i < n; i++)
		fresh->at[fresh->n++] = (struct sl_peer_address){ .address = address[i], .workload = id };
	claims->changed[id] = claims->any = true;
	return 0;
}

/* The old ones of those that have not changed, and the fresh ones. */
static void merge(const struct claims *claims, struct list *ret)
{
	const struct list *old = &claims->all, *fresh = &claims->fresh;
	size_t i = 0, j = 0;

	while (i < old->n || j < fresh->n) {
		if (i < old->n && claims->changed[old->at[i].workload])
			i++;
		else if (j == fresh->n || (i < old->n && by_both(&old->at[i], &fresh->at[j]) < 0))
			ret->at[ret->n++] = old->at[i++];
		else
			ret->at[ret->n++] = fresh->at[j++];
	}
}

/* Of the claims to one address, `from` to `to`: the owner's so far, else the lowest id's, which stands first. */
static const struct sl_peer_address *owner(const struct list *all, size_t from, size_t to, __u16 so_far)
{
	for (size_t i = from; i < to; i++) {
		if (all->at[i].workload == so_far)
			return &all->at[i];
	}
	return &all->at[from];
}

static void settle_owners(const struct list *all, const struct list *before, struct list *ret)
{
	size_t at = 0;

	for (size_t i = 0, end; i < all->n; i = end) {
		__u16 so_far = 0;

		for (end = i + 1; end < all->n && !by_address(&all->at[i], &all->at[end]);)
			end++;
		while (at < before->n && by_address(&before->at[at], &all->at[i]) < 0)
			at++;
		if (at < before->n && !by_address(&before->at[at], &all->at[i]))
			so_far = before->at[at].workload;
		ret->at[ret->n++] = *owner(all, i, end, so_far);
	}
}

/* There is room for so many: those that came last go without. */
static void limit(struct claims *claims)
{
	size_t kept = 0;

	for (size_t i = 0; i < claims->all.n; i++)
		kept += !claims->changed[claims->all.at[i].workload];
	if (claims->fresh.n > SL_PEERS_MAX - kept)
		claims->fresh.n = SL_PEERS_MAX - kept;
}

int claims_settle(struct claims *claims)
{
	struct list all, owned;
	size_t room;
	bool other;

	if (!claims->any)
		return 0;
	limit(claims);
	room = claims->all.n + claims->fresh.n + 1;
	if (make_list(&all, room))
		return -ENOMEM;
	if (make_list(&owned, room)) {
		free(all.at);
		return -ENOMEM;
	}
	if (claims->fresh.n)
		qsort(claims->fresh.at, claims->fresh.n, sizeof(*claims->fresh.at), by_both);
	merge(claims, &all);
	settle_owners(&all, &claims->owned, &owned);
	other = owned.n != claims->owned.n ||
		(owned.n && memcmp(owned.at, claims->owned.at, owned.n * sizeof(*owned.at)) != 0);
	free(claims->all.at);
	free(claims->owned.at);
	free(claims->fresh.at);
	claims->all = all;
	claims->owned = owned;
	claims->fresh = (struct list){ 0 };
	memset(claims->changed, 0, sizeof(claims->changed));
	claims->any = false;
	return other;
}

const struct sl_peer_address *claims_list(const struct claims *claims, size_t *ret_n)
{
	*ret_n = claims->owned.n;
	return claims->owned.at;
}
