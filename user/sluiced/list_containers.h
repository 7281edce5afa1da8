/* SPDX-License-Identifier: BSD-2-Clause */
/* The command `containers`: what could be asked for as container:NAME at this moment. */
#ifndef SLUICE_SLUICED_LIST_CONTAINERS_H
#define SLUICE_SLUICED_LIST_CONTAINERS_H

#include <jansson.h>

#include "sluiced/instance.h"

/* {"items": [{"number", "id", "name"}…]}, in pages as all lists; the numbers are places in the list. 0 or -errno. */
int list_containers(struct instance *inst, const json_t *request, json_t **ret, struct sl_err *err);

#endif
