// SPDX-License-Identifier: BSD-2-Clause
/*
 * New connections: connect, ask, be answered, and the server closes, as HTTP
 * without keep-alive does; through an inspected port and through a plain one
 * beside it. So many clients at once that it is work that is measured: with a
 * few the processors stand idle for a good part, and what is measured is the
 * way there and back, and waking whoever is next.
 *
 * Invariant: a connection counts when the whole answer has been read and the
 * end as well; one that fails makes the run void.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/ports.h"

#define CRR_PORT 5400
#define CLIENTS 32
#define FEW_CLIENTS 8 /* with these it is latency: a figure of its own */
#define RUN_MS 1000
#define WARM_UP_MS 200
#define ASKED 64 /* bytes there … */
#define ANSWERED 256 /* … and back */

/* Shared by all processes of a run. */
struct counts {
	struct sockaddr_in addr;
	__u64 done[CLIENTS][8]; /* a cache line each */
	__u64 failed;
};

/* What is measured: a port, and by how many. */
struct crr {
	const struct workload *workload;
	unsigned int clients; /* at most CLIENTS */
};

static int serve(void *context)
{
	const struct counts *counts = context;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	char buffer[ANSWERED] = { 0 };

	lab_pin(1);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (const void *)&counts->addr, sizeof(counts->addr)) || listen(fd, 1024))
		return 1;
	for (;;) {
		int client = accept(fd, NULL, NULL);

		/* What became of it the client counts. */
		if (client >= 0 && recv(client, buffer, ASKED, MSG_WAITALL) == ASKED)
			(void)!send(client, buffer, ANSWERED, MSG_NOSIGNAL);
		if (client >= 0)
			close(client);
	}
}

static bool once(const struct counts *counts)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char buffer[ANSWERED] = { 0 };
	bool good;

	good = fd >= 0 && !connect(fd, (const void *)&counts->addr, sizeof(counts->addr)) &&
	       send(fd, buffer, ASKED, MSG_NOSIGNAL) == ASKED &&
	       recv(fd, buffer, ANSWERED, MSG_WAITALL) == ANSWERED && recv(fd, buffer, 1, 0) == 0;
	if (fd >= 0)
		close(fd);
	return good;
}

struct client {
	struct counts *counts;
	unsigned int number;
};

static int ask(void *context)
{
	const struct client *client = context;
	struct counts *counts = client->counts;
	__u64 *done = &counts->done[client->number][0];

	lab_pin(0);
	/* Until it is killed. */
	while (counts->addr.sin_port) {
		if (once(counts))
			__atomic_store_n(done, *done + 1, __ATOMIC_RELAXED);
		else
			__atomic_fetch_add(&counts->failed, 1, __ATOMIC_RELAXED);
	}
	return 0;
}

static __u64 sum(const struct counts *counts)
{
	__u64 n = 0;

	for (int i = 0; i < CLIENTS; i++)
		n += __atomic_load_n(&counts->done[i][0], __ATOMIC_RELAXED);
	return n;
}

/* The server listens once somebody has been answered. */
static int wait_first(const struct counts *counts, struct sl_err *err)
{
	__u64 limit = lab_now_ns() + 5000000000ULL;

	while (!sum(counts)) {
		if (lab_now_ns() > limit)
			return sl_err(err, ETIMEDOUT, "no connection was answered");
		lab_wait_until(lab_now_ns() + 1000000);
	}
	return 0;
}

static int measure(void *context, double *ret, struct sl_err *err)
{
	const struct crr *crr = context;
	struct counts *counts =
		mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct client clients[CLIENTS];
	pid_t server, asking[CLIENTS] = { 0 };
	__u64 before, from, failed;
	int r = 0;

	if (counts == MAP_FAILED)
		return sl_errno(err, errno, "shared memory");
	counts->addr = (struct sockaddr_in){ .sin_family = AF_INET,
					     .sin_port = htons(CRR_PORT),
					     .sin_addr = crr->workload->ip };
	server = lab_fork(&crr->workload->ns, serve, counts, err);
	r = server < 0 ? server : 0;
	for (unsigned int i = 0; i < crr->clients && !r; i++) {
		clients[i] = (struct client){ counts, i };
		asking[i] = lab_fork(NULL, ask, &clients[i], err);
		r = asking[i] < 0 ? asking[i] : 0;
	}
	r = r ?: wait_first(counts, err);
	if (!r) {
		/* Until the server listened they were refused. */
		lab_wait_until(lab_now_ns() + WARM_UP_MS * 1000000ULL);
		failed = __atomic_load_n(&counts->failed, __ATOMIC_RELAXED);
		before = sum(counts);
		from = lab_now_ns();
		lab_wait_until(from + RUN_MS * 1000000ULL);
		*ret = (double)(sum(counts) - before) / ((double)(lab_now_ns() - from) / 1e6);
		failed = __atomic_load_n(&counts->failed, __ATOMIC_RELAXED) - failed;
		if (failed)
			r = sl_err(err, EAGAIN, "%llu connections failed", (unsigned long long)failed);
	}
	for (unsigned int i = 0; i < crr->clients; i++)
		lab_stop(asking[i]);
	lab_stop(server);
	munmap(counts, sizeof(*counts));
	return r;
}

/* options: the daemon's. */
static int compare(const char *name, const char *contender, const char *options, unsigned int clients,
		   const char *note, struct sl_err *err)
{
	struct ports ports = { 0 };
	struct crr ours = { &ports.ours, clients }, plain = { &ports.plain, clients };
	int r = ports_open(&ports, AGENT_JUDGED, options, "inline", err);

	r = r
		    ?: bench_figure(&(struct series){ .name = name,
						      .contender = contender,
						      .baseline = "plain veth",
						      .unit = "k/s",
						      .note = note,
						      .kind = BENCH_RATIO },
				    &(struct bench_side){ measure, &ours },
				    &(struct bench_side){ measure, &plain }, err);
	ports_close(&ports);
	return r;
}

int measure_crr_inline(struct sl_err *err)
{
	int r = compare(
		"crr_inline", "sluice inline", "", CLIENTS,
		"TCP connections, each with a question and an answer, closed by the server; 32 clients "
		"on CPU 0, the server on CPU 1",
		err);

	r = r
		    ?: compare("crr_inline_2_workers", "sluice inline, 2 workers", "--workers 2", CLIENTS,
			       "the same", err);
	return r
		       ?: compare("crr_inline_8_clients", "sluice inline", "", FEW_CLIENTS,
				  "the same by 8 clients: idle processors, it is latency that counts", err);
}
