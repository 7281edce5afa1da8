// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading a DNS message without trusting any number in it.
 *
 * Names: a pointer must point before the label it stands at, strictly further
 * back than the one followed before, and only so often; and a name has at most
 * 255 bytes. A name that is not a host's (blanks,
 * control characters, dots within a label) is skipped properly and given as
 * none.
 */
#include "dpi/inspect/dns.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define HEADER 12
#define LABEL_MAX 63
#define POINTER 0xc0
#define HOPS_MAX 32 /* real servers need one or two */
#define CLASS_IN 1
#define CACHE_FLUSH 0x8000 /* mDNS uses the class's top bit, RFC 6762, 10.2 */

struct reader {
	const uint8_t *message;
	uint32_t len, at;
};

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

/* Puts a label behind what is in text. False if it cannot be part of a host's name. */
static bool append(uint8_t *text, uint32_t *len, const uint8_t *label, uint32_t label_len)
{
	if (memchr(label, '.', label_len) || *len + label_len + 1 > SL_NAME_MAX + 1)
		return false;
	memcpy(text + *len, label, label_len);
	*len += label_len;
	text[(*len)++] = '.';
	return true;
}

/* Reads the name at r->at and moves behind it. ret->len is 0 if it is none a host can have. */
static int read_name(struct reader *r, struct sl_name *ret)
{
	uint32_t at = r->at, behind = 0, limit = r->len, wire = 1, text_len = 0;
	uint8_t text[SL_NAME_MAX + 1];
	unsigned int hops = 0;
	bool host = true;

	ret->len = 0;
	ret->text[0] = 0;
	for (;;) {
		uint32_t label;

		if (at >= limit)
			return behind ? -EBADMSG : -EMSGSIZE;
		label = r->message[at];
		if (!label)
			break;
		if ((label & POINTER) == POINTER) {
			uint32_t to;

			if (at + 2 > r->len)
				return -EMSGSIZE;
			to = get16(r->message + at) & 0x3fff;
			if (!behind)
				behind = at + 2;
			else if (at + 2 > limit)
				return -EBADMSG;
			/* Only ever back, and what is read there must end before here. */
			if (to >= at || to < HEADER || ++hops > HOPS_MAX)
				return -EBADMSG;
			limit = at;
			at = to;
			continue;
		}
		if (label > LABEL_MAX)
			return -EBADMSG;
		wire += label + 1;
		if (wire > 255)
			return -EBADMSG;
		if (at + 1 + label > limit)
			return behind ? -EBADMSG : -EMSGSIZE;
		host = host && append(text, &text_len, r->message + at + 1, label);
		at += 1 + label;
	}
	r->at = behind ? behind : at + 1;
	if (host && text_len && !sl_name_take(ret, text, text_len))
		ret->len = 0;
	return 0;
}

/* What is kept of a record of type A, AAAA or CNAME. */
static int read_data(struct reader *r, uint32_t len, struct sl_dns_record *record)
{
	struct reader name = { .message = r->message, .len = r->at + len, .at = r->at };

	if (record->type == SL_DNS_CNAME) {
		int rc = read_name(&name, &record->alias);

		return rc || name.at != name.len ? -EBADMSG : 0;
	}
	if (len != (record->type == SL_DNS_A ? 4 : 16))
		return -EBADMSG;
	if (record->type == SL_DNS_A) {
		record->address.byte[10] = record->address.byte[11] = 0xff;
		memcpy(record->address.byte + 12, r->message + r->at, 4);
	} else {
		memcpy(record->address.byte, r->message + r->at, 16);
	}
	return 0;
}

static int read_record(struct reader *r, struct sl_dns *dns, struct sl_dns_record *room)
{
	struct sl_dns_record record = { 0 };
	uint16_t class, len;
	int rc = read_name(r, &record.owner);

	if (rc)
		return rc;
	if (r->at + 10 > r->len)
		return -EMSGSIZE;
	record.type = get16(r->message + r->at);
	class = get16(r->message + r->at + 2) & (uint16_t)~CACHE_FLUSH;
	record.ttl = get32(r->message + r->at + 4);
	if (record.ttl > INT32_MAX)
		record.ttl = 0;
	len = get16(r->message + r->at + 8);
	r->at += 10;
	if (r->at + len > r->len)
		return -EMSGSIZE;
	if (room && class == CLASS_IN &&
	    (record.type == SL_DNS_A || record.type == SL_DNS_AAAA || record.type == SL_DNS_CNAME)) {
		/* An update (RFC 2136) deletes by records without data: no address is learnt from those. */
		rc = dns->response ? read_data(r, len, &record) : 0;
		if (rc)
			return rc;
		if (dns->n_records < SL_DNS_RECORDS)
			room[dns->n_records++] = record;
		else
			dns->more++;
	}
	r->at += len;
	return 0;
}

static int read_question(struct reader *r, struct sl_dns *dns, bool first)
{
	struct sl_name name;
	int rc = read_name(r, &name);

	if (rc)
		return rc;
	if (r->at + 4 > r->len)
		return -EMSGSIZE;
	if (first) {
		dns->question = name;
		dns->question_type = get16(r->message + r->at);
		dns->question_class = get16(r->message + r->at + 2);
	}
	r->at += 4;
	return 0;
}

/* Everything but record[]. */
static void copy_head(struct sl_dns *to, const struct sl_dns *from)
{
	memcpy(to, from, offsetof(struct sl_dns, record));
}

int sl_dns_parse(const uint8_t *message, size_t len, struct sl_dns *ret)
{
	struct reader r = { .message = message, .len = len > UINT16_MAX ? UINT16_MAX : (uint32_t)len };
	struct sl_dns head;
	uint32_t rest;

	if (len < HEADER)
		return -EMSGSIZE;
	memset(&head, 0, offsetof(struct sl_dns, record));
	head.id = get16(message);
	head.response = message[2] & 0x80;
	head.opcode = message[2] >> 3 & 0xf;
	head.truncated = message[2] & 2;
	head.rcode = message[3] & 0xf;
	head.questions = get16(message + 4);
	head.answers = get16(message + 6);
	head.authorities = get16(message + 8);
	head.additionals = get16(message + 10);
	r.at = HEADER;
	/* Every question and record has a length of its own, so these end with the message. */
	for (uint32_t i = 0; i < head.questions; i++) {
		int rc = read_question(&r, &head, i == 0);

		if (rc)
			return rc;
	}
	for (uint32_t i = 0; i < head.answers; i++) {
		int rc = read_record(&r, &head, ret->record);

		if (rc)
			return rc;
	}
	rest = (uint32_t)head.authorities + head.additionals;
	for (uint32_t i = 0; i < rest; i++) {
		int rc = read_record(&r, &head, NULL);

		if (rc)
			return rc;
	}
	head.len = r.at;
	copy_head(ret, &head);
	return 0;
}
