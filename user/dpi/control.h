/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The core's main thread: answers the clients of the control socket until it
 * is told to end, by a client, by a signal, or by a worker that failed.
 *
 * Invariant: no client can block it, slow the workers down or end the core by
 * going away; at most SL_CLIENTS_MAX are served at a time.
 */
#ifndef SLUICE_DPI_CONTROL_H
#define SLUICE_DPI_CONTROL_H

#include <sys/types.h>

#include "dpi/answer.h"
#include "lib/err.h"

#define SL_CLIENTS_MAX 16

struct sl_control {
	struct sl_view view;
	int listen_fd; /* listening SEQPACKET socket, -1 for none; becomes non-blocking */
	int signal_fd; /* any signal read from it ends the core */
	int event_fd; /* the workers' */
	uid_t owner; /* besides root, the user who may connect */
};

/* 0: told to end; -errno with err: a worker failed, or waiting did. */
int sl_control_run(struct sl_control *control, struct sl_err *err);

#endif
