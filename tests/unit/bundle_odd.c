// SPDX-License-Identifier: BSD-2-Clause
/* See bundle_odd.h. */
#include "bundle_odd.h"

#include <netinet/in.h>

#include "bundle_lab.h"

static void fix_ip(struct frame *f)
{
	put16(f->data + ETH_HLEN + 10, 0);
	bundle_write_sum(f->data + ETH_HLEN + 10, frame_sum(f->data + ETH_HLEN, 20, 0), false);
}

static void odd_number(struct frame *f)
{
	put16(f->data + ETH_HLEN + 4, 1000);
	fix_ip(f);
}
static void odd_service(struct frame *f)
{
	f->data[ETH_HLEN + 1] ^= 3;
	fix_ip(f);
}
static void odd_flag(struct frame *f)
{
	f->data[ETH_HLEN + 6] ^= 0x40;
	fix_ip(f);
}
static void odd_ttl(struct frame *f)
{
	f->data[ETH_HLEN + 8]--;
	fix_ip(f);
}
static void odd_neighbour(struct frame *f)
{
	f->data[11] ^= 1;
}
static void odd_workload(struct frame *f)
{
	f->data[5] ^= 1;
}
static void odd_type(struct frame *f)
{
	f->data[3] ^= 1;
}
static void no_sum(struct frame *f)
{
	put16(f->data + 40, 0);
}
/* Payload whose sum comes to nothing, which is written as 0xffff; a 0 there still means that there is none. */
void bundle_sum_of_ones(struct frame *f)
{
	uint32_t sum;

	put16(f->data + 40, 0xffff);
	put16(f->data + 42, 0);
	sum = frame_sum(f->data + 34, f->len - 34,
			frame_pseudo_sum(f->data + ETH_HLEN, IPPROTO_UDP, f->len - 34));
	put16(f->data + 42, 0xffff - sum);
}
static void no_sum_of_ones(struct frame *f)
{
	bundle_sum_of_ones(f);
	put16(f->data + 40, 0);
}
static void wrong_sum(struct frame *f)
{
	f->data[f->len - 1] ^= 1;
}
static void wrong_ip_sum(struct frame *f)
{
	f->data[ETH_HLEN + 11] ^= 1;
}
static void open_sum(struct frame *f)
{
	put16(f->data + 40, frame_pseudo_sum(f->data + ETH_HLEN, IPPROTO_UDP, f->len - 34));
}
static void padded(struct frame *f)
{
	frame_resize(f, f->len + 3);
}
static void tagged(struct frame *f)
{
	frame_push_vlan(f, ETH_P_8021Q, 5);
}
static void longer(struct frame *f)
{
	uint8_t payload[101] = { 1 };

	frame_eth(f, mac_uc(7), mac_of("02:00:00:00:00:01"));
	frame_ipv4(f, "10.0.0.1", "10.0.0.2", IPPROTO_UDP);
	frame_udp(f, 1000, 53, payload, sizeof(payload));
	put16(f->data + ETH_HLEN + 4, 1);
	fix_ip(f);
}
static void empty(struct frame *f)
{
	unsigned int number = get16(f->data + ETH_HLEN + 4);

	frame_eth(f, mac_uc(7), mac_of("02:00:00:00:00:01"));
	frame_ipv4(f, "10.0.0.1", "10.0.0.2", IPPROTO_UDP);
	frame_udp(f, 1000, 53, NULL, 0);
	put16(f->data + ETH_HLEN + 4, number);
	fix_ip(f);
}
void bundle_fragment(struct frame *f)
{
	f->data[ETH_HLEN + 6] = 0x20;
	fix_ip(f);
}
static void options(struct frame *f)
{
	static const uint8_t nops[4] = { 1, 1, 1, 0 };

	frame_eth(f, mac_uc(7), mac_of("02:00:00:00:00:01"));
	frame_ipv4_full(f, "10.0.0.1", "10.0.0.2", IPPROTO_UDP, 64, 0, nops, sizeof(nops));
	frame_udp(f, 1000, 53, NULL, 100);
}

const struct bundle_odd bundle_odds[BUNDLE_ODDS] = {
	{ "identification", odd_number, false, false },
	{ "type of service", odd_service, false, false },
	{ "don't fragment", odd_flag, false, false },
	{ "time to live", odd_ttl, false, false },
	{ "sender's MAC", odd_neighbour, false, true },
	{ "workload", odd_workload, false, true },
	{ "the bit of a verdict", odd_type, false, true },
	{ "no checksum", no_sum, true, false },
	{ "no checksum, where it would be 0xffff", no_sum_of_ones, true, false },
	{ "wrong checksum", wrong_sum, true, false },
	{ "wrong checksum of IP", wrong_ip_sum, true, false },
	{ "checksum left open", open_sum, true, false },
	{ "padding", padded, true, false },
	{ "a tag", tagged, true, true },
	{ "longer than the first", longer, false, false },
	{ "no payload", empty, true, false },
	{ "a fragment", bundle_fragment, true, false },
	{ "options", options, true, false },
};
