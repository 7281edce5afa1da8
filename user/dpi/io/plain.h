/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A plain packet: a TCP segment or UDP datagram, whole, without IP options,
 * extension headers or fragmentation, behind any VLAN tags.
 *
 * Invariant: what is said of it lies within the frame.
 */
#ifndef SLUICE_DPI_PLAIN_H
#define SLUICE_DPI_PLAIN_H

#include <linux/if_ether.h>
#include <stdbool.h>
#include <stdint.h>

#define SL_PLAIN_TAG 4 /* bytes of a VLAN tag */
#define SL_PLAIN_TAGS_MAX 9 /* as many as the programs follow: those in the data, and one beside it */
#define SL_PLAIN_IPV4 20
#define SL_PLAIN_IPV6 40
#define SL_PLAIN_TCP 20
#define SL_PLAIN_UDP 8
#define SL_PLAIN_TCP_SUM 16 /* where its checksum is, from its start */
#define SL_PLAIN_UDP_SUM 6

/* Offsets, from the frame's start. */
struct sl_plain {
	uint32_t l3, l4;
	uint32_t headers; /* where the payload begins */
	uint32_t end; /* of the packet; the frame may be longer */
	uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	bool ipv6;
};

/* False: it is not plain, or says more than is there; *ret is then of no use. */
bool sl_plain_read(const uint8_t *frame, uint32_t len, struct sl_plain *ret);

/* Two bytes of a header. */
static inline uint16_t sl_plain_get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline void sl_plain_put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

#endif
