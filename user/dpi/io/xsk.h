/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The AF_XDP lane: the sockets of one interface, one a queue, over one UMEM.
 *
 * Invariant: the order of life is UMEM, sockets, map entries, and the way
 * back is the reverse: sl_xsk_withdraw(), sockets, UMEM (sl_xsk_close() does
 * the last two).
 */
#ifndef SLUICE_DPI_XSK_H
#define SLUICE_DPI_XSK_H

#include <stdbool.h>
#include <stdint.h>

#include "dpi/io/io.h"
#include "lib/err.h"

#define SL_XSK_CHUNK 4096 /* bytes of a UMEM chunk; the kernel keeps 256 of them as headroom when receiving */
/*
 * From one chunk to the next: a cache line more than a chunk. At a distance of whole pages the headers of all frames
 * would meet in the same few sets of the cache and push each other out.
 */
#define SL_XSK_STRIDE (SL_XSK_CHUNK + 64)

struct sl_xsk_conf {
	const char *ifname; /* vth, in the current network namespace; must outlive the lanes */
	uint32_t queues; /* 1..SL_QUEUES_MAX */
	uint32_t mtu; /* the largest frames to expect, without the Ethernet header */
	uint32_t busy_poll_us; /* 0: sleep in poll() and be woken */
};

struct sl_xsk;

/*
 * Opens and binds all sockets and fills their FILL rings. records: one line
 * of sl_core_v2 per queue. Needs CAP_NET_RAW and CAP_NET_ADMIN; nothing later
 * does. 0 or -errno.
 */
int sl_xsk_open(struct sl_xsk **ret_xsk, const struct sl_xsk_conf *conf, struct sl_core *records,
		struct sl_err *err);

/* Puts the sockets into the XSKMAP, key is the queue: all, or none on failure. 0 or -errno. */
int sl_xsk_publish(struct sl_xsk *xsk, int xsks_map_fd, struct sl_err *err);
/* Takes them out. 0, or the first -errno: the kernel then removes them itself when they close. */
int sl_xsk_withdraw(struct sl_xsk *xsk, int xsks_map_fd, struct sl_err *err);

struct sl_lane *sl_xsk_lane(struct sl_xsk *xsk, uint32_t queue);
/*
 * While no worker runs on it: from now on a lane's datagrams may leave together by fd (see bundle.h), which must stay
 * open, or, if it is negative, not any more. 0 or -ENOMEM.
 */
int sl_xsk_bundle(struct sl_xsk *xsk, uint32_t queue, int fd);
bool sl_xsk_multi_buffer(const struct sl_xsk *xsk);

/* No worker may be running on a lane any more. NULL allowed. */
void sl_xsk_close(struct sl_xsk *xsk);

#endif
