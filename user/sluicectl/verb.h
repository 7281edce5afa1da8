/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What main.c and the verbs share: the settings in front of the verb, and the
 * shape of a verb.
 *
 * Invariant: a verb returns its result and prints nothing on stderr; main.c
 * alone turns results into messages and exit statuses.
 */
#ifndef SLUICE_CTL_VERB_H
#define SLUICE_CTL_VERB_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "lib/conf.h"
#include "lib/err.h"

/* Results of a verb besides 0 and -errno; chosen to be no errno. */
#define CTL_BAD 1 /* done, and what was found is not good: exit status 1 without a message */
#define CTL_USAGE (-10001) /* the words make no sense: exit status 2 */
#define CTL_HELP (-10002) /* help was asked for and printed: exit status 0 */

struct ctl {
	struct sl_conf conf; /* of interest: instance, run_dir, bpffs */
	bool json, pretty;
	char hint[160]; /* what to do about an error; empty: nothing to say */
};

struct verb {
	const char *name;
	const char *arguments; /* as in a usage line */
	const char *summary; /* one line for the list of verbs */
	const char *help; /* options and an example, lines ending in newlines */
	/* argv[0] is the verb. 0, CTL_… or -errno. */
	int (*run)(struct ctl *ctl, int argc, char **argv, struct sl_err *err);
};

extern const struct verb verb_status, verb_intercept, verb_release, verb_mode, verb_workloads, verb_counters,
	verb_doctor, verb_trace, verb_stop, verb_repair, verb_policy, verb_sessions, verb_flows, verb_monitor;

void verb_print_help(const struct verb *verb);

/* What every verb's table of options ends with. Own options without a letter have values from OPT_FIRST on. */
#define VERB_OPTIONS                                                                                         \
	{ "help", no_argument, NULL, 'h' }, { "json", no_argument, NULL, 'j' },                              \
		{ "pretty", no_argument, NULL, 'p' },                                                        \
	{                                                                                                    \
		NULL, 0, NULL, 0                                                                             \
	}
#define OPT_FIRST 256

/*
 * The next of the verb's own options (its value; the argument is in optarg),
 * 0 when there are no more (positional words start at optind), CTL_HELP or
 * CTL_USAGE. Those of VERB_OPTIONS are dealt with here.
 */
int verb_option(struct ctl *ctl, const struct verb *verb, int argc, char **argv, const struct option *options,
		struct sl_err *err);

/* Sets the text; returns CTL_USAGE. */
int usage_error(struct sl_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Are there from min to max words behind the options? 0 or CTL_USAGE; what names a missing one. */
int check_words(int argc, char **argv, int min, int max, const char *what, struct sl_err *err);

/* For what goes on until it is told to end: a descriptor that is readable from then on, or -errno. */
int open_end(struct sl_err *err);

/* Fields of a request, put into the object after a look at the value. 0, CTL_USAGE or -errno. */
int put_text(json_t *request, const char *field, const char *value, struct sl_err *err);
int put_bool(json_t *request, const char *field, bool value, struct sl_err *err);
int put_id(json_t *request, const char *value, struct sl_err *err);
int put_mode(json_t *request, const char *value, struct sl_err *err);
int put_fail(json_t *request, const char *value, struct sl_err *err);
/* Appends the comma-separated names to the array of that name. */
int put_names(json_t *request, const char *field, const char *list, struct sl_err *err);

/* "vex,vth" to bits 1 << enum sl_program, added to *ret. 0 or CTL_USAGE. */
int parse_programs(const char *list, unsigned int *ret, struct sl_err *err);

#endif
