/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sluiced's command line: every key of the configuration as a long option.
 *
 * Invariant: options win over the file, also when the file is read again.
 */
#ifndef SLUICE_SLUICED_OPTIONS_H
#define SLUICE_SLUICED_OPTIONS_H

#include "lib/conf.h"

#define OPTIONS_MAX 64

struct options {
	const char *config; /* NULL: the default file, if it is there */
	struct {
		const char *key, *value;
	} set[OPTIONS_MAX];
	unsigned int n;
	bool help, version;
	bool repair, dry_run, json; /* see repair.h; the others only with the first */
};

/* 0 or -EINVAL. Keeps pointers into argv. */
int options_parse(int argc, char **argv, struct options *ret, struct sl_err *err);
/* Defaults, then the file, then the options. 0 or -errno, *conf untouched then. */
int options_load(const struct options *options, struct sl_conf *conf, struct sl_err *err);
void options_help(FILE *out);

#endif
