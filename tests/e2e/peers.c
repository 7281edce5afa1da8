// SPDX-License-Identifier: BSD-2-Clause
/*
 * Workloads that talk to each other, in rules that name them: whatever
 * addresses they have, and as these change.
 *
 * Invariant: what changes is the workload's own interface, by `ip`; nobody
 * tells the daemon.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/dial.h"
#include "lib/rules.h"
#include "lib/sock.h"
#include "lib/topo.h"

TestSuite(peers, .init = world_enter, .fini = world_leave, .timeout = 90);

#define REFUSED_MS 700 /* below the second after which a SYN is sent again */
#define OTHER_IP4 "10.10.10.90"
#define OTHER_IP6 "fd00:10::90"

#define ONLY_CLIENT                                                                                          \
	"version: 1\n"                                                                                       \
	"workloads:\n"                                                                                       \
	"  - {workload: web, mode: protect, ingress: deny, egress: deny}\n"                                  \
	"rules:\n"                                                                                           \
	"  - {id: 1, direction: ingress, workload: web, peer: 'workload:client', protocol: tcp, ports: "     \
	"8080, "                                                                                             \
	"action: allow}\n"

static struct topo *two_workloads(const char *client_options)
{
	struct topo *t = topo_bridge("");

	daemon_intercept(t->d, t->workload, "--name web");
	daemon_intercept(t->d, t->workload2, client_options);
	return t;
}

/* From another address of the sender's than the kernel would take. 0, or errno. */
static int dial_from(struct ns *ns, const char *own, const char *to)
{
	struct sockaddr_storage from, addr;
	socklen_t from_len = dial_address(own, 0, &from), len = dial_address(to, 8080, &addr);
	int fd = ns_socket(ns, addr.ss_family, SOCK_STREAM, 0), r;

	cr_assert(fd >= 0 && !bind(fd, (void *)&from, from_len), "%s: %s", own, strerror(errno));
	r = connect(fd, (void *)&addr, len) ? errno : 0;
	close(fd);
	return r;
}

static void expect_only_client(struct topo *t)
{
	cr_expect_eq(dial_tcp(t->workload2, WL_IP4, 8080, 3000, NULL), 0, "%s", daemon_said(t->d));
	cr_expect_eq(dial_tcp(t->workload2, WL_IP6, 8080, 3000, NULL), 0, "%s", daemon_said(t->d));
	cr_expect_eq(dial_tcp(t->host, WL_IP4, 8080, REFUSED_MS, NULL), ECONNREFUSED);
	cr_expect_eq(dial_tcp(t->host, WL_IP6, 8080, REFUSED_MS, NULL), ECONNREFUSED);
}

static void follows(const char *client_options)
{
	struct topo *t = two_workloads(client_options);
	int in[] = { dial_server(t->workload, WL_IP4, 8080, SOCK_STREAM),
		     dial_server(t->workload, WL_IP6, 8080, SOCK_STREAM) };

	rules_apply(t->d, ONLY_CLIENT);
	expect_only_client(t);
	/* An address it gets, and one it gives up. */
	ns_run(t->workload2,
	       "ip addr add " OTHER_IP4 "/24 dev eth0; ip addr add " OTHER_IP6 "/64 dev eth0 nodad");
	cr_expect(wait_until(5000, !dial_from(t->workload2, OTHER_IP4, WL_IP4)), "%s", daemon_said(t->d));
	cr_expect(wait_until(5000, !dial_from(t->workload2, OTHER_IP6, WL_IP6)), "%s", daemon_said(t->d));
	ns_run(t->workload2, "ip addr del " OTHER_IP4 "/24 dev eth0; ip addr del " OTHER_IP6 "/64 dev eth0");
	ns_run(t->host, "ip addr add " OTHER_IP4 "/24 dev br0");
	cr_expect(wait_until(5000, dial_from(t->host, OTHER_IP4, WL_IP4) == ECONNREFUSED), "%s",
		  daemon_said(t->d));
	ns_run(t->host, "ip addr del " OTHER_IP4 "/24 dev br0");
	/* Over the death of the core, and of the daemon. */
	kill(core_pid(t->d), SIGKILL);
	cr_assert(wait_until(15000, core_pid(t->d) > 0 && core_alive(t->d)));
	expect_only_client(t);
	daemon_kill9(t->d);
	daemon_restart(t->d);
	expect_only_client(t);
	close(in[0]);
	close(in[1]);
	topo_end(t);
}

/* By one request, so that nothing but the daemon's answer lies between the taking and the connection. */
static void intercept_at_once(const struct ns *client)
{
	char text[SL_MSG_MAX];
	int fd = sl_sock_connect(DAEMON_RUN "/control.sock", NULL);
	ssize_t n;

	cr_assert(fd >= 0);
	n = snprintf(text, sizeof(text), "{\"cmd\":\"intercept\",\"target\":\"pid:%d\",\"name\":\"client\"}",
		     client->pid);
	cr_assert_eq(send(fd, text, (size_t)n, MSG_NOSIGNAL), n);
	n = recv(fd, text, sizeof(text) - 1, 0);
	cr_assert(n > 0);
	text[n] = '\0';
	cr_assert(strstr(text, "\"ok\":true"), "%s", text);
	close(fd);
}

