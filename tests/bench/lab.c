// SPDX-License-Identifier: BSD-2-Clause
/*
 * The bench's own world: namespaces that end with it, and the processes in
 * them.
 *
 * Invariant: every process started here dies with the bench's first process:
 * by its PID namespace, whatever else fails.
 */
#include "bench/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/netns.h"

#define TERM_MS 2000 /* a process that was told to end may take this long */
#define LINE_MS 2000

static int own_mounts(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -errno;
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		return -errno;
	if (mount("bpf", "/sys/fs/bpf", "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return -errno;
	/* For the instances' folders. */
	if (mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755"))
		return -errno;
	return 0;
}

int lab_isolate(int (*body)(void *context), void *context, struct sl_err *err)
{
	int status, r;
	pid_t pid;

	if (unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET))
		return sl_errno(err, errno, "namespaces for the bench; it needs root");
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return sl_errno(err, errno, "fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_IGN);
		r = own_mounts();
		if (r) {
			fprintf(stderr, "sluice-bench: mounting /proc, bpffs and /run for itself: %s\n",
				strerror(-r));
			_exit(1);
		}
		exit(body(context));
	}
	if (waitpid(pid, &status, 0) < 0)
		return sl_errno(err, errno, "waiting for the bench");
	return WIFEXITED(status) ? WEXITSTATUS(status) : sl_err(err, EINTR, "killed");
}

/* In a new child: dies with its parent, in ns, with the default signals. */
static void become_child(const struct ns *ns)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	if (ns && setns(ns->fd, CLONE_NEWNET)) {
		fprintf(stderr, "sluice-bench: entering the namespace of %d: %s\n", ns->pid, strerror(errno));
		_exit(126);
	}
}

pid_t lab_fork(const struct ns *ns, int (*body)(void *context), void *context, struct sl_err *err)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return sl_errno(err, errno, "fork");
	if (!pid) {
		become_child(ns);
		_exit(body(context));
	}
	return pid;
}

static int hold_namespace(void *context)
{
	int ready = *(int *)context;

	if (unshare(CLONE_NEWNET) || write(ready, "R", 1) != 1)
		return 1;
	for (;;)
		pause();
}

int ns_make(struct ns *ret, struct sl_err *err)
{
	struct ns ns;
	int pipefd[2];
	char byte;
	int r;

	if (pipe2(pipefd, O_CLOEXEC))
		return sl_errno(err, errno, "pipe");
	ns.pid = lab_fork(NULL, hold_namespace, &pipefd[1], err);
	close(pipefd[1]);
	r = ns.pid < 0 ? ns.pid : 0;
	if (!r && read(pipefd[0], &byte, 1) != 1)
		r = sl_err(err, EIO, "a network namespace cannot be made");
	close(pipefd[0]);
	if (!r) {
		ns.fd = sl_netns_open_pid(ns.pid, err);
		r = ns.fd < 0 ? ns.fd : 0;
	}
	if (r) {
		lab_stop(ns.pid);
		return r;
	}
	*ret = ns;
	return 0;
}

void ns_end(struct ns *ns)
{
	if (ns->pid <= 0)
		return;
	lab_stop(ns->pid);
	close(ns->fd);
	ns->pid = 0;
}

/* out_fd >= 0: becomes the child's output; with_errors: its error output too. */
static pid_t start(const struct ns *ns, int out_fd, bool with_errors, char *const words[], struct sl_err *err)
{
	pid_t pid;

	if (!words[0])
		return sl_err(err, EINVAL, "no program named");
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return sl_errno(err, errno, "fork for %s", words[0]);
	if (pid)
		return pid;
	become_child(ns);
	if (out_fd >= 0)
		dup2(out_fd, STDOUT_FILENO);
	if (out_fd >= 0 && with_errors)
		dup2(out_fd, STDERR_FILENO);
	execvp(words[0], words);
	fprintf(stderr, "%s: %s\n", words[0], strerror(errno));
	_exit(127);
}

pid_t lab_start(const struct ns *ns, int *ret_out, char *const words[], struct sl_err *err)
{
	int pipefd[2] = { -1, -1 };
	pid_t pid;

	if (ret_out && pipe2(pipefd, O_CLOEXEC))
		return sl_errno(err, errno, "pipe");
	pid = start(ns, pipefd[1], false, words, err);
	if (!ret_out)
		return pid;
	close(pipefd[1]);
	if (pid < 0)
		close(pipefd[0]);
	else
		*ret_out = pipefd[0];
	return pid;
}

/* Everything until the end of the stream; what does not fit is read and forgotten. */
static void read_all(int fd, char *out, size_t size)
{
	char rest[512];
	size_t used = 0;
	ssize_t n;

	do {
		n = used + 1 < size ? read(fd, out + used, size - 1 - used) : read(fd, rest, sizeof(rest));
		if (n > 0 && used + 1 < size)
			used += n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	out[used] = '\0';
}

int lab_capture(const struct ns *ns, char *out, size_t size, char *const words[], struct sl_err *err)
{
	int pipefd[2], status;
	pid_t pid;

	if (pipe2(pipefd, O_CLOEXEC))
		return sl_errno(err, errno, "pipe");
	pid = start(ns, pipefd[1], true, words, err);
	close(pipefd[1]);
	if (pid < 0) {
		close(pipefd[0]);
		return pid;
	}
	read_all(pipefd[0], out, size);
	close(pipefd[0]);
	if (waitpid(pid, &status, 0) < 0)
		return sl_errno(err, errno, "waiting for %s", words[0]);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return sl_err(err, EIO, "%s %s %s … failed: %.300s", words[0], words[1] ? words[1] : "",
			      words[1] && words[2] ? words[2] : "", out);
	return 0;
}

int lab_run(const struct ns *ns, struct sl_err *err, const char *fmt, ...)
{
	char line[512], out[400], *words[LAB_WORDS_MAX + 1], *save = NULL;
	unsigned int n = 0;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	for (char *word = strtok_r(line, " ", &save); word && n < LAB_WORDS_MAX;
	     word = strtok_r(NULL, " ", &save))
		words[n++] = word;
	words[n] = NULL;
	return lab_capture(ns, out, sizeof(out), words, err);
}

void lab_stop(pid_t pid)
{
	struct pollfd fd = { .events = POLLIN };

	if (pid <= 0)
		return;
	kill(pid, SIGTERM);
	fd.fd = pidfd_open(pid, 0);
	if (fd.fd < 0 || poll(&fd, 1, TERM_MS) != 1)
		kill(pid, SIGKILL);
	if (fd.fd >= 0)
		close(fd.fd);
	waitpid(pid, NULL, 0);
}

int lab_read_line(int fd, char *line, size_t size)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	size_t used = 0;

	while (used + 1 < size) {
		if (poll(&pollfd, 1, LINE_MS) != 1)
			return -ETIMEDOUT;
		if (read(fd, line + used, 1) != 1)
			return -EPIPE;
		if (line[used] == '\n')
			break;
		used++;
	}
	line[used] = '\0';
	return 0;
}
