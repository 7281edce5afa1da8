/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is behind the far end of a leg, in whatever namespace that is?
 *
 * Invariant: a MAC is reported only if the far end is the leg's own veth peer
 * and the kernel there receives frames for that MAC itself.
 */
#ifndef SLUICE_SLUICED_FAR_H
#define SLUICE_SLUICED_FAR_H

#include <linux/types.h>
#include <stdbool.h>

#include "netlink/session.h"
#include "sluice/ucmac.h"

struct far_end {
	bool other_ns; /* the far end is in another namespace than the leg */
	__u8 mac[SL_MAC_LEN]; /* all zero: not known, or other_ns is false */
};

/* Looks behind the interface of nls's namespace. 0 or -errno. */
int far_end_find(struct nls *nls, __u32 ifindex, struct far_end *ret, struct sl_err *err);

#endif
