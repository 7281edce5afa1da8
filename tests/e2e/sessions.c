// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sessions as their users see them: listed, counted, cut, followed, and kept
 * while others come in floods.
 *
 * Invariant: what is cut is told both its ends by the kernel's own error.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/dial.h"
#include "lib/rules.h"
#include "lib/sniff.h"
#include "lib/topo.h"

TestSuite(sessions, .init = world_enter, .fini = world_leave, .timeout = 90);

#define REFUSED_MS 700 /* below the second after which a SYN is sent again */

Test(sessions, sessions_are_listed_counted_and_cut)
{
	struct topo *t = topo_direct("");
	int in, fd = -1, accepted;
	json_t *list;
	char byte;

	daemon_intercept(t->d, t->workload, "--name web");
	in = dial_server(t->workload, WL_IP6, 8081, SOCK_STREAM);
	cr_assert_eq(dial_tcp(t->host, WL_IP6, 8081, 3000, &fd), 0);
	accepted = accept(in, NULL, NULL);
	list = ctl(t->d, "sessions --workload web --port 8081 --established");
	cr_assert_eq(json_array_size(json_at(list, "items")), 1, "%s", json_dumps(list, 0));
	cr_expect_str_eq(json_text(list, "items.0.client"), HOST_IP6);
	cr_expect_eq(json_int(list, "items.0.server_port"), 8081);
	json_decref(list);
	list = ctl(t->d, "sessions count --address fd00:10::/64 --protocol tcp");
	cr_expect_eq(json_int(list, "count"), 1);
	json_decref(list);
	cr_expect_eq(ns_sh(t->host, "%s -i " DAEMON_INSTANCE " sessions kill", world_program("sluicectl")),
		     2);
	list = ctl(t->d, "sessions kill --port 8081");
	cr_expect_eq(json_int(list, "ended"), 1);
	json_decref(list);
	cr_expect(readable(fd, REFUSED_MS) && recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == ECONNRESET);
	cr_expect(readable(accepted, REFUSED_MS) && recv(accepted, &byte, 1, MSG_DONTWAIT) < 0 &&
		  errno == ECONNRESET);
	close(fd);
	close(accepted);
	close(in);
	topo_end(t);
}

Test(sessions, monitor_follows_and_ends)
{
	struct topo *t = topo_direct("");
	struct proc *follower;
	int in;

	daemon_intercept(t->d, t->workload, "--name web");
	rules_apply(t->d, RULES("protect"));
	in = dial_server(t->workload, WL_IP4, 8081, SOCK_STREAM);
	follower = ns_spawn(t->host, "%s -i " DAEMON_INSTANCE " monitor --type alert --workload web",
			    world_program("sluicectl"));
	cr_expect(wait_until(5000, dial_tcp(t->host, WL_IP4, 8081, REFUSED_MS, NULL) == ECONNREFUSED &&
					   strstr(proc_text(follower), "blocked")),
		  "%s", proc_text(follower));
	cr_expect(strstr(proc_text(follower), "web ingress TCP " HOST_IP4 ":"), "%s", proc_text(follower));
	cr_expect(strstr(proc_text(follower), "> " WL_IP4 ":8081"), "%s", proc_text(follower));
	cr_expect_eq(proc_end(follower, SIGINT, 3000), 0, "%s", proc_text(follower));
	close(in);
	topo_end(t);
}

#define KEPT 40
#define PLACES "1024" /* the fewest a core can be told to have */
#define FLOOD 40000

/* One half-open connection after the other, each from an address and a port of its own. */
static void flood(struct ns *from)
{
	struct sniff *wire = sniff_open(from, "vethwl", false);
	struct mac own = link_mac(from, "vethwl");
	static struct frame f;
	char source[32];

	for (unsigned int i = 0; i < FLOOD; i++) {
		snprintf(source, sizeof(source), "10.%u.%u.%u", 20 + i / 65536, i / 256 % 256, i % 256);
		frame_eth(&f, mac_of(WL_MAC), own);
		frame_ipv4(&f, source, WL_IP4, IPPROTO_TCP);
		frame_tcp(&f, (uint16_t)(1024 + i % 60000), 8081, i, 0, FRAME_SYN, NULL, 0);
		sniff_send(wire, &f);
	}
	sniff_close(wire);
}

Test(sessions, established_ones_outlive_a_flood_of_half_open_ones)
{
	struct topo *t = topo_direct("--sessions " PLACES);
	int in, fd[KEPT], accepted[KEPT];
	json_t *list;
	char byte;

	daemon_intercept(t->d, t->workload, "--name web");
	rules_apply(t->d, RULES("monitor"));
	in = dial_server(t->workload, WL_IP4, 8080, SOCK_STREAM);
	for (int i = 0; i < KEPT; i++) {
		cr_assert_eq(dial_tcp(t->host, WL_IP4, 8080, 3000, &fd[i]), 0);
		accepted[i] = accept(in, NULL, NULL);
		cr_assert(accepted[i] >= 0 && send(fd[i], "x", 1, MSG_NOSIGNAL) == 1 &&
			  readable(accepted[i], 3000) && recv(accepted[i], &byte, 1, 0) == 1);
	}
	flood(t->host);
	/* The table is full, and with them. */
	cr_expect(wait_until(5000, (list = ctl(t->d, "sessions count"),
				    json_int(list, "count") >= atoi(PLACES) * 9 / 10)),
		  "the flood did not fill the table: %s", json_dumps(list, 0));
	list = ctl(t->d, "sessions count --established --port 8080");
	cr_expect_eq(json_int(list, "count"), KEPT, "%s", json_dumps(list, 0));
	list = ctl(t->d, "sessions --port 8080");
	cr_expect_eq(json_int(list, "items.0.picked_up"), 0, "it was forgotten and found again");
	for (int i = 0; i < KEPT; i++) {
		cr_expect(send(accepted[i], "y", 1, MSG_NOSIGNAL) == 1 && readable(fd[i], 3000) &&
				  recv(fd[i], &byte, 1, 0) == 1,
			  "connection %d", i);
		close(fd[i]);
		close(accepted[i]);
	}
	close(in);
	topo_end(t);
}
