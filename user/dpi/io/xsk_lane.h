/* SPDX-License-Identifier: BSD-2-Clause */
/* Between xsk.c, which makes the sockets, and xsk_lane.c, which moves frames through them. */
#ifndef SLUICE_DPI_XSK_LANE_H
#define SLUICE_DPI_XSK_LANE_H

#include <linux/if_xdp.h>
#include <stdbool.h>
#include <stdint.h>
#include <xdp/xsk.h>

#include "dpi/io/bundle.h"
#include "dpi/io/io.h"

/*
 * linux/if_xdp.h since Linux 6.6 ("xsk: introduce XSK bind flag for
 * multi-buffer" and "xsk: prepare 'options' in xdp_desc for multi-buffer use");
 * Debian 12's header is older than that.
 */
#ifndef XDP_USE_SG
#define XDP_USE_SG (1 << 4)
#endif
#ifndef XDP_PKT_CONTD
#define XDP_PKT_CONTD (1 << 0)
#endif

enum sl_chunk_owner {
	SL_CHUNK_RX, /* the kernel's: in FILL, being received into, or in RX */
	SL_CHUNK_HELD, /* ours, between RX and either TX or FILL */
	SL_CHUNK_TX, /* the kernel's: in TX, being sent, or in COMPLETION */
	SL_CHUNK_SPARE, /* ours, for the next frame of our own */
};

#define SL_XSK_SPARE_MAX 64

/* What one run adds to the record. */
struct sl_lane_batch {
	uint64_t rx_frames, rx_bytes, tx_frames, tx_bytes, tx_full, invalid, wakeups, dropped, made, bundled;
};

struct sl_xsk_lane {
	struct sl_lane lane;
	const char *ifname;
	uint32_t queue;
	bool multi_buffer;
	bool busy_poll;

	struct xsk_socket *socket;
	int fd; /* the socket's */
	int flags_fd; /* any socket of the namespace, to ask for the interface's flags; struct sl_xsk's */
	struct xsk_ring_prod fill;
	struct xsk_ring_cons comp;
	struct xsk_ring_cons rx;
	struct xsk_ring_prod tx;

	uint8_t *area; /* of the whole UMEM */
	uint32_t first_chunk; /* this lane's part of it */
	uint32_t n_chunks;
	uint8_t *owner; /* enum sl_chunk_owner per chunk of this lane */
	uint32_t n_rx, n_held, n_tx, n_spare; /* written by the worker, read by anyone */
	uint32_t spares; /* how many chunks are kept out of FILL, at most SL_XSK_SPARE_MAX */
	uint32_t spare[SL_XSK_SPARE_MAX]; /* the places in owner[] of those that are here */
	uint32_t tx_new; /* written to the ring, not yet shown to the kernel */
	uint64_t *freed; /* a bit a chunk: the kernel's, for FILL, but not in it yet; there are … */
	uint32_t n_freed, freed_first, freed_last; /* … so many, none outside these words */

	/* The frame being put together; it may take several runs. */
	struct sl_frame frame;
	uint64_t addr[SL_FRAME_PIECES];
	uint32_t len[SL_FRAME_PIECES];
	bool skipping; /* its chain is too long: drop up to its end */
	struct sl_bundler *bundler; /* for datagrams that leave together; NULL: none do */
	bool bundling; /* this run tries */
	uint32_t pause,
		skip; /* runs not to try: after the last that was in vain, and of these still to come */

	struct xdp_statistics seen; /* already added to the record */
	struct sl_lane_batch *batch; /* of the run that is under way, else NULL */
};

extern const struct sl_lane_ops sl_xsk_lane_ops;

/*
 * xsk_account.c. Adds the batch to the record: what came in last, so that whoever reads rx_frames first never finds a
 * frame that came in and not what became of it, and so no books closed that are not.
 */
void sl_xsk_lane_publish(struct sl_core *record, const struct sl_lane_batch *batch);
/* See struct sl_lane_ops. */
int sl_xsk_lane_account(struct sl_lane *lane, struct sl_err *err);
void sl_xsk_lane_buffers(const struct sl_lane *lane, struct sl_buffers *ret);
/* Gives all chunks to the kernel through the FILL ring. 0 or -errno. */
int sl_xsk_lane_fill(struct sl_xsk_lane *lane);

#endif
