/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sluiced, its core and its command line, as a test drives them.
 *
 * Invariant: readiness comes from the daemon's own notification, never from
 * waiting a while; on a failure everything the daemon said is in the message.
 */
#ifndef SLUICE_TESTS_DAEMON_H
#define SLUICE_TESTS_DAEMON_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lib/maps.h"
#include "lib/ns.h"

#define DAEMON_INSTANCE "e2e"
#define DAEMON_PINS "/sys/fs/bpf/sluice/" DAEMON_INSTANCE
#define DAEMON_RUN "/run/sluice/" DAEMON_INSTANCE

struct daemon {
	struct ns *home; /* where it is started, as a host agent would be */
	struct ns *agent; /* where it works (--netns) */
	struct proc *proc;
	const char *program; /* of the build folder; NULL: "sluiced" */
	struct sl_maps maps; /* the pinned maps */
	bool maps_open;
	char options[512];
};

/*
 * Options as on the command line, "" for none; those of the environment's SLUICED_OPTIONS come before them. Fails the
 * test unless it becomes ready.
 */
struct daemon *daemon_start(struct ns *home, struct ns *agent, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Starts it where it must refuse: returns what it said; the test fails if it becomes ready or ends with 0. */
const char *daemon_refused(struct ns *home, struct ns *agent, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* With the same options, after daemon_kill9() or daemon_term(). */
void daemon_restart(struct daemon *d);
void daemon_kill9(struct daemon *d);
/* SIGTERM; must end with 0. */
void daemon_term(struct daemon *d);
/* `sluicectl stop --release`, and waits for its end. */
void daemon_stop(struct daemon *d);
/* All it has said so far. */
const char *daemon_said(struct daemon *d);

/* sluicectl -j with these arguments: its result (the caller's), the test fails if it is refused. */
json_t *ctl(struct daemon *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same when only success matters. */
void ctl_do(struct daemon *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Must be refused (exit status 1): returns what it said on stderr. */
const char *ctl_refused(struct daemon *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A value by path, e.g. "dpi.pid" or "items.0.id"; the test fails if it is not there or of another type. */
json_int_t json_int(json_t *object, const char *path);
const char *json_text(json_t *object, const char *path);
json_t *json_at(json_t *object, const char *path); /* NULL: not there; borrowed */

/* Takes a port ("" options or e.g. "--mode off --id 180"); returns its id. */
int daemon_intercept(struct daemon *d, struct ns *workload, const char *options);

pid_t core_pid(struct daemon *d);
/* Age of the heartbeat of queue 0 in ms; very large if there never was one. */
long core_age_ms(struct daemon *d);
/* With the default heartbeat of a second: surely fresh, surely stale; neither in between. */
#define core_alive(d) (core_age_ms(d) < 800)
#define core_stale(d) (core_age_ms(d) > 1100)

/* Frames sent to queue 0 of the core for which there was no room: in vbr's wire or in the core's rings. */
__u64 core_no_room(struct daemon *d);

/* From the pinned maps, sum of all CPUs. */
__u64 counter(struct daemon *d, enum sl_program prog, enum sl_reason reason);
__u64 counter_in(struct daemon *d, enum sl_program prog);
/* The sum of a reason over vex and vin. */
__u64 counter_legs(struct daemon *d, enum sl_reason reason);
/* The same, and by whichever lane if it is SL_R_diverted or SL_R_tapped. */
__u64 counter_lanes(struct daemon *d, enum sl_reason reason);

#endif
