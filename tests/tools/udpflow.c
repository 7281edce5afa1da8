// SPDX-License-Identifier: BSD-2-Clause
/*
 * A paced UDP stream whose every datagram is numbered, and its judge.
 *
 *	udpflow recv PORT                       until SIGTERM; prints one JSON object
 *	udpflow send ADDRESS PORT RATE SIZE     until SIGTERM; prints {"sent": N}
 *
 * Invariant: the receiver counts each number once: what was sent is what was
 * received plus what was lost, whatever came twice or late being counted
 * apart. IPv4 and IPv6. The payload is verified to its last byte.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NUMBERS_MAX (8u << 20)
#define SIZE_MAX_ 60000
#define LAST_MS 300

static volatile sig_atomic_t stop;

static void on_term(int signal)
{
	(void)signal;
	stop = 1;
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void fill(uint8_t *payload, size_t size, uint32_t number)
{
	uint32_t net = htonl(number);

	memcpy(payload, &net, 4);
	for (size_t i = 4; i < size; i++)
		payload[i] = (uint8_t)(number + i);
}

static bool filled(const uint8_t *payload, size_t size, uint32_t *ret_number)
{
	uint32_t net, number;

	if (size < 4)
		return false;
	memcpy(&net, payload, 4);
	number = ntohl(net);
	for (size_t i = 4; i < size; i++) {
		if (payload[i] != (uint8_t)(number + i))
			return false;
	}
	*ret_number = number;
	return true;
}

static int do_send(const char *host, const char *port, unsigned int rate, size_t size)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST }, *to;
	static uint8_t payload[SIZE_MAX_];
	struct timespec next;
	uint32_t sent = 0;
	unsigned int errors = 0;
	int fd;

	if (getaddrinfo(host, port, &hints, &to) || size < 4 || size > SIZE_MAX_ || !rate)
		return 2;
	fd = socket(to->ai_family, SOCK_DGRAM, 0);
	if (fd < 0 || connect(fd, to->ai_addr, to->ai_addrlen)) {
		fprintf(stderr, "udpflow: %s: %s\n", host, strerror(errno));
		return 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &next);
	while (!stop && sent < NUMBERS_MAX) {
		fill(payload, size, sent);
		/* A refusal that an ICMP message brought belongs to an earlier datagram: this one was not sent. */
		if (send(fd, payload, size, 0) == (ssize_t)size)
			sent++;
		else
			errors++;
		next.tv_nsec += 1000000000 / rate;
		if (next.tv_nsec >= 1000000000) {
			next.tv_nsec -= 1000000000;
			next.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	printf("{\"sent\": %u, \"errors\": %u}\n", sent, errors);
	return 0;
}

struct tally {
	uint8_t *seen; /* a bit per number */
	uint64_t received, duplicate, reordered, corrupt;
	uint32_t highest; /* + 1 */
	int64_t last_ns, gap_ns, gap_at_ns, first_ns;
};

static void take(struct tally *t, const uint8_t *payload, size_t size)
{
	int64_t now = now_ns();
	uint32_t number;

	if (!filled(payload, size, &number) || number >= NUMBERS_MAX) {
		t->corrupt++;
		return;
	}
	if (t->seen[number / 8] & 1 << number % 8) {
		t->duplicate++;
		return;
	}
	t->seen[number / 8] |= 1 << number % 8;
	t->received++;
	if (number + 1 > t->highest)
		t->highest = number + 1;
	else
		t->reordered++;
	if (!t->first_ns)
		t->first_ns = now;
	if (t->last_ns && now - t->last_ns > t->gap_ns) {
		t->gap_ns = now - t->last_ns;
		t->gap_at_ns = now - t->first_ns;
	}
	t->last_ns = now;
}

static int do_recv(unsigned int port)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct tally t = { .seen = calloc(1, NUMBERS_MAX / 8) };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0), size = 16 << 20, off = 0, sfd;
	static uint8_t payload[SIZE_MAX_];
	struct pollfd p[2];
	sigset_t mask;
	uint32_t memory[SK_MEMINFO_VARS] = { 0 };
	socklen_t memory_len = sizeof(memory);
	ssize_t n;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	sfd = signalfd(-1, &mask, SFD_CLOEXEC);
	if (!t.seen || fd < 0 || sfd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		fprintf(stderr, "udpflow: port %u: %s\n", port, strerror(errno));
		free(t.seen);
		return 1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	printf("ready\n");
	fflush(stdout);
	p[0] = (struct pollfd){ .fd = fd, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = sfd, .events = POLLIN };
	/* After SIGTERM what is still under way may arrive, until nothing has come for a while. */
	for (;;) {
		int ready = poll(p, 2, p[1].fd < 0 ? LAST_MS : -1);

		if (!ready)
			break;
		if (p[1].revents)
			p[1].fd = -1;
		n = p[0].revents ? recv(fd, payload, sizeof(payload), MSG_DONTWAIT) : -1;
		if (n >= 0)
			take(&t, payload, n);
	}
	getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &memory_len);
	printf("{\"received\": %lu, \"socket_drops\": %u, \"lost\": %lu, \"duplicate\": %lu, \"reordered\": "
	       "%lu, \"corrupt\": %lu, "
	       "\"max_gap_us\": %ld, \"gap_at_ms\": %ld}\n",
	       t.received, memory[SK_MEMINFO_DROPS], t.highest - t.received, t.duplicate, t.reordered,
	       t.corrupt, t.gap_ns / 1000, t.gap_at_ns / 1000000);
	free(t.seen);
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_term };

	if (argc == 3 && !strcmp(argv[1], "recv"))
		return do_recv(atoi(argv[2]));
	if (argc == 6 && !strcmp(argv[1], "send")) {
		sigaction(SIGTERM, &action, NULL);
		return do_send(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]));
	}
	fprintf(stderr, "usage: udpflow recv PORT | udpflow send ADDRESS PORT RATE SIZE\n");
	return 2;
}
