// SPDX-License-Identifier: BSD-2-Clause
/*
 * The running kernel is the judge: the same overlapping segments, with
 * different contents, go to one of its sockets and into a stream of ours, and
 * what is read must be the same.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/ns.h"
#include "lib/sniff.h"
#include "lib/world.h"
#include "session_craft.h"

#define ATTACKER "10.77.0.2"
#define VICTIM "10.77.0.1"
#define PORT 7777
#define ISN 0xffffd000u /* wraps in the middle of what is sent */
#define SPACE_MAX 20000
#define RCVBUF (4 << 20) /* or the kernel prunes its queue for want of memory */

TestSuite(session_kernel, .init = world_enter, .fini = world_leave, .timeout = 60);

static struct sniff *wire;
static struct mac attacker, victim;
static int listener = -1, app = -1;
static uint16_t port = 1024;
static uint32_t server_next;

static struct sl_stream_pool pool;
static struct sl_stream *stream;
static uint8_t ours[2 * SPACE_MAX], theirs[2 * SPACE_MAX];
static uint32_t our_len;

static void sink(void *context, const uint8_t *data, uint32_t len)
{
	(void)context;
	cr_assert(data && our_len + len <= sizeof(ours));
	memcpy(ours + our_len, data, len);
	our_len += len;
}

static void lab(void)
{
	struct ns *a = ns_create("attacker"), *v = ns_create("victim");
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int size = RCVBUF;

	link_pair(a, "va", NULL, v, "vv", NULL);
	attacker = link_mac(a, "va");
	victim = link_mac(v, "vv");
	ns_run(v,
	       "ip addr add " VICTIM "/24 dev vv && ip neigh replace " ATTACKER
	       " lladdr %s dev vv nud permanent",
	       mac_text(attacker));
	wire = sniff_open(a, "va", false);
	listener = ns_socket(v, AF_INET, SOCK_STREAM, 0);
	cr_assert_geq(listener, 0);
	cr_assert(!setsockopt(listener, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)));
	cr_assert(!bind(listener, (struct sockaddr *)&at, sizeof(at)) && !listen(listener, 8));
}

static void segment(uint8_t flags, uint32_t seq, const uint8_t *data, uint32_t len, int32_t urgent)
{
	static struct frame f;

	frame_eth(&f, victim, attacker);
	frame_ipv4(&f, ATTACKER, VICTIM, IPPROTO_TCP);
	frame_tcp(&f, port, PORT, seq, flags & FRAME_ACK ? server_next : 0, flags, data, len);
	if (urgent >= 0) { /* and the checksum put right again, as RFC 1624 does it */
		uint8_t *tcp = f.data + f.l4_at;
		uint32_t sum = (uint16_t) ~(tcp[16] << 8 | tcp[17]);

		tcp[13] |= 0x20;
		tcp[18] = (uint8_t)(urgent >> 8);
		tcp[19] = (uint8_t)urgent;
		sum += 0x20 + (uint32_t)urgent;
		sum = (sum & 0xffff) + (sum >> 16);
		sum = ~(sum + (sum >> 16));
		tcp[16] = (uint8_t)(sum >> 8);
		tcp[17] = (uint8_t)sum;
	}
	sniff_send(wire, &f);
}

static bool is_syn_ack(const struct seen *seen, const void *context)
{
	(void)context;
	return seen->len >= 54 && seen->data[23] == IPPROTO_TCP && (seen->data[47] & 0x12) == 0x12 &&
	       (seen->data[36] << 8 | seen->data[37]) == port;
}

static void open_both(void)
{
	const struct seen *answer;
	uint32_t seq;

	port++;
	sniff_flush(wire);
	segment(FRAME_SYN, ISN, NULL, 0, -1);
	answer = sniff_wait(wire, 2000, is_syn_ack, NULL);
	cr_assert_not_null(answer, "the kernel answers the SYN");
	memcpy(&seq, answer->data + 38, 4);
	server_next = ntohl(seq) + 1;
	segment(FRAME_ACK, ISN + 1, NULL, 0, -1);
	app = accept(listener, NULL, NULL);
	cr_assert_geq(app, 0);
	memset(&pool, 0, sizeof(pool));
	pool = (struct sl_stream_pool){ .total_max = 8 << 20, .flow_max = 1 << 20, .history_max = 1 << 20 };
	our_len = 0;
	stream = sl_stream_new(&pool);
	sl_stream_start(stream, ISN + 1);
}

