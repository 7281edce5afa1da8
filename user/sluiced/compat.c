// SPDX-License-Identifier: BSD-2-Clause
/* The child's life; see compat.h for the invariant. */
#include "sluiced/compat.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "sluiced/instance.h"
#include "sluiced/loop.h"

#define DELAY_MIN_MS 10
#define DELAY_MAX_MS 5000
#define GOOD_LIFE_NS (10 * 1000000000ULL)
#define END_WAIT_MS 2000

extern char **environ;

struct compat {
	struct instance *inst;
	struct source exit, timer;
	pid_t pid;
	__u32 delay_ms;
	__u64 born_ns;
};

static int start(struct compat *compat, struct sl_err *err)
{
	static const char *const levels[] = { "error", "warn", "info", "debug" };
	static const char *const targets[] = { "stderr", "syslog", "journal" };
	const struct sl_conf *conf = &compat->inst->conf;
	char core[SL_PATH_LEN], control[SL_PATH_LEN], mode[16];
	char *argv[] = { (char *)"sluice-compat",
			 (char *)"--core",
			 core,
			 (char *)"--control",
			 control,
			 (char *)"--listen",
			 (char *)conf->compat_listen,
			 (char *)"--notify",
			 (char *)conf->compat_notify,
			 (char *)"--socket-mode",
			 mode,
			 (char *)"--log-level",
			 (char *)levels[conf->log_level],
			 (char *)"--log-target",
			 (char *)targets[conf->log_target],
			 NULL };
	posix_spawnattr_t attr;
	sigset_t none, all;
	int r;

	if (sl_conf_run_path(conf, "dpi.sock", core, sizeof(core)) ||
	    sl_conf_run_path(conf, "control.sock", control, sizeof(control)))
		return sl_err(err, ENAMETOOLONG, "the run folder's path is too long");
	snprintf(mode, sizeof(mode), "%o", conf->compat_socket_mode);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	r = posix_spawn(&compat->pid, conf->compat_path, NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	if (r) {
		compat->pid = 0;
		return sl_errno(err, r, "cannot start %s (see --compat-path)", conf->compat_path);
	}
	compat->born_ns = now_ns();
	compat->exit.fd = pidfd_open(compat->pid, 0);
	r = compat->exit.fd < 0 ? sl_errno(err, errno, "cannot watch sluice-compat (pid %d)", compat->pid)
				: loop_add(&compat->inst->loop, &compat->exit, "sluice-compat", err);
	return r;
}

static void later(struct compat *compat)
{
	if (now_ns() - compat->born_ns >= GOOD_LIFE_NS)
		compat->delay_ms = DELAY_MIN_MS;
	timer_set(&compat->timer, compat->delay_ms, 0);
	compat->delay_ms = compat->delay_ms * 2 < DELAY_MAX_MS ? compat->delay_ms * 2 : DELAY_MAX_MS;
}

static void on_exit_event(struct source *source, __u32 events)
{
	struct compat *compat = container_of(source, struct compat, exit);
	int status = 0;

	(void)events;
	waitpid(compat->pid, &status, 0);
	sl_error("sluice-compat (pid %d) %s %d; starting it again in %u ms", compat->pid,
		 WIFSIGNALED(status) ? "was killed by signal" : "exited with status",
		 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), compat->delay_ms);
	compat->pid = 0;
	source_close(&compat->inst->loop, &compat->exit);
	later(compat);
}

static void on_timer(struct source *source, __u32 events)
{
	struct compat *compat = container_of(source, struct compat, timer);
	struct sl_err err;

	(void)events;
	timer_clear(source);
	if (start(compat, &err)) {
		sl_error("%s", err.text);
		later(compat);
	}
}

int compat_create(struct instance *inst, struct compat **ret, struct sl_err *err)
{
	struct compat *compat;
	int r;

	*ret = NULL;
	if (!inst->conf.compat)
		return 0;
	if (!inst->conf.inspect || inst->conf.dpi != SL_DPI_INTERNAL)
		return sl_err(
			err, EINVAL,
			"compat = yes needs a core of ours that inspects (dpi = internal, inspect = yes)");
	compat = calloc(1, sizeof(*compat));
	if (!compat)
		return sl_err(err, ENOMEM, "no memory for sluice-compat");
	compat->inst = inst;
	compat->delay_ms = DELAY_MIN_MS;
	compat->exit = (struct source){ -1, on_exit_event };
	compat->timer = (struct source){ -1, on_timer };
	r = timer_open(&inst->loop, &compat->timer, "sluice-compat", err);
	if (!r)
		r = start(compat, err);
	if (r) {
		compat_free(compat);
		return r;
	}
	*ret = compat;
	return 0;
}

void compat_free(struct compat *compat)
{
	struct pollfd end;

	if (!compat)
		return;
	if (compat->pid) {
		end = (struct pollfd){ .fd = compat->exit.fd, .events = POLLIN };
		kill(compat->pid, SIGTERM);
		if (poll(&end, 1, END_WAIT_MS) <= 0)
			kill(compat->pid, SIGKILL);
		waitpid(compat->pid, NULL, 0);
	}
	source_close(&compat->inst->loop, &compat->exit);
	source_close(&compat->inst->loop, &compat->timer);
	free(compat);
}
