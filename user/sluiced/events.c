// SPDX-License-Identifier: BSD-2-Clause
/* Passes the core's events on; see events.h for the invariant. */
#include "sluiced/events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/sock.h"
#include "sluiced/instance.h"
#include "sluiced/loop.h"

#include "sluiced/supervise.h"

#define RETRY_MS 1000
#define BATCH 64 /* messages in a row, then others have their turn */
#define SAY_EVERY_NS 60000000000ull
static const char subscribe[] = "{\"cmd\":\"events\"}";

struct events {
	struct instance *inst;
	char output[SL_PATH_LEN]; /* "" none */
	int out; /* -1: none, or lost */
	struct source core; /* connection to it */
	struct source retry; /* timer: whatever is missing is tried again */
	bool answered; /* the core has taken the subscription */
	struct events_figures figures;
	__u64 said_ns; /* when it was last said that lines are dropped */
	char message[SL_MSG_MAX];
};

static struct events *of_core(struct source *source)
{
	return (struct events *)((char *)source - offsetof(struct events, core));
}

static struct events *of_retry(struct source *source)
{
	return (struct events *)((char *)source - offsetof(struct events, retry));
}

static bool is_socket(const struct events *events)
{
	return !strncmp(events->output, "unix:", 5);
}

static int open_socket(const char *path, struct sl_err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, r = 0;

	if (strlen(path) >= sizeof(addr.sun_path))
		return sl_err(err, ENAMETOOLONG, "events: the path of socket %s is longer than %zu", path,
			      sizeof(addr.sun_path) - 1);
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return sl_errno(err, errno, "events: socket");
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		r = sl_errno(err, errno, "events: connecting to %s (does its reader run?)", path);
		close(fd);
		return r;
	}
	return fd;
}

/* A descriptor, -1 for none, or another -errno. */
static int open_output(const struct events *events, struct sl_err *err)
{
	struct stat st;
	int fd;

	if (!*events->output)
		return -1;
	if (!strcmp(events->output, "-"))
		return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (is_socket(events))
		return open_socket(events->output + 5, err);
	/* Not blocking on a FIFO without a reader, not following what somebody else has put there. */
	fd = open(events->output, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
	if (fd < 0)
		return sl_errno(err, errno, "events: opening %s", events->output);
	if (fstat(fd, &st) < 0 || !(S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))) {
		close(fd);
		return sl_err(err, EINVAL, "events: %s is neither a file nor a pipe", events->output);
	}
	return fd;
}

static void close_output(struct events *events)
{
	if (events->out >= 0)
		close(events->out);
	events->out = -1;
}

static void retry_later(struct events *events)
{
	timer_set(&events->retry, RETRY_MS, 0);
}

static void count_dropped(struct events *events, __u64 lines, const char *why)
{
	__u64 now = now_ns();

	events->figures.dropped += lines;
	if (events->said_ns && now - events->said_ns < SAY_EVERY_NS)
		return;
	sl_warn("events: %s: %s; %llu lines were dropped so far",
		*events->output ? events->output : "no output", why,
		(unsigned long long)events->figures.dropped);
	events->said_ns = now;
}

/* Lines of printable ASCII, the last one whole: how many; 0 if it is not that. */
static __u64 lines_of(const char *text, size_t len)
{
	__u64 lines = 0;

	if (!len || text[len - 1] != '\n')
		return 0;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n')
			lines++;
		else if (text[i] < ' ' || text[i] > '~')
			return 0;
	}
	return lines;
}

static bool wants(const struct events *events)
{
	return *events->output != 0;
}

static void pass_on(struct events *events, const char *text, size_t len)
{
	__u64 lines = lines_of(text, len);
	size_t done = 0;

	if (!lines) {
		if (!events->figures.refused++)
			sl_warn("events: the core sent something that is no line of text; it was thrown "
				"away");
		return;
	}
	if (events->out < 0) {
		count_dropped(events, lines, "not open");
		return;
	}
	while (done < len) {
		ssize_t n = is_socket(events) ? send(events->out, text + done, len - done, MSG_NOSIGNAL)
					      : write(events->out, text + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			const char *why = errno == EAGAIN ? "the reader is too slow" : strerror(errno);

			count_dropped(events, lines_of(text + done, len - done), why);
			/* Half a line would spoil the next: a stream is begun anew, a file goes on behind a newline. */
			if (errno != EAGAIN || (is_socket(events) && done && text[done - 1] != '\n')) {
				close_output(events);
				retry_later(events);
			}
			return;
		}
		done += (size_t)n;
	}
	events->figures.lines += lines;
	events->figures.bytes += len;
}

