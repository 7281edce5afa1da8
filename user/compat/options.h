/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of sluice-compat. Invariant: options that parsed are valid as a whole. */
#ifndef SLUICE_COMPAT_OPTIONS_H
#define SLUICE_COMPAT_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "lib/err.h"
#include "lib/log.h"

#define OPTIONS_LISTEN "/tmp/dp_listen.sock"
#define OPTIONS_NOTIFY "/tmp/ctrl_listen.sock"

struct compat_options {
	const char *listen, *notify; /* paths */
	mode_t socket_mode;
	const char *core; /* the core's control socket; NULL: we start one */
	const char *control; /* the daemon's; NULL: there is none */
	const char *dpi_path, *dpi_user; /* of a core of our own; user NULL: its default */
	const char *run_dir; /* where the socket of a core of our own is */
	enum sl_log_level log_level;
	enum sl_log_target log_target;
};

enum options_what { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_VERSION };

/* enum options_what, or -errno with err. Strings point into argv. */
int compat_options_parse(struct compat_options *ret, int argc, char **argv, struct sl_err *err);
void compat_options_help(FILE *out);

#endif
