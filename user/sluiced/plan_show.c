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

/* The host's side has no plan of its own yet: these are its steps in general. */
static json_t *show_host_steps(const struct port_request *request, const struct workload *workload)
{
	char text[3][256];

	snprintf(text[0], sizeof(text[0]),
		 "note in the journal what %s, the far end of %s, has on the host, and its place in a bridge",
		 workload->port.host_name, request->name);
	snprintf(text[1], sizeof(text[1]), "move it to the agent's namespace as %s; %s itself is not touched",
		 request->vin_name, request->name);
	snprintf(text[2], sizeof(text[2]),
		 "put a new one, the far end of %s, in its place under the same name and number",
		 request->vex_name);
	return json_pack("[sss]", text[0], text[1], text[2]);
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

	if (!plan)
		rc = sl_err(err, ENOMEM, "out of memory for a plan");
	else
		rc = port_plan(request, plan, &why);
	if (rc) {
		json_decref(refusals);
		free(plan);
		return plan ? sl_err(err, why.code, "%s", why.text) : rc;
	}
	for (unsigned int i = 0; refused && i < plan->refusals.n; i++)
		json_array_append_new(refusals, show_refusal(&plan->refusals.item[i]));
	/* Also what only the host's side has against it. */
	if (refused && (!plan->refusals.n || strcmp(refused->text, plan->refusals.item[0].text) != 0))
		json_array_append_new(refusals, show_refusal(refused));
	steps = host ? show_host_steps(request, workload) : show_lines(&plan->steps);
	warnings = host ? json_array() : show_lines(&plan->warnings);
	if (refused) {
		json_array_clear(steps);
		json_array_clear(warnings);
	}
	*ret = json_pack("{ss ss ss so so so}", "kind", plan->kind, "side", side_name(workload), "reason",
			 workload->side_reason, "steps", steps, "warnings", warnings, "refusals", refusals);
	free(plan);
	return *ret ? 0 : sl_err(err, ENOMEM, "out of memory for a plan");
}
