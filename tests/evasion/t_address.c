// SPDX-License-Identifier: BSD-2-Clause
/* Addresses that nobody should have: to hide, or because policies forget them. */
#include <criterion/criterion.h>

#include "evasion/attempts.h"

struct odd {
	const char *name, *text;
	bool group; /* genuine multicast: passes by rule in a group-addressed frame */
};
static const struct odd four[] = {
	{ "0.0.0.0", "0.0.0.0", false },
	{ "0.1.2.3", "0.1.2.3", false },
	{ "loopback", "127.0.0.1", false },
	{ "another loopback", "127.255.0.1", false },
	{ "link-local", "169.254.1.1", false },
	{ "the metadata service", "169.254.169.254", false },
	{ "multicast of the link", "224.0.0.1", true },
	{ "multicast", "239.1.2.3", true },
	{ "class E", "240.0.0.1", false },
	{ "the last of class E", "255.255.255.254", false },
	{ "limited broadcast", "255.255.255.255", true },
	{ "the subnet's broadcast", "10.10.10.255", false },
	{ "the subnet itself", "10.10.10.0", false },
	{ "outside of the subnet", "10.10.11.1", false },
	{ "a private network", "192.168.1.1", false },
	{ "shared (carrier) space", "100.64.0.1", false },
	{ "a test network", "192.0.2.1", false },
	{ "benchmarking", "198.18.0.1", false },
	{ "the Internet", "8.8.8.8", false },
};
static const struct odd sixth[] = {
	{ "unspecified", "::", false },
	{ "loopback", "::1", false },
	{ "link-local", "fe80::1", false },
	{ "site-local", "fec0::1", false },
	{ "multicast of the interface", "ff01::1", true },
	{ "multicast of the link", "ff02::1", true },
	{ "global multicast", "ff0e::1", true },
	{ "IPv4-mapped", "::ffff:10.10.10.66", false },
	{ "IPv4-compatible", "::10.10.10.66", false },
	{ "IPv4 translated", "::ffff:0:10.10.10.66", false },
	{ "NAT64", "64:ff9b::10.10.10.66", false },
	{ "6to4", "2002:a0a:a42::1", false },
	{ "Teredo", "2001:0:a0a:a42::1", false },
	{ "discard only", "100::1", false },
	{ "documentation", "2001:db8::1", false },
	{ "outside of the subnet", "fd00:11::1", false },
	{ "the Internet", "2a00:1450::1", false },
	{ "the last there is", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true },
};

enum place { SOURCE, DESTINATION, BOTH };
static const char *const place_names[] = { "as source", "as destination", "as both" };

static const char *text_of(const struct play *play)
{
	return play->six ? sixth[play->attempt->a / 10].text : four[play->attempt->a / 10].text;
}

/* a: the address and its place; b: the probe. In a frame with the right MAC addresses: only the core can tell. */
static void odd(struct play *play)
{
	enum place place = (enum place)(play->attempt->a % 10);
	enum probe probe = (enum probe)play->attempt->b;
	enum fate fate = FORBIDDEN;
	/* Who is the peer of a rule: the source inward, the destination outward. */
	enum place peer = play->way == INWARD ? SOURCE : DESTINATION;
	static struct frame f;

	/* The workload's own address is no condition of the rule. */
	if (probe == SYN_OPEN && place != BOTH && place != peer)
		fate = PERMITTED;
	/* These two are in the network that the rule allows. */
	if (probe == SYN_OPEN && !play->six && play->attempt->a / 10 >= 11 && play->attempt->a / 10 <= 12)
		fate = PERMITTED;
	if (place != DESTINATION)
		play->from = text_of(play);
	if (place != SOURCE)
		play->to = text_of(play);
	begin(play, &f);
	put_packet(play, &f, probe);
	fire(play, &f, fate);
}

/* The receiver's own address as source, and whole packets turned about. */
static void own(struct play *play)
{
	enum probe probe = (enum probe)play->attempt->b;
	const char *from = play->from;
	static struct frame f;

	play->from = play->to;
	if (play->attempt->a)
		play->to = from;
	begin(play, &f);
	put_packet(play, &f, probe);
	fire(play, &f, FORBIDDEN);
}

/* Genuine multicast and broadcast pass and are counted; unicast in the same frame does not. */
static void group(struct play *play)
{
	static struct frame f;

	play->to = text_of(play);
	frame_eth(&f, play->attempt->b ? MAC_BROADCAST : mac_of("33:33:00:00:00:01"), play->source);
	put_packet(play, &f, UDP_CLOSED);
	fire(play, &f, BY_RULE);
}

static void add(struct book *book, unsigned int family, const struct odd *list, size_t n)
{
	static const enum probe probes[] = { UDP_CLOSED, SYN_CLOSED, SYN_OPEN };

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < sizeof(probes) / sizeof(*probes); k++) {
			for (int place = SOURCE; place <= BOTH; place++)
				book_add(book, family, NULL, odd, (long)i * 10 + place, probes[k],
					 "%s %s (IPv%d), %s", list[i].name, place_names[place],
					 family == V6 ? 6 : 4, probe_names[probes[k]]);
		}
		if (list[i].group) {
			book_add(book, family, "pass_group", group, (long)i * 10, 0,
				 "%s in a multicast frame (IPv%d)", list[i].name, family == V6 ? 6 : 4);
			book_add(book, family, "pass_group", group, (long)i * 10, 1,
				 "%s in a broadcast frame (IPv%d)", list[i].name, family == V6 ? 6 : 4);
		}
	}
}

void address_attempts(struct book *book)
{
	book->chapter = "IP addresses";
	add(book, V4, four, sizeof(four) / sizeof(*four));
	add(book, V6, sixth, sizeof(sixth) / sizeof(*sixth));
	for (int probe = 0; probe <= SYN_OPEN; probe++) {
		book_add(book, 0, "land", own, 0, probe, "the receiver's own address as source, %s",
			 probe_names[probe]);
		if (probe != SYN_OPEN)
			book_add(book, 0, "policy", own, 1, probe, "addresses changed about, %s",
				 probe_names[probe]);
	}
}
