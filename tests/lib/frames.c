// SPDX-License-Identifier: BSD-2-Clause
/* Building and comparing Ethernet frames; see frames.h for the invariant. */
#include "lib/frames.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sluice/ucmac.h"

static void must(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "frames: %s\n", what);
	abort();
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value & 0xff;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* Room for len more bytes, zeroed. */
static uint8_t *append(struct frame *f, size_t len)
{
	uint8_t *at = f->data + f->len;

	must(f->len + len <= FRAME_MAX, "frame longer than FRAME_MAX");
	memset(at, 0, len);
	f->len += len;
	return at;
}

static void append_data(struct frame *f, const void *data, size_t len)
{
	uint8_t *at = append(f, len);

	for (size_t i = 0; !data && i < len; i++)
		at[i] = i & 0xff;
	if (data && len)
		memcpy(at, data, len);
}

struct mac mac_of(const char *text)
{
	struct mac mac;
	int n = 0;

	must(sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx%n", &mac.b[0], &mac.b[1], &mac.b[2], &mac.b[3],
		    &mac.b[4], &mac.b[5], &n) == 6 &&
		     !text[n],
	     "not a MAC address");
	return mac;
}

struct mac mac_uc(uint16_t id)
{
	struct mac mac;

	sl_ucmac_write(mac.b, id);
	return mac;
}

struct mac mac_bc(uint16_t id)
{
	return (struct mac){ { SL_BCMAC_0, SL_BCMAC_1, SL_BCMAC_2, SL_BCMAC_3, id >> 8, id & 0xff } };
}

uint32_t frame_sum(const void *data, size_t len, uint32_t start)
{
	const uint8_t *p = data;
	uint64_t sum = start;

	for (; len > 1; len -= 2, p += 2)
		sum += get16(p);
	if (len)
		sum += (uint32_t)p[0] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)sum;
}

/* Of the layer-4 bytes behind an IPv4 or IPv6 header. */
uint32_t frame_pseudo_sum(const uint8_t *ip, uint8_t protocol, size_t l4_len)
{
	bool v6 = ip[0] >> 4 == 6;
	uint32_t sum = frame_sum(v6 ? ip + 8 : ip + 12, v6 ? 32 : 8, 0);
	uint8_t rest[4] = { 0, protocol };

	put16(rest + 2, l4_len & 0xffff);
	return frame_sum(rest, 4, sum + (uint32_t)(l4_len >> 16));
}

/* Brings the IP length, the IPv4 checksum and the layer-4 length up to what is there now. */
static void refresh_l3(struct frame *f)
{
	uint8_t *ip = f->data + f->l3_at;
	size_t ihl;

	if (!f->l3_at)
		return;
	if (ip[0] >> 4 == 6) {
		put16(ip + 4, f->len - f->l3_at - 40);
		return;
	}
	ihl = (ip[0] & 0xf) * 4;
	put16(ip + 2, f->len - f->l3_at);
	put16(ip + 10, 0);
	put16(ip + 10, ~frame_sum(ip, ihl, 0) & 0xffff);
}

void frame_eth(struct frame *f, struct mac dst, struct mac src)
{
	f->len = 0;
	f->l3_at = 0;
	f->l4_at = 0;
	f->next_at = 0;
	append(f, ETH_HLEN);
	memcpy(f->data, dst.b, ETH_ALEN);
	memcpy(f->data + ETH_ALEN, src.b, ETH_ALEN);
	f->etype_at = 2 * ETH_ALEN;
}

void frame_vlan(struct frame *f, uint16_t tpid, uint16_t tci)
{
	uint8_t *tag;

	must(!f->l3_at, "a VLAN tag goes in front of the IP header");
	put16(f->data + f->etype_at, tpid);
	tag = append(f, 4);
	put16(tag, tci);
	f->etype_at = f->len - 2;
}

void frame_payload(struct frame *f, uint16_t ethertype, const void *data, size_t len)
{
	put16(f->data + f->etype_at, ethertype);
	append_data(f, data, len);
}

