/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Internet checksum, and what can be said of one found in a packet.
 *
 * Invariant: "bad" is said only of a sum that is wrong and cannot be one that
 * the sender's offload still owes: a partial sum holds that of the pseudo
 * header alone, and survives a veth without a mark in the frame.
 */
#ifndef SLUICE_LIB_CHECKSUM_H
#define SLUICE_LIB_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

enum sl_checksum { SL_CHECKSUM_GOOD, SL_CHECKSUM_PARTIAL, SL_CHECKSUM_BAD };

/* Ones' complement sum of the bytes added to `start`, folded to 16 bits, in the byte order of memory. */
uint32_t sl_sum(const uint8_t *data, size_t len, uint32_t start);
/* Of the pseudo header; addresses point to len bytes of source and destination (4 or 16 each). */
uint32_t sl_sum_pseudo(const uint8_t *addresses, size_t len, uint8_t protocol, uint32_t l4_len);
/* data: the transport header and all it covers; at: where in it the sum is; pseudo: sl_sum_pseudo() or 0. */
enum sl_checksum sl_checksum_check(const uint8_t *data, size_t len, size_t at, uint32_t pseudo);

#endif
