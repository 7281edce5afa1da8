// SPDX-License-Identifier: BSD-2-Clause
/* DNS messages and names: what is read of good ones, and that bad ones are refused as a whole. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dpi/inspect/dns.h"

static const uint8_t header[] = { 0x12, 0x34, 0x81, 0x80, 0, 1, 0, 3, 0, 0, 0, 0 };

/* www.example.com: an alias of host.example.com, which has both kinds of address. */
static const uint8_t answer[] = {
	0x12, 0x34, 0x81, 0x80, 0, 1,	0,    3,   0,	0,    0,   0, /* 0 */
	3,    'W',  'w',  'w',	7, 'e', 'x',  'a', 'm', 'p',  'l', 'e', 3,    'c', 'o', 'm',
	0,    0,    1,	  0,	1, /* 12 */
	0xc0, 12,   0,	  5,	0, 1,	0,    0,   1,	0x2c, 0,   7,	4,    'h', 'o', 's',
	't',  0xc0, 16, /* 33; alias at 45 */
	0xc0, 45,   0,	  1,	0, 1,	0,    0,   0,	60,   0,   4,	192,  0,   2,	7, /* 52 */
	0xc0, 45,   0,	  28,	0, 1,	0x80, 0,   0,	0,    0,   16,	0x20, 1,   0xd, 0xb8,
	0,    0,    0,	  0,	0, 0,	0,    0,   0,	0,    0,   9, /* 68 */
};

static struct sl_dns dns;

