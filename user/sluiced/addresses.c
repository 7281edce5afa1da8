// SPDX-License-Identifier: BSD-2-Clause
/*
 * Addresses of workloads; see addresses.h for the invariant. The kernel tells
 * of changes by the number of the namespace they are in; the workload's
 * interface is the far end of vin, whichever side the port was taken from.
 */
#include "sluiced/addresses.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dpi/policy/peers.h"
#include "netlink/far_address.h"
#include "netlink/link.h"
#include "policyfile/compile.h"

#define SOON_MS 20 /* a script that changes many is one change */
#define EVENTS_AT_ONCE 64

_Static_assert(sizeof(struct far_address) == sizeof(struct sl_addr), "the same bytes");

/* Of one workload. */
struct own {
	struct own *next; /* ids ascending */
	__u16 id;
	__s32 nsid;
	__u32 ifindex, vin_ifindex;
	bool due; /* to be read */
	bool seen; /* while the workloads are gone through */
	unsigned int n;
	struct far_address address[ADDRESSES_MAX];
};

struct addresses {
	struct instance *inst;
	struct source changes, timer;
	bool waiting; /* the timer runs */
	struct own *first;
	struct sl_peer_address *peers; /* as the core was told, ascending */
	size_t n_peers;
	void (*changed)(void *context, int block);
	void *context;
};

static int compare_peers(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct sl_addr));
}

/* Whose it was, 0 if nobody's. */
static __u16 owner_so_far(const struct addresses *addresses, const struct far_address *address)
{
	const struct sl_peer_address *peer =
		addresses->n_peers
			? bsearch(address, addresses->peers, addresses->n_peers, sizeof(*peer), compare_peers)
			: NULL;

	return peer ? peer->workload : 0;
}

static bool has(const struct own *own, const struct far_address *address)
{
	for (unsigned int i = 0; i < own->n; i++) {
		if (!memcmp(&own->address[i], address, sizeof(*address)))
			return true;
	}
	return false;
}

static const struct own *find(const struct addresses *addresses, __u16 id)
{
	const struct own *own = addresses->first;

	while (own && own->id != id)
		own = own->next;
	return own;
}

/* Of equal addresses one is left: the owner's so far, else the lowest id's, which stands first. */
static size_t settle(const struct addresses *addresses, struct sl_peer_address *peers, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		const struct far_address *address = (const struct far_address *)&peers[i].address;
		__u16 before = owner_so_far(addresses, address);
		const struct own *own = before ? find(addresses, before) : NULL;

		if (kept && !compare_peers(&peers[kept - 1], &peers[i]))
			continue;
		peers[kept] = peers[i];
		if (own && has(own, address))
			peers[kept].workload = before;
		kept++;
	}
	return kept;
}

/* In the order of addresses, and of ids where they are the same. */
static int compare_whole(const void *a, const void *b)
{
	const struct sl_peer_address *x = a, *y = b;

	return compare_peers(a, b) ?: (x->workload > y->workload) - (x->workload < y->workload);
}

static struct sl_peer_address *collect(const struct addresses *addresses, size_t *ret_n)
{
	struct sl_peer_address *peers;
	size_t n = 0, at = 0;

	for (const struct own *own = addresses->first; own; own = own->next)
		n += own->n;
	peers = calloc(n + 1, sizeof(*peers));
	if (!peers)
		return NULL;
	for (const struct own *own = addresses->first; own; own = own->next) {
		for (unsigned int i = 0; i < own->n && at < SL_PEERS_MAX; i++) {
			memcpy(&peers[at].address, &own->address[i], sizeof(peers[at].address));
			peers[at++].workload = own->id;
		}
	}
	qsort(peers, at, sizeof(*peers), compare_whole);
	*ret_n = settle(addresses, peers, at);
	return peers;
}

static int make_block(const struct sl_peer_address *peers, size_t n, struct sl_err *err)
{
	size_t size = sizeof(struct sl_peers_block) + n * sizeof(*peers);
	struct sl_peers_block *block = calloc(1, size);
	int fd;

	if (!block)
		return sl_err(err, ENOMEM, "no memory for %zu addresses of workloads", n);
	block->magic = SL_PEERS_MAGIC;
	block->version = SL_PEERS_VERSION;
	block->count = (uint32_t)n;
	if (n)
		memcpy(block->peer, peers, n * sizeof(*peers));
	fd = sl_block_memfd(block, size, err);
	free(block);
	return fd;
}

/* Tells of the list if it is another one than was told. */
static void publish(struct addresses *addresses)
{
	struct sl_err err;
	size_t n = 0;
	struct sl_peer_address *peers = collect(addresses, &n);
	int block;

	if (!peers) {
		sl_error("no memory for the addresses of workloads; rules go by those known so far");
		return;
	}
	if (n == addresses->n_peers && !memcmp(peers, addresses->peers, n * sizeof(*peers))) {
		free(peers);
		return;
	}
	block = make_block(peers, n, &err);
	if (block < 0) {
		sl_error("%s; rules go by those known so far", err.text);
		free(peers);
		return;
	}
	free(addresses->peers);
	addresses->peers = peers;
	addresses->n_peers = n;
	addresses->changed(addresses->context, block);
}

