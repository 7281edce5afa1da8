/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One packet on its way through a worker: the structure every stage reads and
 * adds to, from the frame to the decision.
 *
 * Invariant: decode fills it once, nothing behind decode reads a header that
 * decode has not checked to be there. tuple.family is 0 until the addresses are
 * known; ports are 0 where there are none or they cannot be known. It lives on the worker's stack for the
 * time of one frame; whoever keeps something copies it.
 */
#ifndef SLUICE_DPI_PACKET_H
#define SLUICE_DPI_PACKET_H

#include <stdbool.h>
#include <stdint.h>

/* An address of either family; IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), so that one comparison serves both. */
struct sl_addr {
	uint8_t byte[16];
};

/* What a packet is, as far as sessions are concerned. */
enum sl_packet_kind {
	SL_PACKET_OTHER, /* an IP protocol without ports */
	SL_PACKET_TCP,
	SL_PACKET_UDP,
	SL_PACKET_SCTP,
	SL_PACKET_ICMP, /* of either family: an echo or another question or answer */
	SL_PACKET_ICMP_ERROR, /* of either family: speaks of the packet in `inner` */
	SL_PACKET_FRAGMENT, /* not the whole datagram; ports are not known */
};

/* TCP options as far as they matter; what is absent is 0. */
struct sl_tcp_options {
	uint16_t mss;
	uint8_t window_scale; /* valid if has_window_scale */
	bool has_window_scale, sack_permitted, has_timestamp;
	uint32_t ts_value, ts_echo;
};

/* Who speaks to whom: addresses, ports (ICMP: identifier in both), IP protocol. */
struct sl_tuple {
	struct sl_addr source, destination;
	uint16_t source_port, destination_port; /* host byte order */
	uint8_t protocol; /* IPPROTO_* */
	uint8_t family; /* 4 or 6 */
};

struct sl_packet {
	/* The bytes in one piece, from the Ethernet header on. */
	const uint8_t *data;
	uint32_t len;
	uint64_t now_ns; /* CLOCK_MONOTONIC, or the capture's time in a replay */

	/* Whose, and which way: read off the UCMAC. */
	uint16_t workload; /* id */
	bool to_workload;

	uint16_t ethertype; /* of the innermost tag, host byte order */
	uint16_t vlan; /* VID of the innermost tag, 0 if none */
	uint8_t vlans; /* how many tags */

	enum sl_packet_kind kind;
	struct sl_tuple tuple;
	uint8_t ttl;
	uint8_t tos; /* DSCP and ECN */
	bool fragment; /* belongs to a fragmented datagram … */
	bool reassembled; /* … and is the whole of it, put together */

	/* Offsets from data. */
	uint32_t l3, l4, payload;
	uint32_t payload_len; /* by the IP header, not by the frame: padding is not payload */
	uint32_t ip_len; /* of the whole IP packet, header included */
	uint16_t more; /* a super-frame: how many packets it is on the wire, less one */

	/*
	 * Bits (1 << enum sl_malformed, reasons.h) of all that is wrong with it. If one of SL_MALFORMED_DROP is
	 * among them, a receiver would not take it: fields may be missing behind the one that is wrong.
	 */
	uint64_t malformed;
	bool checksum_bad; /* seen to be wrong; unverified is not bad */
	bool checksum_good; /* seen to be right, by the kernel or by us; with neither it is unverified */

	/* SL_PACKET_FRAGMENT, and kept as they were in the one that completed a reassembled packet */
	uint32_t fragment_id;
	uint32_t fragment_header; /* IPv6: offset from data, 0 in IPv4 */
	uint16_t fragment_offset; /* bytes */
	bool fragment_more;

	/* SL_PACKET_TCP */
	uint32_t seq, ack;
	uint16_t window; /* not scaled */
	uint16_t urgent; /* the urgent pointer, whether or not the flag is set */
	uint8_t tcp_flags;
	struct sl_tcp_options tcp;

	/* SL_PACKET_ICMP, SL_PACKET_ICMP_ERROR */
	uint8_t icmp_type, icmp_code;
	struct sl_tuple inner; /* of the packet an ICMP error speaks of, as that packet had it */
};

#define SL_TCP_FIN 0x01
#define SL_TCP_SYN 0x02
#define SL_TCP_RST 0x04
#define SL_TCP_PSH 0x08
#define SL_TCP_ACK 0x10
#define SL_TCP_URG 0x20

#endif
