// SPDX-License-Identifier: BSD-2-Clause
/*
 * Several TCP connections at full speed at once, each as fast as the others
 * leave it. One process at each end, on CPUs 0 and 1 as in stream.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/stream.h"
#include "bench/stream_own.h"

#define STREAMS_PORT 5213
#define BUFFER (128 * 1024)
#define SETTLE_MS 500

struct streams_run {
	struct shared shared;
	unsigned int n;
};

static void not_blocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* What can be read of all of them now; -1 if one has ended. */
static ssize_t read_round(struct pollfd *fds, unsigned int n)
{
	static char buffer[BUFFER];
	ssize_t sum = 0, got;

	if (poll(fds, n, STREAM_PATIENCE_S * 1000) <= 0)
		return -1;
	for (unsigned int i = 0; i < n; i++) {
		if (!fds[i].revents)
			continue;
		got = read(fds[i].fd, buffer, sizeof(buffer));
		if (got == 0 || (got < 0 && errno != EAGAIN))
			return -1;
		sum += got > 0 ? got : 0;
	}
	return sum;
}

static int receive(void *context)
{
	struct streams_run *run = context;
	struct pollfd fds[STREAMS_MAX];
	__u64 from, now = 0, end, bytes = 0;
	ssize_t n;
	int listener;

	lab_pin(1);
	listener = stream_socket(SOCK_STREAM, &run->shared.addr, true);
	if (listener < 0 || listen(listener, STREAMS_MAX))
		return 1;
	__atomic_store_n(&run->shared.ready, 1, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < run->n; i++) {
		fds[i] = (struct pollfd){ accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), POLLIN,
					  0 };
		if (fds[i].fd < 0)
			return 1;
	}
	from = lab_now_ns() + SETTLE_MS * 1000000ULL;
	end = from + run->shared.ms * 1000000ULL;
	while (now < end && (n = read_round(fds, run->n)) >= 0) {
		now = lab_now_ns();
		bytes += now >= from ? n : 0;
	}
	run->shared.bytes_per_s = now > from ? bytes * 1e9 / (now - from) : 0;
	return now < end;
}

static int transmit(void *context)
{
	static char buffer[BUFFER];
	const struct streams_run *run = context;
	struct pollfd fds[STREAMS_MAX];

	lab_pin(0);
	for (unsigned int i = 0; i < run->n; i++) {
		fds[i] = (struct pollfd){ stream_socket(SOCK_STREAM, &run->shared.addr, false), POLLOUT, 0 };
		if (fds[i].fd < 0)
			return 1;
		not_blocking(fds[i].fd);
	}
	/* The receiver ends it. */
	while (poll(fds, run->n, STREAM_PATIENCE_S * 1000) > 0) {
		for (unsigned int i = 0; i < run->n; i++) {
			if (fds[i].revents && send(fds[i].fd, buffer, sizeof(buffer), MSG_NOSIGNAL) < 0 &&
			    errno != EAGAIN)
				return 0;
		}
	}
	return 0;
}

int stream_tcp_many(const struct workload *w, enum stream_way way, unsigned int n, unsigned int ms,
		    double *ret_gbit, struct sl_err *err)
{
	bool to_workload = way == STREAM_TO_WORKLOAD;
	struct streams_run *run;
	int r;

	if (!n || n > STREAMS_MAX)
		return sl_err(err, EINVAL, "%u streams", n);
	run = mmap(NULL, sizeof(*run), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run == MAP_FAILED)
		return sl_errno(err, errno, "shared memory");
	run->shared.addr = (struct sockaddr_in){ .sin_family = AF_INET,
						 .sin_port = htons(STREAMS_PORT),
						 .sin_addr = to_workload ? w->ip : w->host_ip };
	run->shared.ms = ms;
	run->n = n;
	r = stream_run_two(to_workload ? &w->ns : NULL, receive, to_workload ? NULL : &w->ns, transmit,
			   &run->shared, err);
	if (r > 0)
		r = sl_err(err, EAGAIN, "a TCP stream broke off");
	if (!r)
		*ret_gbit = run->shared.bytes_per_s * 8 / 1e9;
	munmap(run, sizeof(*run));
	return r;
}
