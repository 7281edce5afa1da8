// SPDX-License-Identifier: BSD-2-Clause
/*
 * Frames that the sender's kernel is to finish: super-frames, checksums left
 * open, at places of the sender's choice; and those that are too long.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "evasion/attempts.h"

#define UDP_L4 5 /* VIRTIO_NET_HDR_GSO_UDP_L4 */

struct offload {
	const char *name;
	uint8_t type; /* of the super-frame, by family where it is TCP */
	uint16_t size; /* of a segment */
	size_t len; /* of all data */
	enum probe probe;
	int header; /* added to the length of the headers */
};
static const struct offload offloads[] = {
	{ "a super-frame of TCP to a closed port", VIRTIO_NET_HDR_GSO_TCPV4, 1000, 8000, DATA_CLOSED, 0 },
	{ "a super-frame of TCP of 60 KB", VIRTIO_NET_HDR_GSO_TCPV4, 1400, 60000, DATA_CLOSED, 0 },
	{ "a super-frame of TCP with tiny segments", VIRTIO_NET_HDR_GSO_TCPV4, 8, 400, DATA_CLOSED, 0 },
	{ "a super-frame of TCP with one segment", VIRTIO_NET_HDR_GSO_TCPV4, 1400, 100, DATA_CLOSED, 0 },
	{ "a super-frame of TCP with ECN", VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN, 1000, 8000,
	  DATA_CLOSED, 0 },
	{ "a super-frame of SYNs", VIRTIO_NET_HDR_GSO_TCPV4, 1000, 4000, SYN_CLOSED, 0 },
	{ "a super-frame that understates its headers", VIRTIO_NET_HDR_GSO_TCPV4, 1000, 8000, DATA_CLOSED,
	  -20 },
	{ "a super-frame that overstates its headers", VIRTIO_NET_HDR_GSO_TCPV4, 1000, 8000, DATA_CLOSED,
	  100 },
	{ "a super-frame of UDP segments", UDP_L4, 1000, 8000, UDP_CLOSED, 0 },
	{ "a super-frame of tiny UDP segments", UDP_L4, 16, 640, UDP_CLOSED, 0 },
	{ "a super-frame of UDP fragments", VIRTIO_NET_HDR_GSO_UDP, 1000, 8000, UDP_CLOSED, 0 },
};
#define N_OFFLOADS (sizeof(offloads) / sizeof(*offloads))

static void put_body(const struct play *play, struct frame *f, enum probe probe, size_t len)
{
	if (play->six)
		frame_ipv6(f, play->from, play->to, probe_protocol(probe));
	else
		frame_ipv4(f, play->from, play->to, probe_protocol(probe));
	if (probe == UDP_CLOSED)
		frame_udp(f, play->port, CLOSED_PORT, marked(play, len), len);
	else
		frame_tcp(f, play->port, CLOSED_PORT, play->number, 1,
			  probe == SYN_CLOSED ? FRAME_SYN : FRAME_ACK, marked(play, len), len);
}

/* b: so many tags. */
static void super(struct play *play)
{
	const struct offload *offload = &offloads[play->attempt->a];
	bool udp = offload->probe == UDP_CLOSED;
	struct virtio_net_hdr header = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_size = offload->size };
	static struct frame f;
	uint32_t sum;

	play->resized = true;
	begin(play, &f);
	for (long i = 0; i < play->attempt->b; i++)
		frame_vlan(&f, ETH_P_8021Q, 5);
	put_body(play, &f, offload->probe, offload->len);
	header.gso_type = offload->type;
	if (!udp && play->six)
		header.gso_type =
			(uint8_t)(VIRTIO_NET_HDR_GSO_TCPV6 | (offload->type & VIRTIO_NET_HDR_GSO_ECN));
	header.hdr_len = (uint16_t)((int)f.l4_at + (udp ? 8 : 20) + offload->header);
	header.csum_start = (uint16_t)f.l4_at;
	header.csum_offset = udp ? 6 : 16;
	sum = frame_pseudo_sum(f.data + f.l3_at, probe_protocol(offload->probe), f.len - f.l4_at);
	f.data[f.l4_at + header.csum_offset] = (uint8_t)(sum >> 8);
	f.data[f.l4_at + header.csum_offset + 1] = (uint8_t)sum;
	fire_offload(play, &f, FORBIDDEN, &header);
}

