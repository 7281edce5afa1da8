// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a lane has counted, what became of frames that it never saw, from the
 * kernel's own figures, and where its chunks are.
 *
 * Invariant: each figure of the kernel is added to the record once.
 */
#include <errno.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "dpi/io/carrier.h"
#include "dpi/io/xsk.h"
#include "dpi/io/xsk_lane.h"

#ifndef SOL_XDP
#define SOL_XDP 283
#endif

void sl_xsk_lane_publish(struct sl_core *record, const struct sl_lane_batch *batch)
{
	sl_record_add(&record->rx_bytes, batch->rx_bytes);
	sl_record_add(&record->tx_bytes, batch->tx_bytes);
	sl_record_add(&record->wakeups, batch->wakeups);
	sl_record_add(&record->bundled, batch->bundled);
	sl_record_add(&record->dropped, batch->dropped);
	sl_record_add(&record->drop_tx_full, batch->tx_full);
	sl_record_add(&record->drop_invalid, batch->invalid);
	sl_record_add(&record->tx_frames, batch->tx_frames);
	atomic_thread_fence(memory_order_release);
	sl_record_add(&record->made, batch->made);
	atomic_thread_fence(memory_order_release);
	sl_record_add(&record->rx_frames, batch->rx_frames);
}

/* Nothing says that the interface has been set down, but a kick is refused; its far end's shows in the carrier. */
static bool is_down(const struct sl_xsk_lane *lane)
{
	if (sendto(lane->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 && errno == ENETDOWN)
		return true;
	return sl_carrier_is_lost(lane->flags_fd, lane->ifname);
}

int sl_xsk_lane_account(struct sl_lane *base, struct sl_err *err)
{
	struct sl_xsk_lane *lane = (struct sl_xsk_lane *)base;
	struct sl_core *record = base->record;
	struct xdp_statistics now = { 0 }, *seen = &lane->seen;
	socklen_t len = sizeof(now);
	int pending = 0;
	uint64_t no_chunk, dropped;

	if (getsockopt(lane->fd, SOL_XDP, XDP_STATISTICS, &now, &len) < 0)
		return sl_errno(err, errno, "%s queue %u: reading XDP_STATISTICS", lane->ifname, lane->queue);
	/*
	 * rx_dropped counts frames: no chunk, or too long for one. With multi-buffer
	 * none is too long. Without it each missing chunk is one frame and is
	 * counted in rx_fill_ring_empty_descs too; what remains was too long.
	 */
	dropped = now.rx_dropped - seen->rx_dropped;
	no_chunk = now.rx_fill_ring_empty_descs - seen->rx_fill_ring_empty_descs;
	if (lane->multi_buffer || no_chunk > dropped)
		no_chunk = dropped;
	sl_record_add(&record->drop_fill_empty, no_chunk);
	sl_record_add(&record->drop_invalid, dropped - no_chunk);
	sl_record_add(&record->drop_rx_full, now.rx_ring_full - seen->rx_ring_full);
	sl_record_add(&record->tx_invalid, now.tx_invalid_descs - seen->tx_invalid_descs);
	*seen = now;

	/* The kernel unbinds the socket of an interface that goes away and says so here, once. */
	len = sizeof(pending);
	if (!getsockopt(lane->fd, SOL_SOCKET, SO_ERROR, &pending, &len) && pending)
		return sl_errno(err, pending,
				"%s queue %u: the interface has been removed or moved to another namespace",
				lane->ifname, lane->queue);
	base->down = is_down(lane);
	return 0;
}

void sl_xsk_lane_buffers(const struct sl_lane *base, struct sl_buffers *ret)
{
	const struct sl_xsk_lane *lane = (const struct sl_xsk_lane *)base;

	ret->total = lane->n_chunks;
	ret->rx = __atomic_load_n(&lane->n_rx, __ATOMIC_RELAXED);
	ret->tx = __atomic_load_n(&lane->n_tx, __ATOMIC_RELAXED);
	ret->held = __atomic_load_n(&lane->n_held, __ATOMIC_RELAXED);
	ret->spare = __atomic_load_n(&lane->n_spare, __ATOMIC_RELAXED);
}
