// SPDX-License-Identifier: BSD-2-Clause
/*
 * The programs of a detour; see bpf/detour.bpf.c and port/detour.h.
 *
 * Invariant: no link is pinned: if the daemon dies, the programs go by
 * themselves, and frames take their own way again.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/netns.h"
#include "sluice/detour.h"
#include "sluiced/attach_detour.h"
#include "sluiced/bpf_messages.h"

#include "detour.skel.h"

/* See attach_link.c. */
#define TCX_INGRESS 46
#define TCX_EGRESS 47
#define FLAG_BEFORE (1U << 3) /* BPF_F_BEFORE, without a program: before all others */

enum { PLACE_OUT, PLACE_BACK, PLACE_IN, PLACE_HOME, PLACES };
static const struct {
	const char *program;
	int type;
	__u32 flags;
} places[PLACES] = {
	[PLACE_OUT] = { "sl_detour_out", TCX_EGRESS, 0 },
	[PLACE_BACK] = { "sl_detour_back", TCX_INGRESS, 0 },
	[PLACE_IN] = { "sl_detour_in", TCX_INGRESS, 0 },
	[PLACE_HOME] = { "sl_detour_home", TCX_INGRESS, FLAG_BEFORE },
};

struct sl_detour_programs {
	struct bpf_object *object;
	struct sl_detour ends;
	int link[PLACES]; /* -1: none */
};

int sl_detour_load(struct sl_detour_programs **ret, struct sl_err *err)
{
	struct sl_detour_programs *detour = calloc(1, sizeof(*detour));
	const void *bytes;
	size_t size;
	int r;

	if (!detour)
		return sl_err(err, ENOMEM, "no memory for the programs of a detour");
	for (int i = 0; i < PLACES; i++)
		detour->link[i] = -1;
	bytes = detour_bpf__elf_bytes(&size);
	bpf_messages_start();
	detour->object = bpf_object__open_mem(bytes, size, NULL);
	if (!detour->object || bpf_object__load(detour->object)) {
		r = sl_errno(err, errno, "cannot load the programs of a detour (%s)", bpf_messages_first());
		sl_detour_free(detour);
		return r;
	}
	*ret = detour;
	return 0;
}

void sl_detour_free(struct sl_detour_programs *detour)
{
	if (!detour)
		return;
	sl_detour_lift(detour);
	bpf_object__close(detour->object);
	free(detour);
}

static int attach(struct sl_detour_programs *detour, unsigned int place, __u32 ifindex, struct sl_err *err)
{
	const struct bpf_program *program =
		bpf_object__find_program_by_name(detour->object, places[place].program);
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = places[place].flags);

	detour->link[place] =
		program ? bpf_link_create(bpf_program__fd(program), (int)ifindex, places[place].type, &opts)
			: -1;
	return detour->link[place] < 0 ? sl_errno(err, errno, "cannot attach %s to interface %u by tcx",
						  places[place].program, ifindex)
				       : 0;
}

static int attach_host(struct sl_detour_programs *detour, int host_ns, struct sl_err *err)
{
	int token = sl_netns_enter(host_ns, err), r;

	if (token < 0)
		return token;
	r = attach(detour, PLACE_OUT, detour->ends.host_end, err);
	if (!r)
		r = attach(detour, PLACE_BACK, detour->ends.outer, err);
	sl_netns_leave(token);
	return r;
}

int sl_detour_lay(struct sl_detour_programs *detour, int host_ns, const struct sl_detour *ends,
		  struct sl_err *err)
{
	int r;

	detour->ends = *ends;
	r = sl_detour_use(detour, false, err);
	if (!r)
		r = attach(detour, PLACE_IN, ends->inner, err);
	if (!r)
		r = attach(detour, PLACE_HOME, ends->vin, err);
	if (!r)
		r = attach_host(detour, host_ns, err);
	if (r)
		sl_detour_lift(detour);
	return r;
}

int sl_detour_use(struct sl_detour_programs *detour, bool on, struct sl_err *err)
{
	__u32 zero = 0;
	int map = bpf_object__find_map_fd_by_name(detour->object, SL_MAP_DETOUR);

	detour->ends.on = on;
	return bpf_map_update_elem(map, &zero, &detour->ends, BPF_ANY)
		       ? sl_errno(err, errno, "cannot write map %s", SL_MAP_DETOUR)
		       : 0;
}

void sl_detour_lift(struct sl_detour_programs *detour)
{
	for (int i = 0; i < PLACES; i++) {
		if (detour->link[i] < 0)
			continue;
		bpf_link_detach(detour->link[i]);
		close(detour->link[i]);
		detour->link[i] = -1;
	}
}
