/* SPDX-License-Identifier: BSD-2-Clause */
/* The entries of a bridge's tables that belong to one port; used by bridge_port.c. */
#ifndef SLUICE_NETLINK_BRIDGE_TABLES_H
#define SLUICE_NETLINK_BRIDGE_TABLES_H

#include "netlink/bridge_port.h"

struct bridge_filter {
	__u32 bridge, port;
	struct msgs *ret;
};

int bridge_dump_fdb(struct nls *nls, __u32 bridge, __u32 port, struct msgs *ret, struct sl_err *err);
int bridge_dump_mdb(struct nls *nls, __u32 bridge, __u32 port, struct msgs *ret, struct sl_err *err);
/* own: the port's own MAC (or NULL), whose entry comes by itself. only_missing: what the bridge knows by now stays. */
int bridge_replay_fdb(struct nls *nls, const struct msgs *fdb, const __u8 *own, __u32 port, bool only_missing,
		      struct sl_err *err);
int bridge_replay_mdb(struct nls *nls, const struct msgs *mdb, __u32 port, struct sl_err *err);
/* What of the entries that users make differs, in words, or NULL. */
const char *bridge_tables_differ(const struct bridge_place *place, const struct bridge_place *now);

#endif
