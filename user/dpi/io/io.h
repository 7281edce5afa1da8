/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How frames reach the core and leave it, whatever the lane: AF_XDP, the bulk
 * lane of super-frames, both as one, an agent's packet sockets.
 *
 * A frame is one Ethernet frame of up to SL_FRAME_MAX bytes in one or more
 * pieces, with what the sender's offloads still owe it. Invariant: a frame
 * and its pieces belong to the lane and are valid only until the handler
 * returns: hold no frame after return; copy what must be kept. Every received
 * frame is answered exactly once, by the handler's return value.
 */
#ifndef SLUICE_DPI_IO_H
#define SLUICE_DPI_IO_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "sluice/abi.h"

#define SL_FRAME_MAX 65550 /* 64 KiB of IP and its Ethernet header */
#define SL_FRAME_PIECES 18 /* 4 KiB pieces of such a frame, rounded up, plus a partial head */

enum sl_csum {
	SL_CSUM_UNKNOWN, /* not verified by anyone: never treat as bad */
	SL_CSUM_PARTIAL, /* only the pseudo header is summed; the sender's NIC would finish it */
	SL_CSUM_VERIFIED, /* the kernel has seen it right */
};

enum sl_gso { SL_GSO_NONE, SL_GSO_TCPV4, SL_GSO_TCPV6, SL_GSO_UDP };

struct sl_piece {
	uint8_t *data; /* may be written by the handler, within len */
	uint32_t len;
};

struct sl_frame {
	uint32_t len; /* of all pieces */
	uint16_t n_pieces; /* 1..SL_FRAME_PIECES; the first holds at least the Ethernet header */
	uint16_t queue; /* of vth, the worker's number */
	uint8_t csum; /* enum sl_csum */
	uint8_t gso; /* enum sl_gso */
	bool bulk; /* it came by the bulk lane, so its session is there already */
	uint16_t gso_size; /* payload bytes per segment, 0 without gso */
	uint16_t csum_start; /* SL_CSUM_PARTIAL: where summing begins, from the frame's start */
	uint16_t csum_offset; /* … and where the sum is stored, from csum_start */
	struct sl_piece piece[SL_FRAME_PIECES];
};

/* What becomes of the frame the handler has been shown. */
enum sl_action { SL_FORWARD, SL_DROP };

typedef enum sl_action (*sl_frame_handler)(void *context, struct sl_frame *frame);

/* Where a lane's buffers are; their sum is the total whenever the lane is at rest. */
struct sl_buffers {
	uint32_t total;
	uint32_t rx; /* the kernel's, to receive into, or received and not yet taken */
	uint32_t tx; /* the kernel's, until it reports them sent */
	uint32_t held; /* ours: pieces of a frame that is not complete yet */
	uint32_t spare; /* ours: for frames of our own */
};

/* One queue of one lane, owned by one worker thread. */
#define SL_LANE_FDS 2
struct sl_lane;
struct sl_lane_ops {
	const char *name;
	/*
	 * Takes up to `budget` frames that are there, shows each to handle() in
	 * order of arrival, forwards or drops it as told. Returns a positive
	 * number if there was anything, 0 if not, or -errno with err when the
	 * lane is broken for good.
	 */
	int (*run)(struct sl_lane *lane, int budget, sl_frame_handler handle, void *context,
		   struct sl_err *err);
	/*
	 * Sends a frame of the core's own, copied before this returns. From
	 * within the handler, or between two runs, by the lane's worker only;
	 * it leaves behind the frames answered so far. 0; -ENOBUFS: no room, it is
	 * dropped and counted; -EMSGSIZE: longer than the lane can send;
	 * other -errno with err when the lane is broken for good.
	 */
	int (*send)(struct sl_lane *lane, const uint8_t *data, uint32_t len, struct sl_err *err);
	/* The descriptors to poll for POLLIN before the next run(), and how many. */
	int (*fds)(const struct sl_lane *lane, int ret[SL_LANE_FDS]);
	/*
	 * Adds the kernel's own drop figures to the worker's record and looks
	 * whether the interface is still there. 0, or -errno with err when the
	 * lane is broken for good.
	 */
	int (*account)(struct sl_lane *lane, struct sl_err *err);
	/* For any thread, at any time: momentary figures. */
	void (*buffers)(const struct sl_lane *lane, struct sl_buffers *ret);
	/* NULL allowed. */
	void (*destroy)(struct sl_lane *lane);
};
struct sl_lane {
	const struct sl_lane_ops *ops;
	struct sl_core *record; /* this worker's line in sl_core_v2 */
	bool down; /* after account(): the interface is set down, frames go nowhere until it is up again */
	bool pending; /* after run(): frames wait to leave, run() again soon even if none arrive */
	unsigned int ready; /* before run(): which of its fds() poll() has found readable, by bits */
};

/* Counters of a record: one writer, so no locked instruction is needed, only whole stores. */
static inline void sl_record_set(__u64 *field, __u64 value)
{
	__atomic_store_n(field, value, __ATOMIC_RELAXED);
}

static inline void sl_record_add(__u64 *field, __u64 n)
{
	if (n)
		sl_record_set(field, __atomic_load_n(field, __ATOMIC_RELAXED) + n);
}

#endif
