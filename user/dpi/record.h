/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The core's two maps: its memory-mapped records (sl_core_v1) and the map of
 * its sockets (sl_xsks_v1), by descriptor or by pin.
 *
 * Invariant: a map of another type, layout or size than abi.h says is refused.
 */
#ifndef SLUICE_DPI_RECORD_H
#define SLUICE_DPI_RECORD_H

#include <linux/types.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "sluice/abi.h"

struct sl_records {
	int core_fd, xsks_fd; /* owned, whoever opened them */
	struct sl_core *line; /* one per queue */
	size_t mapped;
};

#define SL_RECORDS_NONE                                                                                      \
	{                                                                                                    \
		-1, -1, NULL, 0                                                                              \
	}

/*
 * Takes the two descriptors (owned from now on, also on failure), or with
 * pin_dir not NULL opens the pins there. The records keep what an earlier core
 * has counted. 0 or -errno, nothing is open on failure.
 */
int sl_records_open(struct sl_records *ret, int core_fd, int xsks_fd, const char *pin_dir, uint32_t queues,
		    struct sl_err *err);
void sl_records_close(struct sl_records *records);

#endif
