/* SPDX-License-Identifier: BSD-2-Clause */
/* Random rules and questions that have a fair chance of meeting. */
#ifndef SLUICE_TESTS_POLICY_MAKE_H
#define SLUICE_TESTS_POLICY_MAKE_H

#include "policyfile/compile.h"
#include "policyfile/rules.h"

/* A reproducible sequence. */
uint64_t make_random(uint64_t *state);
struct sl_rules *make_rules(uint64_t *state, size_t n);
void make_query(uint64_t *state, struct sl_policy_query *ret);
/* Compiles and opens; fails the test if that fails. */
struct sl_policy *make_policy(const struct sl_rules *rules);
struct sl_policy *make_policy_of(const char *text);
struct sl_rules *make_rules_of(const char *text);
/* The names random rules have. */
extern const char *const make_names[];
#define MAKE_NAMES 4

#endif
