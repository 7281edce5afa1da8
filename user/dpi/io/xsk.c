// SPDX-License-Identifier: BSD-2-Clause
/*
 * Makes the AF_XDP sockets: one UMEM, a socket per queue sharing it, each with
 * its own FILL and COMPLETION ring and its own part of the chunks.
 *
 * Invariant: a socket is in the XSKMAP only while its FILL ring has been
 * filled, and nothing of a failed attempt is left behind.
 */
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "dpi/io/xsk.h"
#include "dpi/io/xsk_lane.h"

#ifndef SOL_XDP
#define SOL_XDP 283
#endif
/* linux/if_xdp.h since Linux 6.17: frames sent by one sendto(), 32 before and by default. */
#ifndef XDP_MAX_TX_SKB_BUDGET
#define XDP_MAX_TX_SKB_BUDGET 9
#endif
/* asm-generic/socket.h since Linux 5.11. */
#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#define SO_BUSY_POLL_BUDGET 70
#endif

#define HEADROOM 256 /* XDP_PACKET_HEADROOM: a received piece is at most chunk - headroom */
#define ETHER_OVERHEAD 22 /* Ethernet header and two VLAN tags */
#define TX_CALL_BUDGET 128
#define BUSY_POLL_BUDGET 64
/*
 * Bytes of skbs a socket may have under way: no less than a TX ring of
 * one-page skbs needs, so that running out is never the reason for a drop.
 */
#define SEND_BUFFER (16 << 20)
#define BUSY_WAIT_MS 2000
#define BUSY_STEP_MS 2

struct sl_xsk {
	struct sl_xsk_conf conf;
	unsigned long netns; /* inode, for messages */
	int flags_fd; /* see struct sl_xsk_lane */
	uint32_t n_chunks; /* of each lane */
	bool multi_buffer;
	void *area;
	size_t area_size;
	struct xsk_umem *umem;
	struct sl_xsk_lane *lanes[SL_QUEUES_MAX];
};

/*
 * Chunks a lane owns: half can be in RX, a quarter in TX and COMPLETION, a
 * quarter is always in FILL. The kernel keeps 100-odd bytes per chunk of the
 * whole UMEM for each queue, which grows with the square of the queues, so
 * many queues get shorter rings.
 */
static uint32_t chunks_per_lane(uint32_t queues)
{
	if (queues <= 8)
		return 4096;
	return queues <= 16 ? 2048 : 1024;
}

static unsigned long netns_inode(void)
{
	struct stat st;

	return stat("/proc/thread-self/ns/net", &st) < 0 ? 0 : (unsigned long)st.st_ino;
}

static int bind_error(const struct sl_xsk *xsk, uint32_t queue, int code, struct sl_err *err)
{
	const char *hint;

	switch (code) {
	case ENODEV:
		hint = "no such interface here: create vbr/vth first or give --vth another name";
		break;
	case EBUSY:
		hint = "another AF_XDP socket holds this queue: end the other core first";
		break;
	case EINVAL:
		hint = "has the interface that many rx and tx queues? see `ip -d link` (numrxqueues)";
		break;
	case EPERM:
	case EACCES:
		hint = "CAP_NET_RAW is needed: start as root";
		break;
	case EAFNOSUPPORT:
	case EOPNOTSUPP:
		hint = "the kernel has no AF_XDP: CONFIG_XDP_SOCKETS is needed";
		break;
	default:
		hint = "cannot open the AF_XDP socket";
	}
	return sl_errno(err, code, "%s queue %u (netns %lu): %s", xsk->conf.ifname, queue, xsk->netns, hint);
}

static int set_busy_poll(int fd, uint32_t us)
{
	int prefer = 1, time = (int)us, budget = BUSY_POLL_BUDGET;

	if (setsockopt(fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, &prefer, sizeof(prefer)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &time, sizeof(time)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL_BUDGET, &budget, sizeof(budget)) < 0)
		return -errno;
	return 0;
}

/* What makes sending smoother where the kernel lets us; all of it works without. */
static void tune_send(int fd)
{
	int size = SEND_BUFFER, budget = TX_CALL_BUDGET;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(fd, SOL_XDP, XDP_MAX_TX_SKB_BUDGET, &budget, sizeof(budget));
}

