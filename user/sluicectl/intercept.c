// SPDX-License-Identifier: BSD-2-Clause
/* sluicectl intercept: takes ports of a workload. */
#include <string.h>

#include "sluicectl/all_containers.h"
#include "sluicectl/client.h"
#include "sluicectl/output.h"
#include "sluicectl/plan.h"
#include "sluicectl/workload.h"

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err);

const struct verb verb_intercept = {
	.name = "intercept",
	.arguments = "TARGET|--all-containers [OPTION]...",
	.summary = "Takes a workload's ports, so that their traffic can be inspected",
	.help = "TARGET is container:NAME-OR-ID, netns:NAME-OR-PATH or pid:N. A bare number is a pid, a bare "
		"word with\n"
		"a '/' a path, any other word a container or, if there is none, a named namespace.\n"
		"\n"
		"  --port NAME[,NAME]...   these ports (default: all of the workload); can be repeated\n"
		"  --mode MODE             off, tap, inline or quarantine (default: as sluiced is "
		"configured)\n"
		"  --fail open|closed      pass or drop what cannot be inspected while the core is absent\n"
		"  --strict, --no-strict   drop or pass what the core cannot be shown\n"
		"  --side SIDE             by which end of its veth: host (nothing in the workload "
		"changes),\n"
		"                          workload, or auto (default: as sluiced is configured)\n"
		"  --id N                  this id, 1 to 65535 (one port only; default: the lowest free "
		"one)\n"
		"  --name TEXT             name shown in lists (default: from TARGET)\n"
		"  --dry-run               say what would be done, step by step, or all that stands in the "
		"way;\n"
		"                          change nothing (exit status 1 if a port would be refused)\n"
		"  --all-containers        every container that runs, one after the other: shows how far it "
		"is, "
		"goes\n"
		"                          on after a refusal and then ends with 1\n"
		"\n"
		"All the ports are taken or none. Open connections go on.\n"
		"\n"
		"Example:\n"
		"  sluicectl intercept container:web --port eth0 --mode inline --fail open\n",
	.run = run,
};

enum {
	OPT_PORT = OPT_FIRST,
	OPT_MODE,
	OPT_FAIL,
	OPT_STRICT,
	OPT_NO_STRICT,
	OPT_ID,
	OPT_NAME,
	OPT_SIDE,
	OPT_DRY_RUN,
	OPT_ALL
};

static const struct option options[] = {
	{ "port", required_argument, NULL, OPT_PORT },
	{ "mode", required_argument, NULL, OPT_MODE },
	{ "fail", required_argument, NULL, OPT_FAIL },
	{ "strict", no_argument, NULL, OPT_STRICT },
	{ "no-strict", no_argument, NULL, OPT_NO_STRICT },
	{ "id", required_argument, NULL, OPT_ID },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "side", required_argument, NULL, OPT_SIDE },
	{ "dry-run", no_argument, NULL, OPT_DRY_RUN },
	{ "all-containers", no_argument, NULL, OPT_ALL },
	VERB_OPTIONS,
};

static int put_name(json_t *request, const char *name, struct sl_err *err)
{
	if (strlen(name) >= SL_NAME_LEN)
		return usage_error(err, "--name is longer than %d bytes", SL_NAME_LEN - 1);
	return put_text(request, "name", name, err);
}

static int put_side(json_t *request, const char *word, struct sl_err *err)
{
	enum sl_side side;

	if (sl_side_parse(word, &side))
		return usage_error(err, "--side is auto, host or workload, not '%s'", word);
	return put_text(request, "side", word, err);
}

static int take_option(json_t *request, int option, struct sl_err *err)
{
	switch (option) {
	case OPT_PORT:
		return put_names(request, "ports", optarg, err);
	case OPT_MODE:
		return put_mode(request, optarg, err);
	case OPT_FAIL:
		return put_fail(request, optarg, err);
	case OPT_STRICT:
	case OPT_NO_STRICT:
		return put_bool(request, "strict", option == OPT_STRICT, err);
	case OPT_ID:
		return put_id(request, optarg, err);
	case OPT_SIDE:
		return put_side(request, optarg, err);
	case OPT_NAME:
		return put_name(request, optarg, err);
	default:
		return put_bool(request, "dry_run", true, err);
	}
}

static int check_all_containers(const json_t *request, int argc, char **argv, struct sl_err *err)
{
	if (json_object_get(request, "id") || json_object_get(request, "name"))
		return usage_error(err, "--id and --name stand for one workload, not for --all-containers");
	return check_words(argc, argv, 0, 0, "nothing", err);
}

/* *ret_all: all containers are wanted, and there is no target. */
static int read_words(struct ctl *ctl, json_t *request, int argc, char **argv, bool *ret_all,
		      struct sl_err *err)
{
	bool all = false;
	int c, r = 0;

	while (!r && (c = verb_option(ctl, &verb_intercept, argc, argv, options, err))) {
		if (c < 0)
			return c;
		if (c == OPT_ALL)
			all = true;
		else
			r = take_option(request, c, err);
	}
	if (!r)
		r = all ? check_all_containers(request, argc, argv, err)
			: check_words(argc, argv, 1, 1, "TARGET", err);
	if (r)
		return r;
	*ret_all = all;
	if (all)
		return 0;
	if (json_object_get(request, "id") && json_array_size(json_object_get(request, "ports")) > 1)
		return usage_error(err, "--id stands for one port, not for several");
	return put_text(request, "target", argv[optind], err);
}

/* Only a dry run's answer has plans. */
static int print_result(const struct ctl *ctl, const json_t *result, struct sl_err *err)
{
	bool plans = json_object_get(json_array_get(json_object_get(result, "items"), 0), "plan");
	int r;

	if (!ctl->json)
		return plans ? plan_print(result, err) : workloads_print_settings(result, err);
	r = print_json(ctl, result, err);
	return !r && plans && plan_refuses(result) ? CTL_BAD : r;
}

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err)
{
	json_t *request = client_request("intercept", err), *result = NULL;
	bool all = false;
	int r;

	if (!request)
		return -err->code;
	r = read_words(ctl, request, argc, argv, &all, err);
	if (!r && all) {
		r = all_containers(ctl, request, err);
	} else if (!r) {
		r = client_call(ctl, request, &result, err);
		if (!r)
			r = print_result(ctl, result, err);
	}
	json_decref(result);
	json_decref(request);
	return r;
}
