/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datagrams that follow each other leave together. Most of what a small frame
 * costs the core is the kernel's way with it, once for each. So those of one
 * run that could have been one super-frame of their sender's (UDP segmentation
 * offload) are handed over as one, through a packet socket; whoever cuts it, a
 * receiver's socket as a rule, makes the same datagrams of it.
 *
 * Invariants:
 * - What is cut from a bundle is what came, bit by bit: the headers are the
 *   same but for what cutting makes anew, that is as it was (identification,
 *   lengths), and both checksums were there and right.
 * - Datagrams of one flow leave in the order in which they came, bundled or
 *   not, and none of them waits for one that is still to come.
 */
#ifndef SLUICE_DPI_BUNDLE_H
#define SLUICE_DPI_BUNDLE_H

#include <stdbool.h>
#include <stdint.h>

/* As many as Linux has always allowed in a super-frame of UDP (UDP_MAX_SEGMENTS). */
#define SL_BUNDLE_FRAMES 64
/* Fewer cost more as a bundle, which is a system call and the kernel's looking at it, than one by one (docs/performance.md). */
#define SL_BUNDLE_LEAST 8

struct sl_bundler;

/* A frame in one piece of memory that stays as it is until it has left. */
struct sl_bundle_frame {
	uint8_t *data;
	uint32_t len;
	uint64_t addr; /* whatever the lane knows it by */
};

/* How frames leave. Each that was taken is handed to exactly one of the first two, once. */
struct sl_bundle_out {
	/* It has left with others, by the socket. 0, or -errno: the lane is broken. */
	int (*left)(void *context, const struct sl_bundle_frame *frame);
	/* It is to leave by itself, behind all that were given to this before. 0, or -errno: the lane is broken. */
	int (*alone)(void *context, const struct sl_bundle_frame *frame);
	/* What was given to alone() leaves now. 1; 0: some of it cannot yet; -errno: the lane is broken. */
	int (*hurry)(void *context);
};

/*
 * fd: a packet socket with PACKET_VNET_HDR bound to where frames are to leave; the caller's, and must outlive the
 * bundler. room: frames until it is full, 1..SL_BUNDLE_FRAMES. NULL without memory.
 */
struct sl_bundler *sl_bundler_new(int fd, unsigned int room);
void sl_bundler_free(struct sl_bundler *bundler); /* NULL allowed */

/*
 * Takes the frame until the next flush. False: it may leave at once by itself, no order between it and those taken
 * matters. Flush first if it is full.
 */
bool sl_bundler_take(struct sl_bundler *bundler, const struct sl_bundle_frame *frame);
bool sl_bundler_is_full(const struct sl_bundler *bundler);
/* Something that it cannot take, but that may be of any flow, waits to leave by itself behind those flushed. */
void sl_bundler_passed(struct sl_bundler *bundler);
/*
 * All that were taken leave, or the lane is broken: -errno, as one of out's calls had it. clear: nothing of an earlier
 * run waits to leave by itself; otherwise nothing can be bundled, as it would overtake that.
 */
int sl_bundler_flush(struct sl_bundler *bundler, bool clear, const struct sl_bundle_out *out, void *context);

#endif
