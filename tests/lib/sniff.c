// SPDX-License-Identifier: BSD-2-Clause
/* Seeing and sending frames by packet socket; see sniff.h for the invariant. */
#include "lib/sniff.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/world.h"

#define TAG_AT (2 * ETH_ALEN)
#define TAG_LEN 4

struct sniff *sniff_open(struct ns *ns, const char *interface, bool outgoing)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct sniff *sniff = calloc(1, sizeof(*sniff));
	int one = 1, ignore = !outgoing, size = 16 << 20;

	cr_assert(sniff != NULL);
	sniff->fd = ns_socket(ns, AF_PACKET, SOCK_RAW, 0);
	cr_assert(sniff->fd >= 0, "packet socket in %s: %s", ns->label, strerror(-sniff->fd));
	sniff->ifindex = link_index(ns, interface);
	cr_assert(sniff->ifindex, "there is no %s in %s to look at: %s", interface, ns->label,
		  link_names(ns));
	address.sll_ifindex = sniff->ifindex;
	setsockopt(sniff->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	cr_assert(!setsockopt(sniff->fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) &&
			  !setsockopt(sniff->fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) &&
			  !setsockopt(sniff->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &ignore,
				      sizeof(ignore)) &&
			  !bind(sniff->fd, (struct sockaddr *)&address, sizeof(address)),
		  "packet socket on %s in %s: %s", interface, ns->label, strerror(errno));
	return sniff;
}

void sniff_close(struct sniff *sniff)
{
	if (!sniff)
		return;
	close(sniff->fd);
	free(sniff);
}

static void put_tag_back(struct seen *seen, const struct tpacket_auxdata *aux)
{
	uint16_t tag[2] = { htons(aux->tp_status & TP_STATUS_VLAN_TPID_VALID ? aux->tp_vlan_tpid
									     : ETH_P_8021Q),
			    htons(aux->tp_vlan_tci) };

	memmove(seen->data + TAG_AT + TAG_LEN, seen->data + TAG_AT, seen->len - TAG_AT);
	memcpy(seen->data + TAG_AT, tag, TAG_LEN);
	seen->len += TAG_LEN;
	seen->csum_start += TAG_LEN;
	seen->csum_at += TAG_LEN;
	seen->tag_beside = true;
}

const struct seen *sniff_next(struct sniff *sniff, int ms)
{
	static struct seen seen;
	char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct virtio_net_hdr offloads;
	struct sockaddr_ll from;
	struct iovec parts[2] = { { &offloads, sizeof(offloads) }, { seen.data, FRAME_MAX } };
	struct msghdr message = { .msg_name = &from,
				  .msg_namelen = sizeof(from),
				  .msg_iov = parts,
				  .msg_iovlen = 2,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct tpacket_auxdata aux;
	ssize_t n;

	if (!readable(sniff->fd, ms))
		return NULL;
	n = recvmsg(sniff->fd, &message, MSG_DONTWAIT);
	if (n < (ssize_t)sizeof(offloads) + ETH_HLEN)
		return NULL;
	seen.len = n - sizeof(offloads);
	seen.pkttype = from.sll_pkttype;
	seen.gso_size = offloads.gso_type == VIRTIO_NET_HDR_GSO_NONE ? 0 : offloads.gso_size;
	seen.csum_partial = offloads.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
	seen.csum_start = offloads.csum_start;
	seen.csum_at = (uint32_t)offloads.csum_start + offloads.csum_offset;
	seen.csum_verified = offloads.flags & VIRTIO_NET_HDR_F_DATA_VALID;
	seen.tag_beside = false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		if (aux.tp_status & TP_STATUS_VLAN_VALID)
			put_tag_back(&seen, &aux);
	}
	return &seen;
}

const struct seen *sniff_wait(struct sniff *sniff, int ms,
			      bool (*match)(const struct seen *seen, const void *context),
			      const void *context)
{
	int64_t end = now_ms() + ms;
	const struct seen *seen;

	while (now_ms() <= end) {
		seen = sniff_next(sniff, end - now_ms() > 0 ? (int)(end - now_ms()) : 0);
		if (seen && match(seen, context))
			return seen;
	}
	return NULL;
}

const char *sniff_expect(struct sniff *sniff, int ms, const struct frame *frame)
{
	static char nearest[256];
	int64_t end = now_ms() + ms;
	const struct seen *seen;

	strcpy(nearest, "nothing like it came");
	while (now_ms() <= end) {
		seen = sniff_next(sniff, end - now_ms() > 0 ? (int)(end - now_ms()) : 0);
		if (!seen)
			continue;
		if (seen->len == frame->len && !memcmp(seen->data, frame->data, frame->len))
			return "";
		if (seen->len == frame->len ||
		    (seen->len > 60 && frame->len > 60 &&
		     !memcmp(seen->data + seen->len - 8, frame->data + frame->len - 8, 8)))
			snprintf(nearest, sizeof(nearest), "%s",
				 frame_difference(seen->data, seen->len, frame->data, frame->len));
	}
	return nearest;
}

void sniff_flush(struct sniff *sniff)
{
	while (sniff_next(sniff, 0))
		;
}

void sniff_send(struct sniff *sniff, const struct frame *frame)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = sniff->ifindex,
				  .sll_halen = ETH_ALEN };
	struct virtio_net_hdr none = { 0 };
	struct iovec parts[2] = { { &none, sizeof(none) }, { (void *)frame->data, frame->len } };
	struct msghdr message = {
		.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = parts, .msg_iovlen = 2
	};

	cr_assert(sendmsg(sniff->fd, &message, 0) == (ssize_t)(sizeof(none) + frame->len),
		  "frame of %u bytes not sent: %s", frame->len, strerror(errno));
}

bool seen_dst(const struct seen *seen, const void *mac)
{
	return !memcmp(seen->data, mac, ETH_ALEN);
}

bool seen_src(const struct seen *seen, const void *mac)
{
	return !memcmp(seen->data + ETH_ALEN, mac, ETH_ALEN);
}
