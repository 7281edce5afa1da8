// SPDX-License-Identifier: BSD-2-Clause
/*
 * A frame that a worker hangs with (in a core built for that): its flows get
 * what `fail` says, the other worker's are inspected, and the daemon brings
 * another core. One that was stopped on purpose is left alone.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/dial.h"
#include "lib/rules.h"
#include "lib/topo.h"

TestSuite(core_hang, .init = world_enter, .fini = world_leave, .timeout = 90);

#define HANGS "sluice test: the worker hangs with this frame"
#define TRIES 64

static const char *options(const char *more)
{
	static char text[256];

	snprintf(text, sizeof(text), "--dpi-path %s %s", world_program("tests/faulty/sluice-dpi"), more);
	return text;
}

static void hang(struct topo *t)
{
	struct sockaddr_storage addr;
	socklen_t len = dial_address(WL_IP4, 5000, &addr);
	int fd = ns_socket(t->host, AF_INET, SOCK_DGRAM, 0);

	cr_assert(fd >= 0 && sendto(fd, HANGS, sizeof(HANGS) - 1, 0, (void *)&addr, len) > 0);
	close(fd);
}

/* The answers that new connections get, each by the worker that its ports choose. */
static void dial_many(struct topo *t, int port, int *ret_good, int *ret_refused, int *ret_silent)
{
	*ret_good = *ret_refused = *ret_silent = 0;
	for (int i = 0; i < TRIES && !(*ret_silent && (*ret_good || *ret_refused)); i++) {
		int r = dial_tcp(t->host, WL_IP4, port, 300, NULL);

		*ret_good += !r;
		*ret_refused += r == ECONNREFUSED;
		*ret_silent += r == ETIMEDOUT;
	}
}

Test(core_hang, of_one_worker_touches_only_its_flows)
{
	struct topo *t = topo_direct(options("--workers 2 --hang-s 0"));
	int good, refused, silent, listener;

	daemon_intercept(t->d, t->workload, "--fail closed");
	rules_apply(t->d, RULES("protect"));
	listener = dial_server(t->workload, WL_IP4, 8080, SOCK_STREAM);
	hang(t);
	usleep(1200000); /* longer than a heartbeat may be old */
	dial_many(t, 8080, &good, &refused, &silent);
	cr_expect(good && silent && !refused, "closed: %d connect, %d silent, %d refused", good, silent,
		  refused);
	dial_many(t, 8081, &good, &refused, &silent);
	cr_expect(refused && silent && !good, "closed, denied: %d connect, %d silent, %d refused", good,
		  silent, refused);
	ctl_do(t->d, "mode --all --fail open");
	good = refused = 0;
	dial_many(t, 8080, &good, &refused, &silent);
	cr_expect(good && !refused && !silent, "open: %d connect, %d silent, %d refused", good, silent,
		  refused);
	/* With hang_s = 0 nobody takes it away. */
	cr_expect_eq(topo_cores(), 1);
	close(listener);
	topo_end(t);
}

Test(core_hang, is_ended_by_the_daemon)
{
	struct topo *t = topo_direct(options("--hang-s 1"));
	int listener;
	pid_t core;
	json_t *status;

	daemon_intercept(t->d, t->workload, "--fail closed");
	rules_apply(t->d, RULES("protect"));
	listener = dial_server(t->workload, WL_IP4, 8080, SOCK_STREAM);
	core = core_pid(t->d);
	hang(t);
	cr_assert(wait_until(20000, core_pid(t->d) > 0 && core_pid(t->d) != core && core_alive(t->d)), "%s",
		  daemon_said(t->d));
	cr_expect_eq(dial_tcp(t->host, WL_IP4, 8080, 3000, NULL), 0);
	cr_expect_eq(dial_tcp(t->host, WL_IP4, 8081, 3000, NULL), ECONNREFUSED);
	status = ctl(t->d, "status");
	cr_expect_eq(json_int(status, "dpi.restarts"), 1);
	cr_expect(strstr(json_text(status, "dpi.last_end"), "no sign of life"), "%s",
		  json_text(status, "dpi.last_end"));
	json_decref(status);
	cr_expect_eq(topo_cores(), 1);
	close(listener);
	topo_end(t);
}

/* By a debugger, say. */
Test(core_hang, is_not_what_was_stopped_on_purpose)
{
	struct topo *t = topo_direct("--hang-s 1");
	pid_t core;

	daemon_intercept(t->d, t->workload, "");
	core = core_pid(t->d);
	kill(core, SIGSTOP);
	usleep(4000000);
	kill(core, SIGCONT);
	cr_expect(wait_until(5000, core_alive(t->d)));
	cr_expect_eq(core_pid(t->d), core, "%s", daemon_said(t->d));
	topo_end(t);
}
