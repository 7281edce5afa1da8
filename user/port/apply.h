/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making an interface into the port a snapshot describes. In three steps, so
 * that the workload is without a port only during the second.
 */
#ifndef SLUICE_PORT_APPLY_H
#define SLUICE_PORT_APPLY_H

#include "port/snapshot.h"

/*
 * Before: the interface, still down under the name `name`, gets all that needs
 * no address. known: the sysctls it has, when that is known (else NULL).
 */
int apply_prepare(const struct port_side *side, const struct port_snapshot *wanted, __u32 ifindex,
		  const char *name, const struct port_sysctls *known, struct sl_err *err);
/* The moment itself: name, up, addresses, routes, neighbours. */
int apply_switch(const struct port_side *side, const struct port_snapshot *wanted, __u32 ifindex,
		 struct sl_err *err);
/* The moment frames can flow: the neighbours are put back and told where the addresses are. */
void apply_greet(const struct port_side *side, const struct port_snapshot *wanted, __u32 ifindex);
/*
 * Waits, for timeout_ms at most, until the kernel's own work behind the new
 * port is done: operational state, IPv6 taking note of it, the local routes of
 * IPv6 addresses. All that runs in work queues. When time is up it is 0 too:
 * the verification says what is missing.
 */
int apply_wait(const struct port_side *side, const struct port_snapshot *wanted, __u32 ifindex,
	       int timeout_ms, struct sl_err *err);
/* The same for an interface without addresses: its carrier has arrived and it lets frames out. */
int apply_wait_carrier(const struct port_side *side, __u32 ifindex, int timeout_ms, struct sl_err *err);
/* After: frames flow; what was set aside for speed is put right. */
int apply_settle(const struct port_side *side, const struct port_snapshot *wanted, __u32 ifindex,
		 struct sl_err *err);
/* All three and the verification. */
int apply_all(const struct port_side *side, const struct port_snapshot *wanted, __u32 ifindex,
	      const char *name, struct sl_err *err);

/* Compares a fresh snapshot with the wanted one: 0, or -EBADE with the first difference. */
int apply_verify(const struct port_side *side, const struct port_snapshot *wanted, __u32 ifindex,
		 struct sl_err *err);

#endif
