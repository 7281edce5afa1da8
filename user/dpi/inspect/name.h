/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host's name as a stranger gave it.
 *
 * Invariant: what is in a struct sl_name is at most SL_NAME_MAX bytes of
 * lower-case letters, digits, '-', '_', '.', ':', '*' and brackets, ends with
 * NUL, and has no dot at its end: it can be compared, logged and printed as
 * it is. A name with anything else in it is no name.
 */
#ifndef SLUICE_DPI_NAME_H
#define SLUICE_DPI_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SL_NAME_MAX 253 /* RFC 1035, 2.3.4, without length bytes */

struct sl_name {
	uint16_t len;
	char text[SL_NAME_MAX + 1];
};

/* Takes the bytes as a name. False, and *ret untouched, if they are none. */
bool sl_name_take(struct sl_name *ret, const uint8_t *bytes, size_t len);

/* The same for "host:port", "[address]:port": without the port. */
bool sl_name_take_authority(struct sl_name *ret, const uint8_t *bytes, size_t len);

#endif
