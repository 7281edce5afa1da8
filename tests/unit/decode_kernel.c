// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reassembly against the running kernel: the same fragments, many of them
 * overlapping, to both. The receiver's kernel is the truth: what reassembly
 * lets go on, the kernel delivers with the same content; what it refuses by
 * the kernel's own rules, the kernel refuses.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netpacket/packet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "decode_craft.h"
#include "lib/ns.h"

#define CASES 1500
#define PARTS_MAX 7
#define BLOCKS 10 /* of 8 bytes, the datagram's body */
#define BODY_MAX (8 * (BLOCKS + 2))
#define PROTOCOL 253 /* for experiments (RFC 3692): has no ports, lengths or checksums that could fail */

static struct sl_decoder *decoder;
static struct sl_defrag *defrag;
static int wire, receiver[2]; /* IPv4, IPv6 */
static struct mac mac;
static unsigned int ifindex, seed;

static void write_sysctl(struct ns *ns, const char *name, const char *value)
{
	ns_run(ns, "echo %s >/proc/sys/net/%s", value, name);
}

static void send_to_kernel(const struct frame *f)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)ifindex, .sll_halen = 6 };
	static struct frame copy;

	memcpy(&copy, f, sizeof(copy) - sizeof(copy.data) + f->len);
	frame_set_dst(&copy, mac);
	while (sendto(wire, copy.data, copy.len, 0, (void *)&to, sizeof(to)) < 0)
		cr_assert_eq(errno, ENOBUFS);
}

/* One that is whole, so that nobody has to wait for what does not come: it is one byte, by which it is known. */
static void send_marked(uint8_t family, char mark)
{
	static struct frame f;

	craft_start(&f);
	craft_ip(&f, family, PROTOCOL);
	frame_raw(&f, &mark, 1);
	send_to_kernel(&f);
}

static void send_sentinel(uint8_t family)
{
	send_marked(family, 'S');
}

/* A link that has just come up may swallow the first frames. */
static void wait_until_it_works(uint8_t family)
{
	struct pollfd ready = { .fd = receiver[family == 6], .events = POLLIN };
	uint8_t bytes[64];

	for (unsigned int i = 0; i < 100; i++) {
		send_sentinel(family);
		if (poll(&ready, 1, 100) == 1)
			break;
	}
	/* Every sentinel that was not swallowed is there by now: this one is behind them, and marked. */
	send_marked(family, 'E');
	do {
		cr_assert_eq(poll(&ready, 1, 5000), 1, "IPv%u: no frame gets through", family);
	} while (bytes[recv(ready.fd, bytes, sizeof(bytes), 0) - 1] != 'E');
}

static void set_up(void)
{
	const struct sl_defrag_limits limits = SL_DEFRAG_LIMITS;
	struct ns *a = ns_create("sender"), *b = ns_create("receiver");
	cpu_set_t one;

	link_pair(a, "w", NULL, b, "eth0", NULL);
	ns_run(b, "ip addr add " CRAFT4_WORKLOAD "/8 dev eth0; ip addr add " CRAFT6_WORKLOAD
		  "/64 dev eth0 nodad");
	/* Incomplete datagrams are left by the hundred. */
	write_sysctl(b, "ipv4/ipfrag_high_thresh", "100000000");
	write_sysctl(b, "ipv6/ip6frag_high_thresh", "100000000");
	receiver[0] = ns_socket(b, AF_INET, SOCK_RAW, PROTOCOL);
	receiver[1] = ns_socket(b, AF_INET6, SOCK_RAW, PROTOCOL);
	cr_assert(receiver[0] >= 0 && receiver[1] >= 0);
	mac = link_mac(b, "eth0");
	ifindex = link_index(a, "w");
	wire = ns_socket(a, AF_PACKET, SOCK_RAW, 0);
	cr_assert_geq(wire, 0);
	/* Frames sent from one CPU arrive in order. */
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	decoder = sl_decoder_new();
	cr_assert_eq(sl_defrag_new(&defrag, &limits, decoder), 0);
	seed = 20240229;
	wait_until_it_works(4);
	wait_until_it_works(6);
}

static void tear_down(void)
{
	close(wire);
	close(receiver[0]);
	close(receiver[1]);
	sl_defrag_free(defrag);
	sl_decoder_free(decoder);
}

TestSuite(decode_kernel, .init = set_up, .fini = tear_down, .timeout = 60);

static unsigned int pick(unsigned int n)
{
	return (unsigned int)rand_r(&seed) / 7 % n;
}

/* Datagrams one after the other, each behind its length in one byte. */
struct got {
	unsigned int len, datagrams;
	uint8_t bytes[4096];
};

