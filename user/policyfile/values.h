/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Single values of a policy file: from a word to what it means.
 *
 * Invariant: a value is taken whole or refused with a sentence that says what
 * was expected; the sentence repeats the value only in part and printable.
 */
#ifndef SLUICE_POLICYFILE_VALUES_H
#define SLUICE_POLICYFILE_VALUES_H

#include "policyfile/rules.h"

/* All: 0, or -EINVAL with the reason in err (without place); -E2BIG without memory. */
int sl_value_number(const char *text, uint32_t min, uint32_t max, uint32_t *ret);
int sl_value_peer(struct sl_arena *arena, const char *text, struct sl_peer *ret, struct sl_err *err);
int sl_value_workload(struct sl_arena *arena, const char *text, struct sl_workload_ref *ret,
		      struct sl_err *err);
int sl_value_ports(const char *text, struct sl_port_range *ret, struct sl_err *err);
/* Up to two numbers: icmp is that of either family. */
int sl_value_protocol(const char *text, uint8_t ret[2], size_t *ret_n, struct sl_err *err);
int sl_value_application(const char *text, uint16_t *ret, struct sl_err *err);
int sl_value_mode(const char *text, enum sl_policy_mode *ret, struct sl_err *err);
int sl_value_action(const char *text, enum sl_rule_action *ret, struct sl_err *err);
int sl_value_direction(const char *text, uint8_t *ret, struct sl_err *err);

#endif
