// SPDX-License-Identifier: BSD-2-Clause
/*
 * A frame that the core dies of (in a core built for that): the daemon brings
 * another one, is not touched itself, and what was open stays open.
 *
 * Invariant: how long it took is read off the daemon's own log and told, not
 * asserted beyond what no machine takes.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/dial.h"
#include "lib/rules.h"
#include "lib/topo.h"

TestSuite(core_crash, .init = world_enter, .fini = world_leave, .timeout = 60);

#define DEADLY "sluice test: the core dies of this frame"

struct connection {
	int listener, client, server;
};

static struct connection connect_to(struct topo *t, struct ns *workload, const char *address)
{
	struct connection c = { .listener = dial_server(workload, address, 8080, SOCK_STREAM) };

	cr_assert_eq(dial_tcp(t->host, address, 8080, 3000, &c.client), 0, "%s", daemon_said(t->d));
	c.server = accept(c.listener, NULL, NULL);
	cr_assert(c.server >= 0);
	return c;
}

/* A byte there and one back; TCP sends again what was lost. */
static bool carries(const struct connection *c)
{
	char byte;

	return send(c->client, "x", 1, MSG_NOSIGNAL) == 1 && readable(c->server, 10000) &&
	       recv(c->server, &byte, 1, 0) == 1 && send(c->server, "y", 1, MSG_NOSIGNAL) == 1 &&
	       readable(c->client, 10000) && recv(c->client, &byte, 1, 0) == 1;
}

static void hang_up(struct connection *c)
{
	close(c->client);
	close(c->server);
	close(c->listener);
}

static void send_deadly(struct ns *from, const char *to)
{
	struct sockaddr_storage addr;
	socklen_t len = dial_address(to, 5000, &addr);
	int fd = ns_socket(from, addr.ss_family, SOCK_DGRAM, 0);

	cr_assert(fd >= 0 && sendto(fd, DEADLY, sizeof(DEADLY) - 1, 0, (void *)&addr, len) > 0);
	close(fd);
}

/* When the daemon said this last, in ms of the day; -1: it has not. */
static long when(struct topo *t, const char *what)
{
	const char *text = daemon_said(t->d), *last = NULL;
	int h, m, s, ms;

	for (const char *at = text; (at = strstr(at, what)); at++)
		last = at;
	while (last && last > text && last[-1] != '\n')
		last--;
	return last && sscanf(last, "%d:%d:%d.%d", &h, &m, &s, &ms) == 4
		       ? ((h * 60L + m) * 60 + s) * 1000 + ms
		       : -1;
}

static void core_dies(const char *options)
{
	struct topo *t = topo_bridge(options);
	struct connection closed, open;
	json_t *status;
	pid_t daemon, core;

	daemon_intercept(t->d, t->workload, "--name web --fail closed");
	daemon_intercept(t->d, t->workload2, "--name other --fail open");
	rules_apply(t->d, RULES("protect"));
	daemon = t->d->proc->pid;
	closed = connect_to(t, t->workload, WL_IP4);
	open = connect_to(t, t->workload2, WL2_IP4);
	cr_assert(carries(&closed) && carries(&open));
	for (int i = 1; i <= 2; i++) {
		core = core_pid(t->d);
		send_deadly(t->host, i == 1 ? WL2_IP4 : WL2_IP6);
		cr_assert(wait_until(15000, core_pid(t->d) > 0 && core_pid(t->d) != core && core_alive(t->d)),
			  "%s", daemon_said(t->d));
		cr_expect(carries(&closed), "fails closed: %s", daemon_said(t->d));
		cr_expect(carries(&open), "fails open: %s", daemon_said(t->d));
		status = ctl(t->d, "status");
		cr_expect_eq(json_int(status, "dpi.restarts"), i);
		cr_expect(strstr(json_text(status, "dpi.last_end"), "SEGV"), "%s",
			  json_text(status, "dpi.last_end"));
		cr_expect_eq(json_int(status, "workloads"), 2);
		cr_expect_eq(json_int(status, "pid"), daemon);
		json_decref(status);
		tell("the core is started %ld ms after its death, and forwards after %ld",
		     when(t, "started the core") - when(t, "killed by signal"),
		     when(t, ") forwards") - when(t, "killed by signal"));
		cr_expect_lt(when(t, "started the core") - when(t, "killed by signal"), 5000);
	}
	/* The policy is in force as before. */
	cr_expect_eq(dial_tcp(t->host, WL_IP4, 8081, 3000, NULL), ECONNREFUSED);
	cr_expect_eq(topo_cores(), 1);
	hang_up(&closed);
	hang_up(&open);
	topo_end(t);
}

static const char *faulty(const char *options)
{
	static char text[256];

	snprintf(text, sizeof(text), "--dpi-path %s %s", world_program("tests/faulty/sluice-dpi"), options);
	return text;
}

Test(core_crash, by_a_frame)
{
	core_dies(faulty(""));
}

Test(core_crash, by_a_frame_with_two_workers)
{
	core_dies(faulty("--workers 2"));
}

/* The core that users have means nothing by it. */
Test(core_crash, not_of_the_core_that_users_have)
{
	struct topo *t = topo_direct("");
	int in = dial_server(t->workload, WL_IP4, 5000, SOCK_DGRAM);
	char text[64];
	pid_t core;

	daemon_intercept(t->d, t->workload, "");
	core = core_pid(t->d);
	send_deadly(t->host, WL_IP4);
	cr_expect(readable(in, 3000) && recv(in, text, sizeof(text), 0) == sizeof(DEADLY) - 1);
	cr_expect_eq(core_pid(t->d), core);
	close(in);
	topo_end(t);
}