void frame_arp(struct frame *f, uint16_t op, struct mac sha, const char *spa, struct mac tha, const char *tpa)
{
	uint8_t *arp;

	put16(f->data + f->etype_at, ETH_P_ARP);
	f->l3_at = f->len;
	arp = append(f, 28);
	put16(arp, 1);
	put16(arp + 2, ETH_P_IP);
	arp[4] = ETH_ALEN;
	arp[5] = 4;
	put16(arp + 6, op);
	memcpy(arp + 8, sha.b, ETH_ALEN);
	must(inet_pton(AF_INET, spa, arp + 14) == 1, "bad sender address");
	memcpy(arp + 18, tha.b, ETH_ALEN);
	must(inet_pton(AF_INET, tpa, arp + 24) == 1, "bad target address");
}

void frame_ipv4_full(struct frame *f, const char *src, const char *dst, uint8_t protocol, uint8_t ttl,
		     uint16_t frag, const void *options, size_t options_len)
{
	uint8_t *ip;

	must(options_len % 4 == 0 && options_len <= 40, "bad length of IPv4 options");
	put16(f->data + f->etype_at, ETH_P_IP);
	f->l3_at = f->len;
	ip = append(f, 20);
	ip[0] = 0x40 | (5 + options_len / 4);
	put16(ip + 4, 0x5135);
	put16(ip + 6, frag);
	ip[8] = ttl;
	ip[9] = protocol;
	must(inet_pton(AF_INET, src, ip + 12) == 1, "bad IPv4 source");
	must(inet_pton(AF_INET, dst, ip + 16) == 1, "bad IPv4 destination");
	append_data(f, options, options_len);
	f->next_at = f->l3_at + 9;
	f->l4_at = f->len;
	refresh_l3(f);
}

void frame_ipv4(struct frame *f, const char *src, const char *dst, uint8_t protocol)
{
	frame_ipv4_full(f, src, dst, protocol, 64, 0, NULL, 0);
}

void frame_ipv6(struct frame *f, const char *src, const char *dst, uint8_t next)
{
	uint8_t *ip;

	put16(f->data + f->etype_at, ETH_P_IPV6);
	f->l3_at = f->len;
	ip = append(f, 40);
	ip[0] = 0x60;
	ip[6] = next;
	/* 255, because neighbour discovery is accepted with nothing less. */
	ip[7] = 255;
	must(inet_pton(AF_INET6, src, ip + 8) == 1, "bad IPv6 source");
	must(inet_pton(AF_INET6, dst, ip + 24) == 1, "bad IPv6 destination");
	f->next_at = f->l3_at + 6;
	f->l4_at = f->len;
	refresh_l3(f);
}

void frame_ipv6_ext(struct frame *f, uint8_t type, uint8_t next, const void *body, size_t body_len)
{
	uint8_t *ext;

	must((body_len + 2) % 8 == 0, "an extension header is a multiple of 8 bytes long");
	f->data[f->next_at] = type;
	f->next_at = f->len;
	ext = append(f, 2);
	ext[0] = next;
	/* In the fragment header this byte is reserved and its length fixed. */
	ext[1] = type == IPPROTO_FRAGMENT ? 0 : (body_len + 2) / 8 - 1;
	append_data(f, body, body_len);
	f->l4_at = f->len;
	refresh_l3(f);
}

static void finish_l4(struct frame *f, uint8_t protocol, uint32_t csum_at, bool with_pseudo)
{
	uint8_t *l4 = f->data + f->l4_at;
	size_t len = f->len - f->l4_at;
	uint16_t sum;

	refresh_l3(f);
	put16(f->data + csum_at, 0);
	sum = ~frame_sum(l4, len, with_pseudo ? frame_pseudo_sum(f->data + f->l3_at, protocol, len) : 0) &
	      0xffff;
	if (!sum && protocol == IPPROTO_UDP)
		sum = 0xffff;
	put16(f->data + csum_at, sum);
}

