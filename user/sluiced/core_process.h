/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The core's program with its arguments, as a child that inherits nothing but
 * what it is to have.
 */
#ifndef SLUICE_SLUICED_CORE_PROCESS_H
#define SLUICE_SLUICED_CORE_PROCESS_H

#include "sluiced/instance.h"

/* Besides the maps'. A spare core has the last one only, an ordinary one the others. */
struct core_descriptors {
	int control, lock, ready, spare;
};
#define CORE_DESCRIPTORS_NONE                                                                                \
	{                                                                                                    \
		-1, -1, -1, -1                                                                               \
	}

/* The map of flows: for verdicts, or for those that say by which lane. */
static inline bool core_needs_flows(const struct instance *inst)
{
	return sl_conf_verdicts(&inst->conf) || inst->bridge.vtk_ifindex;
}
int core_process_run(const struct instance *inst, const struct core_descriptors *fds, pid_t *ret_pid,
		     struct sl_err *err);
/* What one would be started with, without its descriptors: to be compared; the caller's. NULL: no memory. */
char *core_process_text(const struct instance *inst);

#endif
