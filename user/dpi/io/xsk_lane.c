// SPDX-License-Identifier: BSD-2-Clause
/*
 * Moves the frames of one queue: RX to handler to TX, in batches, from and to
 * the same chunks.
 *
 * Invariants:
 * - Every chunk of the lane has one owner at any time, written down in
 *   owner[]; each hand-over checks the previous owner, and at the end of each
 *   run the four sums must be the total. A difference is a bug in here or in
 *   the kernel, and the lane stops rather than forward from a chunk that may
 *   be somebody else's.
 * - A chunk that is not in a frame or in TX is in the FILL ring when a run
 *   ends, but for a few spares that frames of our own leave in. That ring has
 *   room for all twice over, because the kernel shows a received frame in RX
 *   before it shows that it took the chunk out of FILL.
 *   TX never takes more than its ring's size, and RX can take no more than its
 *   own, so a quarter of the chunks (see xsk.c) is left for FILL whatever happens.
 * - At most a COMPLETION ring full is in flight, so the kernel never finds
 *   that ring full.
 * - What the bundler has taken is held until it is flushed, which it is before
 *   a run ends, and before anything leaves that must not overtake it.
 */
#include <errno.h>
#include <net/ethernet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "dpi/io/xsk.h"
#include "dpi/io/xsk_lane.h"

#define PAUSE_MAX 31 /* runs */

static struct sl_xsk_lane *to_xsk(struct sl_lane *lane)
{
	return (struct sl_xsk_lane *)((char *)lane - offsetof(struct sl_xsk_lane, lane));
}

static void count_to(uint32_t *n, uint32_t value)
{
	__atomic_store_n(n, value, __ATOMIC_RELAXED);
}

/* The chunk's place in owner[] if it is this lane's and was owned by `from`, which is then `to`. Else -1. */
static int64_t hand_over(struct sl_xsk_lane *lane, uint64_t addr, enum sl_chunk_owner from,
			 enum sl_chunk_owner to)
{
	uint64_t chunk = addr / SL_XSK_STRIDE - lane->first_chunk;

	/* Below first_chunk it wraps around and is too big as well. */
	if (chunk >= lane->n_chunks || lane->owner[chunk] != from)
		return -1;
	lane->owner[chunk] = to;
	return (int64_t)chunk;
}

static int broken_books(const struct sl_xsk_lane *lane, struct sl_err *err, const char *where, uint64_t addr)
{
	return sl_err(err, ENOTRECOVERABLE,
		      "%s queue %u: %s: UMEM address %#llx is not where the books say (%u chunks: rx %u, "
		      "held %u, tx %u, spare %u); the core must be restarted",
		      lane->ifname, lane->queue, where, (unsigned long long)addr, lane->n_chunks, lane->n_rx,
		      lane->n_held, lane->n_tx, lane->n_spare);
}

static void count_off(struct sl_xsk_lane *lane, enum sl_chunk_owner from)
{
	if (from == SL_CHUNK_TX)
		count_to(&lane->n_tx, lane->n_tx - 1);
	else
		count_to(&lane->n_held, lane->n_held - 1);
}

/* A chunk that is ours goes back to the kernel to receive into; shown to it by submit_fill(). Spares come first. */
static int recycle(struct sl_xsk_lane *lane, uint64_t addr, enum sl_chunk_owner from, struct sl_err *err)
{
	bool spare = lane->n_spare < lane->spares;
	int64_t chunk = hand_over(lane, addr, from, spare ? SL_CHUNK_SPARE : SL_CHUNK_RX);
	uint32_t word;

	if (chunk < 0)
		return broken_books(lane, err, from == SL_CHUNK_TX ? "COMPLETION" : "dropping", addr);
	if (spare) {
		lane->spare[lane->n_spare] = (uint32_t)chunk;
		count_to(&lane->n_spare, lane->n_spare + 1);
		count_off(lane, from);
		return 0;
	}
	word = (uint32_t)chunk / 64;
	lane->freed[word] |= 1ULL << chunk % 64;
	lane->n_freed++;
	if (word < lane->freed_first)
		lane->freed_first = word;
	if (word > lane->freed_last)
		lane->freed_last = word;
	count_to(&lane->n_rx, lane->n_rx + 1);
	count_off(lane, from);
	return 0;
}

/*
 * By their addresses: both who writes the next frames into them and who reads them go through memory one way then, which
 * processors foresee. Chunks are given back in any order, and in that order they would come round for ever.
 */
