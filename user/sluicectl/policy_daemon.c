// SPDX-License-Identifier: BSD-2-Clause
/*
 * sluicectl policy apply, show and learned: policies to and from the daemon,
 * as memory files, because they may be longer than a message; and what the
 * core has learned, folded into one.
 *
 * Invariant: nothing is sent before the file was found valid here; what is
 * printed or written as a policy reads back.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policyfile/compile.h"
#include "policyfile/fold.h"
#include "policyfile/rules.h"
#include "sluice/abi.h"
#include "sluicectl/client.h"
#include "sluicectl/output.h"
#include "sluicectl/policy.h"

/* 0 or -errno. */
static int write_all(int fd, const char *text, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(fd, text + done, len - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int memory_file(const char *text, struct sl_err *err)
{
	int fd = memfd_create("policy", MFD_CLOEXEC), r;

	r = fd < 0 ? -errno : write_all(fd, text, strlen(text));
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

/* Everything the core has seen, and the workloads to call by their names. */
struct learned {
	struct sl_seen *seen;
	size_t n, room;
	unsigned long long missed;
	char *names[SL_ID_MAX + 1];
};

static int read_seen(const json_t *item, struct sl_seen *ret, struct sl_err *err)
{
	const char *peer = member_text(item, "peer"), *direction = member_text(item, "direction");
	struct sl_seen seen = { 0 };

	seen.workload = (uint16_t)member_number(item, "workload");
	seen.peer_workload = (uint16_t)member_number(item, "peer_workload");
	seen.port = (uint16_t)member_number(item, "port");
	seen.application = (uint16_t)member_number(item, "application_id");
	seen.protocol = (uint8_t)member_number(item, "protocol");
	seen.ingress = direction && !strcmp(direction, "ingress");
	if (!peer || !direction || !seen.workload)
		return sl_err(err, EPROTO, "the core's answer is malformed; are both of one version?");
	if (inet_pton(AF_INET6, peer, seen.peer.byte) != 1) {
		if (inet_pton(AF_INET, peer, seen.peer.byte + 12) != 1)
			return sl_err(err, EPROTO, "the core names '%.64s', which is no address", peer);
		seen.peer.byte[10] = seen.peer.byte[11] = 0xff;
	}
	if (seen.peer_workload)
		memset(&seen.peer, 0, sizeof(seen.peer));
	*ret = seen;
	return 0;
}

static int add_seen(struct learned *learned, const json_t *item, struct sl_err *err)
{
	struct sl_seen *more;
	int r;

	if (learned->n == learned->room) {
		learned->room = learned->room ? 2 * learned->room : 256;
		more = reallocarray(learned->seen, learned->room, sizeof(*more));
		if (!more)
			return sl_err(err, ENOMEM, "no memory for what was learned");
		learned->seen = more;
	}
	r = read_seen(item, &learned->seen[learned->n], err);
	learned->n += !r;
	return r;
}

/* Sorted by the core: what comes in between may come twice, never be left out. */
static int fetch_seen(int fd, struct learned *learned, struct sl_err *err)
{
	json_int_t after = 0, next;
	json_t *request, *page = NULL, *item;
	size_t i;
	int r;

	do {
		request = json_pack("{ss sI}", "cmd", "learned", "after", after);
		r = request ? client_ask_core(fd, request, &page, err)
			    : sl_err(err, ENOMEM, "no memory for the request");
		json_decref(request);
		if (r)
			return r;
		json_array_foreach (json_object_get(page, "items"), i, item)
			r = r ?: add_seen(learned, item, err);
		learned->missed = member_number(page, "missed");
		next = json_integer_value(json_object_get(page, "next"));
		json_decref(page);
		if (!r && next && next <= after)
			r = sl_err(err, EPROTO, "the core's next page is not behind this one");
		after = next;
	} while (!r && next);
	return r;
}

static int forget_seen(int fd, struct sl_err *err)
{
	json_t *request = json_pack("{ss sI sb}", "cmd", "learned", "after", (json_int_t)0, "clear", 1);
	json_t *page = NULL;
	int r = request ? client_ask_core(fd, request, &page, err)
			: sl_err(err, ENOMEM, "no memory for the request");

	json_decref(page);
	json_decref(request);
	return r;
}

static int fetch_names(struct ctl *ctl, struct learned *learned, struct sl_err *err)
{
	json_t *request = client_request("workloads", err), *list = NULL, *item;
	int r = request ? client_list(ctl, request, &list, err) : -ENOMEM;
	size_t i;

	json_array_foreach (json_object_get(list, "items"), i, item) {
		__u64 id = member_number(item, "id");
		const char *name = member_text(item, "name");

		if (!r && id && id <= SL_ID_MAX && name && *name && !learned->names[id]) {
			learned->names[id] = strdup(name);
			if (!learned->names[id])
				r = sl_err(err, ENOMEM, "no memory for names");
		}
	}
	json_decref(list);
	json_decref(request);
	return r;
}

static const char *name_of(void *context, uint16_t workload)
{
	struct learned *learned = context;

	return learned->names[workload];
}

/* Leaves those of one workload alone, by name or id. */
static void choose(struct learned *learned, const char *workload)
{
	char *end;
	unsigned long id = strtoul(workload, &end, 10);
	size_t kept = 0;

	for (size_t i = 0; i < learned->n; i++) {
		const char *name = learned->names[learned->seen[i].workload];

		if ((name && !strcmp(name, workload)) || (!*end && learned->seen[i].workload == id))
			learned->seen[kept++] = learned->seen[i];
	}
	learned->n = kept;
}

/* Written beside and renamed over: who reads it meanwhile sees the old one or the new one. */
static int write_file(const char *path, const char *text, struct sl_err *err)
{
	char *beside = NULL;
	int fd, r;

	if (asprintf(&beside, "%s.new", path) < 0)
		return sl_err(err, ENOMEM, "no memory for the path %s", path);
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	r = fd < 0 ? -errno : write_all(fd, text, strlen(text));
	if (fd >= 0 && close(fd) && !r)
		r = -errno;
	if (!r && rename(beside, path))
		r = -errno;
	if (r && fd >= 0)
		unlink(beside);
	free(beside);
	return r ? sl_errno(err, r, "cannot write %s", path) : 0;
}

static int print_learned(const struct ctl *ctl, const struct learned *learned, const struct sl_rules *rules,
			 const char *output, struct sl_err *err)
{
	char comment[160] =
		"Learned from traffic. Review it, set the mode, then: sluicectl policy apply FILE",
	     *text;
	int r = 0;

	if (learned->missed)
		snprintf(comment, sizeof(comment),
			 "Learned from traffic, but not all of it: %llu sessions did not fit. Fetch it with "
			 "--clear, and again later",
			 learned->missed);
	if (ctl->json && !output)
		return policy_print(ctl, rules, err);
	text = ctl->json ? sl_rules_json(rules) : sl_rules_yaml(rules, comment);
	if (!text)
		return sl_err(err, ENOMEM, "no memory for the rules");
	if (output)
		r = write_file(output, text, err);
	else
		fputs(text, stdout);
	free(text);
	return r;
}

int policy_learned(struct ctl *ctl, const struct policy_options *options, struct sl_err *err)
{
	struct learned *learned = calloc(1, sizeof(*learned));
	struct sl_rules *rules = NULL;
	int fd, r;

	if (!learned)
		return sl_err(err, ENOMEM, "no memory for what was learned");
	r = fd = client_core(ctl, err);
	if (fd >= 0)
		r = fetch_seen(fd, learned, err) ?: fetch_names(ctl, learned, err);
	if (!r && options->workload)
		choose(learned, options->workload);
	r = r ?: sl_rules_fold(learned->seen, learned->n, name_of, learned, &rules, err);
	r = r ?: print_learned(ctl, learned, rules, options->output, err);
	/* Only what is safe is forgotten. */
	if (!r && options->clear)
		r = fflush(stdout) ? sl_errno(err, errno, "cannot write the output") : forget_seen(fd, err);
	if (fd >= 0)
		close(fd);
	sl_rules_free(rules);
	free(learned->seen);
	for (size_t i = 0; i <= SL_ID_MAX; i++)
		free(learned->names[i]);
	free(learned);
	return r;
}
