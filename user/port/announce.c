// SPDX-License-Identifier: BSD-2-Clause
/*
 * Why: when the port goes away for a moment, the far end loses its carrier,
 * and with it what it knew of the workload's MAC. It asks at once, into the
 * gap, and then only after a second. An unasked answer ends that wait; the
 * kernel sends one by itself only where arp_notify and ndisc_notify are set.
 *
 * Invariant: nothing is said that the workload would not answer itself: its
 * own addresses, its own MAC, and whether it is a router.
 */
#include "port/announce.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/ip6.h>
#include <netlink/attr.h>
#include <string.h>
#include <unistd.h>

#include "lib/netns.h"
#include "netlink/address.h"

struct arp_frame {
	struct ether_header ether;
	struct ether_arp arp;
} __attribute__((packed));

struct na_frame {
	struct ether_header ether;
	struct ip6_hdr ip;
	struct nd_neighbor_advert na;
	struct nd_opt_hdr option;
	__u8 mac[ETH_ALEN];
} __attribute__((packed));

int announce_open(struct port_side *side, struct sl_err *err)
{
	int token, fd, code;

	token = sl_netns_enter(side->fd, err);
	if (token < 0)
		return token;
	/* Protocol 0: it only sends. */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	code = errno;
	sl_netns_leave(token);
	if (fd < 0)
		return sl_errno(err, code, "cannot open a packet socket in %s", nls_label(side->nls));
	side->announce = fd;
	return 0;
}

static void transmit(const struct port_side *side, __u32 ifindex, const void *frame, size_t len)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = ifindex, .sll_halen = ETH_ALEN };

	memcpy(to.sll_addr, frame, ETH_ALEN);
	if (sendto(side->announce, frame, len, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		return;
}

static void announce_ipv4(const struct port_side *side, const __u8 *mac, const void *address, __u32 ifindex)
{
	struct arp_frame frame = { 0 };

	memset(frame.ether.ether_dhost, 0xff, ETH_ALEN);
	memcpy(frame.ether.ether_shost, mac, ETH_ALEN);
	frame.ether.ether_type = htons(ETHERTYPE_ARP);
	frame.arp.arp_hrd = htons(ARPHRD_ETHER);
	frame.arp.arp_pro = htons(ETHERTYPE_IP);
	frame.arp.arp_hln = ETH_ALEN;
	frame.arp.arp_pln = 4;
	frame.arp.arp_op = htons(ARPOP_REQUEST);
	memcpy(frame.arp.arp_sha, mac, ETH_ALEN);
	memcpy(frame.arp.arp_spa, address, 4);
	memcpy(frame.arp.arp_tpa, address, 4);
	transmit(side, ifindex, &frame, sizeof(frame));
}

/* The sum of RFC 1071 over the pseudo header of RFC 8200 and what follows the IPv6 header. */
static __u16 icmp6_sum(const struct na_frame *frame, size_t len)
{
	const __u8 *addresses = (const __u8 *)&frame->ip.ip6_src, *data = (const __u8 *)&frame->na;
	__u32 sum = len + IPPROTO_ICMPV6;
	size_t i;

	for (i = 0; i < 32; i += 2)
		sum += addresses[i] << 8 | addresses[i + 1];
	for (i = 0; i < len; i += 2)
		sum += data[i] << 8 | data[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum & 0xffff);
}

static void announce_ipv6(const struct port_side *side, const __u8 *mac, const void *address, bool router,
			  __u32 ifindex)
{
	static const __u8 all_nodes_mac[ETH_ALEN] = { 0x33, 0x33, 0, 0, 0, 1 };
	const size_t len = sizeof(struct na_frame) - offsetof(struct na_frame, na);
	struct na_frame frame = { 0 };

	memcpy(frame.ether.ether_dhost, all_nodes_mac, ETH_ALEN);
	memcpy(frame.ether.ether_shost, mac, ETH_ALEN);
	frame.ether.ether_type = htons(ETHERTYPE_IPV6);
	frame.ip.ip6_flow = htonl(6U << 28);
	frame.ip.ip6_plen = htons(len);
	frame.ip.ip6_nxt = IPPROTO_ICMPV6;
	frame.ip.ip6_hlim = 255;
	memcpy(&frame.ip.ip6_src, address, 16);
	frame.ip.ip6_dst = (struct in6_addr)IN6ADDR_ANY_INIT;
	frame.ip.ip6_dst.s6_addr[0] = 0xff;
	frame.ip.ip6_dst.s6_addr[1] = 0x02;
	frame.ip.ip6_dst.s6_addr[15] = 1;
	frame.na.nd_na_type = ND_NEIGHBOR_ADVERT;
	/* A router that forgot to say so would be taken off its neighbours' default routes. */
	frame.na.nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE | (router ? ND_NA_FLAG_ROUTER : 0);
	memcpy(&frame.na.nd_na_target, address, 16);
	frame.option.nd_opt_type = ND_OPT_TARGET_LINKADDR;
	frame.option.nd_opt_len = 1;
	memcpy(frame.mac, mac, ETH_ALEN);
	frame.na.nd_na_cksum = icmp6_sum(&frame, len);
	transmit(side, ifindex, &frame, sizeof(frame));
}

void announce_addresses(const struct port_side *side, const struct port_snapshot *port, __u32 ifindex)
{
	const char *forwarding = sysctls_value(&port->sysctls, SYSCTLS_IPV6, "forwarding");
	bool router = forwarding && strcmp(forwarding, "0");
	size_t i;

	if (side->announce <= 0 || !port->link.mac_valid || (port->link.flags & IFF_NOARP))
		return;
	for (i = 0; i < port->addrs.n; i++) {
		const struct ifaddrmsg *body = nlmsg_data(port->addrs.item[i]);
		struct nlattr *address = message_attr(port->addrs.item[i], sizeof(*body), IFA_LOCAL);

		if (!address)
			address = message_attr(port->addrs.item[i], sizeof(*body), IFA_ADDRESS);
		/* Nor what another station has as well. */
		if (!address || body->ifa_scope >= RT_SCOPE_HOST || addr_is_duplicate(port->addrs.item[i]))
			continue;
		if (body->ifa_family == AF_INET && nla_len(address) == 4)
			announce_ipv4(side, port->link.mac, nla_data(address), ifindex);
		else if (body->ifa_family == AF_INET6 && nla_len(address) == 16)
			announce_ipv6(side, port->link.mac, nla_data(address), router, ifindex);
	}
}
