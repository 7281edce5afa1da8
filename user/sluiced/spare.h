/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A spare core: while one works another one has its libraries and tables in
 * memory already, so that less is left to do when it is needed (figures in
 * docs/performance.md).
 *
 * Invariant: it takes a core's place only if it was started with what a core
 * would be started with now; it ends with the daemon.
 */
#ifndef SLUICE_SLUICED_SPARE_H
#define SLUICE_SLUICED_SPARE_H

#include "sluiced/core_process.h"

struct spare;

int spare_create(struct instance *inst, struct spare **ret, struct sl_err *err);
void spare_free(struct spare *spare); /* NULL allowed; ends it */
/* A core works: there is to be one behind it, unless the configuration says no. */
void spare_keep(struct spare *spare);
/* None is wanted any more. */
void spare_end(struct spare *spare);
/* It becomes the core, with these. 0; -ENOENT if there is none that fits. */
int spare_go(struct spare *spare, const struct core_descriptors *fds, pid_t *ret_pid);

#endif
