// SPDX-License-Identifier: BSD-2-Clause
/* Serves the control socket; see control.h for the invariant. */
#include "dpi/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dpi/decide/engine.h"
#include "dpi/event/report.h"
#include "dpi/event/reporter.h"
#include "dpi/figures.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/sock.h"

#define ACCEPT_PAUSE_MS 1000 /* out of descriptors: how long not to try again */
#define EVENTS_AT_ONCE 8 /* messages of events between two looks at the clients */
#define EVENTS_MS 50 /* how often events are fetched while somebody wants them, … */
#define IDLE_MS 1000 /* … and thrown away while nobody does */
#define STATS_NS 30000000000ull /* between two stats events */

enum { SLOT_SIGNAL, SLOT_EVENT, SLOT_LISTEN, SLOT_CLIENT };

struct server {
	struct sl_control *control;
	int clients[SL_CLIENTS_MAX];
	bool subscribed[SL_CLIENTS_MAX]; /* wants events … */
	bool reported[SL_CLIENTS_MAX]; /* … or reports */
	uint64_t unread; /* bytes of reports that a client did not read in time */
	unsigned int n_clients;
	uint64_t events_ns, stats_ns; /* when they were last seen to */
	bool paused; /* no accept() for a while */
	bool stop;
	char message[SL_MSG_MAX];
};

/* Nothing is written that nobody reads. */
static void listen_to_reports(struct server *server)
{
	const struct sl_view *view = &server->control->view;
	bool wanted = false;

	for (unsigned int i = 0; i < server->n_clients; i++)
		wanted = wanted || server->reported[i];
	for (uint32_t q = 0; view->agents && q < view->queues; q++)
		sl_report_listen(sl_engine_reports(view->engines[q]), wanted);
}

static void drop_client(struct server *server, unsigned int i)
{
	close(server->clients[i]);
	server->n_clients--;
	server->clients[i] = server->clients[server->n_clients];
	server->subscribed[i] = server->subscribed[server->n_clients];
	server->reported[i] = server->reported[server->n_clients];
	listen_to_reports(server);
}

/* One client that is not welcome or not there any more is no failure of ours. */
static void accept_client(struct server *server)
{
	uid_t uid;
	pid_t pid;
	int fd;

	fd = accept4(server->control->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
			sl_warn("control socket: accept: %s; trying again in a second", strerror(errno));
			server->paused = true;
		}
		return;
	}
	if (sl_sock_peer(fd, &uid, &pid) < 0 || (uid && uid != server->control->owner)) {
		sl_warn("control socket: refused a client that is neither root nor uid %u",
			server->control->owner);
		close(fd);
		return;
	}
	server->subscribed[server->n_clients] = server->reported[server->n_clients] = false;
	server->clients[server->n_clients++] = fd;
}

/* Reads one request and answers it. False: the client is to be dropped. */
static bool serve(struct server *server, unsigned int i)
{
	int fd = server->clients[i], passed = -1, r;
	ssize_t n = sl_sock_recv_fd(fd, server->message, sizeof(server->message), &passed);
	struct sl_wish wish = { .stop = false };
	char *answer;

	if (n == -EAGAIN || n == -EINTR)
		return true;
	if (n == -EMSGSIZE)
		answer = sl_answer_error(EMSGSIZE, "the request is longer than 64 KiB");
	else if (n <= 0)
		answer = NULL;
	else
		answer = sl_answer(&server->control->view, server->message, n, passed, &wish);
	if (passed >= 0)
		close(passed);
	if (!answer)
		return false;
	server->stop = server->stop || wish.stop;
	/* A client that does not read fills its queue and is dropped: the descriptor does not block. */
	r = sl_sock_send(fd, answer, strlen(answer));
	free(answer);
	if (r < 0)
		sl_debug("control socket: client dropped: %s", strerror(-r));
	else if (wish.events)
		server->subscribed[i] = true;
	if (r >= 0 && wish.reports) {
		server->reported[i] = true;
		listen_to_reports(server);
	}
	return r >= 0;
}

static unsigned int subscribers(const struct server *server)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < server->n_clients; i++)
		n += server->subscribed[i];
	return n;
}

/* To all who want it. Who does not read in time loses it: one message or more, whole ones, and stays. */
static void publish(struct server *server, const char *text, size_t len)
{
	for (unsigned int i = server->n_clients; len && i-- > 0;) {
		int r = server->subscribed[i] ? sl_sock_send(server->clients[i], text, len) : 0;

		if (r == -EAGAIN)
			sl_reporter_unread(server->control->view.reporter, text);
		else if (r < 0)
			drop_client(server, i);
	}
}

static void publish_stats(struct server *server, uint64_t now)
{
	const struct sl_view *view = &server->control->view;
	struct sl_core_figures figures;
	struct sl_eve_stats stats;
	const char *text;
	size_t len;

	if (now - server->stats_ns < STATS_NS)
		return;
	server->stats_ns = now;
	if (sl_figures_collect(view, &figures, NULL) < 0)
		return;
	sl_figures_stats(&figures, &stats);
	text = sl_reporter_stats(view->reporter, &stats, &len);
	publish(server, text, len);
}

