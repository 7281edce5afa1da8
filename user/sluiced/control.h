/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket: who may speak, and one answer for every request.
 *
 * Invariant: a peer can neither block the daemon (one that does not read is
 * dropped) nor change anything by a request that is not wholly understood.
 */
#ifndef SLUICE_SLUICED_CONTROL_H
#define SLUICE_SLUICED_CONTROL_H

#include "sluiced/instance.h"

struct control;

/* finished() is called behind each answer, so that a `stop` can be acted on. 0 or -errno. */
int control_open(struct instance *inst, void (*finished)(struct instance *inst), struct control **ret,
		 struct sl_err *err);
/* Removes the socket's file and takes no new connections. Those that are open stay: their end tells of the daemon's. */
void control_shut(struct control *control);
/* Closes all connections. NULL allowed. */
void control_free(struct control *control);

#endif
