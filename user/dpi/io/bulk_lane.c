// SPDX-License-Identifier: BSD-2-Clause
/* A run over one socket of the bulk lane; see bulk.h. */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "dpi/io/bulk_own.h"
#include "dpi/io/carrier.h"

static struct sl_bulk_lane *to_bulk(struct sl_lane *lane)
{
	return (struct sl_bulk_lane *)lane;
}

/* Is it the frame that the kernel will not have, whatever is tried? */
static bool is_refused(int code)
{
	return code == EINVAL || code == EMSGSIZE || code == EIO || code == EFAULT;
}

/* Sends what has been answered. False: some of it has to wait. */
static bool flush(struct sl_bulk_lane *lane)
{
	while (lane->n) {
		int sent = sendmmsg(lane->fd, lane->out + lane->first, lane->n, MSG_DONTWAIT);

		if (sent > 0) {
			lane->first += (uint32_t)sent;
			lane->n -= (uint32_t)sent;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN)
			break;
		/* Not this one: a header the kernel refuses, no room behind, the interface down. Those behind it may. */
		sl_record_add(is_refused(errno) ? &lane->lane.record->drop_invalid
						: &lane->lane.record->drop_tx_full,
			      1);
		sl_record_add(&lane->lane.record->tx_frames, (uint64_t)-1);
		sl_record_add(&lane->lane.record->tx_bytes,
			      -(uint64_t)lane->out[lane->first].msg_hdr.msg_iov[1].iov_len);
		lane->first++;
		lane->n--;
	}
	if (!lane->n)
		lane->first = 0;
	lane->lane.pending = lane->n;
	return !lane->n;
}

static void forward(struct sl_bulk_lane *lane, struct sl_bulk_slot *slot, uint8_t *data, uint32_t len)
{
	sl_vnet_return(&slot->vnet);
	slot->out[1] = (struct iovec){ data, len };
	lane->out[lane->first + lane->n++] =
		(struct mmsghdr){ .msg_hdr = { .msg_iov = slot->out, .msg_iovlen = 2 } };
	sl_record_add(&lane->lane.record->tx_frames, 1);
	sl_record_add(&lane->lane.record->tx_bytes, len);
}

static void take(struct sl_bulk_lane *lane, struct sl_bulk_slot *slot, struct mmsghdr *message,
		 sl_frame_handler handle, void *context)
{
	unsigned int len = message->msg_len;
	struct sl_frame frame;
	uint8_t *data;

	sl_record_add(&lane->lane.record->rx_frames, 1);
	if (message->msg_hdr.msg_flags & MSG_TRUNC || len < sizeof(slot->vnet) + ETH_HLEN) {
		sl_record_add(&lane->lane.record->drop_invalid, 1);
		return;
	}
	len -= (unsigned int)sizeof(slot->vnet);
	data = sl_vnet_put_tag_back(slot->room + SL_VNET_TAG, &message->msg_hdr, &slot->vnet, &len);
	sl_record_add(&lane->lane.record->rx_bytes, len);
	sl_vnet_describe(&slot->vnet, data, len, &frame);
	if (!sl_vnet_is_plain(&frame)) {
		sl_record_add(&lane->lane.record->drop_invalid, 1);
		return;
	}
	frame.queue = (uint16_t)lane->queue;
	frame.bulk = true;
	if (handle(context, &frame) == SL_FORWARD)
		forward(lane, slot, data, len);
	else
		sl_record_add(&lane->lane.record->dropped, 1);
}

static int run(struct sl_lane *base, int budget, sl_frame_handler handle, void *context, struct sl_err *err)
{
	struct sl_bulk_lane *lane = to_bulk(base);
	int taken = 0;

	(void)err;
	while (flush(lane) && taken < budget) {
		int n = budget - taken < SL_BULK_BATCH ? budget - taken : SL_BULK_BATCH;

		for (int i = 0; i < n; i++)
			lane->in[i].msg_hdr.msg_controllen = sizeof(lane->slot[i].control);
		n = recvmmsg(lane->fd, lane->in, (unsigned int)n, MSG_DONTWAIT, NULL);
		/* A frame whose offloads have no words in the header: gone, the next one may be there. */
		if (n < 0 && errno == EINVAL) {
			sl_record_add(&lane->lane.record->rx_frames, 1);
			sl_record_add(&lane->lane.record->drop_invalid, 1);
			taken++;
			continue;
		}
		/* None there, or the interface is gone or down, which account() will tell of. */
		if (n <= 0)
			break;
		for (int i = 0; i < n; i++)
			take(lane, &lane->slot[i], &lane->in[i], handle, context);
		taken += n;
	}
	return taken;
}

static int send_own(struct sl_lane *base, const uint8_t *data, uint32_t len, struct sl_err *err)
{
	struct sl_bulk_lane *lane = to_bulk(base);
	struct virtio_net_hdr vnet = { 0 };
	struct iovec iov[2] = { { &vnet, sizeof(vnet) }, { (void *)data, len } };
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = 2 };

	(void)err;
	if (len < ETH_HLEN || len > SL_FRAME_MAX)
		return -EMSGSIZE;
	sl_record_add(&lane->lane.record->made, 1);
	/* Behind what has been answered before it. */
	if (!flush(lane) || sendmsg(lane->fd, &message, MSG_DONTWAIT) < 0) {
		sl_record_add(&lane->lane.record->drop_tx_full, 1);
		return -ENOBUFS;
	}
	sl_record_add(&lane->lane.record->tx_frames, 1);
	sl_record_add(&lane->lane.record->tx_bytes, len);
	return 0;
}

static int fds(const struct sl_lane *lane, int ret[SL_LANE_FDS])
{
	ret[0] = ((const struct sl_bulk_lane *)lane)->fd;
	return 1;
}

static int account(struct sl_lane *base, struct sl_err *err)
{
	struct sl_bulk_lane *lane = to_bulk(base);
	struct tpacket_stats stats = { 0 };
	socklen_t len = sizeof(stats);

	if (getsockopt(lane->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) < 0)
		return sl_errno(err, errno, "statistics of the bulk lane's queue %u", lane->queue);
	sl_record_add(&lane->lane.record->drop_rx_full, stats.tp_drops);
	/* Nothing is sent by this: it is refused for what the interface is before it is for being nothing. */
	errno = 0;
	if (sendto(lane->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 && (errno == ENXIO || errno == ENODEV))
		return sl_errno(err, errno, "%s queue %u: the interface has been removed or moved",
				lane->ifname, lane->queue);
	base->down = errno == ENETDOWN || sl_carrier_is_lost(lane->fd, lane->ifname);
	return 0;
}

static void buffers(const struct sl_lane *base, struct sl_buffers *ret)
{
	uint32_t tx = __atomic_load_n(&((const struct sl_bulk_lane *)base)->n, __ATOMIC_RELAXED);

	*ret = (struct sl_buffers){ .total = SL_BULK_BATCH, .tx = tx, .spare = SL_BULK_BATCH - tx };
}

const struct sl_lane_ops sl_bulk_lane_ops = {
	.name = "bulk",
	.run = run,
	.send = send_own,
	.fds = fds,
	.account = account,
	.buffers = buffers,
};
