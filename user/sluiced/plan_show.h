/* SPDX-License-Identifier: BSD-2-Clause */
/* What a dry run answers: the plan for one port as JSON. */
#ifndef SLUICE_SLUICED_PLAN_SHOW_H
#define SLUICE_SLUICED_PLAN_SHOW_H

#include <jansson.h>

#include "sluiced/workloads.h"

/*
 * {"side", "reason", "kind", "steps": […], "warnings": […], "refusals":
 * [{"errno", "message"}…]}. refused: why no side can be taken; NULL if one
 * can. 0 or -errno.
 */
int plan_show(const struct port_request *request, const struct workload *workload,
	      const struct sl_err *refused, json_t **ret, struct sl_err *err);

#endif
