// SPDX-License-Identifier: BSD-2-Clause
/* One frame of a packet socket: whose it is, what the core says of it, and out; see ports.h. */
#include <errno.h>
#include <linux/if_ether.h>
#include <string.h>

#include "dpi/io/ports_own.h"
#include "sluice/ucmac.h"

static void count(uint64_t *figure)
{
	__atomic_store_n(figure, *figure + 1, __ATOMIC_RELAXED);
}

static bool is_ip(const uint8_t *frame)
{
	uint16_t type = (uint16_t)(frame[12] << 8 | frame[13]);

	return type == ETH_P_IP || type == ETH_P_IPV6 || type == ETH_P_8021Q || type == ETH_P_8021AD;
}

static bool ask(uint8_t *data, uint32_t len, const struct virtio_net_hdr *vnet, sl_frame_handler handle,
		void *context)
{
	struct sl_frame frame;

	sl_vnet_describe(vnet, data, len, &frame);
	return handle(context, &frame) == SL_FORWARD;
}

static void send_later(struct ports *ports, int fd, struct virtio_net_hdr *vnet, uint8_t *data, uint32_t len)
{
	if (fd < 0)
		return;
	sl_vnet_return(vnet);
	ports->out[ports->n_out++] =
		(struct outgoing){ .fd = fd, .iov = { { vnet, sizeof(*vnet) }, { data, len } } };
	sl_record_add(&ports->lane.record->tx_frames, 1);
	sl_record_add(&ports->lane.record->tx_bytes, len);
}

void ports_flush(struct ports *ports)
{
	for (unsigned int i = 0; i < ports->n_out;) {
		struct mmsghdr messages[BATCH];
		unsigned int n = 0;
		int sent;

		while (i + n < ports->n_out && ports->out[i + n].fd == ports->out[i].fd) {
			messages[n] = (struct mmsghdr){ .msg_hdr = { .msg_iov = ports->out[i + n].iov,
								     .msg_iovlen = 2 } };
			n++;
		}
		sent = sendmmsg(ports->out[i].fd, messages, n, MSG_DONTWAIT);
		if (sent <= 0) {
			/* This one does not go; those behind it may. */
			sl_record_add(&ports->lane.record->drop_tx_full, 1);
			sent = 1;
		}
		i += (unsigned int)sent;
	}
	ports->n_out = 0;
}

/* The leg of a workload. -1: there is none. */
static int leg(const struct ports *ports, enum sl_port_kind kind, uint16_t workload)
{
	for (unsigned int i = 0; i < ports->n; i++) {
		if (ports->port[i]->conf.kind == kind && ports->port[i]->conf.workload == workload)
			return ports->port[i]->conf.quarantine ? -1 : ports->port[i]->conf.fd;
	}
	return -1;
}

static int service(const struct ports *ports)
{
	for (unsigned int i = 0; i < ports->n; i++) {
		if (ports->port[i]->conf.kind == SL_PORT_SERVICE)
			return ports->port[i]->conf.fd;
	}
	return -1;
}

static uint16_t id_of(const uint8_t *mac)
{
	return (uint16_t)(mac[4] << 8 | mac[5]);
}

static void from_service(struct ports *ports, struct port *port, struct slot *slot, uint8_t *frame,
			 uint32_t len, sl_frame_handler handle, void *context)
{
	const uint8_t *ucmac = sl_is_ucmac(frame + ETH_ALEN) ? frame + ETH_ALEN
			       : sl_is_ucmac(frame)	     ? frame
							     : NULL;
	const struct endpoint *endpoint = ucmac ? &ports->endpoint[id_of(ucmac)] : NULL;

	/* A frame that names two endpoints is none that the agent's rules have sent. */
	if (!endpoint || !endpoint->known || (sl_is_ucmac(frame) && sl_is_ucmac(frame + ETH_ALEN))) {
		count(&ports->figures.unknown);
		return;
	}
	if (ask(frame, len, &slot->vnet, handle, context) && endpoint->forward)
		send_later(ports, port->conf.fd, &slot->vnet, frame, len);
}

