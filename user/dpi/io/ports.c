// SPDX-License-Identifier: BSD-2-Clause
/* Ports and endpoints, and a run over them; what happens to one frame is ports_frame.c. See ports.h. */
#include "dpi/io/ports.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dpi/io/ports_own.h"

#define READY_MAX 16

bool sl_is_ports(const struct sl_lane *lane)
{
	return lane->ops == &ports_ops;
}

int sl_ports_open(struct sl_lane **ret, struct sl_core *record, struct sl_err *err)
{
	struct ports *ports = calloc(1, sizeof(*ports));

	if (!ports)
		return sl_errno(err, ENOMEM, "ports");
	ports->lane.ops = &ports_ops;
	ports->lane.record = record;
	ports->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (ports->epfd < 0) {
		free(ports);
		return sl_errno(err, errno, "ports: epoll");
	}
	for (unsigned int i = 0; i < BATCH; i++) {
		struct slot *slot = &ports->slot[i];

		slot->iov[0] = (struct iovec){ &slot->vnet, sizeof(slot->vnet) };
		slot->iov[1] = (struct iovec){ slot->room + SL_VNET_TAG, SL_FRAME_MAX };
	}
	*ret = &ports->lane;
	return 0;
}

static struct port *find(struct ports *ports, enum sl_port_kind kind, const char *name)
{
	for (unsigned int i = 0; i < ports->n; i++) {
		if (ports->port[i]->conf.kind == kind && !strcmp(ports->port[i]->conf.name, name))
			return ports->port[i];
	}
	return NULL;
}

int sl_ports_add(struct sl_lane *lane, const struct sl_inlet *conf)
{
	struct ports *ports = ports_of(lane);
	struct epoll_event event = { .events = EPOLLIN };
	struct port *port;

	if (find(ports, conf->kind, conf->name))
		return -EEXIST;
	if (ports->n == SL_PORTS_MAX)
		return -ENOSPC;
	port = calloc(1, sizeof(*port));
	if (!port)
		return -ENOMEM;
	port->conf = *conf;
	event.data.ptr = port;
	if (epoll_ctl(ports->epfd, EPOLL_CTL_ADD, conf->fd, &event) < 0) {
		int r = -errno;

		free(port);
		return r;
	}
	ports->port[ports->n++] = port;
	return 0;
}

static void drop(struct ports *ports, unsigned int i)
{
	/* Closing takes it out of the epoll set: it is in this process alone. */
	close(ports->port[i]->conf.fd);
	free(ports->port[i]);
	ports->port[i] = ports->port[--ports->n];
}

int sl_ports_remove(struct sl_lane *lane, enum sl_port_kind kind, const char *name)
{
	struct ports *ports = ports_of(lane);

	for (unsigned int i = 0; i < ports->n; i++) {
		if (ports->port[i]->conf.kind == kind && !strcmp(ports->port[i]->conf.name, name)) {
			drop(ports, i);
			return 0;
		}
	}
	return -ENOENT;
}

int sl_ports_endpoint(struct sl_lane *lane, uint16_t id, const uint8_t mac[6], bool forward)
{
	struct endpoint *endpoint = &ports_of(lane)->endpoint[id];

	if (!id)
		return -EINVAL;
	*endpoint = (struct endpoint){ .known = mac, .forward = mac && forward };
	if (mac)
		memcpy(endpoint->mac, mac, sizeof(endpoint->mac));
	return 0;
}

void sl_ports_figures(const struct sl_lane *lane, struct sl_ports_figures *ret)
{
	const struct sl_ports_figures *figures = &((const struct ports *)lane)->figures;

	ret->unknown = __atomic_load_n(&figures->unknown, __ATOMIC_RELAXED);
	ret->plain = __atomic_load_n(&figures->plain, __ATOMIC_RELAXED);
	ret->cut = __atomic_load_n(&figures->cut, __ATOMIC_RELAXED);
}

/* Up to `budget` frames of one port. */
static int run_port(struct ports *ports, struct port *port, int budget, sl_frame_handler handle,
		    void *context)
{
	struct mmsghdr messages[BATCH];
	int n = budget < BATCH ? budget : BATCH;

	for (int i = 0; i < n; i++) {
		struct slot *slot = &ports->slot[i];

		messages[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = slot->iov,
							     .msg_iovlen = 2,
							     .msg_control = slot->control,
							     .msg_controllen = sizeof(slot->control) } };
	}
	n = recvmmsg(port->conf.fd, messages, (unsigned int)n, MSG_DONTWAIT, NULL);
	/* Nothing there after all, or the interface is gone or down, which its owner will tell of. */
	if (n <= 0)
		return 0;
	for (int i = 0; i < n; i++)
		ports_frame(ports, port, &ports->slot[i], &messages[i].msg_hdr, messages[i].msg_len, handle,
			    context);
	ports_flush(ports);
	return n;
}

static int run(struct sl_lane *lane, int budget, sl_frame_handler handle, void *context, struct sl_err *err)
{
	struct ports *ports = ports_of(lane);
	struct epoll_event ready[READY_MAX];
	int n = epoll_wait(ports->epfd, ready, READY_MAX, 0), taken = 0;

	if (n < 0 && errno != EINTR)
		return sl_errno(err, errno, "waiting for frames of ports");
	for (int i = 0; i < n; i++)
		taken += run_port(ports, ready[i].data.ptr, budget, handle, context);
	return taken;
}

static int epoll_fds(const struct sl_lane *lane, int ret[SL_LANE_FDS])
{
	ret[0] = ((const struct ports *)lane)->epfd;
	return 1;
}

static int account(struct sl_lane *lane, struct sl_err *err)
{
	struct ports *ports = ports_of(lane);

	(void)err;
	for (unsigned int i = 0; i < ports->n; i++) {
		struct tpacket_stats stats = { 0 };
		socklen_t len = sizeof(stats);

		if (!getsockopt(ports->port[i]->conf.fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len))
			sl_record_add(&lane->record->drop_rx_full, stats.tp_drops);
	}
	return 0;
}

static void buffers(const struct sl_lane *lane, struct sl_buffers *ret)
{
	(void)lane;
	*ret = (struct sl_buffers){ .total = BATCH, .spare = BATCH };
}

static void destroy(struct sl_lane *lane)
{
	struct ports *ports;

	if (!lane)
		return;
	ports = ports_of(lane);
	while (ports->n)
		drop(ports, 0);
	close(ports->epfd);
	free(ports);
}

const struct sl_lane_ops ports_ops = {
	.name = "ports",
	.run = run,
	.send = ports_send,
	.fds = epoll_fds,
	.account = account,
	.buffers = buffers,
	.destroy = destroy,
};