/* To all who want them; who does not read in time loses them, and stays. False: nobody wants any. */
static bool publish_reports(struct server *server)
{
	const struct sl_view *view = &server->control->view;
	bool wanted = false;

	for (unsigned int i = 0; i < server->n_clients; i++)
		wanted = wanted || server->reported[i];
	for (uint32_t q = 0; wanted && view->agents && q < view->queues; q++) {
		struct sl_report_ring *ring = sl_engine_reports(view->engines[q]);
		size_t len;

		for (int n = 0;
		     n < EVENTS_AT_ONCE && (len = sl_report_take(ring, server->message, SL_REPORT_MAX));
		     n++) {
			for (unsigned int i = server->n_clients; i-- > 0;) {
				int r = server->reported[i]
						? sl_sock_send(server->clients[i], server->message, len)
						: 0;

				if (r == -EAGAIN)
					server->unread += len;
				else if (r < 0)
					drop_client(server, i);
			}
		}
	}
	return wanted;
}

/* How long until the next look, in ms. */
static int see_to_events(struct server *server)
{
	struct sl_reporter *reporter = server->control->view.reporter;
	uint64_t now = sl_clock_ns();
	const char *text;
	size_t len;

	bool reports = publish_reports(server);

	if (!reporter)
		return -1;
	if (!subscribers(server)) {
		if (now - server->events_ns >= IDLE_MS * 1000000ull) {
			server->events_ns = now;
			sl_reporter_discard(reporter);
		}
		return reports ? EVENTS_MS : IDLE_MS;
	}
	/* As much as there is, but clients have their turn however many packets arrive. */
	for (int i = 0; i < EVENTS_AT_ONCE; i++) {
		text = sl_reporter_next(reporter, &len);
		publish(server, text, len);
		if (len <= SL_REPORT_MAX / 2)
			break;
	}
	publish_stats(server, now);
	return EVENTS_MS;
}

static unsigned int collect(const struct server *server, struct pollfd *fds)
{
	bool listening = !server->paused && server->n_clients < SL_CLIENTS_MAX;

	fds[SLOT_SIGNAL] = (struct pollfd){ .fd = server->control->signal_fd, .events = POLLIN };
	fds[SLOT_EVENT] = (struct pollfd){ .fd = server->control->event_fd, .events = POLLIN };
	fds[SLOT_LISTEN] =
		(struct pollfd){ .fd = listening ? server->control->listen_fd : -1, .events = POLLIN };
	for (unsigned int i = 0; i < server->n_clients; i++)
		fds[SLOT_CLIENT + i] = (struct pollfd){ .fd = server->clients[i], .events = POLLIN };
	return SLOT_CLIENT + server->n_clients;
}

/* A worker ended before it was told to? */
static int check_workers(const struct sl_control *control, struct sl_err *err)
{
	uint64_t n;

	if (read(control->event_fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		return sl_errno(err, errno, "reading the workers' eventfd");
	for (uint32_t q = 0; q < control->view.queues; q++) {
		const struct sl_worker *worker = &control->view.workers[q];

		if (!atomic_load(&worker->failed))
			continue;
		if (err)
			*err = worker->err;
		return -worker->err.code;
	}
	return 0;
}

static void serve_clients(struct server *server, const struct pollfd *fds)
{
	/* From the end, because dropping one moves the last into its place. */
	for (unsigned int i = server->n_clients; i-- > 0 && !server->stop;) {
		if (fds[SLOT_CLIENT + i].revents && !serve(server, i))
			drop_client(server, i);
	}
}

int sl_control_run(struct sl_control *control, struct sl_err *err)
{
	struct pollfd fds[SLOT_CLIENT + SL_CLIENTS_MAX];
	struct server *server = calloc(1, sizeof(*server));
	int r = 0;

	if (!server)
		return sl_errno(err, ENOMEM, "control socket");
	server->control = control;
	if (control->listen_fd >= 0 &&
	    fcntl(control->listen_fd, F_SETFL, fcntl(control->listen_fd, F_GETFL) | O_NONBLOCK) < 0)
		r = sl_errno(err, errno, "control socket: descriptor %d", control->listen_fd);
	while (!r && !server->stop) {
		int wait = see_to_events(server);
		int n = poll(fds, collect(server, fds),
			     server->paused && (wait < 0 || wait > ACCEPT_PAUSE_MS) ? ACCEPT_PAUSE_MS : wait);

		server->paused = server->paused && n != 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			r = sl_errno(err, errno, "waiting for requests");
			break;
		}
		if (fds[SLOT_SIGNAL].revents) {
			struct signalfd_siginfo info;

			if (read(control->signal_fd, &info, sizeof(info)) == sizeof(info))
				sl_info("ending: %s", strsignal((int)info.ssi_signo));
			break;
		}
		if (fds[SLOT_EVENT].revents)
			r = check_workers(control, err);
		if (r < 0)
			break;
		serve_clients(server, fds);
		if (fds[SLOT_LISTEN].revents)
			accept_client(server);
	}
	if (server->stop)
		sl_info("ending: told to by a client of the control socket");
	while (server->n_clients)
		drop_client(server, 0);
	free(server);
	return r;
}
