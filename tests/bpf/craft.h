/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames put together piece by piece for the program runs: only what a
 * classifier looks at, and as wrong as a test wants them. (Whole, correct
 * packets that a receiving stack accepts are in tests/lib/frames.h.)
 */
#ifndef SLUICE_TESTS_BPF_CRAFT_H
#define SLUICE_TESTS_BPF_CRAFT_H

#include <linux/types.h>
#include <stddef.h>

struct craft {
	size_t len;
	__u8 data[2048];
};

/* Each appends to the frame and returns it, so that they nest: craft_udp(craft_ip4(craft_eth(…)…)…). */
struct craft *craft_eth(struct craft *f, const char *da, const char *sa, __u16 type);
struct craft *craft_vlan(struct craft *f, __u16 type_of_this, __u16 tci, __u16 type);
/* frag: the whole 16-bit flags and offset field. */
struct craft *craft_ip4(struct craft *f, const char *src, const char *dst, __u8 proto, __u16 frag);
struct craft *craft_ip6(struct craft *f, const char *src, const char *dst, __u8 next);
/* An IPv6 extension header of 8 bytes (AH: 16). */
struct craft *craft_ext(struct craft *f, __u8 type, __u8 next);
struct craft *craft_ports(struct craft *f, __u16 sport, __u16 dport);
struct craft *craft_arp(struct craft *f, __u16 op);
struct craft *craft_fill(struct craft *f, __u8 byte, size_t n);
/* Cuts the frame to len bytes. */
struct craft *craft_cut(struct craft *f, size_t len);

#endif
