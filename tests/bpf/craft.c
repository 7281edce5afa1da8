// SPDX-License-Identifier: BSD-2-Clause
/* See craft.h. */
#include "bpf/craft.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <net/ethernet.h>
#include <netinet/ether.h>
#include <netinet/in.h>
#include <string.h>

static void put(struct craft *f, const void *data, size_t n)
{
	cr_assert_leq(f->len + n, sizeof(f->data));
	memcpy(f->data + f->len, data, n);
	f->len += n;
}

static void put16(struct craft *f, __u16 v)
{
	v = htons(v);
	put(f, &v, sizeof(v));
}

static void put_mac(struct craft *f, const char *text)
{
	struct ether_addr mac;

	cr_assert(ether_aton_r(text, &mac), "bad MAC %s", text);
	put(f, &mac, sizeof(mac));
}

static void put_address(struct craft *f, int family, const char *text)
{
	__u8 address[16];

	cr_assert_eq(inet_pton(family, text, address), 1, "bad address %s", text);
	put(f, address, family == AF_INET ? 4 : 16);
}

struct craft *craft_eth(struct craft *f, const char *da, const char *sa, __u16 type)
{
	f->len = 0;
	put_mac(f, da);
	put_mac(f, sa);
	put16(f, type);
	return f;
}

struct craft *craft_vlan(struct craft *f, __u16 type_of_this, __u16 tci, __u16 type)
{
	__u16 v = htons(type_of_this);

	/* The type in front was written before we knew of the tag. */
	memcpy(f->data + f->len - 2, &v, sizeof(v));
	put16(f, tci);
	put16(f, type);
	return f;
}

struct craft *craft_ip4(struct craft *f, const char *src, const char *dst, __u8 proto, __u16 frag)
{
	const __u8 head[] = { 0x45, 0, 0, 40, 0, 1 };
	const __u8 ttl[] = { 64, proto, 0, 0 };

	put(f, head, sizeof(head));
	put16(f, frag);
	put(f, ttl, sizeof(ttl));
	put_address(f, AF_INET, src);
	put_address(f, AF_INET, dst);
	return f;
}

struct craft *craft_ip6(struct craft *f, const char *src, const char *dst, __u8 next)
{
	const __u8 head[] = { 0x60, 0, 0, 0, 0, 20, next, 64 };

	put(f, head, sizeof(head));
	put_address(f, AF_INET6, src);
	put_address(f, AF_INET6, dst);
	return f;
}

struct craft *craft_ext(struct craft *f, __u8 type, __u8 next)
{
	__u8 ext[16] = { next, 0 };

	/* AH counts in 4 bytes less 2 (RFC 4302), the others in 8 bytes beyond the first (RFC 8200). */
	if (type == IPPROTO_AH)
		ext[1] = 2;
	put(f, ext, type == IPPROTO_AH ? 16 : 8);
	return f;
}

struct craft *craft_ports(struct craft *f, __u16 sport, __u16 dport)
{
	put16(f, sport);
	put16(f, dport);
	return craft_fill(f, 0x5a, 16);
}

struct craft *craft_arp(struct craft *f, __u16 op)
{
	put16(f, 1);
	put16(f, ETH_P_IP);
	put(f, "\x06\x04", 2);
	put16(f, op);
	return craft_fill(f, 7, 20);
}

struct craft *craft_fill(struct craft *f, __u8 byte, size_t n)
{
	while (n--)
		put(f, &byte, 1);
	return f;
}

struct craft *craft_cut(struct craft *f, size_t len)
{
	cr_assert_leq(len, f->len);
	f->len = len;
	return f;
}
