/* SPDX-License-Identifier: BSD-2-Clause */
/* What programs hold on to a device itself, and would lose with it. */
#ifndef SLUICE_PORT_HOLDERS_H
#define SLUICE_PORT_HOLDERS_H

#include "port/snapshot.h"

#define HOLDERS_GROUPS_MAX 8

struct port_holders {
	unsigned int bound; /* TCP and UDP sockets: SO_BINDTODEVICE, or a link-local address */
	unsigned int packet; /* packet sockets that listen on this interface only */
	unsigned int n_groups; /* joined by programs; only the first few are named */
	char group[HOLDERS_GROUPS_MAX][48];
};

/* Best effort: what the kernel cannot be asked about is not counted. 0 or -errno. */
int holders_find(const struct port_side *side, const struct port_snapshot *port, struct port_holders *ret,
		 struct sl_err *err);

#endif
