// SPDX-License-Identifier: BSD-2-Clause
/*
 * Many workloads: does the thousandth cost what the first did?
 *
 * Invariant: the time for one port does not grow with their number, the
 * daemon's memory grows by little for each and comes back, ids are used again.
 * $SLUICE_SCALE is their number (`make soak`: 1000); times are judged only when
 * there are enough of them to mean something.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/topo.h"
#include "lib/world.h"

TestSuite(scale, .init = world_enter, .fini = world_leave, .timeout = 3600);

#define SCALE_FEW 40
#define SCALE_JUDGED 400 /* fewer say nothing about time */
#define GROWTH_MAX 2.0 /* last fifth to first fifth */
#define KIB_EACH_MAX 64 /* of the daemon's memory, for one workload */

static int number(void)
{
	const char *text = getenv("SLUICE_SCALE");
	int n = text ? atoi(text) : SCALE_FEW;

	return n >= 10 && n <= 10000 ? n : SCALE_FEW;
}

static pid_t *make_workloads(struct topo *t, int n)
{
	struct rlimit files;
	pid_t *pids = calloc(n, sizeof(*pids));
	FILE *batch = fopen(WORLD_TMP "/links", "we");

	cr_assert(pids && batch && !getrlimit(RLIMIT_NOFILE, &files));
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	for (int i = 0; i < n; i++) {
		struct ns *ns = ns_create("one of many");

		pids[i] = ns->pid;
		close(ns->fd);
		free(ns);
		fprintf(batch, "link add v%d up type veth peer name eth0 netns %d\n", i, pids[i]);
		fprintf(batch, "addr add 172.%d.%d.%d/30 dev v%d\n", 16 + i / 16384, i / 64 % 256,
			i % 64 * 4 + 1, i);
	}
	fclose(batch);
	ns_run(t->host, "ip -batch " WORLD_TMP "/links");
	for (int i = 0; i < n; i++)
		ns_run(NULL,
		       "nsenter -n -t %d sh -c 'ip addr add 172.%d.%d.%d/30 dev eth0; ip link set eth0 up'",
		       pids[i], 16 + i / 16384, i / 64 % 256, i % 64 * 4 + 2);
	return pids;
}

static long rss_kib(pid_t pid)
{
	return atol(ns_run(NULL, "awk '/^VmRSS/ {print $2}' /proc/%d/status", pid));
}

static int by_value(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	return (x > y) - (x < y);
}

static long median(const long *values, int n)
{
	long sorted[n];

	memcpy(sorted, values, sizeof(sorted));
	qsort(sorted, n, sizeof(*sorted), by_value);
	return sorted[n / 2];
}

/* What the processor did for the daemon's main thread, or the core's, up to now. */
static long cpu_us(pid_t pid)
{
	char path[64];
	unsigned long long ns = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%llu", &ns) != 1)
		ns = 0;
	if (file)
		fclose(file);
	return (long)(ns / 1000);
}

/* Of one command each: until it was answered, and what the daemon itself did. */
struct taken {
	long *ms, *cpu_us;
};

/* By this many they are told of: the ten before, or all. */
static void tell_steps(const char *verb, const struct taken *took, int n)
{
	for (int at = 10; at <= n; at *= 10)
		tell("%s, the ten up to %d: median %ld ms, %.1f ms of CPU", verb, at,
		     median(took->ms + at - 10, 10), median(took->cpu_us + at - 10, 10) / 1000.0);
}

/* One command a workload; says what the first and the last fifth took. */
static void each(struct topo *t, const pid_t *pids, int n, const char *verb, const char *options)
{
	struct taken took = { calloc(n, sizeof(long)), calloc(n, sizeof(long)) };
	pid_t core = core_pid(t->d), daemon = t->d->proc->pid;
	long first, last, core_us = cpu_us(core);
	int64_t start = now_ms(), begun;
	int fifth = n / 5;

	cr_assert(took.ms && took.cpu_us);
	for (int i = 0; i < n; i++) {
		begun = now_ms();
		took.cpu_us[i] = -cpu_us(daemon);
		ctl_do(t->d, "%s pid:%d %s", verb, pids[i], options);
		took.cpu_us[i] += cpu_us(daemon);
		took.ms[i] = now_ms() - begun;
	}
	first = median(took.ms, fifth);
	last = median(took.ms + n - fifth, fifth);
	tell("%s, %d workloads: %.1f s, %.1f ms each; median of the first %d %ld ms, of the last %d "
	     "%ld ms; daemon %ld KiB; the core's control %.2f ms each",
	     verb, n, (now_ms() - start) / 1000.0, (double)(now_ms() - start) / n, fifth, first, fifth, last,
	     rss_kib(daemon), (cpu_us(core) - core_us) / 1000.0 / n);
	tell_steps(verb, &took, n);
	if (n >= SCALE_JUDGED)
		cr_expect(last <= first * GROWTH_MAX + 2,
			  "%s grows with the number: %ld ms at first, %ld ms at "
			  "last",
			  verb, first, last);
	free(took.ms);
	free(took.cpu_us);
}

/*
 * A hundred of them, evenly: the kernel has room for 1024 neighbours in all
 * namespaces together, and each answer takes two. One shell for all, or
 * starting them would be most of the test.
 */
static void answer(struct topo *t, int n, const char *when)
{
	ns_run(t->host,
	       "i=0; while [ $i -lt %d ]; do ping -n -q -c 1 -W 2 172.$((16 + i / 16384)).$((i / 64 %% 256))."
	       "$((i %% 64 * 4 + 2)) >/dev/null || { echo no answer of $i, %s; exit 1; }; i=$((i + %d)); "
	       "done",
	       n, when, n > 200 ? n / 100 : 1);
}

Test(scale, as_many_as_asked_for)
{
	struct topo *t = topo_bare();
	int n = number();
	pid_t *pids = make_workloads(t, n);
	long before, full;
	json_t *list;

	t->d = daemon_start(t->host, t->agent, " ");
	before = rss_kib(t->d->proc->pid);
	each(t, pids, n, "intercept", "--mode off");
	full = rss_kib(t->d->proc->pid);
	cr_expect_leq((full - before) / n, KIB_EACH_MAX, "%ld KiB for each", (full - before) / n);
	list = ctl(t->d, "workloads");
	cr_expect_eq((int)json_array_size(json_at(list, "items")), n);
	json_decref(list);
	answer(t, n, "taken");
	each(t, pids, n, "release", "");
	answer(t, n, "given back");
	/* As low as before, and the memory too: what was given back is used again. */
	for (int i = 0; i < 10; i++) {
		list = ctl(t->d, "intercept pid:%d --mode off", pids[n - 1 - i]);
		cr_expect_eq(json_int(list, "items.0.id"), i + 1);
		json_decref(list);
	}
	cr_expect_leq(rss_kib(t->d->proc->pid), full + 1024);
	tell("daemon: %ld KiB empty, %ld KiB with %d, %ld KiB afterwards", before, full, n,
	     rss_kib(t->d->proc->pid));
	free(pids);
	topo_end(t);
}
