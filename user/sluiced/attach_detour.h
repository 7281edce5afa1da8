/* SPDX-License-Identifier: BSD-2-Clause */
/* The programs that carry frames over a detour while a port moves; see port/detour.h. */
#ifndef SLUICE_SLUICED_ATTACH_DETOUR_H
#define SLUICE_SLUICED_ATTACH_DETOUR_H

#include <linux/types.h>
#include <stdbool.h>

#include "lib/err.h"
#include "sluice/detour.h"

struct sl_detour_programs;

/* Needs tcx. 0 or -errno. */
int sl_detour_load(struct sl_detour_programs **ret, struct sl_err *err);
void sl_detour_free(struct sl_detour_programs *detour); /* NULL allowed */

/* ends->inner and ends->vin in the current namespace, the others in host_ns. Off at first. 0 or -errno, then nothing is left. */
int sl_detour_lay(struct sl_detour_programs *detour, int host_ns, const struct sl_detour *ends,
		  struct sl_err *err);
int sl_detour_use(struct sl_detour_programs *detour, bool on, struct sl_err *err);
void sl_detour_lift(struct sl_detour_programs *detour);

#endif
