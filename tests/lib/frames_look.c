// SPDX-License-Identifier: BSD-2-Clause
/* Looking at frames that came back: checksums, differences, text; see frames.h for the invariant. */
#include "lib/frames.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static bool is_tag(uint16_t ethertype)
{
	return ethertype == ETH_P_8021Q || ethertype == ETH_P_8021AD;
}

static bool l4_right(const uint8_t *ip, uint8_t protocol, const uint8_t *l4, size_t len)
{
	bool v6 = ip[0] >> 4 == 6;

	switch (protocol) {
	case IPPROTO_UDP:
		if (len < 8)
			return false;
		if (!v6 && !get16(l4 + 6))
			return true;
		break;
	case IPPROTO_TCP:
	case IPPROTO_ICMPV6:
		break;
	case IPPROTO_ICMP:
		return frame_sum(l4, len, 0) == 0xffff;
	default:
		return true;
	}
	return frame_sum(l4, len, frame_pseudo_sum(ip, protocol, len)) == 0xffff;
}

bool frame_checksums_right(const uint8_t *data, size_t len)
{
	size_t at = 2 * ETH_ALEN, ihl, total;
	const uint8_t *ip;
	uint16_t ethertype;

	if (len < ETH_HLEN)
		return false;
	ethertype = get16(data + at);
	for (at += 2; is_tag(ethertype); at += 4) {
		if (at + 4 > len)
			return false;
		ethertype = get16(data + at + 2);
	}
	ip = data + at;
	if (ethertype == ETH_P_IP) {
		if (len - at < 20)
			return false;
		ihl = (ip[0] & 0xf) * 4;
		total = get16(ip + 2);
		if (ihl < 20 || total < ihl || total > len - at || frame_sum(ip, ihl, 0) != 0xffff)
			return false;
		if (get16(ip + 6) & 0x3fff)
			return true;
		return l4_right(ip, ip[9], ip + ihl, total - ihl);
	}
	if (ethertype == ETH_P_IPV6) {
		if (len - at < 40)
			return false;
		total = get16(ip + 4);
		return total <= len - at - 40 && l4_right(ip, ip[6], ip + 40, total);
	}
	return true;
}

const char *frame_difference(const void *a, size_t a_len, const void *b, size_t b_len)
{
	static _Thread_local char text[128];
	const uint8_t *x = a, *y = b;
	size_t common = a_len < b_len ? a_len : b_len, i = 0;

	while (i < common && x[i] == y[i])
		i++;
	if (i < common)
		snprintf(text, sizeof(text),
			 "byte %zu is %02x in one and %02x in the other (lengths %zu, %zu)", i, x[i], y[i],
			 a_len, b_len);
	else if (a_len != b_len)
		snprintf(text, sizeof(text), "lengths %zu and %zu", a_len, b_len);
	else
		return "equal";
	return text;
}

const char *frame_hex(const void *data, size_t len)
{
	static _Thread_local char text[3 * 96 + 16];
	const uint8_t *p = data;
	size_t at = 0;

	text[0] = 0;
	for (size_t i = 0; i < len && i < 96; i++)
		at += snprintf(text + at, sizeof(text) - at, "%02x%s", p[i], i % 4 == 3 ? " " : "");
	if (len > 96)
		snprintf(text + at, sizeof(text) - at, "…");
	return text;
}

const char *mac_text(struct mac mac)
{
	static _Thread_local char text[4][18];
	static _Thread_local unsigned int turn;
	char *out = text[turn++ % 4];

	snprintf(out, sizeof(text[0]), "%02x:%02x:%02x:%02x:%02x:%02x", mac.b[0], mac.b[1], mac.b[2],
		 mac.b[3], mac.b[4], mac.b[5]);
	return out;
}

bool mac_equal(struct mac a, struct mac b)
{
	return !memcmp(a.b, b.b, ETH_ALEN);
}
