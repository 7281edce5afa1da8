// SPDX-License-Identifier: BSD-2-Clause
/* sluicectl mode: changes what is done with the traffic of workloads that are taken. */
#include "lib/maps.h"
#include "sluicectl/client.h"
#include "sluicectl/workload.h"

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err);

const struct verb verb_mode = {
	.name = "mode",
	.arguments = "(TARGET | --id N | --all) [MODE] [OPTION]...",
	.summary = "Changes what is done with the traffic of taken ports",
	.help = "MODE:\n"
		"  off         straight through, nothing is inspected\n"
		"  tap         straight through, the core gets a copy\n"
		"  inline      through the core\n"
		"  quarantine  dropped\n"
		"\n"
		"TARGET is as in intercept.\n"
		"\n"
		"  --id N                 the port with that id\n"
		"  --all                  every port of the instance\n"
		"  --fail open|closed     pass or drop what cannot be inspected while the core is absent\n"
		"  --strict, --no-strict  drop or pass what the core cannot be shown\n"
		"\n"
		"One map write a port: no frame is lost between off and inline. MODE may be left out when an "
		"option\n"
		"changes something else.\n"
		"\n"
		"Example:\n"
		"  sluicectl mode container:web tap\n"
		"  sluicectl mode --all inline --fail closed\n",
	.run = run,
};

enum { OPT_ID = OPT_FIRST, OPT_ALL, OPT_FAIL, OPT_STRICT, OPT_NO_STRICT };

static const struct option options[] = {
	{ "id", required_argument, NULL, OPT_ID },	   { "all", no_argument, NULL, OPT_ALL },
	{ "fail", required_argument, NULL, OPT_FAIL },	   { "strict", no_argument, NULL, OPT_STRICT },
	{ "no-strict", no_argument, NULL, OPT_NO_STRICT }, VERB_OPTIONS,
};

static int read_options(struct ctl *ctl, json_t *request, int argc, char **argv, bool *ret_all,
			struct sl_err *err)
{
	int c, r = 0;

	while (!r && (c = verb_option(ctl, &verb_mode, argc, argv, options, err))) {
		switch (c) {
		case OPT_ID:
			r = put_id(request, optarg, err);
			break;
		case OPT_ALL:
			*ret_all = true;
			break;
		case OPT_FAIL:
			r = put_fail(request, optarg, err);
			break;
		case OPT_STRICT:
		case OPT_NO_STRICT:
			r = put_bool(request, "strict", c == OPT_STRICT, err);
			break;
		default:
			return c;
		}
	}
	return r;
}

static int read_words(struct ctl *ctl, json_t *request, int argc, char **argv, struct sl_err *err)
{
	bool all = false, other;
	int r, used = 0;

	r = read_options(ctl, request, argc, argv, &all, err);
	if (!r)
		r = put_selection(request, argc, argv, all, &used, err);
	if (r)
		return r;
	other = json_object_get(request, "fail") || json_object_get(request, "strict");
	r = check_words(argc, argv, other ? used : used + 1, used + 1, "MODE", err);
	if (!r && optind + used < argc)
		r = put_mode(request, argv[optind + used], err);
	return r;
}

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err)
{
	return client_verb(ctl, "mode", read_words, workloads_print_settings, argc, argv, err);
}
