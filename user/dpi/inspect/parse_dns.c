// SPDX-License-Identifier: BSD-2-Clause
/*
 * DNS over UDP and TCP (RFC 1035), mDNS and LLMNR included: a question that
 * makes sense from its first to its last byte. NetBIOS names, which use the
 * same layout, are not DNS.
 */
#include "dpi/inspect/dns.h"
#include "dpi/inspect/parse.h"

#define TYPE_NETBIOS 32
#define TYPE_NETBIOS_STATUS 33
#define NETBIOS_NAME 32
#define OPCODE_QUERY 0
#define OPCODE_NOTIFY 4
#define OPCODE_UPDATE 5

static bool known_class(uint16_t class)
{
	class &= 0x7fff; /* mDNS: "answer by unicast", RFC 6762, 5.4 */
	return class == 1 || class == 3 || class == 4 || class == 254 || class == 255;
}

static bool plausible(const struct sl_dns *dns, bool response)
{
	if (dns->response != response || dns->questions != 1 || !known_class(dns->question_class) ||
	    !dns->question_type)
		return false;
	if (dns->question.len == NETBIOS_NAME &&
	    (dns->question_type == TYPE_NETBIOS || dns->question_type == TYPE_NETBIOS_STATUS) &&
	    !strchr(dns->question.text, '.'))
		return false;
	if (response)
		return dns->opcode <= OPCODE_UPDATE && dns->opcode != 3;
	if (dns->opcode == OPCODE_QUERY) /* mDNS: known answers, RFC 6762, 7.1 */
		return dns->rcode == 0 && dns->additionals <= 4;
	return (dns->opcode == OPCODE_NOTIFY || dns->opcode == OPCODE_UPDATE) && dns->rcode == 0;
}

static enum sl_verdict try_message(const uint8_t *message, uint32_t len, bool response,
				   struct sl_found *found)
{
	struct sl_dns dns;

	if (sl_dns_parse(message, len, &dns) < 0 || dns.len != len || !plausible(&dns, response))
		return SL_NO;
	found->name = dns.question;
	return sl_yes(found, SL_APPLICATION_DNS, response ? 85 : 95);
}

static enum sl_verdict try_side(const struct sl_spoken *spoken, enum sl_side side, struct sl_found *found)
{
	const struct sl_said *said = &spoken->side[side];
	uint32_t len;

	if (!said->len)
		return SL_MORE;
	if (spoken->protocol == IPPROTO_UDP)
		return said->len == said->total ? try_message(said->data, said->len, side == SL_SERVER, found)
						: SL_NO;
	if (said->len < 2)
		return SL_MORE;
	len = sl_be16(said->data);
	if (len < 17)
		return SL_NO;
	if (said->len < 6)
		return SL_MORE;
	/* Before waiting for the rest: one question, and the bit of a question. */
	if ((said->data[4] >> 7) != (side == SL_SERVER))
		return SL_NO;
	if (said->len < len + 2)
		return sl_short_of(spoken, said, len + 2);
	return try_message(said->data + 2, len, side == SL_SERVER, found);
}

enum sl_verdict sl_parse_dns(const struct sl_spoken *spoken, struct sl_found *found)
{
	if (spoken->side[SL_CLIENT].len)
		return try_side(spoken, SL_CLIENT, found);
	return try_side(spoken, SL_SERVER, found);
}
