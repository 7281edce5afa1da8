// SPDX-License-Identifier: BSD-2-Clause
/* The chapters in their order; see attempts.h. */
#include "evasion/attempts.h"

void connectionless_attempts(struct book *book)
{
	mac_attempts(book);
	link_attempts(book);
	vlan_attempts(book);
	ethertype_attempts(book);
	ipv4_attempts(book);
	ipv6_attempts(book);
	fragment_attempts(book);
	protocol_attempts(book);
	address_attempts(book);
	segment_attempts(book);
	udp_attempts(book);
	icmp_attempts(book);
	offload_attempts(book);
}

void all_attempts(struct book *book)
{
	connectionless_attempts(book);
	connection_attempts(book);
	verdict_attempts(book);
}
