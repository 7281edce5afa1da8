// SPDX-License-Identifier: BSD-2-Clause
/* sluicectl stop: ends the daemon. */
#include <errno.h>

#include "sluicectl/client.h"
#include "sluicectl/output.h"

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err);

const struct verb verb_stop = {
	.name = "stop",
	.arguments = "[--release | --keep]",
	.summary = "Ends sluiced",
	.help = "  --release  give all ports back first, end the core, leave nothing behind\n"
		"  --keep     leave all ports taken and the core at work; the next sluiced adopts them\n"
		"\n"
		"Without either, sluiced's setting on_exit rules. Returns when sluiced has ended.\n"
		"\n"
		"Example:\n"
		"  sluicectl stop --release\n",
	.run = run,
};

enum { OPT_RELEASE = OPT_FIRST, OPT_KEEP };

static const struct option options[] = {
	{ "release", no_argument, NULL, OPT_RELEASE },
	{ "keep", no_argument, NULL, OPT_KEEP },
	VERB_OPTIONS,
};

static int read_words(struct ctl *ctl, json_t *request, int argc, char **argv, struct sl_err *err)
{
	bool release = false, keep = false;
	int c, r;

	while ((c = verb_option(ctl, &verb_stop, argc, argv, options, err)) > 0) {
		release |= c == OPT_RELEASE;
		keep |= c == OPT_KEEP;
	}
	r = c ?: check_words(argc, argv, 0, 0, "", err);
	if (r)
		return r;
	if (release && keep)
		return usage_error(err, "--release and --keep exclude each other");
	return release || keep ? put_bool(request, "release", release, err) : 0;
}

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err)
{
	json_t *request = client_request("stop", err), *result = NULL;
	int r;

	if (!request)
		return -err->code;
	r = read_words(ctl, request, argc, argv, err);
	if (!r)
		r = client_call_until_end(ctl, request, &result, err);
	if (!r && ctl->json)
		r = print_json(ctl, result, err);
	json_decref(result);
	json_decref(request);
	return r;
}
