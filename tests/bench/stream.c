// SPDX-License-Identifier: BSD-2-Clause
/*
 * One TCP connection at full speed, and one question at a time over UDP.
 *
 * Invariant: the sender's end runs on CPU 0 and the receiver's on CPU 1 in
 * every run, whatever lies between them: the scheduler's mood is not part of a
 * figure.
 */
#include "bench/bench.h"
#include "bench/stream.h"
#include "bench/stream_own.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define TCP_PORT 5201
#define ECHO_PORT 7
#define BUFFER (128 * 1024)
#define SETTLE_MS 300 /* slow start and warming up: not measured */
#define ECHO_SETTLE 500

struct shared *stream_share(const struct in_addr *ip, unsigned int port, struct sl_err *err)
{
	struct shared *shared =
		mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED) {
		sl_errno(err, errno, "shared memory");
		return NULL;
	}
	shared->addr =
		(struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = *ip };
	return shared;
}

int stream_socket(int type, const struct sockaddr_in *addr, bool to_bind)
{
	const struct timeval patience = { .tv_sec = STREAM_PATIENCE_S };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (to_bind ? bind(fd, (const void *)addr, sizeof(*addr))
		    : connect(fd, (const void *)addr, sizeof(*addr)))
		return -errno;
	return fd;
}

bool stream_wait_ready(const struct shared *shared)
{
	__u64 limit = lab_now_ns() + STREAM_PATIENCE_S * 1000000000ULL;

	while (!__atomic_load_n(&shared->ready, __ATOMIC_ACQUIRE)) {
		if (lab_now_ns() > limit)
			return false;
		lab_wait_until(lab_now_ns() + 1000000);
	}
	return true;
}

static int tcp_receive(void *context)
{
	static char buffer[BUFFER];
	struct shared *shared = context;
	__u64 start, from, now = 0, end, bytes = 0;
	__s64 busy = 0;
	int listener, fd;
	ssize_t n;

	lab_pin(1);
	listener = stream_socket(SOCK_STREAM, &shared->addr, true);
	if (listener < 0 || listen(listener, 1))
		return 1;
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return 1;
	start = lab_now_ns();
	from = start + SETTLE_MS * 1000000ULL;
	end = from + shared->ms * 1000000ULL;
	while (now < end && (n = read(fd, buffer, sizeof(buffer))) > 0) {
		now = lab_now_ns();
		if (now < from)
			continue;
		if (!bytes)
			busy = lab_busy_ns();
		bytes += n;
	}
	shared->cpu_ns_per_byte = bytes ? (double)(lab_busy_ns() - busy) / bytes : 0;
	shared->bytes_per_s = now > from ? bytes * 1e9 / (now - from) : 0;
	return now < end;
}

static int tcp_send(void *context)
{
	static char buffer[BUFFER];
	const struct shared *shared = context;
	int fd;

	lab_pin(0);
	fd = stream_socket(SOCK_STREAM, &shared->addr, false);
	if (fd < 0)
		return 1;
	/* The receiver ends it. */
	while (send(fd, buffer, sizeof(buffer), MSG_NOSIGNAL) > 0)
		;
	return 0;
}

int stream_run_two(const struct ns *receiver_ns, int (*receive)(void *), const struct ns *sender_ns,
		   int (*transmit)(void *), struct shared *shared, struct sl_err *err)
{
	pid_t receiver, sender;
	int status = 1;

	receiver = lab_fork(receiver_ns, receive, shared, err);
	if (receiver < 0)
		return receiver;
	if (!stream_wait_ready(shared)) {
		lab_stop(receiver);
		return sl_err(err, ETIMEDOUT, "the receiver does not listen");
	}
	sender = lab_fork(sender_ns, transmit, shared, err);
	if (sender < 0) {
		lab_stop(receiver);
		return sender;
	}
	waitpid(receiver, &status, 0);
	lab_stop(sender);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int stream_tcp(const struct workload *w, enum stream_way way, unsigned int ms, struct stream_result *ret,
	       struct sl_err *err)
{
	bool to_workload = way == STREAM_TO_WORKLOAD;
	struct shared *shared = stream_share(to_workload ? &w->ip : &w->host_ip, TCP_PORT, err);
	int r;

	if (!shared)
		return -ENOMEM;
	shared->ms = ms;
	r = stream_run_two(to_workload ? &w->ns : NULL, tcp_receive, to_workload ? NULL : &w->ns, tcp_send,
			   shared, err);
	if (r > 0)
		r = sl_err(err, EAGAIN, "the TCP stream broke off");
	if (!r)
		*ret = (struct stream_result){ shared->bytes_per_s * 8 / 1e9, shared->cpu_ns_per_byte };
	munmap(shared, sizeof(*shared));
	return r;
}

static int echo_answer(void *context)
{
	struct shared *shared = context;
	struct sockaddr_in from;
	char buffer[256];
	int fd;

	lab_pin(1);
	fd = stream_socket(SOCK_DGRAM, &shared->addr, true);
	if (fd < 0)
		return 1;
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	for (;;) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&from, &len);

		if (n > 0)
			sendto(fd, buffer, n, 0, (struct sockaddr *)&from, len);
	}
}

/* n round trips into times. 0, or -EAGAIN when an answer stayed away. */
static int ask(int fd, double *times, unsigned int n)
{
	char buffer[64] = { 0 };

	for (unsigned int i = 0; i < n + ECHO_SETTLE; i++) {
		__u64 start = lab_now_ns();

		if (send(fd, buffer, sizeof(buffer), 0) != sizeof(buffer) ||
		    recv(fd, buffer, sizeof(buffer), 0) != sizeof(buffer))
			return -EAGAIN;
		if (i >= ECHO_SETTLE)
			times[i - ECHO_SETTLE] = (lab_now_ns() - start) / 1e3;
	}
	return 0;
}

int stream_echo(const struct workload *w, unsigned int n, double *ret_us, struct sl_err *err)
{
	struct shared *shared = stream_share(&w->ip, ECHO_PORT, err);
	double *times = calloc(n, sizeof(*times));
	pid_t answerer = -1;
	int r = -ENOMEM, fd = -1;

	if (!shared || !times)
		goto out;
	answerer = lab_fork(&w->ns, echo_answer, shared, err);
	r = answerer < 0 ? answerer : 0;
	if (r)
		goto out;
	lab_pin(0);
	if (stream_wait_ready(shared))
		fd = stream_socket(SOCK_DGRAM, &shared->addr, false);
	if (fd < 0 || ask(fd, times, n)) {
		r = sl_err(err, EAGAIN, "no answer from the echo within %d s", STREAM_PATIENCE_S);
		goto out;
	}
	bench_sort(times, n);
	*ret_us = times[n / 2];
out:
	if (fd >= 0)
		close(fd);
	lab_stop(answerer);
	lab_unpin();
	if (shared)
		munmap(shared, sizeof(*shared));
	free(times);
	return r;
}
