// SPDX-License-Identifier: BSD-2-Clause
/* Repairing without a daemon; see repair.h for the invariant. */
#include "sluiced/repair.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "port/journal.h"
#include "sluiced/instance.h"
#include "sluiced/intercept.h"
#include "sluiced/orphans.h"
#include "sluiced/state.h"

struct report {
	const struct repair_options *options;
	json_t *items;
	unsigned int bad;
};

/* What was found and what comes of it, of one port. */
struct line {
	__u16 id;
	char port[IFNAMSIZ], target[TARGET_LEN];
	char found[JOURNAL_LINE + 64];
	const char *action; /* in words, "nothing" included */
	const char *error; /* NULL: done, or not tried */
};

static void say(struct report *report, const struct line *line)
{
	json_t *item;

	report->bad += line->error || (report->options->dry_run && strcmp(line->action, "nothing") != 0);
	if (!report->options->json) {
		printf("id %u: port %s of %s: %s: %s%s%s\n", line->id, line->port, line->target, line->found,
		       line->action, line->error ? ": " : "", line->error ? line->error : "");
		return;
	}
	item = json_pack("{si ss ss ss ss sb}", "id", line->id, "port", line->port, "target", line->target,
			 "found", line->found, "action", line->action, "done",
			 !line->error && !report->options->dry_run);
	if (item && line->error)
		json_object_set_new(item, "error", json_string(line->error));
	json_array_append_new(report->items, item);
}

static void repair_one(struct instance *inst, struct workload *w, struct report *report)
{
	struct line line = { .id = w->id };
	char journal[SL_PATH_LEN], step[JOURNAL_LINE] = "";
	struct sl_err err;
	enum port_state state = release_look(inst, w);

	snprintf(line.port, sizeof(line.port), "%s", w->port.name);
	snprintf(line.target, sizeof(line.target), "%s", w->target);
	switch (state) {
	case PORT_WORKS:
		snprintf(line.found, sizeof(line.found), "taken, and in order");
		line.action = "nothing";
		break;
	case PORT_DEAD:
		snprintf(line.found, sizeof(line.found), "its namespace is gone");
		line.action = "remove what is left of it";
		break;
	case PORT_HALF:
		if (!state_journal_path(inst->run.ports, w->id, journal, NULL))
			journal_last_line(journal, step);
		snprintf(line.found, sizeof(line.found), "was changing hands (%s)",
			 *step ? step : "no journal tells how far");
		line.action = "bring it home";
		break;
	case PORT_BROKEN:
		snprintf(line.found, sizeof(line.found), "taken, but cut off");
		line.action = "bring it home";
		break;
	}
	if (state != PORT_WORKS && !report->options->dry_run) {
		/* Not by the steps of giving back, which need it whole. */
		w->taken = false;
		if (release(inst, w, &err))
			line.error = err.text;
	}
	say(report, &line);
}

static int finish_report(struct report *report, struct sl_err *err)
{
	json_t *whole;

	if (!report->options->json)
		return 0;
	whole = json_pack("{sO}", "ports", report->items);
	if (!whole || json_dumpf(whole, stdout, JSON_COMPACT)) {
		json_decref(whole);
		return sl_err(err, ENOMEM, "no memory for the report");
	}
	putchar('\n');
	json_decref(whole);
	return 0;
}

int repair_run(const struct sl_conf *conf, const struct repair_options *options, struct sl_err *err)
{
	struct report report = { .options = options };
	struct instance inst;
	struct workload *w;
	__u32 id = 0;
	int r;

	r = instance_open_bare(&inst, conf, err);
	if (r)
		return r;
	report.items = json_array();
	if (!report.items)
		r = sl_err(err, ENOMEM, "no memory for the report");
	if (!r && !options->dry_run)
		r = port_tidy(inst.agent_ns, err);
	if (!r)
		r = orphans_enlist(&inst, true, err);
	while (r >= 0 && (w = workloads_next(inst.workloads, id))) {
		id = w->id;
		repair_one(&inst, w, &report);
	}
	if (r >= 0 && !options->json && !id)
		puts("no port is on record, and none is left without a record");
	if (r >= 0)
		r = finish_report(&report, err);
	json_decref(report.items);
	instance_close(&inst);
	return r ? r : report.bad > 0;
}
