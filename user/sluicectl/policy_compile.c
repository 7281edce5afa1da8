// SPDX-License-Identifier: BSD-2-Clause
/*
 * sluicectl policy compile: the block that a replay of a capture goes by.
 *
 * Invariant: the same file and the same names give the same bytes.
 */
#include <errno.h>
#include <linux/types.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyfile/compile.h"
#include "policyfile/values.h"
#include "sluice/abi.h"
#include "sluicectl/output.h"
#include "sluicectl/policy.h"
#include "sluicectl/save.h"

#define REPLAYED 1 /* the id of the one workload of a plain capture, as sluice-dpi(8) gives it */

struct named {
	const char *name;
	size_t len;
	uint16_t id;
};

struct meant {
	struct named named[POLICY_WORKLOADS_MAX];
	unsigned int n;
};

static int read_names(const struct policy_options *options, struct meant *ret, struct sl_err *err)
{
	for (unsigned int i = 0; i < options->n_workloads; i++) {
		const char *text = options->workload[i], *is = strrchr(text, '=');
		uint32_t id = REPLAYED;

		if ((is && sl_value_number(is + 1, 1, SL_ID_MAX, &id)) || is == text || !*text)
			return usage_error(err,
					   "--workload %s: must be NAME or NAME=ID, ID a number from 1 to %d",
					   text, SL_ID_MAX);
		ret->named[ret->n++] =
			(struct named){ text, is ? (size_t)(is - text) : strlen(text), (uint16_t)id };
	}
	return 0;
}

static size_t ids_of(void *context, const char *name, uint16_t *ret, size_t room)
{
	const struct meant *meant = context;
	size_t n = 0;

	for (unsigned int i = 0; i < meant->n && n < room; i++) {
		const struct named *named = &meant->named[i];

		if (strlen(name) == named->len && !memcmp(name, named->name, named->len))
			ret[n++] = named->id;
	}
	return n;
}

int policy_compile(struct ctl *ctl, char **words, const struct policy_options *options, struct sl_err *err)
{
	struct meant meant = { .n = 0 };
	const struct sl_resolver resolver = { ids_of, &meant };
	struct sl_rules *rules = NULL;
	unsigned int unresolved = 0;
	void *block = NULL;
	size_t size = 0;
	int r = read_names(options, &meant, err);

	(void)ctl;
	if (!r && !options->output && isatty(STDOUT_FILENO))
		return usage_error(err, "a compiled policy is nothing to read: -o FILE, or redirect it");
	r = r ?: sl_rules_read_file(words[0], &rules, err);
	r = r ?: sl_rules_compile(rules, &resolver, &block, &size, &unresolved, err);
	if (!r && options->output)
		r = save_file(options->output, block, size, err);
	else if (!r && (fwrite(block, 1, size, stdout) != size || fflush(stdout)))
		r = sl_errno(err, errno, "cannot write the output");
	if (!r && unresolved)
		fprintf(stderr,
			"sluicectl: %u places name a workload that is not known here, and match nothing: "
			"--workload NAME says who it is\n",
			unresolved);
	free(block);
	sl_rules_free(rules);
	return r;
}
