// SPDX-License-Identifier: BSD-2-Clause
/*
 * Policy as a workload meets it: what is allowed works, what is not is refused
 * at once; in monitor it is reported; in discover it becomes rules; and it
 * stays in force whoever dies.
 *
 * Invariant: "refused at once" is the kernel's own ECONNREFUSED within
 * REFUSED_MS; no test takes a timeout for a refusal.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/dial.h"
#include "lib/rules.h"
#include "lib/topo.h"
#include "lib/world.h"

TestSuite(policy, .init = world_enter, .fini = world_leave, .timeout = 90);

#define REFUSED_MS 700 /* below the second after which a SYN is sent again */
#define EVENTS WORLD_TMP "/eve.json"

struct side {
	const char *host, *workload;
};
static const struct side sides[] = { { HOST_IP4, WL_IP4 }, { HOST_IP6, WL_IP6 } };

static void expect_protected(struct topo *t, bool unreachable)
{
	for (int i = 0; i < 2; i++) {
		const struct side *s = &sides[i];
		int in[] = { dial_server(t->workload, s->workload, 8080, SOCK_STREAM),
			     dial_server(t->workload, s->workload, 8081, SOCK_STREAM),
			     dial_server(t->workload, s->workload, 8053, SOCK_DGRAM),
			     dial_server(t->workload, s->workload, 8054, SOCK_DGRAM) };
		int out[] = { dial_server(t->host, s->host, 9090, SOCK_STREAM),
			      dial_server(t->host, s->host, 9091, SOCK_STREAM),
			      dial_server(t->host, s->host, 9054, SOCK_DGRAM) };
		/* "Administratively prohibited" is what the kernel makes these of. */
		int refused = !unreachable ? ETIMEDOUT : i ? EACCES : EHOSTUNREACH, r;

		r = dial_tcp(t->host, s->workload, 8080, 3000, NULL);
		cr_expect_eq(r, 0, "%s: allowed ingress: %s", s->workload, strerror(r));
		r = dial_tcp(t->host, s->workload, 8081, REFUSED_MS, NULL);
		cr_expect_eq(r, ECONNREFUSED, "%s: forbidden ingress: %s", s->workload, strerror(r));
		r = dial_tcp(t->workload, s->host, 9090, 3000, NULL);
		cr_expect_eq(r, 0, "%s: allowed egress: %s", s->host, strerror(r));
		r = dial_tcp(t->workload, s->host, 9091, REFUSED_MS, NULL);
		cr_expect_eq(r, ECONNREFUSED, "%s: forbidden egress: %s", s->host, strerror(r));
		r = dial_udp(t->host, s->workload, 8053, in[2], 3000);
		cr_expect_eq(r, 0, "%s: allowed datagram: %s", s->workload, strerror(r));
		r = dial_udp(t->host, s->workload, 8054, in[3], REFUSED_MS);
		cr_expect_eq(r, refused, "%s: forbidden datagram: %s", s->workload, strerror(r));
		r = dial_udp(t->workload, s->host, 9054, out[2], REFUSED_MS);
		cr_expect_eq(r, refused, "%s: forbidden datagram out: %s", s->host, strerror(r));
		for (int k = 0; k < 4; k++)
			close(in[k]);
		for (int k = 0; k < 3; k++)
			close(out[k]);
	}
	cr_expect(ping(t->host, WL_IP4), "%s", ns_said());
	cr_expect(ping(t->host, WL_IP6), "%s", ns_said());
}

static void protects(const char *options, bool unreachable)
{
	struct topo *t = topo_direct(options);

	daemon_intercept(t->d, t->workload, "--name web");
	rules_apply(t->d, RULES("protect"));
	expect_protected(t, unreachable);
	topo_end(t);
}

Test(policy, protects_with_one_worker)
{
	protects("", false);
}

Test(policy, protects_with_two_workers_and_says_unreachable)
{
	protects("--workers 2 --say-unreachable yes", true);
}

/* The lines of events with this word in them. */
static int events_with(const char *type, const char *word)
{
	ns_sh(NULL, "grep '\"event_type\":\"%s\"' " EVENTS " | grep -c '%s'", type, word);
	return atoi(ns_said());
}

