// SPDX-License-Identifier: BSD-2-Clause
/*
 * How long it takes from the first SYN until the kernel has a verdict: HTTP
 * connections one after the other, the time before connect() to the time that
 * the entry of the flow bears.
 *
 * Invariant: a connection without a verdict makes the run void.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/agent.h"
#include "bench/bench.h"
#include "bench/stream_own.h"

#define HTTP_PORT 80
#define CONNECTIONS 500
#define VERDICT_NS 500000000ULL /* it is not waited for longer */

static const char request[] = "GET /index.html HTTP/1.1\r\nHost: bench.example\r\nUser-Agent: bench\r\n\r\n";
static const char answer[] =
	"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n";

struct latency {
	struct agent *agent;
	const struct workload *workload;
	unsigned int percentile;
};

static int serve(void *context)
{
	struct shared *shared = context;
	char buffer[sizeof(request)];
	int listener;

	lab_pin(1);
	listener = stream_socket(SOCK_STREAM, &shared->addr, true);
	if (listener < 0 || listen(listener, 16))
		return 1;
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		size_t asked = sizeof(request) - 1, said = sizeof(answer) - 1;

		if (fd < 0)
			continue;
		/* It stays open until the client has seen the verdict. */
		if (recv(fd, buffer, asked, MSG_WAITALL) == (ssize_t)asked &&
		    send(fd, answer, said, MSG_NOSIGNAL) == (ssize_t)said)
			(void)!recv(fd, buffer, 1, 0);
		close(fd);
	}
}

/* The flow of a connected socket, as the programs name it. */
static int flow_key(const struct latency *latency, int fd, struct sl_flow_key *ret)
{
	struct sl_workload_key workload;
	struct sockaddr_in own;
	socklen_t len = sizeof(own);

	if (getsockname(fd, (struct sockaddr *)&own, &len))
		return -errno;
	/* There is one. */
	if (bpf_map_get_next_key(latency->agent->maps.workloads, NULL, &workload))
		return -errno;
	*ret = (struct sl_flow_key){
		.workload_addr = { [10] = 0xff, [11] = 0xff },
		.remote_addr = { [10] = 0xff, [11] = 0xff },
		.workload_port = htons(HTTP_PORT),
		.remote_port = own.sin_port,
		.workload = workload.id,
		.family = 4,
		.protocol = IPPROTO_TCP,
	};
	memcpy(ret->workload_addr + 12, &latency->workload->ip, 4);
	memcpy(ret->remote_addr + 12, &own.sin_addr, 4);
	return 0;
}

/* When the verdict was given; 0: it was not. */
static __u64 wait_verdict(const struct latency *latency, const struct sl_flow_key *key)
{
	__u64 limit = lab_now_ns() + VERDICT_NS;
	struct sl_flow flow;

	while (bpf_map_lookup_elem(latency->agent->maps.flows, key, &flow)) {
		if (lab_now_ns() > limit)
			return 0;
		lab_wait_until(lab_now_ns() + 50000);
	}
	return flow.given_ns;
}

/* One connection; its time in *ret_us. 0 or -errno. */
static int once(const struct latency *latency, const struct sockaddr_in *addr, double *ret_us)
{
	__u64 start = lab_now_ns(), given;
	struct sl_flow_key key;
	char buffer[sizeof(answer)];
	size_t asked = sizeof(request) - 1, said = sizeof(answer) - 1;
	int fd = stream_socket(SOCK_STREAM, addr, false), r = -EAGAIN;

	if (fd < 0)
		return fd;
	if (send(fd, request, asked, MSG_NOSIGNAL) == (ssize_t)asked &&
	    recv(fd, buffer, said, MSG_WAITALL) == (ssize_t)said)
		r = flow_key(latency, fd, &key);
	given = r ? 0 : wait_verdict(latency, &key);
	close(fd);
	if (!given)
		return r ?: -ETIMEDOUT;
	*ret_us = (double)(__s64)(given - start) / 1e3;
	return 0;
}

static int measure(void *context, double *ret, struct sl_err *err)
{
	const struct latency *latency = context;
	struct shared *shared = stream_share(&latency->workload->ip, HTTP_PORT, err);
	double times[CONNECTIONS];
	pid_t server;
	int r;

	if (!shared)
		return -ENOMEM;
	server = lab_fork(&latency->workload->ns, serve, shared, err);
	r = server < 0 ? server : 0;
	if (!r && !stream_wait_ready(shared))
		r = sl_err(err, ETIMEDOUT, "the server does not listen");
	lab_pin(0);
	for (unsigned int i = 0; i < CONNECTIONS && !r; i++) {
		r = once(latency, &shared->addr, &times[i]);
		if (r)
			r = sl_err(err, EAGAIN, "connection %u: %s", i,
				   r == -ETIMEDOUT ? "there was no verdict" : strerror(-r));
	}
	lab_unpin();
	lab_stop(server);
	munmap(shared, sizeof(*shared));
	if (r)
		return r;
	bench_sort(times, CONNECTIONS);
	*ret = times[(CONNECTIONS - 1) * latency->percentile / 100];
	return 0;
}

static int one(const char *name, struct latency latency, struct sl_err *err)
{
	struct series series = {
		.name = name,
		.contender = "first SYN to the verdict",
		.baseline = "",
		.unit = "us",
		.note = "HTTP connections one after the other, 500 a run",
		.kind = BENCH_VALUE,
	};

	return bench_figure(&series, &(struct bench_side){ measure, &latency }, NULL, err);
}

int measure_verdict_latency(struct sl_err *err)
{
	struct workload workload = { 0 };
	struct agent agent = { 0 };
	int r;

	r = workload_make(&workload, err);
	r = r ?: agent_start(&agent, AGENT_JUDGED, err);
	r = r ?: agent_intercept(&agent, &workload, "inline", err);
	r = r ?: one("verdict_latency_us_p50", (struct latency){ &agent, &workload, 50 }, err);
	r = r ?: one("verdict_latency_us_p99", (struct latency){ &agent, &workload, 99 }, err);
	agent_end(&agent);
	workload_end(&workload);
	return r;
}