static void read_one(struct addresses *addresses, struct own *own)
{
	struct link_info vin;
	struct sl_err err;
	int r = link_find(addresses->inst->nls, NULL, own->vin_ifindex, &vin, &err);

	own->due = false;
	if (!r && (vin.peer_nsid < 0 || !vin.peer_ifindex))
		r = -ENODEV;
	if (!r) {
		own->nsid = vin.peer_nsid;
		own->ifindex = vin.peer_ifindex;
		r = far_addresses(addresses->inst->nls, own->nsid, own->ifindex, own->address, ADDRESSES_MAX,
				  &own->n, &err);
	}
	/* It is going, or gone. */
	if (r)
		own->n = 0;
	if (r && r != -ENODEV)
		sl_warn("id %u: %s: no rule knows it as a peer", own->id, err.text);
}

static void read_due(struct addresses *addresses)
{
	for (struct own *own = addresses->first; own; own = own->next) {
		if (own->due)
			read_one(addresses, own);
	}
	publish(addresses);
}

static struct own *take_up(struct addresses *addresses, const struct workload *w)
{
	struct own **at = &addresses->first, *own;

	while (*at && (*at)->id < w->id)
		at = &(*at)->next;
	if (!*at || (*at)->id != w->id) {
		own = calloc(1, sizeof(*own));
		if (!own)
			return NULL;
		own->id = w->id;
		own->next = *at;
		*at = own;
	}
	return *at;
}

static void drop_unseen(struct addresses *addresses)
{
	struct own **at = &addresses->first, *own;

	while ((own = *at)) {
		if (own->seen) {
			own->seen = false;
			at = &own->next;
			continue;
		}
		*at = own->next;
		free(own);
	}
}

void addresses_follow(struct addresses *addresses)
{
	struct workload *w;
	struct own *own;
	__u32 id = 0;

	if (!addresses)
		return;
	for (; (w = workloads_next(addresses->inst->workloads, id)); id = w->id) {
		if (!w->taken)
			continue;
		own = take_up(addresses, w);
		if (!own) {
			sl_error("id %u: no memory for its addresses: no rule knows it as a peer", w->id);
			continue;
		}
		own->seen = true;
		/* Another port under the same id, or a new one. */
		own->due = own->due || own->vin_ifindex != w->port.vin_ifindex;
		own->vin_ifindex = w->port.vin_ifindex;
	}
	drop_unseen(addresses);
	read_due(addresses);
}

static void on_changes(struct source *source, __u32 events)
{
	struct addresses *addresses = container_of(source, struct addresses, changes);
	bool due = false;
	__s32 nsid;
	int r = 1;

	(void)events;
	for (int i = 0; i < EVENTS_AT_ONCE && r > 0; i++) {
		r = far_address_changed(source->fd, &nsid);
		for (struct own *own = addresses->first; own && r; own = own->next) {
			if (r < 0 || own->nsid == nsid)
				own->due = due = true;
		}
	}
	/* Not put off by every change anew, or who keeps changing would never be read. */
	if (due && !addresses->waiting) {
		addresses->waiting = true;
		timer_set(&addresses->timer, SOON_MS, 0);
	}
}

static void on_timer(struct source *source, __u32 events)
{
	struct addresses *addresses = container_of(source, struct addresses, timer);

	(void)events;
	timer_clear(source);
	addresses->waiting = false;
	read_due(addresses);
}

int addresses_open(struct instance *inst, void (*changed)(void *context, int block), void *context,
		   struct addresses **ret, struct sl_err *err)
{
	struct addresses *addresses = calloc(1, sizeof(*addresses));
	int r;

	if (!addresses)
		return sl_err(err, ENOMEM, "no memory for the addresses of workloads");
	addresses->inst = inst;
	addresses->changed = changed;
	addresses->context = context;
	addresses->changes = (struct source){ -1, on_changes };
	addresses->timer = (struct source){ -1, on_timer };
	r = timer_open(&inst->loop, &addresses->timer, "addresses of workloads", err);
	if (!r) {
		r = addresses->changes.fd = far_address_watch(err);
		r = r < 0 ? r : loop_add(&inst->loop, &addresses->changes, "addresses of workloads", err);
	}
	if (r) {
		addresses_close(addresses);
		return r;
	}
	*ret = addresses;
	return 0;
}

void addresses_close(struct addresses *addresses)
{
	struct own *own;

	if (!addresses)
		return;
	source_close(&addresses->inst->loop, &addresses->changes);
	source_close(&addresses->inst->loop, &addresses->timer);
	while ((own = addresses->first)) {
		addresses->first = own->next;
		free(own);
	}
	free(addresses->peers);
	free(addresses);
}
