// SPDX-License-Identifier: BSD-2-Clause
/*
 * A flow stays on one worker: both directions of each exchange are seen by
 * the same queue of the core, and different flows are spread over all of them.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/topo.h"
#include "lib/world.h"

#define QUEUES 4
#define FLOWS 64

TestSuite(queues, .init = world_enter, .fini = world_leave, .timeout = 60);

static void received(struct topo *t, __u64 frames[QUEUES])
{
	struct sl_core record;

	for (__u32 queue = 0; queue < QUEUES; queue++) {
		cr_assert(!bpf_map_lookup_elem(t->d->maps.core, &queue, &record));
		frames[queue] = record.rx_frames;
	}
}

/* Of all frames the core has seen: has it answered for `wanted` more than in `before`? */
static bool all_seen(struct topo *t, const __u64 before[QUEUES], __u64 wanted)
{
	__u64 now[QUEUES], sum = 0;

	received(t, now);
	for (int queue = 0; queue < QUEUES; queue++)
		sum += now[queue] - before[queue];
	return sum >= wanted;
}

/* The one queue that has grown; the test fails if it was another number of them. */
static int grown(struct topo *t, const __u64 before[QUEUES], const char *what)
{
	__u64 now[QUEUES];
	int found = -1;

	received(t, now);
	for (int queue = 0; queue < QUEUES; queue++) {
		if (now[queue] == before[queue])
			continue;
		cr_expect_eq(found, -1, "%s: seen by queue %d and by queue %d", what, found, queue);
		found = queue;
	}
	cr_assert_geq(found, 0, "%s: seen by no queue", what);
	return found;
}

static struct sockaddr_in address(const char *ip, int port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons((__u16)port) };

	cr_assert_eq(inet_pton(AF_INET, ip, &sin.sin_addr), 1);
	return sin;
}

static int udp_socket(struct ns *ns, const char *ip, int port)
{
	struct sockaddr_in sin = address(ip, port);
	int fd = ns_socket(ns, AF_INET, SOCK_DGRAM, 0);

	cr_assert(fd >= 0 && !bind(fd, (struct sockaddr *)&sin, sizeof(sin)), "%s:%d: %s", ip, port,
		  strerror(errno));
	return fd;
}

/* One datagram there, one back. size above the MTU makes both of them fragments. */
static void exchange(int from, const char *from_ip, int from_port, int to, const char *to_ip, int to_port,
		     size_t size)
{
	struct sockaddr_in there = address(to_ip, to_port), back = address(from_ip, from_port);
	static char data[8000];

	cr_assert_eq(sendto(from, data, size, 0, (struct sockaddr *)&there, sizeof(there)), (ssize_t)size);
	cr_assert_eq(recv(to, data, sizeof(data), 0), (ssize_t)size);
	cr_assert_eq(sendto(to, data, size, 0, (struct sockaddr *)&back, sizeof(back)), (ssize_t)size);
	cr_assert_eq(recv(from, data, sizeof(data), 0), (ssize_t)size);
}

Test(queues, both_directions_of_a_flow_meet)
{
	struct topo *t = topo_direct("--workers 4");
	int used[QUEUES] = { 0 }, server, n_used = 0;
	__u64 before[QUEUES];

	daemon_intercept(t->d, t->workload, "--mode inline");
	cr_assert(ping_within(t->host, WL_IP4, 5000));
	server = udp_socket(t->workload, WL_IP4, 6000);
	for (int port = 20000; port < 20000 + FLOWS; port++) {
		int client = udp_socket(t->host, HOST_IP4, port);

		received(t, before);
		exchange(client, HOST_IP4, port, server, WL_IP4, 6000, 100);
		cr_assert(wait_until(2000, all_seen(t, before, 2)));
		used[grown(t, before, "a UDP flow")] = 1;
		close(client);
	}
	for (int queue = 0; queue < QUEUES; queue++)
		n_used += used[queue];
	cr_expect_eq(n_used, QUEUES, "%d flows used %d of %d queues", FLOWS, n_used, QUEUES);
	close(server);
	topo_end(t);
}

Test(queues, fragments_meet)
{
	struct topo *t = topo_direct("--workers 4");
	int server, client;
	__u64 before[QUEUES];

	daemon_intercept(t->d, t->workload, "--mode inline");
	cr_assert(ping_within(t->host, WL_IP4, 5000));
	server = udp_socket(t->workload, WL_IP4, 6000);
	client = udp_socket(t->host, HOST_IP4, 20000);
	received(t, before);
	/* 4000 bytes are three fragments at an MTU of 1500, each way. */
	exchange(client, HOST_IP4, 20000, server, WL_IP4, 6000, 4000);
	cr_assert(wait_until(2000, all_seen(t, before, 6)));
	grown(t, before, "fragments");
	close(client);
	close(server);
	topo_end(t);
}
