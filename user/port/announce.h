/* SPDX-License-Identifier: BSD-2-Clause */
/* Telling the neighbours that the workload's addresses are still at its MAC. */
#ifndef SLUICE_PORT_ANNOUNCE_H
#define SLUICE_PORT_ANNOUNCE_H

#include "port/snapshot.h"

/* Opens the side's socket for it, which costs milliseconds that a switch has not. 0 or -errno. */
int announce_open(struct port_side *side, struct sl_err *err);

/* One gratuitous ARP or unsolicited neighbour advertisement per address. A courtesy: what fails is not said. */
void announce_addresses(const struct port_side *side, const struct port_snapshot *port, __u32 ifindex);

#endif
