// SPDX-License-Identifier: BSD-2-Clause
/* More than one workload: talking to each other, sharing a MAC, and in great number. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/topo.h"
#include "lib/world.h"

TestSuite(many, .init = world_enter, .fini = world_leave, .timeout = 240);

Test(many, two_inline_workloads_talk_over_a_bridge)
{
	struct topo *t = topo_bridge("");
	__u64 diverted;

	daemon_intercept(t->d, t->workload, "--mode inline");
	daemon_intercept(t->d, t->workload2, "--mode inline");
	diverted = counter_legs(t->d, SL_R_diverted);
	cr_assert(ping(t->workload, WL2_IP4), "%s", ns_said());
	cr_assert(ping(t->workload2, WL_IP6), "%s", ns_said());
	/* Six exchanges, each crossing two ports in two directions. */
	cr_expect_geq(counter_legs(t->d, SL_R_diverted), diverted + 24);
	cr_expect(ping(t->host, WL_IP4), "%s", ns_said());
	cr_expect(ping(t->host, WL2_IP6), "%s", ns_said());
	tcp_exchange(t->workload, WL_IP4, t->workload2, 5000000);
	tcp_exchange(t->workload2, WL2_IP6, t->workload, 5000000);
	ctl_do(t->d, "mode pid:%d off", t->workload->pid);
	cr_expect(ping(t->workload, WL2_IP4), "%s", ns_said());
	ctl_do(t->d, "release pid:%d", t->workload->pid);
	cr_expect(ping_within(t->workload2, WL_IP4, 3000), "%s", ns_said());
	topo_end(t);
}

Test(many, the_same_mac_on_two_ports)
{
	struct topo *t = topo_bare();
	struct ns *other = ns_create("other");
	int a, b;

	/* Two hosts' worth of network, so that only the MAC is shared. */
	link_pair(t->host, "vethother", NULL, other, "eth0", WL_MAC);
	ns_run(t->host, "ip addr add 10.20.20.66/24 dev vethother");
	ns_run(other, "ip addr add 10.20.20.88/24 dev eth0");
	t->d = daemon_start(t->host, t->agent, " ");
	a = daemon_intercept(t->d, t->workload, "--mode inline");
	b = daemon_intercept(t->d, other, "--mode inline");
	cr_assert_neq(a, b);
	cr_expect(ping(t->host, WL_IP4), "%s", ns_said());
	cr_expect(ping(t->host, "10.20.20.88"), "%s", ns_said());
	cr_expect(ping(other, "10.20.20.66"), "%s", ns_said());
	cr_expect_eq(counter(t->d, SL_PROG_VBR, SL_R_no_workload), 0);
	/* One of them in another mode: the other must not notice. */
	ctl_do(t->d, "mode --id %d quarantine", b);
	cr_expect(ping(t->host, WL_IP4), "%s", ns_said());
	cr_expect(!ping(t->host, "10.20.20.88"));
	ctl_do(t->d, "release --id %d", b);
	cr_expect(ping(t->host, WL_IP4), "%s", ns_said());
	cr_expect(ping_within(t->host, "10.20.20.88", 3000), "%s", ns_said());
	topo_end(t);
}

#define MANY 200

Test(many, two_hundred_at_once)
{
	struct topo *t = topo_bare();
	struct ns *wl[MANY];
	char name[32], script[64];
	int64_t started;
	FILE *batch;
	json_t *list;

	started = now_ms();
	batch = fopen(WORLD_TMP "/links", "we");
	cr_assert(batch != NULL);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "wl%d", i);
		wl[i] = ns_create(name);
		fprintf(batch, "link add v%d up type veth peer name eth0 netns %d\n", i, wl[i]->pid);
		fprintf(batch, "addr add 172.16.%d.1/30 dev v%d\n", i, i);
	}
	fclose(batch);
	ns_run(t->host, "ip -batch " WORLD_TMP "/links");
	for (int i = 0; i < MANY; i++) {
		snprintf(script, sizeof(script), "172.16.%d.2/30", i);
		ns_run(wl[i], "ip addr add %s dev eth0 && ip link set eth0 up", script);
	}
	cr_log_info("%d namespaces: %ld ms", MANY, (long)(now_ms() - started));
	t->d = daemon_start(t->host, t->agent, " ");
	started = now_ms();
	for (int i = 0; i < MANY; i++)
		daemon_intercept(t->d, wl[i], "--mode inline");
	cr_log_info("intercepted: %ld ms", (long)(now_ms() - started));
	list = ctl(t->d, "workloads");
	cr_expect_eq(json_array_size(json_at(list, "items")), MANY);
	json_decref(list);
	started = now_ms();
	/* One shell for all, or starting 200 of them would be most of the test. */
	ns_run(t->host,
	       "for i in $(seq 0 %d); do ping -n -q -c 1 -W 2 172.16.$i.2 >/dev/null || { echo no answer of "
	       "$i; "
	       "exit 1; }; done",
	       MANY - 1);
	cr_log_info("pinged: %ld ms", (long)(now_ms() - started));
	cr_expect_geq(counter(t->d, SL_PROG_VBR, SL_R_to_workload), MANY);
	started = now_ms();
	ctl_do(t->d, "release --all");
	cr_log_info("released: %ld ms", (long)(now_ms() - started));
	ns_run(t->host,
	       "for i in $(seq 0 %d); do ping -n -q -c 1 -W 2 172.16.$i.2 >/dev/null || { echo no answer of "
	       "$i "
	       "when released; exit 1; }; done",
	       MANY - 1);
	topo_end(t);
}
