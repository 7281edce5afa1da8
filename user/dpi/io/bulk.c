// SPDX-License-Identifier: BSD-2-Clause
/*
 * The sockets of the bulk lane; see bulk.h.
 *
 * Each takes the frames of its queue: vex and vin have chosen it, veth carries
 * the number in the frame's queue mapping, and a fanout group goes by that.
 */
#include "dpi/io/bulk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "dpi/io/bulk_own.h"

#define RECEIVE_BYTES (32 << 20) /* with what the kernel adds to each frame: some hundred super-frames */
#define SEND_BYTES (8 << 20)
#define SLOT_LEN ((SL_VNET_TAG + SL_FRAME_MAX + 4095) / 4096 * 4096 + 64)

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif
#ifndef PACKET_FANOUT_FLAG_UNIQUEID
#define PACKET_FANOUT_FLAG_UNIQUEID 0x2000
#endif

static int set(int fd, int level, int option, int value, const char *name, struct sl_err *err)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)) < 0)
		return sl_errno(err, errno, "bulk lane: %s", name);
	return 0;
}

/* Nothing is taken before the sockets share the frames: each would be given all of them. */
static int shut(int fd, bool on, struct sl_err *err)
{
	struct sock_filter none[] = { { BPF_RET | BPF_K, 0, 0, 0 } };
	const struct sock_fprog program = { 1, none };
	int r = on ? setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program))
		   : setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &(int){ 0 }, sizeof(int));

	return r < 0 ? sl_errno(err, errno, "bulk lane: filter") : 0;
}

static int open_socket(const char *ifname, unsigned int ifindex, int *ret, struct sl_err *err)
{
	const struct sockaddr_ll address = { .sll_family = AF_PACKET,
					     .sll_protocol = htons(ETH_P_ALL),
					     .sll_ifindex = (int)ifindex };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return sl_errno(err, errno, "bulk lane: packet socket");
	r = shut(fd, true, err);
	r = r ?: set(fd, SOL_PACKET, PACKET_VNET_HDR, 1, "PACKET_VNET_HDR", err);
	r = r ?: set(fd, SOL_PACKET, PACKET_AUXDATA, 1, "PACKET_AUXDATA", err);
	r = r ?: set(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1, "PACKET_IGNORE_OUTGOING", err);
	r = r ?: set(fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1, "PACKET_QDISC_BYPASS", err);
	r = r ?: set(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BYTES, "SO_RCVBUFFORCE", err);
	r = r ?: set(fd, SOL_SOCKET, SO_SNDBUFFORCE, SEND_BYTES, "SO_SNDBUFFORCE", err);
	if (!r && bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		r = sl_errno(err, errno, "bulk lane: binding to %s", ifname);
	if (r) {
		close(fd);
		return r;
	}
	*ret = fd;
	return 0;
}

/* All sockets into one group, in the order of their queues, which is the order the group counts them in. */
static int share(struct sl_bulk *bulk, struct sl_err *err)
{
	struct sock_filter by_queue[] = {
		{ BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)(SKF_AD_OFF + SKF_AD_QUEUE) },
		{ BPF_RET | BPF_A, 0, 0, 0 },
	};
	const struct sock_fprog program = { 2, by_queue };
	int group = (PACKET_FANOUT_CBPF | PACKET_FANOUT_FLAG_UNIQUEID) << 16;
	socklen_t len = sizeof(group);

	for (uint32_t q = 0; q < bulk->queues; q++) {
		if (setsockopt(bulk->lane[q].fd, SOL_PACKET, PACKET_FANOUT, &group, sizeof(group)) < 0)
			return sl_errno(err, errno, "bulk lane: PACKET_FANOUT of queue %u", q);
		if (q)
			continue;
		if (getsockopt(bulk->lane[0].fd, SOL_PACKET, PACKET_FANOUT, &group, &len) < 0)
			return sl_errno(err, errno, "bulk lane: PACKET_FANOUT");
		group = (group & 0xffff) | PACKET_FANOUT_CBPF << 16;
	}
	if (setsockopt(bulk->lane[0].fd, SOL_PACKET, PACKET_FANOUT_DATA, &program, sizeof(program)) < 0)
		return sl_errno(err, errno, "bulk lane: PACKET_FANOUT_DATA");
	return 0;
}