void frame_udp(struct frame *f, uint16_t sport, uint16_t dport, const void *data, size_t len)
{
	uint32_t at = f->len;
	uint8_t *udp = append(f, 8);

	must(f->l3_at && at == f->l4_at, "UDP goes right behind an IP header");
	put16(udp, sport);
	put16(udp + 2, dport);
	put16(udp + 4, 8 + len);
	append_data(f, data, len);
	finish_l4(f, IPPROTO_UDP, at + 6, true);
}

void frame_tcp(struct frame *f, uint16_t sport, uint16_t dport, uint32_t seq, uint32_t ack, uint8_t flags,
	       const void *data, size_t len)
{
	uint32_t at = f->len;
	uint8_t *tcp = append(f, 20);

	must(f->l3_at && at == f->l4_at, "TCP goes right behind an IP header");
	put16(tcp, sport);
	put16(tcp + 2, dport);
	put32(tcp + 4, seq);
	put32(tcp + 8, ack);
	tcp[12] = 5 << 4;
	tcp[13] = flags;
	put16(tcp + 14, 65535);
	append_data(f, data, len);
	finish_l4(f, IPPROTO_TCP, at + 16, true);
}

void frame_icmp(struct frame *f, uint8_t type, uint8_t code, uint16_t id, uint16_t seq, const void *data,
		size_t len)
{
	bool v6 = f->l3_at && f->data[f->l3_at] >> 4 == 6;
	uint32_t at = f->len;
	uint8_t *icmp = append(f, 8);

	must(f->l3_at && at == f->l4_at, "ICMP goes right behind an IP header");
	icmp[0] = type;
	icmp[1] = code;
	put16(icmp + 4, id);
	put16(icmp + 6, seq);
	append_data(f, data, len);
	finish_l4(f, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, at + 2, v6);
}

void frame_raw(struct frame *f, const void *data, size_t len)
{
	append_data(f, data, len);
	refresh_l3(f);
}

void frame_resize(struct frame *f, size_t len)
{
	if (len > f->len)
		append(f, len - f->len);
	f->len = len;
}

void frame_set_dst(struct frame *f, struct mac mac)
{
	memcpy(f->data, mac.b, ETH_ALEN);
}

void frame_set_src(struct frame *f, struct mac mac)
{
	memcpy(f->data + ETH_ALEN, mac.b, ETH_ALEN);
}

struct mac frame_dst(const struct frame *f)
{
	struct mac mac;

	memcpy(mac.b, f->data, ETH_ALEN);
	return mac;
}

struct mac frame_src(const struct frame *f)
{
	struct mac mac;

	memcpy(mac.b, f->data + ETH_ALEN, ETH_ALEN);
	return mac;
}

static void shift_offsets(struct frame *f, int by)
{
	f->etype_at += by;
	if (!f->l3_at)
		return;
	f->l3_at += by;
	f->l4_at += by;
	f->next_at += by;
}

void frame_push_vlan(struct frame *f, uint16_t tpid, uint16_t tci)
{
	must(f->len >= ETH_HLEN && f->len + 4 <= FRAME_MAX, "no room for a tag");
	memmove(f->data + 2 * ETH_ALEN + 4, f->data + 2 * ETH_ALEN, f->len - 2 * ETH_ALEN);
	put16(f->data + 2 * ETH_ALEN, tpid);
	put16(f->data + 2 * ETH_ALEN + 2, tci);
	f->len += 4;
	shift_offsets(f, 4);
}

static bool is_tag(uint16_t ethertype)
{
	return ethertype == ETH_P_8021Q || ethertype == ETH_P_8021AD;
}

bool frame_pop_vlan(struct frame *f, uint16_t *ret_tpid, uint16_t *ret_tci)
{
	uint16_t tpid;

	if (f->len < ETH_HLEN + 4)
		return false;
	tpid = get16(f->data + 2 * ETH_ALEN);
	if (!is_tag(tpid))
		return false;
	*ret_tpid = tpid;
	*ret_tci = get16(f->data + 2 * ETH_ALEN + 2);
	memmove(f->data + 2 * ETH_ALEN, f->data + 2 * ETH_ALEN + 4, f->len - 2 * ETH_ALEN - 4);
	f->len -= 4;
	shift_offsets(f, -4);
	return true;
}
