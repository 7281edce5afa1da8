/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The map of judged flows, as far as the daemon has to do with it: an id that
 * is given out again must not find the verdicts of whoever had it before.
 */
#ifndef SLUICE_SLUICED_FLOWS_H
#define SLUICE_SLUICED_FLOWS_H

#include "sluiced/instance.h"

/* Removes the flows of a workload's id; 0: of all. 0 or -errno. */
int flows_remove(const struct instance *inst, __u16 id, struct sl_err *err);

#endif
