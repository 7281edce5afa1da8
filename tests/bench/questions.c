// SPDX-License-Identifier: BSD-2-Clause
/*
 * Questions and answers over one TCP connection, at a fixed beat: what a user
 * of a small request waits for, the slow ones too.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/stream.h"
#include "bench/stream_own.h"

#define QUESTION_PORT 5212
#define QUESTION 64 /* bytes, and as many back */
#define SETTLE 500 /* questions that are not measured: the flow is judged meanwhile */

static void at_once(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static int answer(void *context)
{
	struct shared *shared = context;
	char buffer[QUESTION];
	int listener, fd;

	lab_pin(1);
	listener = stream_socket(SOCK_STREAM, &shared->addr, true);
	if (listener < 0 || listen(listener, 1))
		return 1;
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return 1;
	at_once(fd);
	while (recv(fd, buffer, sizeof(buffer), MSG_WAITALL) == sizeof(buffer) &&
	       send(fd, buffer, sizeof(buffer), MSG_NOSIGNAL) == sizeof(buffer))
		;
	return 0;
}

/* n times into times. 0, or -EAGAIN when an answer stayed away. */
static int ask(int fd, double *times, unsigned int n, unsigned int period_us)
{
	char buffer[QUESTION] = { 0 };
	__u64 next = lab_now_ns();

	for (unsigned int i = 0; i < n + SETTLE; i++) {
		__u64 start;

		lab_wait_until(next);
		start = lab_now_ns();
		if (send(fd, buffer, sizeof(buffer), MSG_NOSIGNAL) != sizeof(buffer) ||
		    recv(fd, buffer, sizeof(buffer), MSG_WAITALL) != sizeof(buffer))
			return -EAGAIN;
		if (i >= SETTLE)
			times[i - SETTLE] = (lab_now_ns() - start) / 1e3;
		next = start + period_us * 1000ULL;
	}
	return 0;
}

int stream_ask(const struct workload *w, unsigned int n, unsigned int period_us, struct stream_rtt *ret,
	       struct sl_err *err)
{
	struct shared *shared = stream_share(&w->ip, QUESTION_PORT, err);
	double *times = calloc(n, sizeof(*times));
	pid_t answerer = -1;
	int r = -ENOMEM, fd = -1;

	if (!shared || !times)
		goto out;
	answerer = lab_fork(&w->ns, answer, shared, err);
	r = answerer < 0 ? answerer : 0;
	if (r)
		goto out;
	lab_pin(0);
	prctl(PR_SET_TIMERSLACK, 1000);
	if (stream_wait_ready(shared))
		fd = stream_socket(SOCK_STREAM, &shared->addr, false);
	if (fd >= 0)
		at_once(fd);
	if (fd < 0 || ask(fd, times, n, period_us)) {
		r = sl_err(err, EAGAIN, "a question over TCP was not answered");
		goto out;
	}
	bench_sort(times, n);
	*ret = (struct stream_rtt){ times[n / 2], times[n - 1 - n / 100] };
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
