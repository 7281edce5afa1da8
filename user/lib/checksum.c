// SPDX-License-Identifier: BSD-2-Clause
/* The Internet checksum; see checksum.h for the invariant. */
#include "lib/checksum.h"

#include <endian.h>
#include <string.h>

static uint32_t load32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static uint32_t fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)sum;
}

uint32_t sl_sum(const uint8_t *data, size_t len, uint32_t start)
{
	/* Two sums of 32-bit words in 64 bits: no carry to care for below 4 GiB words, and no waiting for each other. */
	uint64_t a = start, b = 0;

	for (; len >= 16; data += 16, len -= 16) {
		a += (uint64_t)load32(data) + load32(data + 4);
		b += (uint64_t)load32(data + 8) + load32(data + 12);
	}
	for (; len >= 4; data += 4, len -= 4)
		a += load32(data);
	if (len) {
		uint8_t last[4] = { 0 };

		memcpy(last, data, len);
		a += load32(last);
	}
	return fold(a + b);
}

uint32_t sl_sum_pseudo(const uint8_t *addresses, size_t len, uint8_t protocol, uint32_t l4_len)
{
	uint64_t sum = (uint64_t)htobe32(l4_len) + htobe32(protocol);

	for (size_t i = 0; i < 2 * len; i += 4)
		sum += load32(addresses + i);
	return fold(sum);
}

enum sl_checksum sl_checksum_check(const uint8_t *data, size_t len, size_t at, uint32_t pseudo)
{
	uint16_t stored;

	if (sl_sum(data, len, pseudo) == 0xffff)
		return SL_CHECKSUM_GOOD;
	memcpy(&stored, data + at, sizeof(stored));
	/* 0 and 0xffff are the same number here. */
	if (pseudo && (stored == pseudo || (stored == 0 && pseudo == 0xffff)))
		return SL_CHECKSUM_PARTIAL;
	return SL_CHECKSUM_BAD;
}
