// SPDX-License-Identifier: BSD-2-Clause
/* Driving sluiced and sluicectl from tests; see daemon.h for the invariant. */
#include "lib/daemon.h"

#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/world.h"

#define READY_MS 30000
#define END_MS 15000

/* A socket file per start: what an earlier daemon still says must not be taken for this one's word. */
static int notify_socket(struct sockaddr_un *address)
{
	static int n;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof(address->sun_path), WORLD_TMP "/notify%d", n++);
	cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)address, sizeof(*address)) == 0, "bind %s: %s",
		  address->sun_path, strerror(errno));
	return fd;
}

/* Starts it; true once it says that it is ready, false if it ends or does not in time. */
static bool launch(struct daemon *d)
{
	struct sockaddr_un address = { 0 };
	int fd = notify_socket(&address);
	int64_t end = now_ms() + patient(READY_MS);
	bool ready = false;
	char text[512];
	ssize_t n;

	d->proc = ns_spawn(d->home,
			   "env NOTIFY_SOCKET=%s %s --instance " DAEMON_INSTANCE
			   " --netns %s --dpi-path %s %s %s",
			   address.sun_path, world_program(d->program ?: "sluiced"), d->agent->path,
			   world_program("sluice-dpi"), getenv("SLUICED_OPTIONS") ?: "", d->options);
	while (!ready && now_ms() < end && !proc_ended(d->proc, 0)) {
		if (!readable(fd, 20))
			continue;
		n = recv(fd, text, sizeof(text) - 1, 0);
		if (n <= 0)
			continue;
		text[n] = 0;
		ready = strstr(text, "READY=1") != NULL;
	}
	close(fd);
	unlink(address.sun_path);
	return ready;
}

static void open_maps(struct daemon *d)
{
	struct sl_err err = { 0 };

	if (d->maps_open)
		sl_maps_close(&d->maps);
	d->maps_open = sl_maps_open(&d->maps, DAEMON_PINS, &err) == 0;
	cr_assert(d->maps_open, "the pinned maps cannot be opened: %s", err.text);
}

static struct daemon *new_daemon(struct ns *home, struct ns *agent, const char *fmt, va_list ap)
{
	struct daemon *d = calloc(1, sizeof(*d));

	cr_assert(d != NULL);
	d->home = home;
	d->agent = agent;
	vsnprintf(d->options, sizeof(d->options), fmt, ap);
	return d;
}

struct daemon *daemon_start(struct ns *home, struct ns *agent, const char *fmt, ...)
{
	struct daemon *d;
	va_list ap;

	va_start(ap, fmt);
	d = new_daemon(home, agent, fmt, ap);
	va_end(ap);
	/* The core leaves this mount namespace for an empty one: it is found by where it works. */
	if (agent->pid > 0)
		world_claim(agent->pid);
	daemon_restart(d);
	return d;
}

void daemon_restart(struct daemon *d)
{
	cr_assert(launch(d), "sluiced %s did not become ready: %s", d->options, proc_text(d->proc));
	open_maps(d);
}

const char *daemon_refused(struct ns *home, struct ns *agent, const char *fmt, ...)
{
	struct daemon *d;
	va_list ap;
	int status;

	va_start(ap, fmt);
	d = new_daemon(home, agent, fmt, ap);
	va_end(ap);
	cr_assert(!launch(d), "sluiced %s became ready but should have refused", d->options);
	status = proc_end(d->proc, 0, END_MS);
	cr_assert(status > 0 && status < 128, "sluiced %s ended with %d: %s", d->options, status,
		  proc_text(d->proc));
	return proc_text(d->proc);
}

void daemon_kill9(struct daemon *d)
{
	proc_end(d->proc, SIGKILL, END_MS);
}

void daemon_term(struct daemon *d)
{
	int status = proc_end(d->proc, SIGTERM, END_MS);

	cr_assert(status == 0, "sluiced ended with %d after SIGTERM: %s", status, proc_text(d->proc));
}

void daemon_stop(struct daemon *d)
{
	int status;

	ctl_do(d, "stop --release");
	status = proc_end(d->proc, 0, END_MS);
	cr_assert(status == 0, "sluiced ended with %d after stop --release: %s", status, proc_text(d->proc));
	if (d->maps_open)
		sl_maps_close(&d->maps);
	d->maps_open = false;
}

const char *daemon_said(struct daemon *d)
{
	return proc_text(d->proc);
}

static int run_ctl(struct daemon *d, const char *fmt, va_list ap)
{
	char arguments[2048];

	vsnprintf(arguments, sizeof(arguments), fmt, ap);
	/* stderr apart from stdout, or an answer could not be told from a complaint. */
	return ns_sh(d->home,
		     "%s -i " DAEMON_INSTANCE " -j %s 2>" WORLD_TMP "/ctl.err; s=$?; [ $s = 0 ] || "
		     "cat " WORLD_TMP "/ctl.err; exit $s",
		     world_program("sluicectl"), arguments);
}