Test(peers, are_known_once_they_are_taken)
{
	struct topo *t = topo_bridge("");
	int in = dial_server(t->workload, WL_IP4, 8080, SOCK_STREAM);

	daemon_intercept(t->d, t->workload, "--name web");
	rules_apply(t->d, ONLY_CLIENT);
	intercept_at_once(t->workload2);
	cr_expect_eq(dial_tcp(t->workload2, WL_IP4, 8080, 3000, NULL), 0, "%s", daemon_said(t->d));
	close(in);
	topo_end(t);
}

Test(peers, are_known_by_the_addresses_they_have)
{
	follows("--name client");
}

Test(peers, are_known_whichever_side_was_taken)
{
	follows("--name client --side host");
}

/* Who gives itself another's address does not become the other, and does not keep the other from being known. */
Test(peers, an_address_is_whose_it_was_first)
{
	struct topo *t = two_workloads("--name client");
	int in = dial_server(t->workload, WL_IP4, 8080, SOCK_STREAM);

	rules_apply(t->d, ONLY_CLIENT);
	/* `web` has the lower id, which decides only where nothing else does. */
	ns_run(t->workload, "ip addr add " WL2_IP4 "/32 dev eth0");
	ns_run(t->workload, "ip addr add " OTHER_IP4 "/32 dev eth0");
	/* Behind the change that was to be noticed comes another, and with that both are. */
	ns_run(t->workload2, "ip addr add 10.10.10.91/24 dev eth0");
	ns_run(t->workload, "ip addr del " WL2_IP4 "/32 dev eth0");
	cr_expect(wait_until(5000, !dial_from(t->workload2, "10.10.10.91", WL_IP4)), "%s", daemon_said(t->d));
	cr_expect_eq(dial_tcp(t->workload2, WL_IP4, 8080, 3000, NULL), 0);
	ns_run(t->workload, "ip addr del " OTHER_IP4 "/32 dev eth0");
	close(in);
	topo_end(t);
}

Test(peers, are_learned_by_name)
{
	struct topo *t = two_workloads("--name client");
	int in = dial_server(t->workload, WL_IP4, 8080, SOCK_STREAM), fd = -1;
	json_t *learned;

	cr_assert_eq(dial_tcp(t->workload2, WL_IP4, 8080, 3000, &fd), 0);
	close(fd);
	ctl_do(t->d, "sessions clear --all");
	learned = ctl(t->d, "policy learned");
	cr_expect_eq(json_array_size(json_at(learned, "rules")), 2, "%s", json_dumps(learned, 0));
	for (size_t i = 0; i < json_array_size(json_at(learned, "rules")); i++) {
		json_t *rule = json_array_get(json_at(learned, "rules"), i);
		bool ingress = !strcmp(json_text(rule, "direction"), "ingress");

		cr_expect_str_eq(json_text(rule, "workload.0"), ingress ? "web" : "client");
		cr_expect_str_eq(json_text(rule, "peer.0"), ingress ? "workload:client" : "workload:web");
	}
	json_decref(learned);
	close(in);
	topo_end(t);
}

/* By the name it was asked for; and such rules hold for the very session they were learned from. */
Test(peers, are_learned_by_host_name)
{
	struct topo *t = topo_direct("");
	struct proc *dns;
	json_t *learned, *rule = NULL;
	int in, fd = -1;
	size_t i;

	daemon_intercept(t->d, t->workload, "--name web");
	in = dial_server(t->host, HOST_IP4, 9090, SOCK_STREAM);
	dns = ns_spawn(t->host, "dnsmasq -k -C /dev/null -u root --no-resolv --no-hosts --log-facility=- "
				"--pid-file= --address=/api.example.test/" HOST_IP4);
	cr_assert(wait_until(5000, !ns_sh(t->host, "ss -Hlun 'sport = :53' | grep -q .")), "%s",
		  proc_text(dns));
	ns_run(t->workload, "dig @" HOST_IP4 " +tries=1 +time=5 +short api.example.test A");
	cr_assert_eq(dial_tcp(t->workload, HOST_IP4, 9090, 3000, &fd), 0);
	close(fd);
	ctl_do(t->d, "sessions clear --all");
	learned = ctl(t->d, "policy learned");
	json_array_foreach (json_at(learned, "rules"), i, rule) {
		if (!strcmp(json_text(rule, "ports.0"), "9090"))
			break;
	}
	cr_assert(rule != NULL, "%s", json_dumps(learned, 0));
	cr_expect_str_eq(json_text(rule, "peer.0"), "api.example.test");
	json_decref(learned);
	ctl_do(t->d, "policy learned -o " WORLD_TMP "/learned.json");
	ns_run(NULL, "sed 's/\"mode\": *\"discover\"/\"mode\":\"protect\"/' " WORLD_TMP
		     "/learned.json >" POLICY_FILE);
	rules_apply_file(t->d, POLICY_FILE);
	cr_expect_eq(dial_tcp(t->workload, HOST_IP4, 9090, 3000, NULL), 0, "%s", daemon_said(t->d));
	learned = ctl(t->d, "policy learned --addresses");
	cr_expect(!strstr(json_dumps(learned, 0), "api.example.test"), "%s", json_dumps(learned, 0));
	json_decref(learned);
	close(in);
	topo_end(t);
}
