// SPDX-License-Identifier: BSD-2-Clause
/* See plain.h. */
#include "dpi/io/plain.h"

#include <netinet/in.h>

/* The IP header of frame[l3 …]; false: none that is plain, or it says more than is there. */
static bool read_ip(const uint8_t *frame, uint32_t len, uint16_t ethertype, struct sl_plain *ret)
{
	const uint8_t *ip = frame + ret->l3;
	uint32_t there = len - ret->l3, ip_len;

	if (ethertype == ETH_P_IP && there >= SL_PLAIN_IPV4) {
		/* Version and length of the header; no fragment of a larger one. */
		if (ip[0] != 0x45 || sl_plain_get16(ip + 6) & 0x3fff)
			return false;
		ret->protocol = ip[9];
		ret->l4 = ret->l3 + SL_PLAIN_IPV4;
		ip_len = sl_plain_get16(ip + 2);
	} else if (ethertype == ETH_P_IPV6 && there >= SL_PLAIN_IPV6) {
		if (ip[0] >> 4 != 6)
			return false;
		ret->ipv6 = true;
		ret->protocol = ip[6];
		ret->l4 = ret->l3 + SL_PLAIN_IPV6;
		ip_len = sl_plain_get16(ip + 4) + SL_PLAIN_IPV6;
	} else {
		return false;
	}
	ret->end = ret->l3 + ip_len;
	return ip_len <= there && ret->l4 <= ret->end;
}

static bool read_transport(const uint8_t *frame, struct sl_plain *ret)
{
	uint32_t there = ret->end - ret->l4;

	if (ret->protocol == IPPROTO_TCP && there >= SL_PLAIN_TCP) {
		ret->headers = ret->l4 + (frame[ret->l4 + 12] >> 4) * 4u;
		return ret->headers >= ret->l4 + SL_PLAIN_TCP && ret->headers <= ret->end;
	}
	if (ret->protocol == IPPROTO_UDP && there >= SL_PLAIN_UDP) {
		ret->headers = ret->l4 + SL_PLAIN_UDP;
		return sl_plain_get16(frame + ret->l4 + 4) == there;
	}
	return false;
}

bool sl_plain_read(const uint8_t *frame, uint32_t len, struct sl_plain *ret)
{
	uint16_t ethertype;
	uint32_t at = ETH_HLEN;

	*ret = (struct sl_plain){ 0 };
	if (len < ETH_HLEN)
		return false;
	ethertype = sl_plain_get16(frame + 2 * ETH_ALEN);
	for (int i = 0; i < SL_PLAIN_TAGS_MAX && (ethertype == ETH_P_8021Q || ethertype == ETH_P_8021AD);
	     i++) {
		if (len - at < SL_PLAIN_TAG)
			return false;
		ethertype = sl_plain_get16(frame + at + 2);
		at += SL_PLAIN_TAG;
	}
	ret->l3 = at;
	return read_ip(frame, len, ethertype, ret) && read_transport(frame, ret);
}
