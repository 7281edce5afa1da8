/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which workloads does a request mean? By `target` (and `ports`), `id` or
 * `all`.
 *
 * Invariant: what is selected stays valid while workloads of the selection
 * are removed: it holds ids, not pointers.
 */
#ifndef SLUICE_SLUICED_SELECT_H
#define SLUICE_SLUICED_SELECT_H

#include <jansson.h>

#include "sluiced/instance.h"

struct selection {
	__u16 *ids;
	unsigned int n;
};

/*
 * 0; -EINVAL unless exactly one of the three is there; -ENOENT if it means no
 * workload (not for `all`). selection_free() after success only.
 */
int select_workloads(struct instance *inst, const json_t *request, struct selection *ret, struct sl_err *err);
void selection_free(struct selection *selection);

#endif
