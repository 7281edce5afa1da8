// SPDX-License-Identifier: BSD-2-Clause
/* Whose frame is it? MAC addresses that are not what they should be, and what a workload can do to its own port. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "evasion/attempts.h"

/* A MAC address, if need be made from the right one of its place. */
struct address {
	const char *name, *text;
	int id; /* with "uc" or "bc" as text */
	/* What must be named when it is the source or destination of a frame: what the place does to it. */
	bool reserved, group;
};
static const struct address addresses[] = {
	{ "a random MAC", "02:12:34:56:78:9a", 0, false, false },
	{ "a random global MAC", "00:16:3e:11:22:33", 0, false, false },
	{ "the MAC of another workload", OTHER_MAC, 0, false, false },
	{ "the MAC with one bit changed", "flip", 0x01, false, false },
	{ "the MAC with the local bit changed", "flip", 0x02, false, false },
	{ "the MAC with the group bit", "group", 0, false, true },
	{ "no MAC at all (zero)", "00:00:00:00:00:00", 0, false, false },
	{ "the broadcast MAC", "ff:ff:ff:ff:ff:ff", 0, false, true },
	{ "a multicast MAC of IPv4", "01:00:5e:00:00:01", 0, false, true },
	{ "a multicast MAC of IPv6", "33:33:00:00:00:01", 0, false, true },
	{ "a MAC of the bridges' group", "01:80:c2:00:00:00", 0, false, true },
	{ "a MAC of LLDP's group", "01:80:c2:00:00:0e", 0, false, true },
	{ "the own UCMAC", "uc", WL_ID, true, false },
	{ "the UCMAC of another workload", "uc", OTHER_ID, true, false },
	{ "a UCMAC that nobody has", "uc", 4711, true, false },
	{ "the UCMAC of id 0", "uc", 0, true, false },
	{ "the own BCMAC", "bc", WL_ID, true, true },
	{ "the BCMAC of another workload", "bc", OTHER_ID, true, true },
	{ "the UCMAC with the group bit", "ucgroup", WL_ID, false, true },
	{ "the UCMAC and the lowest bit of its prefix", "ucmark", WL_ID, false, false },
};
#define N_ADDRESSES (sizeof(addresses) / sizeof(*addresses))

static struct mac mac_made(const struct address *address, struct mac right)
{
	struct mac mac = right;

	if (!strcmp(address->text, "uc"))
		return mac_uc((uint16_t)address->id);
	if (!strcmp(address->text, "bc"))
		return mac_bc((uint16_t)address->id);
	if (!strcmp(address->text, "ucgroup")) {
		mac = mac_uc((uint16_t)address->id);
		mac.b[0] |= 1;
		return mac;
	}
	if (!strcmp(address->text, "ucmark")) {
		mac = mac_uc((uint16_t)address->id);
		mac.b[3] ^= 1;
		return mac;
	}
	if (!strcmp(address->text, "group")) {
		mac.b[0] |= 1;
		return mac;
	}
	if (!strcmp(address->text, "flip")) {
		mac.b[address->id == 2 ? 0 : 5] ^= (uint8_t)address->id;
		return mac;
	}
	return mac_of(address->text);
}

static void as_source(struct play *play)
{
	static struct frame f;

	begin(play, &f);
	frame_set_src(&f, mac_made(&addresses[play->attempt->a], play->source));
	put_packet(play, &f, (enum probe)play->attempt->b);
	fire(play, &f, probe_fate((enum probe)play->attempt->b));
}

static void as_destination(struct play *play)
{
	static struct frame f;

	begin(play, &f);
	frame_set_dst(&f, mac_made(&addresses[play->attempt->a], play->destination));
	put_packet(play, &f, (enum probe)play->attempt->b);
	fire(play, &f, probe_fate((enum probe)play->attempt->b));
}

