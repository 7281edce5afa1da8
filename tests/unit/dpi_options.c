// SPDX-License-Identifier: BSD-2-Clause
/*
 * The core's command line: every option is taken over, whatever is wrong is
 * named, and a line that is wrong anywhere leaves the result as it was.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dpi/options.h"

#define ARGS_MAX 32
#define NEEDED "--vth vth --queues 2 --mtu 2048 --heartbeat-ms 1000"
#define GOOD NEEDED " --pin-dir /pins"

/* Words between blanks; '' is the empty word. Strings point into the static buffer. */
static int parse(const char *line, struct sl_options *ret, struct sl_err *err)
{
	static char words[512];
	char *argv[ARGS_MAX + 1] = { (char[]){ "sluice-dpi" } };
	int argc = 1;

	strcpy(words, line);
	for (char *save, *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		cr_assert_lt(argc, ARGS_MAX);
		argv[argc++] = strcmp(word, "''") ? word : word + 2;
	}
	return sl_options_parse(ret, argc, argv, err);
}

#define PATTERN 0x5a

/* Whether each byte is still the pattern's. */
static bool untouched(const void *bytes, size_t n)
{
	for (const unsigned char *byte = bytes; n > 0; byte++, n--) {
		if (*byte != PATTERN)
			return false;
	}
	return true;
}

Test(dpi_options, the_least_and_its_defaults)
{
	struct sl_options options;
	struct sl_err err = { 0 };

	cr_assert_eq(parse(GOOD, &options, &err), SL_OPTIONS_RUN, "%s", err.text);
	cr_assert_str_eq(options.vth, "vth");
	cr_assert_eq(options.queues, 2);
	cr_assert_eq(options.mtu, 2048);
	cr_assert_eq(options.heartbeat_ms, 1000);
	cr_assert_str_eq(options.pin_dir, "/pins");
	cr_assert_eq(options.xsks_map_fd, -1);
	cr_assert_eq(options.core_map_fd, -1);
	cr_assert_eq(options.control_fd, -1);
	cr_assert_eq(options.lock_fd, -1);
	cr_assert_eq(options.ready_fd, -1);
	cr_assert_eq(options.busy_poll_us, 0);
	cr_assert_null(options.user);
	cr_assert_eq(options.log_level, SL_LOG_INFO);
	cr_assert_eq(options.log_target, SL_LOG_STDERR);
	cr_assert_eq(err.code, 0);
}

Test(dpi_options, every_option)
{
	struct sl_options options;
	struct sl_err err = { 0 };
	char line[512];
	int fd[5];

	for (int i = 0; i < 5; i++)
		cr_assert_geq(fd[i] = dup(STDERR_FILENO), 0);
	snprintf(line, sizeof(line),
		 NEEDED " --xsks-map-fd %d --core-map-fd=%d --control-fd %d --lock-fd=%d --ready-fd %d "
			"--busy-poll-us 50 --no-data 7 --small-window=0 --user=somebody --log-level debug "
			"--log-target=journal",
		 fd[0], fd[1], fd[2], fd[3], fd[4]);
	cr_assert_eq(parse(line, &options, &err), SL_OPTIONS_RUN, "%s", err.text);
	cr_assert_null(options.pin_dir);
	cr_assert_eq(options.xsks_map_fd, fd[0]);
	cr_assert_eq(options.core_map_fd, fd[1]);
	cr_assert_eq(options.control_fd, fd[2]);
	cr_assert_eq(options.lock_fd, fd[3]);
	cr_assert_eq(options.ready_fd, fd[4]);
	cr_assert_eq(options.busy_poll_us, 50);
	cr_assert_eq(options.thresholds.no_data, 7);
	cr_assert_eq(options.thresholds.small_window, 0);
	cr_assert_eq(options.thresholds.syn_flood, 800);
	cr_assert_str_eq(options.user, "somebody");
	cr_assert_eq(options.log_level, SL_LOG_DEBUG);
	cr_assert_eq(options.log_target, SL_LOG_JOURNAL);
}

