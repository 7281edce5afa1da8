/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A packet socket on an interface of some namespace: sees frames and sends
 * them.
 *
 * Invariant: a frame is handed out as it was on the wire: a VLAN tag that the
 * kernel keeps beside the data is back in it, and marked as having been there.
 */
#ifndef SLUICE_TESTS_SNIFF_H
#define SLUICE_TESTS_SNIFF_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/frames.h"
#include "lib/ns.h"

struct sniff {
	int fd;
	unsigned int ifindex;
};

struct seen {
	uint32_t len;
	uint8_t pkttype; /* PACKET_HOST, PACKET_OUTGOING … */
	bool tag_beside; /* the outermost tag was in the skb's metadata */
	bool csum_partial; /* the sender's offload has yet to finish the checksum … */
	uint32_t csum_start,
		csum_at; /* … over all from here to the end, to be written there; offsets in data */
	bool csum_verified; /* the kernel vouches for it */
	uint32_t gso_size; /* 0: no super-frame */
	uint8_t data[FRAME_MAX + 4];
};

/* outgoing: also frames that leave by this interface. */
struct sniff *sniff_open(struct ns *ns, const char *interface, bool outgoing);
void sniff_close(struct sniff *sniff); /* NULL allowed */

/* The next frame within ms, static memory of the sniffer's caller; NULL if none came. */
const struct seen *sniff_next(struct sniff *sniff, int ms);
/* The next frame for which match() is true; others are passed over. */
const struct seen *sniff_wait(struct sniff *sniff, int ms,
			      bool (*match)(const struct seen *seen, const void *context),
			      const void *context);
/* Waits for exactly this frame. "" if it came, else how the nearest one (same length or same last bytes) differs. */
const char *sniff_expect(struct sniff *sniff, int ms, const struct frame *frame);
/* Drops what has been received so far. */
void sniff_flush(struct sniff *sniff);

/* Fails the test if the kernel does not take it. */
void sniff_send(struct sniff *sniff, const struct frame *frame);

/* Match functions: context is a struct mac. */
bool seen_dst(const struct seen *seen, const void *mac);
bool seen_src(const struct seen *seen, const void *mac);

#endif
