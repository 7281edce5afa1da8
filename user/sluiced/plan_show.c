// SPDX-License-Identifier: BSD-2-Clause
/*
 * The plan of a dry run.
 *
 * Invariant: there are refusals if and only if the port would not be taken.
 */
#include "sluiced/plan_show.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "port/host.h"
#include "port/plan.h"
#include "sluiced/side.h"

static json_t *show_lines(const struct plan_lines *lines)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < lines->n; i++)
		json_array_append_new(list, json_string(lines->text[i]));
	return list;
}

static json_t *show_refusal(const struct sl_err *refusal)
{
	return json_pack("{ss ss}", "errno", sl_errno_name(refusal->code), "message", refusal->text);
}

/* The steps and warnings of *plan become those of the host's side. */
static int replan(const struct port_request *request, struct port_plan *plan, struct sl_err *err)
{
	struct host_end end;
	int rc = host_find(request, &end, err);

	if (rc)
		return rc;
	rc = host_plan(request, &end, plan, err);
	snprintf(plan->kind, sizeof(plan->kind), "%s", end.link.kind);
	close(end.ns);
	return rc;
}

int plan_show(const struct port_request *request, const struct workload *workload,
	      const struct sl_err *refused, json_t **ret, struct sl_err *err)
{
	bool host = !refused && workload->port.side == PORT_SIDE_HOST;
	struct port_plan *plan = calloc(1, sizeof(*plan));
	json_t *refusals = json_array(), *steps, *warnings;
	/* err may be what `refused` points to. */
	struct sl_err why = { 0 };
	int rc;

	if (!plan) {
		json_decref(refusals);
		return sl_err(err, ENOMEM, "out of memory for a plan");
	}
	rc = host ? replan(request, plan, &why) : port_plan(request, plan, &why);
	if (rc) {
		json_decref(refusals);
		free(plan);
		return sl_err(err, why.code, "%s", why.text);
	}
	for (unsigned int i = 0; refused && i < plan->refusals.n; i++)
		json_array_append_new(refusals, show_refusal(&plan->refusals.item[i]));
	/* Also what only the host's side has against it. */
	if (refused && (!plan->refusals.n || strcmp(refused->text, plan->refusals.item[0].text) != 0))
		json_array_append_new(refusals, show_refusal(refused));
	steps = show_lines(&plan->steps);
	warnings = show_lines(&plan->warnings);
	if (refused) {
		json_array_clear(steps);
		json_array_clear(warnings);
	}
	*ret = json_pack("{ss ss ss so so so}", "kind", plan->kind, "side", side_name(workload), "reason",
			 workload->side_reason, "steps", steps, "warnings", warnings, "refusals", refusals);
	free(plan);
	return *ret ? 0 : sl_err(err, ENOMEM, "out of memory for a plan");
}
