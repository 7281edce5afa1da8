/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lane of packet sockets, for an agent that makes its interfaces and rules
 * itself: one socket a port, opened by whoever may and handed over. Frames
 * come as the kernel has them, super-frames and partial checksums included,
 * and leave the same way.
 *
 *   service   vth: endpoints are told apart by UCMACs; goes back out of it
 *   tap       an endpoint's own interface, or a mirror of it: looked at only
 *   vin, vex  the two legs of an endpoint: in by one, out by the other
 *
 * On the last three the endpoint's MAC is exchanged for its UCMAC before the
 * handler sees the frame, and back before it leaves.
 *
 * Invariant: no frame of an unknown endpoint, and none of one that is not to
 * be forwarded, ever leaves by here.
 */
#ifndef SLUICE_DPI_PORTS_H
#define SLUICE_DPI_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "dpi/io/io.h"
#include "lib/err.h"

#define SL_PORTS_MAX 1024
#define SL_PORT_NAME 16

enum sl_port_kind { SL_PORT_SERVICE, SL_PORT_TAP, SL_PORT_VIN, SL_PORT_VEX };

struct sl_inlet {
	char name[SL_PORT_NAME];
	enum sl_port_kind kind;
	uint16_t workload; /* of all but a service port: whose */
	bool quarantine; /* vin, vex: nothing passes */
	int fd; /* AF_PACKET, SOCK_RAW, with PACKET_VNET_HDR and PACKET_AUXDATA, not blocking */
};

/* What was not shown to the handler. */
struct sl_ports_figures {
	uint64_t unknown; /* of no endpoint */
	uint64_t plain; /* of no interest to it: not IP, foreign, group-addressed; forwarded on vin and vex */
	uint64_t cut; /* longer than a frame can be */
};

/* record: the worker's line. 0 or -errno. */
int sl_ports_open(struct sl_lane **ret, struct sl_core *record, struct sl_err *err);
bool sl_is_ports(const struct sl_lane *lane);

/* By the lane's worker, or before it runs. The descriptor is the lane's on success. 0, -EEXIST, -ENOSPC, -errno. */
int sl_ports_add(struct sl_lane *lane, const struct sl_inlet *port);
/* 0 or -ENOENT. */
int sl_ports_remove(struct sl_lane *lane, enum sl_port_kind kind, const char *name);
/* id's frames: from and to this MAC where UCMACs are not in use; NULL: unknown from now on. */
int sl_ports_endpoint(struct sl_lane *lane, uint16_t id, const uint8_t mac[6], bool forward);
/* Any thread. */
void sl_ports_figures(const struct sl_lane *lane, struct sl_ports_figures *ret);

#endif
