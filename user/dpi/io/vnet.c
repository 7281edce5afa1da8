// SPDX-License-Identifier: BSD-2-Clause
/* See vnet.h. */
#include "dpi/io/vnet.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <string.h>

#include "dpi/io/plain.h"

#define SEGMENTATION 0x7f /* of gso_type: without ECN */

uint8_t *sl_vnet_put_tag_back(uint8_t *frame, struct msghdr *message, struct virtio_net_hdr *vnet,
			      unsigned int *len)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		struct tpacket_auxdata aux;
		uint16_t tpid;

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA ||
		    c->cmsg_len < CMSG_LEN(sizeof(aux)))
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		if (!(aux.tp_status & TP_STATUS_VLAN_VALID))
			continue;
		tpid = aux.tp_status & TP_STATUS_VLAN_TPID_VALID ? aux.tp_vlan_tpid : ETH_P_8021Q;
		memmove(frame - SL_VNET_TAG, frame, 2 * ETH_ALEN);
		frame -= SL_VNET_TAG;
		frame[12] = (uint8_t)(tpid >> 8);
		frame[13] = (uint8_t)tpid;
		frame[14] = (uint8_t)(aux.tp_vlan_tci >> 8);
		frame[15] = (uint8_t)aux.tp_vlan_tci;
		*len += SL_VNET_TAG;
		if (vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
			vnet->csum_start += SL_VNET_TAG;
		if (vnet->gso_type)
			vnet->hdr_len += SL_VNET_TAG;
		break;
	}
	return frame;
}

static uint8_t gso_of(const struct virtio_net_hdr *vnet)
{
	switch (vnet->gso_type & SEGMENTATION) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return SL_GSO_TCPV4;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return SL_GSO_TCPV6;
	case VIRTIO_NET_HDR_GSO_UDP:
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		return SL_GSO_UDP;
	default:
		return SL_GSO_NONE;
	}
}

void sl_vnet_describe(const struct virtio_net_hdr *vnet, uint8_t *data, uint32_t len, struct sl_frame *ret)
{
	*ret = (struct sl_frame){ .len = len, .n_pieces = 1, .piece = { { data, len } } };
	if (vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		ret->csum = SL_CSUM_PARTIAL;
		ret->csum_start = vnet->csum_start;
		ret->csum_offset = vnet->csum_offset;
	} else if (vnet->flags & VIRTIO_NET_HDR_F_DATA_VALID) {
		ret->csum = SL_CSUM_VERIFIED;
	}
	ret->gso = gso_of(vnet);
	ret->gso_size = ret->gso ? vnet->gso_size : 0;
}

void sl_vnet_return(struct virtio_net_hdr *vnet)
{
	/* DATA_VALID is for receivers. */
	vnet->flags &= VIRTIO_NET_HDR_F_NEEDS_CSUM;
}

bool sl_vnet_is_plain(const struct sl_frame *frame)
{
	static const uint8_t tcp[] = { SL_GSO_TCPV4, SL_GSO_TCPV6 };
	struct sl_plain plain;
	bool is_tcp;

	if (!sl_plain_read(frame->piece[0].data, frame->piece[0].len, &plain))
		return false;
	is_tcp = plain.protocol == IPPROTO_TCP;
	if (frame->csum == SL_CSUM_PARTIAL &&
	    (frame->csum_start != plain.l4 ||
	     frame->csum_offset != (is_tcp ? SL_PLAIN_TCP_SUM : SL_PLAIN_UDP_SUM)))
		return false;
	if (frame->gso == SL_GSO_NONE)
		return true;
	return frame->gso == (is_tcp ? tcp[plain.ipv6] : SL_GSO_UDP) && frame->gso_size &&
	       plain.end == frame->len && plain.headers < plain.end;
}
