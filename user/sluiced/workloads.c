// SPDX-License-Identifier: BSD-2-Clause
/*
 * The register of taken ports; see workloads.h for the invariant. A plain
 * table by id: 65535 pointers are half a megabyte of mostly untouched pages,
 * and only user requests search it by anything else.
 */
#include "sluiced/workloads.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct workloads {
	struct workload *by_id[SL_ID_MAX + 1];
	bool reserved[SL_ID_MAX + 1];
	unsigned int count, n_reserved;
	__u32 highest; /* no entry is above it: walks end there */
	void (*changed)(void *context); /* NULL: nobody wants to know */
	void *context;
};

struct workloads *workloads_new(void)
{
	return calloc(1, sizeof(struct workloads));
}

void workloads_free(struct workloads *workloads)
{
	if (!workloads)
		return;
	for (__u32 id = 1; id <= workloads->highest; id++)
		free(workloads->by_id[id]);
	free(workloads);
}

static void tell(const struct workloads *workloads)
{
	if (workloads->changed)
		workloads->changed(workloads->context);
}

void workloads_watch(struct workloads *workloads, void (*changed)(void *context), void *context)
{
	workloads->changed = changed;
	workloads->context = context;
}

/* FNV-1a over ids and names. */
__u64 workloads_mark(const struct workloads *workloads)
{
	__u64 mark = 0xcbf29ce484222325ULL;

	for (__u32 id = 1; id <= workloads->highest; id++) {
		const struct workload *w = workloads->by_id[id];

		if (!w)
			continue;
		mark = (mark ^ id) * 0x100000001b3ULL;
		for (size_t i = 0; i < sizeof(w->value.name) && w->value.name[i]; i++)
			mark = (mark ^ (__u8)w->value.name[i]) * 0x100000001b3ULL;
	}
	return mark;
}

int workloads_add(struct workloads *workloads, __u32 wanted_id, struct workload **ret, struct sl_err *err)
{
	struct workload *workload, *holder;
	__u32 id = wanted_id;

	if (id > SL_ID_MAX)
		return sl_err(err, EINVAL, "id %u is not from 1 to %d", id, SL_ID_MAX);
	if (!id && workloads->count + workloads->n_reserved >= SL_ID_MAX)
		return sl_err(err, ENOSPC, "all %d ids are in use: release a port first", SL_ID_MAX);
	if (!id) {
		for (id = 1; workloads->by_id[id] || workloads->reserved[id]; id++)
			;
	}
	if (workloads->reserved[id])
		return sl_err(err, EEXIST, "id %u is in use by a port whose state file cannot be read", id);
	holder = workloads->by_id[id];
	if (holder)
		return sl_err(err, EEXIST, "id %u is in use by port %s of %s", id, holder->port.name,
			      holder->target);
	workload = calloc(1, sizeof(*workload));
	if (!workload)
		return sl_err(err, ENOMEM, "no memory for another workload");
	workload->id = id;
	workloads->by_id[id] = workload;
	workloads->count++;
	if (id > workloads->highest)
		workloads->highest = id;
	*ret = workload;
	tell(workloads);
	return 0;
}

void workloads_remove(struct workloads *workloads, struct workload *workload)
{
	workloads->by_id[workload->id] = NULL;
	workloads->count--;
	while (workloads->highest && !workloads->by_id[workloads->highest])
		workloads->highest--;
	free(workload);
	tell(workloads);
}

void workloads_reserve(struct workloads *workloads, __u32 id)
{
	if (!id || id > SL_ID_MAX || workloads->reserved[id] || workloads->by_id[id])
		return;
	workloads->reserved[id] = true;
	workloads->n_reserved++;
}

void workloads_unreserve(struct workloads *workloads, __u32 id)
{
	if (!workloads_is_reserved(workloads, id))
		return;
	workloads->reserved[id] = false;
	workloads->n_reserved--;
}

bool workloads_is_reserved(const struct workloads *workloads, __u32 id)
{
	return id <= SL_ID_MAX && workloads->reserved[id];
}

unsigned int workloads_reserved(const struct workloads *workloads)
{
	return workloads->n_reserved;
}

unsigned int workloads_count(const struct workloads *workloads)
{
	return workloads->count;
}

struct workload *workloads_by_id(const struct workloads *workloads, __u32 id)
{
	return id <= SL_ID_MAX ? workloads->by_id[id] : NULL;
}

struct workload *workloads_next(const struct workloads *workloads, __u32 after)
{
	for (__u32 id = after + 1; after < SL_ID_MAX && id <= workloads->highest; id++) {
		if (workloads->by_id[id])
			return workloads->by_id[id];
	}
	return NULL;
}

struct workload *workloads_by_port(const struct workloads *workloads, const struct sl_netns_id *ns,
				   const char *port)
{
	struct workload *w;

	for (w = workloads_next(workloads, 0); w; w = workloads_next(workloads, w->id)) {
		if (sl_netns_same(&w->port.workload_ns, ns) && !strcmp(w->port.name, port))
			break;
	}
	return w;
}

struct workload *workloads_by_ifindex(const struct workloads *workloads, __u32 ifindex)
{
	struct workload *w;

	for (w = workloads_next(workloads, 0); w; w = workloads_next(workloads, w->id)) {
		if (w->port.vex_ifindex == ifindex || w->port.vin_ifindex == ifindex)
			break;
	}
	return w;
}

struct workload *workloads_by_leg(const struct workloads *workloads, const char *vex_or_vin)
{
	struct workload *w;

	for (w = workloads_next(workloads, 0); w; w = workloads_next(workloads, w->id)) {
		if (!strcmp(w->port.vex_name, vex_or_vin) || !strcmp(w->port.vin_name, vex_or_vin))
			break;
	}
	return w;
}

struct sl_workload_key workload_key(const struct workload *workload)
{
	struct sl_workload_key key = { .id = workload->id };

	memcpy(key.mac, workload->port.mac, sizeof(key.mac));
	return key;
}