Test(policy, monitor_lets_pass_and_reports_once)
{
	struct topo *t = topo_direct("--events " EVENTS);
	json_t *alert;
	int fd = -1, in, accepted;

	daemon_intercept(t->d, t->workload, "--name web");
	rules_apply(t->d, RULES("monitor"));
	in = dial_server(t->workload, WL_IP4, 8081, SOCK_STREAM);
	cr_assert_eq(dial_tcp(t->host, WL_IP4, 8081, 3000, &fd), 0, "%s", daemon_said(t->d));
	accepted = accept(in, NULL, NULL);
	for (int i = 0; i < 20; i++)
		cr_assert(send(fd, "something", 9, MSG_NOSIGNAL) == 9);
	cr_assert(accepted >= 0 && readable(accepted, 3000));
	cr_expect(wait_until(5000, events_with("alert", ":8081,") == 1), "%s", ns_said());
	close(fd);
	close(accepted);
	/* Told when the core forgets it, which it would do a while after its end. */
	ctl_do(t->d, "sessions clear --port 8081");
	cr_expect(wait_until(5000, events_with("flow", ":8081,") >= 1), "%s", ns_said());
	cr_expect_eq(events_with("alert", ":8081,"), 1, "reported more than once");
	ns_run(NULL, "grep '\"event_type\":\"alert\"' " EVENTS " | grep :8081,");
	alert = json_loads(ns_said(), 0, NULL);
	cr_assert(alert != NULL, "%s", ns_said());
	cr_expect_str_eq(json_text(alert, "src_ip"), HOST_IP4);
	cr_expect_str_eq(json_text(alert, "dest_ip"), WL_IP4);
	cr_expect_eq(json_int(alert, "dest_port"), 8081);
	cr_expect_str_eq(json_text(alert, "proto"), "TCP");
	cr_expect_str_eq(json_text(alert, "alert.action"), "allowed");
	cr_expect(strstr(ns_said(), "{\"key\":\"workload\",\"value\":\"web\"}"), "%s", ns_said());
	cr_expect(strstr(ns_said(), "{\"key\":\"direction\",\"value\":\"ingress\"}"), "%s", ns_said());
	json_decref(alert);
	close(in);
	topo_end(t);
}

/* A file rotated away gets nothing more, and nothing is lost with it. */
Test(policy, events_go_on_in_a_new_file_after_sighup)
{
	struct topo *t = topo_direct("--events " EVENTS);
	int in;

	daemon_intercept(t->d, t->workload, "--name web");
	rules_apply(t->d, RULES("protect"));
	in = dial_server(t->workload, WL_IP4, 8081, SOCK_STREAM);
	cr_expect_eq(dial_tcp(t->host, WL_IP4, 8081, REFUSED_MS, NULL), ECONNREFUSED);
	cr_expect(wait_until(5000, events_with("alert", "blocked") == 1), "%s", ns_said());
	cr_assert_eq(rename(EVENTS, EVENTS ".1"), 0);
	kill(t->d->proc->pid, SIGHUP);
	cr_assert(wait_until(5000, !access(EVENTS, F_OK)), "no new file: %s", daemon_said(t->d));
	cr_expect_eq(dial_tcp(t->host, WL_IP4, 8081, REFUSED_MS, NULL), ECONNREFUSED);
	cr_expect(wait_until(5000, events_with("alert", "blocked") == 1), "%s", ns_said());
	close(in);
	topo_end(t);
}

Test(policy, learned_rules_allow_what_was_seen_and_nothing_else)
{
	struct topo *t = topo_direct("");
	int fd = -1, in[3], datagrams;

	daemon_intercept(t->d, t->workload, "--name web");
	in[0] = dial_server(t->workload, WL_IP4, 8080, SOCK_STREAM);
	in[1] = dial_server(t->workload, WL_IP6, 8081, SOCK_STREAM);
	in[2] = dial_server(t->host, HOST_IP4, 9090, SOCK_STREAM);
	datagrams = dial_server(t->workload, WL_IP4, 8053, SOCK_DGRAM);
	cr_assert_eq(dial_tcp(t->host, WL_IP4, 8080, 3000, &fd), 0);
	close(fd);
	cr_assert_eq(dial_tcp(t->host, WL_IP6, 8081, 3000, &fd), 0);
	close(fd);
	cr_assert_eq(dial_tcp(t->workload, HOST_IP4, 9090, 3000, &fd), 0);
	close(fd);
	cr_assert_eq(dial_udp(t->host, WL_IP4, 8053, datagrams, 3000), 0);
	for (int i = 0; i < 3; i++)
		close(in[i]);
	/* Sessions that were not inspected to the end count when they end. */
	ctl_do(t->d, "sessions clear --all");
	ctl_do(t->d, "policy learned -o " WORLD_TMP "/learned.json");
	ns_run(NULL, "cat " WORLD_TMP "/learned.json");
	ns_run(NULL, "sed 's/\"mode\": *\"discover\"/\"mode\":\"protect\"/' " WORLD_TMP
		     "/learned.json > " POLICY_FILE);
	ctl_do(t->d, "policy apply " POLICY_FILE);
	in[0] = dial_server(t->workload, WL_IP4, 8080, SOCK_STREAM);
	in[1] = dial_server(t->workload, WL_IP6, 8081, SOCK_STREAM);
	in[2] = dial_server(t->host, HOST_IP4, 9090, SOCK_STREAM);
	ns_run(NULL, "cat " POLICY_FILE);
	cr_expect_eq(dial_tcp(t->host, WL_IP4, 8080, 3000, NULL), 0, "%s", ns_said());
	cr_expect_eq(dial_tcp(t->host, WL_IP6, 8081, 3000, NULL), 0, "%s", ns_said());
	cr_expect_eq(dial_tcp(t->workload, HOST_IP4, 9090, 3000, NULL), 0, "%s", ns_said());
	cr_expect_eq(dial_udp(t->host, WL_IP4, 8053, datagrams, 3000), 0, "%s", ns_said());
	/* The same ports by the other family, and the other way, were not seen. */
	cr_expect_eq(dial_tcp(t->host, WL_IP6, 8080, REFUSED_MS, NULL), ECONNREFUSED);
	cr_expect_eq(dial_tcp(t->host, WL_IP4, 8081, REFUSED_MS, NULL), ECONNREFUSED);
	cr_expect_eq(dial_tcp(t->workload, HOST_IP4, 8080, REFUSED_MS, NULL), ECONNREFUSED);
	for (int i = 0; i < 3; i++)
		close(in[i]);
	close(datagrams);
	topo_end(t);
}

