// SPDX-License-Identifier: BSD-2-Clause
/* Private mounts and the watchdog of a test; see world.h for the invariant. */
#include "lib/world.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

bool readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

void world_child(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	syscall(SYS_close_range, 3, ~0U, 0);
}

const char *world_build(void)
{
	static char path[PATH_MAX];
	const char *env = getenv("SLUICE_BUILD");
	ssize_t n;

	if (env) {
		if (!realpath(env, path))
			cr_assert_fail("SLUICE_BUILD=%s: %s", env, strerror(errno));
		return path;
	}
	n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	cr_assert(n > 0, "readlink /proc/self/exe: %s", strerror(errno));
	path[n] = 0;
	for (int i = 0; i < 2; i++) {
		char *slash = strrchr(path, '/');

		if (slash)
			*slash = 0;
	}
	return path;
}

const char *world_program(const char *name)
{
	static char path[8][PATH_MAX];
	static int turn;
	char *out = path[turn++ % 8];

	snprintf(out, PATH_MAX, "%s/%s", world_build(), name);
	cr_assert(access(out, X_OK) == 0, "%s: %s; build everything first", out, strerror(errno));
	return out;
}

/* Network namespaces that were claimed; shared with the watchdog. */
#define CLAIMS_MAX 16
static ino_t *claims;

void world_claim(pid_t pid)
{
	char path[64];
	struct stat st;
	int i = 0;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	cr_assert(stat(path, &st) == 0, "%s: %s", path, strerror(errno));
	while (i < CLAIMS_MAX && claims[i] && claims[i] != st.st_ino)
		i++;
	cr_assert(i < CLAIMS_MAX, "too many claims");
	claims[i] = st.st_ino;
}

static bool is_mine(pid_t pid, ino_t mount_ns)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	if (stat(path, &st))
		return false;
	if (st.st_ino == mount_ns)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	if (stat(path, &st))
		return false;
	for (int i = 0; i < CLAIMS_MAX && claims[i]; i++) {
		if (st.st_ino == claims[i])
			return true;
	}
	return false;
}

/* Kills every process of this mount namespace and of claimed ones but this one and `but`. How many there were. */
static int kill_the_rest(pid_t but)
{
	struct dirent *entry;
	DIR *proc = opendir("/proc");
	int killed = 0;
	struct stat st;

	if (!proc)
		return 0;
	if (stat("/proc/self/ns/mnt", &st))
		st.st_ino = 0;
	while (st.st_ino && (entry = readdir(proc))) {
		pid_t pid = atoi(entry->d_name);

		if (pid > 1 && pid != getpid() && pid != but && is_mine(pid, st.st_ino) &&
		    !kill(pid, SIGKILL))
			killed++;
	}
	closedir(proc);
	return killed;
}

static int watchdog_pipe = -1;
static pid_t watchdog;

/* A session of its own: a signal to the test's process group must not hit the one who tidies up after it. */
static void start_watchdog(void)
{
	int dismissal[2], null;
	char byte;

	cr_assert(pipe2(dismissal, O_CLOEXEC) == 0, "pipe to the watchdog: %s", strerror(errno));
	watchdog = fork();
	cr_assert(watchdog >= 0, "fork of the watchdog: %s", strerror(errno));
	if (watchdog) {
		close(dismissal[0]);
		watchdog_pipe = dismissal[1];
		return;
	}
	setsid();
	null = open("/dev/null", O_RDWR);
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	dup2(dismissal[0], 3);
	syscall(SYS_close_range, 4, ~0U, 0);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	/* A byte is a dismissal; the end of the pipe is the test's end, however it came about. */
	if (read(3, &byte, 1) == 1)
		_exit(0);
	/* Again and again: one of them may have been forking. */
	for (int i = 0; i < 200 && kill_the_rest(0); i++)
		readable(-1, 10);
	_exit(0);
}

static void mount_private(const char *type, const char *at)
{
	cr_assert(mount(type, at, type, 0, NULL) == 0, "mount %s on %s: %s", type, at, strerror(errno));
}

void world_enter(void)
{
	if (geteuid())
		cr_skip_test("needs root: namespaces, mounts and BPF");
	cr_assert(unshare(CLONE_NEWNS) == 0, "unshare of mounts: %s", strerror(errno));
	cr_assert(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "mounts made private: %s",
		  strerror(errno));
	claims = mmap(NULL, CLAIMS_MAX * sizeof(*claims), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	cr_assert(claims != MAP_FAILED, "shared memory: %s", strerror(errno));
	mount_private("tmpfs", "/run");
	mount_private("tmpfs", WORLD_TMP);
	mount_private("bpf", "/sys/fs/bpf");
	/* Orphans (a core whose daemon was killed) become this process's, so that it can reap them. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	start_watchdog();
}

static void reap_all(pid_t but)
{
	siginfo_t info;

	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) || !info.si_pid)
			return;
		if (info.si_pid == but)
			watchdog = 0;
	}
}

void world_leave(void)
{
	if (!watchdog)
		return;
	for (int i = 0; i < 200 && kill_the_rest(watchdog); i++) {
		readable(-1, 2);
		reap_all(watchdog);
	}
	if (watchdog && write(watchdog_pipe, "q", 1) == 1)
		waitpid(watchdog, NULL, 0);
	watchdog = 0;
}
