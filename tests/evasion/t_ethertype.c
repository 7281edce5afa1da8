// SPDX-License-Identifier: BSD-2-Clause
/* IP behind something that is not IP, IP of another version than it says, ARP that is more than ARP, and runts. */
#include <criterion/criterion.h>
#include <string.h>

#include "evasion/attempts.h"

/* What may stand between Ethernet and an IP packet. */
struct wrap {
	const char *name;
	uint16_t ethertype; /* below 0x600: an 802.3 length, filled in */
	uint8_t len, head[24];
};
static const struct wrap wraps[] = {
	{ "LLC/SNAP with the ethertype of IPv4", 1, 8, { 0xaa, 0xaa, 3, 0, 0, 0, 8, 0 } },
	{ "LLC/SNAP with the ethertype of IPv6", 1, 8, { 0xaa, 0xaa, 3, 0, 0, 0, 0x86, 0xdd } },
	{ "SNAP of bridge tunnels", 1, 8, { 0xaa, 0xaa, 3, 0, 0, 0xf8, 8, 0 } },
	{ "SNAP with a foreign OUI", 1, 8, { 0xaa, 0xaa, 3, 0, 0x0c, 0xcd, 8, 0 } },
	{ "SNAP with an 802.1Q tag inside", 1, 12, { 0xaa, 0xaa, 3, 0, 0, 0, 0x81, 0, 0, 5, 8, 0 } },
	{ "LLC with the SAP of IP", 1, 3, { 6, 6, 3 } },
	{ "LLC with the SAP of spanning trees", 1, 3, { 0x42, 0x42, 3 } },
	{ "LLC with the SAP of NetBIOS", 1, 3, { 0xf0, 0xf0, 3 } },
	{ "802.3 without LLC", 1, 2, { 0xff, 0xff } },
	{ "MPLS", 0x8847, 4, { 0, 1, 1, 64 } },
	{ "MPLS with three labels", 0x8847, 12, { 0, 1, 0, 64, 0, 2, 0, 64, 0, 3, 1, 64 } },
	{ "MPLS with explicit null of IPv4", 0x8847, 4, { 0, 0, 1, 64 } },
	{ "MPLS with explicit null of IPv6", 0x8847, 4, { 0, 0, 0x21, 64 } },
	{ "MPLS multicast", 0x8848, 4, { 0, 1, 1, 64 } },
	{ "PPPoE session with IPv4", 0x8864, 8, { 0x11, 0, 0, 1, 0, 0, 0, 0x21 } },
	{ "PPPoE session with IPv6", 0x8864, 8, { 0x11, 0, 0, 1, 0, 0, 0, 0x57 } },
	{ "PPPoE discovery", 0x8863, 6, { 0x11, 9, 0, 0, 0, 0 } },
	{ "transparent Ethernet bridging", 0x6558, 0, { 0 } },
	{ "network service header", 0x894f, 8, { 0, 2, 1, 1 } },
	{ "provider backbone (802.1ah)", 0x88e7, 18, { 0 } },
	{ "TRILL", 0x22f3, 6, { 0 } },
	{ "MACsec", 0x88e5, 8, { 0 } },
	{ "fabric path", 0x8903, 2, { 0 } },
	{ "FCoE", 0x8906, 4, { 0 } },
	{ "EAPOL", 0x888e, 4, { 1, 0 } },
	{ "LLDP", 0x88cc, 2, { 2, 7 } },
	{ "PROFINET", 0x8892, 2, { 0 } },
	{ "EtherCAT", 0x88a4, 2, { 0 } },
	{ "batman-adv", 0x4305, 10, { 0 } },
	{ "WireGuard-like, local experimental 1", 0x88b5, 0, { 0 } },
	{ "local experimental 2", 0x88b6, 0, { 0 } },
	{ "Ethernet loopback", 0x9000, 4, { 0, 0, 1, 0 } },
	{ "wake on LAN", 0x0842, 0, { 0 } },
	{ "reverse ARP", 0x8035, 0, { 0 } },
	{ "IPX", 0x8137, 0, { 0 } },
	{ "AppleTalk", 0x809b, 0, { 0 } },
	{ "802.1X preauthentication", 0x88c7, 0, { 0 } },
	{ "connectivity fault management", 0x8902, 0, { 0 } },
	{ "precision time", 0x88f7, 0, { 0 } },
	{ "HSR", 0x892f, 4, { 0 } },
	{ "the first ethertype", 0x0600, 0, { 0 } },
	{ "one above IPv4's ethertype", 0x0801, 0, { 0 } },
	{ "the last ethertype", 0xffff, 0, { 0 } },
	{ "802.3 with length 0", 0, 0, { 0 } },
};
#define N_WRAPS (sizeof(wraps) / sizeof(*wraps))

static void wrapped(struct play *play)
{
	const struct wrap *wrap = &wraps[play->attempt->a];
	static struct frame f, inner;
	uint8_t body[300];
	size_t len;

	begin(play, &inner);
	put_packet(play, &inner, (enum probe)play->attempt->b);
	len = inner.len - inner.l3_at;
	memcpy(body, wrap->head, wrap->len);
	memcpy(body + wrap->len, inner.data + inner.l3_at, len);
	begin(play, &f);
	frame_payload(&f, wrap->ethertype == 1 ? (uint16_t)(wrap->len + len) : wrap->ethertype, body,
		      wrap->len + len);
	fire(play, &f, FORBIDDEN);
}

/* The ethertype of one family, a packet of the other. */
static void wrong_family(struct play *play)
{
	static struct frame f;

	begin(play, &f);
	for (long i = 0; i < play->attempt->a; i++)
		frame_vlan(&f, ETH_P_8021Q, 0);
	put_packet(play, &f, (enum probe)play->attempt->b);
	f.data[f.etype_at] = play->six ? 0x08 : 0x86;
	f.data[f.etype_at + 1] = play->six ? 0x00 : 0xdd;
	fire(play, &f, FORBIDDEN);
}