Test(policy, an_established_session_that_is_forbidden_now_is_cut)
{
	struct topo *t = topo_direct("");
	int in, fd = -1, accepted;
	char byte;

	daemon_intercept(t->d, t->workload, "--name web");
	in = dial_server(t->workload, WL_IP4, 8081, SOCK_STREAM);
	cr_assert_eq(dial_tcp(t->host, WL_IP4, 8081, 3000, &fd), 0);
	accepted = accept(in, NULL, NULL);
	cr_assert(accepted >= 0 && send(fd, "x", 1, MSG_NOSIGNAL) == 1 && readable(accepted, 3000));
	cr_assert_eq(recv(accepted, &byte, 1, 0), 1);
	rules_apply(t->d, RULES("protect"));
	cr_assert(send(fd, "y", 1, MSG_NOSIGNAL) == 1);
	cr_expect(readable(fd, REFUSED_MS), "the client hears nothing: %s", daemon_said(t->d));
	cr_expect(recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == ECONNRESET, "client: %s", strerror(errno));
	cr_expect(readable(accepted, REFUSED_MS), "the server hears nothing");
	cr_expect(recv(accepted, &byte, 1, MSG_DONTWAIT) < 0 && errno == ECONNRESET, "server: %s",
		  strerror(errno));
	close(fd);
	close(accepted);
	close(in);
	topo_end(t);
}

/* Sends forbidden datagrams all the while, a thousand a second, until it is killed. */
static pid_t pour(struct ns *from, const char *to, int port)
{
	struct sockaddr_storage addr;
	socklen_t len = dial_address(to, port, &addr);
	int fd = ns_socket(from, addr.ss_family, SOCK_DGRAM, 0);
	pid_t pid;

	cr_assert(fd >= 0 && !connect(fd, (void *)&addr, len));
	pid = fork();
	cr_assert(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			send(fd, "forbidden", 9, MSG_NOSIGNAL);
			usleep(1000); /* the rate, not a wait */
		}
	}
	close(fd);
	return pid;
}

static void core_dies(const char *options)
{
	struct topo *t = topo_direct(options);
	int tcp[2], udp;
	char text[16];
	pid_t source;

	daemon_intercept(t->d, t->workload, "--name web");
	rules_apply(t->d, RULES("protect"));
	tcp[0] = dial_server(t->workload, WL_IP4, 8080, SOCK_STREAM);
	tcp[1] = dial_server(t->workload, WL_IP4, 8081, SOCK_STREAM);
	udp = dial_server(t->workload, WL_IP4, 5000, SOCK_DGRAM);
	source = pour(t->host, WL_IP4, 5000);
	for (int i = 0; i < 5; i++) {
		pid_t before = core_pid(t->d);

		kill(before, SIGKILL);
		cr_assert(wait_until(15000,
				     core_pid(t->d) > 0 && core_pid(t->d) != before && core_alive(t->d)),
			  "%s", daemon_said(t->d));
		cr_expect_eq(dial_tcp(t->host, WL_IP4, 8081, REFUSED_MS, NULL), ECONNREFUSED);
	}
	cr_expect(wait_until(5000, !dial_tcp(t->host, WL_IP4, 8080, 500, NULL)), "%s", daemon_said(t->d));
	kill(source, SIGKILL);
	waitpid(source, NULL, 0);
	cr_expect(recv(udp, text, sizeof(text), MSG_DONTWAIT) < 0, "a forbidden datagram got through: %s",
		  daemon_said(t->d));
	close(tcp[0]);
	close(tcp[1]);
	close(udp);
	topo_end(t);
}