/* Of an endpoint's own legs, or a look at it: its MAC becomes its UCMAC meanwhile. */
static void from_own(struct ports *ports, struct port *port, struct slot *slot, uint8_t *frame, uint32_t len,
		     sl_frame_handler handle, void *context)
{
	enum sl_port_kind kind = port->conf.kind;
	const struct endpoint *endpoint = &ports->endpoint[port->conf.workload];
	int out = kind == SL_PORT_VIN	? leg(ports, SL_PORT_VEX, port->conf.workload)
		  : kind == SL_PORT_VEX ? leg(ports, SL_PORT_VIN, port->conf.workload)
					: -1;
	uint8_t *mac = NULL;

	if (port->conf.quarantine)
		return;
	if (kind != SL_PORT_VIN && !memcmp(frame, endpoint->mac, ETH_ALEN))
		mac = frame;
	if (kind != SL_PORT_VEX && !memcmp(frame + ETH_ALEN, endpoint->mac, ETH_ALEN))
		mac = frame + ETH_ALEN;
	if (!endpoint->known || !mac || !is_ip(frame) || sl_is_ucmac(frame) ||
	    sl_is_ucmac(frame + ETH_ALEN)) {
		count(&ports->figures.plain);
		if (!sl_is_ucmac(frame) && !sl_is_ucmac(frame + ETH_ALEN))
			send_later(ports, out, &slot->vnet, frame, len);
		return;
	}
	sl_ucmac_write(mac, port->conf.workload);
	if (!ask(frame, len, &slot->vnet, handle, context) || !endpoint->forward)
		return;
	memcpy(mac, endpoint->mac, ETH_ALEN);
	send_later(ports, out, &slot->vnet, frame, len);
}

void ports_frame(struct ports *ports, struct port *port, struct slot *slot, struct msghdr *message,
		 unsigned int len, sl_frame_handler handle, void *context)
{
	uint8_t *frame;

	if (message->msg_flags & MSG_TRUNC || len < sizeof(slot->vnet) + ETH_HLEN) {
		count(&ports->figures.cut);
		return;
	}
	len -= sizeof(slot->vnet);
	frame = sl_vnet_put_tag_back(slot->room + SL_VNET_TAG, message, &slot->vnet, &len);
	sl_record_add(&ports->lane.record->rx_frames, 1);
	sl_record_add(&ports->lane.record->rx_bytes, len);
	if (port->conf.kind == SL_PORT_SERVICE)
		from_service(ports, port, slot, frame, len, handle, context);
	else
		from_own(ports, port, slot, frame, len, handle, context);
}

/* A frame of the core's own, addressed by a UCMAC. */
int ports_send(struct sl_lane *lane, const uint8_t *data, uint32_t len, struct sl_err *err)
{
	struct ports *ports = ports_of(lane);
	struct virtio_net_hdr vnet = { 0 };
	bool from = len >= ETH_HLEN && sl_is_ucmac(data + ETH_ALEN);
	const struct endpoint *endpoint;
	uint8_t head[ETH_HLEN];
	struct iovec iov[3] = { { &vnet, sizeof(vnet) } };
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = 3 };
	uint16_t id;
	int fd;

	(void)err;
	if (len < ETH_HLEN || (!from && !sl_is_ucmac(data)))
		return -EINVAL;
	if (len > SL_FRAME_MAX)
		return -EMSGSIZE;
	id = id_of(from ? data + ETH_ALEN : data);
	endpoint = &ports->endpoint[id];
	if (!endpoint->known || !endpoint->forward)
		return 0;
	ports_flush(ports);
	memcpy(head, data, ETH_HLEN);
	fd = leg(ports, from ? SL_PORT_VEX : SL_PORT_VIN, id);
	if (fd >= 0)
		memcpy(from ? head + ETH_ALEN : head, endpoint->mac, ETH_ALEN);
	else
		fd = service(ports);
	iov[1] = (struct iovec){ head, ETH_HLEN };
	iov[2] = (struct iovec){ (void *)(data + ETH_HLEN), len - ETH_HLEN };
	if (fd < 0 || sendmsg(fd, &message, MSG_DONTWAIT) < 0) {
		sl_record_add(&lane->record->drop_tx_full, 1);
		return -ENOBUFS;
	}
	sl_record_add(&lane->record->made, 1);
	return 0;
}
