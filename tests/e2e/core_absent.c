// SPDX-License-Identifier: BSD-2-Clause
/*
 * The core stands still or dies: the workload's `fail` setting rules, there is
 * no third state, and inspection comes back with the core.
 */
#include <criterion/criterion.h>
#include <signal.h>

#include "lib/topo.h"
#include "lib/world.h"

TestSuite(core_absent, .init = world_enter, .fini = world_leave, .timeout = 60);

static void stop_core(struct topo *t)
{
	cr_assert(kill(core_pid(t->d), SIGSTOP) == 0);
	cr_assert(wait_until(5000, core_stale(t->d)), "the heartbeat of a stopped core does not age");
}

static void continue_core(struct topo *t)
{
	cr_assert(kill(core_pid(t->d), SIGCONT) == 0);
	cr_assert(wait_until(5000, core_alive(t->d)), "no heartbeat after SIGCONT: %s", daemon_said(t->d));
}

Test(core_absent, fail_closed_then_open_then_inline_again)
{
	struct topo *t = topo_direct("");
	__u64 diverted;

	daemon_intercept(t->d, t->workload, "--mode inline --fail closed");
	/* Both ends know each other's MAC from here on: what is dropped below is their IP, not their asking. */
	cr_assert(ping(t->host, WL_IP4), "%s", ns_said());
	cr_assert(ping(t->workload, HOST_IP6), "%s", ns_said());
	stop_core(t);
	cr_expect(!ping(t->host, WL_IP4),
		  "answered although the core is absent and the workload fails closed");
	cr_expect(!ping(t->workload, HOST_IP6));
	cr_expect_gt(counter(t->d, SL_PROG_VEX, SL_R_fail_closed), 0);
	cr_expect_gt(counter(t->d, SL_PROG_VIN, SL_R_fail_closed), 0);

	ctl_do(t->d, "mode --all --fail open");
	cr_expect(ping(t->host, WL_IP4), "%s", ns_said());
	cr_expect(ping(t->workload, HOST_IP6), "%s", ns_said());
	cr_expect_gt(counter(t->d, SL_PROG_VEX, SL_R_fail_open), 0);
	cr_expect_gt(counter(t->d, SL_PROG_VIN, SL_R_fail_open), 0);

	continue_core(t);
	diverted = counter_legs(t->d, SL_R_diverted);
	cr_expect(ping(t->host, WL_IP4), "%s", ns_said());
	cr_expect_geq(counter_legs(t->d, SL_R_diverted), diverted + 6, "inspection did not come back");
	topo_end(t);
}

Test(core_absent, tap_goes_on_without_copies)
{
	struct topo *t = topo_direct("");

	daemon_intercept(t->d, t->workload, "--mode tap");
	stop_core(t);
	cr_expect(ping(t->host, WL_IP4), "%s", ns_said());
	cr_expect_gt(counter_legs(t->d, SL_R_tap_no_copy), 0);
	continue_core(t);
	topo_end(t);
}

Test(core_absent, killed_core_comes_back)
{
	struct topo *t = topo_direct("");
	pid_t first, second;
	__u64 diverted;

	daemon_intercept(t->d, t->workload, "--mode inline --fail closed");
	cr_assert(ping(t->host, WL_IP4), "%s", ns_said());
	first = core_pid(t->d);
	cr_assert(kill(first, SIGKILL) == 0);
	cr_assert(wait_until(10000, (second = core_pid(t->d)) > 0 && second != first && core_alive(t->d)),
		  "no new core: %s", daemon_said(t->d));
	diverted = counter_legs(t->d, SL_R_diverted);
	cr_expect(ping_within(t->host, WL_IP4, 5000), "%s", ns_said());
	cr_expect_gt(counter_legs(t->d, SL_R_diverted), diverted);
	cr_expect_eq(topo_cores(), 1);
	topo_end(t);
}
