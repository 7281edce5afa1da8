// SPDX-License-Identifier: BSD-2-Clause
/*
 * The words beside a frame of a packet socket: read, given back, and held
 * against the frame itself, whatever somebody has written there.
 */
#include <criterion/criterion.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "dpi/io/vnet.h"
#include "lib/frames.h"

TestSuite(dpi_vnet, .timeout = 30);

#define TCP4 34 /* offset of TCP behind Ethernet and IPv4 */
#define TCP6 54

static struct frame f;

static void segment(int family, size_t len)
{
	frame_eth(&f, mac_uc(7), mac_of("02:00:00:00:00:01"));
	if (family == 4)
		frame_ipv4(&f, "10.0.0.1", "10.0.0.2", IPPROTO_TCP);
	else
		frame_ipv6(&f, "fd00::1", "fd00::2", IPPROTO_TCP);
	frame_tcp(&f, 1000, 80, 1, 1, FRAME_ACK, NULL, len);
}

static void datagram(size_t len)
{
	frame_eth(&f, mac_uc(7), mac_of("02:00:00:00:00:01"));
	frame_ipv4(&f, "10.0.0.1", "10.0.0.2", IPPROTO_UDP);
	frame_udp(&f, 1000, 53, NULL, len);
}

static bool is_plain(struct virtio_net_hdr vnet)
{
	struct sl_frame frame;

	sl_vnet_describe(&vnet, f.data, (uint32_t)f.len, &frame);
	return sl_vnet_is_plain(&frame);
}

static struct virtio_net_hdr open_sum(uint16_t start, uint16_t offset)
{
	return (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					.csum_start = start,
					.csum_offset = offset };
}

static struct virtio_net_hdr pieces(uint8_t type, uint16_t size, uint16_t start, uint16_t offset)
{
	struct virtio_net_hdr vnet = open_sum(start, offset);

	vnet.gso_type = type;
	vnet.gso_size = size;
	return vnet;
}

Test(dpi_vnet, is_described_and_given_back)
{
	struct virtio_net_hdr vnet =
		pieces(VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN, 1448, TCP4, 16);
	struct sl_frame frame;

	segment(4, 100);
	sl_vnet_describe(&vnet, f.data, (uint32_t)f.len, &frame);
	cr_expect_eq(frame.csum, SL_CSUM_PARTIAL);
	cr_expect_eq(frame.csum_start, TCP4);
	cr_expect_eq(frame.csum_offset, 16);
	cr_expect_eq(frame.gso, SL_GSO_TCPV4);
	cr_expect_eq(frame.gso_size, 1448);
	cr_expect_eq(frame.n_pieces, 1);
	sl_vnet_return(&vnet);
	cr_expect_eq(vnet.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	cr_expect_eq(vnet.gso_type, VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN);
	cr_expect_eq(vnet.gso_size, 1448);
	vnet = (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_DATA_VALID, .gso_size = 7 };
	sl_vnet_describe(&vnet, f.data, (uint32_t)f.len, &frame);
	cr_expect_eq(frame.csum, SL_CSUM_VERIFIED);
	/* Without a type the size says nothing. */
	cr_expect_eq(frame.gso_size, 0);
	sl_vnet_return(&vnet);
	cr_expect_eq(vnet.flags, 0, "DATA_VALID is for receivers");
}

Test(dpi_vnet, a_tag_that_came_beside_goes_back)
{
	static uint8_t room[SL_VNET_TAG + 200];
	uint8_t control[CMSG_SPACE(sizeof(struct tpacket_auxdata))] = { 0 }, *data;
	struct msghdr message = { .msg_control = control, .msg_controllen = sizeof(control) };
	struct virtio_net_hdr vnet = pieces(VIRTIO_NET_HDR_GSO_TCPV4, 1448, TCP4, 16);
	struct tpacket_auxdata aux = { .tp_status = TP_STATUS_VLAN_VALID, .tp_vlan_tci = 0x2005 };
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	unsigned int len;

	segment(4, 100);
	*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(aux)),
			       .cmsg_level = SOL_PACKET,
			       .cmsg_type = PACKET_AUXDATA };
	memcpy(CMSG_DATA(c), &aux, sizeof(aux));
	vnet.hdr_len = 54;
	len = (unsigned int)f.len;
	memcpy(room + SL_VNET_TAG, f.data, f.len);
	data = sl_vnet_put_tag_back(room + SL_VNET_TAG, &message, &vnet, &len);
	cr_expect_eq(data, room);
	cr_expect_eq(len, f.len + 4);
	cr_expect(!memcmp(data + 12, (const uint8_t[]){ 0x81, 0, 0x20, 5, 8, 0 }, 6));
	cr_expect_eq(vnet.csum_start, TCP4 + 4);
	cr_expect_eq(vnet.hdr_len, 58);
	/* Its own kind of tag; and none at all. */
	aux.tp_status |= TP_STATUS_VLAN_TPID_VALID;
	aux.tp_vlan_tpid = 0x88a8;
	memcpy(CMSG_DATA(c), &aux, sizeof(aux));
	memcpy(room + SL_VNET_TAG, f.data, f.len);
	data = sl_vnet_put_tag_back(room + SL_VNET_TAG, &message, &vnet, &len);
	cr_expect_eq(data[12] << 8 | data[13], 0x88a8);
	aux.tp_status = 0;
	memcpy(CMSG_DATA(c), &aux, sizeof(aux));
	len = (unsigned int)f.len;
	data = sl_vnet_put_tag_back(room + SL_VNET_TAG, &message, &vnet, &len);
	cr_expect(data == room + SL_VNET_TAG && len == f.len);
}

