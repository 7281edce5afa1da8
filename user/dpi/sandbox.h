/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gives up what the core does not need once its sockets are open.
 *
 * Invariant: after sandbox_enter() returned 0 the process has another user and
 * group than root, no supplementary groups, no capability in any set, no way
 * to get one back, and an empty, read-only file system for its root (with
 * CAP_SYS_ADMIN; else a warning). On failure it must end: the drop may be half done.
 */
#ifndef SLUICE_DPI_SANDBOX_H
#define SLUICE_DPI_SANDBOX_H

#include "lib/err.h"

/*
 * user: a name, or NULL for "sluice" if it exists, else "nobody". To be called
 * before any thread is started. ret_user: the name taken, static memory. 0 or -errno.
 */
int sl_sandbox_enter(const char *user, const char **ret_user, struct sl_err *err);

#endif