/*
 * An ordinary frame whose checksum is to be written somewhere else: over its port or its addresses, when it has been
 * looked at. a: where, counted from the transport header; b: the probe.
 */
static void aimed(struct play *play)
{
	struct virtio_net_hdr header = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM };
	enum probe probe = (enum probe)play->attempt->b;
	static struct frame f;

	play->resized = true;
	begin_ip(play, &f, probe_protocol(probe));
	put_probe(play, &f, probe);
	header.csum_start = (uint16_t)f.l4_at;
	header.csum_offset = (uint16_t)play->attempt->a;
	if (play->attempt->a < 0) {
		header.csum_start = (uint16_t)((long)f.l4_at + play->attempt->a);
		header.csum_offset = 0;
	}
	fire_offload(play, &f, FORBIDDEN, &header);
}

/* As long as the port lets through, and longer: the veth itself takes no such frame. */
static void too_long(struct play *play)
{
	struct ns *ns = play->way == INWARD ? play->field->t->host : play->field->t->workload;
	const char *port = play->way == INWARD ? "vethwl" : "eth0";
	static struct frame f;

	if (play->attempt->b && !play->field->jumbo)
		ns_run(ns, "ip link set %s mtu 9000", port);
	begin(play, &f);
	put_body(play, &f, UDP_CLOSED, (size_t)play->attempt->a);
	fire(play, &f, FORBIDDEN);
	if (play->attempt->b && !play->field->jumbo)
		ns_run(ns, "ip link set %s mtu 1500", port);
}

/* Where jumbo frames pass they reach the core in several pieces. a: bytes; b: so many tags. */
static void jumbo(struct play *play)
{
	static const enum probe probes[] = { UDP_CLOSED, SYN_CLOSED, DATA_CLOSED };
	static struct frame f;

	for (size_t i = 0; i < sizeof(probes) / sizeof(*probes); i++) {
		begin(play, &f);
		for (long tag = 0; tag < play->attempt->b; tag++)
			frame_vlan(&f, ETH_P_8021Q, 0);
		put_body(play, &f, probes[i], (size_t)play->attempt->a);
		fire(play, &f, FORBIDDEN);
	}
}

void jumbo_attempts(struct book *book)
{
	offload_attempts(book);
	for (int len = 1500; len <= 8900; len += 370) {
		book_add(book, 0, NULL, jumbo, len, 0, "%d bytes in a frame", len);
		book_add(book, 0, NULL, jumbo, len, 3, "%d bytes in a frame behind 3 tags", len);
	}
}

void offload_attempts(struct book *book)
{
	static const int places[] = { 0, 2, 4, 12, 16, 20, 30, -4, -8, -20 };

	book->chapter = "offloads and lengths";
	for (size_t i = 0; i < N_OFFLOADS; i++) {
		for (int tags = 0; tags < 3; tags++)
			book_add(book, 0, NULL, super, (long)i, tags, "%s, %d tags", offloads[i].name, tags);
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		book_add(book, 0, NULL, aimed, places[i], UDP_CLOSED,
			 "a checksum to be written at %d of a datagram", places[i]);
		book_add(book, 0, NULL, aimed, places[i], SYN_CLOSED,
			 "a checksum to be written at %d of a SYN", places[i]);
	}
	for (int len = 1440; len <= 1480; len += 10)
		book_add(book, 0, NULL, too_long, len, 0, "a datagram with %d bytes at an MTU of 1500", len);
	book_add(book, 0, NULL, too_long, 4000, 1, "a jumbo frame of 4000 bytes");
	book_add(book, 0, NULL, too_long, 8900, 1, "a jumbo frame of 8900 bytes");
}
