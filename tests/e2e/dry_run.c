// SPDX-License-Identifier: BSD-2-Clause
/* sluicectl intercept --dry-run, and several ports of which the second one fails halfway. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "lib/daemon.h"
#include "lib/ns.h"
#include "lib/topo.h"
#include "lib/world.h"

TestSuite(dry_run, .init = world_enter, .fini = world_leave, .timeout = 60);

static json_t *plan_of(json_t *result, size_t i)
{
	json_t *plan = json_object_get(json_array_get(json_at(result, "items"), i), "plan");

	cr_assert_not_null(plan, "there is no plan for port %zu", i);
	return plan;
}

static size_t taken(struct topo *t)
{
	json_t *list = ctl(t->d, "workloads");
	size_t n = json_array_size(json_at(list, "items"));

	json_decref(list);
	return n;
}

Test(dry_run, tells_the_steps_of_either_side)
{
	struct topo *t = topo_direct("");
	json_t *result;
	char *plan;

	result = ctl(t->d, "intercept pid:%d --dry-run --side workload", t->workload->pid);
	cr_expect_str_eq(json_string_value(json_object_get(plan_of(result, 0), "side")), "workload");
	cr_expect_geq(json_array_size(json_object_get(plan_of(result, 0), "steps")), 5);
	cr_expect_eq(json_array_size(json_object_get(plan_of(result, 0), "refusals")), 0);
	json_decref(result);
	result = ctl(t->d, "intercept pid:%d --dry-run --side host", t->workload->pid);
	cr_expect_str_eq(json_string_value(json_object_get(plan_of(result, 0), "side")), "host");
	cr_expect_geq(json_array_size(json_object_get(plan_of(result, 0), "steps")), 6);
	/* Of the addresses and routes that the host has by it. */
	plan = json_dumps(plan_of(result, 0), 0);
	cr_expect(strstr(plan, " addresses, ") && strstr(plan, "are missing during the gap"), "%s", plan);
	free(plan);
	json_decref(result);
	cr_expect_eq(taken(t), 0);
	topo_end(t);
}

Test(dry_run, tells_all_that_stands_in_the_way)
{
	struct topo *t = topo_direct("");
	json_error_t error;
	json_t *result;

	ns_run(t->workload, "ip link add link eth0 name mv0 type macvlan && "
			    "ip link add link eth0 name mv1 type macvlan");
	result = json_loads(ctl_refused(t->d, "intercept pid:%d --port eth0 --dry-run --side workload",
					t->workload->pid),
			    0, &error);
	cr_assert_not_null(result, "%s", ns_said());
	cr_expect_eq(json_array_size(json_object_get(plan_of(result, 0), "refusals")), 2);
	cr_expect_eq(json_array_size(json_object_get(plan_of(result, 0), "steps")), 0);
	json_decref(result);
	ns_run(t->workload, "ip link del mv0 && ip link del mv1");
	topo_end(t);
}

/* It passes every check, but its journal cannot be written. */
Test(dry_run, the_first_port_is_given_back_when_the_second_fails)
{
	struct topo *t = topo_bare();

	link_pair(t->host, "vethtwo", NULL, t->workload, "eth1", NULL);
	ns_run(t->workload, "ip addr add 10.30.0.2/24 dev eth1");
	free(t->before_workload);
	t->before_workload = topo_look(t->workload);
	t->d = daemon_start(t->host, t->agent, " ");
	ns_run(NULL, "mkdir " DAEMON_RUN "/ports/2.journal");
	ctl_refused(t->d, "intercept pid:%d --port eth0 --port eth1 --side workload", t->workload->pid);
	cr_expect_eq(taken(t), 0);
	ns_run(NULL, "rmdir " DAEMON_RUN "/ports/2.journal");
	cr_expect(ping_within(t->host, WL_IP4, 3000), "%s", ns_said());
	cr_expect(strstr(daemon_said(t->d), "took port eth0"), "the first was not taken before");
	topo_end(t);
}
