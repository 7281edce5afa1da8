// SPDX-License-Identifier: BSD-2-Clause
/*
 * sluicectl repair: puts ports in order when no daemon runs.
 *
 * Invariant: this program knows nothing of ports; sluiced does the work, with
 * the instance's locks held, started from a path and without a shell.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sluicectl/output.h"
#include "sluicectl/verb.h"

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err);

const struct verb verb_repair = {
	.name = "repair",
	.arguments = "[--dry-run]",
	.summary = "Brings ports home that a crash has left half-way, without a daemon",
	.help = "  --dry-run  only say what is found and would be done\n"
		"\n"
		"For each port on record, and each that is taken without a record. Ports that work are left\n"
		"alone. Refuses while sluiced runs, which does the same when it starts.\n"
		"Exit status: 0 all is in order now; 1 something is not (with --dry-run: has to be "
		"repaired).\n"
		"\n"
		"Example:\n"
		"  sluicectl repair --dry-run\n",
	.run = run,
};

enum { OPT_DRY_RUN = OPT_FIRST };

static const struct option options[] = {
	{ "dry-run", no_argument, NULL, OPT_DRY_RUN },
	VERB_OPTIONS,
};

/* Beside this program, as in a build folder; else where make install puts it. */
static int find_daemon(char path[SL_PATH_LEN], struct sl_err *err)
{
	static const char *const places[] = {
		SLUICE_LIBEXECDIR "/../../sbin/sluiced",
		SLUICE_LIBEXECDIR "/sluiced",
		"/usr/local/sbin/sluiced",
		"/usr/sbin/sluiced",
	};
	ssize_t n = readlink("/proc/self/exe", path, SL_PATH_LEN - sizeof("sluiced"));
	char *slash;

	if (n > 0) {
		path[n] = '\0';
		slash = strrchr(path, '/');
		if (slash)
			strcpy(slash + 1, "sluiced");
		if (slash && !access(path, X_OK))
			return 0;
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(path, SL_PATH_LEN, "%s", places[i]);
		if (!access(path, X_OK))
			return 0;
	}
	return sl_err(err, ENOENT, "cannot find sluiced, which does the repairing, beside sluicectl or in %s",
		      places[0]);
}

static void become_daemon(const struct ctl *ctl, const char *path, bool dry_run, int out)
{
	const char *argv[16] = { "sluiced",	 "--repair",	    "--instance", ctl->conf.instance,
				 "--run-dir",	 ctl->conf.run_dir, "--bpffs",	  ctl->conf.bpffs,
				 "--log-target", "stderr" };
	unsigned int n = 10;

	if (dry_run)
		argv[n++] = "--dry-run";
	if (ctl->json)
		argv[n++] = "--json";
	if (out >= 0)
		dup2(out, STDOUT_FILENO);
	execv(path, (char *const *)argv);
	fprintf(stderr, "sluicectl: cannot run %s: %s\n", path, strerror(errno));
	_exit(127);
}

/* The daemon's own JSON, in the form that was asked for here. */
static int relay(const struct ctl *ctl, int in, struct sl_err *err)
{
	json_t *report = json_loadfd(in, 0, NULL);
	int r = report ? print_json(ctl, report, err) : 0;

	json_decref(report);
	return r;
}

static int start(struct ctl *ctl, bool dry_run, struct sl_err *err)
{
	int ends[2] = { -1, -1 }, status = 0, r;
	char path[SL_PATH_LEN];
	pid_t pid;

	r = find_daemon(path, err);
	if (r)
		return r;
	if (ctl->json && pipe(ends))
		return sl_errno(err, errno, "cannot make a pipe");
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		r = sl_errno(err, errno, "cannot start %s", path);
	if (!pid)
		become_daemon(ctl, path, dry_run, ends[1]);
	if (ctl->json) {
		close(ends[1]);
		if (!r)
			r = relay(ctl, ends[0], err);
		close(ends[0]);
	}
	if (pid < 0)
		return r;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return sl_errno(err, errno, "cannot wait for %s", path);
	}
	if (r)
		return r;
	/* It has said itself what is wrong. */
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : CTL_BAD;
}

static int run(struct ctl *ctl, int argc, char **argv, struct sl_err *err)
{
	bool dry_run = false;
	int c, r;

	while ((c = verb_option(ctl, &verb_repair, argc, argv, options, err)) > 0)
		dry_run |= c == OPT_DRY_RUN;
	r = c ?: check_words(argc, argv, 0, 0, "", err);
	return r ? r : start(ctl, dry_run, err);
}