static uint32_t both(uint32_t at, const uint8_t *data, uint32_t len, int32_t urgent)
{
	segment(FRAME_ACK | FRAME_PSH, ISN + 1 + at, data, len, urgent);
	return sl_stream_push(stream, ISN + 1 + at, data, len, urgent, false, sink, NULL);
}

/* A FIN, and all that the application reads up to it. */
static uint32_t close_both(void)
{
	struct timeval limit = { .tv_sec = 3 };
	uint32_t len = 0;
	ssize_t n;

	segment(FRAME_ACK | FRAME_FIN, sl_stream_next(stream), NULL, 0, -1);
	setsockopt(app, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	while ((n = recv(app, theirs + len, sizeof(theirs) - len, 0)) > 0)
		len += (uint32_t)n;
	cr_assert_eq(n, 0, "the FIN does not arrive: %m");
	close(app);
	sl_stream_free(stream);
	cr_assert_eq(pool.used, 0);
	return len;
}

struct kind {
	uint32_t space, shortest, longest;
	unsigned int segments;
	bool adjacent; /* also segments that begin just where another ends */
};

/*
 * True if both are the same. The kernel may join adjacent segments that wait
 * into one, as memory happens to be; then other segments are "inside" than
 * before. That is why a difference is allowed if a conflict was reported.
 */
static bool compare(const struct kind *kind, unsigned int seed)
{
	static uint8_t data[1500];
	uint32_t begin[128], end[128], n = 0, seen = 0, len;
	bool same;

	open_both();
	while (n < kind->segments) {
		uint32_t at = (uint32_t)rand_r(&seed) % kind->space;
		bool touches = false;

		len = kind->shortest + (uint32_t)rand_r(&seed) % (kind->longest - kind->shortest + 1);
		for (uint32_t i = 0; i < n; i++)
			touches |= begin[i] == at + len || end[i] == at;
		if (touches && !kind->adjacent)
			continue;
		begin[n] = at;
		end[n++] = at + len;
		for (uint32_t b = 0; b < len; b++)
			data[b] = (uint8_t)rand_r(&seed);
		seen |= both(at, data, len, -1);
	}
	while (sl_stream_waits(stream)) {
		data[0] = '_';
		both(sl_stream_next(stream) - ISN - 1, data, 1, -1);
	}
	len = close_both();
	same = len == our_len && !memcmp(ours, theirs, len);
	cr_assert_eq(len, our_len, "%u bytes read, %u delivered", len, our_len);
	cr_assert(same || seen & SL_STREAM_CONFLICT, "seed %u: a difference that was not reported", seed);
	return same;
}

Test(session_kernel, a_socket_reads_what_the_stream_delivers)
{
	static const struct kind whole = { SPACE_MAX, 300, 1400, 40, false };
	static const struct kind tiny = { 300, 1, 40, 40, false };
	static const struct kind touching = { 300, 1, 40, 40, true };
	unsigned int others = 0;

	lab();
	for (unsigned int seed = 1; seed <= 100; seed++)
		cr_assert(compare(&whole, seed), "large segments, seed %u", seed);
	for (unsigned int seed = 1; seed <= 100; seed++)
		cr_assert(compare(&tiny, seed), "small segments, seed %u", seed);
	for (unsigned int seed = 1; seed <= 100; seed++)
		others += !compare(&touching, seed);
	printf("session_kernel: of 100 streams with touching segments %u differ, all reported\n", others);
}

Test(session_kernel, urgent_data)
{
	static const uint8_t text[] = "abcdefghijkl";

	lab();
	for (int32_t pointer = 0; pointer <= 6; pointer++) {
		uint32_t len;

		open_both();
		both(0, text, 4, pointer);
		both(6, text + 6, 4, -1);
		both(4, text + 4, 2, -1);
		len = close_both();
		cr_expect(len == our_len && !memcmp(ours, theirs, len),
			  "pointer %d: '%.*s' read, '%.*s' delivered", pointer, (int)len, theirs,
			  (int)our_len, ours);
	}
}
