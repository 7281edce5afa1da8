/* SPDX-License-Identifier: BSD-2-Clause */
/* The lane of packet sockets as its two files share it; see ports.h. */
#ifndef SLUICE_DPI_PORTS_OWN_H
#define SLUICE_DPI_PORTS_OWN_H

#include <sys/socket.h>
#include <sys/uio.h>

#include "dpi/io/ports.h"
#include "dpi/io/vnet.h"

#define BATCH 32

struct port {
	struct sl_inlet conf;
};

struct endpoint {
	uint8_t mac[6];
	bool known, forward;
};

/* One received frame. */
struct slot {
	struct virtio_net_hdr vnet;
	struct iovec iov[2];
	uint8_t control[128];
	uint8_t room[SL_VNET_TAG + SL_FRAME_MAX];
};

struct outgoing {
	int fd;
	struct iovec iov[2];
};

struct ports {
	struct sl_lane lane;
	int epfd;
	unsigned int n, n_out;
	struct port *port[SL_PORTS_MAX];
	struct sl_ports_figures figures;
	struct outgoing out[BATCH]; /* answered, not sent yet: their bytes are in the slots */
	struct endpoint endpoint[SL_ID_MAX + 1];
	struct slot slot[BATCH];
};

extern const struct sl_lane_ops ports_ops;

static inline struct ports *ports_of(struct sl_lane *lane)
{
	return (struct ports *)lane;
}

/* ports_frame.c: shows one frame to the handler if it is for it, and notes where it goes. */
void ports_frame(struct ports *ports, struct port *port, struct slot *slot, struct msghdr *message,
		 unsigned int len, sl_frame_handler handle, void *context);
void ports_flush(struct ports *ports);
int ports_send(struct sl_lane *lane, const uint8_t *data, uint32_t len, struct sl_err *err);

#endif