Test(inspect_dns, answer)
{
	static const uint8_t four[16] = { [10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 7 };

	cr_assert_eq(sl_dns_parse(answer, sizeof(answer), &dns), 0);
	cr_expect(dns.response && !dns.truncated && dns.id == 0x1234 && dns.rcode == 0);
	cr_expect_str_eq(dns.question.text, "www.example.com");
	cr_expect(dns.question_type == 1 && dns.question_class == 1);
	cr_expect_eq(dns.len, sizeof(answer));
	cr_assert_eq(dns.n_records, 3);
	cr_expect_eq(dns.record[0].type, SL_DNS_CNAME);
	cr_expect_str_eq(dns.record[0].owner.text, "www.example.com");
	cr_expect_str_eq(dns.record[0].alias.text, "host.example.com");
	cr_expect_eq(dns.record[0].ttl, 300);
	cr_expect_str_eq(dns.record[1].owner.text, "host.example.com");
	cr_expect_eq(dns.record[1].ttl, 60);
	cr_expect_arr_eq(dns.record[1].address.byte, four, 16);
	cr_expect_eq(dns.record[2].type, SL_DNS_AAAA);
	cr_expect_eq(dns.record[2].address.byte[15], 9);
	cr_expect_eq(dns.record[2].ttl, 0, "a TTL with the top bit is none");
}

/* Cut anywhere, it is refused, and nothing is said about it. */
Test(inspect_dns, cut)
{
	for (size_t len = 0; len < sizeof(answer); len++) {
		uint8_t *copy = malloc(len ? len : 1);

		memcpy(copy, answer, len);
		memset(&dns, 0xee, sizeof(dns));
		cr_expect_eq(sl_dns_parse(copy, len, &dns), -EMSGSIZE, "%zu", len);
		cr_expect_eq(dns.id, 0xeeee);
		free(copy);
	}
}

static int with_name(const uint8_t *name, size_t len)
{
	uint8_t message[1024];

	memcpy(message, header, sizeof(header));
	memset(message + 6, 0, 6);
	memcpy(message + sizeof(header), name, len);
	memcpy(message + sizeof(header) + len, "\0\1\0\1", 4);
	return sl_dns_parse(message, sizeof(header) + len + 4, &dns);
}

Test(inspect_dns, pointers)
{
	uint8_t chain[600];

	/* at itself; forward; into the header; at one that points back at it */
	cr_expect_eq(with_name((const uint8_t *)"\xc0\x0c", 2), -EBADMSG);
	cr_expect_eq(with_name((const uint8_t *)"\xc0\x0e\0", 3), -EBADMSG);
	cr_expect_eq(with_name((const uint8_t *)"\xc0\x02", 2), -EBADMSG);
	cr_expect_eq(with_name((const uint8_t *)"\1a\xc0\x0c", 4), -EBADMSG);
	/* reserved kinds of labels */
	cr_expect_eq(with_name((const uint8_t *)"\x41"
						"a\0",
			       3),
		     -EBADMSG);
	cr_expect_eq(with_name((const uint8_t *)"\x81"
						"a\0",
			       3),
		     -EBADMSG);

	/* A long chain, each link one back, in a record's owner. */
	memcpy(chain, header, sizeof(header));
	memset(chain + 4, 0, 8);
	chain[5] = 100; /* questions */
	chain[12] = 0;
	memcpy(chain + 13, "\0\1\0\1", 4);
	for (unsigned int i = 0, at = 17; i < 95; i++, at += 6) {
		chain[at] = 0xc0 | (i ? (at - 6) >> 8 : 0);
		chain[at + 1] = (uint8_t)(i ? at - 6 : 12);
		memcpy(chain + at + 2, "\0\1\0\1", 4);
	}
	cr_expect_eq(sl_dns_parse(chain, 17 + 95 * 6, &dns), -EBADMSG);
	chain[5] = 30;
	cr_expect_eq(sl_dns_parse(chain, 17 + 29 * 6, &dns), 0);
}

Test(inspect_dns, names)
{
	uint8_t name[300];
	size_t len = 0;

	cr_expect_eq(with_name((const uint8_t *)"\0", 1), 0);
	cr_expect_eq(dns.question.len, 0, "the root is no host");
	/* No host has such a name, and it must not reach a terminal; the message is read all the same. */
	cr_expect_eq(with_name((const uint8_t *)"\4a\x1b[m\0", 6), 0);
	cr_expect_eq(dns.question.len, 0);
	cr_expect_eq(with_name((const uint8_t *)"\3a.b\0", 5), 0);
	cr_expect_eq(dns.question.len, 0, "a dot within a label is not one between labels");
	cr_expect_eq(with_name((const uint8_t *)"\4_sip\4_TCP\0", 11), 0);
	cr_expect_str_eq(dns.question.text, "_sip._tcp");
	for (; len + 64 <= 192; len += 64) {
		name[len] = 63;
		memset(name + len + 1, 'x', 63);
	}
	name[len++] = 61;
	memset(name + len, 'x', 61);
	len += 61;
	name[len++] = 0;
	cr_assert_eq(len, 255);
	cr_expect_eq(with_name(name, len), 0);
	cr_expect_eq(dns.question.len, SL_NAME_MAX);
	name[192] = 62;
	name[len - 1] = 'x';
	name[len++] = 0;
	cr_expect_eq(with_name(name, len), -EBADMSG, "one byte too long");
}

/* More records than are kept are counted; data of a wrong length is refused. */
Test(inspect_dns, records)
{
	static const uint8_t record[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 192, 0, 2, 1 };
	uint8_t message[33 + 70 * sizeof(record)];

	memcpy(message, answer, 33);
	message[7] = 70;
	for (unsigned int i = 0; i < 70; i++)
		memcpy(message + 33 + i * sizeof(record), record, sizeof(record));
	cr_expect_eq(sl_dns_parse(message, sizeof(message), &dns), 0);
	cr_expect_eq(dns.n_records, SL_DNS_RECORDS);
	cr_expect_eq(dns.more, 70 - SL_DNS_RECORDS);
	message[7] = 1;
	message[33 + 11] = 3;
	cr_expect_eq(sl_dns_parse(message, 33 + sizeof(record), &dns), -EBADMSG);
	/* More announced than there are. */
	message[33 + 11] = 4;
	message[7] = 2;
	cr_expect_eq(sl_dns_parse(message, 33 + sizeof(record), &dns), -EMSGSIZE);
}

Test(inspect_dns, taking_names)
{
	struct sl_name name = { 0 };

	cr_expect(sl_name_take(&name, (const uint8_t *)"WWW.Example.COM.", 16));
	cr_expect_str_eq(name.text, "www.example.com");
	cr_expect_not(sl_name_take(&name, (const uint8_t *)"a..b", 4));
	cr_expect_not(sl_name_take(&name, (const uint8_t *)".a", 2));
	cr_expect_not(sl_name_take(&name, (const uint8_t *)".", 1));
	cr_expect_not(sl_name_take(&name, (const uint8_t *)"a\0b", 3));
	cr_expect_not(sl_name_take(&name, (const uint8_t *)"a b", 3));
	cr_expect_not(sl_name_take(&name, (const uint8_t *)"\xc3\xa4", 2));
	cr_expect_str_eq(name.text, "www.example.com", "untouched");
	cr_expect(sl_name_take_authority(&name, (const uint8_t *)"host:8080", 9));
	cr_expect_str_eq(name.text, "host");
	cr_expect(sl_name_take_authority(&name, (const uint8_t *)"[2001:DB8::1]:443", 17));
	cr_expect_str_eq(name.text, "2001:db8::1");
	cr_expect_not(sl_name_take_authority(&name, (const uint8_t *)"[2001:db8::1", 12));
	cr_expect_not(sl_name_take_authority(&name, (const uint8_t *)":80", 3));
}