/* What comes later must not have come already. */
Test(dpi_options, a_spare_one)
{
	static const char *const later[] = { "--control-fd 2", "--lock-fd 2", "--ready-fd 2",
					     "--wait-policy" };
	struct sl_options options;
	struct sl_err err = { 0 };
	char line[256];

	cr_assert_eq(parse(GOOD " --spare-fd 2", &options, &err), SL_OPTIONS_RUN, "%s", err.text);
	cr_assert_eq(options.spare_fd, 2);
	cr_assert_eq(parse(GOOD, &options, &err), SL_OPTIONS_RUN, "%s", err.text);
	cr_assert_eq(options.spare_fd, -1);
	for (size_t i = 0; i < sizeof(later) / sizeof(*later); i++) {
		snprintf(line, sizeof(line), GOOD " --spare-fd 2 %s", later[i]);
		cr_assert_eq(parse(line, &options, &err), -EINVAL, "%s", line);
	}
}

Test(dpi_options, limits_are_inclusive_and_the_last_word_counts)
{
	static const char *const lines[] = {
		GOOD " --queues 1 --queues 64",
		GOOD " --queues 64 --queues 1",
		GOOD " --mtu 68",
		GOOD " --mtu 65535",
		GOOD " --heartbeat-ms 1",
		GOOD " --heartbeat-ms 3600000",
		GOOD " --busy-poll-us 1000000",
		GOOD " --vth abcdefghijklmno",
		GOOD " --log-level error",
		GOOD " --log-level warn",
		GOOD " --log-target syslog",
		GOOD " --log-target stderr",
	};
	struct sl_options options;
	struct sl_err err = { 0 };

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		cr_expect_eq(parse(lines[i], &options, &err), SL_OPTIONS_RUN, "%s: %s", lines[i], err.text);
	cr_assert_eq(parse(lines[0], &options, &err), SL_OPTIONS_RUN);
	cr_assert_eq(options.queues, 64);
	cr_assert_eq(parse(lines[1], &options, &err), SL_OPTIONS_RUN);
	cr_assert_eq(options.queues, 1);
}

struct wrong {
	char line[120], text[100]; /* parameters are copied to another process */
	int code;
};

