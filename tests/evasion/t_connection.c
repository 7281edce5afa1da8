// SPDX-License-Identifier: BSD-2-Clause
/* What can be done with a connection that is allowed: beside it, within it, and in its name. */
#include <criterion/criterion.h>
#include <string.h>

#include "evasion/attempts.h"
#include "evasion/talk.h"

struct stray {
	const char *name;
	uint8_t flags;
	int32_t shift; /* of the number */
	uint16_t len;
	enum fate fate;
};
/* One segment on an open connection. */
static const struct stray strays[] = {
	{ "data far ahead of the window", FRAME_ACK, 20000000, 64, FORBIDDEN },
	{ "data a little ahead of the window", FRAME_ACK, 70000, 64, FORBIDDEN },
	{ "data from long ago", FRAME_ACK, -20000000, 64, FORBIDDEN },
	{ "data from before the connection", FRAME_ACK, -200000, 64, FORBIDDEN },
	{ "data half around the numbers", FRAME_ACK, INT32_MIN, 64, FORBIDDEN },
	{ "data without ACK", FRAME_PSH, 0, 64, FORBIDDEN },
	{ "data without any flag", 0, 0, 64, FORBIDDEN },
	{ "all flags", 0x3f, 0, 64, FORBIDDEN },
	{ "xmas", 0x29, 0, 64, FORBIDDEN },
	{ "SYN and FIN", FRAME_SYN | FRAME_FIN, 0, 64, FORBIDDEN },
	{ "SYN and RST", FRAME_SYN | FRAME_RST, 0, 64, FORBIDDEN },
	{ "FIN without ACK", FRAME_FIN, 0, 64, FORBIDDEN },
	{ "RST far ahead of the window", FRAME_RST, 20000000, 0, FORBIDDEN },
	{ "RST with data far ahead", FRAME_RST | FRAME_ACK, 20000000, 64, FORBIDDEN },
	{ "FIN far ahead of the window", FRAME_FIN | FRAME_ACK, 20000000, 64, FORBIDDEN },
	/* What real stacks meet and answer by themselves. */
	{ "RST in the window", FRAME_RST, 100, 0, PERMITTED },
	{ "RST where it belongs", FRAME_RST, 0, 0, PERMITTED },
	{ "RST with data", FRAME_RST | FRAME_ACK, 0, 64, PERMITTED },
	{ "FIN with data", FRAME_FIN | FRAME_ACK, 0, 64, PERMITTED },
	{ "urgent data", FRAME_ACK | 0x20, 0, 64, PERMITTED },
	{ "a new SYN", FRAME_SYN, 5000000, 0, PERMITTED },
	{ "a new SYN with data", FRAME_SYN, 5000000, 64, PERMITTED },
	{ "a new SYN and ACK", FRAME_SYN | FRAME_ACK, 5000000, 0, PERMITTED },
	{ "data out of order", FRAME_ACK, 300, 64, PERMITTED },
	{ "a byte of old data (keep-alive)", FRAME_ACK, -1, 1, PERMITTED },
};

static void stray(struct play *play)
{
	const struct stray *stray = &strays[play->attempt->a];
	static struct frame f;
	struct talk talk;

	if (!talk_judged(&talk, play))
		return;
	talk_frame(&talk, &f, NEAR, stray->flags, stray->shift, marked(play, stray->len), stray->len);
	fire(play, &f, talk_fate(&talk, stray->flags, stray->fate));
}

/* Behind the end of the connection; a: how it was ended, by whom. */
static void after_end(struct play *play)
{
	enum end who = play->attempt->b ? FAR : NEAR;
	static struct frame f;
	struct talk talk;

	if (!talk_judged(&talk, play) || !talk_say(&talk, who, (uint8_t)play->attempt->a, NULL, 0))
		return;
	if (play->attempt->a & FRAME_FIN && (!talk_say(&talk, !who, FRAME_ACK | FRAME_FIN, NULL, 0) ||
					     !talk_say(&talk, who, FRAME_ACK, NULL, 0)))
		return;
	talk_frame(&talk, &f, NEAR, FRAME_ACK | FRAME_PSH, 0, marked(play, 64), 64);
	fire(play, &f, play->attempt->a & FRAME_RST ? FORBIDDEN : PERMITTED);
	/* Far ahead it is wrong in any case. */
	talk_frame(&talk, &f, NEAR, FRAME_ACK | FRAME_PSH, 3000000, marked(play, 64), 64);
	fire(play, &f, FORBIDDEN);
}

