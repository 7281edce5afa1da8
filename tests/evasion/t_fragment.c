// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fragments of both families: in any order, tiny, overlapping, contradicting,
 * incomplete, with what differs from one to the next.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "evasion/attempts.h"

#define WHOLE 80u /* bytes of the datagram that is cut up */
#define END 0xffffu
#define STOP                                                                                                 \
	{                                                                                                    \
		END, 0, 0, 0                                                                                 \
	} /* no more pieces */

/* 'o' as the datagram has it, 'x' from another that the policy forbids, 'j' junk. */
struct piece {
	uint16_t at, len;
	char more; /* 1: more fragments, 0: the last */
	char content;
};
#define PIECES_MAX 12
struct plan {
	const char *name;
	bool bad; /* nothing of it may pass, even if the datagram may */
	struct piece piece[PIECES_MAX];
};
static const struct plan plans[] = {
	{ "2 fragments", false, { { 0, 40, 1, 'o' }, { 40, 40, 0, 'o' }, STOP } },
	{ "2 fragments, the last first", false, { { 40, 40, 0, 'o' }, { 0, 40, 1, 'o' }, STOP } },
	{ "a tiny first fragment", false, { { 0, 8, 1, 'o' }, { 8, 72, 0, 'o' }, STOP } },
	{ "a tiny first fragment that comes last", false, { { 8, 72, 0, 'o' }, { 0, 8, 1, 'o' }, STOP } },
	{ "a first fragment of 16 bytes", false, { { 0, 16, 1, 'o' }, { 16, 64, 0, 'o' }, STOP } },
	{ "10 fragments of 8 bytes",
	  false,
	  { { 0, 8, 1, 'o' },
	    { 8, 8, 1, 'o' },
	    { 16, 8, 1, 'o' },
	    { 24, 8, 1, 'o' },
	    { 32, 8, 1, 'o' },
	    { 40, 8, 1, 'o' },
	    { 48, 8, 1, 'o' },
	    { 56, 8, 1, 'o' },
	    { 64, 8, 1, 'o' },
	    { 72, 8, 0, 'o' },
	    STOP } },
	{ "10 fragments of 8 bytes, backwards",
	  false,
	  { { 72, 8, 0, 'o' },
	    { 64, 8, 1, 'o' },
	    { 56, 8, 1, 'o' },
	    { 48, 8, 1, 'o' },
	    { 40, 8, 1, 'o' },
	    { 32, 8, 1, 'o' },
	    { 24, 8, 1, 'o' },
	    { 16, 8, 1, 'o' },
	    { 8, 8, 1, 'o' },
	    { 0, 8, 1, 'o' },
	    STOP } },
	{ "4 fragments, mixed",
	  false,
	  { { 40, 16, 1, 'o' }, { 0, 24, 1, 'o' }, { 56, 24, 0, 'o' }, { 24, 16, 1, 'o' }, STOP } },
	{ "the first fragment alone", false, { { 0, 40, 1, 'o' }, STOP } },
	{ "a tiny first fragment alone", false, { { 0, 8, 1, 'o' }, STOP } },
	{ "all of it as a first fragment alone", false, { { 0, 80, 1, 'o' }, STOP } },
	{ "a fragment of the middle alone", false, { { 24, 24, 1, 'o' }, STOP } },
	{ "the last fragment alone", false, { { 40, 40, 0, 'o' }, STOP } },
	{ "all but the first fragment", false, { { 24, 24, 1, 'o' }, { 48, 32, 0, 'o' }, STOP } },
	{ "all but the fragment in the middle", false, { { 0, 24, 1, 'o' }, { 48, 32, 0, 'o' }, STOP } },
	{ "the first fragment twice",
	  false,
	  { { 0, 40, 1, 'o' }, { 0, 40, 1, 'o' }, { 40, 40, 0, 'o' }, STOP } },
	{ "the last fragment twice",
	  false,
	  { { 40, 40, 0, 'o' }, { 40, 40, 0, 'o' }, { 0, 40, 1, 'o' }, STOP } },
	{ "the first fragment twice with other content",
	  false,
	  { { 0, 40, 1, 'o' }, { 0, 40, 1, 'x' }, { 40, 40, 0, 'o' }, STOP } },
	{ "the first fragment twice, the forbidden one first",
	  true,
	  { { 0, 40, 1, 'x' }, { 0, 40, 1, 'o' }, { 40, 40, 0, 'o' }, STOP } },
	{ "the ports once more with other content",
	  false,
	  { { 0, 40, 1, 'o' }, { 0, 8, 1, 'x' }, { 40, 40, 0, 'o' }, STOP } },
	{ "the ports with other content first",
	  false,
	  { { 0, 8, 1, 'x' }, { 0, 40, 1, 'o' }, { 40, 40, 0, 'o' }, STOP } },
	{ "an overlap of 8 bytes, the same content", true, { { 0, 40, 1, 'o' }, { 32, 48, 0, 'o' }, STOP } },
	{ "an overlap of 8 bytes, the same content, the last first",
	  true,
	  { { 32, 48, 0, 'o' }, { 0, 40, 1, 'o' }, STOP } },
	{ "an overlap of 8 bytes, other content", true, { { 0, 40, 1, 'o' }, { 32, 48, 0, 'j' }, STOP } },
	{ "an overlap of 8 bytes, other content, the last first",
	  true,
	  { { 32, 48, 0, 'j' }, { 0, 40, 1, 'o' }, STOP } },
	{ "teardrop: the second within the first", false, { { 0, 40, 1, 'o' }, { 24, 8, 0, 'j' }, STOP } },
	{ "a hole filled by what overlaps both sides",
	  true,
	  { { 0, 24, 1, 'o' }, { 48, 32, 0, 'o' }, { 16, 40, 1, 'o' }, STOP } },
	{ "one that covers all that is there", true, { { 24, 8, 1, 'j' }, { 0, 80, 1, 'o' }, STOP } },
	{ "2 ends: the later one shorter",
	  true,
	  { { 40, 40, 0, 'o' }, { 32, 8, 0, 'o' }, { 0, 32, 1, 'o' }, STOP } },
	{ "2 ends: the later one longer",
	  true,
	  { { 32, 8, 0, 'o' }, { 40, 40, 0, 'o' }, { 0, 32, 1, 'o' }, STOP } },
	{ "one beyond the end", true, { { 32, 8, 0, 'o' }, { 48, 32, 1, 'o' }, { 0, 32, 1, 'o' }, STOP } },
	{ "no bytes in the first", true, { { 0, 0, 1, 'o' }, { 0, 80, 1, 'o' }, STOP } },
	{ "no bytes in the last", true, { { 0, 80, 1, 'o' }, { 80, 0, 0, 'o' }, STOP } },
	{ "a length that is no multiple of 8", true, { { 0, 41, 1, 'o' }, { 40, 40, 0, 'o' }, STOP } },
	{ "one that ends beyond 65535", true, { { 0, 40, 1, 'o' }, { 65528, 40, 0, 'o' }, STOP } },
	{ "only one that ends beyond 65535", true, { { 65528, 40, 0, 'o' }, STOP } },
	{ "one that ends beyond 65535, with more", true, { { 65512, 40, 1, 'o' }, STOP } },
	{ "ids used again: a forbidden datagram behind an allowed one",
	  false,
	  { { 0, 40, 1, 'o' }, { 40, 40, 0, 'o' }, { 0, 40, 1, 'x' }, { 40, 40, 0, 'x' }, STOP } },
	{ "ids used again: 2 datagrams by turns",
	  false,
	  { { 0, 40, 1, 'o' }, { 0, 40, 1, 'x' }, { 40, 40, 0, 'o' }, { 40, 40, 0, 'o' }, STOP } },
	{ "ids used again: a forbidden first fragment behind an allowed datagram",
	  false,
	  { { 0, 40, 1, 'o' }, { 40, 40, 0, 'o' }, { 0, 40, 1, 'x' }, STOP } },
};
#define N_PLANS (sizeof(plans) / sizeof(*plans))

