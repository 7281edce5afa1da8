// SPDX-License-Identifier: BSD-2-Clause
/* sluicectl trace: makes the programs tell about single frames, and listens. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/maps.h"
#include "sluicectl/client.h"
#include "sluicectl/output.h"
#include "sluicectl/trace_follow.h"

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err);

const struct verb verb_trace = {
	.name = "trace",
	.arguments = "on|off|show|follow [OPTION]...",
	.summary = "Makes the programs write a line about each frame, and shows these lines",
	.help = "  on      switch tracing on: of one workload, or without one of all\n"
		"  off     switch it off: of one workload, of programs, or without any of these altogether\n"
		"  show    what is switched on\n"
		"  follow  print the lines as they come, until ^C\n"
		"\n"
		"  --program NAME[,NAME]...  of vex, vin, vbr, vth, vbk, vtk (default: all); can be "
		"repeated\n"
		"  --workload TARGET         this workload (not with follow)\n"
		"  --id N                    the port with that id\n"
		"  --all                     every workload\n"
		"\n"
		"The lines go through the kernel's trace_pipe, where each can be read once, by anybody.\n"
		"\n"
		"Example:\n"
		"  sluicectl trace on --id 180 --program vex,vin\n"
		"  sluicectl trace follow --id 180\n"
		"  sluicectl trace off\n",
	.run = run,
};

enum { OPT_PROGRAM = OPT_FIRST, OPT_WORKLOAD, OPT_ID, OPT_ALL };

static const struct option options[] = {
	{ "program", required_argument, NULL, OPT_PROGRAM },
	{ "workload", required_argument, NULL, OPT_WORKLOAD },
	{ "id", required_argument, NULL, OPT_ID },
	{ "all", no_argument, NULL, OPT_ALL },
	VERB_OPTIONS,
};

struct wish {
	json_t *request; /* with target or id, if one is given */
	unsigned int programs; /* bits, 0: not given */
	bool workload, all;
};

static int read_words(struct ctl *ctl, struct wish *wish, int argc, char **argv, struct sl_err *err)
{
	const json_t *request = wish->request;
	int c, r = 0;

	while (!r && (c = verb_option(ctl, &verb_trace, argc, argv, options, err))) {
		switch (c) {
		case OPT_PROGRAM:
			r = parse_programs(optarg, &wish->programs, err);
			break;
		case OPT_WORKLOAD:
			r = put_text(wish->request, "target", optarg, err);
			break;
		case OPT_ID:
			r = put_id(wish->request, optarg, err);
			break;
		case OPT_ALL:
			wish->all = true;
			break;
		default:
			return c;
		}
	}
	if (!r)
		r = check_words(argc, argv, 1, 1, "on, off, show or follow", err);
	wish->workload = json_object_get(request, "target") || json_object_get(request, "id");
	if (!r && wish->all + !!json_object_get(request, "target") + !!json_object_get(request, "id") > 1)
		r = usage_error(err, "--workload, --id and --all exclude each other");
	return r;
}

static int put_programs(json_t *request, unsigned int programs, struct sl_err *err)
{
	json_t *list = json_array();

	for (unsigned int prog = 0; prog < SL_PROG_MAX; prog++) {
		if (programs & (1U << prog))
			json_array_append_new(list, json_string(sl_program_name(prog)));
	}
	return json_object_set_new(request, "programs", list)
		       ? sl_err(err, ENOMEM, "no memory for the request")
		       : 0;
}

/* The programs in the daemon's answer. */
static unsigned int programs_of(const json_t *settings)
{
	const json_t *name;
	unsigned int bits = 0, prog;
	size_t i;

	json_array_foreach (json_object_get(settings, "programs"), i, name) {
		if (json_is_string(name) && !sl_program_parse(json_string_value(name), &prog))
			bits |= 1U << prog;
	}
	return bits;
}

/* Asks for the settings as they are, without changing any. */
static int ask_settings(struct ctl *ctl, json_t **ret, struct sl_err *err)
{
	json_t *request = client_request("trace", err);
	int r;

	if (!request)
		return -err->code;
	r = client_call(ctl, request, ret, err);
	json_decref(request);
	return r;
}

/* Programs that are not named go on as they are; when none is named and none is on, all are meant. */
static int switch_on(struct ctl *ctl, struct wish *wish, json_t **ret, struct sl_err *err)
{
	json_t *settings = NULL;
	unsigned int programs;
	int r;

	r = ask_settings(ctl, &settings, err);
	if (r)
		return r;
	programs = wish->programs ? programs_of(settings) | wish->programs : (1U << SL_PROG_MAX) - 1;
	json_decref(settings);
	r = put_programs(wish->request, programs, err);
	if (!r)
		r = put_bool(wish->request, wish->workload ? "on" : "all", true, err);
	return r ?: client_call(ctl, wish->request, ret, err);
}

