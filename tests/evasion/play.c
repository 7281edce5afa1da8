// SPDX-License-Identifier: BSD-2-Clause
/* One attempt from its first frame to what became of it; see play.h for the invariant. */
#include "evasion/play.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/world.h"

#define ARRIVE_MS 3000
#define FIRST_PORT 1024
#define TWINS 1024u

void book_add(struct book *book, unsigned int only, const char *reason, void (*play)(struct play *play),
	      long a, long b, const char *fmt, ...)
{
	struct attempt *attempt;
	va_list ap;

	if (book->n == book->max) {
		book->max = 2 * book->max + 256;
		book->list = realloc(book->list, book->max * sizeof(*book->list));
		cr_assert(book->list != NULL);
	}
	attempt = &book->list[book->n++];
	*attempt = (struct attempt){
		.chapter = book->chapter, .play = play, .a = a, .b = b, .only = only, .reason = reason
	};
	va_start(ap, fmt);
	vsnprintf(attempt->kind, sizeof(attempt->kind), fmt, ap);
	va_end(ap);
}

void begin(const struct play *play, struct frame *f)
{
	frame_eth(f, play->destination, play->source);
}

void begin_back(const struct play *play, struct frame *f)
{
	frame_eth(f, play->source, play->destination);
}

void begin_ip(const struct play *play, struct frame *f, uint8_t protocol)
{
	begin(play, f);
	if (play->six)
		frame_ipv6(f, play->from, play->to, protocol);
	else
		frame_ipv4(f, play->from, play->to, protocol);
}

const void *marked(const struct play *play, size_t len)
{
	static char text[FRAME_MAX];
	size_t unit = strlen(play->marker);

	cr_assert(len <= sizeof(text));
	for (size_t i = 0; i < len; i++)
		text[i] = play->marker[i % unit];
	return text;
}

const char *const probe_names[PROBES] = { "UDP to a closed port", "SYN to a closed port",
					  "SYN to the open port", "data to a closed port" };

uint8_t probe_protocol(enum probe probe)
{
	return probe == UDP_CLOSED ? IPPROTO_UDP : IPPROTO_TCP;
}

void put_probe(const struct play *play, struct frame *f, enum probe probe)
{
	switch (probe) {
	case UDP_CLOSED:
		frame_udp(f, play->port, CLOSED_PORT, marked(play, 64), 64);
		return;
	case SYN_CLOSED:
		frame_tcp(f, play->port, CLOSED_PORT, play->number, 0, FRAME_SYN, NULL, 0);
		return;
	case SYN_OPEN:
		frame_tcp(f, play->port, OPEN_PORT, play->number, 0, FRAME_SYN, NULL, 0);
		return;
	default:
		frame_tcp(f, play->port, CLOSED_PORT, play->number, 1, FRAME_ACK | FRAME_PSH,
			  marked(play, 64), 64);
	}
}

void put_packet(const struct play *play, struct frame *f, enum probe probe)
{
	if (play->six)
		frame_ipv6(f, play->from, play->to, probe_protocol(probe));
	else
		frame_ipv4(f, play->from, play->to, probe_protocol(probe));
	put_probe(play, f, probe);
}

enum fate probe_fate(enum probe probe)
{
	return probe == SYN_OPEN ? PERMITTED : FORBIDDEN;
}

static void note_shot(struct play *play, const struct frame *f, enum fate fate, enum post to)
{
	cr_assert(play->n_shots < SHOTS_MAX, "%s: more than %d frames", play->attempt->kind, SHOTS_MAX);
	if (play->field->stopped && fate != BY_RULE)
		fate = FORBIDDEN;
	play->shots[play->n_shots++] =
		(struct shot){ .hash = frame_hash(f->data, f->len), .fate = fate, .to = to };
}

void fire_offload(struct play *play, const struct frame *f, enum fate fate,
		  const struct virtio_net_hdr *offload)
{
	if (field_fire(play->field, play->near, f, offload)) {
		play->refused++;
		return;
	}
	if (f->len < ETH_HLEN + 6 && (f->data[12] == 0x81 || f->data[12] == 0x88))
		play->cut++;
	note_shot(play, f, fate, play->far);
}