/* What is different in the second fragment. */
enum twist {
	NO_TWIST,
	TWIST_ID,
	TWIST_PROTOCOL,
	TWIST_TOS,
	TWIST_TAG,
	TWIST_SOURCE_MAC,
	TWIST_SOURCE,
	TWIST_TTL,
	TWIST_DF,
	TWIST_OPTIONS,
	TWISTS
};
static const char *const twist_names[TWISTS] = {
	"",
	"with another id",
	"with another protocol",
	"with other ECN bits",
	"behind a tag",
	"from another MAC",
	"from another address",
	"with another TTL",
	"that says do not fragment",
	"with options",
};

/* The IP payload: an allowed or forbidden datagram of WHOLE bytes with the right checksum. */
static void build(const struct play *play, uint8_t *ret, enum probe probe)
{
	static struct frame f;
	size_t head = probe == UDP_CLOSED ? 8 : 20;

	begin_ip(play, &f, probe_protocol(probe));
	if (probe == UDP_CLOSED)
		frame_udp(&f, play->port, CLOSED_PORT, marked(play, WHOLE - head), WHOLE - head);
	else
		frame_tcp(&f, play->port, probe == SYN_OPEN ? OPEN_PORT : CLOSED_PORT, play->number,
			  probe == DATA_CLOSED, probe == DATA_CLOSED ? FRAME_ACK : FRAME_SYN,
			  marked(play, WHOLE - head), WHOLE - head);
	memcpy(ret, f.data + f.l4_at, WHOLE);
}

