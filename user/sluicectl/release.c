// SPDX-License-Identifier: BSD-2-Clause
/* sluicectl release: gives ports back. */
#include <stdio.h>

#include "sluicectl/client.h"
#include "sluicectl/output.h"
#include "sluicectl/workload.h"

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err);

const struct verb verb_release = {
	.name = "release",
	.arguments = "TARGET [--port NAME]... | --id N | --all",
	.summary = "Gives ports back to their workloads",
	.help = "TARGET is as in intercept.\n"
		"\n"
		"  --port NAME[,NAME]...  only these ports of TARGET; can be repeated\n"
		"  --id N                 the port with that id\n"
		"  --all                  every port of the instance\n"
		"\n"
		"Example:\n"
		"  sluicectl release container:web\n",
	.run = run,
};

enum { OPT_PORT = OPT_FIRST, OPT_ID, OPT_ALL };

static const struct option options[] = {
	{ "port", required_argument, NULL, OPT_PORT },
	{ "id", required_argument, NULL, OPT_ID },
	{ "all", no_argument, NULL, OPT_ALL },
	VERB_OPTIONS,
};

static int read_words(struct ctl *ctl, json_t *request, int argc, char **argv, struct sl_err *err)
{
	bool all = false;
	int c, r = 0, used = 0;

	while (!r && (c = verb_option(ctl, &verb_release, argc, argv, options, err))) {
		if (c < 0)
			return c;
		if (c == OPT_PORT)
			r = put_names(request, "ports", optarg, err);
		else if (c == OPT_ID)
			r = put_id(request, optarg, err);
		else
			all = true;
	}
	if (!r)
		r = put_selection(request, argc, argv, all, &used, err);
	if (!r)
		r = check_words(argc, argv, used, used, "TARGET", err);
	if (!r && !used && json_object_get(request, "ports"))
		r = usage_error(err, "--port goes with a TARGET");
	return r;
}

static int print_released(const json_t *result, struct sl_err *err)
{
	const json_t *items = json_object_get(result, "items"), *item;
	struct table *table;
	size_t i;
	int r;

	if (!json_array_size(items)) {
		puts("Nothing was taken.");
		return 0;
	}
	table = table_new(">ID,NAME,PORT");
	json_array_foreach (items, i, item) {
		table_printf(table, "%llu", (unsigned long long)member_number(item, "id"));
		table_text(table, member_text(item, "name"));
		table_text(table, member_text(item, "port"));
	}
	r = table_print(table, true, err);
	note_if_cut(result);
	return r;
}

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err)
{
	return client_verb(ctl, "release", read_words, print_released, argc, argv, err);
}
