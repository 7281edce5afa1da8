/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the main thread has something done by a worker: a letter with a call in
 * it, opened between two runs of the lane. So what a worker owns is touched by
 * the worker alone, without a lock.
 *
 * Invariant: a letter is opened once, or withdrawn unopened; whichever it is,
 * nothing of it is used after sl_mailbox_ask() has returned.
 */
#ifndef SLUICE_DPI_MAILBOX_H
#define SLUICE_DPI_MAILBOX_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "lib/err.h"

#define SL_MAILBOX_SILENT_MS 20

/* Runs in the worker; must be done soon, frames wait meanwhile. context: the worker's own. */
typedef void (*sl_letter_call)(void *context, void *arg);

struct sl_letter {
	sl_letter_call call;
	void *arg;
	sem_t done;
};

struct sl_mailbox {
	_Atomic(struct sl_letter *) letter; /* NULL: empty */
	int wake_fd; /* eventfd that the worker polls; -1: not open */
	bool silent; /* the main thread's: the last letter was withdrawn */
};

#define SL_MAILBOX_NONE                                                                                      \
	{                                                                                                    \
		.letter = NULL, .wake_fd = -1                                                                \
	}

int sl_mailbox_open(struct sl_mailbox *box, struct sl_err *err);
void sl_mailbox_close(struct sl_mailbox *box); /* no worker may look into it any more */

/*
 * By the main thread, one call at a time: 0 once it was done, -ETIMEDOUT if the worker did not come to it. A worker
 * that is stuck is waited for once, then SL_MAILBOX_SILENT_MS a letter until it answers again: nobody else is to wait
 * for it.
 */
int sl_mailbox_ask(struct sl_mailbox *box, sl_letter_call call, void *arg, int timeout_ms);
/* By the worker: does what there is to do. Costs a load when there is nothing. */
void sl_mailbox_look(struct sl_mailbox *box, void *context);
/* By the worker, when wake_fd is readable: clears that, before it looks. */
void sl_mailbox_woken(struct sl_mailbox *box);

#endif
