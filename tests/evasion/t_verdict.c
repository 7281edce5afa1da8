// SPDX-License-Identifier: BSD-2-Clause
/*
 * A flow that the core has allowed and left to the kernel: what comes in its
 * name but is not it. A verdict speaks of plain segments of exactly its flow;
 * where no flow is left to the kernel the core answers all of this.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "evasion/attempts.h"
#include "evasion/talk.h"

/* Data of the flow, plain: the harmless one among them. */
static void plain(struct play *play)
{
	static struct frame f;
	struct talk talk;

	if (!talk_judged(&talk, play))
		return;
	for (int i = 0; i < 3; i++) {
		talk_frame(&talk, &f, NEAR, FRAME_ACK | FRAME_PSH, 0, marked(play, 64), 64);
		talk.next[NEAR] += 64;
		fire(play, &f, talk_fate(&talk, FRAME_ACK, PERMITTED));
	}
}

/* a: so many tags of that kind. */
static void in_tags(struct play *play)
{
	static struct frame f;
	struct talk talk;

	if (!talk_judged(&talk, play))
		return;
	talk_ether(&talk, &f, NEAR);
	for (long i = 0; i < play->attempt->a % 100; i++)
		frame_vlan(&f, play->attempt->a >= 100 ? ETH_P_8021AD : ETH_P_8021Q,
			   (uint16_t)play->attempt->b);
	talk_ip(&talk, &f, NEAR, IPPROTO_TCP);
	frame_tcp(&f, talk.port[NEAR], talk.port[FAR], talk.next[NEAR], talk.next[FAR], FRAME_ACK,
		  marked(play, 64), 64);
	fire(play, &f, play->attempt->a % 100 > 9 ? FORBIDDEN : PERMITTED);
}

/* From another neighbour than the flow has: not this flow as it was judged. */
static void other_neighbour(struct play *play)
{
	static struct frame f;
	struct talk talk;

	if (!talk_judged(&talk, play))
		return;
	talk_frame(&talk, &f, NEAR, FRAME_ACK, 0, marked(play, 64), 64);
	if (play->way == INWARD)
		frame_set_src(&f, mac_of("02:00:00:00:00:55"));
	else
		frame_set_dst(&f, mac_of("02:00:00:00:00:55"));
	fire(play, &f, PERMITTED);
}

/* By the port of another workload, which is allowed nothing. */
static void other_port(struct play *play)
{
	bool in = play->way == INWARD;
	static struct frame f;
	struct talk talk;

	if (!talk_judged(&talk, play))
		return;
	talk_frame(&talk, &f, NEAR, FRAME_ACK, 0, marked(play, 64), 64);
	frame_set_dst(&f, in ? mac_of(OTHER_MAC) : play->field->other_host_mac);
	frame_set_src(&f, in ? play->field->other_host_mac : mac_of(OTHER_MAC));
	fire_at(play, &f, FORBIDDEN, in ? OTHER_HOST : OTHER_WORKLOAD, in ? OTHER_WORKLOAD : OTHER_HOST);
	/* And as it was, with the first workload's address. */
	talk_frame(&talk, &f, NEAR, FRAME_ACK, 64, marked(play, 64), 64);
	fire_at(play, &f, FORBIDDEN, in ? OTHER_HOST : OTHER_WORKLOAD, in ? OTHER_WORKLOAD : OTHER_HOST);
}

/* Cut in two; a: where. The core puts them together. */
static void in_fragments(struct play *play)
{
	uint16_t cut = (uint16_t)play->attempt->a;
	static struct frame whole, f;
	struct talk talk;
	uint32_t len;

	if (!talk_judged(&talk, play))
		return;
	talk_frame(&talk, &whole, NEAR, FRAME_ACK, 0, marked(play, 64), 64);
	len = whole.len - whole.l4_at;
	for (int i = 0; i < 2; i++) {
		uint16_t at = i ? cut : 0,
			 field = (uint16_t)(play->six ? at | !i : at / 8 | (i ? 0 : 0x2000));
		uint8_t body[6] = { (uint8_t)(field >> 8),	  (uint8_t)field,	0, 0,
				    (uint8_t)(play->number >> 8), (uint8_t)play->number };

		begin(play, &f);
		if (play->six) {
			frame_ipv6(&f, play->from, play->to, IPPROTO_TCP);
			frame_ipv6_ext(&f, IPPROTO_FRAGMENT, IPPROTO_TCP, body, sizeof(body));
		} else {
			frame_ipv4_full(&f, play->from, play->to, IPPROTO_TCP, 64, field, NULL, 0);
		}
		frame_raw(&f, whole.data + whole.l4_at + at, i ? len - cut : cut);
		fire(play, &f, PERMITTED);
	}
}

