// SPDX-License-Identifier: BSD-2-Clause
/* Workloads come and go without asking: what was theirs is cleared away, and nobody else notices. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/topo.h"
#include "lib/world.h"

TestSuite(lifetime, .init = world_enter, .fini = world_leave, .timeout = 60);

static size_t taken(struct topo *t)
{
	json_t *list = ctl(t->d, "workloads");
	size_t n = json_array_size(json_at(list, "items"));

	json_decref(list);
	return n;
}

static bool legs_left(struct topo *t, int n)
{
	return ns_sh(t->agent, "test $(ip -o link | grep -c 'v[ei][xn].*-eth0') = %d", n) == 0;
}

static void one_is_left(struct topo *t)
{
	cr_expect(wait_until(5000, taken(t) == 1), "still %zu are taken: %s", taken(t), daemon_said(t->d));
	cr_expect(wait_until(5000, legs_left(t, 2)), "left in the agent's namespace: %s",
		  link_names(t->agent));
	cr_expect_eq(ns_sh(NULL, "test $(ls " DAEMON_RUN "/ports | wc -l) = 1"), 0, "state files: %s",
		     (ns_sh(NULL, "ls " DAEMON_RUN "/ports"), ns_said()));
	cr_expect(ping(t->host, WL2_IP4), "%s", ns_said());
}

Test(lifetime, a_taken_namespace_dies)
{
	struct topo *t = topo_bridge("");

	daemon_intercept(t->d, t->workload, "--mode inline --id 180");
	daemon_intercept(t->d, t->workload2, "--mode inline");
	ns_kill(t->workload);
	one_is_left(t);
	/* Its id is free again. */
	ctl_do(t->d, "release pid:%d", t->workload2->pid);
	cr_expect_eq(daemon_intercept(t->d, t->workload2, "--id 180"), 180);
	topo_end(t);
}

Test(lifetime, the_hosts_end_is_deleted)
{
	struct topo *t = topo_bridge("");

	daemon_intercept(t->d, t->workload, "--mode inline");
	daemon_intercept(t->d, t->workload2, "--mode inline");
	ns_run(t->host, "ip link del vethwl");
	one_is_left(t);
	ns_kill(t->workload);
	topo_end(t);
}

Test(lifetime, several_ports_of_one_workload)
{
	struct topo *t = topo_bare();
	json_t *list;

	link_pair(t->host, "vethtwo", NULL, t->workload, "eth1", NULL);
	ns_run(t->host, "ip addr add 10.30.0.1/24 dev vethtwo");
	ns_run(t->workload, "ip addr add 10.30.0.2/24 dev eth1");
	free(t->before_workload);
	t->before_workload = topo_look(t->workload);
	t->d = daemon_start(t->host, t->agent, " ");
	list = ctl(t->d, "intercept pid:%d --mode inline", t->workload->pid);
	cr_expect_eq(json_array_size(json_at(list, "items")), 2);
	json_decref(list);
	cr_expect(ping(t->host, WL_IP4), "%s", ns_said());
	cr_expect(ping(t->host, "10.30.0.2"), "%s", ns_said());
	ctl_do(t->d, "release pid:%d --port eth1", t->workload->pid);
	cr_expect_eq(taken(t), 1);
	cr_expect(ping_within(t->host, "10.30.0.2", 3000), "%s", ns_said());
	ctl_do(t->d, "release pid:%d", t->workload->pid);
	cr_expect_eq(taken(t), 0);
	topo_end(t);
}

/* All or nothing: the second port cannot be taken, so the first is not either. */
Test(lifetime, several_ports_all_or_none)
{
	struct topo *t = topo_direct("");
	const char *said;

	ns_run(t->workload, "ip link add other0 type bridge");
	said = ctl_refused(t->d, "intercept pid:%d --port eth0 --port other0", t->workload->pid);
	cr_expect(strstr(said, "other0"), "the refusal does not name the port: %s", said);
	cr_expect_eq(taken(t), 0);
	cr_expect(ping(t->host, WL_IP4), "%s", ns_said());
	ns_run(t->workload, "ip link del other0");
	topo_end(t);
}
