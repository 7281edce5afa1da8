/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ethernet frames for tests, built layer by layer from the outside in:
 *
 *	frame_eth(&f, dst, src);
 *	frame_vlan(&f, ETH_P_8021Q, 5);
 *	frame_ipv4(&f, "10.10.10.66", "10.10.10.88", IPPROTO_UDP);
 *	frame_udp(&f, 1000, 2000, payload, sizeof(payload));
 *
 * Invariant: after each call the frame is consistent so far as it goes:
 * ethertypes and next-header fields name the layer behind them, lengths cover
 * what is there, checksums are right. Whoever wants a broken frame breaks
 * f->data or f->len afterwards, at the recorded offsets.
 */
#ifndef SLUICE_TESTS_FRAMES_H
#define SLUICE_TESTS_FRAMES_H

#include <linux/if_ether.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 65550

struct frame {
	uint32_t len;
	uint32_t etype_at; /* offset of the ethertype that names what follows */
	uint32_t l3_at; /* offset of the IP or ARP header, 0 while there is none */
	uint32_t next_at; /* offset of the protocol (IPv4) or last next-header field (IPv6) */
	uint32_t l4_at; /* offset behind the IP header and its extension headers */
	uint8_t data[FRAME_MAX];
};

struct mac {
	uint8_t b[ETH_ALEN];
};

/* "1a:27:f3:87:3a:27"; aborts on anything else, a test's constant being wrong. */
struct mac mac_of(const char *text);
/* The UCMAC and the BCMAC of a workload id. */
struct mac mac_uc(uint16_t id);
struct mac mac_bc(uint16_t id);
#define MAC_BROADCAST ((struct mac){ { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } })

/* Starts a frame. The ethertype is 0 until a layer follows. */
void frame_eth(struct frame *f, struct mac dst, struct mac src);
/* One more tag behind those that are there. tci is priority, DEI and VID together. */
void frame_vlan(struct frame *f, uint16_t tpid, uint16_t tci);
/* Any other ethertype with its payload. A value below 0x600 is an 802.3 length and is written as given. */
void frame_payload(struct frame *f, uint16_t ethertype, const void *data, size_t len);
/* Text addresses, as inet_pton takes them. op 1 request, 2 reply. */
void frame_arp(struct frame *f, uint16_t op, struct mac sha, const char *spa, struct mac tha,
	       const char *tpa);

void frame_ipv4(struct frame *f, const char *src, const char *dst, uint8_t protocol);
/* The same with options (a multiple of 4 bytes, at most 40) and fragment field (flags and offset, host order). */
void frame_ipv4_full(struct frame *f, const char *src, const char *dst, uint8_t protocol, uint8_t ttl,
		     uint16_t frag, const void *options, size_t options_len);
void frame_ipv6(struct frame *f, const char *src, const char *dst, uint8_t next);
/* Puts an extension header (type in the field before it, next inside) behind what is there; len a multiple of 8. */
void frame_ipv6_ext(struct frame *f, uint8_t type, uint8_t next, const void *body, size_t body_len);

/* Behind frame_ipv4()/frame_ipv6(). data may be NULL: len bytes of a counting pattern. */
void frame_udp(struct frame *f, uint16_t sport, uint16_t dport, const void *data, size_t len);
#define FRAME_FIN 0x01
#define FRAME_SYN 0x02
#define FRAME_RST 0x04
#define FRAME_PSH 0x08
#define FRAME_ACK 0x10
void frame_tcp(struct frame *f, uint16_t sport, uint16_t dport, uint32_t seq, uint32_t ack, uint8_t flags,
	       const void *data, size_t len);
/* ICMP or ICMPv6, as the IP header in front of it is. */
void frame_icmp(struct frame *f, uint8_t type, uint8_t code, uint16_t id, uint16_t seq, const void *data,
		size_t len);
/* Bytes behind an IP header without any meaning, e.g. a later fragment. */
void frame_raw(struct frame *f, const void *data, size_t len);

/* Cuts to len bytes or pads with zeros; lengths and checksums inside stay as they are. */
void frame_resize(struct frame *f, size_t len);
void frame_set_dst(struct frame *f, struct mac mac);
void frame_set_src(struct frame *f, struct mac mac);
struct mac frame_dst(const struct frame *f);
struct mac frame_src(const struct frame *f);
/* f, a tag put in front of all others; as a NIC does with a tag that the kernel keeps beside the data. */
void frame_push_vlan(struct frame *f, uint16_t tpid, uint16_t tci);
/* The outermost tag is taken out; false if there is none. */
bool frame_pop_vlan(struct frame *f, uint16_t *ret_tpid, uint16_t *ret_tci);

/*
 * Are the IP header checksum and the TCP, UDP or ICMP checksum of the bytes
 * right (through any tags)? True also where there is none to check: other
 * ethertypes, fragments, other protocols. UDP over IPv4 without checksum is right.
 */
bool frame_checksums_right(const uint8_t *data, size_t len);

/* Ones' complement sum as IP has it, folded, not inverted; start is the sum so far. */
uint32_t frame_sum(const void *data, size_t len, uint32_t start);
/* The sum of the pseudo header in front of l4_len bytes; ip points to the IPv4 or IPv6 header. */
uint32_t frame_pseudo_sum(const uint8_t *ip, uint8_t protocol, size_t l4_len);

/* "equal", or where they differ and both bytes. Static memory, one a thread. */
const char *frame_difference(const void *a, size_t a_len, const void *b, size_t b_len);
/* The first bytes as hex text; static memory, one a thread. */
const char *frame_hex(const void *data, size_t len);
/* "1a:27:f3:87:3a:27"; four results are valid at a time. */
const char *mac_text(struct mac mac);
bool mac_equal(struct mac a, struct mac b);

#endif