ParameterizedTestParameters(dpi_options, wrong_lines)
{
	static struct wrong list[] = {
		{ "", "--vth, --queues, --mtu and --heartbeat-ms are needed; see --help", EINVAL },
		{ "--queues 2 --mtu 68 --heartbeat-ms 9 --pin-dir /p", "--vth, --queues, --mtu", EINVAL },
		{ "--vth v --mtu 68 --heartbeat-ms 9 --pin-dir /p", "--vth, --queues, --mtu", EINVAL },
		{ "--vth v --queues 2 --heartbeat-ms 9 --pin-dir /p", "--vth, --queues, --mtu", EINVAL },
		{ "--vth v --queues 2 --mtu 68 --pin-dir /p", "--vth, --queues, --mtu", EINVAL },
		{ NEEDED, "--pin-dir, or both --xsks-map-fd and --core-map-fd, is needed", EINVAL },
		{ NEEDED " --xsks-map-fd 2", "--pin-dir, or both", EINVAL },
		{ NEEDED " --core-map-fd 2", "--pin-dir, or both", EINVAL },
		{ GOOD " --xsks-map-fd 2", "--pin-dir and map descriptors exclude each other", EINVAL },
		{ GOOD " --core-map-fd 2", "exclude each other", EINVAL },
		{ GOOD " --xsks-map-fd 2 --core-map-fd 2", "exclude each other", EINVAL },
		{ GOOD " --vth ''", "--vth '': not an interface's name", EINVAL },
		{ GOOD " --vth abcdefghijklmnop", "--vth 'abcdefghijklmnop': not an interface's name",
		  EINVAL },
		{ GOOD " --vtk abcdefghijklmnop", "--vtk 'abcdefghijklmnop': not an interface's name",
		  EINVAL },
		{ GOOD " --forward-only --vtk k", "--verdicts and --vtk need inspection", EINVAL },
		{ NEEDED " --xsks-map-fd 2 --core-map-fd 2 --vtk k", "--flows-map-fd goes with", EINVAL },
		{ NEEDED " --xsks-map-fd 2 --core-map-fd 2 --flows-map-fd 2", "--flows-map-fd goes with",
		  EINVAL },
		{ GOOD " --queues 0", "--queues 0: must be a number from 1 to 64", EINVAL },
		{ GOOD " --queues 65", "--queues 65: must be a number from 1 to 64", EINVAL },
		{ GOOD " --queues -1", "--queues -1: must be", EINVAL },
		{ GOOD " --queues +1", "--queues +1: must be", EINVAL },
		{ GOOD " --queues ''", "--queues : must be", EINVAL },
		{ GOOD " --queues 1x", "--queues 1x: must be", EINVAL },
		{ GOOD " --queues 0x1", "--queues 0x1: must be", EINVAL },
		{ GOOD " --queues 18446744073709551617", "must be a number from 1 to 64", EINVAL },
		{ GOOD " --queues 4294967297", "must be a number from 1 to 64", EINVAL },
		{ GOOD " --mtu 67", "--mtu 67: must be a number from 68 to 65535", EINVAL },
		{ GOOD " --mtu 65536", "--mtu 65536: must be", EINVAL },
		{ GOOD " --heartbeat-ms 0", "--heartbeat-ms 0: must be a number from 1 to 3600000", EINVAL },
		{ GOOD " --heartbeat-ms 3600001", "--heartbeat-ms 3600001: must be", EINVAL },
		{ GOOD " --busy-poll-us 1000001", "must be a number from 0 to 1000000", EINVAL },
		{ GOOD " --control-fd -1", "--control-fd -1: must be a number from 0 to 2147483647", EINVAL },
		{ GOOD " --control-fd 9999", "--control-fd 9999: not inherited", EBADF },
		{ GOOD " --lock-fd 9999", "--lock-fd 9999: not inherited", EBADF },
		{ GOOD " --ready-fd 9999", "--ready-fd 9999: not inherited", EBADF },
		{ NEEDED " --xsks-map-fd 9999", "--xsks-map-fd 9999: not inherited", EBADF },
		{ NEEDED " --core-map-fd 9999", "--core-map-fd 9999: not inherited", EBADF },
		{ GOOD " --small-mss 65536", "--small-mss 65536: must be a number from 0 to 65535", EINVAL },
		{ GOOD " --syn-flood 5 --syn-flood-rest 6", "syn_flood_rest = 6: must not be above", EINVAL },
		{ GOOD " --log-level loud", "--log-level loud: must be error, warn, info or debug", EINVAL },
		{ GOOD " --log-target file", "--log-target file: must be stderr, syslog or journal", EINVAL },
		{ GOOD " --user", "--user: a value is missing; see --help", EINVAL },
		{ GOOD " --nothing", "--nothing: unknown option; see --help", EINVAL },
		{ GOOD " --nothing=1", "--nothing=1: unknown option", EINVAL },
		{ GOOD " --help=1", "--help=1: unknown option", EINVAL },
		{ GOOD " --log l", "--log: unknown option", EINVAL },
		{ GOOD " -x", "-x: unknown option; see --help", EINVAL },
		{ GOOD " -xy", "-x: unknown option; see --help", EINVAL },
		{ GOOD " more", "more: unexpected argument; see --help", EINVAL },
		{ GOOD " -- --help", "--help: unexpected argument", EINVAL },
		{ "less " GOOD, "less: unexpected argument", EINVAL },
	};

	return cr_make_param_array(struct wrong, list, sizeof(list) / sizeof(*list));
}

ParameterizedTest(struct wrong *p, dpi_options, wrong_lines)
{
	struct sl_options options;
	struct sl_err err = { 0 };
	int r;

	memset(&options, PATTERN, sizeof(options));
	r = parse(p->line, &options, &err);
	cr_expect_eq(r, -p->code, "%s: %d", p->line, r);
	cr_expect_eq(err.code, p->code, "%s", p->line);
	cr_expect(strstr(err.text, p->text), "%s: %s", p->line, err.text);
	cr_expect(untouched(&options, sizeof(options)), "%s: the result was touched", p->line);
	cr_expect_eq(parse(p->line, &options, NULL), r, "%s: without a place for the text", p->line);
}

