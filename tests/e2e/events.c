// SPDX-License-Identifier: BSD-2-Clause
/*
 * What happens to a workload while its port is taken, or at the very moment:
 * it is paused, it changes its addresses, it dies, its runtime takes the wire
 * away.
 *
 * Invariant: whatever it was, the daemon goes on, and no link, pin, id or
 * journal is left of it.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/streams.h"
#include "lib/topo.h"
#include "lib/world.h"

TestSuite(events, .init = world_enter, .fini = world_leave, .timeout = 120);

/* By both ends of the veth. */
static const char *const sides[] = { "workload", "host" };
#define N_SIDES 2

static const char *by(const char *side)
{
	static char option[64];

	snprintf(option, sizeof(option), "--side %s", side);
	return option;
}

static size_t taken(struct topo *t)
{
	json_t *list = ctl(t->d, "workloads");
	size_t n = json_array_size(json_at(list, "items"));

	json_decref(list);
	return n;
}

static bool legs(struct topo *t)
{
	return !ns_sh(t->agent, "ip -o link | grep -qE ' (vex|vin|sluice)'");
}

static bool records(void)
{
	return !ns_sh(NULL, "ls -A " DAEMON_RUN "/ports | grep .");
}

/* Of a workload that is no more. */
static void nothing_is_left(struct topo *t, const char *of)
{
	cr_expect(wait_until(5000, !taken(t)), "%s: still taken: %s", of, daemon_said(t->d));
	cr_expect(wait_until(5000, !legs(t)), "%s: left in the agent's namespace: %s\n%s", of,
		  link_names(t->agent), daemon_said(t->d));
	cr_expect(wait_until(5000, !records()), "%s: left in the run folder: %s", of, ns_said());
	cr_expect_neq(ns_sh(NULL, "ls " DAEMON_PINS "/links | grep -E 've[xi]|vin'"), 0,
		      "%s: pins are left: %s", of, ns_said());
}

static void keeps_what_changed(const char *side)
{
	struct topo *t = topo_direct("--mode inline");

	daemon_intercept(t->d, t->workload, by(side));
	ns_run(t->workload,
	       "ip addr add 10.99.0.7/24 dev eth0 && ip addr add fd99::7/64 dev eth0 nodad && "
	       "ip addr del " WL_IP4 "/24 dev eth0 && ip addr add " WL_IP4 "/25 dev eth0 && "
	       "ip route add 198.18.0.0/15 via " HOST_IP4 " dev eth0 metric 9 && "
	       "ip -6 route add 2001:db8::/32 via " HOST_IP6 " dev eth0 table 77 && "
	       "ip neigh add 10.99.0.9 lladdr 02:00:00:00:00:09 dev eth0 nud permanent && "
	       "ip link set eth0 mtu 1400 && ip link set eth0 txqueuelen 55 alias 'changed while taken'");
	cr_expect(ping_within(t->host, WL_IP4, 3000), "%s", ns_said());
	free(t->before_workload);
	t->before_workload = topo_look(t->workload);
	cr_assert(strstr(t->before_workload, "mtu 1400") && strstr(t->before_workload, "10.99.0.7"));
	ctl_do(t->d, "release --all");
	cr_expect(ping_within(t->host, WL_IP4, 3000), "%s", ns_said());
	cr_expect(ping_within(t->host, WL_IP6, 3000), "%s", ns_said());
	topo_end(t);
}

Test(events, changes_are_given_back_by_the_workloads_side)
{
	keeps_what_changed("workload");
}

Test(events, changes_are_given_back_by_the_hosts_side)
{
	keeps_what_changed("host");
}

static void dies(const char *side)
{
	struct topo *t = topo_bridge("");

	daemon_intercept(t->d, t->workload2, by(side));
	ctl_do(t->d, "release --all");
	daemon_intercept(t->d, t->workload, by(side));
	ns_kill(t->workload);
	nothing_is_left(t, "a workload that has died");
	cr_expect(ping_within(t->host, WL2_IP4, 3000), "%s", ns_said());
	cr_expect_eq(daemon_intercept(t->d, t->workload2, by(side)), 1, "its id was not used again");
	cr_expect(ping_within(t->host, WL2_IP4, 3000), "%s", ns_said());
	topo_end(t);
}

Test(events, dies_taken_by_the_workloads_side)
{
	dies("workload");
}

Test(events, dies_taken_by_the_hosts_side)
{
	dies("host");
}