static void disconnect(struct events *events)
{
	source_close(&events->inst->loop, &events->core);
	events->answered = false;
}

static void on_core_event(struct source *source, __u32 flags)
{
	struct events *events = of_core(source);

	(void)flags;
	for (int i = 0; i < BATCH; i++) {
		ssize_t n = sl_sock_recv(source->fd, events->message, sizeof(events->message));

		if (n == -EAGAIN || n == -EINTR)
			return;
		if (n <= 0 && n != -EMSGSIZE) {
			disconnect(events);
			retry_later(events);
			return;
		}
		/* The first message is the answer to ours. */
		if (!events->answered)
			events->answered = true;
		else if (n == -EMSGSIZE)
			events->figures.refused++;
		else
			pass_on(events, events->message, (size_t)n);
	}
}

/* To the core, if one runs and there is somebody to tell. */
static void connect_core(struct events *events)
{
	char path[SL_PATH_LEN];
	struct core_status status;
	int fd, r;

	core_status(events->inst->core, &status);
	if (events->core.fd >= 0 || !wants(events) || status.state != CORE_RUNNING ||
	    sl_conf_run_path(&events->inst->conf, "dpi.sock", path, sizeof(path)))
		return;
	fd = sl_sock_connect(path, NULL);
	if (fd < 0) {
		retry_later(events);
		return;
	}
	r = fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 ? -errno : 0;
	if (!r)
		r = sl_sock_send(fd, subscribe, sizeof(subscribe) - 1);
	events->core.fd = fd;
	if (!r)
		r = loop_add(&events->inst->loop, &events->core, "the core's events", NULL);
	if (r < 0) {
		disconnect(events);
		retry_later(events);
	}
}

static void reopen_lost(struct events *events)
{
	struct sl_err err = { 0 };
	int fd;

	if (events->out >= 0 || !wants(events))
		return;
	fd = open_output(events, &err);
	if (fd >= 0) {
		events->out = fd;
		sl_info("events: %s is open again", events->output);
	} else {
		sl_debug("%s", err.text);
		retry_later(events);
	}
}

static void on_retry(struct source *source, __u32 flags)
{
	struct events *events = of_retry(source);

	(void)flags;
	timer_clear(source);
	reopen_lost(events);
	connect_core(events);
}

void events_core_changed(struct events *events)
{
	struct core_status status;

	if (!events)
		return;
	core_status(events->inst->core, &status);
	if (status.state == CORE_RUNNING)
		connect_core(events);
	else
		disconnect(events);
}

int events_create(struct instance *inst, const char *output, struct events **ret, struct sl_err *err)
{
	struct events *events = calloc(1, sizeof(*events));
	int r;

	if (!events)
		return sl_err(err, ENOMEM, "no memory for events");
	events->inst = inst;
	events->out = -1;
	events->core = (struct source){ -1, on_core_event };
	events->retry = (struct source){ -1, on_retry };
	if (strlen(output) >= sizeof(events->output)) {
		r = sl_err(err, ENAMETOOLONG, "events: the path is longer than %zu",
			   sizeof(events->output) - 1);
		goto fail;
	}
	strcpy(events->output, output);
	r = timer_open(&inst->loop, &events->retry, "events", err);
	if (r)
		goto fail;
	events->out = open_output(events, err);
	if (events->out < 0 && wants(events)) {
		r = events->out;
		goto fail;
	}
	*ret = events;
	return 0;
fail:
	events_free(events);
	return r;
}

void events_free(struct events *events)
{
	if (!events)
		return;
	source_close(&events->inst->loop, &events->core);
	source_close(&events->inst->loop, &events->retry);
	close_output(events);
	free(events);
}

int events_reopen(struct events *events, struct sl_err *err)
{
	int fd;

	if (!events || !wants(events))
		return 0;
	fd = open_output(events, err);
	if (fd < 0)
		return fd;
	close_output(events);
	events->out = fd;
	return 0;
}

void events_figures(const struct events *events, struct events_figures *ret)
{
	*ret = events->figures;
}
