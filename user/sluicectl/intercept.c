// SPDX-License-Identifier: BSD-2-Clause
/* sluicectl intercept: takes ports of a workload. */
#include <string.h>

#include "sluicectl/client.h"
#include "sluicectl/workload.h"

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err);

const struct verb verb_intercept = {
	.name = "intercept",
	.arguments = "TARGET [OPTION]...",
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
		"  --id N                  this id, 1 to 65535 (one port only; default: the lowest free "
		"one)\n"
		"  --name TEXT             name shown in lists (default: from TARGET)\n"
		"  --dry-run               check and say what would be done, change nothing\n"
		"\n"
		"All the ports are taken or none. Open connections go on.\n"
		"\n"
		"Example:\n"
		"  sluicectl intercept container:web --port eth0 --mode inline --fail open\n",
	.run = run,
};

enum { OPT_PORT = OPT_FIRST, OPT_MODE, OPT_FAIL, OPT_STRICT, OPT_NO_STRICT, OPT_ID, OPT_NAME, OPT_DRY_RUN };

static const struct option options[] = {
	{ "port", required_argument, NULL, OPT_PORT },
	{ "mode", required_argument, NULL, OPT_MODE },
	{ "fail", required_argument, NULL, OPT_FAIL },
	{ "strict", no_argument, NULL, OPT_STRICT },
	{ "no-strict", no_argument, NULL, OPT_NO_STRICT },
	{ "id", required_argument, NULL, OPT_ID },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "dry-run", no_argument, NULL, OPT_DRY_RUN },
	VERB_OPTIONS,
};

static int put_name(json_t *request, const char *name, struct sl_err *err)
{
	if (strlen(name) >= SL_NAME_LEN)
		return usage_error(err, "--name is longer than %d bytes", SL_NAME_LEN - 1);
	return put_text(request, "name", name, err);
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
	case OPT_NAME:
		return put_name(request, optarg, err);
	default:
		return put_bool(request, "dry_run", true, err);
	}
}

static int read_words(struct ctl *ctl, json_t *request, int argc, char **argv, struct sl_err *err)
{
	int c, r = 0;

	while (!r && (c = verb_option(ctl, &verb_intercept, argc, argv, options, err))) {
		if (c < 0)
			return c;
		r = take_option(request, c, err);
	}
	if (!r)
		r = check_words(argc, argv, 1, 1, "TARGET", err);
	if (r)
		return r;
	if (json_object_get(request, "id") && json_array_size(json_object_get(request, "ports")) > 1)
		return usage_error(err, "--id stands for one port, not for several");
	return put_text(request, "target", argv[optind], err);
}

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err)
{
	return client_verb(ctl, "intercept", read_words, workloads_print_settings, argc, argv, err);
}
