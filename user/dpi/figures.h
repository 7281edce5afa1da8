/* SPDX-License-Identifier: BSD-2-Clause */
/* The figures of all workers together: for the control socket and for stats events. */
#ifndef SLUICE_DPI_FIGURES_H
#define SLUICE_DPI_FIGURES_H

#include <jansson.h>

#include "dpi/answer.h"
#include "dpi/decide/engine.h"
#include "dpi/event/eve.h"

struct sl_core_figures {
	struct sl_engine_figures engine;
	struct sl_table_stats table;
	uint64_t kernel_drops, uptime_s;
	uint64_t not_told; /* events */
};

/* Asks the workers. 0 or -errno. */
int sl_figures_collect(const struct sl_view *view, struct sl_core_figures *ret, struct sl_err *err);
json_t *sl_figures_json(const struct sl_core_figures *figures);
void sl_figures_stats(const struct sl_core_figures *figures, struct sl_eve_stats *ret);

#endif
