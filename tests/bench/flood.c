// SPDX-License-Identifier: BSD-2-Clause
/*
 * The flood: a thread on CPU 0 that lets the kernel make frames, a counter at
 * the far end, and a look at it every second. See bpf/traffic.bpf.c.
 *
 * Invariant: sent and received are counted in the kernel, frame by frame;
 * whoever wants to know what became of the rest reads the drop figures on the
 * way.
 */
#include "bench/flood.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/checksum.h"
#include "lib/netns.h"
#include "traffic.skel.h"

#define BENCH_TCX_INGRESS 46 /* BPF_TCX_INGRESS of linux/bpf.h ≥ 6.6, absent from older headers */
#define SETTLE_NS 200000000ULL /* queues fill, clocks rise: not measured */
/*
 * One system call makes all frames of a run, until it is interrupted: leaving the call frees its pages after a grace
 * period, some 25 ms in which nothing is sent and queues drain.
 */
#define FRAMES_PER_CALL (1 << 30)
#define INTERRUPT_EVERY_NS 2000000ULL /* again, should the first have come before the call */
#define FRAME_MAX 1514
#define FLOOD_SOURCE 40000 /* BENCH_SOURCE of the program: the first of the flows */

struct flood {
	struct traffic_bpf *skel;
	/* The running generator: */
	__u8 frame[FRAME_MAX];
	unsigned int len;
	bool stop;
	int error;
};

int flood_open(struct flood **ret, struct sl_err *err)
{
	struct flood *flood = calloc(1, sizeof(*flood));
	int r;

	if (!flood)
		return sl_errno(err, ENOMEM, "flood");
	flood->skel = traffic_bpf__open();
	if (!flood->skel) {
		r = sl_errno(err, errno, "opening the traffic programs");
		goto fail;
	}
	flood->skel->rodata->bench_port = FLOOD_PORT;
	r = traffic_bpf__load(flood->skel);
	if (r) {
		sl_errno(err, -r, "loading the traffic programs");
		goto fail;
	}
	*ret = flood;
	return 0;
fail:
	flood_close(flood);
	return r;
}

void flood_close(struct flood *flood)
{
	if (!flood)
		return;
	traffic_bpf__destroy(flood->skel);
	free(flood);
}

static int attach(const struct bpf_program *prog, const struct ns *ns, const char *ifname, int type,
		  struct sl_err *err)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = type == BPF_XDP ? XDP_FLAGS_DRV_MODE : 0);
	int token = sl_netns_enter(ns->fd, err), link;

	if (token < 0)
		return token;
	link = bpf_link_create(bpf_program__fd(prog), if_nametoindex(ifname), type, &opts);
	sl_netns_leave(token);
	return link < 0 ? sl_errno(err, -link, "attaching %s to %s (kernel 6.6 or later?)",
				   bpf_program__name(prog), ifname)
			: link;
}

int flood_prepare(struct flood *flood, const struct ns *ns, const char *prefix, struct sl_err *err)
{
	char name[32];
	int r = lab_find_device(ns, prefix, name, sizeof(name), err);

	return r ?: attach(flood->skel->progs.bench_pass, ns, name, BPF_XDP, err);
}

int flood_sink(struct flood *flood, const struct ns *ns, struct sl_err *err)
{
	return attach(flood->skel->progs.bench_sink, ns, "eth0", BENCH_TCX_INGRESS, err);
}

int flood_redirect(struct flood *flood, const struct ns *ns, const char *from, const char *to,
		   struct sl_err *err)
{
	int token = sl_netns_enter(ns->fd, err);

	if (token < 0)
		return token;
	flood->skel->bss->bench_far = if_nametoindex(to);
	sl_netns_leave(token);
	return attach(flood->skel->progs.bench_bare, ns, from, BENCH_TCX_INGRESS, err);
}

__u64 flood_sent(const struct flood *flood)
{
	return __atomic_load_n(&flood->skel->bss->bench_sent, __ATOMIC_RELAXED);
}

__u64 flood_received(const struct flood *flood)
{
	int n = libbpf_num_possible_cpus();
	__u64 *values, sum = 0;
	__u32 zero = 0;

	values = n > 0 ? calloc(n, sizeof(*values)) : NULL;
	if (values && !bpf_map_lookup_elem(bpf_map__fd(flood->skel->maps.bench_received), &zero, values)) {
		for (int i = 0; i < n; i++)
			sum += values[i];
	}
	free(values);
	return sum;
}

