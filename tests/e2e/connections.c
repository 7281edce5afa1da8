// SPDX-License-Identifier: BSD-2-Clause
/*
 * Connections that are open before a port is taken: busy ones and idle ones,
 * of both families, opened by either end, over taking, every mode that lets
 * frames pass, and giving back, by either side.
 *
 * Invariant: an idle one is not touched until the very end, so that nothing
 * but its own next byte can have brought it through.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/dial.h"
#include "lib/streams.h"
#include "lib/topo.h"
#include "lib/world.h"

TestSuite(connections, .init = world_enter, .fini = world_leave, .timeout = 180);

struct idle {
	int listener, client, server;
};

static struct idle open_idle(struct ns *from, struct ns *to, const char *address, int port)
{
	struct idle c = { .listener = dial_server(to, address, port, SOCK_STREAM) };

	cr_assert_eq(dial_tcp(from, address, port, 3000, &c.client), 0, "%s", address);
	c.server = accept(c.listener, NULL, NULL);
	cr_assert(c.server >= 0);
	return c;
}

static bool passes(int from, int to)
{
	char byte;

	return send(from, "x", 1, MSG_NOSIGNAL) == 1 && readable(to, 10000) && recv(to, &byte, 1, 0) == 1 &&
	       byte == 'x';
}

static void expect_open(struct idle *c, const char *which)
{
	/* By the end that did not open it first. */
	cr_expect(passes(c->server, c->client) && passes(c->client, c->server), "idle, %s: %s", which,
		  strerror(errno));
	close(c->client);
	close(c->server);
	close(c->listener);
}

static void until_traffic(struct topo *t, enum sl_reason way, const char *mode)
{
	__u64 before = counter_lanes(t->d, way);

	cr_assert(wait_until(20000, counter_lanes(t->d, way) > before + 100), "no traffic in mode %s: %s",
		  mode, daemon_said(t->d));
}

static void survive(const char *side)
{
	static const struct {
		const char *mode;
		enum sl_reason way;
	} modes[] = { { "off", SL_R_direct },
		      { "tap", SL_R_tapped },
		      { "inline", SL_R_diverted },
		      { "off", SL_R_direct } };
	struct topo *t = topo_bridge("--verdicts no");
	struct idle idle[] = { open_idle(t->host, t->workload, WL_IP4, 7700),
			       open_idle(t->host, t->workload, WL_IP6, 7701),
			       open_idle(t->workload, t->host, HOST_IP4, 7702),
			       open_idle(t->workload, t->host, HOST_IP6, 7703) };
	struct stream busy[] = { stream_open(t->host, t->workload, WL_IP4, 7704),
				 stream_open(t->workload, t->host, HOST_IP6, 7705) };
	char options[64], which[16];

	snprintf(options, sizeof(options), "--mode inline --side %s", side);
	daemon_intercept(t->d, t->workload, options);
	until_traffic(t, SL_R_diverted, "inline");
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		ctl_do(t->d, "mode --all %s", modes[i].mode);
		until_traffic(t, modes[i].way, modes[i].mode);
	}
	ctl_do(t->d, "release --all");
	for (size_t i = 0; i < 4; i++) {
		snprintf(which, sizeof(which), "%zu", i);
		expect_open(&idle[i], which);
	}
	stream_stop(&busy[0]);
	stream_stop(&busy[1]);
	topo_end(t);
}

Test(connections, busy_and_idle_ones_by_the_workloads_side)
{
	survive("workload");
}

Test(connections, busy_and_idle_ones_by_the_hosts_side)
{
	survive("host");
}
