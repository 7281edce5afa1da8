// SPDX-License-Identifier: BSD-2-Clause
/*
 * The daemon ends, in every way, and starts again: the wiring outlives it, the
 * core is kept, and a new daemon adopts what it finds.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/topo.h"
#include "lib/world.h"

TestSuite(restart, .init = world_enter, .fini = world_leave, .timeout = 90);

static void expect_adopted(struct topo *t, pid_t core)
{
	json_t *status = ctl(t->d, "status"), *list = ctl(t->d, "workloads");

	cr_expect_eq(json_int(status, "workloads"), 1);
	cr_expect_eq(json_array_size(json_at(list, "items")), 1);
	cr_expect_eq(json_int(list, "items.0.id"), WL_ID);
	cr_expect_str_eq(json_text(list, "items.0.mode"), "inline");
	cr_expect_str_eq(json_text(list, "items.0.fail"), "closed");
	cr_expect_eq(json_int(status, "dpi.pid"), core, "the core was not kept: %s", daemon_said(t->d));
	cr_expect_eq(topo_cores(), 1);
	json_decref(status);
	json_decref(list);
}

static void more_traffic(struct topo *t)
{
	__u64 before = counter(t->d, SL_PROG_VBR, SL_R_to_workload);

	cr_assert(wait_until(5000, counter(t->d, SL_PROG_VBR, SL_R_to_workload) > before + 500),
		  "the traffic stands still");
}

Test(restart, sigkill_under_traffic_loses_no_frame)
{
	struct topo *t = topo_direct("--verdicts no");
	struct flow *in, *out;
	pid_t core;

	daemon_intercept(t->d, t->workload, "--mode inline --fail closed --id 180");
	core = core_pid(t->d);
	in = flow_start(t->host, t->workload, WL_IP4, 5000, 2000, 200);
	out = flow_start(t->workload, t->host, HOST_IP6, 5001, 2000, 200);
	for (int i = 0; i < 3; i++) {
		daemon_kill9(t->d);
		more_traffic(t);
		daemon_restart(t->d);
		more_traffic(t);
		expect_adopted(t, core);
	}
	flow_end(in);
	flow_end(out);
	ctl_do(t->d, "mode --all off");
	cr_expect(ping(t->host, WL_IP4), "%s", ns_said());
	topo_end(t);
}

Test(restart, sigterm_keeps_all_working)
{
	struct topo *t = topo_direct("");
	pid_t core;

	daemon_intercept(t->d, t->workload, "--mode inline --fail closed --id 180");
	core = core_pid(t->d);
	daemon_term(t->d);
	cr_expect_eq(topo_cores(), 1, "the core went with the daemon");
	cr_expect(ping(t->host, WL_IP4), "%s", ns_said());
	daemon_restart(t->d);
	expect_adopted(t, core);
	cr_expect(ping(t->host, WL_IP6), "%s", ns_said());
	topo_end(t);
}

Test(restart, sigterm_can_give_all_back)
{
	struct topo *t = topo_direct("--on-exit release");

	daemon_intercept(t->d, t->workload, "--mode inline");
	cr_assert(ping(t->host, WL_IP4), "%s", ns_said());
	daemon_term(t->d);
	cr_expect(ping_within(t->host, WL_IP4, 3000), "%s", ns_said());
	topo_leaks(t);
}

Test(restart, a_core_that_died_meanwhile_is_replaced)
{
	struct topo *t = topo_direct("");
	pid_t core;

	daemon_intercept(t->d, t->workload, "--mode inline --fail open --id 180");
	core = core_pid(t->d);
	daemon_kill9(t->d);
	cr_assert(kill(core, SIGKILL) == 0);
	cr_assert(wait_until(5000, core_stale(t->d)));
	cr_expect(ping(t->host, WL_IP4), "without daemon and core, failing open: %s", ns_said());
	daemon_restart(t->d);
	cr_expect(wait_until(10000, core_alive(t->d)), "no core again: %s", daemon_said(t->d));
	cr_expect_neq(core_pid(t->d), core);
	cr_expect(ping(t->host, WL_IP4), "%s", ns_said());
	topo_end(t);
}

Test(restart, a_workload_that_died_meanwhile_is_cleaned_up)
{
	struct topo *t = topo_bridge("");
	json_t *list;

	daemon_intercept(t->d, t->workload, "--mode inline");
	daemon_intercept(t->d, t->workload2, "--mode inline");
	daemon_kill9(t->d);
	ns_kill(t->workload);
	cr_assert(wait_until(5000, ns_sh(t->agent, "ip -o link | grep -c 'vin.*-eth0' | grep -qx 1") == 0),
		  "the namespace does not die: %s", link_names(t->agent));
	daemon_restart(t->d);
	list = ctl(t->d, "workloads");
	cr_expect_eq(json_array_size(json_at(list, "items")), 1, "%s", json_dumps(list, 0));
	json_decref(list);
	cr_expect_eq(ns_sh(t->agent, "ip -o link | grep -c 'v[ei][xn].*-eth0' | grep -qx 2"), 0, "%s",
		     link_names(t->agent));
	cr_expect(ping(t->host, WL2_IP4), "%s", ns_said());
	topo_end(t);
}

Test(restart, a_second_daemon_is_refused)
{
	struct topo *t = topo_direct("");
	struct ns *elsewhere = ns_create("elsewhere");
	const char *said;
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", t->d->proc->pid);
	daemon_intercept(t->d, t->workload, "--mode inline --id 180");
	said = daemon_refused(t->host, t->agent, " ");
	cr_expect(strstr(said, pid), "does not say who is there (pid %s): %s", pid, said);
	said = daemon_refused(t->host, t->agent, "--instance other");
	cr_expect(strstr(said, pid), "does not say who is there (pid %s): %s", pid, said);
	/* The name alone is enough to be refused as well. */
	said = daemon_refused(t->host, elsewhere, " ");
	cr_expect(strstr(said, pid), "does not say who is there (pid %s): %s", pid, said);
	expect_adopted(t, core_pid(t->d));
	cr_expect(ping(t->host, WL_IP4), "%s", ns_said());
	topo_end(t);
}
