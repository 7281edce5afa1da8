/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What can be asked about the policy: whose text comes and goes as a
 * descriptor, as it may be longer than a message.
 *
 * Invariant: what is behind a descriptor is read only if that cannot hold up
 * the daemon, and no more of it than a policy may be long.
 */
#ifndef SLUICE_SLUICED_POLICY_COMMANDS_H
#define SLUICE_SLUICED_POLICY_COMMANDS_H

#include "sluiced/commands.h"

/* 0 and a new reference in *ret_result, or -errno. */
int policy_command_apply(struct instance *inst, const json_t *request, struct passed *passed,
			 json_t **ret_result, struct sl_err *err);
int policy_command_show(struct instance *inst, const json_t *request, struct passed *passed,
			json_t **ret_result, struct sl_err *err);

#endif