static void as_both(struct play *play)
{
	static struct frame f;

	begin(play, &f);
	frame_set_src(&f, mac_made(&addresses[play->attempt->a], play->source));
	frame_set_dst(&f, mac_made(&addresses[play->attempt->a], play->destination));
	put_packet(play, &f, (enum probe)play->attempt->b);
	fire(play, &f, FORBIDDEN);
}

static void tagged(struct play *play)
{
	static struct frame f;

	begin(play, &f);
	if (play->way == INWARD)
		frame_set_dst(&f, mac_made(&addresses[play->attempt->a], play->destination));
	else
		frame_set_src(&f, mac_made(&addresses[play->attempt->a], play->source));
	frame_vlan(&f, ETH_P_8021Q, 0);
	put_packet(play, &f, (enum probe)play->attempt->b);
	fire(play, &f, FORBIDDEN);
}

static void reversed(struct play *play)
{
	static struct frame f;

	begin_back(play, &f);
	put_packet(play, &f, (enum probe)play->attempt->b);
	fire(play, &f, FORBIDDEN);
}

/* What must be said of it where the workload's own MAC is expected, and where any may be. */
static const char *own_reason(const struct address *address, bool as_destination)
{
	if (!strcmp(address->text, "ucmark"))
		return NULL;
	if (address->reserved)
		return "reserved_mac";
	return address->group && as_destination ? "group_ip" : "foreign_mac";
}

static const char *peer_reason(const struct address *address, bool as_destination, long probe)
{
	/* Means something where flows are left to the kernel, and then it is reserved. */
	if (!strcmp(address->text, "ucmark"))
		return NULL;
	if (address->reserved)
		return "reserved_mac";
	if (address->group && as_destination)
		return "group_ip";
	return probe == SYN_OPEN ? "let pass" : "policy";
}

void mac_attempts(struct book *book)
{
	static const enum probe probes[] = { UDP_CLOSED, SYN_CLOSED, SYN_OPEN };

	book->chapter = "MAC addresses";
	for (size_t i = 0; i < N_ADDRESSES; i++) {
		const struct address *address = &addresses[i];

		for (size_t k = 0; k < sizeof(probes) / sizeof(*probes); k++) {
			const char *what = probe_names[probes[k]];

			book_add(book, OUT, own_reason(address, false), as_source, (long)i, probes[k],
				 "%s as source, %s", address->name, what);
			book_add(book, IN, peer_reason(address, false, probes[k]), as_source, (long)i,
				 probes[k], "%s as source, %s", address->name, what);
			book_add(book, IN, own_reason(address, true), as_destination, (long)i, probes[k],
				 "%s as destination, %s", address->name, what);
			book_add(book, OUT, peer_reason(address, true, probes[k]), as_destination, (long)i,
				 probes[k], "%s as destination, %s", address->name, what);
		}
		book_add(book, 0, NULL, as_both, (long)i, UDP_CLOSED, "%s as source and destination",
			 address->name);
		book_add(book, 0, NULL, tagged, (long)i, SYN_CLOSED,
			 "%s in the place of the workload's, with a tag", address->name);
	}
	for (size_t k = 0; k < sizeof(probes) / sizeof(*probes); k++)
		book_add(book, 0, "foreign_mac", reversed, 0, probes[k], "MAC addresses changed about, %s",
			 probe_names[probes[k]]);
}

/*
 * What root in the workload's namespace does with ip(8), and then sends by the
 * device it has made. What is sent that way must be as seen as by the port.
 */
