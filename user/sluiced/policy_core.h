/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the core must know, on its way to it: the compiled policy, the
 * workloads' names and addresses, and the thresholds of threats.
 *
 * Invariant: every core, and every core that follows one that has died, is
 * sent the latest of each, the addresses and the policy first, as soon as it can be connected
 * to; the daemon never waits for it longer than it is told to.
 */
#ifndef SLUICE_SLUICED_POLICY_CORE_H
#define SLUICE_SLUICED_POLICY_CORE_H

#include "lib/err.h"
#include "sluiced/instance.h"

struct policy_core;

int policy_core_create(struct instance *inst, struct policy_core **ret, struct sl_err *err);
void policy_core_free(struct policy_core *core); /* NULL allowed */

/*
 * A compiled policy in a sealed memory file, which is taken over; sent at once if a core is there. number: the
 * generation of the workloads it is for.
 */
void policy_core_set(struct policy_core *core, int block, __u32 number);
/* The same one, for workloads of another generation. */
void policy_core_renumber(struct policy_core *core, __u32 number);
/* The addresses of workloads, likewise (dpi/policy/peers.h). */
void policy_core_peers(struct policy_core *core, int block);
/* Workloads have come or gone: the core is told the names that it does not know. */
void policy_core_rename(struct policy_core *core);
/* The configuration has other thresholds. */
void policy_core_thresholds(struct policy_core *core);
/* The core's state has changed. */
void policy_core_changed(struct policy_core *core);
/* True once the core has taken the policy that was set last; waits for it that long at most. */
bool policy_core_wait(struct policy_core *core, int timeout_ms);
/* Until the core has answered all that it was told; that long at most. */
void policy_core_wait_told(struct policy_core *core, int timeout_ms);

#endif
