/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Going through the map of judged flows (sl_flows_v1), by whoever has its
 * descriptor: the core for what an earlier one has left, the daemon for what
 * an id must not inherit, the command line to show them.
 *
 * Invariant: entries that are there from the beginning to the end of a walk
 * are shown once; those made or removed meanwhile may be or not.
 */
#ifndef SLUICE_LIB_FLOWMAP_H
#define SLUICE_LIB_FLOWMAP_H

#include <linux/types.h>
#include <stdbool.h>

#include "lib/err.h"
#include "sluice/abi.h"

/* False: the entry is to be removed, when all have been shown. */
typedef bool (*sl_flowmap_keep)(void *context, const struct sl_flow_key *key, const struct sl_flow *flow);

/* How many were shown, or -errno. */
int sl_flowmap_walk(int fd, sl_flowmap_keep keep, void *context, struct sl_err *err);

#endif