static void bad_checksum(struct play *play)
{
	static struct frame f;
	struct talk talk;

	if (!talk_judged(&talk, play))
		return;
	talk_frame(&talk, &f, NEAR, (uint8_t)play->attempt->a, 0, marked(play, 64), 64);
	f.data[f.l4_at + 17] ^= 0x40;
	fire(play, &f, talk_fate(&talk, (uint8_t)play->attempt->a, FORBIDDEN));
}

/* Acknowledges what was never sent. */
static void bad_ack(struct play *play)
{
	static struct frame f;
	struct talk talk;

	if (!talk_judged(&talk, play))
		return;
	talk.next[FAR] += (uint32_t)play->attempt->a;
	talk_frame(&talk, &f, NEAR, FRAME_ACK | FRAME_PSH, 0, marked(play, 64), 64);
	fire(play, &f, talk_fate(&talk, FRAME_ACK, FORBIDDEN));
}

/*
 * Two segments for the same place behind a gap, with different content: who looks would not see what is taken. What
 * the connection is has not been found out yet.
 */
static void conflict(struct play *play)
{
	static struct frame f;
	struct talk talk;
	uint8_t other[64];

	if (!talk_open(&talk, play, NEAR))
		return;
	talk_frame(&talk, &f, NEAR, FRAME_ACK, 100, marked(play, 64), 64);
	fire(play, &f, PERMITTED);
	memset(other, 'X', sizeof(other));
	talk_frame(&talk, &f, NEAR, FRAME_ACK, 100 + (int32_t)play->attempt->a, other,
		   (size_t)play->attempt->b);
	fire(play, &f, FORBIDDEN);
}

/* Data before the other side has answered; a: the flags. */
static void early_data(struct play *play)
{
	static struct frame f;
	struct talk talk;

	talk_begin(&talk, play, NEAR);
	if (!talk_say(&talk, NEAR, FRAME_SYN, NULL, 0))
		return;
	talk_frame(&talk, &f, NEAR, (uint8_t)play->attempt->a, 0, marked(play, 64), 64);
	fire(play, &f, FORBIDDEN);
}

/* The answer acknowledges something else than the SYN; who waits for it is the far end. */
static void wrong_answer(struct play *play)
{
	static struct frame f;
	struct talk talk;

	talk_begin(&talk, play, FAR);
	if (!talk_say(&talk, FAR, FRAME_SYN, NULL, 0))
		return;
	talk.next[FAR] += (uint32_t)play->attempt->b;
	talk_frame(&talk, &f, NEAR, (uint8_t)play->attempt->a, 0, marked(play, 64), 64);
	fire(play, &f, FORBIDDEN);
}

/* The server answers the SYN by data: no receiver takes it. */
static void answer_without_syn(struct play *play)
{
	static struct frame f;
	struct talk talk;

	talk_begin(&talk, play, FAR);
	if (!talk_say(&talk, FAR, FRAME_SYN, NULL, 0))
		return;
	talk_frame(&talk, &f, NEAR, (uint8_t)play->attempt->a, 0, marked(play, 64), 64);
	fire(play, &f, FORBIDDEN);
}

/* The server answers by a SYN of its own, and so becomes the client (split handshake). */
static void split(struct play *play)
{
	static struct frame f;
	struct talk talk;

	talk_begin(&talk, play, FAR);
	if (!talk_say(&talk, FAR, FRAME_SYN, NULL, 0))
		return;
	talk_frame(&talk, &f, NEAR, FRAME_SYN, 0, NULL, 0);
	fire(play, &f, PERMITTED);
	talk.next[NEAR]++;
	/* As Linux answers it: SYN and ACK with its own first number. */
	talk_frame(&talk, &f, FAR, FRAME_SYN | FRAME_ACK, -1, NULL, 0);
	fire_back(play, &f);
	talk_frame(&talk, &f, NEAR, FRAME_ACK, 0, marked(play, 64), 64);
	fire(play, &f, FORBIDDEN);
}

