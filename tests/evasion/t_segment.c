// SPDX-License-Identifier: BSD-2-Clause
/* TCP segments out of the blue: every combination of flags, odd headers, and answers to what was never asked. */
#include <criterion/criterion.h>
#include <string.h>

#include "evasion/attempts.h"
#include "evasion/talk.h"

static const char *flag_names(long flags)
{
	static const char letters[] = "FSRPAU";
	static char text[8];
	int n = 0;

	for (int i = 0; letters[i]; i++) {
		if (flags & 1 << i)
			text[n++] = letters[i];
	}
	text[n] = 0;
	return n ? text : "none";
}

/* a: flags; b: bytes of data. */
static void to_closed(struct play *play)
{
	static struct frame f;
	size_t len = (size_t)play->attempt->b;

	begin_ip(play, &f, IPPROTO_TCP);
	frame_tcp(&f, play->port, CLOSED_PORT, play->number, 1, (uint8_t)play->attempt->a, marked(play, len),
		  len);
	fire(play, &f, FORBIDDEN);
}

/* Ports that nobody else uses: one of a client, of a server, two that look like neither. */
enum asked { A_CLIENT, A_SERVER, A_LOW_ONE, A_HIGH_ONE, ASKED };
static const char *const asked_names[ASKED] = { "a client's port", "a server's port", "a low port",
						"a high port" };

static uint16_t asked(const struct play *play)
{
	static const uint16_t first[ASKED] = { 33000, 1, 8081, 61000 },
			      range[ASKED] = { 27000, 1000, 3000, 4500 };
	long which = play->attempt->b;

	return (uint16_t)(first[which] + play->number % range[which]);
}

/* As if the open port answered: nobody has asked. a: flags, b: where it goes. */
static void answer(struct play *play)
{
	static struct frame f;

	begin_ip(play, &f, IPPROTO_TCP);
	frame_tcp(&f, OPEN_PORT, asked(play), play->number, 1, (uint8_t)play->attempt->a, marked(play, 64),
		  64);
	fire(play, &f, FORBIDDEN);
}

/* Three of them, as if a connection went on. */
static void answers(struct play *play)
{
	static struct frame f;

	for (uint32_t i = 0; i < 3; i++) {
		begin_ip(play, &f, IPPROTO_TCP);
		frame_tcp(&f, OPEN_PORT, asked(play), play->number + 64 * i, 1, (uint8_t)play->attempt->a,
			  marked(play, 64), 64);
		fire(play, &f, FORBIDDEN);
	}
}

struct oddity {
	const char *name;
	uint8_t at, value; /* byte of the TCP header that is changed */
	bool bad;
	bool unsealed; /* the checksum is left wrong */
	uint8_t options; /* bytes of options in front of the data, of the kinds below */
	uint8_t option[40];
};
static const struct oddity oddities[] = {
	{ "header length 0", 12, 0x00, true, false, 0, { 0 } },
	{ "header length 16", 12, 0x40, true, false, 0, { 0 } },
	{ "header length beyond the packet", 12, 0xf0, true, false, 0, { 0 } },
	{ "reserved bits", 12, 0x5e, false, false, 0, { 0 } },
	{ "ECN flags", 13, 0xc2, false, false, 0, { 0 } },
	{ "an urgent pointer", 19, 5, false, false, 0, { 0 } },
	{ "urgent flag", 13, 0x22, false, false, 0, { 0 } },
	{ "window 0", 14, 0, false, false, 0, { 0 } },
	{ "a wrong checksum", 16, 0x55, true, true, 0, { 0 } },
	{ "source port 0", 0, 0, false, false, 0, { 0 } },
	{ "40 no operations", 20, 1, false, false, 40, { 1, 1, 1, 1 } },
	{ "an option of length 0", 20, 3, false, false, 4, { 3, 0, 1, 1 } },
	{ "an option of length 1", 20, 3, false, false, 4, { 3, 1, 1, 1 } },
	{ "an option beyond the header", 20, 3, false, false, 4, { 3, 30, 1, 1 } },
	{ "MSS 1", 20, 2, false, false, 4, { 2, 4, 0, 1 } },
	{ "MSS twice", 20, 2, false, false, 8, { 2, 4, 5, 0xb4, 2, 4, 0, 1 } },
	{ "window scale 255", 20, 3, false, false, 4, { 3, 3, 255, 0 } },
	{ "a fast open cookie request", 20, 34, false, false, 4, { 34, 2, 1, 1 } },
	{ "a fast open cookie", 20, 34, false, false, 12, { 34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1 } },
	{ "an MD5 signature", 20, 19, false, false, 20, { 19, 18 } },
	{ "a multipath option", 20, 30, false, false, 12, { 30, 12, 0, 1 } },
	{ "an experimental option", 20, 253, false, false, 8, { 253, 8, 0xf9, 0x89 } },
};
#define N_ODDITIES (sizeof(oddities) / sizeof(*oddities))

