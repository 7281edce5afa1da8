// SPDX-License-Identifier: BSD-2-Clause
/* Two scripted ends of a TCP connection; see talk.h for the invariant. */
#include "evasion/talk.h"

#include <criterion/criterion.h>

#define FIRST_NEAR 1000000u
#define FIRST_FAR 9000000u
#define ROUNDS 60 /* of both sides' saying something, until it is judged or has the bulk lane */

/* Something the core can make nothing of, so that it goes on looking; and something that it knows at once. */
static const uint8_t babble[] = { 0xd3, 0x11, 0x90, 0x05, 0xfe, 0x77, 0x31, 0xc9, 0xaa, 0x02, 0x6b, 0xe1 };
static const char request[] = "GET / HTTP/1.1\r\nHost: web.example\r\nUser-Agent: none\r\n\r\n";
static const char response[] = "HTTP/1.1 200 OK\r\nServer: none\r\nContent-Length: 1000000\r\n\r\nbegin";

void talk_begin(struct talk *talk, struct play *play, enum end client)
{
	*talk = (struct talk){ .play = play, .next = { FIRST_NEAR, FIRST_FAR } };
	talk->port[client] = play->port;
	talk->port[!client] = OPEN_PORT;
}

void talk_ether(const struct talk *talk, struct frame *f, enum end who)
{
	if (who == NEAR)
		begin(talk->play, f);
	else
		begin_back(talk->play, f);
}

void talk_ip(const struct talk *talk, struct frame *f, enum end who, uint8_t protocol)
{
	const struct play *play = talk->play;
	const char *from = who == NEAR ? play->from : play->to, *to = who == NEAR ? play->to : play->from;

	if (play->six)
		frame_ipv6(f, from, to, protocol);
	else
		frame_ipv4(f, from, to, protocol);
}

void talk_frame(const struct talk *talk, struct frame *f, enum end who, uint8_t flags, int32_t shift,
		const void *data, size_t len)
{
	talk_ether(talk, f, who);
	talk_ip(talk, f, who, IPPROTO_TCP);
	frame_tcp(f, talk->port[who], talk->port[!who], talk->next[who] + (uint32_t)shift,
		  flags & FRAME_ACK ? talk->next[!who] : 0, flags, data, len);
}

bool talk_say(struct talk *talk, enum end who, uint8_t flags, const void *data, size_t len)
{
	static struct frame f;

	talk_frame(talk, &f, who, flags, 0, data, len);
	if (who == NEAR)
		fire(talk->play, &f, talk_fate(talk, flags, PERMITTED));
	else
		fire_back(talk->play, &f);
	talk->next[who] += (uint32_t)len + !!(flags & FRAME_SYN) + !!(flags & FRAME_FIN);
	return arrived(talk->play, "a segment of an allowed connection did not arrive");
}

bool talk_open(struct talk *talk, struct play *play, enum end client)
{
	talk_begin(talk, play, client);
	return talk_say(talk, client, FRAME_SYN, NULL, 0) &&
	       talk_say(talk, !client, FRAME_SYN | FRAME_ACK, NULL, 0) &&
	       talk_say(talk, client, FRAME_ACK, NULL, 0);
}

enum fate talk_fate(const struct talk *talk, uint8_t flags, enum fate fate)
{
	bool plain = flags & FRAME_ACK && !(flags & (FRAME_SYN | FRAME_FIN | FRAME_RST));

	return talk->play->field->verdicts && plain ? BY_VERDICT : fate;
}

/* Both sides in turns, until what either says goes by that. */
static bool say_until(struct talk *talk, enum sl_reason reason, const void *data, size_t len)
{
	struct daemon *d = talk->play->field->t->d;
	__u64 before;

	for (int round = 0; round < ROUNDS; round++) {
		before = counter_legs(d, reason);
		if (!talk_say(talk, NEAR, FRAME_ACK | FRAME_PSH, data, len) ||
		    !talk_say(talk, FAR, FRAME_ACK | FRAME_PSH, data, len))
			return false;
		if (counter_legs(d, reason) == before + 2)
			return true;
	}
	talk->play->trouble = "the connection stays where it is";
	return false;
}

static bool say_until_judged(struct talk *talk)
{
	return talk_say(talk, NEAR, FRAME_ACK | FRAME_PSH, request, sizeof(request) - 1) &&
	       talk_say(talk, FAR, FRAME_ACK | FRAME_PSH, response, sizeof(response) - 1) &&
	       say_until(talk, field_verdict(), "more", 4);
}

/* Large segments, as of a stream; of nothing that is known. */
static bool say_until_bulk(struct talk *talk)
{
	uint8_t large[800];

	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = babble[i % sizeof(babble)];
	return say_until(talk, SL_R_bulk, large, sizeof(large));
}

bool talk_judged(struct talk *talk, struct play *play)
{
	if (!talk_open(talk, play, NEAR))
		return false;
	if (play->field->verdicts) {
		if (!say_until_judged(talk))
			return false;
	} else if (play->field->bulk) {
		if (!say_until_bulk(talk))
			return false;
	} else if (!talk_say(talk, NEAR, FRAME_ACK | FRAME_PSH, babble, sizeof(babble)) ||
		   !talk_say(talk, FAR, FRAME_ACK | FRAME_PSH, babble, sizeof(babble))) {
		return false;
	}
	play_begins(play);
	return !play->trouble;
}

void talk_seal(struct frame *f)
{
	uint8_t *tcp = f->data + f->l4_at;
	size_t len = f->len - f->l4_at;
	uint32_t sum;

	tcp[16] = tcp[17] = 0;
	sum = ~frame_sum(tcp, len, frame_pseudo_sum(f->data + f->l3_at, IPPROTO_TCP, len));
	tcp[16] = (uint8_t)(sum >> 8);
	tcp[17] = (uint8_t)sum;
}
