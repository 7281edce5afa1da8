/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the workers' events to text for whoever has asked for it: limits, names,
 * lines.
 *
 * Invariant: the main thread's alone; what it holds back is counted, and the
 * counts are in every stats line.
 */
#ifndef SLUICE_DPI_REPORTER_H
#define SLUICE_DPI_REPORTER_H

#include "dpi/event/eve.h"
#include "lib/err.h"

#define SL_REPORT_MAX 60000 /* bytes of one piece of text, of whole lines */

struct sl_reporter;
/* interface: in_iface of the lines. per_second: events of a kind, 0 without limit. rings: one a worker. 0 or -errno. */
int sl_reporter_open(struct sl_reporter **ret, const char *interface, uint32_t per_second,
		     struct sl_event_ring *const *rings, uint32_t n_rings, struct sl_err *err);
void sl_reporter_close(struct sl_reporter *reporter); /* NULL allowed */

/* The names of workloads; id 1 … SL_ID_MAX. "" forgets one. -ENOMEM or 0. */
int sl_reporter_name(struct sl_reporter *reporter, uint16_t id, const char *name);
void sl_reporter_forget_names(struct sl_reporter *reporter);

/* What there is to tell, as much as fits; "" if there is nothing. Valid until the next call. NULL without memory. */
const char *sl_reporter_next(struct sl_reporter *reporter, size_t *ret_len);
/* Nobody wants to know: the rings are emptied, what was in them counts as lost. */
void sl_reporter_discard(struct sl_reporter *reporter);

/* One who wanted it has not read it: its lines are lost to him. */
void sl_reporter_unread(struct sl_reporter *reporter, const char *text);

/* Adds lost and suppressed to what the caller has filled in, and makes the line; as above. */
const char *sl_reporter_stats(struct sl_reporter *reporter, struct sl_eve_stats *stats, size_t *ret_len);
/* Lines and events of all kinds that did not reach everybody who wanted them. */
uint64_t sl_reporter_not_told(const struct sl_reporter *reporter);

#endif
