// SPDX-License-Identifier: BSD-2-Clause
/*
 * The worst moments: the daemon is killed while a port changes hands, and
 * what it has written down is damaged when it starts again.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/topo.h"
#include "lib/world.h"

TestSuite(crash, .init = world_enter, .fini = world_leave, .timeout = 120);

static unsigned int taken(struct topo *t)
{
	json_t *status = ctl(t->d, "status");
	unsigned int n = json_int(status, "workloads");

	json_decref(status);
	return n;
}

/* Starts the command, and kills the daemon when it has had us of time for it. */
static void kill_during(struct topo *t, const char *command, useconds_t us)
{
	struct proc *proc =
		ns_spawn(t->d->home, "%s -i " DAEMON_INSTANCE " %s", world_program("sluicectl"), command);

	usleep(us); /* no waiting for something to be ready: the moment is what is varied */
	daemon_kill9(t->d);
	proc_end(proc, 0, 5000);
	daemon_restart(t->d);
}

/* Whatever the moment, the workload has its port with all of it, and nothing is left of the other. */
static void whole(struct topo *t, const char *when, useconds_t us)
{
	char *look;

	cr_assert(ping_within(t->host, WL_IP4, 3000), "killed %u us into %s: %s\n%s", us, when, ns_said(),
		  daemon_said(t->d));
	cr_expect(ping_within(t->host, WL_IP6, 3000), "killed %u us into %s: %s", us, when, ns_said());
	look = topo_look(t->workload);
	cr_assert_str_eq(look, t->before_workload, "killed %u us into %s:\nbefore:\n%s\nnow:\n%s\n%s", us,
			 when, t->before_workload, look, daemon_said(t->d));
	cr_expect_neq(ns_sh(t->workload, "ip -o link | grep sluice"), 0, "killed %u us into %s: %s", us, when,
		      ns_said());
}

Test(crash, killed_at_any_moment_of_taking)
{
	struct topo *t = topo_direct("--mode off");

	for (useconds_t us = 2000; us <= 40000; us += 2000) {
		char command[64];

		snprintf(command, sizeof(command), "intercept pid:%d --port eth0", t->workload->pid);
		kill_during(t, command, us);
		whole(t, "taking", us);
		if (taken(t))
			ctl_do(t->d, "release --all");
	}
	topo_end(t);
}

Test(crash, killed_at_any_moment_of_giving_back)
{
	struct topo *t = topo_direct("--mode off");

	for (useconds_t us = 2000; us <= 40000; us += 2000) {
		if (!taken(t))
			daemon_intercept(t->d, t->workload, "");
		kill_during(t, "release --all", us);
		whole(t, "giving back", us);
	}
	topo_end(t);
}

Test(crash, a_port_whose_state_cannot_be_read_works_on)
{
	struct topo *t = topo_bridge("");
	const char *said;

	daemon_intercept(t->d, t->workload, "--mode inline --id 1");
	daemon_kill9(t->d);
	ns_run(NULL,
	       "cp " DAEMON_RUN "/ports/1.json " WORLD_TMP "/good && echo '{' >" DAEMON_RUN "/ports/1.json");
	daemon_restart(t->d);
	cr_expect_eq(taken(t), 0);
	cr_expect(ping(t->host, WL_IP4), "cut off: %s\n%s", ns_said(), daemon_said(t->d));
	/* Its id is not given to another, whose frames would then meet. */
	cr_expect_eq(daemon_intercept(t->d, t->workload2, "--mode inline"), 2);
	cr_expect(ping(t->host, WL2_IP4), "%s", ns_said());
	cr_expect(ping(t->host, WL_IP4), "%s", ns_said());
	said = ctl_refused(t->d, "stop --release");
	cr_expect(strstr(said, "cannot be read"), "%s", said);
	/* Repaired, it is adopted. */
	daemon_kill9(t->d);
	ns_run(NULL, "cp " WORLD_TMP "/good " DAEMON_RUN "/ports/1.json");
	daemon_restart(t->d);
	cr_expect_eq(taken(t), 2);
	topo_end(t);
}

static uint64_t received(struct ns *ns)
{
	unsigned long long n = 0;

	/* Datagrams that this namespace's own stack has taken in, by whatever port. */
	sscanf(ns_run(ns, "awk '/^Icmp:/ {n = $2} END {print n}' /proc/net/snmp"), "%llu", &n);
	return n;
}

/*
 * A redirect by way of an ifb marks frames so that the next receiver runs no
 * tc program on them. They are not inspected, so they must not get anywhere.
 */
Test(crash, frames_that_skip_tc_do_not_reach_the_agents_stack)
{
	struct topo *t = topo_direct("--mode inline");
	char vin[64];
	uint64_t before;

	if (ns_sh(t->workload, "ip link add ifb0 type ifb && ip link set ifb0 up") != 0)
		cr_skip_test("this kernel has no ifb");
	daemon_intercept(t->d, t->workload, "");
	snprintf(vin, sizeof(vin), "%s",
		 ns_run(t->agent, "ip -o link | awk -F'[ :@]+' '/ vin/ {printf \"%%s\", $2}'"));
	/* An address of the agent's own, as a host has. */
	ns_run(t->agent, "ip addr add 10.10.10.99/32 dev lo");
	ns_run(t->workload, "ip neigh replace 10.10.10.99 lladdr %s dev eth0",
	       mac_text(link_mac(t->agent, vin)));
	before = received(t->agent);
	/* The queue of the ifb is slow; the redirection is gone when it hands them back, so nothing clears the mark. */
	ns_run(t->workload, "tc qdisc add dev ifb0 root tbf rate 8kbit burst 1600 latency 20s && "
			    "tc qdisc add dev eth0 clsact && tc filter add dev eth0 egress protocol ip u32 "
			    "match u32 0 0 action mirred egress redirect dev ifb0");
	ns_sh(t->workload, "ping -q -c 20 -i 0.01 -W 0.1 -s 300 10.10.10.99");
	ns_run(t->workload, "tc qdisc del dev eth0 clsact");
	cr_assert(wait_until(10000,
			     !ns_sh(t->workload, "tc -s qdisc show dev ifb0 | grep -q 'backlog 0b 0p'")));
	cr_expect_eq(received(t->agent), before, "%s let frames past its program", vin);
	ns_run(t->agent, "ip addr del 10.10.10.99/32 dev lo");
	ns_run(t->workload, "ip link del ifb0; ip neigh del 10.10.10.99 dev eth0; true");
	topo_end(t);
}
