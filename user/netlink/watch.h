/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for the kernel to have done what it does behind a work queue,
 * without ever sleeping for a guessed time.
 *
 * Invariant: open first, look second, wait third: nothing that happens after
 * the look is missed.
 */
#ifndef SLUICE_NETLINK_WATCH_H
#define SLUICE_NETLINK_WATCH_H

#include <stdbool.h>

#include "lib/err.h"

struct watch;

/* Listens to changes of links, IPv6 addresses and routes in a namespace. */
int watch_open(struct watch **ret, int netns_fd, struct sl_err *err);
/* Starts the clock for the waits that follow. */
void watch_start(struct watch *watch, int timeout_ms);
/* Until something has changed: true. False when the time is up. */
bool watch_wait(struct watch *watch);
void watch_close(struct watch *watch); /* NULL allowed */

#endif
