/* SPDX-License-Identifier: BSD-2-Clause */
/* Chains and flow tables of nftables that are hooked to an interface by its name. */
#ifndef SLUICE_NETLINK_NFT_HOOK_H
#define SLUICE_NETLINK_NFT_HOOK_H

#include <stddef.h>

#include "lib/err.h"

/*
 * The first one on `device` in that namespace, in words ("chain in of table
 * netdev filter"). 1, 0 (also where there is no nftables), or -errno.
 */
int nft_hook_find(int netns_fd, const char *device, char *ret, size_t size, struct sl_err *err);

#endif
