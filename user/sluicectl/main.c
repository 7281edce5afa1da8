// SPDX-License-Identifier: BSD-2-Clause
/*
 * sluicectl: the options in front of the verb, the table of verbs, and what
 * their results mean to the caller.
 *
 * Invariant: exit status 0 is success; 1 an error of the daemon or the kernel,
 * or a check that failed; 2 words that make no sense. Messages go to stderr.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sluicectl/output.h"
#include "sluicectl/verb.h"

static const struct verb *const verbs[] = {
	&verb_status,	&verb_intercept, &verb_release, &verb_mode,    &verb_workloads,
	&verb_counters, &verb_doctor,	 &verb_trace,	&verb_stop,    &verb_repair,
	&verb_policy,	&verb_sessions,	 &verb_flows,	&verb_monitor,
};
#define N_VERBS (sizeof(verbs) / sizeof(*verbs))

enum { OPT_RUN_DIR = OPT_FIRST, OPT_BPFFS };

static const struct option options[] = {
	{ "instance", required_argument, NULL, 'i' },
	{ "run-dir", required_argument, NULL, OPT_RUN_DIR },
	{ "bpffs", required_argument, NULL, OPT_BPFFS },
	{ "json", no_argument, NULL, 'j' },
	{ "pretty", no_argument, NULL, 'p' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static void print_help(void)
{
	printf("Usage: sluicectl [OPTION]... VERB [ARGUMENT]...\n"
	       "\n"
	       "Speaks to sluiced, which diverts the traffic of workloads through an inspection core.\n"
	       "\n"
	       "Verbs:\n");
	for (size_t i = 0; i < N_VERBS; i++)
		printf("  %-11s %s\n", verbs[i]->name, verbs[i]->summary);
	printf("  help [VERB] Shows this, or a verb's own help (the same as VERB --help)\n"
	       "  version     Shows the version\n"
	       "\n"
	       "Options, before the verb:\n"
	       "  -i, --instance NAME  which sluiced (default: $SLUICE_INSTANCE, else \"default\")\n"
	       "      --run-dir DIR    root of its run folder (default: /run/sluice)\n"
	       "      --bpffs DIR      where its pins live (default: /sys/fs/bpf)\n"
	       "  -j, --json           JSON instead of tables; errors too, on stderr\n"
	       "  -p, --pretty         the same, indented\n"
	       "  -V, --version        show the version\n"
	       "  -h, --help           show this\n"
	       "\n"
	       "Exit status: 0 success, 1 error of sluiced or the kernel, or a failed check, 2 usage.\n"
	       "See sluicectl(8).\n");
}

static int print_version(const struct ctl *ctl, struct sl_err *err)
{
	json_t *version;
	int r;

	if (!ctl->json) {
		puts("sluicectl " SLUICE_VERSION);
		return 0;
	}
	version = json_pack("{ss}", "version", SLUICE_VERSION);
	if (!version)
		return sl_err(err, ENOMEM, "no memory for the version");
	r = print_json(ctl, version, err);
	json_decref(version);
	return r;
}

static int set(struct ctl *ctl, const char *key, const char *value, struct sl_err *err)
{
	return sl_conf_set(&ctl->conf, key, value, err) ? CTL_USAGE : 0;
}

/* Up to the verb, whose position is then in optind. 0, CTL_HELP or CTL_USAGE. */
static int read_options(struct ctl *ctl, int argc, char **argv, bool *ret_version, struct sl_err *err)
{
	const char *instance = getenv("SLUICE_INSTANCE");
	int c, r = 0;

	opterr = 0;
	while (!r && (c = getopt_long(argc, argv, "+:i:jpVh", options, NULL)) != -1) {
		switch (c) {
		case 'i':
			instance = NULL;
			r = set(ctl, "instance", optarg, err);
			break;
		case OPT_RUN_DIR:
			r = set(ctl, "run_dir", optarg, err);
			break;
		case OPT_BPFFS:
			r = set(ctl, "bpffs", optarg, err);
			break;
		case 'p':
			ctl->pretty = true;
			ctl->json = true;
			break;
		case 'j':
			ctl->json = true;
			break;
		case 'V':
			*ret_version = true;
			return 0;
		case 'h':
			print_help();
			return CTL_HELP;
		case ':':
			return usage_error(err, "option %s needs a value", argv[optind - 1]);
		default:
			return usage_error(err, "unknown option or superfluous value: %s", argv[optind - 1]);
		}
	}
	if (!r && instance && *instance && set(ctl, "instance", instance, err)) {
		sl_err_prefix(err, "$SLUICE_INSTANCE");
		r = CTL_USAGE;
	}
	return r;
}

/* By its name, or the beginning of it as far as that is nobody else's. */
static const struct verb *find_verb(const char *word)
{
	const struct verb *found = NULL;

	for (size_t i = 0; i < N_VERBS; i++) {
		if (!strcmp(verbs[i]->name, word))
			return verbs[i];
		if (strncmp(verbs[i]->name, word, strlen(word)) != 0 || !*word)
			continue;
		if (found)
			return NULL;
		found = verbs[i];
	}
	return found;
}

static int run_help(int argc, char **argv, struct sl_err *err)
{
	const struct verb *verb;

	if (argc < 2) {
		print_help();
		return 0;
	}
	verb = find_verb(argv[1]);
	if (!verb)
		return usage_error(err, "'%s' is no verb", argv[1]);
	verb_print_help(verb);
	return 0;
}

static int run(struct ctl *ctl, int argc, char **argv, const struct verb **ret_verb, struct sl_err *err)
{
	bool version = false;
	const struct verb *verb;
	int r;

	sl_conf_defaults(&ctl->conf);
	r = read_options(ctl, argc, argv, &version, err);
	if (r)
		return r;
	argc -= optind;
	argv += optind;
	if (version || (argc && !strcmp(argv[0], "version")))
		return print_version(ctl, err);
	if (!argc)
		return usage_error(err, "a verb is missing");
	if (!strcmp(argv[0], "help"))
		return run_help(argc, argv, err);
	verb = find_verb(argv[0]);
	if (!verb)
		return usage_error(err, "'%s' is no verb, or the beginning of several", argv[0]);
	*ret_verb = verb;
	optind = 0; /* glibc: begin anew with other words */
	return verb->run(ctl, argc, argv, err);
}

int main(int argc, char **argv)
{
	struct ctl ctl = { 0 };
	struct sl_err err = { 0 };
	const struct verb *verb = NULL;
	int r = run(&ctl, argc, argv, &verb, &err);

	if (r == CTL_HELP)
		r = 0;
	/* A full disk or a closed pipe may show only now. */
	if (r >= 0 && (fflush(stdout) || ferror(stdout)))
		r = sl_errno(&err, errno ?: EIO, "cannot write the output");
	if (r >= 0)
		return r ? EXIT_FAILURE : EXIT_SUCCESS;
	if (r == CTL_USAGE)
		snprintf(ctl.hint, sizeof(ctl.hint), "see sluicectl %s%s--help", verb ? verb->name : "",
			 verb ? " " : "");
	print_error(&ctl, &err);
	return r == CTL_USAGE ? 2 : EXIT_FAILURE;
}