struct trick {
	const char *name, *make, *undo, *device, *mac;
};
static const struct trick tricks[] = {
	{ "a macvlan on the port, bridge mode",
	  "ip link add mv0 link eth0 type macvlan mode bridge && ip link set mv0 up", "ip link del mv0",
	  "mv0", "" },
	{ "a macvlan on the port, private mode",
	  "ip link add mv0 link eth0 type macvlan mode private && ip link set mv0 up", "ip link del mv0",
	  "mv0", "" },
	{ "a macvlan with the port's own MAC, passthru mode",
	  "ip link add mv0 link eth0 type macvlan mode passthru && ip link set mv0 up", "ip link del mv0",
	  "mv0", "" },
	{ "a macvlan with the MAC of another workload",
	  "ip link add mv0 link eth0 address " OTHER_MAC " type macvlan mode vepa && ip link set mv0 up",
	  "ip link del mv0", "mv0", OTHER_MAC },
	{ "the port in a bridge",
	  "ip link add br9 address 02:00:00:00:09:09 type bridge mcast_snooping 0 && ip link set eth0 master "
	  "br9 && ip link "
	  "set br9 up",
	  "ip link del br9", "br9", "" },
	{ "the port in a bridge with a veth behind it",
	  /* The bridge hears of the new port's carrier some time later. */
	  "ip link add br9 type bridge mcast_snooping 0 && ip link set eth0 master br9 && ip link set br9 up "
	  "&& ip link add in9 type veth peer name out9 && ip link set out9 master br9 && ip link set in9 up "
	  "&& ip link set out9 up && for i in $(seq 250); do bridge link show dev out9 | "
	  "grep -q forwarding && break; sleep 0.02; done",
	  "ip link del br9; ip link del in9", "in9", "" },
	{ "another MAC on the port", "ip link set eth0 address 02:00:00:00:77:01",
	  "ip link set eth0 address " WL_MAC, "eth0", "02:00:00:00:77:01" },
	{ "the MAC of another workload on the port", "ip link set eth0 address " OTHER_MAC,
	  "ip link set eth0 address " WL_MAC, "eth0", OTHER_MAC },
	{ "the own UCMAC on the port", "ip link set eth0 address 4e:65:75:56:00:b4",
	  "ip link set eth0 address " WL_MAC, "eth0", "4e:65:75:56:00:b4" },
	{ "the host's MAC on the port", "ip link set eth0 address \"$HOST\"",
	  "ip link set eth0 address " WL_MAC, "eth0", "host" },
	{ "the port promiscuous and without ARP", "ip link set eth0 promisc on arp off",
	  "ip link set eth0 promisc off arp on", "eth0", WL_MAC },
	{ "a larger MTU on the port", "ip link set eth0 mtu 9000", "ip link set eth0 mtu 1500", "eth0",
	  WL_MAC },
};

static void send_by_trick(struct play *play, const struct trick *trick, const char *host)
{
	struct sniff *port = play->field->post[WORKLOAD];
	static struct frame f;
	/* A device whose MAC was not chosen has one of the kernel's. */
	struct mac mac = !strcmp(trick->mac, "host") ? mac_of(host)
						     : link_mac(play->field->t->workload, trick->device);

	play->field->post[WORKLOAD] = sniff_open(play->field->t->workload, trick->device, false);
	frame_eth(&f, play->destination, mac);
	put_packet(play, &f, (enum probe)play->attempt->b);
	fire(play, &f, FORBIDDEN);
	sniff_close(play->field->post[WORKLOAD]);
	play->field->post[WORKLOAD] = port;
}

static void by_trick(struct play *play)
{
	const struct trick *trick = &tricks[play->attempt->a];
	struct ns *ns = play->field->t->workload;
	const char *host = mac_text(play->field->host_mac);

	ns_run(ns, "HOST=%s; %s", host, trick->make);
	send_by_trick(play, trick, host);
	ns_run(ns, "%s", trick->undo);
}

void link_attempts(struct book *book)
{
	book->chapter = "the workload's own devices";
	for (size_t i = 0; i < sizeof(tricks) / sizeof(*tricks); i++) {
		book_add(book, OUT, NULL, by_trick, (long)i, UDP_CLOSED, "%s, %s", tricks[i].name,
			 probe_names[UDP_CLOSED]);
		book_add(book, OUT | V4, NULL, by_trick, (long)i, SYN_CLOSED, "%s, %s", tricks[i].name,
			 probe_names[SYN_CLOSED]);
	}
}
