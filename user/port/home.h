/* SPDX-License-Identifier: BSD-2-Clause */
/* The way home of a port from any state between: what undoing and recovering have in common. */
#ifndef SLUICE_PORT_HOME_H
#define SLUICE_PORT_HOME_H

#include "port/port.h"
#include "port/snapshot.h"

/*
 * Finds the original wherever it is, removes the substitute, and gives the
 * original what `wanted` says, if it has not got all of it. No program may be
 * on vex and vin. 0 or -errno, then it may be tried again.
 */
int home_bring(const struct port_taken *taken, const struct port_snapshot *wanted,
	       const struct port_side *workload, const struct port_side *agent, struct sl_err *err);

/* Into taken->addrs, as far as there is room, in the kernel's order; those of the link alone are left out. */
void home_note_addresses(struct port_taken *taken, const struct msgs *addrs);

/*
 * What is on record and nowhere else any more, onto the interface; there
 * already is as good. One that cannot be had does not keep the others away.
 * *ret_added is set if one was missing. 0 or -errno.
 */
int home_add_recorded(const struct port_taken *taken, struct nls *nls, __u32 ifindex, bool *ret_added,
		      struct sl_err *err);

/* Deletes a veth of the agent's by name. 0 also when it is not there; -EEXIST if it is no veth; -errno. */
int home_delete(const struct port_side *agent, const char *name, struct sl_err *err);

#endif