static void set_id(struct frame *f, uint16_t id)
{
	uint8_t *ip = f->data + f->l3_at;
	uint32_t sum;

	ip[4] = (uint8_t)(id >> 8);
	ip[5] = (uint8_t)id;
	ip[10] = ip[11] = 0;
	sum = ~frame_sum(ip, (size_t)(ip[0] & 15) * 4, 0);
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
}

static void head4(struct play *play, struct frame *f, const char *from, uint8_t protocol,
		  const struct piece *piece, enum twist twist)
{
	static const uint8_t options[4] = { 1, 1, 1, 1 };
	uint16_t field =
		(uint16_t)(piece->at / 8 | (piece->more ? 0x2000 : 0) | (twist == TWIST_DF ? 0x4000 : 0));

	frame_ipv4_full(f, from, play->to, protocol, twist == TWIST_TTL ? 3 : 64, field, options,
			twist == TWIST_OPTIONS ? sizeof(options) : 0);
	if (twist == TWIST_TOS)
		f->data[f->l3_at + 1] = 3;
}

static void head6(struct play *play, struct frame *f, const char *from, uint8_t protocol,
		  const struct piece *piece, uint16_t id, enum twist twist)
{
	uint16_t field = (uint16_t)(piece->at | (piece->more ? 1 : 0) | (twist == TWIST_DF ? 6 : 0));
	uint8_t body[6] = { (uint8_t)(field >> 8), (uint8_t)field, 0, 0, (uint8_t)(id >> 8), (uint8_t)id };
	static const uint8_t options[6] = { 1, 4 };

	frame_ipv6(f, from, play->to, protocol);
	if (twist == TWIST_OPTIONS)
		frame_ipv6_ext(f, IPPROTO_DSTOPTS, protocol, options, sizeof(options));
	frame_ipv6_ext(f, IPPROTO_FRAGMENT, protocol, body, sizeof(body));
	if (twist == TWIST_TTL)
		f->data[f->l3_at + 7] = 3;
	if (twist == TWIST_TOS)
		f->data[f->l3_at + 1] |= 0x30;
}

static void send_piece(struct play *play, const struct piece *piece, const uint8_t *datagram,
		       uint8_t protocol, enum twist twist, enum fate fate)
{
	uint16_t id = (uint16_t)(play->number + (twist == TWIST_ID ? 30000 : 0));
	const char *from = twist == TWIST_SOURCE ? (play->six ? "fd00:10::77" : "10.10.10.77") : play->from;
	static struct frame f;
	uint8_t content[WHOLE];

	memset(content, 'j', sizeof(content));
	if (piece->content != 'j' && piece->at < WHOLE)
		memcpy(content, datagram + piece->at,
		       piece->at + piece->len > WHOLE ? WHOLE - piece->at : piece->len);
	begin(play, &f);
	if (twist == TWIST_SOURCE_MAC)
		frame_set_src(&f, mac_of("02:00:00:00:00:77"));
	if (twist == TWIST_TAG)
		frame_vlan(&f, ETH_P_8021Q, 0);
	if (twist == TWIST_PROTOCOL)
		protocol = protocol == IPPROTO_UDP ? IPPROTO_TCP : IPPROTO_UDP;
	if (play->six)
		head6(play, &f, from, protocol, piece, id, twist);
	else
		head4(play, &f, from, protocol, piece, twist);
	frame_raw(&f, content, piece->len);
	if (!play->six)
		set_id(&f, id);
	fire(play, &f, fate);
}

static void by_plan(struct play *play)
{
	const struct plan *plan = &plans[play->attempt->a];
	enum probe probe = (enum probe)play->attempt->b;
	uint8_t datagram[2][WHOLE];

	build(play, datagram[0], probe);
	build(play, datagram[1], probe == SYN_OPEN ? SYN_CLOSED : probe);
	for (const struct piece *piece = plan->piece; piece->at != END; piece++)
		send_piece(play, piece, datagram[piece->content == 'x'], probe_protocol(probe), NO_TWIST,
			   plan->bad || piece->content == 'x' ? FORBIDDEN : probe_fate(probe));
}

