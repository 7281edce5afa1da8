/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bulk lane: a packet socket a queue on an interface without XDP. Frames
 * come as the kernel has them, super-frames with their checksums open, and
 * leave the same way: nothing is cut, nothing is summed.
 *
 * Invariants: a frame is plain (vnet.h) or it is dropped and counted; what is
 * forwarded leaves in the order in which it came, and what the kernel will not
 * take at once waits, and is waited for: nothing is received meanwhile.
 */
#ifndef SLUICE_DPI_BULK_H
#define SLUICE_DPI_BULK_H

#include "dpi/io/io.h"
#include "lib/err.h"

struct sl_bulk;

/*
 * Opens the sockets of ifname (vtk, in the current network namespace; the
 * string must outlive the lanes). records: one line per queue. Needs
 * CAP_NET_RAW and CAP_NET_ADMIN; nothing later does. 0 or -errno.
 */
int sl_bulk_open(struct sl_bulk **ret, const char *ifname, uint32_t queues, struct sl_core *records,
		 struct sl_err *err);
struct sl_lane *sl_bulk_lane(struct sl_bulk *bulk, uint32_t queue);
/* The queue's socket, which has PACKET_VNET_HDR; the lane's. */
int sl_bulk_fd(const struct sl_bulk *bulk, uint32_t queue);
/* Can super-frames of UDP cross such a socket? */
bool sl_bulk_takes_udp(void);
/* No worker may be running on a lane any more. NULL allowed. */
void sl_bulk_close(struct sl_bulk *bulk);

#endif