#define RUN_CTL(d, fmt)                                                                                      \
	({                                                                                                   \
		va_list ap_;                                                                                 \
		int status_;                                                                                 \
		va_start(ap_, fmt);                                                                          \
		status_ = run_ctl(d, fmt, ap_);                                                              \
		va_end(ap_);                                                                                 \
		status_;                                                                                     \
	})

json_t *ctl(struct daemon *d, const char *fmt, ...)
{
	int status = RUN_CTL(d, fmt);
	json_error_t error;
	json_t *result;

	cr_assert(status == 0, "`sluicectl %s` ended with %d: %s\nsluiced said: %s", fmt, status, ns_said(),
		  daemon_said(d));
	result = json_loads(ns_said(), JSON_DECODE_ANY, &error);
	cr_assert(result != NULL, "`sluicectl %s` printed no JSON (%s): %s", fmt, error.text, ns_said());
	return result;
}

void ctl_do(struct daemon *d, const char *fmt, ...)
{
	int status = RUN_CTL(d, fmt);

	cr_assert(status == 0, "`sluicectl %s` ended with %d: %s\nsluiced said: %s", fmt, status, ns_said(),
		  daemon_said(d));
}

const char *ctl_refused(struct daemon *d, const char *fmt, ...)
{
	int status = RUN_CTL(d, fmt);

	cr_assert(status == 1, "`sluicectl %s` ended with %d, not refused: %s\nsluiced said: %s", fmt, status,
		  ns_said(), daemon_said(d));
	return ns_said();
}

json_t *json_at(json_t *object, const char *path)
{
	char copy[128], *rest = copy;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *key; object && (key = strsep(&rest, "."));)
		object = json_is_array(object) ? json_array_get(object, atoi(key))
					       : json_object_get(object, key);
	return object;
}

json_int_t json_int(json_t *object, const char *path)
{
	json_t *value = json_at(object, path);

	cr_assert(json_is_integer(value), "no number at %s in %s", path, json_dumps(object, 0));
	return json_integer_value(value);
}

const char *json_text(json_t *object, const char *path)
{
	json_t *value = json_at(object, path);

	cr_assert(json_is_string(value), "no text at %s in %s", path, json_dumps(object, 0));
	return json_string_value(value);
}

int daemon_intercept(struct daemon *d, struct ns *workload, const char *options)
{
	json_t *result = ctl(d, "intercept pid:%d --port eth0 %s", workload->pid, options);
	int id;

	id = json_int(result, json_at(result, "items") ? "items.0.id" : "0.id");
	json_decref(result);
	return id;
}

pid_t core_pid(struct daemon *d)
{
	json_t *status = ctl(d, "status");
	pid_t pid = json_int(status, "dpi.pid");

	json_decref(status);
	return pid;
}

long core_age_ms(struct daemon *d)
{
	struct sl_core record;
	struct timespec ts;
	__u32 queue = 0;
	__u64 now;

	if (bpf_map_lookup_elem(d->maps.core, &queue, &record) || !record.heartbeat_ns)
		return LONG_MAX;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = ts.tv_sec * 1000000000ULL + ts.tv_nsec;
	return now > record.heartbeat_ns ? (long)((now - record.heartbeat_ns) / 1000000) : 0;
}

__u64 core_no_room(struct daemon *d)
{
	struct sl_core record = { 0 };
	__u32 queue = 0;

	cr_assert_eq(bpf_map_lookup_elem(d->maps.core, &queue, &record), 0);
	return record.drop_rx_full + record.drop_fill_empty +
	       strtoull(ns_run(d->agent, "awk '$1 == \"vbr:\" {print $13}' /proc/net/dev"), NULL, 10);
}

static struct sl_counters read_counters(struct daemon *d, enum sl_program prog)
{
	struct sl_counters counters;
	struct sl_err err = { 0 };

	cr_assert(sl_maps_counters(&d->maps, prog, &counters, &err) == 0, "counters: %s", err.text);
	return counters;
}

__u64 counter(struct daemon *d, enum sl_program prog, enum sl_reason reason)
{
	struct sl_counters counters = read_counters(d, prog);

	return (&counters.in)[1 + reason].frames;
}

__u64 counter_in(struct daemon *d, enum sl_program prog)
{
	return read_counters(d, prog).in.frames;
}

__u64 counter_legs(struct daemon *d, enum sl_reason reason)
{
	return counter(d, SL_PROG_VEX, reason) + counter(d, SL_PROG_VIN, reason);
}

__u64 counter_lanes(struct daemon *d, enum sl_reason reason)
{
	__u64 bulk = reason == SL_R_diverted ? counter_legs(d, SL_R_bulk)
		     : reason == SL_R_tapped ? counter_legs(d, SL_R_tapped_bulk)
					     : 0;

	return counter_legs(d, reason) + bulk;
}
