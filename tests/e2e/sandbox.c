// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the core can still do once it runs, as the kernel tells it of the
 * living process: nothing but what it holds already.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/topo.h"
#include "lib/world.h"

TestSuite(sandbox, .init = world_enter, .fini = world_leave, .timeout = 60);

/* The value of a field of /proc/PID/task/TID/status, valid until the next call. */
static const char *status_of(pid_t pid, const char *tid, const char *field)
{
	static char line[512];
	char path[300];
	size_t len = strlen(field);
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/status", pid, tid);
	f = fopen(path, "re");
	cr_assert_not_null(f, "%s", path);
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, field, len) && line[len] == ':') {
			fclose(f);
			line[strcspn(line, "\n")] = 0;
			return line + len + 1 + strspn(line + len + 1, "\t ");
		}
	}
	fclose(f);
	cr_assert(false, "%s has no %s", path, field);
	return "";
}

static void check_thread(pid_t pid, const char *tid)
{
	static const char *const none[] = { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb" };
	unsigned int real, effective, saved, fs;

	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		cr_expect_eq(strtoull(status_of(pid, tid, none[i]), NULL, 16), 0, "thread %s: %s", tid,
			     none[i]);
	cr_expect_str_eq(status_of(pid, tid, "NoNewPrivs"), "1");
	cr_expect_str_eq(status_of(pid, tid, "Seccomp"), "2", "thread %s has no system call filter", tid);
	cr_expect_str_eq(status_of(pid, tid, "Groups"), "", "thread %s", tid);
	cr_assert_eq(sscanf(status_of(pid, tid, "Uid"), "%u %u %u %u", &real, &effective, &saved, &fs), 4);
	cr_expect(real && effective == real && saved == real && fs == real, "thread %s: uid %u", tid, real);
	cr_assert_eq(sscanf(status_of(pid, tid, "Gid"), "%u %u %u %u", &real, &effective, &saved, &fs), 4);
	cr_expect(real && effective == real && saved == real && fs == real, "thread %s: gid %u", tid, real);
}

/* No folder and no file but its lock, which it must hold to be found; the rest are sockets, maps, memory. NULL: so it is. */
static const char *holds(pid_t pid)
{
	static char target[300];
	const char *found = NULL;
	struct dirent *entry;
	char path[300];
	ssize_t n;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	cr_assert_not_null(dir);
	while (!found && (entry = readdir(dir))) {
		if (*entry->d_name == '.' || atoi(entry->d_name) <= 2)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/fd/%s", pid, entry->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		/* Closed meanwhile. */
		if (n <= 0)
			continue;
		target[n] = 0;
		if (*target == '/' && !strstr(target, "dpi.lock"))
			found = target;
	}
	closedir(dir);
	return found;
}

Test(sandbox, the_running_core_has_nothing_but_its_descriptors)
{
	struct topo *t = topo_direct("--workers 2");
	char path[300];
	struct dirent *entry;
	pid_t pid = core_pid(t->d);
	int threads = 0;
	DIR *dir;

	daemon_intercept(t->d, t->workload, "--mode inline");
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	cr_assert_not_null(dir);
	while ((entry = readdir(dir))) {
		if (*entry->d_name != '.') {
			check_thread(pid, entry->d_name);
			threads++;
		}
	}
	closedir(dir);
	cr_expect_eq(threads, 3, "two workers and the main thread");

	snprintf(path, sizeof(path), "/proc/%d/root/", pid);
	dir = opendir(path);
	cr_assert_not_null(dir);
	while ((entry = readdir(dir)))
		cr_expect_eq(*entry->d_name, '.', "it can see %s", entry->d_name);
	closedir(dir);
	cr_expect_neq(access(path, W_OK), 0, "even root cannot make a file there");

	/* A policy comes as memory with a name, and is let go when it has been read. */
	cr_expect(wait_until(5000, !holds(pid)), "it holds %s", holds(pid));
	cr_expect(ping(t->host, WL_IP4), "and it forwards: %s", ns_said());
	topo_end(t);
}
