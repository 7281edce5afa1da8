/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Putting ports in order by hand, when no daemon runs and perhaps none can:
 * `sluiced --repair`, which `sluicectl repair` starts.
 *
 * Invariant: it holds the instance's locks, so no daemon runs meanwhile; a
 * port that works is not touched; no program has to be loaded for it.
 */
#ifndef SLUICE_SLUICED_REPAIR_H
#define SLUICE_SLUICED_REPAIR_H

#include "lib/conf.h"
#include "lib/err.h"

struct repair_options {
	bool dry_run; /* only look and say */
	bool json;
};

/* Prints a line (or JSON) about each port. 0; 1 if one could not be (or, dry, has to be) repaired; -errno. */
int repair_run(const struct sl_conf *conf, const struct repair_options *options, struct sl_err *err);

#endif
