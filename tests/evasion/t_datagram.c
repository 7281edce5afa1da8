// SPDX-License-Identifier: BSD-2-Clause
/* UDP and what hides in it, and ICMP of every type. */
#include <criterion/criterion.h>
#include <string.h>

#include "evasion/attempts.h"

struct ports {
	const char *name;
	uint16_t from, to; /* 0: the attempt's own */
};
static const struct ports udp_ports[] = {
	{ "to the open (TCP) port", 0, OPEN_PORT },
	{ "from the open port", OPEN_PORT, 0 },
	{ "from the open port to itself", OPEN_PORT, OPEN_PORT },
	{ "that looks like an answer of DNS", 53, 0 },
	{ "that looks like a question of DNS", 0, 53 },
	{ "of DHCP", 68, 67 },
	{ "of DHCP, an answer", 67, 68 },
	{ "of DHCPv6", 546, 547 },
	{ "of NTP", 123, 123 },
	{ "of QUIC", 0, 443 },
	{ "from QUIC", 443, 0 },
	{ "of VXLAN", 0, 4789 },
	{ "of GENEVE", 0, 6081 },
	{ "of GTP", 0, 2152 },
	{ "of L2TP", 0, 1701 },
	{ "of Teredo", 0, 3544 },
	{ "of IPsec through NAT", 0, 4500 },
	{ "of WireGuard", 0, 51820 },
	{ "of MPLS", 0, 6635 },
	{ "of mDNS", 5353, 5353 },
	{ "of LLMNR", 0, 5355 },
	{ "of NetBIOS", 137, 137 },
	{ "of syslog", 0, 514 },
	{ "of SNMP", 0, 161 },
	{ "of RADIUS", 0, 1812 },
	{ "of BFD", 0, 3784 },
	{ "from port 0", 0xffff, 0 },
	{ "to port 0", 0, 0xffff },
	{ "from and to port 65534", 65534, 65534 },
};
#define N_PORTS (sizeof(udp_ports) / sizeof(*udp_ports))

/* Inside: an Ethernet frame with a SYN to the open port, as tunnels carry it. */
static size_t tunnelled(const struct play *play, uint8_t *ret)
{
	static struct frame inner;
	static const uint8_t vxlan[8] = { 8, 0, 0, 0, 0, 0, 1, 0 };

	begin(play, &inner);
	put_packet(play, &inner, SYN_OPEN);
	memcpy(ret, vxlan, sizeof(vxlan));
	memcpy(ret + sizeof(vxlan), inner.data, inner.len);
	memcpy(ret + sizeof(vxlan) + inner.len, marked(play, 40), 40);
	return sizeof(vxlan) + inner.len + 40;
}

static void by_ports(struct play *play)
{
	const struct ports *ports = &udp_ports[play->attempt->a];
	uint16_t from = ports->from ? ports->from : play->port, to = ports->to ? ports->to : CLOSED_PORT;
	static struct frame f;
	uint8_t body[300];
	size_t len = tunnelled(play, body);

	begin_ip(play, &f, IPPROTO_UDP);
	frame_udp(&f, from == 0xffff ? 0 : from, to == 0xffff ? 0 : to, body, len);
	fire(play, &f, FORBIDDEN);
}

struct damage {
	const char *name;
	uint8_t at;
	uint16_t value;
};
static const struct damage damages[] = {
	{ "length 0", 4, 0 },
	{ "length 7", 4, 7 },
	{ "length 8: the data is behind it", 4, 8 },
	{ "length 20: most of the data is behind it", 4, 20 },
	{ "length beyond the packet", 4, 400 },
	{ "length 65535", 4, 65535 },
	{ "checksum 0", 6, 0 },
	{ "checksum 65535", 6, 65535 },
	{ "a wrong checksum", 6, 0x1234 },
};

static void damaged(struct play *play)
{
	const struct damage *damage = &damages[play->attempt->a];
	static struct frame f;

	begin_ip(play, &f, IPPROTO_UDP);
	frame_udp(&f, play->port, play->attempt->b ? OPEN_PORT : CLOSED_PORT, marked(play, 64), 64);
	f.data[f.l4_at + damage->at] = (uint8_t)(damage->value >> 8);
	f.data[f.l4_at + damage->at + 1] = (uint8_t)damage->value;
	fire(play, &f, FORBIDDEN);
}

/* Nothing in it, and as much as fits. */
static void sized(struct play *play)
{
	static struct frame f;

	begin_ip(play, &f, IPPROTO_UDP);
	frame_udp(&f, play->port, CLOSED_PORT, marked(play, (size_t)play->attempt->a),
		  (size_t)play->attempt->a);
	fire(play, &f, FORBIDDEN);
}

/* The same tuple again and again: a denied one stays denied. */
static void repeated(struct play *play)
{
	static struct frame f;

	for (int i = 0; i < 5; i++) {
		begin_ip(play, &f, IPPROTO_UDP);
		frame_udp(&f, play->port, CLOSED_PORT, marked(play, 64), 64);
		fire(play, &f, FORBIDDEN);
	}
}

