// SPDX-License-Identifier: BSD-2-Clause
/*
 * Small datagrams from socket to socket, as fast as the sender can.
 *
 * Invariant: what was sent is counted by the sender as the kernel took it,
 * what was received by the receiver, what its socket had no room for by the
 * kernel; the receiver is asked only after the sender has ended and nothing
 * has come in for a while.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/sock_diag.h>
#include <linux/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/stream.h"
#include "bench/stream_own.h"

#define DATAGRAM_PORT 5210
#define SENDER_PORT 5211 /* always the same: one flow in all runs */
#define HEADERS (sizeof(struct ethhdr) + sizeof(struct iphdr) + sizeof(struct udphdr))
#define PAYLOAD_MAX 8958 /* in a frame of 9000 bytes */
#define RUN 64 /* datagrams a system call */
#define ROOM (32 << 20) /* bytes at the receiver's socket */
#define SETTLE_MS 500 /* UDP's directions have turned by then, see SL_GAP_LATEST */
#define SILENCE_MS 200 /* nothing is on the way any more */

struct datagram_run {
	struct shared shared;
	unsigned int payload;
	unsigned int burst; /* datagrams a millisecond; 0: as fast as can be */
	int stop; /* 1: the sender, 2: the receiver */
	__u64 sent, received, no_room;
};

/* The same buffer in all of them: nobody reads it. */
static void prepare(struct mmsghdr *messages, struct iovec *vec, void *buffer, size_t size)
{
	vec->iov_base = buffer;
	vec->iov_len = size;
	memset(messages, 0, RUN * sizeof(*messages));
	for (unsigned int i = 0; i < RUN; i++) {
		messages[i].msg_hdr.msg_iov = vec;
		messages[i].msg_hdr.msg_iovlen = 1;
	}
}

static int receive(void *context)
{
	const struct timeval patience = { .tv_usec = SILENCE_MS * 1000 };
	struct datagram_run *run = context;
	static char buffer[PAYLOAD_MAX];
	struct mmsghdr messages[RUN];
	__u32 memory[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(memory);
	int fd, room = ROOM;
	struct iovec vec;

	lab_pin(1);
	fd = stream_socket(SOCK_DGRAM, &run->shared.addr, true);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		return 1;
	prepare(messages, &vec, buffer, sizeof(buffer));
	__atomic_store_n(&run->shared.ready, 1, __ATOMIC_RELEASE);
	for (;;) {
		int n = recvmmsg(fd, messages, RUN, MSG_WAITFORONE, NULL);

		if (n > 0)
			__atomic_store_n(&run->received, run->received + n, __ATOMIC_RELAXED);
		else if (__atomic_load_n(&run->stop, __ATOMIC_ACQUIRE) == 2)
			break;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &len))
		return 1;
	run->no_room = memory[SK_MEMINFO_DROPS];
	return 0;
}

static int transmit(void *context)
{
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_port = htons(SENDER_PORT) };
	struct datagram_run *run = context;
	static char buffer[PAYLOAD_MAX];
	struct mmsghdr messages[RUN];
	unsigned int due = 0;
	struct iovec vec;
	__u64 next;
	int fd;

	lab_pin(0);
	fd = stream_socket(SOCK_DGRAM, &own, true);
	if (fd < 0 || connect(fd, (const void *)&run->shared.addr, sizeof(run->shared.addr)))
		return 1;
	prepare(messages, &vec, buffer, run->payload);
	next = lab_now_ns();
	while (!__atomic_load_n(&run->stop, __ATOMIC_ACQUIRE)) {
		int n;

		/* What is due in this millisecond, in runs; one that was missed is made up for at once. */
		if (run->burst && !due) {
			lab_wait_until(next);
			next += 1000000;
			due = run->burst;
		}
		n = sendmmsg(fd, messages, run->burst && due < RUN ? due : RUN, 0);

		if (n > 0)
			__atomic_store_n(&run->sent, run->sent + n, __ATOMIC_RELAXED);
		if (n > 0)
			due -= run->burst ? n : 0;
		else if (errno != ENOBUFS && errno != EAGAIN)
			return 1;
	}
	return 0;
}

static int exit_status(pid_t pid)
{
	int status = 1;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* Both run; 0 or -errno. */
static int count(struct datagram_run *run, pid_t sender, pid_t receiver, struct datagrams *ret,
		 struct sl_err *err)
{
	__u64 before, from;
	double passed;
	__s64 busy;
	int r;

	lab_wait_until(lab_now_ns() + SETTLE_MS * 1000000ULL);
	before = __atomic_load_n(&run->received, __ATOMIC_RELAXED);
	busy = lab_busy_ns();
	from = lab_now_ns();
	lab_wait_until(from + run->shared.ms * 1000000ULL);
	ret->per_s = __atomic_load_n(&run->received, __ATOMIC_RELAXED) - before;
	passed = lab_now_ns() - from;
	ret->per_s *= 1e9 / passed;
	ret->cores = (lab_busy_ns() - busy) / passed;
	__atomic_store_n(&run->stop, 1, __ATOMIC_RELEASE);
	r = exit_status(sender);
	__atomic_store_n(&run->stop, 2, __ATOMIC_RELEASE);
	if (exit_status(receiver) || r)
		return sl_err(err, EAGAIN, "the datagrams broke off");
	ret->sent = run->sent;
	ret->received = run->received;
	ret->no_room = run->no_room;
	return 0;
}

int stream_datagrams(const struct workload *w, enum stream_way way, unsigned int frame_len,
		     unsigned int paced, unsigned int ms, struct datagrams *ret, struct sl_err *err)
{
	bool to_workload = way == STREAM_TO_WORKLOAD;
	struct datagram_run *run;
	pid_t sender, receiver;
	int r;

	if (frame_len < HEADERS || frame_len > HEADERS + PAYLOAD_MAX)
		return sl_err(err, EINVAL, "frames of %u bytes", frame_len);
	run = mmap(NULL, sizeof(*run), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run == MAP_FAILED)
		return sl_errno(err, errno, "shared memory");
	run->shared.addr = (struct sockaddr_in){ .sin_family = AF_INET,
						 .sin_port = htons(DATAGRAM_PORT),
						 .sin_addr = to_workload ? w->ip : w->host_ip };
	run->shared.ms = ms;
	run->payload = frame_len - HEADERS;
	run->burst = paced / 1000;
	receiver = lab_fork(to_workload ? &w->ns : NULL, receive, run, err);
	sender = receiver < 0 ? receiver : -ETIMEDOUT;
	if (receiver > 0 && stream_wait_ready(&run->shared))
		sender = lab_fork(to_workload ? NULL : &w->ns, transmit, run, err);
	if (sender < 0) {
		r = sl_errno(err, -sender, "sender and receiver of datagrams");
		lab_stop(receiver);
	} else {
		r = count(run, sender, receiver, ret, err);
	}
	munmap(run, sizeof(*run));
	return r;
}
