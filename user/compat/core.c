// SPDX-License-Identifier: BSD-2-Clause
/* See core.h for the invariant. */
#include "compat/core.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/child.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/sock.h"

#define DELAY_MIN_MS 10
#define DELAY_MAX_MS 5000
#define GOOD_LIFE_NS 10000000000ull
#define END_WAIT_MS 2000

struct core {
	const struct compat_options *options;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	pid_t pid; /* of one of our own; 0: none */
	bool child; /* or else of who was here before us, and was killed */
	int exit_fd, ask_fd, report_fd;
	uint32_t generation, delay_ms;
	uint64_t born_ns, next_ns;
	bool failed; /* and said so */
	char message[SL_MSG_MAX];
};

bool core_is_ours(const struct core *core)
{
	return !core->options->core;
}

uint32_t core_generation(const struct core *core)
{
	return core->ask_fd >= 0 ? core->generation : 0;
}

int core_exit_fd(const struct core *core)
{
	return core->exit_fd;
}

int core_report_fd(const struct core *core)
{
	return core->report_fd;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void part(struct core *core)
{
	close_fd(&core->ask_fd);
	close_fd(&core->report_fd);
	core->next_ns = sl_clock_ns() + core->delay_ms * 1000000ull;
}

int core_open(struct core **ret, const struct compat_options *options, struct sl_err *err)
{
	struct core *core = calloc(1, sizeof(*core));
	int n;

	if (!core)
		return sl_err(err, ENOMEM, "no memory for the core");
	core->options = options;
	core->exit_fd = core->ask_fd = core->report_fd = -1;
	core->delay_ms = DELAY_MIN_MS;
	n = snprintf(core->path, sizeof(core->path), "%s%s", options->core ?: options->run_dir,
		     options->core ? "" : "/dpi.sock");
	if (n >= (int)sizeof(core->path)) {
		free(core);
		return sl_err(err, ENAMETOOLONG, "the path %s/dpi.sock is too long", options->run_dir);
	}
	if (!options->core && mkdir(options->run_dir, 0755) && errno != EEXIST) {
		int r = sl_errno(err, errno, "cannot make the folder %s", options->run_dir);

		free(core);
		return r;
	}
	*ret = core;
	return 0;
}

static int spawn(struct core *core, int listening, struct sl_err *err)
{
	static const char *const levels[] = { "error", "warn", "info", "debug" };
	static const char *const targets[] = { "stderr", "syslog", "journal" };
	const struct compat_options *options = core->options;
	char number[16];
	char *argv[] = { (char *)"sluice-dpi",
			 (char *)"--ports",
			 (char *)"--agent",
			 (char *)"--control-fd",
			 number,
			 (char *)"--log-level",
			 (char *)levels[options->log_level],
			 (char *)"--log-target",
			 (char *)targets[options->log_target],
			 options->dpi_user ? (char *)"--user" : NULL,
			 (char *)options->dpi_user,
			 NULL };
	int r;

	snprintf(number, sizeof(number), "%d", listening);
	r = sl_child_start(&core->pid, options->dpi_path, argv, NULL, &listening, 1);
	if (r) {
		core->pid = 0;
		return sl_errno(err, r, "cannot start the core %s (see --dpi-path)", options->dpi_path);
	}
	return 0;
}

/* One message there, one back. The answer's result, or NULL. */
static json_t *exchange(struct core *core, int fd, json_t *request, int passed, struct sl_err *err)
{
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	json_t *answer, *result = NULL;
	const char *why;
	ssize_t n;

	json_decref(request);
	if (!text) {
		sl_err(err, ENOMEM, "no memory to ask the core");
		return NULL;
	}
	n = passed >= 0 ? sl_sock_send_fd(fd, text, strlen(text), passed)
			: sl_sock_send(fd, text, strlen(text));
	free(text);
	if (!n)
		n = sl_sock_recv(fd, core->message, sizeof(core->message));
	if (n <= 0) {
		part(core);
		sl_errno(err, n ? (int)-n : ECONNRESET, "the core does not answer");
		return NULL;
	}
	answer = json_loadb(core->message, (size_t)n, 0, NULL);
	why = json_string_value(json_object_get(json_object_get(answer, "error"), "message"));
	if (json_is_true(json_object_get(answer, "ok")))
		result = json_incref(json_object_get(answer, "result"));
	if (!result)
		sl_err(err, EREMOTEIO, "the core says: %.300s", why ?: "nothing that can be understood");
	json_decref(answer);
	return result;
}

json_t *core_ask(struct core *core, json_t *request, int fd, struct sl_err *err)
{
	if (core->ask_fd < 0) {
		json_decref(request);
		sl_err(err, ENOTCONN, "the core is not there");
		return NULL;
	}
	return exchange(core, core->ask_fd, request, fd, err);
}

static int connect_one(const char *path, struct sl_err *err)
{
	struct timeval wait = { .tv_sec = CORE_WAIT_S };
	int fd = sl_sock_connect(path, err);

	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	}
	return fd;
}