Test(policy, holds_over_the_death_of_the_core)
{
	core_dies("");
}

Test(policy, holds_over_the_death_of_the_core_with_two_workers)
{
	core_dies("--workers 2");
}

/* Of a connection that only the server goes on with, a new core knows neither beginning nor client: it asks him. */
Test(policy, a_server_goes_on_after_the_death_of_the_core)
{
	struct topo *t = topo_direct("");
	int in, fd = -1, accepted;
	char text[16];
	pid_t before;

	daemon_intercept(t->d, t->workload, "--name web");
	rules_apply(t->d, RULES("protect"));
	in = dial_server(t->workload, WL_IP4, 8080, SOCK_STREAM);
	cr_assert_eq(dial_tcp(t->host, WL_IP4, 8080, 3000, &fd), 0);
	accepted = accept(in, NULL, NULL);
	before = core_pid(t->d);
	kill(before, SIGKILL);
	cr_assert(wait_until(15000, core_pid(t->d) > 0 && core_pid(t->d) != before && core_alive(t->d)), "%s",
		  daemon_said(t->d));
	cr_assert(send(accepted, "later", 5, MSG_NOSIGNAL) == 5);
	cr_expect(readable(fd, 10000) && recv(fd, text, sizeof(text), MSG_DONTWAIT) == 5,
		  "the client hears nothing: %s", daemon_said(t->d));
	close(fd);
	close(accepted);
	close(in);
	topo_end(t);
}

Test(policy, holds_over_the_death_of_the_daemon)
{
	struct topo *t = topo_direct("");
	pid_t before;
	json_t *rules;

	daemon_intercept(t->d, t->workload, "--name web");
	rules_apply(t->d, RULES("protect"));
	before = core_pid(t->d);
	daemon_kill9(t->d);
	expect_protected(t, false);
	daemon_restart(t->d);
	cr_expect_eq(core_pid(t->d), before, "the core was not adopted");
	expect_protected(t, false);
	/* With a core of its own: it must have kept the text, too. */
	daemon_term(t->d);
	kill(before, SIGKILL);
	daemon_restart(t->d);
	expect_protected(t, false);
	rules = ctl(t->d, "policy show");
	cr_expect_eq(json_array_size(json_at(rules, "rules")), 4, "%s", json_dumps(rules, 0));
	json_decref(rules);
	topo_end(t);
}

/* A rule for a workload by name holds as soon as there is one of that name. */
Test(policy, a_workload_that_comes_later_is_under_it)
{
	struct topo *t = topo_direct("");
	json_t *list;

	rules_apply(t->d, RULES("protect"));
	daemon_intercept(t->d, t->workload, "--name web");
	expect_protected(t, false);
	/* The rules mean something else since there is one of that name. */
	list = ctl(t->d, "workloads");
	cr_expect_eq(json_int(list, "items.0.generation"), 2);
	json_decref(list);
	rules_apply(t->d, RULES("monitor"));
	list = ctl(t->d, "workloads");
	cr_expect_eq(json_int(list, "items.0.generation"), 3);
	json_decref(list);
	topo_end(t);
}

Test(policy, one_that_is_wrong_changes_nothing)
{
	struct topo *t = topo_direct("");
	const char *said;

	daemon_intercept(t->d, t->workload, "--name web");
	rules_apply(t->d, RULES("protect"));
	rules_write(RULES("protect") "  - {id: 1, direction: both, action: allow}\n");
	said = ctl_refused(t->d, "policy apply " POLICY_FILE);
	cr_expect(strstr(said, ":9:"), "the line is not said: %s", said);
	expect_protected(t, false);
	topo_end(t);
}

/* From the file that is configured, and again on SIGHUP. */
Test(policy, a_configured_file_is_applied_and_read_again)
{
	struct topo *t = topo_bare();
	int in;

	rules_write(RULES("protect"));
	t->d = daemon_start(t->host, t->agent, "--policy " POLICY_FILE);
	daemon_intercept(t->d, t->workload, "--name web");
	in = dial_server(t->workload, WL_IP4, 8081, SOCK_STREAM);
	cr_expect(wait_until(3000, dial_tcp(t->host, WL_IP4, 8081, REFUSED_MS, NULL) == ECONNREFUSED));
	rules_write(RULES("monitor"));
	kill(t->d->proc->pid, SIGHUP);
	cr_expect(wait_until(3000, dial_tcp(t->host, WL_IP4, 8081, REFUSED_MS, NULL) == 0), "%s",
		  daemon_said(t->d));
	close(in);
	topo_end(t);
}
