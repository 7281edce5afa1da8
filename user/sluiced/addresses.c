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

#include "netlink/far_address.h"
#include "netlink/link.h"
#include "policyfile/compile.h"
#include "sluiced/claims.h"

#define SOON_MS 20 /* a script that changes many is one change */
#define EVENTS_AT_ONCE 64

_Static_assert(sizeof(struct far_address) == sizeof(struct sl_addr), "the same bytes");

/* Of one workload; what addresses it has is with the claims. */
struct own {
	struct own *next; /* ids ascending */
	__u16 id;
	__s32 nsid;
	__u32 ifindex, vin_ifindex;
	bool due; /* to be read */
};

struct addresses {
	struct instance *inst;
	struct source changes, timer;
	bool waiting; /* the timer runs */
	struct own *first;
	struct claims *claims;
	bool untold; /* the core has not been told of what they are now */
	void (*changed)(void *context, int block);
	void *context;
};

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

/* Not put off by every change anew, or who keeps changing would never be read. */
static void read_soon(struct addresses *addresses)
{
	if (addresses->waiting)
		return;
	addresses->waiting = true;
	timer_set(&addresses->timer, SOON_MS, 0);
}

/* Tells of the list if it is another one than was told. */
static void publish(struct addresses *addresses)
{
	const struct sl_peer_address *list;
	struct sl_err err;
	size_t n;
	int r = claims_settle(addresses->claims), block;

	if (r < 0) {
		sl_error("no memory for the addresses of workloads; rules go by those known so far");
		read_soon(addresses);
		return;
	}
	addresses->untold = addresses->untold || r;
	if (!addresses->untold)
		return;
	list = claims_list(addresses->claims, &n);
	block = make_block(list, n, &err);
	if (block < 0) {
		sl_error("%s; rules go by those known so far", err.text);
		read_soon(addresses);
		return;
	}
	addresses->untold = false;
	addresses->changed(addresses->context, block);
}

static void read_one(struct addresses *addresses, struct own *own)
{
	struct far_address address[ADDRESSES_MAX];
	unsigned int n = 0;
	struct link_info vin;
	struct sl_err err;
	int r = link_find(addresses->inst->nls, NULL, own->vin_ifindex, &vin, &err);

	own->due = false;
	if (!r && (vin.peer_nsid < 0 || !vin.peer_ifindex))
		r = -ENODEV;
	if (!r) {
		own->nsid = vin.peer_nsid;
		own->ifindex = vin.peer_ifindex;
		r = far_addresses(addresses->inst->nls, own->nsid, own->ifindex, address, ADDRESSES_MAX, &n,
				  &err);
	}
	/* It is going, or gone. */
	if (r)
		n = 0;
	if (r && r != -ENODEV)
		sl_warn("id %u: %s: no rule knows it as a peer", own->id, err.text);
	if (claims_set(addresses->claims, own->id, (const struct sl_addr *)address, n)) {
		sl_error("id %u: no memory for its addresses; rules go by those known so far", own->id);
		own->due = true;
		read_soon(addresses);
	}
}

static void read_due(struct addresses *addresses)
{
	for (struct own *own = addresses->first; own; own = own->next) {
		if (own->due)
			read_one(addresses, own);
	}
	publish(addresses);
}

static void drop(struct addresses *addresses, struct own **at)
{
	struct own *own = *at;

	claims_set(addresses->claims, own->id, NULL, 0);
	*at = own->next;
	free(own);
}

/* In front of *at, which the ids before have led to. */
static struct own *take_up(struct own **at, __u16 id)
{
	struct own *own = calloc(1, sizeof(*own));

	if (!own) {
		sl_error("id %u: no memory for its addresses: no rule knows it as a peer", id);
		return NULL;
	}
	own->id = id;
	own->next = *at;
	*at = own;
	return own;
}

/* Both lists go by ids: one walk, whatever has changed. */
void addresses_follow(struct addresses *addresses)
{
	struct own **at, *own;
	struct workload *w;
	__u32 id = 0;

	if (!addresses)
		return;
	at = &addresses->first;
	for (; (w = workloads_next(addresses->inst->workloads, id)); id = w->id) {
		if (!w->taken)
			continue;
		while (*at && (*at)->id < w->id)
			drop(addresses, at);
		own = *at && (*at)->id == w->id ? *at : take_up(at, w->id);
		if (!own)
			continue;
		/* Another port under the same id, or a new one. */
		own->due = own->due || own->vin_ifindex != w->port.vin_ifindex;
		own->vin_ifindex = w->port.vin_ifindex;
		at = &own->next;
	}
	while (*at)
		drop(addresses, at);
	read_due(addresses);
}

/* Those whose namespace is one of these. */
static bool find_due(struct addresses *addresses, const __s32 *nsid, unsigned int n)
{
	bool due = false;

	for (struct own *own = addresses->first; own; own = own->next) {
		for (unsigned int i = 0; i < n; i++) {
			if (own->nsid == nsid[i])
				own->due = due = true;
		}
	}
	return due;
}

static bool all_due(struct addresses *addresses)
{
	for (struct own *own = addresses->first; own; own = own->next)
		own->due = true;
	return addresses->first != NULL;
}

/* One change of a port is many events of few namespaces. */
static void on_changes(struct source *source, __u32 events)
{
	struct addresses *addresses = container_of(source, struct addresses, changes);
	__s32 nsid[EVENTS_AT_ONCE];
	unsigned int n = 0;
	bool due = false;
	int r = 1;

	(void)events;
	for (int i = 0; i < EVENTS_AT_ONCE && r > 0; i++) {
		r = far_address_changed(source->fd, &nsid[n]);
		if (r > 0 && (!n || nsid[n] != nsid[n - 1]))
			n++;
	}
	due = find_due(addresses, nsid, n);
	if (r < 0)
		due = all_due(addresses);
	if (due)
		read_soon(addresses);
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
	addresses->claims = claims_new();
	addresses->changes = (struct source){ -1, on_changes };
	addresses->timer = (struct source){ -1, on_timer };
	r = addresses->claims ? timer_open(&inst->loop, &addresses->timer, "addresses of workloads", err)
			      : sl_err(err, ENOMEM, "no memory for the addresses of workloads");
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
	claims_free(addresses->claims);
	free(addresses);
}
