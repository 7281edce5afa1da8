// SPDX-License-Identifier: BSD-2-Clause
/*
 * Experiment: an AF_XDP socket in copy mode, without and with several buffers
 * a frame, that receives what was redirected into the veth pair.
 *
 * By system calls: the daemon has no other use for libxdp, which is the
 * core's. One socket a queue: a closed one gives its queue back only later,
 * from a work item.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe.skel.h"
#include "sluiced/probe_lab.h"

/* Since kernel 6.6 in include/uapi/linux/if_xdp.h: a frame may take several descriptors. */
#ifndef XDP_USE_SG
#define XDP_USE_SG (1 << 4)
#endif

#define RING 64 /* entries of each ring, and chunks of the UMEM */
#define CHUNK 4096
#define UMEM_SIZE ((size_t)RING * CHUNK)

struct xsk {
	int fd;
	void *umem, *fill;
	size_t fill_size;
};
#define XSK_NONE                                                                                             \
	{                                                                                                    \
		-1, MAP_FAILED, MAP_FAILED, 0                                                                \
	}

static void xsk_close(struct xsk *xsk)
{
	if (xsk->fd >= 0)
		close(xsk->fd);
	if (xsk->fill != MAP_FAILED)
		munmap(xsk->fill, xsk->fill_size);
	if (xsk->umem != MAP_FAILED)
		munmap(xsk->umem, UMEM_SIZE);
}

static int set_ring(int fd, int option)
{
	int entries = RING;

	return setsockopt(fd, SOL_XDP, option, &entries, sizeof(entries)) ? -errno : 0;
}

/* Gives the kernel every chunk to receive into. */
static int fill_up(struct xsk *xsk)
{
	struct xdp_mmap_offsets offsets;
	socklen_t len = sizeof(offsets);
	__u64 *chunk;
	__u32 i;

	if (getsockopt(xsk->fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &len))
		return -errno;
	xsk->fill_size = offsets.fr.desc + RING * sizeof(__u64);
	xsk->fill = mmap(NULL, xsk->fill_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, xsk->fd,
			 XDP_UMEM_PGOFF_FILL_RING);
	if (xsk->fill == MAP_FAILED)
		return -errno;
	chunk = (__u64 *)((char *)xsk->fill + offsets.fr.desc);
	for (i = 0; i < RING; i++)
		chunk[i] = (__u64)i * CHUNK;
	__atomic_store_n((__u32 *)((char *)xsk->fill + offsets.fr.producer), RING, __ATOMIC_RELEASE);
	return 0;
}

/* 0, or -errno with *ret_step naming what failed. xsk_close() in either case. */
static int xsk_open(struct xsk *xsk, __u32 ifindex, __u32 queue, __u16 flags, const char **ret_step)
{
	static const int rings[] = { XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING };
	struct xdp_umem_reg reg = { .len = UMEM_SIZE, .chunk_size = CHUNK };
	struct sockaddr_xdp to = {
		.sxdp_family = AF_XDP,
		.sxdp_flags = flags,
		.sxdp_ifindex = ifindex,
		.sxdp_queue_id = queue,
	};
	size_t i;
	int r;

	*ret_step = "socket(AF_XDP)";
	xsk->fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (xsk->fd < 0)
		return -errno;
	*ret_step = "memory for it";
	xsk->umem = mmap(NULL, UMEM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (xsk->umem == MAP_FAILED)
		return -errno;
	*ret_step = "XDP_UMEM_REG";
	reg.addr = (unsigned long)xsk->umem;
	if (setsockopt(xsk->fd, SOL_XDP, XDP_UMEM_REG, &reg, sizeof(reg)))
		return -errno;
	*ret_step = "its rings";
	for (i = 0; i < sizeof(rings) / sizeof(*rings); i++) {
		r = set_ring(xsk->fd, rings[i]);
		if (r)
			return r;
	}
	r = fill_up(xsk);
	if (r)
		return r;
	*ret_step = "bind()";
	return bind(xsk->fd, (struct sockaddr *)&to, sizeof(to)) ? -errno : 0;
}

/* Opens a socket on a queue of the inner pair's tap and has it receive a frame. */
static int try_xsk(struct lab *lab, const struct sl_probe *probe, __u32 queue, __u16 flags,
		   const char **ret_step)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	int kind = probe->tcx ? SL_ATTACH_TCX : SL_ATTACH_CLSACT;
	struct xsk xsk = XSK_NONE;
	int link = -1, token = -1, r;

	r = xsk_open(&xsk, lab->tap, queue, flags, ret_step);
	if (r)
		goto out;
	*ret_step = "putting it into the map";
	r = bpf_map_update_elem(bpf_map__fd(lab->bpf->maps.probe_xsks), &queue, &xsk.fd, 0) ? -errno : 0;
	if (r)
		goto out;
	*ret_step = "XDP for it";
	link = bpf_link_create(bpf_program__fd(lab->bpf->progs.sl_probe_xdp), (int)lab->tap, BPF_XDP, &opts);
	r = link < 0 ? -errno : 0;
	if (r)
		goto out;
	*ret_step = "receiving a frame";
	lab->bpf->bss->probe_to = lab->bridge;
	lab->bpf->bss->probe_queue = queue;
	r = lab_on(lab, bpf_program__fd(lab->bpf->progs.sl_probe_plain), kind, &token);
	if (!r)
		r = lab_try_readable(lab, xsk.fd);
	lab_off(lab, kind, token);
out:
	if (link >= 0)
		close(link);
	xsk_close(&xsk);
	return r;
}

void probe_xsk(const struct sl_conf *conf, struct lab *lab, struct sl_probe *probe)
{
	bool vital = conf->dpi == SL_DPI_INTERNAL;
	bool jumbo = conf->mtu > CHUNK - 512; /* what one page holds beside its headroom */
	const char *step;
	int r;

	r = try_xsk(lab, probe, 0, XDP_COPY, &step);
	probe->xsk = !r;
	if (r)
		probe_check(probe, "xsk", vital ? SL_CHECK_FAIL : SL_CHECK_WARN,
			    "AF_XDP in copy mode: %s failed: %s: %s", step, strerror(-r),
			    vital ? "the core gets no frames, only --dpi external is left"
				  : "no matter with --dpi external");
	else
		probe_check(probe, "xsk", SL_CHECK_OK, "an AF_XDP socket in copy mode received a frame");

	r = probe->xsk ? try_xsk(lab, probe, 1, XDP_COPY | XDP_USE_SG, &step) : -ENOPROTOOPT;
	probe->xsk_multi_buffer = !r;
	if (!r)
		probe_check(
			probe, "xsk_multi_buffer", SL_CHECK_OK,
			"an AF_XDP socket with XDP_USE_SG received a frame: an mtu above 3500 can be had");
	else
		probe_check(probe, "xsk_multi_buffer", jumbo && vital ? SL_CHECK_FAIL : SL_CHECK_WARN,
			    "AF_XDP with XDP_USE_SG: %s: %s: keep the mtu at 3500 or less (it is %u)",
			    probe->xsk ? step : "not tried", strerror(-r), conf->mtu);
}
