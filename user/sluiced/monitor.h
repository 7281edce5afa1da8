/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watches for interfaces that vanish from the agent's namespace.
 *
 * Invariant: a workload whose leg is gone is dropped whole, and vbr/vth are
 * made again; an event that is out of date (the leg went and came back) is
 * recognised and does nothing.
 */
#ifndef SLUICE_SLUICED_MONITOR_H
#define SLUICE_SLUICED_MONITOR_H

#include "sluiced/instance.h"

int monitor_open(struct instance *inst, struct sl_err *err); /* sets inst->monitor. 0 or -errno */
void monitor_close(struct instance *inst);

#endif
