// SPDX-License-Identifier: BSD-2-Clause
/*
 * Threats as a running system tells them, and thresholds that are changed
 * while it runs.
 *
 * Invariant: the same frames are sent before and after; only what is
 * configured differs.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/rules.h"
#include "lib/sniff.h"
#include "lib/topo.h"

TestSuite(threats, .init = world_enter, .fini = world_leave, .timeout = 60);

#define CONF WORLD_TMP "/sluiced.conf"
#define EVENTS WORLD_TMP "/eve.json"
#define BURST 200

static void configure(const char *threats)
{
	FILE *file = fopen(CONF, "w");

	cr_assert(file &&
		  fprintf(file, "[dpi]\nworkers = 2\n[events]\nevents = " EVENTS "\n[threats]\n%s", threats) >
			  0 &&
		  !fclose(file));
}

/* Within a moment: by itself, whatever the machine does meanwhile, a second has more of them than BURST / 4. */
static void open_many(struct ns *from, uint16_t port)
{
	struct sniff *wire = sniff_open(from, "vethwl", false);
	struct mac own = link_mac(from, "vethwl");
	static struct frame f;

	for (uint16_t i = 0; i < BURST; i++) {
		frame_eth(&f, mac_of(WL_MAC), own);
		frame_ipv4(&f, HOST_IP4, WL_IP4, IPPROTO_TCP);
		frame_tcp(&f, (uint16_t)(port + i), 8080, i, 0, FRAME_SYN, NULL, 0);
		sniff_send(wire, &f);
	}
	sniff_close(wire);
}

static int alerts(int number)
{
	ns_sh(NULL, "grep '\"event_type\":\"alert\"' " EVENTS " | grep -c '\"signature_id\":%d,'", number);
	return atoi(ns_said());
}

/* What was sent has been seen by the core. */
static bool counted(struct topo *t, int port)
{
	json_t *list = ctl(t->d, "sessions count --client-port %d", port + BURST - 1);
	bool is = json_int(list, "count") == 1;

	json_decref(list);
	return is;
}

Test(threats, thresholds_are_changed_by_a_reload)
{
	struct topo *t = topo_bare();

	configure("");
	t->d = daemon_start(t->host, t->agent, "--config " CONF);
	daemon_intercept(t->d, t->workload, "--name web");
	rules_apply(t->d, RULES("monitor"));
	open_many(t->host, 10000);
	cr_assert(wait_until(5000, counted(t, 10000)), "%s", daemon_said(t->d));
	cr_expect_eq(alerts(1001), 0, "%d are no flood by default", BURST);
	configure("syn_flood = 10\n");
	kill(t->d->proc->pid, SIGHUP);
	cr_expect(wait_until(10000, (open_many(t->host, 20000), alerts(1001) >= 1)), "%s", daemon_said(t->d));
	/* What is wrong changes nothing, and is said with its line. */
	configure("syn_flood = 10\nsyn_flood_rest = 11\n");
	kill(t->d->proc->pid, SIGHUP);
	cr_expect(wait_until(5000, strstr(daemon_said(t->d), "syn_flood_rest = 11")), "%s",
		  daemon_said(t->d));
	/* A core that comes later has them, too. */
	kill(core_pid(t->d), SIGKILL);
	cr_assert(wait_until(15000, core_pid(t->d) > 0 && core_alive(t->d)));
	ns_run(NULL, ": >" EVENTS);
	cr_expect(wait_until(10000, (open_many(t->host, 30000), alerts(1001) >= 1)), "%s", daemon_said(t->d));
	topo_end(t);
}