static void build_frame(struct flood *flood, const struct workload *w, unsigned int len)
{
	struct ethhdr *eth = (void *)flood->frame;
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp = (void *)(ip + 1);
	unsigned int udp_len = len - sizeof(*eth) - sizeof(*ip);

	memset(flood->frame, 0, sizeof(flood->frame));
	memcpy(eth->h_dest, w->mac, ETH_ALEN);
	memcpy(eth->h_source, w->host_mac, ETH_ALEN);
	eth->h_proto = htons(ETH_P_IP);
	*ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.tot_len = htons(len - sizeof(*eth)),
		.saddr = w->host_ip.s_addr,
		.daddr = w->ip.s_addr,
	};
	ip->check = (__u16)~sl_sum((const __u8 *)ip, sizeof(*ip), 0);
	udp->source = htons(FLOOD_SOURCE);
	udp->dest = htons(FLOOD_PORT);
	udp->len = htons(udp_len);
	udp->check = (__u16)~sl_sum((const __u8 *)udp, udp_len,
				    sl_sum_pseudo((const __u8 *)&ip->saddr, sizeof(ip->saddr), IPPROTO_UDP,
						  udp_len));
	flood->len = len;
	memcpy(flood->skel->bss->bench_macs, flood->frame, sizeof(flood->skel->bss->bench_macs));
	flood->skel->bss->bench_checksum = ntohs(ip->check);
	flood->skel->bss->bench_udp_checksum = ntohs(udp->check);
	flood->skel->bss->bench_host = (__u8)ntohl(ip->saddr);
	flood->skel->bss->bench_target = if_nametoindex(w->host_if);
}

static void *generate(void *context)
{
	struct flood *flood = context;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = flood->frame, .data_size_in = flood->len,
		    .repeat = FRAMES_PER_CALL, .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
	int prog = bpf_program__fd(flood->skel->progs.bench_gen), r = 0;

	lab_pin(0);
	while (!r && !__atomic_load_n(&flood->stop, __ATOMIC_RELAXED))
		r = bpf_prog_test_run_opts(prog, &opts);
	flood->error = r == -EINTR ? 0 : r;
	return NULL;
}

static void interrupt(int sig)
{
	(void)sig; /* only ends the system call */
}

static void stop_generator(struct flood *flood, pthread_t thread)
{
	__atomic_store_n(&flood->stop, true, __ATOMIC_RELAXED);
	do
		pthread_kill(thread, SIGUSR1);
	while (lab_wait_until(lab_now_ns() + INTERRUPT_EVERY_NS), pthread_tryjoin_np(thread, NULL) == EBUSY);
}

int flood_run(struct flood *flood, const struct workload *workload, unsigned int len, unsigned int flows,
	      unsigned int ms, double *ret_per_s, struct sl_err *err)
{
	__u64 start, end, before, after;
	pthread_t thread;
	int r;

	if (len < sizeof(struct ethhdr) + sizeof(struct iphdr) + sizeof(struct udphdr) || len > FRAME_MAX ||
	    flows > FLOOD_FLOWS_MAX || flows & (flows - 1))
		return sl_err(err, EINVAL, "frames of %u bytes, %u flows", len, flows);
	build_frame(flood, workload, len);
	flood->skel->bss->bench_flow_bits = flows ? (unsigned int)__builtin_ctz(flows) : 0;
	flood->stop = false;
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = interrupt }, NULL);
	r = pthread_create(&thread, NULL, generate, flood);
	if (r)
		return sl_errno(err, r, "generator's thread");
	lab_wait_until(lab_now_ns() + SETTLE_NS);
	before = flood_received(flood);
	start = lab_now_ns();
	lab_wait_until(start + ms * 1000000ULL);
	after = flood_received(flood);
	end = lab_now_ns();
	stop_generator(flood, thread);
	if (flood->error)
		return sl_errno(err, -flood->error, "making frames (XDP live frames, kernel 5.18 or later)");
	*ret_per_s = (after - before) * 1e9 / (end - start);
	return 0;
}
