// SPDX-License-Identifier: BSD-2-Clause
/*
 * See bed.h, and bpf/drive.bpf.c for how a program is run on fresh frames.
 *
 * Invariant: a cost is that of a named way through the program: the program's
 * own counters must say that every frame took it.
 */
#include "bench/bed.h"
#include "bench/bench.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datapath.skel.h"
#include "drive.skel.h"
#include "lib/netns.h"

#define REPEAT 300000 /* frames of one run: some 50 ms */
#define FRAME_LEN 64
#define HOUR_NS 3600000000000ULL

struct bed {
	struct datapath_bpf *datapath;
	struct drive_bpf *drive;
	struct sl_maps maps;
	struct ns ns, far;
	char pins[96];
	unsigned int n;
	__u32 ifindex[SL_PROG_MAX];
};

static unsigned int opened;

static const __u8 far_mac[SL_MAC_LEN] = { 0x02, 0x12, 0, 0, 1, 0 };

static void workload_mac(__u8 *mac, __u16 id)
{
	memcpy(mac, (const __u8[]){ 0x02, 0x12, 0, 2, id >> 8, id }, SL_MAC_LEN);
}

static int make_links(struct bed *bed, struct sl_err *err)
{
	int token, r;

	r = ns_make(&bed->ns, err);
	r = r ?: lab_run(&bed->ns, err, "ip link add vbr type veth peer name vth");
	r = r ?: lab_run(&bed->ns, err, "ip link add vex type veth peer name vin");
	r = r ?: lab_run(&bed->ns, err, "ip link set vbr up");
	r = r ?: lab_run(&bed->ns, err, "ip link set vth up");
	r = r ?: lab_run(&bed->ns, err, "ip link set vex up");
	r = r ?: lab_run(&bed->ns, err, "ip link set vin up");
	token = r ?: sl_netns_enter(bed->ns.fd, err);
	if (token < 0)
		return token;
	bed->ifindex[SL_PROG_VEX] = if_nametoindex("vex");
	bed->ifindex[SL_PROG_VIN] = if_nametoindex("vin");
	bed->ifindex[SL_PROG_VBR] = if_nametoindex("vbr");
	bed->ifindex[SL_PROG_VTH] = if_nametoindex("vth");
	sl_netns_leave(token);
	return 0;
}

static int stop_copies(struct bed *bed, struct sl_err *err)
{
	int token = sl_netns_enter(bed->ns.fd, err), r;

	if (token < 0)
		return token;
	r = bpf_xdp_attach(bed->ifindex[SL_PROG_VTH], bpf_program__fd(bed->drive->progs.bench_drop),
			   XDP_FLAGS_DRV_MODE, NULL);
	sl_netns_leave(token);
	return r ? sl_errno(err, -r, "XDP program on vth") : 0;
}

static int load(struct bed *bed, struct sl_err *err)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .pin_root_path = bed->pins);

	mkdir("/sys/fs/bpf/bench", 0700);
	if (mkdir(bed->pins, 0700))
		return sl_errno(err, errno, "folder %s for pins", bed->pins);
	bed->datapath = datapath_bpf__open_opts(&opts);
	bed->drive = drive_bpf__open();
	if (!bed->datapath || !bed->drive)
		return sl_errno(err, errno, "opening the programs");
	if (datapath_bpf__load(bed->datapath) || drive_bpf__load(bed->drive))
		return sl_errno(err, errno, "loading the programs");
	return sl_maps_open(&bed->maps, bed->pins, err);
}

static struct sl_workload workload_value(const struct bed *bed, enum sl_mode mode)
{
	struct sl_workload workload = {
		.mode = mode,
		.flags = SL_WL_STRICT | SL_WL_PEER_VEX | SL_WL_PEER_VIN,
		.vex_ifindex = bed->ifindex[SL_PROG_VEX],
		.vin_ifindex = bed->ifindex[SL_PROG_VIN],
	};

	memcpy(workload.far_mac, far_mac, SL_MAC_LEN);
	return workload;
}

static int put(int map, const void *key, const void *value, struct sl_err *err)
{
	return bpf_map_update_elem(map, key, value, BPF_ANY) ? sl_errno(err, errno, "filling a map") : 0;
}

static int fill(struct bed *bed, struct sl_err *err)
{
	struct sl_config config = {
		.abi = SL_ABI,
		.vbr_ifindex = bed->ifindex[SL_PROG_VBR],
		.queues = 1,
		.heartbeat_ns = HOUR_NS,
	};
	struct sl_core core = { .heartbeat_ns = lab_now_ns() };
	struct sl_workload workload = workload_value(bed, SL_MODE_INLINE);
	__u32 zero = 0;
	int r;

	r = put(bed->maps.config, &zero, &config, err);
	r = r ?: put(bed->maps.core, &zero, &core, err);
	for (unsigned int id = 1; !r && id <= bed->n; id++) {
		struct sl_workload_key key = { .id = id };
		struct sl_ucmac_key ucmac_key;
		struct sl_ucmac ucmac;

		workload_mac(key.mac, id);
		sl_ucmac_write(ucmac_key.mac, id);
		ucmac.workload = key;
		r = put(bed->maps.workloads, &key, &workload, err);
		r = r ?: put(bed->maps.ucmacs, &ucmac_key, &ucmac, err);
	}
	return r;
}