void udp_attempts(struct book *book)
{
	static const int sizes[] = { 0, 1, 7, 100, 1000, 1400 };

	book->chapter = "UDP";
	for (size_t i = 0; i < N_PORTS; i++)
		book_add(book, 0, NULL, by_ports, (long)i, 0, "a datagram %s", udp_ports[i].name);
	for (size_t i = 0; i < sizeof(damages) / sizeof(*damages); i++) {
		book_add(book, 0, NULL, damaged, (long)i, 0, "a datagram with %s", damages[i].name);
		book_add(book, 0, NULL, damaged, (long)i, 1, "a datagram to the open port with %s",
			 damages[i].name);
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		book_add(book, 0, NULL, sized, sizes[i], 0, "a datagram with %d bytes", sizes[i]);
	book_add(book, 0, NULL, repeated, 0, 0, "5 datagrams of one denied session");
}

/* a: type; b: code. */
static void by_type(struct play *play)
{
	static struct frame f;

	begin_ip(play, &f, play->six ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	frame_icmp(&f, (uint8_t)play->attempt->a, (uint8_t)play->attempt->b, play->port, 1, marked(play, 64),
		   64);
	fire(play, &f, FORBIDDEN);
}

struct neighbour {
	const char *name;
	uint8_t type, hops;
	uint8_t option; /* type of the option behind the target, 0: none */
	uint8_t more; /* bytes behind all that */
	uint8_t code;
	bool exact; /* what ARP is to IPv4: passes the core whatever the policy says */
	bool spoilt; /* wrong checksum */
};
static const struct neighbour neighbours[] = {
	{ "solicitation", 135, 255, 1, 0, 0, true, false },
	{ "solicitation without an option", 135, 255, 0, 0, 0, true, false },
	{ "advertisement", 136, 255, 2, 0, 0, true, false },
	{ "solicitation with a payload", 135, 255, 1, 64, 0, false, false },
	{ "advertisement with a payload", 136, 255, 2, 64, 0, false, false },
	{ "solicitation with an option and 8 bytes", 135, 255, 1, 8, 0, false, false },
	{ "solicitation with an option of another kind", 135, 255, 14, 0, 0, false, false },
	{ "solicitation from afar", 135, 64, 1, 0, 0, false, false },
	{ "solicitation of code 1", 135, 255, 1, 0, 1, false, false },
	{ "solicitation with a wrong checksum", 135, 255, 1, 0, 0, false, true },
	{ "router solicitation", 133, 255, 1, 0, 0, false, false },
	{ "router advertisement", 134, 255, 1, 0, 0, false, false },
	{ "redirect", 137, 255, 2, 0, 0, false, false },
};

static void neighbour(struct play *play)
{
	const struct neighbour *neighbour = &neighbours[play->attempt->a];
	uint8_t body[16 + 8 + 64] = { 0xfe, 0x80, [15] = 7 };
	size_t len = 16;
	static struct frame f;

	if (neighbour->option) {
		body[len] = neighbour->option;
		body[len + 1] = 1;
		memcpy(body + len + 2, play->source.b, 6);
		len += 8;
	}
	memcpy(body + len, marked(play, neighbour->more), neighbour->more);
	len += neighbour->more;
	begin_ip(play, &f, IPPROTO_ICMPV6);
	frame_icmp(&f, neighbour->type, neighbour->code, 0, 0, body, len);
	f.data[f.l3_at + 7] = neighbour->hops;
	if (neighbour->spoilt)
		f.data[f.l4_at + 2] ^= 0x11;
	fire(play, &f, neighbour->exact ? PERMITTED : FORBIDDEN);
}

/* The same by a frame for many, as it is usual. */
static void neighbour_by_group(struct play *play)
{
	uint8_t body[16 + 8] = { 0xfe, 0x80, [15] = 7, [16] = 1, [17] = 1 };
	static struct frame f;

	frame_eth(&f, mac_of("33:33:ff:00:00:88"), play->source);
	frame_ipv6(&f, play->from, play->attempt->a ? "ff02::1:ff00:88" : play->to, IPPROTO_ICMPV6);
	frame_icmp(&f, 135, 0, 0, 0, body, sizeof(body));
	fire(play, &f, play->attempt->a ? BY_RULE : FORBIDDEN);
}

/* An error that quotes a packet in which is another error, or a fragment, or itself. */
static void nested_error(struct play *play)
{
	static struct frame f, inner;
	uint8_t icmp = play->six ? IPPROTO_ICMPV6 : IPPROTO_ICMP, type = play->six ? 1 : 3;

	begin_ip(play, &inner, icmp);
	frame_icmp(&inner, type, 0, 0, 0, marked(play, 64), 64);
	begin_ip(play, &f, icmp);
	frame_icmp(&f, type, 0, 0, 0, inner.data + inner.l3_at, inner.len - inner.l3_at);
	fire(play, &f, FORBIDDEN);
}

void icmp_attempts(struct book *book)
{
	static const uint8_t six[] = { 0,   1,	 2,   3,   4,	100, 101, 127, 128, 129, 130,
				       131, 132, 138, 139, 140, 141, 142, 143, 144, 145, 148,
				       151, 155, 157, 158, 160, 161, 200, 201, 254, 255 };

	book->chapter = "ICMP";
	for (int type = 0; type <= 44; type++)
		book_add(book, V4, NULL, by_type, type, 0, "ICMP type %d", type);
	book_add(book, V4, NULL, by_type, 253, 0, "ICMP type 253");
	book_add(book, V4, NULL, by_type, 255, 255, "ICMP type 255");
	for (int code = 1; code < 16; code += 3)
		book_add(book, V4, NULL, by_type, 3, code, "ICMP type 3 code %d", code);
	for (size_t i = 0; i < sizeof(six); i++)
		book_add(book, V6, NULL, by_type, six[i], 0, "ICMPv6 type %u", six[i]);
	for (size_t i = 0; i < sizeof(neighbours) / sizeof(*neighbours); i++)
		book_add(book, V6, NULL, neighbour, (long)i, 0, "neighbour discovery: %s",
			 neighbours[i].name);
	book_add(book, V6, "group_ip", neighbour_by_group, 0, 0,
		 "neighbour discovery in a multicast frame to one");
	book_add(book, V6, "pass_group", neighbour_by_group, 1, 0, "neighbour discovery by multicast");
	book_add(book, 0, NULL, nested_error, 0, 0, "an error about an error");
}
