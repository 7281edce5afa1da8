// SPDX-License-Identifier: BSD-2-Clause
/*
 * sluicectl policy learned: what mode discover has seen, as a policy file.
 *
 * Invariant: the core forgets only what has been written; a file that is being
 * replaced is there whole at any time.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyfile/fold.h"
#include "sluicectl/client.h"
#include "sluicectl/output.h"
#include "sluicectl/policy.h"
#include "sluicectl/save.h"

/* Everything the core has seen, and the workloads to call by their names. */
struct learned {
	struct sl_seen *seen;
	char **host; /* of each, the name it was asked for by, NULL if there is none */
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
	const char *host = member_text(item, "peer_name");
	size_t room = learned->room ? 2 * learned->room : 256;
	struct sl_seen *more;
	char **hosts;
	int r;

	if (learned->n == learned->room) {
		more = reallocarray(learned->seen, room, sizeof(*more));
		learned->seen = more ?: learned->seen;
		hosts = reallocarray(learned->host, room, sizeof(*hosts));
		learned->host = hosts ?: learned->host;
		if (!more || !hosts)
			return sl_err(err, ENOMEM, "no memory for what was learned");
		learned->room = room;
	}
	r = read_seen(item, &learned->seen[learned->n], err);
	if (r)
		return r;
	learned->host[learned->n] = host ? strdup(host) : NULL;
	if (host && !learned->host[learned->n])
		return sl_err(err, ENOMEM, "no memory for what was learned");
	learned->n++;
	return 0;
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

static const char *host_of(void *context, const struct sl_seen *seen)
{
	struct learned *learned = context;

	return learned->host[seen - learned->seen];
}

/* Leaves those of one workload alone, by name or id. */
static void choose(struct learned *learned, const char *workload)
{
	char *end;
	unsigned long id = strtoul(workload, &end, 10);
	size_t kept = 0;

	for (size_t i = 0; i < learned->n; i++) {
		const char *name = learned->names[learned->seen[i].workload];

		if ((name && !strcmp(name, workload)) || (!*end && learned->seen[i].workload == id)) {
			learned->seen[kept] = learned->seen[i];
			learned->host[kept++] = learned->host[i];
		} else {
			free(learned->host[i]);
		}
	}
	learned->n = kept;
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
		r = save_file(output, text, strlen(text), err);
	else
		fputs(text, stdout);
	free(text);
	return r;
}

int policy_learned(struct ctl *ctl, const struct policy_options *options, struct sl_err *err)
{
	struct learned *learned = calloc(1, sizeof(*learned));
	struct sl_fold_names names = { name_of, options->addresses ? NULL : host_of, learned };
	struct sl_rules *rules = NULL;
	int fd, r;

	if (!learned)
		return sl_err(err, ENOMEM, "no memory for what was learned");
	r = fd = client_core(ctl, err);
	if (fd >= 0)
		r = fetch_seen(fd, learned, err) ?: fetch_names(ctl, learned, err);
	if (!r && options->n_workloads)
		choose(learned, options->workload[0]);
	r = r ?: sl_rules_fold(learned->seen, learned->n, &names, &rules, err);
	r = r ?: print_learned(ctl, learned, rules, options->output, err);
	/* Only what is safe is forgotten. */
	if (!r && options->clear)
		r = fflush(stdout) ? sl_errno(err, errno, "cannot write the output") : forget_seen(fd, err);
	if (fd >= 0)
		close(fd);
	sl_rules_free(rules);
	for (size_t i = 0; i < learned->n; i++)
		free(learned->host[i]);
	free(learned->host);
	free(learned->seen);
	for (size_t i = 0; i <= SL_ID_MAX; i++)
		free(learned->names[i]);
	free(learned);
	return r;
}
