// SPDX-License-Identifier: BSD-2-Clause
/*
 * A steady stream of datagrams, and how long the longest silence at the
 * receiver was. The sender keeps its beat whatever the kernel answers: a
 * missed beat is left out, never made up for by a burst.
 *
 * Invariant: the receiver alone writes the arrivals; the largest gap includes
 * one that is only now coming to its end.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/stream.h"

#define STEADY_PORT 5300
#define PATIENCE_NS 5000000000ULL

/* Shared by three processes. */
struct arrivals {
	struct sockaddr_in addr;
	__u64 period_ns;
	__u64 count, last_ns, max_gap_ns;
	__u64 reset; /* raised by the reader: forget the gaps */
	__u64 reset_done;
};

struct steady {
	struct arrivals *arrivals;
	pid_t receiver, sender;
};

static int receive(void *context)
{
	struct arrivals *a = context;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char buffer[64];

	lab_pin(1);
	if (fd < 0 || bind(fd, (const void *)&a->addr, sizeof(a->addr)))
		return 1;
	for (;;) {
		__u64 now, reset;

		if (recv(fd, buffer, sizeof(buffer), 0) < 0)
			continue;
		now = lab_now_ns();
		reset = __atomic_load_n(&a->reset, __ATOMIC_ACQUIRE);
		if (reset != a->reset_done)
			a->max_gap_ns = 0;
		else if (a->last_ns && now - a->last_ns > a->max_gap_ns)
			a->max_gap_ns = now - a->last_ns;
		a->last_ns = now;
		__atomic_store_n(&a->reset_done, reset, __ATOMIC_RELEASE);
		__atomic_store_n(&a->count, a->count + 1, __ATOMIC_RELEASE);
	}
}

static int transmit(void *context)
{
	const struct arrivals *a = context;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	__u64 next = lab_now_ns();
	char buffer[32] = { 0 };

	lab_pin(0);
	prctl(PR_SET_TIMERSLACK, 1000);
	if (fd < 0)
		return 1;
	for (;;) {
		__u64 now = lab_now_ns();

		next += a->period_ns;
		if (next < now)
			next = now + a->period_ns;
		lab_wait_until(next);
		/* No route or no link for a moment is what this is here to see. */
		sendto(fd, buffer, sizeof(buffer), MSG_DONTWAIT, (const void *)&a->addr, sizeof(a->addr));
	}
}

/* Until the count has risen above `count`, or nothing came for too long. */
static bool wait_arrival(const struct arrivals *a, __u64 count)
{
	__u64 limit = lab_now_ns() + PATIENCE_NS;

	while (__atomic_load_n(&a->count, __ATOMIC_ACQUIRE) <= count) {
		if (lab_now_ns() > limit)
			return false;
		lab_wait_until(lab_now_ns() + 200000);
	}
	return true;
}

int steady_start(struct steady **ret, const struct workload *w, unsigned int per_s, struct sl_err *err)
{
	struct steady *steady = calloc(1, sizeof(*steady));
	int r = -ENOMEM;

	if (!steady)
		return sl_errno(err, ENOMEM, "steady stream");
	steady->arrivals = mmap(NULL, sizeof(*steady->arrivals), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (steady->arrivals == MAP_FAILED) {
		free(steady);
		return sl_errno(err, ENOMEM, "shared memory");
	}
	steady->arrivals->addr = (struct sockaddr_in){ .sin_family = AF_INET,
						       .sin_port = htons(STEADY_PORT),
						       .sin_addr = w->ip };
	steady->arrivals->period_ns = 1000000000ULL / per_s;
	steady->receiver = lab_fork(&w->ns, receive, steady->arrivals, err);
	r = steady->receiver < 0 ? steady->receiver : 0;
	if (r)
		goto fail;
	steady->sender = lab_fork(NULL, transmit, steady->arrivals, err);
	r = steady->sender < 0 ? steady->sender : 0;
	if (r)
		goto fail;
	if (!wait_arrival(steady->arrivals, per_s / 10)) {
		r = sl_err(err, ETIMEDOUT, "no datagram of the steady stream arrived");
		goto fail;
	}
	*ret = steady;
	return 0;
fail:
	steady_end(steady);
	return r;
}

void steady_reset(struct steady *steady)
{
	struct arrivals *a = steady->arrivals;
	__u64 reset = a->reset + 1, limit = lab_now_ns() + PATIENCE_NS;

	__atomic_store_n(&a->reset, reset, __ATOMIC_RELEASE);
	while (__atomic_load_n(&a->reset_done, __ATOMIC_ACQUIRE) != reset && lab_now_ns() < limit)
		lab_wait_until(lab_now_ns() + 200000);
}

int steady_gap(struct steady *steady, unsigned int ms, double *ret_ms, struct sl_err *err)
{
	struct arrivals *a = steady->arrivals;
	__u64 count;

	lab_wait_until(lab_now_ns() + ms * 1000000ULL);
	count = __atomic_load_n(&a->count, __ATOMIC_ACQUIRE);
	if (!wait_arrival(a, count))
		return sl_err(err, ETIMEDOUT, "nothing arrives any more");
	*ret_ms = __atomic_load_n(&a->max_gap_ns, __ATOMIC_RELAXED) / 1e6;
	return 0;
}

void steady_end(struct steady *steady)
{
	if (!steady)
		return;
	lab_stop(steady->sender);
	lab_stop(steady->receiver);
	munmap(steady->arrivals, sizeof(*steady->arrivals));
	free(steady);
}
