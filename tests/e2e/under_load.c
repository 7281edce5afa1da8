// SPDX-License-Identifier: BSD-2-Clause
/*
 * A web server behind a bridge and NAT, under load from three sides, while its
 * port is taken, changes modes, loses its daemon and is given back.
 *
 * Invariant: not one request fails, and no connection, however idle, notices.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/topo.h"
#include "lib/world.h"

TestSuite(under_load, .init = world_enter, .fini = world_leave, .timeout = 120);

#define PUBLIC_IP4 "10.60.0.1"
#define CLIENT_IP4 "10.60.0.2"
#define LOAD_MS 100000 /* longer than the test, which ends it */
#define SHELL_PORT 9022
#define IDLE_PORT 9023

static void need(const char *program)
{
	if (ns_sh(NULL, "PATH=$PATH:/usr/sbin command -v %s", program))
		cr_skip_test("%s is not installed", program);
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	cr_assert(file != NULL, "%s: %s", path, strerror(errno));
	fputs(text, file);
	fclose(file);
}

/* The host publishes the workload's ports to a client by NAT, as container hosts do. */
static struct ns *publish(struct topo *t)
{
	struct ns *client = ns_create("client");

	link_pair(t->host, "public", NULL, client, "eth0", NULL);
	ns_run(t->host, "ip addr add " PUBLIC_IP4 "/24 dev public");
	ns_run(client, "ip addr add " CLIENT_IP4 "/24 dev eth0");
	ns_run(t->workload, "ip route add default via " HOST_IP4);
	put(WORLD_TMP "/nat",
	    "table ip nat {\n"
	    " chain in { type nat hook prerouting priority -100; ip daddr " PUBLIC_IP4
	    " tcp dport 8080 dnat to " WL_IP4 ":80; ip daddr " PUBLIC_IP4
	    " tcp dport 9000-9100 dnat to " WL_IP4 "; }\n"
	    " chain out { type nat hook postrouting priority 100; oifname \"br0\" ip saddr " CLIENT_IP4
	    " masquerade; }\n}\n");
	ns_run(t->host, "echo 1 >/proc/sys/net/ipv4/ip_forward && nft -f " WORLD_TMP "/nat");
	return client;
}

static void serve(struct topo *t)
{
	struct proc *nginx;

	put(WORLD_TMP "/nginx.conf",
	    "daemon off; worker_processes 1; user root; pid " WORLD_TMP "/nginx.pid; error_log stderr warn;\n"
	    "events { worker_connections 512; }\n"
	    "http { access_log off; keepalive_requests 1000000; client_body_temp_path " WORLD_TMP "/body;\n"
	    " proxy_temp_path " WORLD_TMP "/proxy; fastcgi_temp_path " WORLD_TMP
	    "/fcgi; uwsgi_temp_path " WORLD_TMP "/uwsgi; scgi_temp_path " WORLD_TMP "/scgi;\n"
	    " server { listen 80 reuseport; listen [::]:80; location / { return 200 "
	    "\"the workload answers, and says enough to fill a segment or so\\n\"; } } }\n");
	nginx = ns_spawn(t->workload, "nginx -e stderr -p " WORLD_TMP " -c " WORLD_TMP "/nginx.conf");
	cr_assert(wait_until(5000, !ns_sh(t->workload, "ss -Hltn | grep -q ':80 '")), "nginx: %s",
		  proc_text(nginx));
}

/* A connection whose both ends are in this process. */
struct connection {
	int client, server;
	char label[24];
};

static struct connection connection(struct ns *from, const char *to, struct ns *workload, int port,
				    const char *label)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	int listener = ns_socket(workload, AF_INET, SOCK_STREAM, 0);
	struct connection c = { .client = ns_socket(from, AF_INET, SOCK_STREAM, 0) };

	snprintf(c.label, sizeof(c.label), "%s", label);
	cr_assert(listener >= 0 && c.client >= 0);
	cr_assert(!bind(listener, (struct sockaddr *)&address, sizeof(address)) && !listen(listener, 1));
	inet_pton(AF_INET, to, &address.sin_addr);
	cr_assert(!connect(c.client, (struct sockaddr *)&address, sizeof(address)), "%s: %s", label,
		  strerror(errno));
	c.server = accept(listener, NULL, NULL);
	cr_assert(c.server >= 0);
	close(listener);
	return c;
}

/* A key pressed and its echo; a moment's stall is allowed, a second's is not. */
static void type(const struct connection *c, char key, const char *when)
{
	char got = 0;

	cr_assert_eq(send(c->client, &key, 1, MSG_NOSIGNAL), 1, "%s, %s: %s", c->label, when,
		     strerror(errno));
	cr_assert(readable(c->server, 2000) && recv(c->server, &got, 1, 0) == 1 && got == key,
		  "%s, %s: the key did not arrive", c->label, when);
	cr_assert_eq(send(c->server, &key, 1, MSG_NOSIGNAL), 1);
	cr_assert(readable(c->client, 2000) && recv(c->client, &got, 1, 0) == 1 && got == key,
		  "%s, %s: the echo did not arrive", c->label, when);
}

static long accepted(struct topo *t)
{
	return atol(ns_run(t->workload, "awk '/^Tcp:/ {n = $7} END {print n}' /proc/net/snmp"));
}

