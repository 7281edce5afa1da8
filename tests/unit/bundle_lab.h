/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bundler between a packet socket that is none and a test: what came, what
 * has left, and what is cut from bundles by rules written down here once more.
 *
 * Invariant: every frame that was taken is answered exactly once, or the test
 * fails.
 */
#ifndef SLUICE_TESTS_UNIT_BUNDLE_LAB_H
#define SLUICE_TESTS_UNIT_BUNDLE_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dpi/io/bundle.h"
#include "lib/frames.h"

#define FRAMES SL_BUNDLE_FRAMES
#define LEAST SL_BUNDLE_LEAST
#define ROOM 2048

/* What came, and what has left, in the order of leaving. */
struct bundle_lab {
	uint8_t data[FRAMES][ROOM];
	uint32_t len[FRAMES];
	unsigned int n;
	struct sent {
		uint8_t data[ROOM];
		uint32_t len;
		bool bundled;
	} sent[FRAMES];
	unsigned int n_sent;
	unsigned int answered[FRAMES]; /* how often each was handed back */
	unsigned int waiting[FRAMES], n_waiting; /* given to alone(), not gone yet */
	bool stuck; /* what waits cannot leave */
	unsigned int bundles, hurries;
};
extern struct bundle_lab bundle_lab;
extern int bundle_fds[2]; /* the bundler's socket, and the other end of it */
extern struct sl_bundler *bundle_bundler;

/* .init and .fini of a suite. */
void bundle_start(void);
void bundle_stop(void);
/* Nothing has come or left yet. */
void bundle_next_run(void);

struct datagram {
	int family;
	unsigned int flow, id;
	size_t payload;
	uint8_t fill;
};
void bundle_make(struct frame *f, const struct datagram *d);
/* False: it is not the bundler's, and leaves at once. */
bool bundle_give(const struct frame *f);
/* Must be taken. */
void bundle_give_datagram(const struct datagram *d);
/* All that were given leave, and are cut. */
void bundle_flush(bool clear);
/* What has left is what came, in its order, bit by bit. */
void bundle_in_order(void);

/* The one's complement of a sum, as it is written down; UDP's 0 is written as 0xffff. */
void bundle_write_sum(uint8_t *at, uint32_t sum, bool udp);

static inline void put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline unsigned int get16(const uint8_t *at)
{
	return (unsigned int)(at[0] << 8 | at[1]);
}

#endif
