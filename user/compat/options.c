// SPDX-License-Identifier: BSD-2-Clause
/* See options.h. */
#include "compat/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

enum option_id {
	OPT_LISTEN = 1,
	OPT_NOTIFY,
	OPT_SOCKET_MODE,
	OPT_CORE,
	OPT_CONTROL,
	OPT_DPI_PATH,
	OPT_USER,
	OPT_RUN_DIR,
	OPT_LOG_LEVEL,
	OPT_LOG_TARGET,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option long_options[] = {
	{ "listen", required_argument, NULL, OPT_LISTEN },
	{ "notify", required_argument, NULL, OPT_NOTIFY },
	{ "socket-mode", required_argument, NULL, OPT_SOCKET_MODE },
	{ "core", required_argument, NULL, OPT_CORE },
	{ "control", required_argument, NULL, OPT_CONTROL },
	{ "dpi-path", required_argument, NULL, OPT_DPI_PATH },
	{ "user", required_argument, NULL, OPT_USER },
	{ "run-dir", required_argument, NULL, OPT_RUN_DIR },
	{ "log-level", required_argument, NULL, OPT_LOG_LEVEL },
	{ "log-target", required_argument, NULL, OPT_LOG_TARGET },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ 0 },
};

static const char help[] =
	"Usage: sluice-compat [OPTION]...\n"
	"\n"
	"Speaks the control protocol of the existing data plane, for an agent that was written for it:\n"
	"JSON datagrams in, binary messages out. By itself it starts a core, for an agent that makes its\n"
	"interfaces and tc rules itself; as root, in the agent's network namespace. sluiced starts it with\n"
	"--core and --control (compat = yes); the daemon's core and ports serve the agent then.\n"
	"\n"
	"  --listen PATH        where the agent sends its requests (default " OPTIONS_LISTEN ")\n"
	"  --notify PATH        where it is told of what happens (default " OPTIONS_NOTIFY ")\n"
	"  --socket-mode MODE   of the first, octal (default 0600; the existing data plane's is 0777)\n"
	"  --core PATH          control socket of a core that runs, and\n"
	"  --control PATH       that of its daemon\n"
	"  --dpi-path PATH      program of a core of its own (default " SLUICE_LIBEXECDIR "/sluice-dpi)\n"
	"  --user NAME          user that core becomes (default: sluice if it exists, else nobody)\n"
	"  --run-dir DIR        where its control socket, dpi.sock, is made (default /run/sluice/compat)\n"
	"  --log-level LEVEL    error, warn, info (default), debug\n"
	"  --log-target TARGET  stderr (default), syslog, journal\n"
	"  --help  --version\n"
	"\n"
	"Exit status: 0 told to end, 1 failed, 2 wrong usage.\n";

static int set_path(const char *option, const char *text, const char **ret, struct sl_err *err)
{
	if (*text != '/' || strlen(text) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return sl_err(err, EINVAL, "--%s %s: must be an absolute path of at most 107 bytes", option,
			      text);
	*ret = text;
	return 0;
}

static int set_option(struct compat_options *options, int id, const char *name, const char *text,
		      struct sl_err *err)
{
	char *end;
	long mode;

	switch (id) {
	case OPT_LISTEN:
		return set_path(name, text, &options->listen, err);
	case OPT_NOTIFY:
		return set_path(name, text, &options->notify, err);
	case OPT_CORE:
		return set_path(name, text, &options->core, err);
	case OPT_CONTROL:
		return set_path(name, text, &options->control, err);
	case OPT_RUN_DIR:
		return set_path(name, text, &options->run_dir, err);
	case OPT_SOCKET_MODE:
		mode = strtol(text, &end, 8);
		if (*end || end == text || mode < 0 || mode > 0777)
			return sl_err(err, EINVAL, "--%s %s: must be octal, like 0600", name, text);
		options->socket_mode = (mode_t)mode;
		return 0;
	case OPT_DPI_PATH:
		options->dpi_path = text;
		return 0;
	case OPT_USER:
		options->dpi_user = text;
		return 0;
	case OPT_LOG_LEVEL:
		if (sl_log_parse_level(text, &options->log_level) < 0)
			return sl_err(err, EINVAL, "--log-level %s: must be error, warn, info or debug",
				      text);
		return 0;
	case OPT_LOG_TARGET:
		if (sl_log_parse_target(text, &options->log_target) < 0)
			return sl_err(err, EINVAL, "--log-target %s: must be stderr, syslog or journal",
				      text);
		return 0;
	}
	return sl_err(err, EINVAL, "--%s: unknown option", name);
}

int compat_options_parse(struct compat_options *ret, int argc, char **argv, struct sl_err *err)
{
	struct compat_options options = {
		.listen = OPTIONS_LISTEN,
		.notify = OPTIONS_NOTIFY,
		.socket_mode = 0600,
		.dpi_path = SLUICE_LIBEXECDIR "/sluice-dpi",
		.run_dir = "/run/sluice/compat",
		.log_level = SL_LOG_INFO,
		.log_target = SL_LOG_STDERR,
	};
	int id, index, r;

	optind = 0;
	opterr = 0;
	while ((id = getopt_long(argc, argv, ":", long_options, &index)) != -1) {
		if (id == OPT_HELP)
			return OPTIONS_HELP;
		if (id == OPT_VERSION)
			return OPTIONS_VERSION;
		if (id == ':')
			return sl_err(err, EINVAL, "%s: a value is missing; see --help", argv[optind - 1]);
		if (id == '?')
			return sl_err(err, EINVAL, "%s: unknown option; see --help", argv[optind - 1]);
		r = set_option(&options, id, long_options[index].name, optarg, err);
		if (r < 0)
			return r;
	}
	if (optind < argc)
		return sl_err(err, EINVAL, "%s: unexpected argument; see --help", argv[optind]);
	if (!options.core != !options.control)
		return sl_err(err, EINVAL, "--core and --control go together; see --help");
	if (!strcmp(options.listen, options.notify))
		return sl_err(err, EINVAL, "--listen and --notify must be two sockets");
	*ret = options;
	return OPTIONS_RUN;
}

void compat_options_help(FILE *out)
{
	fputs(help, out);
}
