/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nDPI, asked about protocols we have no parser for.
 *
 * It is a large body of C that reads what strangers send, and much of it
 * trusts ports and remembers addresses. So it never sees a packet from the
 * wire: it is shown the payload behind headers of ours, which have no
 * options, always the same addresses and ports, and numbers that fit; a copy
 * of at most SL_NDPI_PAYLOAD bytes with zeros behind it, for whoever reads too
 * far. It is asked for the protocols of SL_APPLICATIONS_NDPI only, is never
 * allowed to guess, and its tables of addresses stay out of use.
 */
#ifndef SLUICE_DPI_NDPI_H
#define SLUICE_DPI_NDPI_H

#include "dpi/inspect/parse.h"
#include "lib/err.h"

#define SL_NDPI_PAYLOAD 1460
#define SL_NDPI_BEHIND 512 /* zeros */

struct sl_ndpi; /* of one worker */
struct sl_ndpi_flow; /* of one session, while it is inspected */

int sl_ndpi_open(struct sl_ndpi **ret, struct sl_err *err);
/* The next n opens (fewer if it fails) take no time. 0 or -errno. */
int sl_ndpi_prepare(unsigned int n, struct sl_err *err);
void sl_ndpi_close(struct sl_ndpi *ndpi); /* NULL allowed */

struct sl_ndpi_flow *sl_ndpi_begin(struct sl_ndpi *ndpi, uint8_t protocol); /* NULL: no memory */
void sl_ndpi_end(struct sl_ndpi_flow *flow); /* NULL allowed */

/* Shows it the next payload. SL_NO: it has nothing left to try. */
enum sl_verdict sl_ndpi_look(struct sl_ndpi *ndpi, struct sl_ndpi_flow *flow, const uint8_t *payload,
			     uint32_t len, enum sl_side side, struct sl_found *found);

#endif
