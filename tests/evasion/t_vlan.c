// SPDX-License-Identifier: BSD-2-Clause
/* VLAN tags: any depth, any kind, any number, and what is not quite a tag. */
#include <criterion/criterion.h>
#include <string.h>

#include "evasion/attempts.h"

#define DEEPEST 12
/* Followed by the programs: one in the frame's metadata and eight in its data. */
#define FOLLOWED 9

struct stack {
	const char *name;
	uint16_t tpid[2], tci[2]; /* of the tags at even and odd places */
};
static const struct stack stacks[] = {
	{ "802.1Q with VID 0", { ETH_P_8021Q, ETH_P_8021Q }, { 0, 0 } },
	{ "802.1Q with VID 5", { ETH_P_8021Q, ETH_P_8021Q }, { 5, 5 } },
	{ "802.1ad with VID 0", { ETH_P_8021AD, ETH_P_8021AD }, { 0, 0 } },
	{ "802.1ad with VID 4095", { ETH_P_8021AD, ETH_P_8021AD }, { 4095, 4095 } },
	{ "802.1ad and 802.1Q by turns", { ETH_P_8021AD, ETH_P_8021Q }, { 100, 0 } },
	{ "802.1Q with priority 7 and DEI", { ETH_P_8021Q, ETH_P_8021Q }, { 0xf000, 0xf001 } },
};
#define N_STACKS (sizeof(stacks) / sizeof(*stacks))

static void put_tags(struct frame *f, const struct stack *stack, unsigned int depth)
{
	for (unsigned int i = 0; i < depth; i++)
		frame_vlan(f, stack->tpid[i % 2], stack->tci[i % 2]);
}

/* a: stack and depth; b: the probe. */
static void stacked(struct play *play)
{
	enum probe probe = (enum probe)play->attempt->b;
	static struct frame f;

	begin(play, &f);
	put_tags(&f, &stacks[play->attempt->a / 100], (unsigned int)play->attempt->a % 100);
	put_packet(play, &f, probe);
	fire(play, &f, probe_fate(probe));
}

/* A tag that most switches know and no Linux receiver strips. */
static void unknown_tag(struct play *play)
{
	static struct frame f;

	begin(play, &f);
	frame_vlan(&f, (uint16_t)play->attempt->a, 5);
	if (play->attempt->b)
		frame_vlan(&f, ETH_P_8021Q, 0);
	put_packet(play, &f, UDP_CLOSED);
	fire(play, &f, FORBIDDEN);
}

/* The frame ends within its tags. */
static void cut_short(struct play *play)
{
	static struct frame f;

	begin(play, &f);
	put_tags(&f, &stacks[play->attempt->a], 4);
	put_packet(play, &f, UDP_CLOSED);
	frame_resize(&f, (size_t)play->attempt->b);
	fire(play, &f, FORBIDDEN);
}

/* Behind the tags nothing that is IP: what the receiver makes of it is his affair, unless it passes. */
static void other_behind_tags(struct play *play)
{
	static struct frame f;

	begin(play, &f);
	put_tags(&f, &stacks[0], 2);
	frame_payload(&f, (uint16_t)play->attempt->a, marked(play, 100), 100);
	fire(play, &f, FORBIDDEN);
}

static void group_behind_tags(struct play *play)
{
	static struct frame f;

	frame_eth(&f, MAC_BROADCAST, play->source);
	put_tags(&f, &stacks[play->attempt->a / 100], (unsigned int)play->attempt->a % 100);
	put_packet(play, &f, (enum probe)play->attempt->b);
	fire(play, &f, FORBIDDEN);
}

static void stack_attempts(struct book *book, size_t stack)
{
	static const enum probe probes[] = { UDP_CLOSED, SYN_CLOSED, SYN_OPEN };

	for (int depth = stack ? 1 : 0; depth <= DEEPEST; depth++) {
		for (size_t k = 0; k < sizeof(probes) / sizeof(*probes); k++)
			book_add(book, 0,
				 depth > FOLLOWED	 ? "vlan_deep"
				 : probes[k] == SYN_OPEN ? "let pass"
							 : "policy",
				 stacked, (long)stack * 100 + depth, probes[k], "%d tags, %s, %s", depth,
				 stacks[stack].name, probe_names[probes[k]]);
	}
	for (int depth = 1; depth <= DEEPEST; depth += 4)
		book_add(book, 0, depth > FOLLOWED ? "vlan_deep" : "group_ip", group_behind_tags,
			 (long)stack * 100 + depth, UDP_CLOSED, "broadcast around %d tags, %s", depth,
			 stacks[stack].name);
}

void vlan_attempts(struct book *book)
{
	static const uint16_t unknown[] = { 0x9100, 0x9200, 0x9300, 0x88e7, 0x893f, 0x8926, 0x88f5 };
	static const uint16_t others[] = { 0x8847, 0x8864, 0x0040, 0x888e, 0x6558, 0xffff, 0x0000 };

	book->chapter = "VLAN tags";
	for (size_t i = 0; i < N_STACKS; i++)
		stack_attempts(book, i);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
		book_add(book, 0, "non_ip", unknown_tag, unknown[i], 0, "a tag of type 0x%04x", unknown[i]);
		book_add(book, 0, "non_ip", unknown_tag, unknown[i], 1,
			 "a tag of type 0x%04x and one of 802.1Q", unknown[i]);
	}
	for (int len = 15; len < 31; len++)
		book_add(book, V4, NULL, cut_short, len % (int)N_STACKS, len, "tags cut after %d bytes", len);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		book_add(book, V4, "non_ip", other_behind_tags, others[i], 0,
			 "ethertype 0x%04x behind two tags", others[i]);
}
