// SPDX-License-Identifier: BSD-2-Clause
/* sluicectl workloads: what is taken, and what goes through it. */
#include "sluicectl/client.h"
#include "sluicectl/output.h"
#include "sluicectl/workload.h"

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err);

const struct verb verb_workloads = {
	.name = "workloads",
	.arguments = "[-v]",
	.summary = "Lists the ports that are taken, with their settings and traffic",
	.help = "  -v, --verbose  everything that is known, a block each\n"
		"  -j, --json     as JSON: {\"items\": [...]}\n"
		"\n"
		"TO-WL and FROM-WL are frames seen at the port on their way to and from the workload; "
		"INSPECTED\n"
		"of these went to the core (or a copy did), DROPPED of these were dropped by a rule.\n"
		"\n"
		"Example:\n"
		"  sluicectl workloads\n",
	.run = run,
};

static const struct option options[] = { { "verbose", no_argument, NULL, 'v' }, VERB_OPTIONS };

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err)
{
	json_t *request, *result = NULL;
	bool verbose = false;
	int c, r;

	while ((c = verb_option(ctl, &verb_workloads, argc, argv, options, err)) > 0)
		verbose = true;
	r = c ?: check_words(argc, argv, 0, 0, "", err);
	if (r)
		return r;
	request = client_request("workloads", err);
	if (!request)
		return -err->code;
	r = client_list(ctl, request, &result, err);
	json_decref(request);
	if (r)
		return r;
	if (ctl->json)
		r = print_json(ctl, result, err);
	else if (verbose)
		r = workloads_print_blocks(result, err);
	else
		r = workloads_print_traffic(result, err);
	json_decref(result);
	return r;
}
