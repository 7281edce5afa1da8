/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TCP connection of two scripted ends: raw segments, no stack behind them,
 * so that each says exactly what an attempt wants, when it wants.
 *
 * Invariant: the numbers of both ends are those that real stacks would have
 * after what has been sent by talk_say(); talk_frame() alone changes nothing.
 */
#ifndef SLUICE_TESTS_EVASION_TALK_H
#define SLUICE_TESTS_EVASION_TALK_H

#include "evasion/play.h"

/* Who says it: who tries, or the other. */
enum end { NEAR, FAR };

struct talk {
	struct play *play;
	uint16_t port[2]; /* by enum end */
	uint32_t next[2]; /* the next number each end has to send; also what the other acknowledges */
};

/* A client at `client`'s end, the open port at the other. Nothing is sent. */
void talk_begin(struct talk *talk, struct play *play, enum end client);
/* The handshake. False: the attempt is in trouble. */
bool talk_open(struct talk *talk, struct play *play, enum end client);
/* The same with something said on both sides; where judged flows are left to the kernel, this one is. Then it begins. */
bool talk_judged(struct talk *talk, struct play *play);
/* Of a segment of that connection: who may let it pass, if `fate` says what the core does. */
enum fate talk_fate(const struct talk *talk, uint8_t flags, enum fate fate);
/* An Ethernet header that way. */
void talk_ether(const struct talk *talk, struct frame *f, enum end who);
/* The IP header that way. */
void talk_ip(const struct talk *talk, struct frame *f, enum end who, uint8_t protocol);
/* The whole segment; shift is added to its number. */
void talk_frame(const struct talk *talk, struct frame *f, enum end who, uint8_t flags, int32_t shift,
		const void *data, size_t len);
/* Sends it and waits until it is there. */
bool talk_say(struct talk *talk, enum end who, uint8_t flags, const void *data, size_t len);
/* Once more with the wrong or right TCP checksum after bytes were changed. */
void talk_seal(struct frame *f);

#endif
