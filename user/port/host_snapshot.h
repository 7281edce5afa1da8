/* SPDX-License-Identifier: BSD-2-Clause */
/* All that is kept of a host end: what any port has, and its place in a bridge. */
#ifndef SLUICE_PORT_HOST_SNAPSHOT_H
#define SLUICE_PORT_HOST_SNAPSHOT_H

#include "netlink/bridge_port.h"
#include "port/host.h"
#include "port/snapshot.h"

struct host_snapshot {
	struct port_snapshot port;
	struct bridge_place place;
	struct msgs asked; /* neighbours of the bridge itself that are behind this port */
};
#define HOST_SNAPSHOT_NONE                                                                                   \
	{                                                                                                    \
		.port = PORT_SNAPSHOT_NONE                                                                   \
	}

/* As snapshot_take(). */
int host_snapshot_take(const struct port_side *host, __u32 ifindex, struct host_snapshot *ret,
		       struct sl_err *err);
void host_snapshot_free(struct host_snapshot *snapshot);

/* The journal, and its place in a bridge beside it. */
int host_journal_write(const char *path, const struct host_snapshot *snapshot, struct sl_err *err);
/* *ret all zero before, and to be freed also after an error. */
int host_journal_read(const char *path, struct host_snapshot *ret, struct sl_err *err);

/* What would be lost; see refuse_port(). same_ns: the host end stays in its namespace. */
int host_refuse(const struct port_side *host, const struct host_snapshot *snapshot, bool same_ns,
		struct sl_err *err);

#endif
