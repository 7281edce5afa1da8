/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers in network byte order at any alignment. Whoever reads has checked
 * that the bytes are there.
 */
#ifndef SLUICE_DPI_BYTES_H
#define SLUICE_DPI_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t sl_get16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return be16toh(value);
}

static inline uint32_t sl_get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return be32toh(value);
}

static inline void sl_put16(uint8_t *at, uint16_t value)
{
	value = htobe16(value);
	memcpy(at, &value, sizeof(value));
}

#endif
