// SPDX-License-Identifier: BSD-2-Clause
/*
 * Datagrams that follow each other leave the core together: as one super-frame
 * that a receiver's socket cuts, or, where the way on cannot carry one, cut by
 * the kernel into the frames that came, bit by bit.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/features.h"
#include "lib/sniff.h"
#include "lib/topo.h"
#include "lib/world.h"

TestSuite(bundles, .init = world_enter, .fini = world_leave, .timeout = 90);

#define PORT 5000
#define BURST 40
#define SIZE 200
#define LARGEST 4000

/* A connected sender, whose datagrams Linux numbers one by one, and its receiver. */
struct pair {
	struct topo *t;
	bool ipv6, to_workload;
	int sender, receiver;
};

static void set_address(struct sockaddr_storage *ret, socklen_t *ret_len, bool ipv6, const char *text)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (ipv6) {
		*in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
		cr_assert_eq(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
		*ret_len = sizeof(*in6);
	} else {
		*in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(PORT) };
		cr_assert_eq(inet_pton(AF_INET, text, &in->sin_addr), 1);
		*ret_len = sizeof(*in);
	}
}

static struct pair pair_open(struct topo *t, bool ipv6, bool to_workload)
{
	const char *to = ipv6 ? (to_workload ? WL_IP6 : HOST_IP6) : (to_workload ? WL_IP4 : HOST_IP4);
	struct pair pair = { .t = t, .ipv6 = ipv6, .to_workload = to_workload };
	struct timeval patience = { .tv_sec = (time_t)patient(3000) / 1000 };
	int family = ipv6 ? AF_INET6 : AF_INET;
	struct sockaddr_storage address;
	socklen_t len;

