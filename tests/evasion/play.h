/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One attempt: what is sent, what has come of it, and whether that is right.
 *
 * Invariant: an attempt is over when a harmless frame (its twin) sent behind
 * it has arrived by the same way and the books are closed: nothing of it can
 * still be under way, and "nothing came" never means a dead path.
 */
#ifndef SLUICE_TESTS_EVASION_PLAY_H
#define SLUICE_TESTS_EVASION_PLAY_H

#include <netinet/in.h>

#include "evasion/field.h"

enum way { INWARD, OUTWARD, WAYS };

struct play;

/* For which families and ways; a part of which none is named stands for all. */
#define V4 0x01u
#define V6 0x02u
#define IN 0x04u
#define OUT 0x08u

struct attempt {
	char kind[80];
	const char *chapter;
	void (*play)(struct play *play);
	long a, b;
	unsigned int only; /* V4 … OUT */
	const char *reason; /* which must be among those named; NULL: any */
};

struct book {
	const char *chapter;
	struct attempt *list;
	uint32_t n, max;
};
/* Attempts of one kind have the same name. */
void book_add(struct book *book, unsigned int only, const char *reason, void (*play)(struct play *play),
	      long a, long b, const char *fmt, ...) __attribute__((format(printf, 7, 8)));

enum fate {
	FORBIDDEN, /* must not come out anywhere */
	PERMITTED, /* the core may let it pass, nobody else */
	BY_RULE, /* passes without the core by a rule of its own: ARP, genuine multicast */
	BY_VERDICT, /* of a flow that has been judged: may pass without the core */
};

#define SHOTS_MAX 700
struct shot {
	uint64_t hash;
	enum fate fate;
	bool arrived;
	enum post to; /* where it may come out */
};

struct play {
	struct field *field;
	const struct attempt *attempt;
	enum way way;
	bool six;
	uint32_t number; /* of this attempt, unique */
	/* The right addresses of a frame that is sent; near is who tries. */
	enum post near, far;
	struct mac source, destination;
	const char *from, *to;
	uint16_t port; /* nobody else's source port */
	char marker[32]; /* is in whatever has a payload */
	struct shot shots[SHOTS_MAX];
	uint32_t n_shots;
	uint32_t refused; /* the kernel did not take these from us */
	uint32_t cut; /* within its outermost tag: no kernel hands these on */
	bool resized; /* what comes out need not be what went in: super-frames, checksums left to the kernel */
	const char *trouble; /* the attempt could not be made */
	struct tally before, after;
};

/* What has become of an attempt. */
struct outcome {
	struct attempt attempt;
	enum way way;
	bool six;
	uint32_t shots, arrived, refused, lost;
	uint32_t by_reason[SL_REASON_MAX]; /* of the programs, all but the core's own way */
	uint32_t inspected, let_pass, by_verdict, held, made;
	uint64_t drop_from, drop_to; /* the core's drops, by number */
	bool unseen, forbidden, strange, dead, open_books;
	char text[400]; /* of what is wrong */
};

void play_attempt(struct field *field, const struct attempt *attempt, enum way way, bool six, uint32_t number,
		  struct outcome *ret);

/* For attempts: frames with all right so far. */
void begin(const struct play *play, struct frame *f);
void begin_ip(const struct play *play, struct frame *f, uint8_t protocol);
/* The other way: from far to near. */
void begin_back(const struct play *play, struct frame *f);
/* len bytes of the marker, again and again; valid until the next call. */
const void *marked(const struct play *play, size_t len);

/* What an attempt hides. */
enum probe { UDP_CLOSED, SYN_CLOSED, SYN_OPEN, DATA_CLOSED, PROBES };
extern const char *const probe_names[PROBES];
uint8_t probe_protocol(enum probe probe);
/* Behind an IP header. */
void put_probe(const struct play *play, struct frame *f, enum probe probe);
/* The whole of it behind an Ethernet header and tags. */
void put_packet(const struct play *play, struct frame *f, enum probe probe);
/* What may become of it if nothing else is wrong with it. */
enum fate probe_fate(enum probe probe);

void fire(struct play *play, const struct frame *f, enum fate fate);
/* From another end than near's, to come out where it may. */
void fire_at(struct play *play, const struct frame *f, enum fate fate, enum post from, enum post to);
void fire_offload(struct play *play, const struct frame *f, enum fate fate,
		  const struct virtio_net_hdr *offload);
/* From far to near; must be let pass. */
void fire_back(struct play *play, const struct frame *f);
/* What has been sent so far was the way to the attempt, not the attempt: it is looked at only from here on. */
void play_begins(struct play *play);
/* Has the last one come out? Waits for it. False: it has not, and the attempt is in trouble. */
bool arrived(struct play *play, const char *what);

/* Sends a frame that all rules allow, and waits so long until it is there; so many times. */
bool play_twin(struct field *field, enum way way, bool six, int tries, int ms);
/* Is it one of those? */
bool play_is_twin(uint64_t hash);

#endif
