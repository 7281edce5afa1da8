// SPDX-License-Identifier: BSD-2-Clause
/*
 * The spare core: it takes the place of one that dies, as a core like any
 * other, and is there only as long as somebody may need it.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/dial.h"
#include "lib/rules.h"
#include "lib/topo.h"
#include "lib/world.h"

TestSuite(spare, .init = world_enter, .fini = world_leave, .timeout = 90);

#define WAIT_MS 15000
#define CONF WORLD_TMP "/sluiced.conf"

static pid_t until_spare(struct topo *t)
{
	cr_assert(wait_until(WAIT_MS, topo_spare() > 0), "there is no spare core: %s", daemon_said(t->d));
	return topo_spare();
}

/* Returns the one that has come instead. */
static pid_t kill_core(struct topo *t)
{
	pid_t core = core_pid(t->d);
	int64_t start = now_ms();

	cr_assert_eq(kill(core, SIGKILL), 0);
	cr_assert(wait_until(WAIT_MS, core_pid(t->d) > 0 && core_pid(t->d) != core && core_alive(t->d)), "%s",
		  daemon_said(t->d));
	tell("%s: another core forwards %ld ms after one was killed", t->d->options,
	     (long)(now_ms() - start));
	return core_pid(t->d);
}

static void expect_policy(struct topo *t)
{
	cr_expect_eq(dial_tcp(t->host, WL_IP4, 8080, 3000, NULL), 0, "%s", daemon_said(t->d));
	cr_expect_eq(dial_tcp(t->host, WL_IP4, 8081, 3000, NULL), ECONNREFUSED);
}

/* What it may do by then, as the kernel says. */
static void expect_confined(pid_t pid)
{
	const char *status = ns_run(NULL, "cat /proc/%d/status", pid);

	cr_expect(strstr(status, "Name:\tsluice-dpi\n"), "%s", status);
	cr_expect(strstr(status, "CapEff:\t0000000000000000\n"), "%s", status);
	cr_expect(strstr(status, "CapPrm:\t0000000000000000\n"), "%s", status);
	cr_expect(strstr(status, "NoNewPrivs:\t1\n"), "%s", status);
	cr_expect(strstr(status, "Seccomp:\t2\n"), "%s", status);
	cr_expect(!strstr(status, "Uid:\t0\t"), "%s", status);
}

static void takes_its_place(const char *options)
{
	struct topo *t = topo_direct(options);
	pid_t spare;
	int in;

	daemon_intercept(t->d, t->workload, "--name web");
	rules_apply(t->d, RULES("protect"));
	in = dial_server(t->workload, WL_IP4, 8080, SOCK_STREAM);
	for (int i = 0; i < 2; i++) {
		spare = until_spare(t);
		expect_policy(t);
		cr_expect_eq(kill_core(t), spare, "%s", daemon_said(t->d));
		expect_confined(spare);
		expect_policy(t);
		cr_expect_eq(topo_cores(), 1);
	}
	close(in);
	topo_end(t);
}

Test(spare, takes_the_place_of_a_core_that_dies)
{
	takes_its_place("--spare yes");
}

Test(spare, takes_the_place_of_a_core_with_two_workers)
{
	takes_its_place("--workers 2");
}

static void configure(const char *threats)
{
	FILE *file = fopen(CONF, "w");

	cr_assert(file && fprintf(file, "[threats]\n%s", threats) > 0 && !fclose(file));
}

/* A reload changes what a core is started with. */
Test(spare, of_other_settings_is_not_used)
{
	struct topo *t = topo_bare();
	pid_t spare;

	configure("");
	t->d = daemon_start(t->host, t->agent, "--config " CONF);
	daemon_intercept(t->d, t->workload, "");
	spare = until_spare(t);
	configure("syn_flood = 10\n");
	kill(t->d->proc->pid, SIGHUP);
	cr_assert(wait_until(WAIT_MS, strstr(daemon_said(t->d), "reloaded")), "%s", daemon_said(t->d));
	cr_expect_neq(kill_core(t), spare, "%s", daemon_said(t->d));
	cr_expect(ping(t->host, WL_IP4), "%s", ns_said());
	/* The next one is of today. */
	spare = until_spare(t);
	cr_expect_eq(kill_core(t), spare, "%s", daemon_said(t->d));
	topo_end(t);
}

Test(spare, one_that_has_died_is_done_without)
{
	struct topo *t = topo_direct("");
	pid_t spare;

	daemon_intercept(t->d, t->workload, "");
	spare = until_spare(t);
	cr_assert_eq(kill(spare, SIGKILL), 0);
	cr_expect(wait_until(WAIT_MS, strstr(daemon_said(t->d), "the spare core (pid ")), "%s",
		  daemon_said(t->d));
	cr_expect_neq(kill_core(t), spare);
	cr_expect(ping(t->host, WL_IP4), "%s", ns_said());
	cr_expect_neq(until_spare(t), spare);
	topo_end(t);
}

Test(spare, ends_with_its_daemon)
{
	struct topo *t = topo_direct("");
	pid_t core, spare;

	daemon_intercept(t->d, t->workload, "");
	core = core_pid(t->d);
	spare = until_spare(t);
	daemon_kill9(t->d);
	cr_expect(wait_until(WAIT_MS, topo_spare() == 0));
	cr_expect(ping(t->host, WL_IP4), "%s", ns_said());
	daemon_restart(t->d);
	cr_expect_eq(core_pid(t->d), core);
	cr_expect_neq(until_spare(t), spare);
	daemon_term(t->d);
	cr_expect_eq(topo_spare(), 0);
	cr_expect_eq(topo_cores(), 1);
	daemon_restart(t->d);
	topo_end(t);
}

Test(spare, is_not_kept_where_none_is_wanted)
{
	struct topo *t = topo_direct("--spare no");

	daemon_intercept(t->d, t->workload, "");
	for (int i = 0; i < 2; i++) {
		/* It would be there a second after a core forwards. */
		cr_expect(!wait_until(3000, topo_spare() != 0), "%s", daemon_said(t->d));
		kill_core(t);
		cr_expect(!strstr(daemon_said(t->d), "the spare one"), "%s", daemon_said(t->d));
	}
	topo_end(t);
}
