/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Offload features of an interface, by the kernel's own names (as `ethtool
 * -k` knows them in long form, for example "tx-checksum-ip-generic").
 */
#ifndef SLUICE_LIB_ETHTOOL_H
#define SLUICE_LIB_ETHTOOL_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

/*
 * Switches each of the n named features of ifname (in the current network
 * namespace) on or off by ETHTOOL_SFEATURES in one call. Names the kernel
 * does not have are ignored. 0 or -errno.
 */
int sl_ethtool_set(const char *ifname, const char *const *names, size_t n, bool on, struct sl_err *err);

/* 1 if the feature is active, 0 if not, -ENOENT if unknown, other -errno. */
int sl_ethtool_get(const char *ifname, const char *name, struct sl_err *err);

/*
 * All offload features of an interface, to be put on another one of the same
 * driver: what is changeable, and what of that the user wants.
 */
#define SL_FEATURE_BLOCKS 8 /* of 32 features each */
struct sl_features {
	unsigned int n; /* blocks in use */
	unsigned int available[SL_FEATURE_BLOCKS];
	unsigned int requested[SL_FEATURE_BLOCKS];
};
/* 0 or -errno. */
int sl_ethtool_features(const char *ifname, struct sl_features *ret, struct sl_err *err);
/* Switches what differs from *wanted among what is changeable in both. 0 or -errno. */
int sl_ethtool_features_apply(const char *ifname, const struct sl_features *wanted, struct sl_err *err);

/* Queues in use each way. 0 or -errno (-EOPNOTSUPP if the driver does not say). */
int sl_ethtool_queues(const char *ifname, unsigned int *ret_rx, unsigned int *ret_tx, struct sl_err *err);
int sl_ethtool_queues_set(const char *ifname, unsigned int rx, unsigned int tx, struct sl_err *err);

#endif