/* Both begin at once: rare, and right. */
static void simultaneous(struct play *play)
{
	static struct frame f;
	struct talk talk;

	talk_begin(&talk, play, NEAR);
	talk_frame(&talk, &f, NEAR, FRAME_SYN, 0, NULL, 0);
	fire(play, &f, PERMITTED);
	talk_frame(&talk, &f, FAR, FRAME_SYN, 0, NULL, 0);
	fire_back(play, &f);
	talk.next[NEAR]++;
	talk.next[FAR]++;
	talk_frame(&talk, &f, NEAR, FRAME_SYN | FRAME_ACK, -1, NULL, 0);
	fire(play, &f, PERMITTED);
	talk_frame(&talk, &f, FAR, FRAME_SYN | FRAME_ACK, -1, NULL, 0);
	fire_back(play, &f);
	/* Not in the window of what both have agreed on. */
	talk_frame(&talk, &f, NEAR, FRAME_ACK, 9000000, marked(play, 64), 64);
	fire(play, &f, FORBIDDEN);
}

/* Something that is not this connection, in its name. */
enum change { SOURCE_PORT, DESTINATION_PORT, SOURCE_ADDRESS, DESTINATION_ADDRESS, REVERSED, CHANGES };
static const char *const change_names[CHANGES] = { "another source port", "a closed port",
						   "an address of nobody", "another receiver",
						   "both ends changed about" };

static void beside(struct play *play)
{
	enum change change = (enum change)play->attempt->a;
	static struct frame f;
	struct talk talk;

	if (!talk_judged(&talk, play))
		return;
	switch (change) {
	case SOURCE_PORT:
		talk.port[NEAR] = 9;
		talk.port[FAR] = CLOSED_PORT;
		break;
	case DESTINATION_PORT:
		talk.port[FAR] = CLOSED_PORT;
		break;
	case SOURCE_ADDRESS:
		play->from = play->six ? "fd00:99::1" : "192.0.2.99";
		if (play->way == OUTWARD)
			talk.port[FAR] = CLOSED_PORT;
		break;
	case DESTINATION_ADDRESS:
		play->to = play->six ? "fd00:99::1" : "192.0.2.99";
		if (play->way == INWARD)
			talk.port[FAR] = CLOSED_PORT;
		break;
	default:
		break;
	}
	if (change != REVERSED) {
		talk_frame(&talk, &f, NEAR, FRAME_ACK | FRAME_PSH, 0, marked(play, 64), 64);
	} else {
		/* What the far end would say, sent from here. */
		begin(play, &f);
		talk_ip(&talk, &f, FAR, IPPROTO_TCP);
		frame_tcp(&f, talk.port[FAR], talk.port[NEAR], talk.next[FAR], talk.next[NEAR], FRAME_ACK,
			  marked(play, 64), 64);
	}
	fire(play, &f, FORBIDDEN);
}

/* Another protocol with the same addresses and ports. */
static void other_protocol(struct play *play)
{
	uint8_t body[80] = { 0 };
	static struct frame f;
	struct talk talk;

	if (!talk_judged(&talk, play))
		return;
	body[0] = (uint8_t)(talk.port[NEAR] >> 8);
	body[1] = (uint8_t)talk.port[NEAR];
	body[2] = OPEN_PORT >> 8;
	body[3] = OPEN_PORT & 255;
	memcpy(body + 16, marked(play, 64), 64);
	begin_ip(play, &f, (uint8_t)play->attempt->a);
	if (play->attempt->a == IPPROTO_UDP)
		frame_udp(&f, talk.port[NEAR], OPEN_PORT, marked(play, 64), 64);
	else
		frame_raw(&f, body, sizeof(body));
	fire(play, &f, FORBIDDEN);
}

/* The right segment in a frame that is not right: MAC addresses and depth as the ports judge them. */
enum cover { FOREIGN_MAC, GROUP_MAC, UC_MAC, DEEP_TAGS, SHALLOW_TAGS, COVERS };
static const char *const cover_names[COVERS] = { "from or to a foreign MAC", "in a broadcast",
						 "with the UCMAC", "behind 12 tags", "behind 2 tags" };

