// SPDX-License-Identifier: BSD-2-Clause
/*
 * What does this kernel have? Two questions name an interface that there is
 * not: a kernel that knows the feature misses the interface (ENODEV), one that
 * does not know it refuses before it looks (EINVAL). See features.h for the
 * invariant.
 */
#include "lib/features.h"

#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TCX_INGRESS 46 /* BPF_TCX_INGRESS of linux/bpf.h since 6.6 */
#define USE_SG (1 << 4) /* XDP_USE_SG of linux/if_xdp.h since 6.6 */
#define GSO_UDP_L4 5 /* VIRTIO_NET_HDR_GSO_UDP_L4 of linux/virtio_net.h since 6.2 */
#define NO_INTERFACE INT_MAX

void need_tcx(void)
{
	static const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int program = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "need_tcx", "GPL", code, 2, NULL), link, error;

	cr_assert(program >= 0, "the smallest program: %s", strerror(errno));
	link = bpf_link_create(program, NO_INTERFACE, TCX_INGRESS, NULL);
	error = errno;
	close(program);
	cr_assert(link < 0, "a link to interface number %d", NO_INTERFACE);
	if (error != ENODEV)
		cr_skip_test("this kernel has no tcx (%s)", strerror(error));
}

void need_multi_buffer(void)
{
	struct sockaddr_xdp to = { .sxdp_family = AF_XDP,
				   .sxdp_flags = XDP_COPY | USE_SG,
				   .sxdp_ifindex = NO_INTERFACE };
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0), error;

	cr_assert(fd >= 0, "AF_XDP socket: %s", strerror(errno));
	cr_assert(bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0, "bound to interface number %d",
		  NO_INTERFACE);
	error = errno;
	close(fd);
	if (error != ENODEV)
		cr_skip_test("AF_XDP of this kernel has no frames of several buffers (%s)", strerror(error));
}

void need_udp_super_frames(struct ns *ns)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	struct {
		struct virtio_net_hdr vnet;
		struct frame frame;
	} *message = calloc(1, sizeof(*message));
	int fd = ns_socket(ns, AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), on = 1, error = 0;
	struct frame *f = &message->frame;
	const uint8_t data[64] = { 0 };

	cr_assert(message && fd >= 0 && !setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)));
	frame_eth(f, mac_of("02:00:00:00:00:01"), mac_of("02:00:00:00:00:02"));
	frame_ipv4(f, "127.0.0.1", "127.0.0.1", IPPROTO_UDP);
	frame_udp(f, 9, 9, data, sizeof(data));
	message->vnet = (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
						 .gso_type = GSO_UDP_L4,
						 .hdr_len = (uint16_t)(f->l4_at + 8),
						 .gso_size = sizeof(data) / 2,
						 .csum_start = (uint16_t)f->l4_at,
						 .csum_offset = 6 };
	to.sll_ifindex = (int)link_index(ns, "lo");
	if (sendmsg(fd,
		    &(struct msghdr){ .msg_name = &to,
				      .msg_namelen = sizeof(to),
				      .msg_iov = (struct iovec[]){ { &message->vnet, sizeof(message->vnet) },
								   { f->data, f->len } },
				      .msg_iovlen = 2 },
		    0) < 0)
		error = errno;
	close(fd);
	free(message);
	if (error)
		cr_skip_test("packet sockets of this kernel send no super-frames of UDP (%s)",
			     strerror(error));
}
