// SPDX-License-Identifier: BSD-2-Clause
/*
 * Policy, names, figures and what was learned, over the control socket.
 *
 * Invariant: a policy that is not valid as a whole changes nothing; workers
 * change to a new one between two batches of frames, all of it at once.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dpi/answer_own.h"
#include "dpi/decide/engine.h"
#include "dpi/event/reporter.h"
#include "dpi/figures.h"
#include "dpi/inspect/application.h"
#include "dpi/policy/learn.h"
#include "dpi/policy/policies.h"
#include "lib/clock.h"

#define LETTER_MS 5000
#define TAKE_MS 500
#define LEARNED_MAX 65536
#define LEARNED_SHOWN 128

/* In the worker: from here on it goes by the policy that was just set. */
static void take_policy(void *context, void *arg)
{
	(void)arg;
	sl_engine_turn(context, sl_engine_now(context));
}

json_t *sl_answer_policy(struct sl_request *request, struct sl_err *err)
{
	struct sl_policies *policies = request->view->policies;
	struct sl_policy *policy = NULL;
	uint64_t generation;
	uint32_t rules;
	size_t size;

	if (!sl_can_inspect(request, "policy", err))
		return NULL;
	if (request->fd < 0) {
		sl_policies_reclaim(policies);
		return json_pack("{sI}", "generation", (json_int_t)sl_policies_generation(policies));
	}
	if (sl_policy_open_fd(request->fd, &policy, err) < 0)
		return NULL;
	rules = sl_policy_rules(policy);
	size = sl_policy_size(policy);
	generation = sl_policies_set(policies, policy, sl_clock_ns());
	/* Whoever is answered may count on it. A worker that does not come to it is stuck, and forwards nothing. */
	for (uint32_t q = 0; q < request->view->queues; q++)
		sl_mailbox_ask(&request->view->workers[q].mailbox, take_policy, NULL, TAKE_MS);
	return json_pack("{sI sI sI}", "generation", (json_int_t)generation, "rules", (json_int_t)rules,
			 "bytes", (json_int_t)size);
}

json_t *sl_answer_names(struct sl_request *request, struct sl_err *err)
{
	json_t *items = json_object_get(request->fields, "items"), *item;
	size_t i;

	if (!sl_can_inspect(request, "names", err))
		return NULL;
	json_array_foreach (items, i, item) {
		json_int_t id = json_integer_value(json_array_get(item, 0));

		if (json_array_size(item) != 2 || id < 1 || id > SL_ID_MAX ||
		    !json_is_string(json_array_get(item, 1))) {
			sl_err(err, EINVAL, "names: \"items\" must be pairs of an id and a name");
			return NULL;
		}
	}
	json_array_foreach (items, i, item) {
		if (sl_reporter_name(request->view->reporter,
				     (uint16_t)json_integer_value(json_array_get(item, 0)),
				     json_string_value(json_array_get(item, 1))) < 0) {
			sl_errno(err, ENOMEM, "names");
			return NULL;
		}
	}
	return json_object();
}

json_t *sl_answer_figures(struct sl_request *request, struct sl_err *err)
{
	struct sl_core_figures figures;

	if (!sl_can_inspect(request, "figures", err) || sl_figures_collect(request->view, &figures, err) < 0)
		return NULL;
	return sl_figures_json(&figures);
}

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

static json_t *seen_json(const struct sl_seen *seen)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char text[INET6_ADDRSTRLEN];

	if (!memcmp(seen->peer.byte, mapped, sizeof(mapped)))
		inet_ntop(AF_INET, seen->peer.byte + 12, text, sizeof(text));
	else
		inet_ntop(AF_INET6, seen->peer.byte, text, sizeof(text));
	return json_pack("{si ss ss si si si si ss}", "workload", (int)seen->workload, "direction",
			 seen->ingress ? "ingress" : "egress", "peer", text, "peer_workload",
			 (int)seen->peer_workload, "protocol", (int)seen->protocol, "port", (int)seen->port,
			 "application_id", (int)seen->application, "application",
			 sl_application_name(seen->application));
}

json_t *sl_answer_learned(struct sl_request *request, struct sl_err *err)
{
	json_int_t after = json_integer_value(json_object_get(request->fields, "after"));
	struct learned learned = { .clear = json_is_true(json_object_get(request->fields, "clear")) };
	json_t *items = NULL, *result = NULL;
	struct sl_seen *list = NULL;
	size_t n = 0, i;
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
	for (i = (size_t)after; i < n && i < (size_t)after + LEARNED_SHOWN; i++)
		json_array_append_new(items, seen_json(&list[i]));
	result = json_pack("{sO sI}", "items", items, "missed", (json_int_t)sl_learn_missed(learned.all));
	if (result && i < n)
		json_object_set_new(result, "next", json_integer((json_int_t)i));
out:
	json_decref(items);
	free(list);
	sl_learn_close(learned.all);
	return result;
}