/* What a runtime does when a container goes, or when it is told to disconnect it. */
static void loses_its_wire(const char *side)
{
	struct topo *t = topo_bridge("");

	daemon_intercept(t->d, t->workload, by(side));
	ns_run(t->host, "ip link del vethwl");
	nothing_is_left(t, "a port whose host end was deleted");
	cr_expect(strstr(daemon_said(t->d), "vanished"), "the log does not say so: %s", daemon_said(t->d));
	/* The runtime may connect it again. */
	cr_expect(wait_until(5000, !link_exists(t->workload, "eth0")), "its port is still there");
	link_pair(t->host, "vethwl", NULL, t->workload, "eth0", WL_MAC);
	ns_run(t->host, "ip link set vethwl master br0");
	ns_run(t->workload, "ip addr add " WL_IP4 "/24 dev eth0 && ip addr add " WL_IP6 "/64 dev eth0 nodad");
	cr_assert(wait_until(5000, !ns_sh(t->workload, "ip -o addr show dev eth0 | grep -q 'inet6 fe80' && "
						       "! ip -o addr show dev eth0 | grep -q tentative")));
	free(t->before_workload);
	t->before_workload = topo_look(t->workload);
	cr_expect_eq(daemon_intercept(t->d, t->workload, by(side)), 1);
	cr_expect(ping_within(t->host, WL_IP4, 3000), "%s", ns_said());
	topo_end(t);
}

Test(events, loses_its_wire_taken_by_the_workloads_side)
{
	loses_its_wire("workload");
}

Test(events, loses_its_wire_taken_by_the_hosts_side)
{
	loses_its_wire("host");
}

/* A process that does not run cannot object, and its connections must be there when it runs again. */
Test(events, paused)
{
	struct topo *t = topo_direct("--mode inline");
	struct stream stream = stream_start(t, WL_IP4, 7900);
	__u64 before;

	cr_assert(wait_until(5000, !ns_sh(t->workload, "ss -Htn state established | grep -q :7900")));
	kill(stream.server->pid, SIGSTOP);
	kill(t->workload->pid, SIGSTOP);
	daemon_intercept(t->d, t->workload, "");
	ctl_do(t->d, "mode --all tap");
	ctl_do(t->d, "release --all");
	daemon_intercept(t->d, t->workload, "");
	kill(t->workload->pid, SIGCONT);
	before = counter_in(t->d, SL_PROG_VEX);
	kill(stream.server->pid, SIGCONT);
	cr_expect(wait_until(20000, counter_in(t->d, SL_PROG_VEX) > before + 200),
		  "the connection does not go on: %s", proc_text(stream.client));
	stream_stop(&stream);
	topo_end(t);
}

static void begin(struct topo *t, struct ns *workload, const char *side, struct proc **ret)
{
	*ret = ns_spawn(t->d->home, "%s -i " DAEMON_INSTANCE " intercept pid:%d --port eth0 %s",
			world_program("sluicectl"), workload->pid, by(side));
}

/* At different moments of being taken, from the first message to when it is long done. */
Test(events, vanishes_while_being_taken)
{
	struct topo *t = topo_direct("");

	for (int i = 0; i < 24; i++) {
		const char *side = sides[i % N_SIDES];
		struct ns *victim = ns_create("victim");
		struct proc *proc;
		char what[64];

		link_pair(t->host, "vethvic", NULL, victim, "eth0", NULL);
		ns_run(victim, "ip addr add 10.50.0.2/24 dev eth0");
		begin(t, victim, side, &proc);
		usleep(1000 + i / 4 * 5000); /* not waiting for anything: the moment is what is varied */
		if (i & 2)
			ns_sh(t->host, "ip link del vethvic");
		else
			ns_kill(victim);
		cr_assert(proc_end(proc, 0, 20000) >= 0, "sluiced does not answer any more: %s",
			  daemon_said(t->d));
		if (i & 2)
			ns_kill(victim);
		snprintf(what, sizeof(what), "vanished %d ms into being taken by the %s's side",
			 1 + i / 4 * 5, side);
		nothing_is_left(t, what);
		cr_expect(wait_until(3000, !link_exists(t->host, "vethvic")), "%s: its host end is left",
			  what);
	}
	cr_expect_eq(daemon_intercept(t->d, t->workload, ""), 1, "an id was lost");
	cr_expect(ping_within(t->host, WL_IP4, 3000), "%s", ns_said());
	topo_end(t);
}