	pair.sender = ns_socket(to_workload ? t->host : t->workload, family, SOCK_DGRAM, 0);
	pair.receiver = ns_socket(to_workload ? t->workload : t->host, family, SOCK_DGRAM, 0);
	set_address(&address, &len, ipv6, ipv6 ? "::" : "0.0.0.0");
	cr_assert_eq(bind(pair.receiver, (struct sockaddr *)&address, len), 0, "%s", strerror(errno));
	setsockopt(pair.receiver, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(pair.receiver, SOL_SOCKET, SO_RCVBUF, &(int){ 4 << 20 }, sizeof(int));
	set_address(&address, &len, ipv6, to);
	cr_assert_eq(connect(pair.sender, (struct sockaddr *)&address, len), 0, "%s", strerror(errno));
	return pair;
}

static void pair_close(struct pair *pair)
{
	close(pair->sender);
	close(pair->receiver);
}

static void send_one(const struct pair *pair, unsigned int number, size_t size)
{
	uint8_t data[LARGEST];

	memset(data, (int)number, size);
	cr_assert_eq(send(pair->sender, data, size, 0), (ssize_t)size, "%s", strerror(errno));
}

static void expect_one(const struct pair *pair, unsigned int number, size_t size)
{
	uint8_t data[LARGEST + 1];
	ssize_t n = recv(pair->receiver, data, sizeof(data), 0);

	cr_assert_eq(n, (ssize_t)size, "datagram %u of IPv%d %s the workload: %zd bytes instead of %zu",
		     number, pair->ipv6 ? 6 : 4, pair->to_workload ? "to" : "from", n, size);
	for (size_t i = 0; i < size; i++)
		cr_assert_eq(data[i], (uint8_t)number, "datagram %u: %02x at %zu", number, data[i], i);
}

static json_int_t bundled(struct topo *t)
{
	json_t *status = ctl(t->d, "status");
	json_int_t n = json_int(status, "dpi.queues.0.bundled");

	json_decref(status);
	return n;
}

/* How many frames a datagram is, at an MTU of 1500. */
static unsigned int frames_of(const struct pair *pair, size_t size)
{
	size_t whole = pair->ipv6 ? 1452 : 1472, part = pair->ipv6 ? 1448 : 1480;

	return size <= whole ? 1 : (unsigned int)((size + 8 + part - 1) / part);
}

/* All its threads: a signal reaches each of them when it does. */
static bool stands_still(pid_t pid)
{
	return !ns_sh(NULL, "! grep -h ^State: /proc/%d/task/*/status | grep -qv T", pid);
}

/* The core stands still while they come, for far less than its heartbeat, and finds them all in one run. */
static void burst(const struct pair *pair, const size_t *sizes, unsigned int n)
{
	struct topo *t = pair->t;
	__u64 there = counter(t->d, SL_PROG_VTH, SL_R_to_core);
	pid_t core = core_pid(t->d);

	cr_assert_eq(kill(core, SIGSTOP), 0);
	cr_assert(wait_until(500, stands_still(core)));
	for (unsigned int i = 0; i < n; i++) {
		send_one(pair, i, sizes[i]);
		there += frames_of(pair, sizes[i]);
	}
	cr_expect(wait_until(500, counter(t->d, SL_PROG_VTH, SL_R_to_core) >= there));
	cr_assert_eq(kill(core, SIGCONT), 0);
	for (unsigned int i = 0; i < n; i++)
		expect_one(pair, i, sizes[i]);
}

/* The session is there, and so are the neighbours. */
static void begin(const struct pair *pair)
{
	send_one(pair, 0, 10);
	expect_one(pair, 0, 10);
}

static bool is_datagram(const struct seen *seen, const void *unused)
{
	bool ipv6 = seen->len > ETH_HLEN && seen->data[12] == 0x86;
	uint32_t udp = ETH_HLEN + (ipv6 ? 40 : 20);

	(void)unused;
	return seen->len > udp + 8 && seen->data[ipv6 ? 20 : 23] == IPPROTO_UDP &&
	       seen->data[udp + 2] == PORT >> 8 && seen->data[udp + 3] == (PORT & 0xff);
}

static bool is_super(const struct seen *seen, const void *unused)
{
	return seen->gso_size && is_datagram(seen, unused);
}

Test(bundles, a_burst_leaves_as_one)
{
	struct topo *t = topo_direct("--verdicts no --bulk yes");
	size_t sizes[BURST];

	need_udp_super_frames(t->host);
	for (unsigned int i = 0; i < BURST; i++)
		sizes[i] = SIZE;
	daemon_intercept(t->d, t->workload, "");
	for (int way = 0; way < 4; way++) {
		struct pair pair = pair_open(t, way & 1, way & 2);
		struct ns *behind = way & 2 ? t->workload : t->host;
		const struct seen *seen;
		struct sniff *sniff;
		json_int_t before;

		begin(&pair);
		before = bundled(t);
		sniff = sniff_open(behind, way & 2 ? "eth0" : "vethwl", false);
		burst(&pair, sizes, BURST);
		seen = sniff_wait(sniff, 1000, is_super, NULL);
		cr_assert(seen, "no super-frame behind the core");
		cr_expect_eq(seen->gso_size, SIZE);
		cr_expect_eq(seen->len, ETH_HLEN + (way & 1 ? 40U : 20U) + 8 + BURST * SIZE);
		cr_expect(wait_until(1000, bundled(t) - before == BURST));
		sniff_close(sniff);
		pair_close(&pair);
	}
	ctl_do(t->d, "counters --check");
	topo_end(t);
}

/* As a NIC would have sent it. */
static void finish_sum(struct seen *seen)
{
	uint32_t sum;

	if (!seen->csum_partial)
		return;
	sum = ~frame_sum(seen->data + seen->csum_start, seen->len - seen->csum_start, 0) & 0xffff;
	sum = sum ?: 0xffff;
	seen->data[seen->csum_at] = (uint8_t)(sum >> 8);
	seen->data[seen->csum_at + 1] = (uint8_t)sum;
}

/*
 * The port behind the core does not carry super-frames of UDP, so the kernel cuts: what comes out is what went in. (A
 * frame that is given straight to the peer meets no port.)
 */
Test(bundles, arrive_bit_by_bit)
{
	struct topo *t = topo_direct("--verdicts no --bulk yes --redirect plain");
	static struct seen out[BURST];
	size_t sizes[BURST];
	json_t *list;

	need_udp_super_frames(t->host);
	/* The last one is shorter. */
	for (unsigned int i = 0; i < BURST; i++)
		sizes[i] = i + 1 < BURST ? SIZE : SIZE - 7;
	daemon_intercept(t->d, t->workload, "");
	list = ctl(t->d, "workloads");
	ns_run(t->agent, "ethtool -K %s tx-udp-segmentation off", json_text(list, "items.0.vin.name"));
	json_decref(list);
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct pair pair = pair_open(t, ipv6, true);
		struct sniff *front, *behind;
		json_int_t before;

		begin(&pair);
		before = bundled(t);
		front = sniff_open(t->host, "vethwl", true);
		behind = sniff_open(t->workload, "eth0", false);
		burst(&pair, sizes, BURST);
		cr_expect(wait_until(1000, bundled(t) - before == BURST));
		for (unsigned int i = 0; i < BURST; i++) {
			const struct seen *seen = sniff_wait(front, 1000, is_datagram, NULL);

			cr_assert(seen, "datagram %u was not seen in front", i);
			out[i] = *seen;
			finish_sum(&out[i]);
		}
		for (unsigned int i = 0; i < BURST; i++) {
			const struct seen *seen = sniff_wait(behind, 1000, is_datagram, NULL);
			struct seen in;

			cr_assert(seen, "datagram %u was not seen behind", i);
			in = *seen;
			finish_sum(&in);
			cr_expect_eq(in.gso_size, 0);
			cr_expect(in.len == out[i].len && !memcmp(in.data, out[i].data, in.len),
				  "IPv%d, datagram %u: %s", ipv6 ? 6 : 4, i,
				  frame_difference(in.data, in.len, out[i].data, out[i].len));
		}
		sniff_close(front);
		sniff_close(behind);
		pair_close(&pair);
	}
	topo_end(t);
}

/* Some in bundles, some by themselves, some in fragments. */
Test(bundles, all_sizes_keep_their_order)
{
	static const size_t some[] = { 200, 199, 100, 1, 1000, 1472, 3000, 4000 };
	struct topo *t = topo_direct("--verdicts no --bulk yes");
	size_t sizes[BURST];
	json_int_t before;

	need_udp_super_frames(t->host);
	daemon_intercept(t->d, t->workload, "");
	srand(20261129);
	for (int way = 0; way < 4; way++) {
		struct pair pair = pair_open(t, way & 1, way & 2);

		begin(&pair);
		before = bundled(t);
		for (int round = 0; round < 20; round++) {
			/* Rows of one size, short and long. */
			for (unsigned int i = 0; i < BURST; i++)
				sizes[i] = i && rand() % 12 ? sizes[i - 1]
							    : some[(unsigned int)rand() %
								   (sizeof(some) / sizeof(some[0]))];
			burst(&pair, sizes, BURST);
		}
		cr_expect(wait_until(1000, bundled(t) > before));
		pair_close(&pair);
	}
	ctl_do(t->d, "counters --check");
	topo_end(t);
}