static void take(struct got *got, const uint8_t *bytes, size_t len)
{
	cr_assert(len < 256 && got->len + len + 1 < sizeof(got->bytes));
	got->bytes[got->len++] = (uint8_t)len;
	memcpy(got->bytes + got->len, bytes, len);
	got->len += len;
	got->datagrams++;
}

/* What the socket got before the sentinel, without the header that IPv4 leaves in front. */
static void receive(int fd, ssize_t header, struct got *got)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	uint8_t bytes[2048];

	for (;;) {
		ssize_t n;

		cr_assert_eq(poll(&ready, 1, 5000), 1, "the kernel delivered nothing");
		n = recv(fd, bytes, sizeof(bytes), 0);
		cr_assert_gt(n, header);
		if (n == header + 1 && bytes[header] == 'S')
			return;
		take(got, bytes + header, n - header);
	}
}

struct part {
	uint32_t from, len;
	bool more;
};

/* Mostly a datagram cut into neighbours, in any order, with a few that are wrong in between. */
static unsigned int make_parts(struct part *parts)
{
	unsigned int n = 0, at = 0, wrong = pick(3), last = 8 * BLOCKS - pick(8);

	while (at < 8 * BLOCKS && n < PARTS_MAX - 3) {
		unsigned int len = 8 * (1 + pick(4));

		if (at + len >= 8 * BLOCKS || n == PARTS_MAX - 4)
			len = last - at;
		parts[n++] = (struct part){ at, len, at + len < last };
		at += len;
		if (at >= last)
			break;
	}
	while (wrong--) {
		unsigned int from = 8 * pick(BLOCKS), len = 8 * (1 + pick(4)) - (pick(5) ? 0 : pick(7));

		/* At the start and nothing more: that is no fragment. */
		parts[n++] = (struct part){ from, len, !from || pick(4) };
	}
	if (pick(2))
		for (unsigned int i = 0; i < n; i++) {
			unsigned int j = pick(n);
			struct part swap = parts[i];

			parts[i] = parts[j];
			parts[j] = swap;
		}
	return n;
}

/*
 * An IPv4 receiver cuts a fragment to a multiple of 8, ours refuses it: then the receiver does not see it. All
 * the others it is shown, those that ours refuses as well.
 */
static bool hidden(uint8_t family, const struct sl_packet *fragment)
{
	return family == 4 && fragment->malformed & SL_MALFORMED_BIT(frag_length);
}

static void one_case(uint8_t family, uint32_t id, unsigned int *delivered, unsigned int *refused)
{
	static struct frame f;
	static struct sl_packet fragment, packet;
	static struct got ours, theirs;
	struct part parts[PARTS_MAX];
	unsigned int n = make_parts(parts);
	char story[512] = "", *at = story;
	uint8_t body[BODY_MAX];

	ours.len = theirs.len = ours.datagrams = theirs.datagrams = 0;
	for (unsigned int i = 0; i < n; i++) {
		for (unsigned int b = 0; b < sizeof(body); b++)
			body[b] = (uint8_t)(1 + i * 32 + pick(31));
		craft_fragment(&f, family, PROTOCOL, id, parts[i].from, parts[i].more, body, parts[i].len);
		if (craft_defrag(defrag, decoder, &f, CRAFT_SECOND, &fragment, &packet) == 1)
			take(&ours, packet.data + packet.payload, packet.payload_len);
		if (!hidden(family, &fragment))
			send_to_kernel(&f);
		at += snprintf(at, story + sizeof(story) - at, " %u+%u%s(%s)", parts[i].from, parts[i].len,
			       parts[i].more ? "" : "L", craft_reasons(fragment.malformed));
	}
	send_sentinel(family);
	receive(receiver[family == 6], family == 4 ? 20 : 0, &theirs);
	cr_assert_eq(ours.len, theirs.len, "IPv%u:%s: %u datagrams, the kernel %u", family, story,
		     ours.datagrams, theirs.datagrams);
	cr_assert(!memcmp(ours.bytes, theirs.bytes, ours.len), "IPv%u:%s: the kernel has other content",
		  family, story);
	*delivered += ours.datagrams > 0;
	*refused += ours.datagrams == 0;
}

static void all_cases(uint8_t family)
{
	unsigned int delivered = 0, refused = 0;

	for (uint32_t id = 1; id <= CASES; id++)
		one_case(family, id, &delivered, &refused);
	cr_log_info("IPv%u: %u delivered, %u refused", family, delivered, refused);
	cr_assert_gt(delivered, CASES / 5);
	cr_assert_gt(refused, CASES / 5);
}

Test(decode_kernel, ipv4_as_the_receiver)
{
	all_cases(4);
}

Test(decode_kernel, ipv6_as_the_receiver)
{
	all_cases(6);
}
