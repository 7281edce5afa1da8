// SPDX-License-Identifier: BSD-2-Clause
/* See serve.h for the invariant. */
#include "compat/serve.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "compat/stats.h"
#include "dpi/event/reporter.h"
#include "lib/clock.h"
#include "lib/log.h"

#define SECOND 1000000000ull
#define BATCH 64 /* datagrams before others have their turn */
#define QUIET_NS 20000000ull
#define PATIENCE_NS 2000000000ull
#define PUSH_MS 5 /* between two tries of what a slow reader has not taken */
#define PUSH_IDLE_MS 100 /* … and of what nobody is there for */

enum { SLOT_SIGNAL, SLOT_REQUEST, SLOT_REPORT, SLOT_EXIT, SLOTS };

static void take_requests(struct serve *serve)
{
	char bytes[REQUEST_BYTES + 2];

	for (int i = 0; i < BATCH; i++) {
		struct sockaddr_un from;
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(serve->fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_TRUNC,
				     (struct sockaddr *)&from, &len);

		if (n < 0)
			return;
		/* A sender without a name is answered where the one before it is: so the agent has it. */
		if (len > sizeof(sa_family_t) && len <= sizeof(from)) {
			memset((char *)&from + len, 0, sizeof(from) - len);
			serve->client = from;
			serve->client_len = len;
		}
		serve->heard_ns = sl_clock_ns();
		dispatch(serve, bytes, (size_t)n);
	}
}

static void take_reports(struct serve *serve)
{
	static uint8_t bytes[SL_REPORT_MAX + 1];
	size_t n;

	for (int i = 0; i < BATCH && (n = core_reports(serve->core, bytes, sizeof(bytes))); i++)
		tell_reports(serve->tell, bytes, n);
}

/* What is due; how long until the next is, in ms. */
static int keep_time(struct serve *serve)
{
	uint64_t now = sl_clock_ns(), next;

	if (now >= serve->slot_ns) {
		serve->slot_ns += STATS_SLOT_S * SECOND;
		if (serve->slot_ns < now)
			serve->slot_ns = now + STATS_SLOT_S * SECOND;
		if (!serve->ports)
			daemon_find(serve);
		stats_fetch(serve->agent, serve->core, true);
		tell_names_expire(serve->tell);
	}
	if (now >= serve->connections_ns) {
		serve->connections_ns = now + TELL_EVERY_S * SECOND;
		/* What the core has told by now belongs to it. */
		take_reports(serve);
		tell_connections(serve->tell);
	}
	next = serve->slot_ns < serve->connections_ns ? serve->slot_ns : serve->connections_ns;
	return next > now ? (int)((next - now) / 1000000) + 1 : 0;
}

static int sooner(int a, int b)
{
	return b >= 0 && b < a ? b : a;
}

/* Agents say much in a row: the core is told when they pause, or when it has gone on for a while. */
static bool is_quiet(struct serve *serve)
{
	uint64_t now = sl_clock_ns();

	if (!serve->dirty)
		serve->dirty_ns = 0;
	else if (!serve->dirty_ns)
		serve->dirty_ns = now;
	return !serve->dirty || now - serve->heard_ns >= QUIET_NS || now - serve->dirty_ns >= PATIENCE_NS;
}

static int prepare(struct serve *serve)
{
	int wait = core_meet(serve->core), due;

	if (is_quiet(serve) || core_generation(serve->core) != serve->generation)
		settle(serve);
	due = keep_time(serve);
	wait = wait < 0 ? due : sooner(due, wait);
	if (serve->dirty && core_generation(serve->core))
		wait = sooner(wait, is_quiet(serve) ? PUSH_IDLE_MS : QUIET_NS / 1000000);
	if (serve->sessions.active && !serve->replies.n)
		answer_sessions(serve);
	if (queue_push(&serve->replies) || serve->sessions.active)
		wait = sooner(wait, PUSH_MS);
	if (queue_push(&serve->notices))
		wait = sooner(wait, PUSH_IDLE_MS);
	return wait;
}

int serve_run(struct serve *serve, int signal_fd, struct sl_err *err)
{
	uint64_t now = sl_clock_ns();

	serve->slot_ns = now + STATS_SLOT_S * SECOND;
	serve->connections_ns = now + TELL_EVERY_S * SECOND;
	for (;;) {
		int wait = prepare(serve);
		struct pollfd fds[SLOTS] = {
			[SLOT_SIGNAL] = { .fd = signal_fd, .events = POLLIN },
			[SLOT_REQUEST] = { .fd = serve->fd, .events = POLLIN },
			[SLOT_REPORT] = { .fd = core_report_fd(serve->core), .events = POLLIN },
			[SLOT_EXIT] = { .fd = core_exit_fd(serve->core), .events = POLLIN },
		};

		if (poll(fds, SLOTS, wait) < 0) {
			if (errno == EINTR)
				continue;
			return sl_errno(err, errno, "waiting for the agent");
		}
		if (fds[SLOT_SIGNAL].revents) {
			struct signalfd_siginfo info;

			if (read(signal_fd, &info, sizeof(info)) == sizeof(info))
				sl_info("ending: %s", strsignal((int)info.ssi_signo));
			return 0;
		}
		if (fds[SLOT_REPORT].revents)
			take_reports(serve);
		if (fds[SLOT_EXIT].revents)
			core_ended(serve->core);
		if (fds[SLOT_REQUEST].revents)
			take_requests(serve);
	}
}