Test(dpi_vnet, plain_is_what_it_says)
{
	struct virtio_net_hdr none = { 0 };

	segment(4, 3000);
	cr_expect(is_plain(none));
	cr_expect(is_plain(open_sum(TCP4, 16)));
	cr_expect(is_plain(pieces(VIRTIO_NET_HDR_GSO_TCPV4, 1448, TCP4, 16)));
	cr_expect(is_plain(pieces(VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN, 1448, TCP4, 16)));
	frame_push_vlan(&f, 0x8100, 5);
	frame_push_vlan(&f, 0x88a8, 6);
	cr_expect(is_plain(pieces(VIRTIO_NET_HDR_GSO_TCPV4, 1448, TCP4 + 8, 16)), "tagged twice");
	segment(6, 3000);
	cr_expect(is_plain(pieces(VIRTIO_NET_HDR_GSO_TCPV6, 1428, TCP6, 16)));
	datagram(3000);
	cr_expect(is_plain(pieces(VIRTIO_NET_HDR_GSO_UDP_L4, 1000, TCP4, 6)));
	segment(4, 0);
	cr_expect(is_plain(none), "an acknowledgement");
	frame_resize(&f, 60);
	cr_expect(is_plain(none), "padded");
}

/* A sender in a workload can write all of this; what is cut or summed later must be what was looked at. */
Test(dpi_vnet, anything_else_is_not_plain)
{
	struct virtio_net_hdr none = { 0 };

	segment(4, 3000);
	cr_expect(!is_plain(open_sum(TCP4 + 2, 16)), "a sum over somewhere else");
	cr_expect(!is_plain(open_sum(TCP4, 0)), "a sum in the port's place");
	cr_expect(!is_plain(open_sum(TCP4, 6)), "in UDP's place");
	cr_expect(!is_plain(open_sum(60000, 60000)), "behind the end");
	cr_expect(!is_plain(pieces(VIRTIO_NET_HDR_GSO_TCPV6, 1448, TCP4, 16)), "pieces of another family");
	cr_expect(!is_plain(pieces(VIRTIO_NET_HDR_GSO_UDP_L4, 1448, TCP4, 16)), "of another protocol");
	cr_expect(!is_plain(pieces(VIRTIO_NET_HDR_GSO_TCPV4, 0, TCP4, 16)), "of no size");
	frame_resize(&f, f.len + 10);
	cr_expect(is_plain(open_sum(TCP4, 16)), "padding of one packet is thrown away by its receiver");
	cr_expect(!is_plain(pieces(VIRTIO_NET_HDR_GSO_TCPV4, 1448, TCP4, 16)),
		  "but pieces would carry what is behind the packet");
	segment(4, 0);
	cr_expect(!is_plain(pieces(VIRTIO_NET_HDR_GSO_TCPV4, 1448, TCP4, 16)), "pieces of nothing");
	segment(4, 100);
	f.data[20] = 0x20;
	cr_expect(!is_plain(none), "a fragment");
	segment(4, 100);
	f.data[14] = 0x46;
	cr_expect(!is_plain(none), "options");
	segment(4, 100);
	f.data[16] = 0xff;
	cr_expect(!is_plain(none), "longer than it is");
	segment(4, 100);
	f.data[17] = 30;
	f.data[16] = 0;
	cr_expect(!is_plain(none), "shorter than its header");
	segment(4, 100);
	f.data[TCP4 + 12] = 0x40;
	cr_expect(!is_plain(none), "a TCP header of 16 bytes");
	segment(4, 0);
	f.data[TCP4 + 12] = 0xf0;
	cr_expect(!is_plain(none), "a TCP header longer than the packet");
	datagram(100);
	f.data[TCP4 + 5]--;
	cr_expect(!is_plain(none), "UDP that is shorter than its packet");
	frame_eth(&f, mac_uc(7), mac_of("02:00:00:00:00:01"));
	frame_ipv4(&f, "10.0.0.1", "10.0.0.2", IPPROTO_ICMP);
	frame_icmp(&f, 8, 0, 1, 1, NULL, 56);
	cr_expect(!is_plain(none), "ICMP");
	frame_eth(&f, mac_uc(7), mac_of("02:00:00:00:00:01"));
	frame_arp(&f, 1, mac_uc(7), "10.0.0.1", mac_uc(7), "10.0.0.2");
	cr_expect(!is_plain(none), "ARP");
}

/* No byte behind the frame is looked at, however short it is and whatever it says. */
Test(dpi_vnet, of_any_length)
{
	segment(6, 40);
	for (int tags = 0; tags < 12; tags++) {
		for (size_t len = 0; len <= f.len; len++) {
			uint8_t *exact = malloc(len ? len : 1);
			struct sl_frame frame;
			struct virtio_net_hdr vnet = open_sum((uint16_t)(TCP6 + 4 * tags), 16);

			memcpy(exact, f.data, len);
			sl_vnet_describe(&vnet, exact, (uint32_t)len, &frame);
			cr_expect_eq(sl_vnet_is_plain(&frame), len == f.len && tags <= 9,
				     "%zu bytes, %d tags", len, tags);
			free(exact);
		}
		frame_push_vlan(&f, 0x8100, 1);
	}
}
