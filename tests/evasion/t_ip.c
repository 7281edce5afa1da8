// SPDX-License-Identifier: BSD-2-Clause
/* IPv4 headers and options, IPv6 headers and their extensions. */
#include <criterion/criterion.h>
#include <string.h>

#include "evasion/attempts.h"

struct options {
	const char *name;
	uint8_t len, byte[40];
	bool bad; /* must be dropped whatever the policy says */
};
static const struct options options4[] = {
	{ "no operation, 4 times", 4, { 1, 1, 1, 1 }, false },
	{ "no operation, 40 times",
	  40,
	  { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 },
	  false },
	{ "end of options and junk behind", 8, { 0, 0x83, 0xff, 0xff, 9, 9, 9, 9 }, false },
	{ "record route", 8, { 7, 7, 4, 0, 0, 0, 0, 0 }, false },
	{ "timestamp", 12, { 0x44, 12, 5, 0 }, false },
	{ "router alert", 4, { 0x94, 4, 0, 0 }, false },
	{ "security", 12, { 0x82, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, false },
	{ "CIPSO", 8, { 0x86, 6, 0, 0, 0, 1, 0, 0 }, false },
	{ "stream id", 4, { 0x88, 4, 0, 1 }, false },
	{ "an unknown one", 4, { 0x9e, 4, 1, 2 }, false },
	{ "loose source route", 8, { 0x83, 7, 4, 10, 10, 10, 99, 0 }, true },
	{ "loose source route, used up", 8, { 0x83, 7, 8, 10, 10, 10, 99, 0 }, true },
	{ "strict source route", 8, { 0x89, 7, 4, 10, 10, 10, 99, 0 }, true },
	{ "a source route behind no operations", 12, { 1, 1, 1, 1, 0x83, 7, 4, 10, 10, 10, 99, 0 }, true },
	{ "length 0", 4, { 7, 0, 4, 0 }, true },
	{ "length 1", 4, { 7, 1, 4, 0 }, true },
	{ "length beyond the header", 4, { 7, 39, 4, 0 }, true },
	{ "a type without its length", 4, { 1, 1, 1, 7 }, true },
};
#define N_OPTIONS (sizeof(options4) / sizeof(*options4))

static void with_options(struct play *play)
{
	const struct options *options = &options4[play->attempt->a];
	enum probe probe = (enum probe)play->attempt->b;
	static struct frame f;

	begin(play, &f);
	frame_ipv4_full(&f, play->from, play->to, probe_protocol(probe), 64, 0, options->byte, options->len);
	put_probe(play, &f, probe);
	fire(play, &f, options->bad ? FORBIDDEN : probe_fate(probe));
}

static void renew_checksum(struct frame *f)
{
	uint8_t *ip = f->data + f->l3_at;
	size_t len = (size_t)(ip[0] & 15) * 4;
	uint32_t sum;

	ip[10] = ip[11] = 0;
	sum = ~frame_sum(ip, len, 0);
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
}

/* One field of the header is another. */
struct field4 {
	const char *name;
	uint8_t at, len; /* bytes from the header's begin */
	uint16_t value;
	bool keep_sum; /* the checksum stays as it was */
	bool bad;
};
static const struct field4 fields4[] = {
	{ "header length 0", 0, 1, 0x40, true, true },
	{ "header length 4", 0, 1, 0x41, true, true },
	{ "header length 16", 0, 1, 0x44, true, true },
	{ "header length 24 that is not there", 0, 1, 0x46, false, false },
	{ "header length 60 that is not there", 0, 1, 0x4f, true, true },
	{ "total length 0", 2, 2, 0, false, true },
	{ "total length 19", 2, 2, 19, false, true },
	{ "total length 20: nothing in it", 2, 2, 20, false, true },
	{ "total length 24: cuts the transport header", 2, 2, 24, false, true },
	{ "total length 27: cuts the transport header", 2, 2, 27, false, true },
	{ "total length beyond the frame", 2, 2, 300, false, true },
	{ "total length 65535", 2, 2, 65535, false, true },
	{ "TTL 0", 8, 1, 0, false, false },
	{ "TTL 1", 8, 1, 1, false, false },
	{ "type of service 255", 1, 1, 255, false, false },
	{ "the reserved (evil) bit", 6, 2, 0x8000, false, false },
	{ "do not fragment", 6, 2, 0x4000, false, false },
	{ "id 0", 4, 2, 0, false, false },
	{ "wrong header checksum", 10, 2, 0x1234, true, true },
	{ "header checksum 0", 10, 2, 0, true, true },
	{ "header checksum 65535", 10, 2, 65535, true, true },
};
#define N_FIELDS4 (sizeof(fields4) / sizeof(*fields4))

static void set_field(struct frame *f, uint8_t at, uint8_t len, uint16_t value)
{
	uint8_t *to = f->data + f->l3_at + at;

	if (len == 2)
		*to++ = (uint8_t)(value >> 8);
	*to = (uint8_t)value;
}

static void with_field4(struct play *play)
{
	const struct field4 *field = &fields4[play->attempt->a];
	enum probe probe = (enum probe)play->attempt->b;
	static struct frame f;

	begin_ip(play, &f, probe_protocol(probe));
	put_probe(play, &f, probe);
	set_field(&f, field->at, field->len, field->value);
	if (!field->keep_sum)
		renew_checksum(&f);
	fire(play, &f, field->bad ? FORBIDDEN : probe_fate(probe));
}

static const struct field4 fields6[] = {
	{ "payload length 0", 4, 2, 0, true, true },
	{ "payload length 7: cuts the transport header", 4, 2, 7, true, true },
	{ "payload length beyond the frame", 4, 2, 400, true, true },
	{ "payload length 65535", 4, 2, 65535, true, true },
	{ "hop limit 0", 7, 1, 0, true, false },
	{ "hop limit 1", 7, 1, 1, true, false },
	{ "traffic class 255", 0, 2, 0x6ff0, true, false },
	{ "a flow label", 2, 2, 0x4711, true, false },
	{ "no next header", 6, 1, 59, true, true },
	{ "IPv4 as next header", 6, 1, 4, true, true },
	{ "an unknown next header", 6, 1, 200, true, true },
	{ "next header 255", 6, 1, 255, true, true },
};
#define N_FIELDS6 (sizeof(fields6) / sizeof(*fields6))

static void with_field6(struct play *play)
{
	const struct field4 *field = &fields6[play->attempt->a];
	enum probe probe = (enum probe)play->attempt->b;
	static struct frame f;

	begin_ip(play, &f, probe_protocol(probe));
	put_probe(play, &f, probe);
	set_field(&f, field->at, field->len, field->value);
	fire(play, &f, field->bad ? FORBIDDEN : probe_fate(probe));
}

void ipv4_attempts(struct book *book)
{
	static const enum probe probes[] = { UDP_CLOSED, SYN_CLOSED, SYN_OPEN };

	book->chapter = "IPv4 headers";
	for (size_t k = 0; k < sizeof(probes) / sizeof(*probes); k++) {
		for (size_t i = 0; i < N_OPTIONS; i++)
			book_add(book, V4, NULL, with_options, (long)i, probes[k], "IPv4 option %s, %s",
				 options4[i].name, probe_names[probes[k]]);
		for (size_t i = 0; i < N_FIELDS4; i++)
			book_add(book, V4, NULL, with_field4, (long)i, probes[k], "IPv4 with %s, %s",
				 fields4[i].name, probe_names[probes[k]]);
	}
}

/* Extension headers, outermost first; each is a letter of the table below. */
struct extension {
	char letter;
	uint8_t type, len, body[30]; /* len: of body, two bytes less than the header */
};
static const struct extension extensions[] = {
	{ 'h', IPPROTO_HOPOPTS, 6, { 1, 4, 0, 0, 0, 0 } },
	{ 'a', IPPROTO_HOPOPTS, 6, { 5, 2, 0, 0, 1, 0 } }, /* router alert */
	{ 'j', IPPROTO_HOPOPTS, 6, { 0xc2, 4, 0, 1, 0, 0 } }, /* jumbo payload */
	{ 'd', IPPROTO_DSTOPTS, 6, { 1, 4, 0, 0, 0, 0 } },
	{ 'D', IPPROTO_DSTOPTS, 30, { 1, 28 } },
	{ 'u', IPPROTO_DSTOPTS, 6, { 0x3e, 4, 1, 2, 3, 4 } }, /* unknown: skip */
	{ 'U', IPPROTO_DSTOPTS, 6, { 0xbe, 4, 1, 2, 3, 4 } }, /* unknown: discard */
	{ 'o', IPPROTO_DSTOPTS, 6, { 0xc9, 4, 1, 2, 3, 4 } }, /* home address, cut */
	{ 'r', IPPROTO_ROUTING, 22, { 0, 1, 0, 0, 0, 0, 0xfd, 0, 0, 0x10 } }, /* type 0 */
	{ 'R', IPPROTO_ROUTING, 6, { 0, 0, 0, 0, 0, 0 } }, /* type 0, used up */
	{ 'm', IPPROTO_ROUTING, 22, { 2, 1, 0, 0, 0, 0, 0xfd, 0, 0, 0x10 } }, /* type 2 */
	{ 's', IPPROTO_ROUTING, 22, { 4, 1, 0, 0, 0, 0, 0xfd, 0, 0, 0x10 } }, /* segments */
	{ 'S', IPPROTO_ROUTING, 22, { 4, 0, 0, 0, 0, 0, 0xfd, 0, 0, 0x10 } }, /* segments, used up */
	{ 'f', IPPROTO_FRAGMENT, 6, { 0, 0, 0, 0, 0, 7 } }, /* atomic fragment */
	{ 'A', IPPROTO_AH, 22, { 0, 0, 0, 0, 0, 1, 0, 0, 0, 1 } },
	{ 'M', 135, 6, { 5, 0, 0, 0, 0, 0 } }, /* mobility */
	{ 'H', 139, 6, { 1, 0x11, 0, 0, 0, 0 } }, /* host identity */
	{ '6', 140, 6, { 0x80, 0, 0, 0, 0, 0 } }, /* shim6 */
};

struct chain {
	const char *letters, *name;
	bool bad;
};
static const struct chain chains[] = {
	{ "h", "hop-by-hop options", false },
	{ "a", "router alert", false },
	{ "j", "a jumbo option", false },
	{ "d", "destination options", false },
	{ "D", "long destination options", false },
	{ "u", "an unknown option to be skipped", false },
	{ "U", "an unknown option to be discarded", false },
	{ "o", "a home address option", false },
	{ "r", "routing header type 0", true },
	{ "R", "routing header type 0, used up", true },
	{ "m", "routing header type 2", true },
	{ "s", "a segment routing header", true },
	{ "S", "a segment routing header, used up", false },
	{ "f", "an atomic fragment", false },
	{ "A", "an authentication header", false },
	{ "M", "a mobility header", true },
	{ "H", "a host identity header", true },
	{ "6", "a shim6 header", true },
	{ "hh", "hop-by-hop options twice", true },
	{ "dh", "hop-by-hop options not in front", true },
	{ "fh", "hop-by-hop options behind a fragment header", true },
	{ "ff", "two atomic fragments", true },
	{ "fff", "three atomic fragments", true },
	{ "fd", "destination options behind an atomic fragment", false },
	{ "df", "destination options before an atomic fragment", false },
	{ "dfdf", "destination options and atomic fragments by turns", true },
	{ "hdSfAd", "one of each", false },
	{ "fr", "a routing header behind a fragment header", true },
	{ "Af", "an authentication header before an atomic fragment", false },
	{ "fA", "an authentication header behind an atomic fragment", false },
	{ "dd", "2 destination options", false },
	{ "dddd", "4 destination options", false },
	{ "ddddddd", "7 destination options", false },
	{ "dddddddd", "8 destination options", false },
	{ "ddddddddd", "9 destination options", true },
	{ "dddddddddddd", "12 destination options", true },
	{ "ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
	  "85 destination options", true },
	{ "DDDDDDDD", "8 long destination options", false },
	{ "DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD", "36 long destination options", true },
	{ "hddddddfd", "9 headers of all kinds", true },
};
#define N_CHAINS (sizeof(chains) / sizeof(*chains))

static const struct extension *extension_of(char letter)
{
	size_t i = 0;

	while (extensions[i].letter != letter)
		i++;
	return &extensions[i];
}

static void put_extension(struct frame *f, const struct extension *extension, uint8_t next)
{
	frame_ipv6_ext(f, extension->type, next, extension->body, extension->len);
	/* The length of AH is in units of 4 bytes, less 2. */
	if (extension->type == IPPROTO_AH)
		f->data[f->next_at + 1] = (uint8_t)((extension->len + 2) / 4 - 2);
}

static void chained(struct play *play)
{
	const struct chain *chain = &chains[play->attempt->a];
	enum probe probe = (enum probe)play->attempt->b;
	uint8_t protocol = probe_protocol(probe);
	static struct frame f;

	begin_ip(play, &f, protocol);
	for (const char *at = chain->letters; *at; at++)
		put_extension(&f, extension_of(*at), protocol);
	put_probe(play, &f, probe);
	fire(play, &f, chain->bad ? FORBIDDEN : probe_fate(probe));
}

/* An extension header whose length is not what is there; b: its length field. */
static void long_extension(struct play *play)
{
	static struct frame f;
	uint32_t at;

	begin_ip(play, &f, IPPROTO_UDP);
	put_extension(&f, extension_of((char)play->attempt->a), IPPROTO_UDP);
	at = f.next_at;
	put_probe(play, &f, UDP_CLOSED);
	f.data[at + 1] = (uint8_t)play->attempt->b;
	fire(play, &f, FORBIDDEN);
}

/* A jumbogram as RFC 2675 has it: no payload length, the length in an option. */
static void jumbogram(struct play *play)
{
	static struct frame f;

	begin_ip(play, &f, IPPROTO_UDP);
	put_extension(&f, extension_of('j'), IPPROTO_UDP);
	put_probe(play, &f, UDP_CLOSED);
	f.data[f.l3_at + 4] = f.data[f.l3_at + 5] = 0;
	if (play->attempt->a) {
		/* With the length that is right for the frame. */
		f.data[f.l3_at + 40 + 4] = f.data[f.l3_at + 40 + 5] = 0;
		f.data[f.l3_at + 40 + 6] = (uint8_t)((f.len - f.l3_at - 40) >> 8);
		f.data[f.l3_at + 40 + 7] = (uint8_t)(f.len - f.l3_at - 40);
	}
	fire(play, &f, FORBIDDEN);
}

/* Data behind the end of the IP packet, in the frame's padding. */
static void trailing(struct play *play)
{
	enum probe probe = (enum probe)play->attempt->b;
	static struct frame f;

	begin_ip(play, &f, probe_protocol(probe));
	put_probe(play, &f, probe);
	memcpy(f.data + f.len, marked(play, 200), 200);
	f.len += 200;
	fire(play, &f, probe_fate(probe));
}

void ipv6_attempts(struct book *book)
{
	static const enum probe probes[] = { UDP_CLOSED, SYN_CLOSED, SYN_OPEN };

	book->chapter = "IPv6 headers";
	for (size_t k = 0; k < sizeof(probes) / sizeof(*probes); k++) {
		for (size_t i = 0; i < N_FIELDS6; i++)
			book_add(book, V6, NULL, with_field6, (long)i, probes[k], "IPv6 with %s, %s",
				 fields6[i].name, probe_names[probes[k]]);
		for (size_t i = 0; i < N_CHAINS; i++)
			book_add(book, V6, NULL, chained, (long)i, probes[k], "%s, %s", chains[i].name,
				 probe_names[probes[k]]);
		book_add(book, 0, NULL, trailing, 0, probes[k], "data behind the IP packet, %s",
			 probe_names[probes[k]]);
	}
	for (const char *at = "hdSA"; *at; at++) {
		book_add(book, V6, NULL, long_extension, *at, 30, "extension header %c beyond the packet",
			 *at);
		book_add(book, V6, NULL, long_extension, *at, 255,
			 "extension header %c of the greatest length", *at);
	}
	book_add(book, V6, NULL, jumbogram, 0, 0, "a jumbogram shorter than it says");
	book_add(book, V6, NULL, jumbogram, 1, 0, "a jumbogram as long as it says");
}
