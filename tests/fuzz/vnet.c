// SPDX-License-Identifier: BSD-2-Clause
/*
 * The words beside a frame of the bulk lane under libFuzzer, as whoever sent
 * the frame may have written them: nothing beyond the frame is read, and what
 * is called plain is what the decoder sees in it too. An input is the header,
 * what stands in the auxiliary data, and the frame.
 */
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>

#include "dpi/decode/decode.h"
#include "dpi/io/vnet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LONGEST 65600 /* what a slot of the lane has room for, and more */

/* A failed expectation must end the process in every build, which assert() does not. */
static void must(bool what)
{
	if (!what)
		abort();
}

struct beside {
	struct virtio_net_hdr vnet;
	uint8_t status; /* of the auxiliary data; its tag: */
	uint8_t tci[2], tpid[2];
} __attribute__((packed));

/* The message as the kernel gives it. */
static void describe(const struct beside *beside, struct msghdr *message, uint8_t *control)
{
	struct tpacket_auxdata aux = { .tp_status = beside->status };
	struct cmsghdr *c = (struct cmsghdr *)control;

	memcpy(&aux.tp_vlan_tci, beside->tci, sizeof(beside->tci));
	memcpy(&aux.tp_vlan_tpid, beside->tpid, sizeof(beside->tpid));
	*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(aux)),
			       .cmsg_level = SOL_PACKET,
			       .cmsg_type = PACKET_AUXDATA };
	memcpy(CMSG_DATA(c), &aux, sizeof(aux));
	*message = (struct msghdr){ .msg_control = control, .msg_controllen = CMSG_SPACE(sizeof(aux)) };
}

/* The checksums have been looked at elsewhere; there, "bad" comes behind everything else. */
static void hold_against(const struct sl_frame *frame, struct sl_decoder *decoder)
{
	struct sl_packet packet;
	bool plain = sl_vnet_is_plain(frame);

	if (sl_decode(&packet, frame, decoder, 1) || !plain)
		return;
	must(!packet.fragment && packet.l4 > packet.l3);
	must(packet.tuple.protocol == 6 || packet.tuple.protocol == 17);
	must(frame->csum != SL_CSUM_PARTIAL || frame->csum_start == packet.l4);
	must(!frame->gso || (packet.payload_len && packet.l3 + packet.ip_len == frame->len));
	must(frame->gso != SL_GSO_TCPV6 || packet.tuple.family == 6);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t control[CMSG_SPACE(sizeof(struct tpacket_auxdata))] __attribute__((aligned(8))) = { 0 };
	static struct sl_decoder *decoder;
	struct virtio_net_hdr vnet;
	struct sl_frame frame;
	struct msghdr message;
	struct beside beside;
	uint8_t *room, *at;
	unsigned int len;

	if (!decoder)
		decoder = sl_decoder_new();
	if (size < sizeof(beside) + 14 || size > LONGEST)
		return 0;
	memcpy(&beside, data, sizeof(beside));
	vnet = beside.vnet;
	len = (unsigned int)(size - sizeof(beside));
	/* Behind the frame there is nothing that may be read. */
	room = malloc(SL_VNET_TAG + len);
	memcpy(room + SL_VNET_TAG, data + sizeof(beside), len);
	describe(&beside, &message, control);
	at = sl_vnet_put_tag_back(room + SL_VNET_TAG, &message, &vnet, &len);
	must(at == room || at == room + SL_VNET_TAG);
	must(at + len == room + SL_VNET_TAG + size - sizeof(beside));
	sl_vnet_describe(&vnet, at, len, &frame);
	must(frame.len == len && frame.n_pieces == 1 && frame.piece[0].len == len);
	must(!frame.gso || frame.gso <= SL_GSO_UDP);
	hold_against(&frame, decoder);
	sl_vnet_return(&vnet);
	must(!(vnet.flags & ~VIRTIO_NET_HDR_F_NEEDS_CSUM));
	free(room);
	return 0;
}