static void covered(struct play *play)
{
	enum cover cover = (enum cover)play->attempt->a;
	struct mac mac = cover == UC_MAC ? mac_uc(WL_ID) : mac_of("02:00:00:00:00:99");
	static struct frame f;
	struct talk talk;

	if (!talk_judged(&talk, play))
		return;
	talk_ether(&talk, &f, NEAR);
	if (cover == GROUP_MAC)
		frame_set_dst(&f, MAC_BROADCAST);
	if (cover == FOREIGN_MAC || cover == UC_MAC) {
		if (play->way == INWARD)
			frame_set_dst(&f, mac);
		else
			frame_set_src(&f, mac);
	}
	for (int i = 0; i < (cover == DEEP_TAGS ? 12 : cover == SHALLOW_TAGS ? 2 : 0); i++)
		frame_vlan(&f, ETH_P_8021Q, 5);
	talk_ip(&talk, &f, NEAR, IPPROTO_TCP);
	frame_tcp(&f, talk.port[NEAR], talk.port[FAR], talk.next[NEAR], talk.next[FAR], FRAME_ACK | FRAME_PSH,
		  marked(play, 64), 64);
	fire(play, &f, cover == SHALLOW_TAGS ? PERMITTED : FORBIDDEN);
}

/* The numbers of the first SYN are given up for others: only what both agree on goes on. */
static void two_syns(struct play *play)
{
	static struct frame f;
	struct talk talk;

	talk_begin(&talk, play, NEAR);
	if (!talk_say(&talk, NEAR, FRAME_SYN, NULL, 0))
		return;
	talk_frame(&talk, &f, NEAR, FRAME_SYN, 40000000, NULL, 0);
	fire(play, &f, PERMITTED);
	if (!talk_say(&talk, FAR, FRAME_SYN | FRAME_ACK, NULL, 0))
		return;
	talk_frame(&talk, &f, NEAR, FRAME_ACK, 40000000, marked(play, 64), 64);
	fire(play, &f, FORBIDDEN);
}

/* Errors that speak of a connection: only those that a receiver could have sent. */
enum error {
	RIGHT,
	REVERSED_INNER,
	OTHER_PORT,
	OTHER_PEER,
	UDP_INNER,
	CUT_INNER,
	NO_INNER,
	TO_STRANGER,
	TO_PEER,
	FROM_STRANGER,
	ERRORS
};
static const char *const error_names[ERRORS] = {
	"about this connection",
	"about what the sender himself sent",
	"about another port",
	"about a stranger's connection",
	"about a datagram instead",
	"about a packet cut short",
	"about nothing",
	"about this connection, to a stranger",
	"about this connection, to somebody of the network",
	"about this connection, from a router",
};