static int fill_ports(struct bed *bed, struct sl_err *err)
{
	struct sl_traffic traffic[256] = { 0 }; /* one for each CPU there can be */
	struct sl_port port = { .workload.id = 1 };
	__u32 id = 1;
	int r = 0;

	if (libbpf_num_possible_cpus() > 256)
		return sl_err(err, E2BIG, "the bench is not made for more than 256 CPUs");
	workload_mac(port.workload.mac, 1);
	for (unsigned int prog = SL_PROG_VEX; !r && prog <= SL_PROG_VIN; prog++) {
		port.program = prog;
		r = put(bed->maps.ports, &bed->ifindex[prog], &port, err);
	}
	return r ?: put(bed->maps.traffic, &id, traffic, err);
}

int bed_open(struct bed **ret, unsigned int n, struct sl_err *err)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	int r;

	if (!bed)
		return sl_errno(err, ENOMEM, "programs on the bench");
	bed->n = n;
	bed->maps = (struct sl_maps)SL_MAPS_NONE;
	snprintf(bed->pins, sizeof(bed->pins), "/sys/fs/bpf/bench/%u", ++opened);
	r = make_links(bed, err);
	r = r ?: load(bed, err);
	r = r ?: stop_copies(bed, err);
	r = r ?: fill(bed, err);
	r = r ?: fill_ports(bed, err);
	if (r) {
		bed_close(bed);
		return r;
	}
	*ret = bed;
	return 0;
}

void bed_close(struct bed *bed)
{
	if (!bed)
		return;
	sl_maps_close(&bed->maps);
	datapath_bpf__destroy(bed->datapath);
	drive_bpf__destroy(bed->drive);
	ns_end(&bed->far);
	ns_end(&bed->ns);
	free(bed);
}

int bed_mode(struct bed *bed, enum sl_mode mode, struct sl_err *err)
{
	struct sl_workload workload = workload_value(bed, mode);
	struct sl_workload_key key = { .id = 1 };

	workload_mac(key.mac, 1);
	return put(bed->maps.workloads, &key, &workload, err);
}

const struct ns *bed_ns(const struct bed *bed)
{
	return &bed->ns;
}

const struct ns *bed_far(const struct bed *bed)
{
	return &bed->far;
}

static int attach_vbr(struct bed *bed, struct sl_err *err)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = bed->ifindex[SL_PROG_VBR], .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1,
		    .prog_fd = bpf_program__fd(bed->datapath->progs.sl_vbr));
	int token = sl_netns_enter(bed->ns.fd, err), r;

	if (token < 0)
		return token;
	r = bpf_tc_hook_create(&hook);
	r = r ?: bpf_tc_attach(&hook, &opts);
	sl_netns_leave(token);
	return r ? sl_errno(err, -r, "attaching sl_vbr to vbr") : 0;
}

int bed_deliver(struct bed *bed, struct sl_err *err)
{
	int r = ns_make(&bed->far, err);

	/* The far end of vin: vex is measured by itself only. */
	r = r ?: lab_run(&bed->ns, err, "ip link set vex netns /proc/%d/ns/net", bed->far.pid);
	r = r ?: lab_run(&bed->far, err, "ip link set vex up");
	/* Without XDP on vth, vbr's frames come from the stack, as those of the rules do. */
	return r ?: attach_vbr(bed, err);
}

static void build_frame(__u8 *frame)
{
	struct ethhdr *eth = (void *)frame;
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp = (void *)(ip + 1);

	memset(frame, 0, FRAME_LEN);
	eth->h_proto = htons(ETH_P_IP);
	*ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.tot_len = htons(FRAME_LEN - sizeof(*eth)),
		.saddr = htonl(0xc6120001),
		.daddr = htonl(0xc6120002),
	};
	udp->source = htons(40000);
	udp->dest = htons(9);
	udp->len = htons(FRAME_LEN - sizeof(*eth) - sizeof(*ip));
}

