// SPDX-License-Identifier: BSD-2-Clause
/*
 * sluicectl repair: ports are put in order by hand, with no daemon and
 * whatever has become of its records.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/topo.h"
#include "lib/world.h"

TestSuite(repair, .init = world_enter, .fini = world_leave, .timeout = 60);

/* Runs it; what it has said is in ns_said(). The exit status. */
static int repair(struct topo *t, const char *options)
{
	return ns_sh(t->d->home, "%s -i " DAEMON_INSTANCE " repair %s 2>&1", world_program("sluicectl"),
		     options);
}

static void at_home(struct topo *t, const char *what)
{
	char *look;

	cr_assert(ping_within(t->host, WL_IP4, 3000), "%s: %s", what, ns_said());
	cr_assert(ping_within(t->host, WL_IP6, 3000), "%s: %s", what, ns_said());
	look = topo_look(t->workload);
	cr_assert_str_eq(look, t->before_workload, "%s:\nbefore:\n%s\nnow:\n%s", what, t->before_workload,
			 look);
	cr_expect_neq(ns_sh(t->agent, "ip -o link | grep -e ' vex' -e ' vin'"), 0, "%s: %s", what, ns_said());
	cr_expect_neq(ns_sh(NULL, "ls -A " DAEMON_RUN "/ports | grep ."), 0, "%s: %s", what, ns_said());
	cr_expect_neq(ns_sh(NULL, "ls " DAEMON_PINS "/links | grep -e vex -e vin"), 0, "%s: %s", what,
		      ns_said());
}

static struct topo *taken_and_killed(void)
{
	struct topo *t = topo_direct("--mode off");

	daemon_intercept(t->d, t->workload, "");
	daemon_kill9(t->d);
	return t;
}

/* The daemon is as good as new afterwards. */
static void goes_on(struct topo *t)
{
	daemon_restart(t->d);
	daemon_intercept(t->d, t->workload, "");
	cr_expect(ping_within(t->host, WL_IP4, 3000), "%s", ns_said());
	topo_end(t);
}

Test(repair, leaves_alone_what_works)
{
	struct topo *t = topo_direct("--mode off");
	char pid[32];

	daemon_intercept(t->d, t->workload, "");
	json_t *status = ctl(t->d, "status");

	snprintf(pid, sizeof(pid), " %lld ", (long long)json_int(status, "pid"));
	json_decref(status);
	cr_expect_eq(repair(t, ""), 1);
	cr_expect(strstr(ns_said(), pid), "refused without the daemon's pid:%s: %s", pid, ns_said());
	daemon_kill9(t->d);
	cr_expect_eq(repair(t, "--dry-run"), 0, "%s", ns_said());
	cr_expect_eq(repair(t, ""), 0, "%s", ns_said());
	cr_expect(strstr(ns_said(), "in order: nothing"), "%s", ns_said());
	cr_expect(ping(t->host, WL_IP4), "%s", ns_said());
	daemon_restart(t->d);
	topo_end(t);
}

Test(repair, a_port_without_a_record)
{
	struct topo *t = taken_and_killed();

	ns_run(NULL, "rm " DAEMON_RUN "/ports/1.json");
	cr_expect_eq(repair(t, "--dry-run"), 1, "%s", ns_said());
	cr_expect(strstr(ns_said(), "bring it home"), "%s", ns_said());
	cr_expect(ping(t->host, WL_IP4), "a dry run has done something: %s", ns_said());
	cr_expect_eq(repair(t, ""), 0, "%s", ns_said());
	at_home(t, "without a record");
	cr_expect_eq(repair(t, ""), 0, "%s", ns_said());
	cr_expect(strstr(ns_said(), "no port is on record"), "%s", ns_said());
	goes_on(t);
}

Test(repair, a_record_that_cannot_be_read)
{
	struct topo *t = taken_and_killed();

	ns_run(NULL, "echo '{' >" DAEMON_RUN "/ports/1.json");
	cr_expect_eq(repair(t, "-j"), 0, "%s", ns_said());
	cr_expect(strstr(ns_said(), "\"done\":true") || strstr(ns_said(), "\"done\": true"), "%s", ns_said());
	at_home(t, "with a record of rubbish");
	goes_on(t);
}

Test(repair, a_port_that_is_cut_off)
{
	struct topo *t = taken_and_killed();

	/* The substitute goes with it: all that is left is the original and the record. */
	ns_run(t->agent, "ip link del $(ip -o link | awk -F'[ :@]+' '/ vin/ {print $2}')");
	cr_expect_eq(repair(t, "--dry-run"), 1, "%s", ns_said());
	cr_expect(strstr(ns_said(), "cut off"), "%s", ns_said());
	cr_expect_eq(repair(t, ""), 0, "%s", ns_said());
	cr_expect(ping_within(t->host, WL_IP4, 3000), "%s", ns_said());
	cr_expect(ping_within(t->host, WL_IP6, 3000), "%s", ns_said());
	goes_on(t);
}

/* The same by the daemon itself, which finds no record when it starts. */
Test(repair, the_daemon_does_not_strand_a_port_without_a_record)
{
	struct topo *t = taken_and_killed();

	ns_run(NULL, "rm " DAEMON_RUN "/ports/1.json");
	daemon_restart(t->d);
	at_home(t, "the daemon started without a record");
	topo_end(t);
}

/* By the host's side the port never left the workload: what comes home is its far end, with its place. */
static void host_side_without_a_record(struct topo *t, bool by_daemon)
{
	unsigned int number = link_index(t->host, "vethwl");
	char *look = strdup(ns_run(t->host,
				   "ip -o addr show vethwl; ip -o link show vethwl | grep -o master.br[^ ]*; "
				   "ip route show dev vethwl; true"));

	daemon_intercept(t->d, t->workload, "--side host");
	daemon_kill9(t->d);
	ns_run(NULL, "rm " DAEMON_RUN "/ports/1.json");
	if (by_daemon) {
		daemon_restart(t->d);
	} else {
		cr_expect_eq(repair(t, "--dry-run"), 1, "%s", ns_said());
		cr_expect(strstr(ns_said(), "bring it home"), "%s", ns_said());
		cr_expect_eq(repair(t, ""), 0, "%s", ns_said());
	}
	at_home(t, "the host's side, without a record");
	cr_expect_eq(link_index(t->host, "vethwl"), number);
	cr_expect_str_eq(ns_run(t->host,
				"ip -o addr show vethwl; ip -o link show vethwl | grep -o master.br[^ ]*; "
				"ip route show dev vethwl; true"),
			 look);
	free(look);
	if (by_daemon)
		topo_end(t);
	else
		goes_on(t);
}

Test(repair, a_bridged_host_end_without_a_record)
{
	host_side_without_a_record(topo_bridge("--mode off"), false);
}

Test(repair, a_routed_host_end_without_a_record)
{
	host_side_without_a_record(topo_direct("--mode off"), false);
}

Test(repair, the_daemon_does_not_strand_a_host_end_without_a_record)
{
	host_side_without_a_record(topo_bridge("--mode off"), true);
}
