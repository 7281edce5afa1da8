// SPDX-License-Identifier: BSD-2-Clause
/* The command line; see options.h for the invariant. */
#include "sluiced/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_CONFIG SLUICE_SYSCONFDIR "/sluice/sluiced.conf"
#define NAME_MAX_LEN 32

/* Key i of the configuration is option OPT_KEYS + i, above every character. */
enum {
	OPT_CONFIG = 1,
	OPT_FOREGROUND,
	OPT_HELP,
	OPT_VERSION,
	OPT_REPAIR,
	OPT_DRY_RUN,
	OPT_JSON,
	OPT_KEYS = 1000
};

struct table {
	struct option option[OPTIONS_MAX + 1];
	char name[OPTIONS_MAX][NAME_MAX_LEN];
};

static void dashed(const char *key, char name[NAME_MAX_LEN])
{
	snprintf(name, NAME_MAX_LEN, "%s", key);
	for (char *p = name; *p; p++) {
		if (*p == '_')
			*p = '-';
	}
}

static void build(struct table *table)
{
	static const struct option own[] = {
		{ "config", required_argument, NULL, OPT_CONFIG },
		{ "foreground", no_argument, NULL, OPT_FOREGROUND },
		{ "help", no_argument, NULL, OPT_HELP },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ "repair", no_argument, NULL, OPT_REPAIR },
		{ "dry-run", no_argument, NULL, OPT_DRY_RUN },
		{ "json", no_argument, NULL, OPT_JSON },
	};
	unsigned int n = sizeof(own) / sizeof(*own);
	const struct sl_conf_key *key;

	memset(table, 0, sizeof(*table));
	memcpy(table->option, own, sizeof(own));
	for (unsigned int i = 0; (key = sl_conf_key(i)) && n < OPTIONS_MAX; i++, n++) {
		dashed(key->name, table->name[n]);
		table->option[n] = (struct option){ table->name[n], required_argument, NULL, OPT_KEYS + i };
	}
}

int options_parse(int argc, char **argv, struct options *ret, struct sl_err *err)
{
	struct options options = { 0 };
	struct table table;
	int c;

	build(&table);
	optind = 0;
	opterr = 0; /* the text of an error is ours to give */
	while ((c = getopt_long(argc, argv, ":hV", table.option, NULL)) != -1) {
		switch (c) {
		case OPT_CONFIG:
			options.config = optarg;
			break;
		case OPT_FOREGROUND:
			break; /* it always does */
		case OPT_HELP:
		case 'h':
			options.help = true;
			break;
		case OPT_VERSION:
		case 'V':
			options.version = true;
			break;
		case OPT_REPAIR:
			options.repair = true;
			break;
		case OPT_DRY_RUN:
			options.dry_run = true;
			break;
		case OPT_JSON:
			options.json = true;
			break;
		case ':':
			return sl_err(err, EINVAL, "option %s needs a value", argv[optind - 1]);
		case '?':
			return sl_err(err, EINVAL, "there is no option %s", argv[optind - 1]);
		default:
			if (options.n == OPTIONS_MAX)
				return sl_err(err, EINVAL, "more than %d options", OPTIONS_MAX);
			options.set[options.n].key = sl_conf_key(c - OPT_KEYS)->name;
			options.set[options.n++].value = optarg;
			break;
		}
	}
	if (optind < argc)
		return sl_err(err, EINVAL, "unexpected argument '%s'", argv[optind]);
	if ((options.dry_run || options.json) && !options.repair)
		return sl_err(err, EINVAL, "--dry-run and --json go with --repair only");
	*ret = options;
	return 0;
}

int options_load(const struct options *options, struct sl_conf *conf, struct sl_err *err)
{
	struct sl_conf loaded;
	int r;

	sl_conf_defaults(&loaded);
	r = sl_conf_read(&loaded, options->config ?: DEFAULT_CONFIG, err);
	if (r && (r != -ENOENT || options->config))
		return r;
	for (unsigned int i = 0; i < options->n; i++) {
		r = sl_conf_set(&loaded, options->set[i].key, options->set[i].value, err);
		if (r)
			return r;
	}
	r = sl_conf_check(&loaded, err);
	if (!r)
		*conf = loaded;
	return r;
}

void options_help(FILE *out)
{
	const struct sl_conf_key *key;
	const char *section = "";
	char left[64], name[NAME_MAX_LEN];

	fputs("Usage: sluiced [OPTION]...\n\n"
	      "Serves one network namespace: takes ports of workloads, diverts their frames through\n"
	      "the DPI core and gives the ports back. Runs in the foreground.\n\n"
	      "  --config FILE           configuration (default: " DEFAULT_CONFIG ", if it is there)\n"
	      "  --foreground            accepted for completeness: it never forks\n"
	      "  --repair                serve nothing: bring ports home that a crash has left between\n"
	      "                          two places, and end; with --dry-run only say so, --json\n"
	      "  -h, --help              this text\n"
	      "  -V, --version           the version\n",
	      out);
	for (unsigned int i = 0; (key = sl_conf_key(i)); i++) {
		if (strcmp(section, key->section))
			fprintf(out, "\n[%s]\n", key->section);
		section = key->section;
		dashed(key->name, name);
		snprintf(left, sizeof(left), "--%s %s", name, key->value_name);
		fprintf(out, "  %-23s %s\n", left, key->help);
	}
	fputs("\nEach is also a key of the configuration file, with '_' for '-'; options win.\n"
	      "Exit status: 0 ended as told, 1 failed, 2 wrong usage or configuration.\n",
	      out);
}
