/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's objects as JSON, in the words of the control protocol.
 *
 * Invariant: an answer fits into one message, however much there is to show:
 * lists stop at SHOW_LIST_MAX and say where to go on.
 */
#ifndef SLUICE_SLUICED_SHOW_H
#define SLUICE_SLUICED_SHOW_H

#include <jansson.h>

#include "lib/sock.h"
#include "sluiced/instance.h"

#define SHOW_LIST_MAX (SL_MSG_MAX - 4096) /* bytes of the items of a list */

/* All return a new reference, NULL without memory. */
json_t *show_workload(struct instance *inst, const struct workload *workload);
json_t *show_status(struct instance *inst);
json_t *show_doctor(struct instance *inst);
json_t *show_trace(struct instance *inst);

/* {"items": […]} under construction. */
struct show_list {
	json_t *object, *items;
	size_t used;
	__u32 last; /* id of the last item */
	bool full; /* "next" is set, nothing more is taken */
};
int show_list_begin(struct show_list *list); /* 0 or -ENOMEM */
/* Takes the reference (NULL: -ENOMEM). 1 taken, 0 full, -ENOMEM. */
int show_list_add(struct show_list *list, __u32 id, json_t *item);

#endif
