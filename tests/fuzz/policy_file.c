// SPDX-License-Identifier: BSD-2-Clause
/*
 * Policy files under libFuzzer: any text is refused with a place, or reads
 * back the same from what is written of it, compiles, and compares as equal
 * to itself.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dpi/policy/policy.h"
#include "policyfile/check.h"
#include "policyfile/compile.h"
#include "policyfile/diff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool what)
{
	if (!what)
		abort();
}

static void check(const struct sl_rules *rules)
{
	struct sl_rules *again = NULL;
	struct sl_policy *policy = NULL;
	struct sl_finding *found;
	struct sl_diff diff;
	char *yaml = sl_rules_yaml(rules, NULL), *json = sl_rules_json(rules), *yaml_again;
	size_t n, block_size;
	void *block;

	must(yaml && json);
	must(!sl_rules_read(json, strlen(json), "json", &again, NULL));
	yaml_again = sl_rules_yaml(again, NULL);
	must(!strcmp(yaml, yaml_again));
	must(!sl_rules_diff(rules, again, &diff, NULL) && !diff.n_changes);
	sl_diff_free(&diff);
	sl_rules_free(again);
	must(!sl_rules_read(yaml, strlen(yaml), "yaml", &again, NULL));
	sl_rules_free(again);
	free(yaml);
	free(yaml_again);
	free(json);
	must(!sl_rules_compile(rules, NULL, &block, &block_size, NULL, NULL));
	must(!sl_policy_open(block, block_size, &policy, NULL));
	sl_policy_free(policy);
	free(block);
	found = sl_rules_check(rules, &n);
	free(found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_rules *rules = NULL;
	struct sl_err err = { 0 };
	int r = sl_rules_read((const char *)data, size, "f", &rules, &err);

	must(r ? r < 0 && !rules && err.code == -r && *err.text : rules != NULL);
	if (r == -EINVAL)
		must(!strncmp(err.text, "f:", 2));
	if (rules)
		check(rules);
	sl_rules_free(rules);
	return 0;
}
