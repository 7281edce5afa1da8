/* SPDX-License-Identifier: BSD-2-Clause */
/* What intercept --dry-run shows. */
#ifndef SLUICE_CTL_PLAN_H
#define SLUICE_CTL_PLAN_H

#include "sluicectl/verb.h"

/* Would a port of this answer be refused? */
bool plan_refuses(const json_t *result);
/* What would be done with each port, step by step, or why it would not. 0 or CTL_BAD. */
int plan_print(const json_t *result, struct sl_err *err);

#endif
