/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system calls that are left once the core runs.
 *
 * Invariant: from sl_filter_enter() on, in every thread, no file can be
 * opened, no socket made, no program started; what the list does not have
 * fails with EPERM, what only an intruder would try ends the process.
 */
#ifndef SLUICE_DPI_FILTER_H
#define SLUICE_DPI_FILTER_H

#include <stdbool.h>

#include "lib/err.h"

/* flows: the kernel's map of judged flows may be used. For all threads there are. Needs no privilege, but PR_SET_NO_NEW_PRIVS. 0 or -errno. */
int sl_filter_enter(bool flows, struct sl_err *err);

#endif