static int open_lane(struct sl_xsk *xsk, uint32_t queue, struct sl_err *err)
{
	struct sl_xsk_lane *lane = xsk->lanes[queue];
	struct xsk_socket_config config = {
		.rx_size = xsk->n_chunks / 2,
		.tx_size = xsk->n_chunks / 4,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = XDP_COPY | XDP_USE_NEED_WAKEUP | (xsk->multi_buffer ? XDP_USE_SG : 0),
	};
	int r;

	r = xsk_socket__create_shared(&lane->socket, xsk->conf.ifname, queue, xsk->umem, &lane->rx, &lane->tx,
				      &lane->fill, &lane->comp, &config);
	if (r < 0)
		return bind_error(xsk, queue, -r, err);
	lane->fd = xsk_socket__fd(lane->socket);
	r = sl_xsk_lane_fill(lane);
	if (r < 0)
		return sl_errno(err, -r, "%s queue %u (netns %lu): the FILL ring is smaller than asked for",
				xsk->conf.ifname, queue, xsk->netns);
	tune_send(lane->fd);
	if (!xsk->conf.busy_poll_us)
		return 0;
	r = set_busy_poll(lane->fd, xsk->conf.busy_poll_us);
	if (r < 0)
		return sl_errno(
			err, -r,
			"%s queue %u (netns %lu): preferred busy polling needs CAP_NET_ADMIN and Linux "
			"5.11: set busy_poll_us to 0",
			xsk->conf.ifname, queue, xsk->netns);
	return 0;
}

static struct sl_xsk_lane *new_lane(const struct sl_xsk *xsk, uint32_t queue, struct sl_core *record)
{
	struct sl_xsk_lane *lane = calloc(1, sizeof(*lane));

	if (!lane)
		return NULL;
	lane->owner = calloc(xsk->n_chunks, 1);
	if (!lane->owner) {
		free(lane);
		return NULL;
	}
	lane->lane.ops = &sl_xsk_lane_ops;
	lane->lane.record = record;
	lane->ifname = xsk->conf.ifname;
	lane->flags_fd = xsk->flags_fd;
	lane->queue = queue;
	lane->multi_buffer = xsk->multi_buffer;
	lane->busy_poll = xsk->conf.busy_poll_us > 0;
	lane->area = xsk->area;
	lane->first_chunk = queue * xsk->n_chunks;
	lane->n_chunks = xsk->n_chunks;
	lane->spares = SL_XSK_SPARE_MAX;
	return lane;
}

