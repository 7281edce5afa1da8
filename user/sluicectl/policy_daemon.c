// SPDX-License-Identifier: BSD-2-Clause
/*
 * sluicectl policy apply and show: policies to and from the daemon, as memory
 * files, because they may be longer than a message.
 *
 * Invariant: nothing is sent before the file was found valid here; what is
 * printed or written as a policy reads back.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policyfile/compile.h"
#include "policyfile/rules.h"
#include "sluice/abi.h"
#include "sluicectl/client.h"
#include "sluicectl/output.h"
#include "sluicectl/policy.h"
#include "sluicectl/save.h"

static int memory_file(const char *text, struct sl_err *err)
{
	int fd = memfd_create("policy", MFD_CLOEXEC), r;

	r = fd < 0 ? -errno : save_all(fd, text, strlen(text));
	if (r && fd >= 0)
		close(fd);
	return r ? sl_errno(err, r, "cannot make a memory file for the policy") : fd;
}

static int print_applied(const struct ctl *ctl, const json_t *result, bool dry_run, struct sl_err *err)
{
	json_t *warnings = json_object_get(result, "warnings"), *warning;
	size_t i;

	if (ctl->json)
		return print_json(ctl, result, err);
	printf("%s: %llu rules, generation %llu%s\n", dry_run ? "valid, not applied" : "applied",
	       member_number(result, "rules"), member_number(result, "generation"),
	       dry_run || json_is_true(json_object_get(result, "in_force"))
		       ? ""
		       : "; no core has taken it yet, see sluicectl status");
	json_array_foreach (warnings, i, warning) {
		char *text = strdup(json_string_value(warning) ?: "?");

		if (!text)
			return sl_err(err, ENOMEM, "no memory for the warnings");
		make_printable(text);
		printf("warning: %s\n", text);
		free(text);
	}
	return 0;
}

int policy_apply(struct ctl *ctl, char **words, const struct policy_options *options, struct sl_err *err)
{
	json_t *request = NULL, *result = NULL;
	struct sl_rules *rules = NULL;
	void *block = NULL;
	char *text = NULL;
	size_t size;
	int fd = -1, r = sl_rules_read_file(words[0], &rules, err);

	r = r ?: sl_rules_compile(rules, NULL, &block, &size, NULL, err);
	if (!r) {
		text = sl_rules_json(rules);
		request = json_pack("{ss sb}", "cmd", "policy_apply", "dry_run", options->dry_run);
		fd = text && request ? memory_file(text, err)
				     : sl_err(err, ENOMEM, "no memory for the request");
		r = fd < 0 ? fd : 0;
	}
	r = r ?: client_call_passing(ctl, request, fd, &result, NULL, err);
	r = r ?: print_applied(ctl, result, options->dry_run, err);
	if (fd >= 0)
		close(fd);
	json_decref(result);
	json_decref(request);
	free(text);
	free(block);
	sl_rules_free(rules);
	return r;
}

/* What the daemon has passed. */
static int read_passed(int fd, struct sl_rules **ret, struct sl_err *err)
{
	struct stat st;
	void *text;
	int r;

	if (fd < 0 || fstat(fd, &st) || !st.st_size || st.st_size > SL_RULES_FILE_MAX)
		return sl_err(err, EPROTO, "sluiced has not passed the policy; are both of one version?");
	text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (text == MAP_FAILED)
		return sl_errno(err, errno, "cannot read the policy passed by sluiced");
	r = sl_rules_read(text, (size_t)st.st_size, "sluiced's policy", ret, err);
	munmap(text, (size_t)st.st_size);
	return r;
}

int policy_show_daemon(struct ctl *ctl, struct sl_err *err)
{
	json_t *request = client_request("policy_show", err), *result = NULL;
	struct sl_rules *rules = NULL;
	int fd = -1, r = request ? 0 : -ENOMEM;

	r = r ?: client_call_passing(ctl, request, -1, &result, &fd, err);
	r = r ?: read_passed(fd, &rules, err);
	r = r ?: policy_print(ctl, rules, err);
	if (fd >= 0)
		close(fd);
	sl_rules_free(rules);
	json_decref(result);
	json_decref(request);
	return r;
}
