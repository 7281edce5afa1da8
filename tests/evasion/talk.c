// SPDX-License-Identifier: BSD-2-Clause
/* Two scripted ends of a TCP connection; see talk.h for the invariant. */
#include "evasion/talk.h"

#include <criterion/criterion.h>

#define FIRST_NEAR 1000000u
#define FIRST_FAR 9000000u

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
		fire(talk->play, &f, PERMITTED);
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