/* The first fragment alone has all that a verdict asks for, but is not all. */
static void first_fragment(struct play *play)
{
	static struct frame f;
	struct talk talk;

	if (!talk_judged(&talk, play))
		return;
	begin(play, &f);
	if (play->six) {
		const uint8_t body[6] = { 0, 1, 0, 0, (uint8_t)(play->number >> 8), (uint8_t)play->number };

		frame_ipv6(&f, play->from, play->to, IPPROTO_TCP);
		frame_ipv6_ext(&f, IPPROTO_FRAGMENT, IPPROTO_TCP, body, sizeof(body));
	} else {
		frame_ipv4_full(&f, play->from, play->to, IPPROTO_TCP, 64, 0x2000, NULL, 0);
	}
	frame_tcp(&f, talk.port[NEAR], talk.port[FAR], talk.next[NEAR], talk.next[FAR], FRAME_ACK,
		  marked(play, 60), 60);
	fire(play, &f, FORBIDDEN);
}

/* Options or extension headers in front. */
static void with_options(struct play *play)
{
	static const uint8_t nops[4] = { 1, 1, 1, 1 }, padding[6] = { 1, 4 },
			     atomic[6] = { 0, 0, 0, 0, 0, 1 };
	static struct frame f;
	struct talk talk;

	if (!talk_judged(&talk, play))
		return;
	begin(play, &f);
	if (play->six) {
		frame_ipv6(&f, play->from, play->to, IPPROTO_TCP);
		if (play->attempt->a)
			frame_ipv6_ext(&f, IPPROTO_FRAGMENT, IPPROTO_TCP, atomic, sizeof(atomic));
		else
			frame_ipv6_ext(&f, IPPROTO_DSTOPTS, IPPROTO_TCP, padding, sizeof(padding));
	} else {
		frame_ipv4_full(&f, play->from, play->to, IPPROTO_TCP, 64, play->attempt->a ? 0x4000 : 0,
				nops, sizeof(nops));
	}
	frame_tcp(&f, talk.port[NEAR], talk.port[FAR], talk.next[NEAR], talk.next[FAR], FRAME_ACK,
		  marked(play, 64), 64);
	fire(play, &f, PERMITTED);
}

/* IPv6 with the addresses of an IPv4 flow. */
static void mapped(struct play *play)
{
	static struct frame f;
	struct talk talk;
	char from[64], to[64];

	if (!talk_judged(&talk, play))
		return;
	snprintf(from, sizeof(from), "::ffff:%s", play->from);
	snprintf(to, sizeof(to), "::ffff:%s", play->to);
	begin(play, &f);
	frame_ipv6(&f, from, to, IPPROTO_TCP);
	frame_tcp(&f, talk.port[NEAR], talk.port[FAR], talk.next[NEAR], talk.next[FAR], FRAME_ACK,
		  marked(play, 64), 64);
	fire(play, &f, FORBIDDEN);
}

/* A length that says something else; b: the value. */
static void wrong_length(struct play *play)
{
	static struct frame f;
	struct talk talk;
	uint8_t *at;

	if (!talk_judged(&talk, play))
		return;
	talk_frame(&talk, &f, NEAR, FRAME_ACK, 0, marked(play, 64), 64);
	at = f.data + f.l3_at + (play->six ? 4 : 2);
	at[0] = (uint8_t)(play->attempt->b >> 8);
	at[1] = (uint8_t)play->attempt->b;
	if (!play->six) {
		uint32_t sum;

		f.data[f.l3_at + 10] = f.data[f.l3_at + 11] = 0;
		sum = ~frame_sum(f.data + f.l3_at, 20, 0);
		f.data[f.l3_at + 10] = (uint8_t)(sum >> 8);
		f.data[f.l3_at + 11] = (uint8_t)sum;
	}
	fire(play, &f, FORBIDDEN);
}

/* The TCP header is shorter or longer than it may be. */
static void wrong_header(struct play *play)
{
	static struct frame f;
	struct talk talk;

	if (!talk_judged(&talk, play))
		return;
	talk_frame(&talk, &f, NEAR, FRAME_ACK, 0, marked(play, 16), 16);
	f.data[f.l4_at + 12] = (uint8_t)(play->attempt->a << 4);
	talk_seal(&f);
	fire(play, &f, FORBIDDEN);
}

/*
 * The checksum is to be written over something else when it is finished, behind whoever has looked: over the ports,
 * or over an address. a: where, counted from the TCP header.
 */
static void aimed(struct play *play)
{
	struct virtio_net_hdr header = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM };
	static struct frame f;
	struct talk talk;

	if (!talk_judged(&talk, play))
		return;
	play->resized = true;
	talk_frame(&talk, &f, NEAR, FRAME_ACK, 0, marked(play, 64), 64);
	header.csum_start = (uint16_t)(f.l4_at - (play->attempt->a < 0 ? -play->attempt->a : 0));
	header.csum_offset = (uint16_t)(play->attempt->a < 0 ? 0 : play->attempt->a);
	fire_offload(play, &f, FORBIDDEN, &header);
}

