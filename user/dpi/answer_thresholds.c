// SPDX-License-Identifier: BSD-2-Clause
/*
 * Thresholds of a running core: shown, and changed in every worker by a letter.
 *
 * Invariant: a request with anything wrong in it changes nothing; all workers
 * go by the same, but for one that is stuck, which goes by it once it opens
 * the letter of the next change.
 */
#include <errno.h>
#include <string.h>

#include "dpi/answer_own.h"
#include "dpi/decide/engine.h"
#include "lib/log.h"
#include "lib/thresholds.h"

#define LETTER_MS 500

static json_t *thresholds_json(const struct sl_thresholds *thresholds, struct sl_err *err)
{
	struct sl_thresholds copy = *thresholds;
	json_t *object = json_object();
	const struct sl_threshold *what;

	for (unsigned int i = 0; object && (what = sl_threshold(i)); i++) {
		if (json_object_set_new(object, what->name, json_integer(*sl_threshold_of(&copy, i))) < 0) {
			json_decref(object);
			object = NULL;
		}
	}
	if (!object)
		sl_errno(err, ENOMEM, "thresholds");
	return object;
}

static int read_set(json_t *set, struct sl_thresholds *thresholds, struct sl_err *err)
{
	const struct sl_threshold *what;
	const char *key;
	json_t *field;
	int i;

	json_object_foreach (set, key, field) {
		i = sl_threshold_find(key);
		if (i < 0)
			return sl_err(err, EINVAL, "thresholds: there is none called \"%.64s\"", key);
		what = sl_threshold((unsigned int)i);
		if (!json_is_integer(field) || json_integer_value(field) < 0 ||
		    json_integer_value(field) > what->max)
			return sl_err(err, EINVAL, "thresholds: \"%s\" must be a whole number from 0 to %u",
				      what->name, what->max);
		*sl_threshold_of(thresholds, (unsigned int)i) = (__u32)json_integer_value(field);
	}
	return sl_thresholds_check(thresholds, err);
}

/* In the worker. */
static void set_thresholds(void *context, void *arg)
{
	sl_engine_set_thresholds(context, arg);
}

static void get_thresholds(void *context, void *arg)
{
	sl_engine_thresholds(context, arg);
}

json_t *sl_answer_thresholds(struct sl_request *request, struct sl_err *err)
{
	json_t *set = json_object_get(request->fields, "set");
	const struct sl_view *view = request->view;
	struct sl_thresholds thresholds;
	int r;

	if (!sl_can_inspect(request, "thresholds", err))
		return NULL;
	r = sl_mailbox_ask(&view->workers[0].mailbox, get_thresholds, &thresholds, LETTER_MS);
	if (r < 0) {
		sl_errno(err, -r, "thresholds: a worker did not answer");
		return NULL;
	}
	if (set && read_set(set, &thresholds, err) < 0)
		return NULL;
	for (uint32_t q = 0; set && q < view->queues; q++) {
		if (sl_mailbox_ask(&view->workers[q].mailbox, set_thresholds, &thresholds, LETTER_MS) < 0)
			sl_warn("thresholds: the worker of queue %u did not answer and goes by the old ones",
				q);
	}
	return thresholds_json(&thresholds, err);
}
