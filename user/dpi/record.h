/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The core's maps: its memory-mapped records (sl_core_v2), the map of its
 * sockets (sl_xsks_v1) and, for verdicts and the bulk lane, that of judged flows
 * (sl_flows_v1), by descriptor or by pin.
 *
 * Invariant: a map of another type, layout or size than abi.h says is refused.
 */
#ifndef SLUICE_DPI_RECORD_H
#define SLUICE_DPI_RECORD_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "sluice/abi.h"

struct sl_records {
	int core_fd, xsks_fd, flows_fd; /* owned, whoever opened them; flows_fd -1: none */
	struct sl_core *line; /* one per queue, and from SL_CORE_BULK on one per queue of the bulk lane */
	size_t mapped;
};

#define SL_RECORDS_NONE                                                                                      \
	{                                                                                                    \
		-1, -1, -1, NULL, 0                                                                          \
	}

/*
 * Takes the descriptors in `fds` (owned from now on, also on failure), or with
 * pin_dir not NULL opens the pins there, that of judged flows if `flows`. The
 * records keep what an earlier core has counted. 0 or -errno, nothing is open
 * on failure.
 */
struct sl_record_fds {
	int core, xsks, flows; /* flows -1: none */
};
int sl_records_open(struct sl_records *ret, const struct sl_record_fds *fds, const char *pin_dir, bool flows,
		    uint32_t queues, struct sl_err *err);
void sl_records_close(struct sl_records *records);

#endif
