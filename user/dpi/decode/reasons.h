/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What can be wrong with a packet: the one list behind the enum, the counters,
 * the words in events and the documentation.
 *
 * X(name, KIND, text): DROP is what no Linux receiver would accept, or what
 * nobody sends but to hide something: such a packet is never shown to sessions
 * and is dropped in protect. NOTE is odd but harmless: counted, and a fact for
 * those who look for threats.
 *
 * Invariant: a kind is a bit of struct sl_packet.malformed, so there are at
 * most 64; frag_… of the second group are found by reassembly, not by decode.
 */
#ifndef SLUICE_DPI_REASONS_H
#define SLUICE_DPI_REASONS_H

#include <stdbool.h>
#include <stdint.h>

#include "dpi/decode/packet.h"

/* clang-format off */
#define SL_MALFORMED(X)                                                                                          \
	X(frame_size,         DROP, "frame shorter than its Ethernet header and tags, or longer than 64 KiB")          \
	X(no_workload,        DROP, "no UCMAC, or one in both addresses: whose frame this is cannot be told")          \
	X(vlan_deep,          DROP, "more VLAN tags than can be followed")                                            \
	X(not_ip,             DROP, "neither IPv4 nor IPv6")                                                          \
	X(ip_header,          DROP, "IP header cut short, or of another version than the ethertype says")             \
	X(ip_length,          DROP, "IP length below its own header or beyond the end of the frame")                  \
	X(ipv4_checksum,      DROP, "IPv4 header checksum is wrong")                                                  \
	X(ipv4_options,       DROP, "IPv4 options contradict themselves")                                             \
	X(ipv4_source_route,  DROP, "IPv4 source route: the destination is not where it is going")                    \
	X(ipv6_jumbo,         DROP, "IPv6 without payload length (jumbogram)")                                        \
	X(ipv6_mapped,        DROP, "IPv4-mapped address in an IPv6 header")                                          \
	X(ipv6_extension,     DROP, "IPv6 extension header cut short or out of place")                                \
	X(ipv6_chain,         DROP, "more IPv6 extension headers than can be followed")                               \
	X(ipv6_routing,       DROP, "IPv6 routing header that is deprecated or not used up")                          \
	X(martian,            DROP, "source is a group or loopback address, or destination loopback")                 \
	X(land,               DROP, "source and destination are the same")                                           \
	X(tcp_header,         DROP, "TCP header cut short or shorter than itself")                                    \
	X(tcp_null,           DROP, "TCP without any flag")                                                           \
	X(tcp_xmas,           DROP, "TCP with FIN, PSH and URG alone (xmas)")                                         \
	X(tcp_syn_fin,        DROP, "TCP with SYN and FIN")                                                           \
	X(tcp_syn_rst,        DROP, "TCP with SYN and RST")                                                           \
	X(tcp_flags,          DROP, "another combination of TCP flags that means nothing")                            \
	X(tcp_options,        NOTE, "TCP options contradict themselves")                                              \
	X(tcp_syn_data,       NOTE, "TCP SYN with data")                                                              \
	X(tcp_checksum,       DROP, "TCP checksum is wrong")                                                          \
	X(udp_header,         DROP, "UDP header cut short")                                                           \
	X(udp_length,         DROP, "UDP length below 8 or beyond the end of the packet")                             \
	X(udp_trailing,       NOTE, "data behind the UDP datagram, inside the IP packet")                             \
	X(udp_no_checksum,    NOTE, "UDP over IPv6 without a checksum")                                               \
	X(udp_checksum,       DROP, "UDP checksum is wrong")                                                          \
	X(port_zero,          NOTE, "port 0")                                                                         \
	X(icmp_header,        DROP, "ICMP message cut short")                                                         \
	X(icmp_family,        DROP, "ICMP of the other IP version")                                                   \
	X(icmp_inner,         DROP, "ICMP error without a usable piece of the packet it speaks of")                   \
	X(icmp_checksum,      DROP, "ICMP checksum is wrong")                                                         \
	X(sctp_header,        DROP, "SCTP header cut short")                                                          \
	X(sctp_chunk,         DROP, "SCTP chunk lengths contradict the packet's")                                     \
	X(frag_length,        DROP, "fragment that is empty, or not the last and no multiple of 8 bytes long")        \
	X(frag_beyond,        DROP, "fragment that ends beyond 65535 bytes (ping of death)")                          \
	X(frag_twice,         DROP, "a second IPv6 fragment header")                                                  \
	X(frag_tiny,          DROP, "first fragment too short for the transport header")                              \
	X(frag_overlap,       DROP, "fragments overlap (teardrop)")                                                   \
	X(frag_end,           DROP, "fragments disagree on where the datagram ends")                                  \
	X(frag_duplicate,     DROP, "fragment that is already there")                                                 \
	X(frag_conflict,      DROP, "fragment that is already there, with other content")                             \
	X(frag_ecn,           DROP, "fragments with and without ECN in one datagram")                                 \
	X(frag_timeout,       DROP, "datagram not completed in time")                                                 \
	X(frag_many,          DROP, "more fragments of one datagram than are kept")                                   \
	X(frag_share,         DROP, "fragments of this source beyond its share")                                      \
	X(frag_memory,        DROP, "fragments beyond the memory for all, the oldest went first")
/* clang-format on */

enum sl_malformed {
#define X(name, kind, text) SL_MALFORMED_##name,
	SL_MALFORMED(X)
#undef X
		SL_MALFORMED_MAX,
};
_Static_assert(SL_MALFORMED_MAX <= 64, "one bit each");

#define SL_MALFORMED_BIT(name) (1ull << SL_MALFORMED_##name)

/* All reasons of the kind DROP. */
extern const uint64_t sl_malformed_drop;

/* "tcp_syn_fin" and its sentence; "unknown" for a number that is none. Static memory. */
const char *sl_malformed_name(unsigned int reason);
const char *sl_malformed_text(unsigned int reason);

/* Would be dropped in protect, and must not be shown to sessions. */
static inline bool sl_packet_bad(const struct sl_packet *packet)
{
	return packet->malformed & sl_malformed_drop;
}

#endif
