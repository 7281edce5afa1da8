// SPDX-License-Identifier: BSD-2-Clause
/* Policies for tests; see rules.h for the invariant. */
#include "lib/rules.h"

#include <criterion/criterion.h>
#include <stdio.h>

void rules_write(const char *text)
{
	FILE *file = fopen(POLICY_FILE, "w");

	cr_assert(file && fputs(text, file) >= 0 && !fclose(file));
}

void rules_apply_file(struct daemon *d, const char *path)
{
	json_t *result = ctl(d, "policy apply %s", path);

	cr_assert(json_is_true(json_at(result, "in_force")), "not in force: %s\n%s", json_dumps(result, 0),
		  daemon_said(d));
	json_decref(result);
}

void rules_apply(struct daemon *d, const char *text)
{
	rules_write(text);
	rules_apply_file(d, POLICY_FILE);
}
