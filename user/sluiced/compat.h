/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sluice-compat, the process that serves an agent of the existing protocol,
 * as the daemon's child: started if it is configured, and again when it ends.
 *
 * Invariant: what the agent sends never comes here but as requests of ours;
 * the child ends with the daemon.
 */
#ifndef SLUICE_SLUICED_COMPAT_H
#define SLUICE_SLUICED_COMPAT_H

#include "lib/err.h"

struct instance;
struct compat;

/* *ret is NULL if it is not configured. 0 or -errno. */
int compat_create(struct instance *inst, struct compat **ret, struct sl_err *err);
void compat_free(struct compat *compat); /* ends it; NULL allowed */

#endif
