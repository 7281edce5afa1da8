/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each workload has sent and received, ever.
 *
 * Invariant: one worker's alone. A workload is remembered from its first
 * packet on; without memory for it its packets are not counted, and pass.
 */
#ifndef SLUICE_DPI_TOTALS_H
#define SLUICE_DPI_TOTALS_H

#include <stdbool.h>
#include <stdint.h>

/* [0] from the workload, [1] to it; sessions by who began: [1] others. bytes of whole frames. */
struct sl_totals_one {
	uint64_t packets[2], bytes[2];
	uint32_t sessions[2], now[2];
};

struct sl_totals;
struct sl_totals *sl_totals_new(void); /* NULL without memory */
void sl_totals_free(struct sl_totals *totals); /* NULL allowed */
void sl_totals_packet(struct sl_totals *totals, uint16_t workload, bool to_workload, uint32_t bytes);
void sl_totals_session(struct sl_totals *totals, uint16_t workload, bool ingress, bool begins);
/* The next workload from *id on that is known, or NULL; *id becomes its. */
const struct sl_totals_one *sl_totals_next(const struct sl_totals *totals, uint32_t *id);

#endif