static int submit_fill(struct sl_xsk_lane *lane, struct sl_err *err)
{
	uint32_t idx, n = lane->n_freed;

	if (!n)
		return 0;
	if (xsk_ring_prod__reserve(&lane->fill, n, &idx) != n)
		return broken_books(lane, err, "FILL is full", 0);
	for (uint32_t word = lane->freed_first; word <= lane->freed_last; word++) {
		for (uint64_t *bits = &lane->freed[word]; *bits; *bits &= *bits - 1) {
			uint64_t chunk = lane->first_chunk + word * 64 + (uint32_t)__builtin_ctzll(*bits);

			*xsk_ring_prod__fill_addr(&lane->fill, idx++) = chunk * SL_XSK_STRIDE;
		}
	}
	lane->n_freed = 0;
	lane->freed_first = UINT32_MAX;
	lane->freed_last = 0;
	xsk_ring_prod__submit(&lane->fill, n);
	return 0;
}

int sl_xsk_lane_fill(struct sl_xsk_lane *lane)
{
	uint32_t idx, n = lane->n_chunks - lane->spares;

	if (lane->spares > SL_XSK_SPARE_MAX || lane->spares >= lane->n_chunks)
		return -EINVAL;
	lane->freed = calloc((lane->n_chunks + 63) / 64, sizeof(*lane->freed));
	if (!lane->freed)
		return -ENOMEM;
	lane->freed_first = UINT32_MAX;
	if (xsk_ring_prod__reserve(&lane->fill, n, &idx) != n)
		return -ENOBUFS;
	for (uint32_t i = 0; i < n; i++) {
		*xsk_ring_prod__fill_addr(&lane->fill, idx + i) =
			(uint64_t)(lane->first_chunk + i) * SL_XSK_STRIDE;
		lane->owner[i] = SL_CHUNK_RX;
	}
	for (uint32_t i = 0; i < lane->spares; i++) {
		lane->owner[n + i] = SL_CHUNK_SPARE;
		lane->spare[i] = n + i;
	}
	xsk_ring_prod__submit(&lane->fill, n);
	lane->n_rx = n;
	lane->n_spare = lane->spares;
	return 0;
}

/* What the kernel has sent goes back to FILL. */
static int reap(struct sl_xsk_lane *lane, struct sl_err *err)
{
	uint32_t idx, n = xsk_ring_cons__peek(&lane->comp, lane->comp.size, &idx);
	int r = 0;

	if (!n)
		return 0;
	for (uint32_t i = 0; i < n && !r; i++)
		r = recycle(lane, *xsk_ring_cons__comp_addr(&lane->comp, idx + i), SL_CHUNK_TX, err);
	xsk_ring_cons__release(&lane->comp, n);
	return r < 0 ? r : submit_fill(lane, err);
}

static uint32_t tx_consumed(const struct sl_xsk_lane *lane)
{
	return __atomic_load_n(lane->tx.consumer, __ATOMIC_ACQUIRE);
}

/*
 * Shows TX to the kernel and has it send. In copy mode only a system call
 * sends, and one call sends a limited number of frames, so call until the ring
 * is empty or no longer moves.
 *
 * Left over frames (lane.pending) are tried again by the next run.
 */
