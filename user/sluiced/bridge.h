/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vbr/vth: the veth pair that everything to be inspected crosses; and vbk/vtk,
 * the bulk lane, by which super-frames cross.
 *
 * Invariants: vbr hands over plain frames: complete checksums, no super-frames,
 * VLAN tags in the data. Only vbr's offloads are switched off, nobody else's.
 * vbk hands over whatever comes, as it comes.
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
	__u32 vbk_ifindex, vtk_ifindex; /* 0: there is no bulk lane */
	bool bulk_adopted;
};

/*
 * Makes the pair in the current namespace, or adopts one of these names if it
 * is a veth pair of the wanted shape (-EEXIST with the difference named if
 * not); tunes and brings up both. 0 or -errno.
 */
int sl_bridge_ensure(const struct sl_conf *conf, struct sl_bridge *ret, struct sl_err *err);
/* The same for the bulk lane: vbk_ifindex, vtk_ifindex and bulk_adopted of *bridge. */
int sl_bridge_ensure_bulk(const struct sl_conf *conf, struct sl_bridge *bridge, struct sl_err *err);
/* 0 also when it is gone already. */
int sl_bridge_remove_bulk(const struct sl_conf *conf, struct sl_err *err);
int sl_bridge_remove(const struct sl_conf *conf, struct sl_err *err);

#endif
