/* SPDX-License-Identifier: BSD-2-Clause */
/* One command for every container that runs. */
#ifndef SLUICE_CTL_ALL_CONTAINERS_H
#define SLUICE_CTL_ALL_CONTAINERS_H

#include "sluicectl/verb.h"

/*
 * Sends the request once for each, with its target, and shows how far it is.
 * A refusal does not end it. 0; CTL_BAD if any was refused; -errno.
 */
int all_containers(struct ctl *ctl, json_t *request, struct sl_err *err);

#endif