static void error_about(struct play *play)
{
	enum error error = (enum error)play->attempt->a;
	static struct frame f, inner;
	struct talk talk;
	uint32_t len;

	if (!talk_judged(&talk, play))
		return;
	/* What near can complain of is what far has sent. */
	talk_ether(&talk, &inner, FAR);
	if (error == OTHER_PEER)
		play->to = play->six ? "fd00:99::1" : "192.0.2.99";
	talk_ip(&talk, &inner, error == REVERSED_INNER ? NEAR : FAR,
		error == UDP_INNER ? IPPROTO_UDP : IPPROTO_TCP);
	if (error == UDP_INNER)
		frame_udp(&inner, talk.port[FAR], talk.port[NEAR], marked(play, 32), 32);
	else if (error == REVERSED_INNER)
		frame_tcp(&inner, talk.port[NEAR], talk.port[FAR], talk.next[NEAR], 0, FRAME_ACK, NULL, 0);
	else
		frame_tcp(&inner, error == OTHER_PORT ? CLOSED_PORT : talk.port[FAR], talk.port[NEAR],
			  talk.next[FAR], 0, FRAME_ACK, NULL, 0);
	if (error == OTHER_PEER)
		play->to = play->way == INWARD ? (play->six ? WL_IP6 : WL_IP4)
					       : (play->six ? HOST_IP6 : HOST_IP4);
	len = inner.len - inner.l3_at;
	if (error == CUT_INNER)
		len = play->six ? 44 : 24;
	if (error == NO_INNER)
		len = 0;
	if (error == TO_STRANGER)
		play->to = play->six ? "fd00:99::1" : "192.0.2.99";
	if (error == TO_PEER)
		play->to = play->six ? "fd00:10::77" : "10.10.10.77";
	if (error == FROM_STRANGER)
		play->from = play->six ? "fd00:99::1" : "192.0.2.99";
	begin_ip(play, &f, play->six ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	frame_icmp(&f, (uint8_t)play->attempt->b, play->six ? 0 : 1, 0, 0, inner.data + inner.l3_at, len);
	fire(play, &f,
	     error != RIGHT && error != FROM_STRANGER ? FORBIDDEN
	     : play->field->verdicts		      ? BY_VERDICT
						      : PERMITTED);
}

static void error_attempts(struct book *book)
{
	static const uint8_t four[] = { 3, 4, 5, 11, 12 }, sixth[] = { 1, 2, 3, 4, 100 };

	for (int error = 0; error < ERRORS; error++) {
		for (size_t i = 0; i < sizeof(four); i++) {
			book_add(book, V4, NULL, error_about, error, four[i], "ICMP error %u %s", four[i],
				 error_names[error]);
			book_add(book, V6, NULL, error_about, error, sixth[i], "ICMPv6 error %u %s", sixth[i],
				 error_names[error]);
		}
	}
}

void connection_attempts(struct book *book)
{
	static const uint8_t others[] = { IPPROTO_UDP,	IPPROTO_SCTP, IPPROTO_DCCP, IPPROTO_UDPLITE,
					  IPPROTO_GRE,	IPPROTO_IPIP, IPPROTO_IPV6, IPPROTO_ESP,
					  IPPROTO_ICMP, 253,	      255 };
	static const uint8_t early[] = { FRAME_ACK | FRAME_PSH, FRAME_PSH, FRAME_ACK | FRAME_FIN, 0 };

	book->chapter = "allowed connections";
	for (size_t i = 0; i < sizeof(strays) / sizeof(*strays); i++)
		book_add(book, 0, NULL, stray, (long)i, 0, "on an open connection: %s", strays[i].name);
	for (int by = 0; by < 2; by++) {
		book_add(book, 0, NULL, after_end, FRAME_RST | FRAME_ACK, by, "data after a RST of %s",
			 by ? "the other side" : "the own side");
		book_add(book, 0, NULL, after_end, FRAME_FIN | FRAME_ACK, by, "data after a FIN, begun by %s",
			 by ? "the other side" : "the own side");
	}
	book_add(book, 0, "tcp_checksum", bad_checksum, FRAME_ACK | FRAME_PSH, 0,
		 "data with a wrong checksum");
	book_add(book, 0, "tcp_checksum", bad_checksum, FRAME_RST, 0, "RST with a wrong checksum");
	book_add(book, 0, "tcp_checksum", bad_checksum, FRAME_FIN | FRAME_ACK, 0,
		 "FIN with a wrong checksum");
	book_add(book, 0, "unfit", bad_ack, 1000000, 0, "data that acknowledges what was not sent");
	book_add(book, 0, "unfit", bad_ack, -90000, 0, "data that acknowledges what is long past");
	book_add(book, 0, NULL, conflict, 0, 64, "overlapping segments that contradict each other");
	book_add(book, 0, NULL, conflict, 32, 64, "segments that contradict each other in half");
	book_add(book, 0, NULL, conflict, -16, 96, "a segment that covers another and contradicts it");
	for (size_t i = 0; i < sizeof(early); i++)
		book_add(book, 0, NULL, early_data, early[i], 0,
			 "data before the handshake is over, flags %02x", early[i]);
	book_add(book, 0, NULL, wrong_answer, FRAME_SYN | FRAME_ACK, 5000,
		 "SYN and ACK for another SYN, with data");
	book_add(book, 0, NULL, wrong_answer, FRAME_RST | FRAME_ACK, 5000, "RST for another SYN, with data");
	book_add(book, 0, NULL, answer_without_syn, FRAME_ACK, 0, "the SYN is answered by data");
	book_add(book, 0, NULL, answer_without_syn, FRAME_ACK | FRAME_FIN, 0,
		 "the SYN is answered by FIN and data");
	book_add(book, 0, NULL, split, 0, 0, "split handshake");
	book_add(book, 0, NULL, simultaneous, 0, 0, "simultaneous open, then data out of the window");
	book_add(book, 0, NULL, two_syns, 0, 0, "two SYNs, and data for the one that was not answered");
	for (int change = 0; change < CHANGES; change++)
		book_add(book, 0, NULL, beside, change, 0, "beside an open connection: %s",
			 change_names[change]);
	for (size_t i = 0; i < sizeof(others); i++)
		book_add(book, 0, NULL, other_protocol, others[i], 0,
			 "protocol %u on the tuple of an open connection", others[i]);
	for (int cover = 0; cover < COVERS; cover++)
		book_add(book, 0, NULL, covered, cover, 0, "a segment of an open connection %s",
			 cover_names[cover]);
	error_attempts(book);
}
