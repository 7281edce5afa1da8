/* SPDX-License-Identifier: BSD-2-Clause */
/* What those who write figures down share. */
#ifndef SLUICE_BENCH_REPORT_OWN_H
#define SLUICE_BENCH_REPORT_OWN_H

#include "bench/bench.h"

struct figure {
	struct series series;
	struct summary summary;
	char missing[SL_ERR_LEN]; /* why it could not be had; empty: it could */
	char name[64];
};

/* The i-th so far; NULL behind the last. */
const struct figure *report_figure(unsigned int i);
/* The unit of the figure itself: a ratio has none. */
const char *figure_unit(const struct figure *figure);
/* All ratios on one axis, and the curves. 0 or -errno. */
int plot_write(const char *path, struct sl_err *err);

#endif
