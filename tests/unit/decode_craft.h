/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames as the core gets them, for tests of what is behind the lane: built
 * with lib/frames.h between a UCMAC and a peer, shown in memory of exactly
 * their length so that a sanitizer sees the first byte read too far.
 *
 * Invariant: what is not broken on purpose is right, checksums included.
 */
#ifndef SLUICE_TESTS_UNIT_DECODE_CRAFT_H
#define SLUICE_TESTS_UNIT_DECODE_CRAFT_H

#include "dpi/decode/decode.h"
#include "dpi/decode/defrag.h"
#include "lib/frames.h"

#define CRAFT_ID 0x1234
#define CRAFT_SECOND 1000000000ull
#define CRAFT4_PEER "10.1.2.3"
#define CRAFT4_WORKLOAD "10.9.8.7"
#define CRAFT6_PEER "fd00::1:2:3"
#define CRAFT6_WORKLOAD "fd00::9:8:7"

/* An Ethernet header toward the workload CRAFT_ID. */
void craft_start(struct frame *f);
/* With the addresses above, from the peer to the workload. */
void craft_ip(struct frame *f, uint8_t family, uint8_t protocol);
/* A whole packet: TCP, UDP, ICMP echo or SCTP with one chunk, and that many bytes of payload. */
void craft_packet(struct frame *f, uint8_t family, uint8_t protocol, size_t payload);
/* Writes the IPv4 header checksum anew. */
void craft_fix_ipv4(struct frame *f);
/* Writes the TCP, UDP or ICMP checksum anew; the lengths in the headers are believed. */
void craft_fix_l4(struct frame *f);
void craft_put16(struct frame *f, uint32_t at, uint16_t value);

/*
 * One fragment of a datagram of `family` and protocol: `len` bytes from data for `offset`, which is what the
 * header says whatever is there.
 */
void craft_fragment(struct frame *f, uint8_t family, uint8_t protocol, uint32_t id, uint32_t offset,
		    bool more, const void *data, size_t len);

/* In a copy of exactly that many bytes and pieces of at most `piece` bytes (0: one piece). */
struct craft {
	struct sl_frame frame;
	uint8_t *bytes;
};
void craft_show(struct craft *c, const void *data, size_t len, size_t piece);
void craft_free(struct craft *c);

/* Decodes f in one piece with that state of the checksum; the packet's data is f's own. */
int craft_decode(struct sl_decoder *decoder, struct frame *f, enum sl_csum csum, struct sl_packet *ret);

/* Decodes f, which must be a fragment, at that time and gives it to defrag unless it is bad: -EBADMSG then. */
int craft_defrag(struct sl_defrag *defrag, struct sl_decoder *decoder, struct frame *f, uint64_t now_ns,
		 struct sl_packet *ret_fragment, struct sl_packet *ret);

/* "tcp_null port_zero", "-" for none; static memory. */
const char *craft_reasons(uint64_t malformed);

#endif
