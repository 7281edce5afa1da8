// SPDX-License-Identifier: BSD-2-Clause
/* The policy by request; see policy_commands.h for the invariant. */
#include "sluiced/policy_commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policyfile/rules.h"
#include "sluiced/policy.h"

#define SOURCE_MAX 128

/* A pipe or a device could have us wait for ever. *ret is malloc'ed. */
static int read_descriptor(int fd, char **ret, size_t *ret_len, struct sl_err *err)
{
	struct stat st;
	size_t len = 0;
	ssize_t n = 1;
	char *text;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return sl_err(err, EINVAL, "the descriptor passed is not of a file: pass a memory file");
	if (st.st_size > SL_RULES_FILE_MAX)
		return sl_err(err, E2BIG, "the policy is longer than %u MiB", SL_RULES_FILE_MAX >> 20);
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return sl_err(err, ENOMEM, "no memory for a policy of %lld bytes", (long long)st.st_size);
	while (n > 0 && len < (size_t)st.st_size) {
		n = pread(fd, text + len, (size_t)st.st_size - len, (off_t)len);
		len += n > 0 ? (size_t)n : 0;
	}
	if (n < 0) {
		n = sl_errno(err, errno, "cannot read the policy passed");
		free(text);
		return (int)n;
	}
	text[len] = '\0';
	*ret = text;
	*ret_len = len;
	return 0;
}

int policy_command_apply(struct instance *inst, const json_t *request, struct passed *passed,
			 json_t **ret_result, struct sl_err *err)
{
	const json_t *field = json_object_get(request, "text");
	const char *name = json_string_value(json_object_get(request, "name")) ?: "the policy";
	bool dry_run = json_is_true(json_object_get(request, "dry_run"));
	char *text = NULL;
	size_t len = 0;
	int r;

	if (!!field + (passed->given >= 0) != 1)
		return sl_err(err, EINVAL, "policy_apply needs either text, or a descriptor of it");
	if (strlen(name) > SOURCE_MAX)
		return sl_err(err, EINVAL, "the name must have at most %d bytes", SOURCE_MAX);
	if (field)
		return policy_apply(inst->policy, json_string_value(field), json_string_length(field), name,
				    dry_run, ret_result, err);
	r = read_descriptor(passed->given, &text, &len, err);
	if (!r)
		r = policy_apply(inst->policy, text, len, name, dry_run, ret_result, err);
	free(text);
	return r;
}

static int memory_file(const char *text, size_t len, struct sl_err *err)
{
	int fd = memfd_create("policy", MFD_CLOEXEC | MFD_ALLOW_SEALING), r;
	size_t done = 0;
	ssize_t n = 0;

	if (fd < 0)
		return sl_errno(err, errno, "cannot make a memory file for the policy");
	while (n >= 0 && done < len) {
		n = write(fd, text + done, len - done);
		done += n > 0 ? (size_t)n : 0;
	}
	if (n < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)) {
		r = sl_errno(err, errno, "cannot write a memory file for the policy");
		close(fd);
		return r;
	}
	return fd;
}

int policy_command_show(struct instance *inst, const json_t *request, struct passed *passed,
			json_t **ret_result, struct sl_err *err)
{
	const char *text;
	json_t *result;
	int fd, r;

	(void)request;
	if (passed->given >= 0)
		return sl_err(err, EINVAL, "policy_show takes no descriptor");
	r = policy_show(inst->policy, &result, &text, err);
	if (r)
		return r;
	fd = memory_file(text, strlen(text), err);
	if (fd < 0) {
		json_decref(result);
		return fd;
	}
	passed->back = fd;
	*ret_result = result;
	return 0;
}
