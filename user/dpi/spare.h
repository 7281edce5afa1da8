/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A spare core: one that is started while another one works, does all that
 * takes long and needs nobody's leave, and then waits to take its place.
 *
 * Invariant: until it is told to it opens no interface and no socket and reads
 * nothing but its daemon's word; if the daemon ends, so does it.
 */
#ifndef SLUICE_DPI_SPARE_H
#define SLUICE_DPI_SPARE_H

#include "dpi/options.h"
#include "lib/err.h"
#include "lib/spare.h"

/*
 * Returns when it is needed, with the descriptors that an ordinary core
 * inherits, and called by an ordinary core's name in name (argv[0]). 0; 1 if
 * nobody needs it any more; -errno.
 */
int sl_spare_wait(struct sl_options *options, char *name, struct sl_err *err);

#endif
