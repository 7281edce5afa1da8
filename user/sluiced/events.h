/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The core's events on their way to where the user wants them: a file, a Unix
 * socket, standard output. The core can open nothing itself.
 *
 * Invariant: the core is not trusted: what it sends is passed on only if it is
 * lines of printable ASCII; and no output, however slow or broken, holds the
 * daemon up: what it does not take is dropped, counted and said.
 */
#ifndef SLUICE_EVENTS_H
#define SLUICE_EVENTS_H

#include <linux/types.h>

#include "lib/err.h"

struct instance;
struct events;

struct events_figures {
	__u64 lines, bytes; /* passed on */
	__u64 dropped; /* lines an output did not take */
	__u64 refused; /* messages of the core that were no such lines */
};

/*
 * output: "" none, "-" standard output, "unix:PATH" a listening stream socket,
 * else a file that is appended to. An output that cannot be opened now is an
 * error; one that breaks later is tried again. 0 or -errno.
 */
int events_create(struct instance *inst, const char *output, struct events **ret, struct sl_err *err);
void events_free(struct events *events); /* NULL allowed */
/* To be called when the core's state has changed. */
void events_core_changed(struct events *events);
/* The file may have been renamed: opens it anew. 0 or -errno, then the old one stays. */
int events_reopen(struct events *events, struct sl_err *err);
void events_figures(const struct events *events, struct events_figures *ret);

#endif
