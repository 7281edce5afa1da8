/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the agent has said as a compiled policy of ours, and numbers of the one
 * side as numbers of the other.
 *
 * Invariant: the block answers as docs/compat.md's table says; endpoints the
 * agent has not told of are not in it.
 */
#ifndef SLUICE_COMPAT_TRANSLATE_H
#define SLUICE_COMPAT_TRANSLATE_H

#include "compat/agent.h"
#include "lib/err.h"

/* As rules, to be freed by sl_rules_free(). 0 or -errno. */
struct sl_rules;
int translate_rules(const struct agent *agent, struct sl_rules **ret, struct sl_err *err);
/* *ret_block is malloc'ed. *ret_rules: how many. 0 or -errno. */
int translate_policy(const struct agent *agent, void **ret_block, size_t *ret_size, size_t *ret_rules,
		     struct sl_err *err);

/* The application as the agent knows it: 0 where only we do; 1 for one that was never looked for. */
uint16_t translate_application(uint16_t application, bool checked);
/* EVE's 1 high … 3 low, by threat, as the protocol's 1 … 5. */
uint8_t translate_severity(uint32_t threat, bool dropped);

#endif
