/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the decoders of the layers hand to each other; for the files of this
 * folder alone.
 *
 * Invariant: each is called with packet->l3 or packet->l4 at its own first
 * byte and stage->end behind its last, which is never behind the frame's. It
 * marks what is wrong and returns; nobody behind it is called then.
 */
#ifndef SLUICE_DPI_STAGE_H
#define SLUICE_DPI_STAGE_H

#include "dpi/decode/packet.h"
#include "dpi/decode/reasons.h"

struct sl_stage {
	uint32_t end; /* offset from data: of the frame, then of the IP packet */
	uint32_t addresses; /* offset of the IP header's source address, the destination behind it … */
	uint8_t address_len; /* … of so many bytes each */
	bool verify; /* transport checksums can be verified */
	bool verified; /* the kernel has seen them right */
	bool reassembled;
};

static inline void sl_mark(struct sl_packet *packet, enum sl_malformed reason)
{
	packet->malformed |= 1ull << reason;
}

void sl_decode_ipv4(struct sl_packet *packet, struct sl_stage *stage);
void sl_decode_ipv6(struct sl_packet *packet, struct sl_stage *stage);

/* By tuple.protocol. */
void sl_decode_transport(struct sl_packet *packet, struct sl_stage *stage);
void sl_decode_tcp(struct sl_packet *packet, struct sl_stage *stage);
void sl_decode_udp(struct sl_packet *packet, struct sl_stage *stage);
void sl_decode_icmp(struct sl_packet *packet, struct sl_stage *stage);
void sl_decode_sctp(struct sl_packet *packet, struct sl_stage *stage);

/* Bytes that a first fragment must have of the transport header. */
uint32_t sl_transport_least(uint8_t protocol);
/* Of the first `len` bytes behind packet->l4; `at` is where the sum is. With or without the pseudo header. */
void sl_verify(struct sl_packet *packet, const struct sl_stage *stage, uint32_t len, uint32_t at, bool pseudo,
	       enum sl_malformed reason);

/* Addresses as the header has them. */
void sl_address4(struct sl_addr *ret, const uint8_t *at);
void sl_address6(struct sl_addr *ret, const uint8_t *at);
/* 4in6 as of RFC 4291, 2.5.5.2; such an address on the wire would look like IPv4 from here on. */
bool sl_address_mapped(const uint8_t *at);

/* Of an IPv6 header's chain, as far as it could be followed. */
struct sl_chain {
	uint32_t at; /* behind the last extension header */
	uint8_t next; /* what is there */
	uint32_t fragment; /* offset of the fragment header, 0 if there is none */
	uint32_t named_at; /* offset of the next-header field that names the fragment header */
	uint64_t malformed; /* bits */
};

/*
 * Follows the extension headers behind the IPv6 header at l3, through that of a first fragment too; it stops
 * behind that of a later one.
 */
void sl_walk_chain(const uint8_t *data, uint32_t l3, uint32_t end, struct sl_chain *ret);
/* The fragment header's offset field in bytes, and whether more follow. */
uint16_t sl_fragment_offset(const uint8_t *header);
bool sl_fragment_more(const uint8_t *header);

/* The packet an ICMP error speaks of: at least its addresses and 8 bytes behind its headers must be there. */
bool sl_decode_inner(const uint8_t *data, uint32_t at, uint32_t end, uint8_t family, struct sl_tuple *ret);
/* Is it a message with an identifier, a question or its answer? */
bool sl_icmp_has_id(uint8_t family, uint8_t type);
bool sl_icmp_is_error(uint8_t family, uint8_t type);

#endif
