// SPDX-License-Identifier: BSD-2-Clause
/*
 * TCP in both directions at once, every byte verified by position.
 *
 *	tcpverify serve PORT                one connection, then ends
 *	tcpverify connect ADDRESS PORT [BYTES]
 *
 * Both ends send BYTES (the server learns the number from the client's first
 * eight bytes) and verify what they receive. Without BYTES they send until
 * SIGTERM tells the client that it is enough. Invariant: exit status 0 only if
 * exactly that many bytes came, or any number and then the end of the stream,
 * and each was the one that belongs there.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK 65536
#define IDLE_MS 20000
#define UNTIL_TOLD UINT64_MAX

static volatile sig_atomic_t told;

static void tell(int signal)
{
	told = signal;
}

/* A byte that tells its place: neighbours, chunks and directions all differ. */
static uint8_t byte_at(uint64_t position, bool server)
{
	uint64_t x = (position + 1) * 0x9e3779b97f4a7c15ULL;

	return (uint8_t)(x >> 56) ^ (server ? 0x5a : 0);
}

struct side {
	int fd;
	bool server;
	uint64_t total, sent, received;
	bool done; /* its own end of the stream is sent */
};

/* Whoever is done says so; the far end must see the end right behind the last byte. */
static void end_own(struct side *s)
{
	shutdown(s->fd, SHUT_WR);
	s->done = true;
}

static int send_some(struct side *s)
{
	static uint8_t buffer[CHUNK];
	size_t len = s->total - s->sent < CHUNK ? s->total - s->sent : CHUNK;
	ssize_t n;

	for (size_t i = 0; i < len; i++)
		buffer[i] = byte_at(s->sent + i, s->server);
	n = send(s->fd, buffer, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	s->sent += n;
	if (s->sent == s->total)
		end_own(s);
	return 0;
}

/* 1 at the end of the stream. */
static int receive_some(struct side *s)
{
	static uint8_t buffer[CHUNK];
	ssize_t n = recv(s->fd, buffer, sizeof(buffer), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (!n)
		return 1;
	for (ssize_t i = 0; i < n; i++) {
		if (buffer[i] == byte_at(s->received + i, !s->server))
			continue;
		fprintf(stderr, "tcpverify: byte %lu is %02x, should be %02x\n", s->received + i, buffer[i],
			byte_at(s->received + i, !s->server));
		return -EBADMSG;
	}
	s->received += n;
	return 0;
}

static int exchange(struct side *s)
{
	struct timespec a, b;
	bool ended = false;
	double seconds;
	int r;

	clock_gettime(CLOCK_MONOTONIC, &a);
	while (!ended || !s->done) {
		struct pollfd p = { .fd = s->fd };

		/* The client when it is told; the server when the client has ended. */
		if (s->total == UNTIL_TOLD && !s->done && (told || (s->server && ended)))
			end_own(s);
		p.events = (ended ? 0 : POLLIN) | (s->done ? 0 : POLLOUT);
		r = poll(&p, 1, IDLE_MS);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0) {
			fprintf(stderr, "tcpverify: nothing moved for %d ms: sent %lu, received %lu of %lu\n",
				IDLE_MS, s->sent, s->received, s->total);
			return -ETIMEDOUT;
		}
		r = p.revents & POLLOUT ? send_some(s) : 0;
		if (r < 0)
			return r;
		r = p.revents & (POLLIN | POLLHUP | POLLERR) && !ended ? receive_some(s) : 0;
		if (r < 0)
			return r;
		ended |= r == 1;
		if (ended && s->total == UNTIL_TOLD && !s->server && !told) {
			fprintf(stderr, "tcpverify: the server ended first\n");
			return -EPROTO;
		}
	}
	if (s->total == UNTIL_TOLD)
		s->total = s->received; /* all that was sent before the end of the stream: TCP's own word */
	if (s->received != s->total) {
		fprintf(stderr, "tcpverify: received %lu bytes of %lu\n", s->received, s->total);
		return -EPROTO;
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	seconds = b.tv_sec - a.tv_sec + (b.tv_nsec - a.tv_nsec) / 1e9;
	printf("{\"bytes\": %lu, \"seconds\": %.3f, \"mbit\": %.0f}\n", s->total, seconds,
	       s->total * 8 / seconds / 1e6);
	return 0;
}

static int serve(unsigned int port, struct side *s)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(AF_INET6, SOCK_STREAM, 0), off = 0, one = 1;
	uint64_t total;

	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 1))
		return -errno;
	printf("ready\n");
	fflush(stdout);
	s->fd = accept(fd, NULL, NULL);
	if (s->fd < 0)
		return -errno;
	if (recv(s->fd, &total, sizeof(total), MSG_WAITALL) != sizeof(total))
		return -EPROTO;
	s->total = be64toh(total);
	s->server = true;
	return exchange(s);
}

static int client(const char *host, const char *port, uint64_t total, struct side *s)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST }, *to;
	uint64_t net = htobe64(total);

	if (getaddrinfo(host, port, &hints, &to) || !total)
		return -EINVAL;
	if (total == UNTIL_TOLD)
		signal(SIGTERM, tell);
	s->fd = socket(to->ai_family, SOCK_STREAM, 0);
	if (s->fd < 0 || connect(s->fd, to->ai_addr, to->ai_addrlen) ||
	    send(s->fd, &net, sizeof(net), MSG_NOSIGNAL) != sizeof(net))
		return -errno;
	s->total = total;
	return exchange(s);
}

int main(int argc, char **argv)
{
	struct side s = { .fd = -1 };
	int r = -EINVAL;

	if (argc == 3 && !strcmp(argv[1], "serve")) {
		r = serve(atoi(argv[2]), &s);
	} else if ((argc == 4 || argc == 5) && !strcmp(argv[1], "connect")) {
		r = client(argv[2], argv[3], argc == 5 ? strtoull(argv[4], NULL, 10) : UNTIL_TOLD, &s);
	} else {
		fprintf(stderr, "usage: tcpverify serve PORT | tcpverify connect ADDRESS PORT [BYTES]\n");
		return 2;
	}
	if (r < 0)
		fprintf(stderr, "tcpverify: %s\n", strerror(-r));
	return r < 0;
}
