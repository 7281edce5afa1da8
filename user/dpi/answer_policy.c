// SPDX-License-Identifier: BSD-2-Clause
/*
 * Policy, names, addresses and figures, over the control socket.
 *
 * Invariant: a policy that is not valid as a whole changes nothing; workers
 * change to a new one between two batches of frames, all of it at once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dpi/answer_own.h"
#include "dpi/decide/engine.h"
#include "dpi/event/reporter.h"
#include "dpi/figures.h"
#include "dpi/policy/policies.h"
#include "lib/clock.h"

#define TAKE_MS 500

/* In the worker: from here on it goes by the policy that was just set. */
static void take_policy(void *context, void *arg)
{
	(void)arg;
	sl_engine_turn(context, sl_engine_now(context));
}

/* Whoever is answered may count on it. A worker that does not come to it is stuck, and forwards nothing. */
static void take_in_all(const struct sl_view *view)
{
	for (uint32_t q = 0; q < view->queues; q++)
		sl_mailbox_ask(&view->workers[q].mailbox, take_policy, NULL, TAKE_MS);
}

json_t *sl_answer_policy(struct sl_request *request, struct sl_err *err)
{
	bool agent = json_is_true(json_object_get(request->fields, "agent"));
	struct sl_policies *policies = agent ? request->view->agents : request->view->policies;
	struct sl_policy *policy = NULL;
	uint64_t generation;
	uint32_t rules;
	size_t size;

	if (!sl_can_inspect(request, "policy", err))
		return NULL;
	if (!policies) {
		sl_err(err, ENOSYS, "policy: this core expects no agent (--agent)");
		return NULL;
	}
	if (request->fd < 0) {
		sl_policies_reclaim(policies);
		return json_pack("{sI}", "generation", (json_int_t)sl_policies_generation(policies));
	}
	if (sl_policy_open_fd(request->fd, &policy, err) < 0)
		return NULL;
	rules = sl_policy_rules(policy);
	size = sl_policy_size(policy);
	sl_policy_set_number(policy,
			     (uint32_t)json_integer_value(json_object_get(request->fields, "number")));
	generation = sl_policies_set(policies, policy, sl_clock_ns());
	take_in_all(request->view);
	return json_pack("{sI sI sI}", "generation", (json_int_t)generation, "rules", (json_int_t)rules,
			 "bytes", (json_int_t)size);
}

json_t *sl_answer_addresses(struct sl_request *request, struct sl_err *err)
{
	struct sl_peers *peers = NULL;
	uint32_t count;

	if (!sl_can_inspect(request, "addresses", err))
		return NULL;
	if (request->fd < 0) {
		sl_err(err, EINVAL, "addresses: a memory file of them must come with the request");
		return NULL;
	}
	if (sl_peers_open_fd(request->fd, &peers, err) < 0)
		return NULL;
	count = sl_peers_count(peers);
	sl_policies_set_peers(request->view->policies, peers);
	take_in_all(request->view);
	return json_pack("{sI}", "addresses", (json_int_t)count);
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
