// SPDX-License-Identifier: BSD-2-Clause
/* See probe_lab.h. Only ever runs in the probe's child process, which may change its namespace at will. */
#include "sluiced/probe_lab.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/netns.h"
#include "netlink/link.h"
#include "probe.skel.h"

#define ETH_P_PROBE 0x88b5 /* as in bpf/probe.bpf.c */
#define TCX_INGRESS 46 /* BPF_TCX_INGRESS, since kernel 6.6; missing from older headers */
#define QUEUES 2 /* of the inner pair */
#define TRIES 10
#define TRY_MS 20 /* in all 200 ms for a frame that never comes */

/* Locally administered, and none is the MAC of the interface a frame arrives on. */
static const __u8 sender_mac[SL_MAC_LEN] = { 0x02, 's', 'l', 'p', 'r', 1 };

static const struct {
	const char *near, *far;
} pairs[2] = { { "near0", "far0" }, { "near1", "far1" } };

static int new_namespace(struct sl_err *err)
{
	if (unshare(CLONE_NEWNET))
		return sl_errno(err, errno, "cannot make a network namespace (CAP_SYS_ADMIN is needed)");
	return sl_netns_open_self(err);
}

static int make_namespaces(struct lab *lab, struct sl_err *err)
{
	static const char *const labels[] = { "the probe's agent namespace",
					      "the probe's first far namespace",
					      "the probe's second far namespace" };
	int *const fds[] = { &lab->agent_ns, &lab->far_ns[0], &lab->far_ns[1] };
	int i, r;

	for (i = 2; i >= 0; i--) { /* the agent's last: there the process stays */
		*fds[i] = new_namespace(err);
		if (*fds[i] < 0)
			return *fds[i];
		r = nls_open(&lab->nls[i], *fds[i], labels[i], err);
		if (r)
			return r;
	}
	return 0;
}

static int set_up(struct nls *nls, __u32 ifindex, struct sl_err *err)
{
	struct link_change change = LINK_NO_CHANGE;

	change.up = 1;
	return link_change(nls, ifindex, &change, err);
}

static int find(struct nls *nls, const char *name, __u32 *ret, __u8 *ret_mac, struct sl_err *err)
{
	struct link_info link;
	int r = link_find(nls, name, 0, &link, err);

	if (r)
		return r;
	*ret = link.ifindex;
	if (ret_mac)
		memcpy(ret_mac, link.mac, SL_MAC_LEN);
	return 0;
}

/*
 * The end that sends comes up last: only then is its queue ready at once, the
 * other one's is made so by a work item some time later.
 */
static int make_outer_pair(struct lab *lab, int i, struct sl_err *err)
{
	struct veth_end near = { .name = pairs[i].near, .netns_fd = -1 };
	struct veth_end far = { .name = pairs[i].far, .netns_fd = lab->far_ns[i] };
	int r;

	r = link_create_veth(lab->nls[0], &near, &far, err);
	if (!r)
		r = find(lab->nls[0], near.name, &lab->near[i], NULL, err);
	if (!r)
		r = find(lab->nls[1 + i], far.name, &lab->far[i], lab->far_mac[i], err);
	if (r)
		return r;
	if (i == 0) {
		r = set_up(lab->nls[0], lab->near[0], err);
		return r ? r : set_up(lab->nls[1], lab->far[0], err);
	}
	r = set_up(lab->nls[2], lab->far[1], err);
	return r ? r : set_up(lab->nls[0], lab->near[1], err);
}

static int make_inner_pair(struct lab *lab, struct sl_err *err)
{
	struct veth_end bridge = { .name = "bridge", .netns_fd = -1, .queues = QUEUES };
	struct veth_end tap = { .name = "tap", .netns_fd = -1, .queues = QUEUES };
	int r;

	r = link_create_veth(lab->nls[0], &bridge, &tap, err);
	if (!r)
		r = find(lab->nls[0], bridge.name, &lab->bridge, NULL, err);
	if (!r)
		r = find(lab->nls[0], tap.name, &lab->tap, NULL, err);
	if (!r)
		r = set_up(lab->nls[0], lab->tap, err);
	return r ? r : set_up(lab->nls[0], lab->bridge, err);
}

static int packet_socket(int netns_fd, __u32 ifindex, struct sl_err *err)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_PROBE),
		.sll_ifindex = (int)ifindex,
	};
	int token, fd, r = 0;

	token = sl_netns_enter(netns_fd, err);
	if (token < 0)
		return token;
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)))
		r = sl_errno(err, errno, "cannot open a packet socket (CAP_NET_RAW is needed)");
	sl_netns_leave(token);
	if (r && fd >= 0)
		close(fd);
	return r ? r : fd;
}

