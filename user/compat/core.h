/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The core, as sluice-compat knows it: a socket to ask by, one that reports
 * come by, and a process of its own where no daemon has started one.
 *
 * Invariant: no call waits for the core longer than CORE_WAIT_S; one that
 * does not answer, or dies, is noticed and met again (or started again, after
 * a growing delay), and core_generation() then differs, so that all of it is
 * told anew.
 */
#ifndef SLUICE_COMPAT_CORE_H
#define SLUICE_COMPAT_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "compat/options.h"
#include "lib/err.h"

#define CORE_WAIT_S 2

struct core;
int core_open(struct core **ret, const struct compat_options *options, struct sl_err *err);
void core_close(struct core *core); /* ends one of our own; NULL allowed */

/*
 * Meets or starts it if it is not there and its time has come. How long until
 * the next try, in ms; -1: it is there.
 */
int core_meet(struct core *core);
uint32_t core_generation(const struct core *core); /* 0: it is not there */
/* Descriptors to be polled, -1: none. Readable: core_ended(), core_reports(). */
int core_exit_fd(const struct core *core);
int core_report_fd(const struct core *core);
void core_ended(struct core *core);

/*
 * request is taken over; fd goes with it if it is not -1. The result (the
 * caller's), or NULL with err: -ENOTCONN, -ETIMEDOUT, or what the core says.
 */
json_t *core_ask(struct core *core, json_t *request, int fd, struct sl_err *err);
/* One message of reports. Its length, 0: none is there. */
size_t core_reports(struct core *core, void *to, size_t size);
bool core_is_ours(const struct core *core); /* without a daemon */

#endif
