// SPDX-License-Identifier: BSD-2-Clause
/*
 * `intercept --all-containers`: one after the other, so that each is cut off
 * for its own few milliseconds only, and none waits for the others.
 *
 * Invariant: every container is accounted for in the end, as taken, as taken
 * before, or as refused with the reason.
 */
#include "sluicectl/all_containers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sluicectl/client.h"
#include "sluicectl/output.h"

struct sweep {
	struct ctl *ctl;
	json_t *request;
	json_t *taken, *refused; /* for JSON */
	size_t n, done, containers, ports, before, failed;
	bool rewrite; /* stdout is a terminal: one line for the progress */
};

/* What the terminal shows of a name: containers may be called anything. */
static const char *shown(const json_t *container, char text[80])
{
	snprintf(text, 80, "%.79s", json_string_value(json_object_get(container, "name")) ?: "?");
	make_printable(text);
	return text;
}

static void say(const struct sweep *sweep, const json_t *container, const char *what, bool lasting)
{
	char name[80], line[600];

	if (sweep->ctl->json)
		return;
	snprintf(line, sizeof(line), "%s", what);
	make_printable(line);
	/* Back to the beginning of the line, and what was there goes. */
	if (sweep->rewrite)
		fputs("\r\033[K", stdout);
	printf("%zu of %zu  %s: %s", sweep->done, sweep->n, shown(container, name), line);
	if (!sweep->rewrite || lasting)
		putchar('\n');
	fflush(stdout);
}

static int note_refusal(struct sweep *sweep, const json_t *container, const struct sl_err *why)
{
	char text[560];

	snprintf(text, sizeof(text), "refused: %s", why->text);
	say(sweep, container, text, true);
	sweep->failed++;
	return json_array_append_new(sweep->refused,
				     json_pack("{sO sO ss ss}", "id", json_object_get(container, "id"),
					       "name", json_object_get(container, "name"), "errno",
					       strerrorname_np(why->code) ?: "EPROTO", "message", why->text));
}

static int take(struct sweep *sweep, json_t *container, struct sl_err *err)
{
	const char *id = json_string_value(json_object_get(container, "id"));
	struct sl_err why = { 0 };
	json_t *result = NULL;
	char text[160];
	size_t ports;
	int r;

	snprintf(text, sizeof(text), "container:%.120s", id ?: "");
	if (json_object_set_new(sweep->request, "target", json_string(text)))
		return sl_err(err, ENOMEM, "no memory for the request");
	r = client_call(sweep->ctl, sweep->request, &result, &why);
	sweep->done++;
	/* Without a daemon there is nobody to ask about the others. */
	if (r == -ECONNREFUSED || r == -ENOENT) {
		if (*sweep->ctl->hint) {
			*err = why;
			return r;
		}
	}
	if (r == -EEXIST) {
		sweep->before++;
		say(sweep, container, "taken already", false);
		return 0;
	}
	if (r)
		return note_refusal(sweep, container, &why) ? sl_err(err, ENOMEM, "no memory for the result")
							    : 0;
	ports = json_array_size(json_object_get(result, "items"));
	sweep->containers++;
	sweep->ports += ports;
	snprintf(text, sizeof(text), "%zu %s", ports, ports == 1 ? "port" : "ports");
	say(sweep, container, text, false);
	if (json_array_extend(sweep->taken, json_object_get(result, "items")))
		r = sl_err(err, ENOMEM, "no memory for the result");
	json_decref(result);
	return r;
}

static int conclude(const struct sweep *sweep, bool dry_run, struct sl_err *err)
{
	json_t *all;
	int r;

	if (!sweep->ctl->json) {
		if (sweep->rewrite && sweep->done)
			fputs("\r\033[K", stdout);
		printf("%zu of %zu containers %s (%zu ports), %zu taken already, %zu refused\n",
		       sweep->containers, sweep->n, dry_run ? "could be taken" : "taken", sweep->ports,
		       sweep->before, sweep->failed);
		return 0;
	}
	all = json_pack("{sI sO sI sO}", "containers", (json_int_t)sweep->n, "items", sweep->taken, "already",
			(json_int_t)sweep->before, "refused", sweep->refused);
	if (!all)
		return sl_err(err, ENOMEM, "no memory for the result");
	r = print_json(sweep->ctl, all, err);
	json_decref(all);
	return r;
}

int all_containers(struct ctl *ctl, json_t *request, struct sl_err *err)
{
	struct sweep sweep = { .ctl = ctl,
			       .request = request,
			       .taken = json_array(),
			       .refused = json_array(),
			       .rewrite = isatty(STDOUT_FILENO) };
	json_t *ask = client_request("containers", err), *list = NULL, *container;
	const json_t *items;
	size_t i;
	int r = ask && sweep.taken && sweep.refused ? 0 : sl_err(err, ENOMEM, "no memory for the request");

	if (!r)
		r = client_list(ctl, ask, &list, err);
	items = json_object_get(list, "items");
	sweep.n = json_array_size(items);
	for (i = 0; !r && i < sweep.n; i++) {
		container = json_array_get(items, i);
		r = take(&sweep, container, err);
	}
	if (!r)
		r = conclude(&sweep, json_is_true(json_object_get(request, "dry_run")), err);
	if (!r && sweep.failed)
		r = CTL_BAD;
	json_decref(list);
	json_decref(ask);
	json_decref(sweep.taken);
	json_decref(sweep.refused);
	return r;
}
