/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Header fields of HTTP/2 (RFC 7541), as far as the first block of a
 * connection needs it: the static table and texts, no dynamic table.
 *
 * Invariant: reads nothing outside the block, writes nothing outside the
 * field, and moves forward with every field.
 */
#ifndef SLUICE_DPI_HPACK_H
#define SLUICE_DPI_HPACK_H

#include <stdbool.h>
#include <stdint.h>

#define SL_HPACK_TEXT 256

/* Names that matter here; their indexes in the static table (RFC 7541, appendix A). */
#define SL_HPACK_AUTHORITY 1
#define SL_HPACK_CONTENT_TYPE 31

struct sl_hpack_field {
	uint32_t index; /* of the name in the static table; 0: a name of its own or not in that table */
	char value[SL_HPACK_TEXT]; /* cut to fit; empty for a field whose value stands in a table */
	uint32_t value_len; /* as it is in value[] */
	bool cut;
};

/* Reads the field at *at and moves behind it. False at the end, at a part that is missing, or at nonsense. */
bool sl_hpack_next(const uint8_t *block, uint32_t len, uint32_t *at, struct sl_hpack_field *ret);

#endif
