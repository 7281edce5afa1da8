/* SPDX-License-Identifier: BSD-2-Clause */
/* Between bulk.c, which makes the sockets, and bulk_lane.c, which moves frames through them. */
#ifndef SLUICE_DPI_BULK_OWN_H
#define SLUICE_DPI_BULK_OWN_H

#include <sys/socket.h>
#include <sys/uio.h>

#include "dpi/io/bulk.h"
#include "dpi/io/vnet.h"

/*
 * Frames received by one call. Few: what has just been copied in is then still
 * in the cache when it is copied out.
 */
#define SL_BULK_BATCH 8

/* One received frame. */
struct sl_bulk_slot {
	struct virtio_net_hdr vnet;
	struct iovec in[2], out[2];
	uint8_t control[SL_VNET_CONTROL];
	uint8_t *room; /* SL_VNET_TAG and SL_FRAME_MAX bytes */
};

struct sl_bulk_lane {
	struct sl_lane lane;
	const char *ifname;
	uint32_t queue;
	int fd;
	struct sl_bulk_slot slot[SL_BULK_BATCH];
	struct mmsghdr in[SL_BULK_BATCH];
	struct mmsghdr out[SL_BULK_BATCH]; /* answered, not sent yet: out[first … first + n) */
	uint32_t first, n;
};

struct sl_bulk {
	uint32_t queues;
	uint8_t *area; /* of all slots */
	size_t area_len;
	struct sl_bulk_lane lane[];
};

extern const struct sl_lane_ops sl_bulk_lane_ops;

#endif
