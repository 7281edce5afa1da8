/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The attempts, a file a chapter. Each puts what it knows into the book.
 */
#ifndef SLUICE_TESTS_EVASION_ATTEMPTS_H
#define SLUICE_TESTS_EVASION_ATTEMPTS_H

#include "evasion/play.h"

/* All chapters; and those that need no answer of the far end. */
void all_attempts(struct book *book);
void connectionless_attempts(struct book *book);

void mac_attempts(struct book *book);
void link_attempts(struct book *book);
void vlan_attempts(struct book *book);
void ethertype_attempts(struct book *book);
void ipv4_attempts(struct book *book);
void ipv6_attempts(struct book *book);
void fragment_attempts(struct book *book);
void protocol_attempts(struct book *book);
void segment_attempts(struct book *book);
void connection_attempts(struct book *book);
void verdict_attempts(struct book *book);
void udp_attempts(struct book *book);
void icmp_attempts(struct book *book);
void address_attempts(struct book *book);
void offload_attempts(struct book *book);
/* Those of offloads, and frames that pass only where the MTU is 9000. */
void jumbo_attempts(struct book *book);

#endif
