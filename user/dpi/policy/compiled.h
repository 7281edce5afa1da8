/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An opened policy, as the files of this folder share it.
 *
 * Invariant: made by sl_policy_open() alone, after all of the block has been
 * checked; the pointers lead into the block.
 */
#ifndef SLUICE_DPI_POLICY_COMPILED_H
#define SLUICE_DPI_POLICY_COMPILED_H

#include "dpi/policy/block.h"
#include "dpi/policy/policy.h"

struct sl_known;

struct sl_policy {
	const struct sl_block *block;
	size_t size; /* of the block */
	bool mapped; /* to be unmapped, not freed */
	const struct sl_block_rule *rules;
	const struct sl_block_workload *workloads;
	const uint32_t *v4_from, *v4_set, *v6_set, *peer_id, *peer_set, *application_id, *application_set,
		*pages;
	const uint32_t *own_from, *own_set, *class_from, *class_bits;
	const struct sl_block_v6 *v6_from;
	const struct sl_block_name *names;
	const char *texts;
	const uint64_t *words;
	uint32_t number; /* of whoever made it, see sl_policy_number() */
	struct sl_known *known; /* addresses of the rules' names; NULL: the policy has no names */
};

/* Does the peer address lie in ::ffff:0:0/96? */
static inline bool sl_addr_is_v4(const struct sl_addr *address)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return !__builtin_memcmp(address->byte, mapped, sizeof(mapped));
}

/* Index in an ascending table, or -1. */
static inline long sl_find_u32(const uint32_t *table, uint32_t n, uint32_t value)
{
	uint32_t low = 0;

	while (n) {
		uint32_t half = n / 2;

		if (table[low + half] < value) {
			low += half + 1;
			n -= half + 1;
		} else if (table[low + half] == value) {
			return low + half;
		} else {
			n = half;
		}
	}
	return -1;
}

#endif
