/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy in force: accepted as text, kept on disk, compiled with the ids
 * the workloads' names stand for today, and handed to the core.
 *
 * Invariant: a policy that cannot be read, compiled or kept changes nothing;
 * one that was accepted is on disk before it is in force, and what the core
 * has is compiled from it and from today's workloads.
 */
#ifndef SLUICE_SLUICED_POLICY_H
#define SLUICE_SLUICED_POLICY_H

#include <jansson.h>

#include "lib/err.h"
#include "sluiced/instance.h"

struct policy;

/*
 * Takes up what was accepted last, and the configured file if there is one.
 * Before the core is begun with, which else would start without it. 0 or -errno.
 */
int policy_create(struct instance *inst, struct policy **ret, struct sl_err *err);
void policy_free(struct policy *policy); /* NULL allowed */

/* Is there one? NULL: no. */
bool policy_present(const struct policy *policy);
__u32 policy_generation(const struct policy *policy); /* 0: there is none */
/* inst->conf.thresholds are others: the core is told. */
void policy_thresholds_changed(struct policy *policy);
/* To be called when the core's state has changed. */
void policy_follow_core(struct policy *policy); /* NULL allowed */
/* To be called when workloads may have changed. Works it out soon, not now. */
void policy_workloads_changed(struct policy *policy);
/* The same at once, and waits for the core, a second at most: before a port is taken, so that none is without it. */
void policy_workloads_settle(struct policy *policy);
/* Workloads that have just been taken are known to rules as peers, by their addresses; the same wait. NULL allowed. */
void policy_peers_settle(struct policy *policy);
/* The configured file may say something else now. 0 or -errno, then the policy is as before. */
int policy_reload(struct policy *policy, const char *path, struct sl_err *err);

/*
 * source: how messages call the text. *ret_result: {generation, rules,
 * workloads, unresolved, in_force, warnings}. dry_run: all but the change.
 * Waits for the core, a second at most. 0 or -errno.
 */
int policy_apply(struct policy *policy, const char *text, size_t len, const char *source, bool dry_run,
		 json_t **ret_result, struct sl_err *err);
/* {generation, rules, size}, and the text in JSON, which is the policy's. 0, or -ENOENT if there is none. */
int policy_show(const struct policy *policy, json_t **ret_result, const char **ret_text, struct sl_err *err);

#endif