int lab_build(struct lab *lab, struct sl_err *err)
{
	int r, i;

	r = make_namespaces(lab, err);
	for (i = 0; !r && i < 2; i++)
		r = make_outer_pair(lab, i, err);
	if (!r)
		r = make_inner_pair(lab, err);
	if (r)
		return r;
	lab->sender = packet_socket(lab->far_ns[0], lab->far[0], err);
	if (lab->sender < 0)
		return lab->sender;
	lab->receiver = packet_socket(lab->far_ns[1], lab->far[1], err);
	if (lab->receiver < 0)
		return lab->receiver;
	lab->tap_receiver = packet_socket(lab->agent_ns, lab->tap, err);
	return lab->tap_receiver < 0 ? lab->tap_receiver : 0;
}

void lab_free(struct lab *lab)
{
	const int fds[] = { lab->sender,   lab->receiver,  lab->tap_receiver,
			    lab->agent_ns, lab->far_ns[0], lab->far_ns[1] };
	size_t i;

	probe_bpf__destroy(lab->bpf);
	for (i = 0; i < sizeof(fds) / sizeof(*fds); i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	for (i = 0; i < 3; i++)
		nls_close(lab->nls[i]);
}

struct probe_frame {
	struct ether_header eth;
	__u32 number;
	__u8 padding[ETH_ZLEN - sizeof(struct ether_header) - sizeof(__u32)];
} __attribute__((packed));

static int send_frame(struct lab *lab)
{
	struct probe_frame frame = { .number = ++lab->number };

	memcpy(frame.eth.ether_dhost, lab->far_mac[1], SL_MAC_LEN);
	memcpy(frame.eth.ether_shost, sender_mac, SL_MAC_LEN);
	frame.eth.ether_type = htons(ETH_P_PROBE);
	return send(lab->sender, &frame, sizeof(frame), 0) < 0 ? -errno : 0;
}

/* Readable within ms: 1, else 0, or -errno. */
static int wait_readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n = poll(&p, 1, ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	return n;
}

/* The packet type of a frame not older than `oldest`, -EAGAIN if there is none. */
static int receive(int fd, __u32 oldest)
{
	struct sockaddr_ll from;
	struct probe_frame frame;
	socklen_t len;
	ssize_t n;

	for (;;) {
		len = sizeof(from);
		n = recvfrom(fd, &frame, sizeof(frame), 0, (struct sockaddr *)&from, &len);
		if (n < 0)
			return -errno;
		if (n == (ssize_t)sizeof(frame) && frame.number >= oldest &&
		    from.sll_pkttype != PACKET_OUTGOING)
			return from.sll_pkttype;
	}
}

int lab_try(struct lab *lab, int receiver)
{
	__u32 oldest = lab->number + 1;
	int i, r;

	for (i = 0; i < TRIES; i++) {
		r = send_frame(lab);
		if (!r)
			r = wait_readable(receiver, TRY_MS);
		if (r < 0)
			return r;
		r = r ? receive(receiver, oldest) : -EAGAIN;
		if (r != -EAGAIN)
			return r;
	}
	return -ETIMEDOUT;
}

int lab_try_readable(struct lab *lab, int fd)
{
	int i, r;

	for (i = 0; i < TRIES; i++) {
		r = send_frame(lab);
		if (!r)
			r = wait_readable(fd, TRY_MS);
		if (r)
			return r < 0 ? r : 0;
	}
	return -ETIMEDOUT;
}

static struct bpf_tc_hook tc_hook(const struct lab *lab)
{
	return (struct bpf_tc_hook){
		.sz = sizeof(struct bpf_tc_hook),
		.ifindex = (int)lab->near[0],
		.attach_point = BPF_TC_INGRESS,
	};
}

int lab_on(struct lab *lab, int prog_fd, int kind, int *ret_token)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1, .prog_fd = prog_fd);
	struct bpf_tc_hook hook = tc_hook(lab);
	int r;

	if (kind == SL_ATTACH_TCX) {
		r = bpf_link_create(prog_fd, (int)lab->near[0], TCX_INGRESS, NULL);
		if (r < 0)
			return -errno;
		*ret_token = r;
		return 0;
	}
	*ret_token = -1;
	r = bpf_tc_hook_create(&hook);
	return r ? r : bpf_tc_attach(&hook, &opts);
}

void lab_off(struct lab *lab, int kind, int token)
{
	struct bpf_tc_hook hook = tc_hook(lab);

	if (kind == SL_ATTACH_TCX) {
		if (token >= 0)
			close(token);
		return;
	}
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	bpf_tc_hook_destroy(&hook);
}