static int kick(struct sl_xsk_lane *lane, struct sl_lane_batch *batch, struct sl_err *err)
{
	uint32_t before, spins = 0;

	if (lane->tx_new) {
		xsk_ring_prod__submit(&lane->tx, lane->tx_new);
		lane->tx_new = 0;
	}
	lane->lane.pending = false;
	while ((before = tx_consumed(lane)) != lane->tx.cached_prod) {
		if (!xsk_ring_prod__needs_wakeup(&lane->tx))
			break; /* a driver is at it by itself */
		batch->wakeups++;
		if (sendto(lane->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0) {
			switch (errno) {
			case EBUSY:
				/*
				 * The device refused one frame and dropped it; it comes back by
				 * COMPLETION like a sent one. It may have been taken off the ring
				 * without the ring's pointer showing it yet: go on. The frame may be
				 * an earlier run's, then the sum wraps around and is still right.
				 */
				batch->tx_frames--;
				batch->tx_full++;
				if (++spins > lane->tx.size)
					goto later;
				continue;
			case EINTR:
				continue;
			case EAGAIN: /* this call's share is done, or no memory for an skb */
			case ENOBUFS:
			case ENOMEM:
			case ENETDOWN: /* the link is down and may come up again */
				break;
			default:
				return sl_errno(
					err, errno,
					"%s queue %u: sending failed, has the interface been removed?",
					lane->ifname, lane->queue);
			}
		}
		if (tx_consumed(lane) == before)
			goto later;
	}
	return 0;
later:
	lane->lane.pending = true;
	return 0;
}

static int drop_pieces(struct sl_xsk_lane *lane, const uint64_t *addr, uint32_t n, struct sl_err *err)
{
	int r = 0;

	for (uint32_t i = 0; i < n && !r; i++)
		r = recycle(lane, addr[i], SL_CHUNK_HELD, err);
	return r;
}

static int drop_frame(struct sl_xsk_lane *lane, struct sl_err *err)
{
	return drop_pieces(lane, lane->addr, lane->frame.n_pieces, err);
}

/* TX may be full of what the kernel has sent meanwhile. */
static int make_room(struct sl_xsk_lane *lane, uint32_t n, struct sl_lane_batch *batch, struct sl_err *err)
{
	int r;

	if (lane->n_tx + n <= lane->tx.size)
		return 0;
	r = kick(lane, batch, err);
	return r < 0 ? r : reap(lane, err);
}

/* The frame in these pieces. */
static int send_pieces(struct sl_xsk_lane *lane, const uint64_t *addr, const uint32_t *len, uint32_t n,
		       struct sl_lane_batch *batch, struct sl_err *err)
{
	uint32_t idx;
	int r = make_room(lane, n, batch, err);

	if (r < 0)
		return r;
	if (lane->n_tx + n > lane->tx.size || !xsk_ring_prod__reserve(&lane->tx, n, &idx)) {
		batch->tx_full++;
		return drop_pieces(lane, addr, n, err);
	}
	for (uint32_t i = 0; i < n; i++) {
		struct xdp_desc *desc = xsk_ring_prod__tx_desc(&lane->tx, idx + i);

		if (hand_over(lane, addr[i], SL_CHUNK_HELD, SL_CHUNK_TX) < 0)
			return broken_books(lane, err, "sending", addr[i]);
		desc->addr = addr[i];
		desc->len = len[i];
		desc->options = i + 1 < n ? XDP_PKT_CONTD : 0;
		batch->tx_bytes += len[i];
	}
	count_to(&lane->n_held, lane->n_held - n);
	count_to(&lane->n_tx, lane->n_tx + n);
	lane->tx_new += n;
	batch->tx_frames++;
	return 0;
}

/* What the bundler's calls need. */
struct flush {
	struct sl_xsk_lane *lane;
	struct sl_lane_batch *batch;
	struct sl_err *err;
};

static int left_in_bundle(void *context, const struct sl_bundle_frame *frame)
{
	struct flush *flush = context;

	flush->batch->tx_frames++;
	flush->batch->tx_bytes += frame->len;
	flush->batch->bundled++;
	return recycle(flush->lane, frame->addr, SL_CHUNK_HELD, flush->err);
}

static int leave_alone(void *context, const struct sl_bundle_frame *frame)
{
	struct flush *flush = context;

	return send_pieces(flush->lane, &frame->addr, &frame->len, 1, flush->batch, flush->err);
}

static int hurry(void *context)
{
	struct flush *flush = context;
	int r = kick(flush->lane, flush->batch, flush->err);

	return r < 0 ? r : !flush->lane->lane.pending;
}

static int flush_bundles(struct sl_xsk_lane *lane, struct sl_lane_batch *batch, struct sl_err *err)
{
	static const struct sl_bundle_out out = { left_in_bundle, leave_alone, hurry };
	struct flush flush = { lane, batch, err };

	return lane->bundling ? sl_bundler_flush(lane->bundler, !lane->lane.pending, &out, &flush) : 0;
}

static int send_frame(struct sl_xsk_lane *lane, struct sl_lane_batch *batch, struct sl_err *err)
{
	const struct sl_frame *frame = &lane->frame;
	const struct sl_bundle_frame whole = { frame->piece[0].data, frame->len, lane->addr[0] };
	int r = 0;

	if (lane->bundling && frame->n_pieces == 1) {
		if (sl_bundler_is_full(lane->bundler))
			r = flush_bundles(lane, batch, err);
		if (r < 0 || sl_bundler_take(lane->bundler, &whole))
			return r;
	} else if (lane->bundling) {
		r = flush_bundles(lane, batch, err);
		sl_bundler_passed(lane->bundler);
	}
	return r < 0 ? r : send_pieces(lane, lane->addr, lane->len, frame->n_pieces, batch, err);
}

/* Adds one descriptor to the frame being put together. */
static int add_piece(struct sl_xsk_lane *lane, const struct xdp_desc *desc, struct sl_err *err)
{
	struct sl_frame *frame = &lane->frame;
	uint16_t n = frame->n_pieces;
	int r;

	/* The kernel tells where the chunk begins and, in the upper bits, where in it the frame does. */
	uint64_t begin = xsk_umem__extract_addr(desc->addr), offset = xsk_umem__extract_offset(desc->addr);
	uint64_t addr = begin + offset;

	if (begin % SL_XSK_STRIDE || offset + desc->len > SL_XSK_CHUNK ||
	    hand_over(lane, begin, SL_CHUNK_RX, SL_CHUNK_HELD) < 0)
		return broken_books(lane, err, "receiving", desc->addr);
	count_to(&lane->n_rx, lane->n_rx - 1);
	count_to(&lane->n_held, lane->n_held + 1);
	if (!lane->skipping && (n == SL_FRAME_PIECES || frame->len + desc->len > SL_FRAME_MAX)) {
		r = drop_frame(lane, err);
		if (r < 0)
			return r;
		frame->n_pieces = 0;
		lane->skipping = true;
	}
	frame->len += desc->len;
	if (lane->skipping)
		return recycle(lane, addr, SL_CHUNK_HELD, err);
	lane->addr[n] = addr;
	lane->len[n] = desc->len;
	frame->piece[n].data = lane->area + addr;
	frame->piece[n].len = desc->len;
	frame->n_pieces = n + 1;
	return 0;
}

/* The frame is complete: ask the handler, and answer for it. */
static int finish_frame(struct sl_xsk_lane *lane, sl_frame_handler handle, void *context,
			struct sl_lane_batch *batch, struct sl_err *err)
{
	struct sl_frame *frame = &lane->frame;
	int r;

	batch->rx_frames++;
	batch->rx_bytes += frame->len;
	if (lane->skipping || lane->len[0] < ETHER_HDR_LEN) {
		batch->invalid++;
		r = drop_frame(lane, err);
	} else {
		frame->queue = lane->queue;
		frame->csum = SL_CSUM_UNKNOWN;
		if (handle(context, frame) == SL_FORWARD) {
			r = send_frame(lane, batch, err);
		} else {
			batch->dropped++;
			r = drop_frame(lane, err);
		}
	}
	frame->len = 0;
	frame->n_pieces = 0;
	lane->skipping = false;
	return r;
}

/* The frame is in spare chunks already: n of them, the last with `rest` bytes. */
static int send_spares(struct sl_xsk_lane *lane, uint32_t n, uint32_t rest, struct sl_err *err)
{
	uint32_t idx;

	/* As many descriptors as make_room() has seen to. */
	if (!xsk_ring_prod__reserve(&lane->tx, n, &idx))
		return broken_books(lane, err, "TX is full", 0);
	for (uint32_t i = 0; i < n; i++) {
		struct xdp_desc *desc = xsk_ring_prod__tx_desc(&lane->tx, idx + i);
		uint32_t chunk = lane->spare[lane->n_spare - 1 - i];

		desc->addr = (lane->first_chunk + (uint64_t)chunk) * SL_XSK_STRIDE;
		desc->len = i + 1 < n ? SL_XSK_CHUNK : rest;
		desc->options = i + 1 < n ? XDP_PKT_CONTD : 0;
		if (hand_over(lane, desc->addr, SL_CHUNK_SPARE, SL_CHUNK_TX) < 0)
			return broken_books(lane, err, "sending our own", desc->addr);
	}
	count_to(&lane->n_spare, lane->n_spare - n);
	count_to(&lane->n_tx, lane->n_tx + n);
	lane->tx_new += n;
	return 0;
}

static int lane_send(struct sl_lane *base, const uint8_t *data, uint32_t len, struct sl_err *err)
{
	struct sl_xsk_lane *lane = to_xsk(base);
	struct sl_lane_batch own = { 0 }, *batch = lane->batch ? lane->batch : &own;
	uint32_t n = (len + SL_XSK_CHUNK - 1) / SL_XSK_CHUNK, rest = len - (n ? n - 1 : 0) * SL_XSK_CHUNK;
	int r;

	if (len < ETHER_HDR_LEN || len > SL_FRAME_MAX || (n > 1 && !lane->multi_buffer))
		return -EMSGSIZE;
	/* It leaves behind the frames answered so far. */
	r = flush_bundles(lane, batch, err);
	if (r >= 0)
		r = make_room(lane, n, batch, err);
	if (r >= 0 && n > lane->n_spare) {
		/* Those that are on their way come back as spares before anything goes to FILL. */
		r = kick(lane, batch, err);
		if (r >= 0)
			r = reap(lane, err);
	}
	if (r < 0)
		return r;
	batch->made++;
	if (n > lane->n_spare || lane->n_tx + n > lane->tx.size) {
		batch->tx_full++;
		r = -ENOBUFS;
		goto out;
	}
	for (uint32_t i = 0; i < n; i++)
		memcpy(lane->area + (lane->first_chunk + (uint64_t)lane->spare[lane->n_spare - 1 - i]) *
					    SL_XSK_STRIDE,
		       data + (size_t)i * SL_XSK_CHUNK, i + 1 < n ? SL_XSK_CHUNK : rest);
	r = send_spares(lane, n, rest, err);
	if (r >= 0) {
		batch->tx_frames++;
		batch->tx_bytes += len;
	}
out:
	if (lane->batch)
		return r;
	/* Between two runs: nobody else would show it to the kernel soon. */
	if (r >= 0)
		r = kick(lane, &own, err);
	sl_xsk_lane_publish(base->record, &own);
	return r;
}

/*
 * Looking for what could leave together costs a tenth of what a small frame costs: not where there are too few, and, as
 * long as it is in vain, in one run of some.
 */
static void begin_bundling(struct sl_xsk_lane *lane, uint32_t frames)
{
	lane->bundling = lane->bundler && frames >= SL_BUNDLE_LEAST;
	if (lane->bundling && lane->skip) {
		lane->skip--;
		lane->bundling = false;
	}
}

static void end_bundling(struct sl_xsk_lane *lane, bool in_vain)
{
	if (!lane->bundling)
		return;
	lane->bundling = false;
	lane->pause = in_vain ? 2 * lane->pause + 1 : 0;
	if (lane->pause > PAUSE_MAX)
		lane->pause = PAUSE_MAX;
	lane->skip = lane->pause;
}

static int lane_run(struct sl_lane *base, int budget, sl_frame_handler handle, void *context,
		    struct sl_err *err)
{
	struct sl_xsk_lane *lane = to_xsk(base);
	struct sl_lane_batch batch = { 0 };
	uint32_t idx, n;
	int r;

	/*
	 * In copy mode the kernel needs no wake-up to receive; a driver that does
	 * sets the flag, and busy polling means to drive the receive path from here.
	 */
	if (lane->busy_poll || xsk_ring_prod__needs_wakeup(&lane->fill)) {
		batch.wakeups++;
		recvfrom(lane->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
	}
	lane->batch = &batch;
	r = reap(lane, err);
	/* A descriptor is at most one frame, so the budget in frames is kept. */
	n = r < 0 ? 0 : xsk_ring_cons__peek(&lane->rx, budget, &idx);
	begin_bundling(lane, n);
	for (uint32_t i = 0; i < n && r >= 0; i++) {
		const struct xdp_desc *desc = xsk_ring_cons__rx_desc(&lane->rx, idx + i);

		r = add_piece(lane, desc, err);
		if (r >= 0 && !(desc->options & XDP_PKT_CONTD))
			r = finish_frame(lane, handle, context, &batch, err);
	}
	if (n)
		xsk_ring_cons__release(&lane->rx, n);
	if (r >= 0)
		r = flush_bundles(lane, &batch, err);
	end_bundling(lane, !batch.bundled);
	if (r >= 0)
		r = submit_fill(lane, err);
	if (r >= 0)
		r = kick(lane, &batch, err);
	lane->batch = NULL;
	sl_xsk_lane_publish(base->record, &batch);
	if (r < 0)
		return r;
	if (lane->n_rx + lane->n_held + lane->n_tx + lane->n_spare != lane->n_chunks)
		return broken_books(lane, err, "adding up", 0);
	return (int)n;
}

static int lane_fds(const struct sl_lane *base, int ret[SL_LANE_FDS])
{
	ret[0] = ((const struct sl_xsk_lane *)base)->fd;
	return 1;
}

static void lane_destroy(struct sl_lane *base)
{
	struct sl_xsk_lane *lane;

	if (!base)
		return;
	lane = to_xsk(base);
	if (lane->socket)
		xsk_socket__delete(lane->socket);
	sl_bundler_free(lane->bundler);
	free(lane->freed);
	free(lane->owner);
	free(lane);
}

_Static_assert(offsetof(struct sl_xsk_lane, lane) == 0, "const views cast back to struct sl_xsk_lane");

const struct sl_lane_ops sl_xsk_lane_ops = {
	.name = "af_xdp",
	.run = lane_run,
	.send = lane_send,
	.fds = lane_fds,
	.account = sl_xsk_lane_account,
	.buffers = sl_xsk_lane_buffers,
	.destroy = lane_destroy,
};
