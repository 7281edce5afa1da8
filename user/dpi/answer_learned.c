// SPDX-License-Identifier: BSD-2-Clause
/*
 * What mode discover has seen, over the control socket, a page at a time.
 *
 * Invariant: sorted, so that a page goes on where the last one ended whatever
 * came in between; what is forgotten was in the answer's pages or is counted.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dpi/answer_own.h"
#include "dpi/decide/engine.h"
#include "dpi/inspect/application.h"
#include "dpi/policy/learn.h"
#include "dpi/policy/policies.h"

#define LETTER_MS 5000
#define LEARNED_MAX 65536
#define LEARNED_SHOWN 96 /* of 500 bytes at most, with the longest name */

struct learned {
	struct sl_learn *all;
	bool clear;
};

/* In the worker. */
static void collect_learned(void *context, void *arg)
{
	struct sl_learn *own = sl_engine_learn(context);
	struct learned *learned = arg;

	sl_learn_merge(learned->all, own);
	if (learned->clear)
		sl_learn_clear(own);
}

static json_t *seen_json(const struct sl_seen *seen, const char *name)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char text[INET6_ADDRSTRLEN];
	json_t *item;

	if (!memcmp(seen->peer.byte, mapped, sizeof(mapped)))
		inet_ntop(AF_INET, seen->peer.byte + 12, text, sizeof(text));
	else
		inet_ntop(AF_INET6, seen->peer.byte, text, sizeof(text));
	item = json_pack("{si ss ss si si si si ss}", "workload", (int)seen->workload, "direction",
			 seen->ingress ? "ingress" : "egress", "peer", text, "peer_workload",
			 (int)seen->peer_workload, "protocol", (int)seen->protocol, "port", (int)seen->port,
			 "application_id", (int)seen->application, "application",
			 sl_application_name(seen->application));
	/* Left out if it is no text that JSON can have: what a name server says is not ours. */
	if (item && *name)
		json_object_set_new(item, "peer_name", json_string(name));
	return item;
}

static int compare_addresses(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct sl_addr));
}

/* The peers that were asked for by name are known by it: those that workloads went to, and are none themselves. */
static bool is_named(const struct sl_seen *seen)
{
	return !seen->ingress && !seen->peer_workload;
}

/* One page. False: no memory. */
static bool append_page(struct sl_policies *policies, const struct sl_seen *list, size_t n, json_t *items)
{
	struct sl_addr address[LEARNED_SHOWN], *at;
	sl_policy_name *name = malloc(LEARNED_SHOWN * sizeof(*name));
	size_t addresses = 0, kept = 0;

	if (!name)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (is_named(&list[i]))
			address[addresses++] = list[i].peer;
	}
	qsort(address, addresses, sizeof(*address), compare_addresses);
	for (size_t i = 0; i < addresses; i++) {
		if (!kept || compare_addresses(&address[kept - 1], &address[i]))
			address[kept++] = address[i];
	}
	sl_policies_names_of(policies, address, kept, name);
	for (size_t i = 0; i < n; i++) {
		at = is_named(&list[i])
			     ? bsearch(&list[i].peer, address, kept, sizeof(*address), compare_addresses)
			     : NULL;
		json_array_append_new(items, seen_json(&list[i], at ? name[at - address] : ""));
	}
	free(name);
	return true;
}

json_t *sl_answer_learned(struct sl_request *request, struct sl_err *err)
{
	json_int_t after = json_integer_value(json_object_get(request->fields, "after"));
	struct learned learned = { .clear = json_is_true(json_object_get(request->fields, "clear")) };
	json_t *items = NULL, *result = NULL;
	struct sl_seen *list = NULL;
	size_t n = 0, from, shown;
	int r = 0;

	if (!sl_can_inspect(request, "learned", err) || sl_learn_open(&learned.all, LEARNED_MAX, err) < 0)
		return NULL;
	for (uint32_t q = 0; q < request->view->queues && !r; q++)
		r = sl_mailbox_ask(&request->view->workers[q].mailbox, collect_learned, &learned, LETTER_MS);
	if (r < 0) {
		sl_errno(err, -r, "learned: a worker did not answer");
		goto out;
	}
	list = sl_learn_list(learned.all, &n);
	items = json_array();
	if (!list || !items || after < 0) {
		sl_errno(err, after < 0 ? EINVAL : ENOMEM, "learned");
		goto out;
	}
	from = (size_t)after < n ? (size_t)after : n;
	shown = n - from < LEARNED_SHOWN ? n - from : LEARNED_SHOWN;
	if (!append_page(request->view->policies, list + from, shown, items)) {
		sl_errno(err, ENOMEM, "learned");
		goto out;
	}
	result = json_pack("{sO sI}", "items", items, "missed", (json_int_t)sl_learn_missed(learned.all));
	if (result && from + shown < n)
		json_object_set_new(result, "next", json_integer((json_int_t)from + (json_int_t)shown));
out:
	json_decref(items);
	free(list);
	sl_learn_close(learned.all);
	return result;
}
