// SPDX-License-Identifier: BSD-2-Clause
/* Selections; see select.h for the invariant. */
#include "sluiced/select.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sluiced/resolve.h"

static int add(struct selection *selection, __u16 id, struct sl_err *err)
{
	__u16 *ids = selection->ids;

	/* Grows in steps of 64, so the length tells when. */
	if (selection->n % 64 == 0)
		ids = realloc(ids, (selection->n + 64) * sizeof(*ids));
	if (!ids)
		return sl_err(err, ENOMEM, "no memory for a list of workloads");
	selection->ids = ids;
	ids[selection->n++] = id;
	return 0;
}

static bool is_wanted_port(const json_t *ports, const char *name)
{
	const json_t *port;
	size_t i;

	if (!ports)
		return true;
	json_array_foreach ((json_t *)ports, i, port) {
		if (!strcmp(json_string_value(port), name))
			return true;
	}
	return false;
}

/* ns NULL: by the recorded text, which still works when the target itself is gone. */
static int add_matching(struct instance *inst, const char *text, const struct sl_netns_id *ns,
			const json_t *ports, struct selection *selection, struct sl_err *err)
{
	struct workload *w;
	bool match;
	int r = 0;

	for (w = workloads_next(inst->workloads, 0); !r && w; w = workloads_next(inst->workloads, w->id)) {
		match = ns ? sl_netns_same(&w->port.workload_ns, ns) : !strcmp(w->target, text);
		if (match && is_wanted_port(ports, w->port.name))
			r = add(selection, w->id, err);
	}
	return r;
}

static int by_target(struct instance *inst, const char *text, const json_t *ports,
		     struct selection *selection, struct sl_err *err)
{
	struct target target;
	int resolved, r = 0;

	resolved = target_resolve(text, &target, err);
	if (!resolved) {
		r = add_matching(inst, text, &target.ns, ports, selection, err);
		target_close(&target);
	}
	if (!r && !selection->n)
		r = add_matching(inst, text, NULL, ports, selection, err);
	if (r || selection->n)
		return r;
	if (resolved)
		return resolved;
	return sl_err(err, ENOENT, "no%s port of %s is taken", ports ? " such" : "", text);
}

int select_workloads(struct instance *inst, const json_t *request, struct selection *ret, struct sl_err *err)
{
	const json_t *target = json_object_get(request, "target"), *ports = json_object_get(request, "ports");
	const json_t *id = json_object_get(request, "id"), *all = json_object_get(request, "all");
	struct selection selection = { 0 };
	struct workload *w;
	json_int_t number;
	int r = 0;

	if (!!target + !!id + json_is_true(all) != 1)
		return sl_err(err, EINVAL, "say which workloads by exactly one of target, id and all");
	if (ports && !target)
		return sl_err(err, EINVAL, "ports can only be named together with their target");
	if (target) {
		r = by_target(inst, json_string_value(target), ports, &selection, err);
	} else if (id) {
		number = json_integer_value(id);
		w = number > 0 && number <= SL_ID_MAX ? workloads_by_id(inst->workloads, number) : NULL;
		r = w ? add(&selection, w->id, err)
		      : sl_err(err, ENOENT, "there is no workload of id %lld", (long long)number);
	} else {
		for (w = workloads_next(inst->workloads, 0); !r && w;
		     w = workloads_next(inst->workloads, w->id))
			r = add(&selection, w->id, err);
	}
	if (r)
		selection_free(&selection);
	else
		*ret = selection;
	return r;
}

void selection_free(struct selection *selection)
{
	free(selection->ids);
	*selection = (struct selection){ 0 };
}
