// SPDX-License-Identifier: BSD-2-Clause
/* See vnet.h. */
#include "dpi/io/vnet.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <string.h>

#define SEGMENTATION 0x7f /* of gso_type: without ECN */
#define TAGS_MAX 9 /* as many as the programs follow: those in the data, and one beside it */
#define IPV4_LEN 20
#define IPV6_LEN 40
#define TCP_LEN 20
#define UDP_LEN 8
#define TCP_SUM 16
#define UDP_SUM 6

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

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* A plain packet as its headers have it. */
struct plain {
	uint32_t l3, l4, headers, end; /* offsets; headers: of the payload */
	uint8_t protocol;
	bool ipv6;
};

/* The IP header of frame[l3 …]; false: none that is plain, or it says more than is there. */
static bool read_ip(const uint8_t *frame, uint32_t len, uint16_t ethertype, struct plain *ret)
{
	const uint8_t *ip = frame + ret->l3;
	uint32_t there = len - ret->l3, ip_len;

	if (ethertype == ETH_P_IP && there >= IPV4_LEN) {
		/* Version and length of the header; no fragment of a larger one. */
		if (ip[0] != 0x45 || get16(ip + 6) & 0x3fff)
			return false;
		ret->protocol = ip[9];
		ret->l4 = ret->l3 + IPV4_LEN;
		ip_len = get16(ip + 2);
	} else if (ethertype == ETH_P_IPV6 && there >= IPV6_LEN) {
		if (ip[0] >> 4 != 6)
			return false;
		ret->ipv6 = true;
		ret->protocol = ip[6];
		ret->l4 = ret->l3 + IPV6_LEN;
		ip_len = get16(ip + 4) + IPV6_LEN;
	} else {
		return false;
	}
	ret->end = ret->l3 + ip_len;
	return ip_len <= there && ret->l4 <= ret->end;
}

static bool read_transport(const uint8_t *frame, struct plain *ret)
{
	uint32_t there = ret->end - ret->l4;

	if (ret->protocol == IPPROTO_TCP && there >= TCP_LEN) {
		ret->headers = ret->l4 + (frame[ret->l4 + 12] >> 4) * 4u;
		return ret->headers >= ret->l4 + TCP_LEN && ret->headers <= ret->end;
	}
	if (ret->protocol == IPPROTO_UDP && there >= UDP_LEN) {
		ret->headers = ret->l4 + UDP_LEN;
		return get16(frame + ret->l4 + 4) == there;
	}
	return false;
}

static bool read_plain(const uint8_t *frame, uint32_t len, struct plain *ret)
{
	uint16_t ethertype;
	uint32_t at = ETH_HLEN;

	*ret = (struct plain){ 0 };
	if (len < ETH_HLEN)
		return false;
	ethertype = get16(frame + 2 * ETH_ALEN);
	for (int i = 0; i < TAGS_MAX && (ethertype == ETH_P_8021Q || ethertype == ETH_P_8021AD); i++) {
		if (len - at < SL_VNET_TAG)
			return false;
		ethertype = get16(frame + at + 2);
		at += SL_VNET_TAG;
	}
	ret->l3 = at;
	return read_ip(frame, len, ethertype, ret) && read_transport(frame, ret);
}

bool sl_vnet_is_plain(const struct sl_frame *frame)
{
	static const uint8_t tcp[] = { SL_GSO_TCPV4, SL_GSO_TCPV6 };
	struct plain plain;
	bool is_tcp;

	if (!read_plain(frame->piece[0].data, frame->piece[0].len, &plain))
		return false;
	is_tcp = plain.protocol == IPPROTO_TCP;
	if (frame->csum == SL_CSUM_PARTIAL &&
	    (frame->csum_start != plain.l4 || frame->csum_offset != (is_tcp ? TCP_SUM : UDP_SUM)))
		return false;
	if (frame->gso == SL_GSO_NONE)
		return true;
	return frame->gso == (is_tcp ? tcp[plain.ipv6] : SL_GSO_UDP) && frame->gso_size &&
	       plain.end == frame->len && plain.headers < plain.end;
}
