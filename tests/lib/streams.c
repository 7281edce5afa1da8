// SPDX-License-Identifier: BSD-2-Clause
/* See streams.h. */
#include "lib/streams.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/world.h"

#define STREAMS 60
#define STREAM_BYTES 100000

struct stream stream_open(struct ns *client, struct ns *server, const char *address, int port)
{
	struct stream s = { .server = tcp_serve(server, port) };

	s.client =
		ns_spawn(client, "%s connect %s %d", world_program("tests/tools/tcpverify"), address, port);
	return s;
}

struct stream stream_start(struct topo *t, const char *address, int port)
{
	return stream_open(t->host, t->workload, address, port);
}

/* What came to that end. */
static unsigned long bytes_at(struct proc *end)
{
	static const char label[] = "{\"bytes\": ";
	const char *text = strstr(proc_text(end), label);

	cr_assert(text, "%s", proc_text(end));
	return strtoul(text + strlen(label), NULL, 10);
}

void stream_stop(struct stream *stream)
{
	cr_expect(!proc_ended(stream->client, 0), "the stream has ended before: %s",
		  proc_text(stream->client));
	cr_expect_eq(proc_end(stream->client, SIGTERM, 90000), 0, "%s", proc_text(stream->client));
	cr_expect_eq(proc_end(stream->server, 0, 20000), 0, "%s", proc_text(stream->server));
	stream->sent = bytes_at(stream->server);
	stream->received = bytes_at(stream->client);
}

void stream_kill(struct stream *stream)
{
	proc_end(stream->client, SIGKILL, 5000);
	proc_end(stream->server, SIGKILL, 5000);
}

void streams_on_one_processor(void)
{
	cpu_set_t all, one;
	int cpu = 0;

	cr_assert_eq(sched_getaffinity(0, sizeof(all), &all), 0);
	while (cpu < CPU_SETSIZE && !CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
}

static long nstat(struct ns *ns, const char *name)
{
	return atol(ns_run(ns, "nstat -asz %s | awk '$1 == \"%s\" {print $2}'", name, name));
}

long streams_in_order(struct topo *t)
{
	long workload = nstat(t->workload, "TcpExtTCPOFOQueue"), host = nstat(t->host, "TcpExtTCPOFOQueue");

	for (int i = 0; i < STREAMS; i++)
		tcp_exchange(i % 2 ? t->workload : t->host, i % 2 ? WL_IP4 : HOST_IP6,
			     i % 2 ? t->host : t->workload, STREAM_BYTES);
	workload = nstat(t->workload, "TcpExtTCPOFOQueue") - workload;
	host = nstat(t->host, "TcpExtTCPOFOQueue") - host;
	ns_sh(t->agent, "ethtool -S vth | grep drops | tr -s '\\n ' ' '");
	cr_expect(!workload && !host, "segments out of order: %ld in the workload, %ld in the host; vth: %s",
		  workload, host, ns_said());
	return nstat(t->workload, "TcpRetransSegs") + nstat(t->host, "TcpRetransSegs");
}