/* One that outlived who started it: frames pass by what it was told, until the agent says something else. */
static bool adopt(struct core *core)
{
	struct sl_err err = { 0 };
	int fd = connect_one(core->path, NULL);
	json_t *status = fd < 0 ? NULL : exchange(core, fd, json_pack("{ss}", "cmd", "status"), -1, &err);
	pid_t pid = (pid_t)json_integer_value(json_object_get(status, "pid"));

	json_decref(status);
	close_fd(&fd);
	if (pid <= 1)
		return false;
	core->exit_fd = pidfd_open(pid, 0);
	if (core->exit_fd < 0)
		return false;
	sl_info("core (pid %d) was here before us and goes on", pid);
	core->pid = pid;
	core->child = false;
	core->born_ns = sl_clock_ns();
	return true;
}

static int start(struct core *core, struct sl_err *err)
{
	int listening, r;

	if (core->pid || adopt(core))
		return 0;
	listening = sl_sock_listen(core->path, err);
	if (listening < 0)
		return listening;
	r = spawn(core, listening, err);
	close(listening);
	if (r)
		return r;
	core->child = true;
	core->born_ns = sl_clock_ns();
	core->exit_fd = pidfd_open(core->pid, 0);
	if (core->exit_fd >= 0)
		return 0;
	r = sl_errno(err, errno, "cannot watch the core (pid %d)", core->pid);
	kill(core->pid, SIGKILL);
	waitpid(core->pid, NULL, 0);
	core->pid = 0;
	return r;
}

static int greet(struct core *core, struct sl_err *err)
{
	json_t *result;

	core->ask_fd = connect_one(core->path, err);
	if (core->ask_fd < 0)
		return core->ask_fd;
	core->report_fd = connect_one(core->path, err);
	if (core->report_fd < 0) {
		part(core);
		return -err->code;
	}
	result = exchange(core, core->report_fd, json_pack("{ss}", "cmd", "reports"), -1, err);
	json_decref(result);
	if (!result) {
		part(core);
		return -err->code;
	}
	if (fcntl(core->report_fd, F_SETFL, fcntl(core->report_fd, F_GETFL) | O_NONBLOCK) < 0) {
		part(core);
		return sl_errno(err, errno, "the core's reports");
	}
	return 0;
}

int core_meet(struct core *core)
{
	uint64_t now = sl_clock_ns();
	struct sl_err err = { 0 };
	int r = 0;

	if (core->ask_fd >= 0)
		return -1;
	if (now < core->next_ns)
		return (int)((core->next_ns - now) / 1000000) + 1;
	if (core_is_ours(core))
		r = start(core, &err);
	if (!r)
		r = greet(core, &err);
	if (!r) {
		core->generation++;
		if (!core_is_ours(core))
			core->delay_ms = DELAY_MIN_MS;
		core->failed = false;
		return -1;
	}
	if (!core->failed)
		sl_warn("core: %s; trying again", err.text);
	core->failed = true;
	core->delay_ms = core->delay_ms * 2 < DELAY_MAX_MS ? core->delay_ms * 2 : DELAY_MAX_MS;
	part(core);
	return (int)core->delay_ms;
}

void core_ended(struct core *core)
{
	int status = 0;

	if (core->child && waitpid(core->pid, &status, WNOHANG) != core->pid)
		return;
	if (!core->child)
		sl_error("core (pid %d) has ended; starting another", core->pid);
	else
		sl_error("core (pid %d) %s %d; starting it again", core->pid,
			 WIFSIGNALED(status) ? "was killed by signal" : "exited with status",
			 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	core->pid = 0;
	close_fd(&core->exit_fd);
	if (sl_clock_ns() - core->born_ns > GOOD_LIFE_NS)
		core->delay_ms = DELAY_MIN_MS;
	part(core);
	core->delay_ms = core->delay_ms * 2 < DELAY_MAX_MS ? core->delay_ms * 2 : DELAY_MAX_MS;
}

size_t core_reports(struct core *core, void *to, size_t size)
{
	ssize_t n = core->report_fd < 0 ? 0 : sl_sock_recv(core->report_fd, to, size);

	if (n > 0)
		return (size_t)n;
	if (core->report_fd >= 0 && n != -EAGAIN && n != -EINTR)
		part(core);
	return 0;
}

void core_close(struct core *core)
{
	if (!core)
		return;
	close_fd(&core->ask_fd);
	close_fd(&core->report_fd);
	if (core->pid) {
		struct pollfd end = { .fd = core->exit_fd, .events = POLLIN };

		pidfd_send_signal(core->exit_fd, SIGTERM, NULL, 0);
		if (poll(&end, 1, END_WAIT_MS) <= 0)
			pidfd_send_signal(core->exit_fd, SIGKILL, NULL, 0);
		if (core->child)
			waitpid(core->pid, NULL, 0);
		unlink(core->path);
	}
	close_fd(&core->exit_fd);
	free(core);
}