/* What offloads are for. a: bytes of a segment. */
static void super(struct play *play)
{
	struct virtio_net_hdr header = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					 .gso_size = (uint16_t)play->attempt->a };
	static struct frame f;
	struct talk talk;
	uint32_t sum;

	if (!talk_judged(&talk, play))
		return;
	play->resized = true;
	talk_frame(&talk, &f, NEAR, (uint8_t)play->attempt->b, 0, marked(play, 8000), 8000);
	header.gso_type = play->six ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
	header.hdr_len = (uint16_t)(f.l4_at + 20);
	header.csum_start = (uint16_t)f.l4_at;
	header.csum_offset = 16;
	sum = frame_pseudo_sum(f.data + f.l3_at, IPPROTO_TCP, f.len - f.l4_at);
	f.data[f.l4_at + 16] = (uint8_t)(sum >> 8);
	f.data[f.l4_at + 17] = (uint8_t)sum;
	fire_offload(play, &f, talk_fate(&talk, (uint8_t)play->attempt->b, PERMITTED), &header);
}

/* The datagram protocol, with and without having been refused before. */
static void other_protocol(struct play *play)
{
	static struct frame f;
	struct talk talk;

	if (!talk_judged(&talk, play))
		return;
	for (int i = 0; i < 6; i++) {
		begin_ip(play, &f, IPPROTO_UDP);
		frame_udp(&f, talk.port[NEAR], talk.port[FAR], marked(play, 64), 64);
		fire(play, &f, FORBIDDEN);
	}
	talk_frame(&talk, &f, NEAR, FRAME_ACK, 0, marked(play, 64), 64);
	fire(play, &f, talk_fate(&talk, FRAME_ACK, PERMITTED));
}

/* A SYN of another connection on the tuple, and then data for either; what is refused must not open, nor close. */
static void new_syn(struct play *play)
{
	static struct frame f;
	struct talk talk;

	if (!talk_judged(&talk, play))
		return;
	talk_frame(&talk, &f, NEAR, FRAME_SYN, 7000000, marked(play, (size_t)play->attempt->a),
		   (size_t)play->attempt->a);
	fire(play, &f, PERMITTED);
	talk_frame(&talk, &f, NEAR, FRAME_ACK, 0, marked(play, 64), 64);
	fire(play, &f, talk_fate(&talk, FRAME_ACK, PERMITTED));
}

void verdict_attempts(struct book *book)
{
	static const int places[] = { 0, 2, 4, 8, 12, 14, 20, 40, -4, -8, -20 };

	book->chapter = "the name of a judged flow";
	book_add(book, 0, NULL, plain, 0, 0, "data of a judged flow");
	for (int tags = 1; tags <= 12; tags++) {
		book_add(book, 0, NULL, in_tags, tags, 0, "a judged flow behind %d tags, VID 0", tags);
		book_add(book, 0, NULL, in_tags, tags, 5, "a judged flow behind %d tags, VID 5", tags);
		book_add(book, 0, NULL, in_tags, 100 + tags, 0, "a judged flow behind %d tags of 802.1ad",
			 tags);
	}
	book_add(book, 0, NULL, other_neighbour, 0, 0, "a judged flow from or to another neighbour");
	book_add(book, 0, NULL, other_port, 0, 0, "a judged flow by another workload's port");
	for (int cut = 8; cut <= 72; cut += 16)
		book_add(book, 0, NULL, in_fragments, cut, 0, "a judged flow in fragments, cut at %d", cut);
	book_add(book, 0, NULL, first_fragment, 0, 0, "a judged flow's first fragment alone");
	book_add(book, 0, NULL, with_options, 0, 0, "a judged flow with options");
	book_add(book, 0, NULL, with_options, 1, 0, "a judged flow with options, unfragmented");
	book_add(book, V4, NULL, mapped, 0, 0, "a judged flow of IPv4 in IPv6");
	book_add(book, 0, NULL, wrong_length, 0, 400, "a judged flow's packet shorter than it says");
	book_add(book, 0, NULL, wrong_length, 0, 10, "a judged flow's packet that ends in its header");
	for (int words = 0; words < 5; words++)
		book_add(book, 0, NULL, wrong_header, words, 0, "a judged flow with a TCP header of %d words",
			 words);
	book_add(book, 0, NULL, wrong_header, 15, 0, "a judged flow with a TCP header beyond the packet");
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		book_add(book, 0, NULL, aimed, places[i], 0,
			 "a judged flow with its checksum to be written at %d", places[i]);
	book_add(book, 0, NULL, super, 1000, FRAME_ACK, "a judged flow's super-frame");
	book_add(book, 0, NULL, super, 100, FRAME_ACK | FRAME_PSH,
		 "a judged flow's super-frame of tiny segments");
	book_add(book, 0, NULL, super, 1000, FRAME_ACK | FRAME_FIN, "a judged flow's super-frame with FIN");
	book_add(book, 0, NULL, other_protocol, 0, 0, "datagrams on a judged flow's tuple");
	book_add(book, 0, NULL, new_syn, 0, 0, "a new SYN on a judged flow");
	book_add(book, 0, NULL, new_syn, 64, 0, "a new SYN with data on a judged flow");
}
