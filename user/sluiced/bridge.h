/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vbr/vth: the veth pair that everything to be inspected crosses.
 *
 * Invariant: vbr hands over plain frames: complete checksums, no super-frames,
 * VLAN tags in the data. Only vbr's offloads are switched off, nobody else's.
 */
#ifndef SLUICE_SLUICED_BRIDGE_H
#define SLUICE_SLUICED_BRIDGE_H

#include <linux/types.h>

#include "lib/conf.h"
#include "lib/err.h"

struct sl_bridge {
	__u32 vbr_ifindex;
	__u32 vth_ifindex;
	__u32 mtu;
	__u32 queues;
	bool adopted; /* it was there already */
};

/*
 * Makes the pair in the current namespace, or adopts one of these names if it
 * is a veth pair of the wanted shape (-EEXIST with the difference named if
 * not); tunes and brings up both. 0 or -errno.
 */
int sl_bridge_ensure(const struct sl_conf *conf, struct sl_bridge *ret, struct sl_err *err);
/* 0 also when it is gone already. */
int sl_bridge_remove(const struct sl_conf *conf, struct sl_err *err);

#endif