/* a: the oddity; b: the probe. With data, or without. */
static void odd_header(struct play *play)
{
	const struct oddity *oddity = &oddities[play->attempt->a];
	bool open = play->attempt->b == SYN_OPEN;
	uint8_t data[40 + 64];
	size_t len = oddity->options;
	static struct frame f;

	memcpy(data, oddity->option, len);
	if (!open) {
		memcpy(data + len, marked(play, 64), 64);
		len += 64;
	}
	begin_ip(play, &f, IPPROTO_TCP);
	frame_tcp(&f, play->port, open ? OPEN_PORT : CLOSED_PORT, play->number, 0, FRAME_SYN, data, len);
	f.data[f.l4_at + 12] = (uint8_t)((20 + oddity->options) / 4 << 4);
	f.data[f.l4_at + oddity->at] = oddity->value;
	if (!oddity->unsealed)
		talk_seal(&f);
	fire(play, &f, oddity->bad ? FORBIDDEN : probe_fate((enum probe)play->attempt->b));
}

/* The checksum of the pseudo header alone, as a sender's offload leaves it. */
static void half_sum(struct play *play)
{
	static struct frame f;
	uint32_t sum;

	begin_ip(play, &f, IPPROTO_TCP);
	put_probe(play, &f, (enum probe)play->attempt->b);
	sum = frame_pseudo_sum(f.data + f.l3_at, IPPROTO_TCP, f.len - f.l4_at);
	f.data[f.l4_at + 16] = (uint8_t)(sum >> 8);
	f.data[f.l4_at + 17] = (uint8_t)sum;
	fire(play, &f, probe_fate((enum probe)play->attempt->b));
}

/* To the open port, but with nothing before it: a receiver without that connection refuses it himself. */
static void to_open(struct play *play)
{
	static struct frame f;

	begin_ip(play, &f, IPPROTO_TCP);
	frame_tcp(&f, play->port, OPEN_PORT, play->number, 1, (uint8_t)play->attempt->a, marked(play, 64),
		  64);
	fire(play, &f, PERMITTED);
}

/* From the port that is open to the port that is open. */
static void both_open(struct play *play)
{
	static struct frame f;

	begin_ip(play, &f, IPPROTO_TCP);
	frame_tcp(&f, OPEN_PORT, OPEN_PORT, play->number, 1, (uint8_t)play->attempt->a, marked(play, 64), 64);
	fire(play, &f, PERMITTED);
}

void segment_attempts(struct book *book)
{
	static const uint8_t as_answer[] = { FRAME_SYN | FRAME_ACK,
					     FRAME_ACK,
					     FRAME_ACK | FRAME_PSH,
					     FRAME_ACK | FRAME_FIN,
					     FRAME_RST,
					     FRAME_RST | FRAME_ACK,
					     FRAME_FIN | FRAME_PSH | FRAME_ACK,
					     0x30 };

	book->chapter = "TCP without a handshake";
	for (int flags = 0; flags < 64; flags++) {
		book_add(book, 0, NULL, to_closed, flags, 64, "flags %s with data to a closed port",
			 flag_names(flags));
		book_add(book, 0, NULL, to_closed, flags, 0, "flags %s to a closed port", flag_names(flags));
		book_add(book, V4, NULL, to_open, flags, 0, "flags %s with data to the open port",
			 flag_names(flags));
	}
	for (size_t i = 0; i < sizeof(as_answer); i++) {
		for (int to = 0; to < ASKED; to++) {
			book_add(book, 0, NULL, answer, as_answer[i], to,
				 "flags %s with data from the open port to %s, unasked",
				 flag_names(as_answer[i]), asked_names[to]);
			book_add(book, 0, NULL, answers, as_answer[i], to,
				 "3 of flags %s with data from the open port to %s, unasked",
				 flag_names(as_answer[i]), asked_names[to]);
		}
		book_add(book, 0, NULL, both_open, as_answer[i], 0,
			 "flags %s from the open port to the open port", flag_names(as_answer[i]));
	}
	for (size_t i = 0; i < N_ODDITIES; i++) {
		book_add(book, 0, NULL, odd_header, (long)i, SYN_CLOSED,
			 "SYN with %s and data to a closed port", oddities[i].name);
		book_add(book, 0, NULL, odd_header, (long)i, SYN_OPEN, "SYN with %s to the open port",
			 oddities[i].name);
	}
	book_add(book, 0, NULL, half_sum, 0, SYN_CLOSED, "half a checksum, SYN to a closed port");
	book_add(book, 0, NULL, half_sum, 0, DATA_CLOSED, "half a checksum, data to a closed port");
}