Test(dpi_options, help_and_version_need_nothing_else)
{
	struct sl_options options;

	memset(&options, PATTERN, sizeof(options));
	cr_expect_eq(parse("--help", &options, NULL), SL_OPTIONS_HELP);
	cr_expect_eq(parse("--version", &options, NULL), SL_OPTIONS_VERSION);
	cr_expect_eq(parse("--queues 3 --help", &options, NULL), SL_OPTIONS_HELP);
	cr_expect(untouched(&options, sizeof(options)));
}

Test(dpi_options, the_help_names_every_option_and_fits_a_terminal)
{
	static const char *const names[] = {
		"--vth NAME",	       "--vtk NAME",
		"--queues N",	       "--mtu N",
		"--heartbeat-ms N",    "--pin-dir DIR",
		"--xsks-map-fd N",     "--core-map-fd N",
		"--control-fd N",      "--lock-fd N",
		"--ready-fd N",	       "--busy-poll-us N",
		"--user NAME",	       "--log-level LEVEL",
		"--log-target TARGET", "--help",
		"--version",	       "--replay FILE",
		"--policy FILE",       "--workload-mac MAC",
		"--workload-net NET",  "sl_xsks_v1",
		"sl_core_v2",	       "Exit status: 0 told to end, 1 failed, 2 wrong usage.\n",
	};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	cr_assert(out);
	sl_options_help(out);
	fclose(out);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		cr_expect(strstr(text, names[i]), "%s", names[i]);
	for (const char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
		cr_expect_leq(end - line, 96, "%.*s", (int)(end - line), line);
	cr_expect_eq(text[size - 1], '\n');
	free(text);
}

/* Runs the core itself with one argument; what it says on the given descriptor goes to text. Its exit status. */
static int run_core(const char *argument, int said_on, char *text, size_t size)
{
	const char *build = getenv("SLUICE_BUILD");
	char path[512];
	int out[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	if (!build)
		cr_skip_test("SLUICE_BUILD does not say where sluice-dpi is");
	snprintf(path, sizeof(path), "%s/sluice-dpi", build);
	cr_assert_eq(pipe(out), 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (!pid) {
		dup2(out[1], said_on);
		close(out[0]);
		close(out[1]);
		execl(path, "sluice-dpi", argument, (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	while (len + 1 < size && (n = read(out[0], text + len, size - len - 1)) > 0)
		len += n;
	text[len] = '\0';
	close(out[0]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

Test(dpi_options, exit_status_and_where_it_speaks)
{
	char text[4096];

	cr_expect_eq(run_core("--help", STDOUT_FILENO, text, sizeof(text)), 0);
	cr_expect_eq(strncmp(text, "Usage: sluice-dpi ", 18), 0, "%s", text);
	cr_expect_eq(run_core("--version", STDOUT_FILENO, text, sizeof(text)), 0);
	cr_expect_str_eq(text, "sluice-dpi " SLUICE_VERSION "\n");
	cr_expect_eq(run_core("--nothing", STDERR_FILENO, text, sizeof(text)), 2);
	cr_expect_str_eq(text, "sluice-dpi: --nothing: unknown option; see --help\n");
}

Test(dpi_options, a_replay_needs_nothing_else_and_takes_nothing_else)
{
	static const char *const wrong[] = {
		GOOD " --replay x.pcap",
		"--replay x.pcap --queues 1",
		GOOD " --policy x",
		GOOD " --workload-net 10.0.0.0/8",
		"--replay x.pcap --workload-net 10.0.0.0/33",
		"--replay x.pcap --workload-mac 02",
		"--replay x.pcap --workload-net ::1 --workload-mac 02:00:00:00:00:01"
	};
	struct sl_options options;
	struct sl_err err = { 0 };

	cr_assert_eq(parse("--replay x.pcap --policy p --workload-net fd00::/8", &options, &err),
		     SL_OPTIONS_RUN, "%s", err.text);
	cr_expect_str_eq(options.replay.file, "x.pcap");
	cr_expect_str_eq(options.replay.policy, "p");
	cr_expect(options.replay.has_net && options.replay.prefix == 8);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		cr_expect_eq(parse(wrong[i], &options, &err), -EINVAL, "%s", wrong[i]);
}