/* Takes the mark off every workload that has it, so that the next `on` begins with none. */
static int unmark_all(struct ctl *ctl, const json_t *settings, struct sl_err *err)
{
	json_t *request, *answer, *id;
	size_t i;
	int r = 0;

	json_array_foreach (json_object_get(settings, "workloads"), i, id) {
		answer = NULL;
		request = json_pack("{ss sO sb}", "cmd", "trace", "id", id, "on", 0);
		r = request ? client_call(ctl, request, &answer, err) : sl_err(err, ENOMEM, "no memory");
		json_decref(answer);
		json_decref(request);
		if (r == -ENOENT)
			r = 0; /* released meanwhile */
		if (r)
			break;
	}
	return r;
}

static int switch_all_off(struct ctl *ctl, struct wish *wish, json_t **ret, struct sl_err *err)
{
	json_t *settings = NULL;
	int r;

	r = put_programs(wish->request, 0, err);
	if (!r)
		r = put_bool(wish->request, "all", false, err);
	if (!r)
		r = client_call(ctl, wish->request, &settings, err);
	if (r)
		return r;
	r = unmark_all(ctl, settings, err);
	json_decref(settings);
	return r ?: ask_settings(ctl, ret, err);
}

/* When nobody is traced any more the programs need not look whom they meet. */
static int rest_if_idle(struct ctl *ctl, json_t **settings, struct sl_err *err)
{
	json_t *request;
	int r;

	if (json_is_true(json_object_get(*settings, "all")) ||
	    json_array_size(json_object_get(*settings, "workloads")) || !programs_of(*settings))
		return 0;
	json_decref(*settings);
	*settings = NULL;
	request = client_request("trace", err);
	if (!request)
		return -err->code;
	r = put_programs(request, 0, err);
	if (!r)
		r = client_call(ctl, request, settings, err);
	json_decref(request);
	return r;
}

static int switch_off(struct ctl *ctl, struct wish *wish, json_t **ret, struct sl_err *err)
{
	json_t *settings = NULL;
	int r = 0;

	if (!wish->programs && !wish->workload && !wish->all)
		return switch_all_off(ctl, wish, ret, err);
	if (wish->programs) {
		r = ask_settings(ctl, &settings, err);
		if (!r)
			r = put_programs(wish->request, programs_of(settings) & ~wish->programs, err);
		json_decref(settings);
	}
	if (!r && wish->workload)
		r = put_bool(wish->request, "on", false, err);
	if (!r && wish->all)
		r = put_bool(wish->request, "all", false, err);
	if (!r)
		r = client_call(ctl, wish->request, ret, err);
	return r ?: rest_if_idle(ctl, ret, err);
}

static int print_names(const json_t *settings, struct table *table)
{
	const json_t *name;
	char text[64] = "";
	size_t i;

	json_array_foreach (json_object_get(settings, "programs"), i, name) {
		size_t used = strlen(text);

		snprintf(text + used, sizeof(text) - used, "%s%s", i ? ", " : "",
			 json_string_value(name) ?: "?");
	}
	table_text(table, *text ? text : "none");
	return 0;
}

static int print_settings(const json_t *settings, struct sl_err *err)
{
	const json_t *ids = json_object_get(settings, "workloads"), *id;
	struct table *table = table_new(",");
	char text[128] = "";
	size_t i;

	table_text(table, "programs");
	print_names(settings, table);
	table_text(table, "workloads");
	if (json_is_true(json_object_get(settings, "all"))) {
		table_text(table, "all");
		return table_print(table, false, err);
	}
	json_array_foreach (ids, i, id) {
		size_t used = strlen(text);

		if (used + 16 > sizeof(text)) {
			snprintf(text + used, sizeof(text) - used, " …");
			break;
		}
		snprintf(text + used, sizeof(text) - used, "%s%lld", i ? ", " : "id ",
			 (long long)json_integer_value(id));
	}
	table_text(table, *text ? text : "none");
	return table_print(table, false, err);
}

static int follow(struct ctl *ctl, const struct wish *wish, struct sl_err *err)
{
	if (json_object_get(wish->request, "target"))
		return usage_error(err, "follow goes by --id: sluicectl workloads shows ids");
	return trace_follow(ctl, wish->programs, (unsigned int)member_number(wish->request, "id"), err);
}

static int act(struct ctl *ctl, struct wish *wish, const char *word, struct sl_err *err)
{
	json_t *settings = NULL;
	int r;

	if (!strcmp(word, "follow"))
		return follow(ctl, wish, err);
	if (!strcmp(word, "on"))
		r = switch_on(ctl, wish, &settings, err);
	else if (!strcmp(word, "off"))
		r = switch_off(ctl, wish, &settings, err);
	else if (strcmp(word, "show") != 0)
		r = usage_error(err, "'%s' is none of on, off, show, follow", word);
	else if (wish->programs || wish->workload || wish->all)
		r = usage_error(err, "show takes no options of its own");
	else
		r = ask_settings(ctl, &settings, err);
	if (!r)
		r = ctl->json ? print_json(ctl, settings, err) : print_settings(settings, err);
	json_decref(settings);
	return r;
}

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err)
{
	struct wish wish = { .request = client_request("trace", err) };
	int r;

	if (!wish.request)
		return -err->code;
	r = read_words(ctl, &wish, argc, argv, err);
	if (!r)
		r = act(ctl, &wish, argv[optind], err);
	json_decref(wish.request);
	return r;
}
