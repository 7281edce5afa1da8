/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DNS messages (RFC 1035): the question, and the addresses and aliases of an
 * answer, which FQDN rules learn from and events tell of.
 *
 * Invariant: all of a message is checked or it is refused as a whole; the cost
 * is bounded by its length however its names point at one another.
 */
#ifndef SLUICE_DPI_DNS_H
#define SLUICE_DPI_DNS_H

#include "dpi/decode/packet.h"
#include "dpi/inspect/name.h"

#define SL_DNS_RECORDS 64 /* kept of an answer; the others are counted in `more` */

#define SL_DNS_A 1
#define SL_DNS_CNAME 5
#define SL_DNS_AAAA 28

struct sl_dns_record {
	uint16_t type; /* SL_DNS_A, SL_DNS_AAAA, SL_DNS_CNAME */
	uint32_t ttl; /* seconds; at most 2^31 - 1, larger means 0 (RFC 2181, 8) */
	struct sl_name owner; /* length 0: not a host's name */
	struct sl_addr address; /* A, AAAA */
	struct sl_name alias; /* CNAME */
};

struct sl_dns {
	uint16_t id;
	bool response, truncated;
	uint8_t opcode, rcode;
	uint16_t questions, answers, authorities, additionals; /* by the header */
	struct sl_name question; /* of the first one; length 0: none, the root, or not a host's name */
	uint16_t question_type, question_class;
	uint32_t len; /* of the message: what comes behind it is not part of it */
	unsigned int n_records, more;
	struct sl_dns_record record[SL_DNS_RECORDS]; /* of the answer section, in order */
};

/*
 * Reads the message. 0; -EBADMSG: it contradicts itself or points where it
 * must not; -EMSGSIZE: it goes on behind the bytes there are. *ret is
 * untouched on failure, except its record[].
 */
int sl_dns_parse(const uint8_t *message, size_t len, struct sl_dns *ret);

#endif