/* a: what is different; b: the probe. */
static void twisted(struct play *play)
{
	static const struct piece pieces[] = { { 0, 40, 1, 'o' }, { 40, 40, 0, 'o' } };
	enum twist twist = (enum twist)play->attempt->a;
	enum probe probe = (enum probe)play->attempt->b;
	uint8_t datagram[WHOLE];

	build(play, datagram, probe);
	for (int i = 0; i < 2; i++)
		send_piece(play, &pieces[i], datagram, probe_protocol(probe), i ? twist : NO_TWIST,
			   probe_fate(probe));
}

/* A datagram in more fragments than the core keeps; a: how many. */
static void many(struct play *play)
{
	uint16_t n = (uint16_t)play->attempt->a;
	uint8_t datagram[WHOLE];

	build(play, datagram, UDP_CLOSED);
	for (uint16_t i = 0; i < n; i++) {
		struct piece piece = { (uint16_t)(i * 8), 8, i + 1 < n, i ? 'j' : 'o' };

		send_piece(play, &piece, datagram, IPPROTO_UDP, NO_TWIST, FORBIDDEN);
	}
}

/* A fragment within a fragment (IPv6): the inner one names the same datagram, or another. */
static void nested(struct play *play)
{
	uint8_t outer[6] = { 0, 1, 0, 0, (uint8_t)(play->number >> 8), (uint8_t)play->number };
	uint8_t inner[6] = { 0, (uint8_t)play->attempt->a, 0, 0, 0, 9 };
	static struct frame f;
	uint8_t datagram[WHOLE];

	build(play, datagram, (enum probe)play->attempt->b);
	begin_ip(play, &f, probe_protocol((enum probe)play->attempt->b));
	frame_ipv6_ext(&f, IPPROTO_FRAGMENT, IPPROTO_FRAGMENT, outer, sizeof(outer));
	frame_ipv6_ext(&f, IPPROTO_FRAGMENT, probe_protocol((enum probe)play->attempt->b), inner,
		       sizeof(inner));
	frame_raw(&f, datagram, WHOLE);
	fire(play, &f, FORBIDDEN);
}

/* The transport header is not in the first fragment: options fill it (RFC 7112). */
static void headless(struct play *play)
{
	static const uint8_t options[30] = { 1, 28 };
	uint8_t first[6] = { 0, 1, 0, 0, (uint8_t)(play->number >> 8), (uint8_t)play->number };
	uint8_t second[6] = { 0, 32, 0, 0, first[4], first[5] };
	static struct frame f;
	uint8_t datagram[WHOLE];

	build(play, datagram, (enum probe)play->attempt->b);
	begin_ip(play, &f, IPPROTO_DSTOPTS);
	frame_ipv6_ext(&f, IPPROTO_FRAGMENT, IPPROTO_DSTOPTS, first, sizeof(first));
	f.data[f.len] = probe_protocol((enum probe)play->attempt->b);
	f.data[f.len + 1] = 3;
	memcpy(f.data + f.len + 2, options, sizeof(options));
	f.len += 32;
	frame_raw(&f, NULL, 0);
	fire(play, &f, FORBIDDEN);
	begin_ip(play, &f, IPPROTO_DSTOPTS);
	frame_ipv6_ext(&f, IPPROTO_FRAGMENT, IPPROTO_DSTOPTS, second, sizeof(second));
	frame_raw(&f, datagram, WHOLE);
	fire(play, &f, FORBIDDEN);
}

void fragment_attempts(struct book *book)
{
	static const enum probe probes[] = { UDP_CLOSED, SYN_CLOSED, DATA_CLOSED, SYN_OPEN };

	book->chapter = "fragments";
	for (size_t k = 0; k < sizeof(probes) / sizeof(*probes); k++) {
		for (size_t i = 0; i < N_PLANS; i++)
			book_add(book, 0, NULL, by_plan, (long)i, probes[k], "%s, %s", plans[i].name,
				 probe_names[probes[k]]);
		for (int twist = 1; twist < TWISTS; twist++)
			book_add(book, 0, NULL, twisted, twist, probes[k], "a second fragment %s, %s",
				 twist_names[twist], probe_names[probes[k]]);
		book_add(book, V6, NULL, nested, 0, probes[k],
			 "a whole datagram as fragment in a fragment, %s", probe_names[probes[k]]);
		book_add(book, V6, NULL, nested, 1, probes[k], "a first fragment in a first fragment, %s",
			 probe_names[probes[k]]);
		book_add(book, V6, NULL, headless, 0, probes[k],
			 "a first fragment with nothing but options, %s", probe_names[probes[k]]);
	}
	book_add(book, 0, NULL, many, 64, 0, "64 fragments");
	book_add(book, 0, NULL, many, 300, 0, "300 fragments");
}