static void prepare(struct sl_bulk *bulk, uint32_t queue)
{
	struct sl_bulk_lane *lane = &bulk->lane[queue];

	for (uint32_t i = 0; i < SL_BULK_BATCH; i++) {
		struct sl_bulk_slot *slot = &lane->slot[i];

		slot->room = bulk->area + ((size_t)queue * SL_BULK_BATCH + i) * SLOT_LEN;
		slot->in[0] = slot->out[0] = (struct iovec){ &slot->vnet, sizeof(slot->vnet) };
		slot->in[1] = (struct iovec){ slot->room + SL_VNET_TAG, SL_FRAME_MAX };
		lane->in[i].msg_hdr = (struct msghdr){ .msg_iov = slot->in,
						       .msg_iovlen = 2,
						       .msg_control = slot->control,
						       .msg_controllen = sizeof(slot->control) };
	}
}

int sl_bulk_open(struct sl_bulk **ret, const char *ifname, uint32_t queues, struct sl_core *records,
		 struct sl_err *err)
{
	struct sl_bulk *bulk = calloc(1, sizeof(*bulk) + queues * sizeof(bulk->lane[0]));
	unsigned int ifindex = if_nametoindex(ifname);
	int r = 0;

	if (!bulk)
		return sl_errno(err, ENOMEM, "bulk lane");
	bulk->queues = queues;
	for (uint32_t q = 0; q < queues; q++) {
		bulk->lane[q].fd = -1;
		bulk->lane[q].ifname = ifname;
		bulk->lane[q].queue = q;
		bulk->lane[q].lane.ops = &sl_bulk_lane_ops;
		bulk->lane[q].lane.record = &records[q];
	}
	if (!ifindex) {
		r = sl_errno(err, errno, "%s", ifname);
		goto fail;
	}
	bulk->area_len = (size_t)queues * SL_BULK_BATCH * SLOT_LEN;
	bulk->area = mmap(NULL, bulk->area_len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (bulk->area == MAP_FAILED) {
		bulk->area = NULL;
		r = sl_errno(err, errno, "memory of the bulk lane");
		goto fail;
	}
	for (uint32_t q = 0; q < queues && !r; q++) {
		prepare(bulk, q);
		r = open_socket(ifname, ifindex, &bulk->lane[q].fd, err);
	}
	if (!r && queues > 1)
		r = share(bulk, err);
	for (uint32_t q = 0; q < queues && !r; q++)
		r = shut(bulk->lane[q].fd, false, err);
	if (r)
		goto fail;
	*ret = bulk;
	return 0;
fail:
	sl_bulk_close(bulk);
	return r;
}

/* Since Linux 6.2 ("linux/virtio_net.h: Support USO offload in vnet header"); before, they would be lost. */
bool sl_bulk_takes_udp(void)
{
	unsigned int major, minor;
	struct utsname name;

	return !uname(&name) && sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 2));
}

struct sl_lane *sl_bulk_lane(struct sl_bulk *bulk, uint32_t queue)
{
	return &bulk->lane[queue].lane;
}

int sl_bulk_fd(const struct sl_bulk *bulk, uint32_t queue)
{
	return bulk->lane[queue].fd;
}

void sl_bulk_close(struct sl_bulk *bulk)
{
	if (!bulk)
		return;
	for (uint32_t q = 0; q < bulk->queues; q++) {
		if (bulk->lane[q].fd >= 0)
			close(bulk->lane[q].fd);
	}
	if (bulk->area)
		munmap(bulk->area, bulk->area_len);
	free(bulk);
}