/* For whoever must find out why: how many connections are in which state, and what has become of frames. */
static void tell_state(struct topo *t)
{
	struct ns *const ends[] = { t->host, t->workload };

	for (int i = 0; i < 2; i++)
		tell("%s: %s", ends[i]->label,
		     ns_run(ends[i],
			    "ss -Htan | awk '{n[$1]++} END {for (s in n) printf \"%%s %%d; \", s, n[s]}'"));
	tell("counters: %s", json_dumps(ctl(t->d, "counters"), JSON_COMPACT));
	tell("status: %s", json_dumps(ctl(t->d, "status"), JSON_COMPACT));
}

/* New connections are served after each step, and the shell answers. */
static void step(struct topo *t, const struct connection *shell, const char *what)
{
	long before = accepted(t), served;

	if (!wait_until(10000, accepted(t) > before + 30)) {
		served = accepted(t) - before;
		tell_state(t);
		cr_assert_fail("%s: only %ld connections have been served since\n%s", what, served,
			       daemon_said(t->d));
	}
	type(shell, 'x', what);
}

static long requests(struct proc *wrk)
{
	const char *text, *at;

	cr_assert_eq(proc_end(wrk, SIGINT, 20000), 0, "%s", proc_text(wrk));
	text = proc_text(wrk);
	cr_expect(!strstr(text, "Socket errors"), "requests failed: %s", text);
	cr_expect(!strstr(text, "Non-2xx"), "requests were answered wrongly: %s", text);
	at = strstr(text, " requests in ");
	cr_assert(at != NULL, "%s", text);
	while (at > text && at[-1] >= '0' && at[-1] <= '9')
		at--;
	return atol(at);
}

static void round_of(struct topo *t, const struct connection *shell, const char *side)
{
	static const char *const modes[] = { "tap", "inline", "off", "inline" };
	char options[64];

	snprintf(options, sizeof(options), "%s%s --mode off", *side ? "--side " : "", side);
	daemon_intercept(t->d, t->workload, options);
	step(t, shell, "taken");
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		ctl_do(t->d, "mode --all %s", modes[i]);
		step(t, shell, modes[i]);
	}
	daemon_kill9(t->d);
	step(t, shell, "the daemon killed");
	daemon_restart(t->d);
	step(t, shell, "the daemon back");
	ctl_do(t->d, "release --all");
	step(t, shell, "given back");
}

/*
 * How the host tracks the idle connection. The kernel shows its list in pieces, and a line can be missed where others
 * come and go meanwhile.
 */
static char *tracked(struct topo *t)
{
	const char *said;

	cr_assert(wait_until(5000, *(said = ns_run(t->host,
						   "grep -o 'ESTABLISHED.*dport=%d.*ASSURED' "
						   "/proc/net/nf_conntrack | sed 's/ use=.*//'",
						   IDLE_PORT))),
		  "the host does not track the idle connection");
	return strdup(said);
}

Test(under_load, not_one_request_fails)
{
	const int load_s = (int)(patient(LOAD_MS) / 1000);
	struct topo *t = topo_bridge(NULL);
	struct connection shell, idle;
	struct proc *kept, *fresh, *fresh6;
	struct ns *client;
	char *before, *after;
	long n[3];

	need("nginx");
	need("wrk");
	need("nft");
	client = publish(t);
	serve(t);
	free(t->before_workload);
	t->before_workload = topo_look(t->workload);
	t->d = daemon_start(t->host, t->agent, " ");
	shell = connection(client, PUBLIC_IP4, t->workload, SHELL_PORT, "interactive");
	idle = connection(client, PUBLIC_IP4, t->workload, IDLE_PORT, "idle");
	type(&idle, 'a', "before");
	/* Paced, so that the processors are not what fails. */
	put(WORLD_TMP "/pace.lua", "function delay() return 3 end\n");
	kept = ns_spawn(client,
			"wrk -t1 -c8 -d%d --timeout 10s -s " WORLD_TMP "/pace.lua http://" PUBLIC_IP4
			":8080/",
			load_s);
	fresh = ns_spawn(client,
			 "wrk -t1 -c2 -d%d --timeout 10s -s " WORLD_TMP
			 "/pace.lua -H 'Connection: close' http://" PUBLIC_IP4 ":8080/",
			 load_s);
	fresh6 = ns_spawn(t->host,
			  "wrk -t1 -c2 -d%d --timeout 10s -s " WORLD_TMP
			  "/pace.lua -H 'Connection: close' 'http://[" WL_IP6 "]/'",
			  load_s);
	step(t, &shell, "before");
	before = tracked(t);
	round_of(t, &shell, "");
	if (!ns_sh(NULL, "%s intercept --help | grep -q -- --side", world_program("sluicectl"))) {
		round_of(t, &shell, "workload");
		round_of(t, &shell, "host");
	}
	after = tracked(t);
	cr_expect_str_eq(after, before,
			 "the host tracks the idle connection otherwise than before: '%s', not '%s'", after,
			 before);
	free(before);
	free(after);
	type(&idle, 'z', "after it all");
	n[0] = requests(kept);
	n[1] = requests(fresh);
	n[2] = requests(fresh6);
	cr_log_info("%ld requests over kept connections, %ld and %ld (IPv6) over new ones, none failed", n[0],
		    n[1], n[2]);
	cr_expect(n[0] > 500 && n[1] > 200 && n[2] > 200, "too little load: %ld, %ld, %ld", n[0], n[1], n[2]);
	topo_end(t);
}
