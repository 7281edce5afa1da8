/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel says beside a frame of a packet socket with PACKET_VNET_HDR
 * and PACKET_AUXDATA: the checksum it still owes, how a super-frame is to be
 * cut, the VLAN tag it has taken out. And the way back.
 *
 * Invariant: nothing here is believed further than the frame's own bytes
 * reach; whoever sent it may have written the header as well.
 */
#ifndef SLUICE_DPI_VNET_H
#define SLUICE_DPI_VNET_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "dpi/io/io.h"

#define SL_VNET_TAG 4 /* room that must be before the frame, for the tag */
#define SL_VNET_CONTROL 64 /* room for the messages beside it: PACKET_AUXDATA's */

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

/*
 * Puts the outermost tag back, if there is one: where the frame begins then.
 * *len and the header's offsets grow with it.
 */
uint8_t *sl_vnet_put_tag_back(uint8_t *frame, struct msghdr *message, struct virtio_net_hdr *vnet,
			      unsigned int *len);
/* The frame in one piece, with what the header says of it. */
void sl_vnet_describe(const struct virtio_net_hdr *vnet, uint8_t *data, uint32_t len, struct sl_frame *ret);
/* What goes back with a forwarded frame: the same but for what only receivers are told. */
void sl_vnet_return(struct virtio_net_hdr *vnet);
/*
 * Is it a TCP segment or UDP datagram, whole, without IP options, extension
 * headers or fragmentation, and does the header speak of just that: a checksum
 * left open in its own place, pieces of its own protocol, and nothing behind
 * the packet that they would carry?
 */
bool sl_vnet_is_plain(const struct sl_frame *frame);

#endif