static void wrong_version(struct play *play)
{
	static struct frame f;

	begin(play, &f);
	put_packet(play, &f, UDP_CLOSED);
	f.data[f.l3_at] = (uint8_t)(play->attempt->a << 4 | (f.data[f.l3_at] & 15));
	fire(play, &f, FORBIDDEN);
}

/* Each length from the Ethernet header's to a whole packet's. */
static void runt(struct play *play)
{
	static struct frame f;

	begin(play, &f);
	put_packet(play, &f, (enum probe)play->attempt->b);
	if ((uint32_t)play->attempt->a >= f.len) {
		play->refused++; /* there is no such runt */
		return;
	}
	frame_resize(&f, (size_t)play->attempt->a);
	fire(play, &f, FORBIDDEN);
}

struct arp {
	const char *name;
	uint16_t op;
	int8_t at; /* byte that is changed, -1: none */
	uint8_t value;
	uint8_t tail; /* bytes behind it */
	uint8_t cut; /* bytes less */
	bool exact;
	const char *dst; /* MAC, NULL: the right one */
};
static const struct arp arps[] = {
	{ "ARP request", 1, -1, 0, 0, 0, true, "ff:ff:ff:ff:ff:ff" },
	{ "ARP reply", 2, -1, 0, 0, 0, true, NULL },
	{ "ARP with a payload behind it", 2, -1, 0, 100, 0, false, NULL },
	{ "ARP with a payload in its padding", 2, -1, 0, 16, 0, false, NULL },
	{ "ARP with one byte behind it", 1, -1, 0, 1, 0, false, "ff:ff:ff:ff:ff:ff" },
	{ "ARP cut short", 1, -1, 0, 0, 1, false, NULL },
	{ "ARP cut to its fixed part", 1, -1, 0, 0, 20, false, NULL },
	{ "ARP of reverse kind", 3, -1, 0, 0, 0, false, NULL },
	{ "ARP of inverse kind", 8, -1, 0, 0, 0, false, NULL },
	{ "ARP of kind 0", 0, -1, 0, 0, 0, false, NULL },
	{ "ARP of kind 0x4141", 0x4141, -1, 0, 0, 0, false, NULL },
	{ "ARP of another hardware", 1, 1, 6, 0, 0, false, NULL },
	{ "ARP for another protocol", 1, 2, 0x86, 0, 0, false, NULL },
	{ "ARP with a hardware address of 8", 1, 4, 8, 0, 0, false, NULL },
	{ "ARP with a protocol address of 16", 1, 5, 16, 0, 0, false, NULL },
};

static void arp(struct play *play)
{
	const struct arp *arp = &arps[play->attempt->a];
	static struct frame f;

	frame_eth(&f, arp->dst ? mac_of(arp->dst) : play->destination, play->source);
	for (long i = 0; i < play->attempt->b; i++)
		frame_vlan(&f, ETH_P_8021Q, 0);
	frame_arp(&f, arp->op, play->source, play->from, play->destination, play->to);
	if (arp->at >= 0)
		f.data[f.l3_at + (uint32_t)arp->at] = arp->value;
	if (arp->tail)
		memcpy(f.data + f.len, marked(play, arp->tail), arp->tail);
	f.len += arp->tail;
	f.len -= arp->cut;
	fire(play, &f, arp->exact ? BY_RULE : FORBIDDEN);
}

void ethertype_attempts(struct book *book)
{
	book->chapter = "ethertypes";
	for (size_t i = 0; i < N_WRAPS; i++) {
		book_add(book, 0, "non_ip", wrapped, (long)i, UDP_CLOSED, "%s, %s", wraps[i].name,
			 probe_names[UDP_CLOSED]);
		book_add(book, 0, "non_ip", wrapped, (long)i, SYN_OPEN, "%s, %s", wraps[i].name,
			 probe_names[SYN_OPEN]);
	}
	for (int tags = 0; tags < 3; tags++) {
		book_add(book, 0, "bad_ip", wrong_family, tags, UDP_CLOSED,
			 "an IP packet of the other family behind %d tags, %s", tags,
			 probe_names[UDP_CLOSED]);
		book_add(book, 0, "bad_ip", wrong_family, tags, SYN_OPEN,
			 "an IP packet of the other family behind %d tags, %s", tags, probe_names[SYN_OPEN]);
	}
	for (int version = 0; version < 16; version++) {
		if (version != 4 && version != 6)
			book_add(book, 0, "bad_ip", wrong_version, version, 0, "IP version %d", version);
	}
	book_add(book, V4, "bad_ip", wrong_version, 6, 0, "IPv4 that says it is IPv6");
	book_add(book, V6, "bad_ip", wrong_version, 4, 0, "IPv6 that says it is IPv4");
	for (int len = 14; len < 74; len += 3) {
		book_add(book, 0, NULL, runt, len, UDP_CLOSED, "a datagram cut to %d bytes", len);
		book_add(book, 0, NULL, runt, len, SYN_CLOSED, "a SYN cut to %d bytes", len);
	}
	for (size_t i = 0; i < sizeof(arps) / sizeof(*arps); i++) {
		book_add(book, V4, arps[i].exact ? "pass_arp" : "arp_not_exact", arp, (long)i, 0, "%s",
			 arps[i].name);
		book_add(book, V4, arps[i].exact ? "pass_arp" : "arp_not_exact", arp, (long)i, 2,
			 "%s, behind two tags", arps[i].name);
	}
}