static int open_umem(struct sl_xsk *xsk, struct sl_err *err)
{
	struct xsk_umem_config config = {
		.fill_size = xsk->n_chunks * 2,
		.comp_size = xsk->n_chunks / 4,
		.frame_size = SL_XSK_CHUNK,
		/* Chunks may begin anywhere: see SL_XSK_STRIDE. */
		.flags = XDP_UMEM_UNALIGNED_CHUNK_FLAG,
	};
	int r;

	xsk->area_size = (size_t)xsk->conf.queues * xsk->n_chunks * SL_XSK_STRIDE;
	xsk->area = mmap(NULL, xsk->area_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (xsk->area == MAP_FAILED) {
		xsk->area = NULL;
		return sl_errno(err, errno, "%s: %zu MiB for frames; fewer workers need less",
				xsk->conf.ifname, xsk->area_size >> 20);
	}
	for (uint32_t q = 0; q < xsk->conf.queues; q++)
		xsk->lanes[q]->area = xsk->area;
	r = xsk_umem__create(&xsk->umem, xsk->area, xsk->area_size, &xsk->lanes[0]->fill,
			     &xsk->lanes[0]->comp, &config);
	if (r == -EPERM || r == -EACCES)
		return bind_error(xsk, 0, -r, err);
	if (r < 0)
		return sl_errno(
			err, -r,
			"%s: registering %zu MiB of frame memory; without CAP_IPC_LOCK it must fit in "
			"RLIMIT_MEMLOCK (ulimit -l)",
			xsk->conf.ifname, xsk->area_size >> 20);
	return 0;
}

/* One attempt; what it has made is in *xsk also on failure. */
static int try_open(struct sl_xsk *xsk, struct sl_core *records, struct sl_err *err)
{
	int r;

	for (uint32_t q = 0; q < xsk->conf.queues; q++) {
		xsk->lanes[q] = new_lane(xsk, q, &records[q]);
		if (!xsk->lanes[q])
			return sl_errno(err, ENOMEM, "%s queue %u", xsk->conf.ifname, q);
	}
	r = open_umem(xsk, err);
	for (uint32_t q = 0; q < xsk->conf.queues && r >= 0; q++)
		r = open_lane(xsk, q, err);
	return r < 0 ? r : 0;
}

/* Sockets before UMEM: the UMEM is busy as long as a socket uses it. */
static void undo_open(struct sl_xsk *xsk)
{
	for (uint32_t q = 0; q < xsk->conf.queues; q++) {
		if (xsk->lanes[q])
			xsk->lanes[q]->lane.ops->destroy(&xsk->lanes[q]->lane);
		xsk->lanes[q] = NULL;
	}
	if (xsk->umem)
		xsk_umem__delete(xsk->umem);
	xsk->umem = NULL;
	if (xsk->area)
		munmap(xsk->area, xsk->area_size);
	xsk->area = NULL;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int sl_xsk_open(struct sl_xsk **ret_xsk, const struct sl_xsk_conf *conf, struct sl_core *records,
		struct sl_err *err)
{
	int64_t deadline = now_ms() + BUSY_WAIT_MS;
	struct sl_xsk *xsk;
	int r;

	if (!conf->queues || conf->queues > SL_QUEUES_MAX)
		return sl_err(err, EINVAL, "%u queues: 1 to %d are possible", conf->queues, SL_QUEUES_MAX);
	xsk = calloc(1, sizeof(*xsk));
	if (!xsk)
		return sl_errno(err, ENOMEM, "%s", conf->ifname);
	xsk->conf = *conf;
	xsk->netns = netns_inode();
	xsk->n_chunks = chunks_per_lane(conf->queues);
	xsk->multi_buffer = true;
	xsk->flags_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (xsk->flags_fd < 0) {
		r = sl_errno(err, errno, "%s: a socket to ask for its flags", conf->ifname);
		free(xsk);
		return r;
	}
	for (;;) {
		r = if_nametoindex(conf->ifname) ? try_open(xsk, records, err)
						 : bind_error(xsk, 0, ENODEV, err);
		if (r >= 0)
			break;
		undo_open(xsk);
		if (r == -EINVAL && xsk->multi_buffer) {
			xsk->multi_buffer =
				false; /* a kernel before 6.6, or too few queues: the next try tells */
			continue;
		}
		/*
		 * The kernel frees the queues of a core that was killed in a work item
		 * some time after its end, and tells nobody when: ask until it has.
		 */
		if (r != -EBUSY || now_ms() >= deadline)
			break;
		poll(NULL, 0, BUSY_STEP_MS);
	}
	if (r >= 0 && !xsk->multi_buffer && conf->mtu + ETHER_OVERHEAD > SL_XSK_CHUNK - HEADROOM)
		r = sl_err(err, EOPNOTSUPP,
			   "%s (netns %lu): MTU %u needs AF_XDP multi-buffer (Linux 6.6): use at most %d",
			   conf->ifname, xsk->netns, conf->mtu, SL_XSK_CHUNK - HEADROOM - ETHER_OVERHEAD);
	if (r < 0) {
		sl_xsk_close(xsk);
		return r;
	}
	*ret_xsk = xsk;
	return 0;
}

int sl_xsk_publish(struct sl_xsk *xsk, int xsks_map_fd, struct sl_err *err)
{
	for (uint32_t q = 0; q < xsk->conf.queues; q++) {
		int fd = xsk->lanes[q]->fd, r;

		if (!bpf_map_update_elem(xsks_map_fd, &q, &fd, BPF_ANY))
			continue;
		r = sl_errno(err, errno, "%s queue %u (netns %lu): putting the socket into " SL_MAP_XSKS,
			     xsk->conf.ifname, q, xsk->netns);
		while (q--)
			bpf_map_delete_elem(xsks_map_fd, &q);
		return r;
	}
	return 0;
}

int sl_xsk_withdraw(struct sl_xsk *xsk, int xsks_map_fd, struct sl_err *err)
{
	int r = 0;

	for (uint32_t q = 0; q < xsk->conf.queues; q++) {
		if (bpf_map_delete_elem(xsks_map_fd, &q) < 0 && errno != ENOENT && !r)
			r = sl_errno(err, errno,
				     "%s queue %u (netns %lu): taking the socket out of " SL_MAP_XSKS,
				     xsk->conf.ifname, q, xsk->netns);
	}
	return r;
}

struct sl_lane *sl_xsk_lane(struct sl_xsk *xsk, uint32_t queue)
{
	return &xsk->lanes[queue]->lane;
}

int sl_xsk_bundle(struct sl_xsk *xsk, uint32_t queue, int fd)
{
	struct sl_xsk_lane *lane = xsk->lanes[queue];

	sl_bundler_free(lane->bundler);
	lane->bundler = fd < 0 ? NULL : sl_bundler_new(fd, SL_BUNDLE_FRAMES);
	return fd < 0 || lane->bundler ? 0 : -ENOMEM;
}

bool sl_xsk_multi_buffer(const struct sl_xsk *xsk)
{
	return xsk->multi_buffer;
}

void sl_xsk_close(struct sl_xsk *xsk)
{
	if (!xsk)
		return;
	undo_open(xsk);
	close(xsk->flags_fd);
	free(xsk);
}
