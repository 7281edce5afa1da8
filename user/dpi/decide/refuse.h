/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames that say no: a TCP reset to either side, an ICMP "administratively
 * prohibited" to the sender, made from the packet that is refused; and one
 * that asks whether there is a connection at all.
 *
 * Invariant: what is made is addressed only with what the packet itself bears:
 * its MACs (so it leaves by the right leg), tags, addresses and ports; and
 * nothing is answered that must not be (a reset, an ICMP error, a group
 * address, a fragment that is not the first).
 */
#ifndef SLUICE_DPI_REFUSE_H
#define SLUICE_DPI_REFUSE_H

#include <stddef.h>

#include "dpi/decode/packet.h"

/* Room for any frame made here: Ethernet, tags, IPv6, ICMPv6 and 1232 bytes of the packet. */
#define SL_REFUSE_MAX 1400

enum sl_refuse_to {
	SL_TO_SENDER, /* of the packet: goes back */
	SL_TO_RECEIVER, /* goes on, in the packet's place */
};

/* A TCP packet's reset. Bytes written, 0 if none may be sent. */
size_t sl_refuse_reset(const struct sl_packet *packet, enum sl_refuse_to to, uint8_t frame[SL_REFUSE_MAX]);
/* A reset without a packet, from tuple's source to its destination; the MACs and the VLAN (0: none) are the frame's. */
struct sl_reset_words {
	const struct sl_tuple *tuple;
	uint8_t mac_destination[6], mac_source[6];
	uint16_t vlan;
	uint32_t seq, ack;
	bool has_ack;
};
size_t sl_refuse_reset_of(const struct sl_reset_words *words, uint8_t frame[SL_REFUSE_MAX]);
/*
 * To the receiver of a TCP segment, instead of it: an empty one from before it, as TCP keeps connections alive. Who
 * has that connection answers where it stands, who has not resets it. Bytes written, 0 if none may be sent.
 */
size_t sl_refuse_question(const struct sl_packet *packet, uint8_t frame[SL_REFUSE_MAX]);
/* To the sender. Bytes written, 0 if none may be sent. */
size_t sl_refuse_unreachable(const struct sl_packet *packet, uint8_t frame[SL_REFUSE_MAX]);

#endif