int bed_flows(struct bed *bed, unsigned int n, double *ret_bytes, struct sl_err *err)
{
	static const __u8 mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct sl_flow_key key = {
		.workload_port = htons(9), .workload = 1, .family = 4, .protocol = IPPROTO_UDP
	};
	struct sl_flow flow = { .verdict = SL_VERDICT_ALLOW };
	__be32 workload = htonl(0xc6120002), remote = htonl(0xc6120001);
	double before = machine_map_bytes(bed->maps.flows);
	struct sl_config config;
	__u32 zero = 0;
	int r = 0;

	memcpy(key.workload_addr, mapped, sizeof(mapped));
	memcpy(key.remote_addr, mapped, sizeof(mapped));
	memcpy(key.workload_addr + 12, &workload, sizeof(workload));
	memcpy(key.remote_addr + 12, &remote, sizeof(remote));
	flow.to_workload.handover.way = flow.from_workload.handover.way = SL_WAY_DIRECT;
	memcpy(flow.to_workload.peer_mac, far_mac, SL_MAC_LEN);
	memcpy(flow.from_workload.peer_mac, far_mac, SL_MAC_LEN);
	for (unsigned int i = 0; !r && i < n; i++) {
		/* The first is the frame's; the others differ in address and port, as clients do. */
		__be32 address = htonl(0xc6120001 + i / 4096);

		memcpy(key.remote_addr + 12, &address, sizeof(address));
		key.remote_port = htons((__u16)(40000 + i % 4096));
		flow.check = sl_flow_check(&key, flow.verdict, flow.generation);
		r = put(bed->maps.flows, &key, &flow, err);
	}
	*ret_bytes = (machine_map_bytes(bed->maps.flows) - before) / n;
	if (!r && bpf_map_lookup_elem(bed->maps.config, &zero, &config))
		r = sl_errno(err, errno, "reading the configuration map");
	config.flags = SL_CONFIG_VERDICTS;
	return r ?: put(bed->maps.config, &zero, &config, err);
}

/* How bench_drive begins each frame. */
static void set_first_state(struct bed *bed, enum sl_program prog, enum bed_ids ids)
{
	struct drive_bpf__bss *bss = bed->drive->bss;
	__u8 *da = bss->bench_macs, *sa = da + SL_MAC_LEN;

	memcpy(sa, far_mac, SL_MAC_LEN);
	memcpy(da, far_mac, SL_MAC_LEN);
	bss->bench_ids = 0;
	bss->bench_random = ids == BED_RANDOM;
	if (prog == SL_PROG_VBR) {
		sl_ucmac_write(da, bed->n);
		bss->bench_ids = bed->n;
	} else {
		workload_mac(prog == SL_PROG_VEX ? da : sa, 1);
	}
}

static int run_into(struct bed *bed, int target, __u32 ifindex, double *ret_ns, struct sl_err *err)
{
	__u8 frame[FRAME_LEN];
	struct __sk_buff ctx = { .ifindex = ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = REPEAT);
	int token, r;
	__u32 zero = 0;

	build_frame(frame);
	r = put(bpf_map__fd(bed->drive->maps.bench_target), &zero, &target, err);
	if (r)
		return r;
	token = sl_netns_enter(bed->ns.fd, err);
	if (token < 0)
		return token;
	r = bpf_prog_test_run_opts(bpf_program__fd(bed->drive->progs.bench_drive), &opts);
	sl_netns_leave(token);
	if (r)
		return sl_errno(err, -r, "BPF_PROG_TEST_RUN");
	*ret_ns = opts.duration;
	return 0;
}

static int exits(struct bed *bed, enum sl_program prog, enum sl_reason reason, __u64 *ret, struct sl_err *err)
{
	struct sl_counters counters;
	int r = sl_maps_counters(&bed->maps, prog, &counters, err);

	if (!r)
		*ret = (&counters.in)[1 + reason].frames;
	return r;
}

int bed_cost(struct bed *bed, enum sl_program prog, enum bed_ids ids, enum sl_reason expected, double *ret_ns,
	     struct sl_err *err)
{
	int fds[SL_PROG_MAX] = {
		[SL_PROG_VEX] = bpf_program__fd(bed->datapath->progs.sl_vex),
		[SL_PROG_VIN] = bpf_program__fd(bed->datapath->progs.sl_vin),
		[SL_PROG_VBR] = bpf_program__fd(bed->datapath->progs.sl_vbr),
	};
	__u64 before = 0, after = 0;
	double whole = 0, empty = 0;
	int r;

	set_first_state(bed, prog, ids);
	lab_pin(0);
	r = exits(bed, prog, expected, &before, err);
	r = r ?: run_into(bed, fds[prog], bed->ifindex[prog], &whole, err);
	r = r ?: exits(bed, prog, expected, &after, err);
	r = r
		    ?: run_into(bed, bpf_program__fd(bed->drive->progs.bench_nothing), bed->ifindex[prog],
				&empty, err);
	lab_unpin();
	if (r)
		return r;
	if (after - before != REPEAT)
		return sl_err(err, EIO, "only %llu of %u frames left %s by %s",
			      (unsigned long long)(after - before), REPEAT, sl_program_name(prog),
			      sl_reason_name(expected));
	*ret_ns = whole - empty;
	return 0;
}
