/* SPDX-License-Identifier: BSD-2-Clause */
/* Thresholds by name, and what must hold between them. Invariant: on any error nothing is changed. */
#ifndef SLUICE_LIB_THRESHOLDS_H
#define SLUICE_LIB_THRESHOLDS_H

#include "lib/err.h"
#include "sluice/thresholds.h"

struct sl_threshold {
	const char *name, *option, *dashed, *help; /* "small_mss", "small-mss", "--small-mss"; static */
	__u32 value, max; /* the default, the highest; the lowest is 0 */
};
/* Walks the list; NULL behind the last. */
const struct sl_threshold *sl_threshold(unsigned int i);
/* The i-th of them. */
__u32 *sl_threshold_of(struct sl_thresholds *thresholds, unsigned int i);
/* The index of a name, -ENOENT if there is none. */
int sl_threshold_find(const char *name);

/* 0 or -EINVAL. */
int sl_thresholds_check(const struct sl_thresholds *thresholds, struct sl_err *err);
/* What a `…_rest` is: three quarters of the other where it is 0, but one at least. */
__u32 sl_threshold_rest(__u32 threshold, __u32 rest);

#endif
