// SPDX-License-Identifier: BSD-2-Clause
/* A dry run's answer for people; see plan.h. */
#include "sluicectl/plan.h"

#include <stdio.h>
#include <string.h>

#include "sluicectl/output.h"

static void print_text(const char *before, const char *text)
{
	char copy[SL_ERR_LEN];

	snprintf(copy, sizeof(copy), "%s", text ?: "-");
	make_printable(copy);
	printf("%s%s\n", before, copy);
}

static void print_lines(const json_t *plan, const char *name, const char *before)
{
	const json_t *line;
	char numbered[32];
	size_t i;

	json_array_foreach (json_object_get(plan, name), i, line) {
		snprintf(numbered, sizeof(numbered), "  %2zu. ", i + 1);
		print_text(before ?: numbered, json_string_value(line));
	}
}

static void print_plan(const json_t *workload, const json_t *plan)
{
	const json_t *refusals = json_object_get(plan, "refusals"), *refusal;
	bool refused = json_array_size(refusals);
	char head[256];
	size_t i;

	if (refused)
		snprintf(head, sizeof(head),
			 "%s of %s cannot be taken:", member_text(workload, "port") ?: "-",
			 member_text(workload, "target") ?: "-");
	else
		snprintf(head, sizeof(head), "%s of %s would be taken as id %llu from the %s's side (%s):",
			 member_text(workload, "port") ?: "-", member_text(workload, "target") ?: "-",
			 (unsigned long long)member_number(workload, "id"),
			 member_text(plan, "side") ?: "workload", member_text(plan, "reason") ?: "-");
	print_text("", head);
	print_lines(plan, "steps", NULL);
	print_lines(plan, "warnings", "  warning: ");
	json_array_foreach (refusals, i, refusal)
		print_text("  refused: ", member_text(refusal, "message"));
}

bool plan_refuses(const json_t *result)
{
	const json_t *workload;
	size_t i;

	json_array_foreach (json_object_get(result, "items"), i, workload)
		if (json_array_size(json_object_get(json_object_get(workload, "plan"), "refusals")))
			return true;
	return false;
}

int plan_print(const json_t *result, struct sl_err *err)
{
	const json_t *workload;
	size_t i;

	(void)err;
	json_array_foreach (json_object_get(result, "items"), i, workload)
		print_plan(workload, json_object_get(workload, "plan"));
	if (json_object_get(result, "next"))
		puts("... and more than fit into one answer: name the ports with --port");
	if (plan_refuses(result))
		puts("nothing would be done: all the ports are taken or none");
	return plan_refuses(result) ? CTL_BAD : 0;
}