void fire(struct play *play, const struct frame *f, enum fate fate)
{
	fire_offload(play, f, fate, NULL);
}

void fire_at(struct play *play, const struct frame *f, enum fate fate, enum post from, enum post to)
{
	if (field_fire(play->field, from, f, NULL))
		play->refused++;
	else
		note_shot(play, f, fate, to);
}

void fire_back(struct play *play, const struct frame *f)
{
	int r = field_fire(play->field, play->far, f, NULL);

	cr_assert_eq(r, 0, "%s: the answer was not sent: %s", play->attempt->kind, strerror(-r));
	note_shot(play, f, play->field->verdicts ? BY_VERDICT : PERMITTED, play->near);
}

/* The shot that this arrival is; NULL if it is none. */
static struct shot *shot_of(struct play *play, const struct arrival *arrival)
{
	for (uint32_t i = play->n_shots; i--;) {
		struct shot *shot = &play->shots[i];

		if (shot->hash == arrival->hash && shot->to == arrival->at)
			return shot;
	}
	return NULL;
}

static void claim(struct play *play)
{
	struct field *field = play->field;

	for (uint32_t i = 0; i < field->n_arrivals; i++) {
		struct arrival *arrival = &field->arrivals[i];
		struct shot *shot = arrival->claimed ? NULL : shot_of(play, arrival);

		if (shot)
			arrival->claimed = shot->arrived = true;
	}
}

bool arrived(struct play *play, const char *what)
{
	struct shot *last = &play->shots[play->n_shots - 1];

	if (wait_until(ARRIVE_MS, (field_look(play->field), claim(play), last->arrived)))
		return true;
	play->trouble = what;
	return false;
}

/* A SYN to the open port; from another source each time, so that the limits for one source are never reached. */
static void put_syn(struct frame *f, enum way way, bool six)
{
	static uint32_t turn;
	uint32_t n = turn++;
	char from[64];

	snprintf(from, sizeof(from), six ? "fd00:10::1:%u" : "10.10.10.%u", 100 + n % 100);
	if (six)
		frame_ipv6(f, from, way == INWARD ? WL_IP6 : HOST_IP6, IPPROTO_TCP);
	else
		frame_ipv4(f, from, way == INWARD ? WL_IP4 : HOST_IP4, IPPROTO_TCP);
	frame_tcp(f, (uint16_t)(FIRST_PORT + n / 100), OPEN_PORT, n, 0, FRAME_SYN, NULL, 0);
}

/* The last ones: in a flood one may come when another has been sent instead. */
static uint64_t twins[TWINS];
static uint32_t n_twins;

bool play_is_twin(uint64_t hash)
{
	for (uint32_t i = 0; i < TWINS; i++) {
		if (twins[i] == hash)
			return true;
	}
	return false;
}

static bool came(struct field *field, enum post at, uint64_t hash)
{
	for (uint32_t i = field->n_arrivals; i--;) {
		struct arrival *arrival = &field->arrivals[i];

		if (arrival->hash != hash || arrival->at != at)
			continue;
		arrival->claimed = true;
		return true;
	}
	return false;
}

bool play_twin(struct field *field, enum way way, bool six, int tries, int ms)
{
	struct mac host = field->host_mac, workload = mac_of(WL_MAC);
	enum post near = way == INWARD ? HOST : WORKLOAD, far = way == INWARD ? WORKLOAD : HOST;
	static struct frame f;
	uint64_t hash;

	while (tries--) {
		frame_eth(&f, way == INWARD ? workload : host, way == INWARD ? host : workload);
		/* Without a core there is nothing else that passes. */
		if (field->stopped)
			frame_arp(&f, 2, host, HOST_IP4, workload, WL_IP4);
		else
			put_syn(&f, way, six);
		hash = frame_hash(f.data, f.len);
		twins[n_twins++ % TWINS] = hash;
		if (field_fire(field, near, &f, NULL))
			continue;
		for (int64_t end = now_ms() + ms; now_ms() < end; readable(field->post[far]->fd, 2)) {
			field_look(field);
			if (came(field, far, hash))
				return true;
		}
	}
	return false;
}
