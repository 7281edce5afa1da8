// SPDX-License-Identifier: BSD-2-Clause
/* See runner.h. Uses iproute2 for the interfaces: a test may, the product may not. */
#include "bpf/runner.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "datapath.skel.h"

#define PIN_DIR "/sys/fs/bpf"

const __u8 runner_mac[SL_MAC_LEN] = { 0x1a, 0x27, 0xf3, 0x87, 0x3a, 0x27 };
const __u8 runner_far_mac[SL_MAC_LEN] = { 0x06, 0x82, 0x9c, 0x02, 0x54, 0x91 };

static const struct sl_workload_key workload_key = {
	.mac = { 0x1a, 0x27, 0xf3, 0x87, 0x3a, 0x27 },
	.id = RUNNER_ID,
};

static void must(bool good, const char *what)
{
	cr_assert(good, "%s: %s", what, strerror(errno));
}

static void private_world(void)
{
	must(!unshare(CLONE_NEWNS | CLONE_NEWNET), "unshare");
	must(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make mounts private");
	must(!mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL), "mount a bpffs");
	must(!system("ip link set lo up && ip link add vex type veth peer name vexp && "
		     "ip link add vin type veth peer name vinp && ip link add vbr type veth peer name vth && "
		     "ip link add vbk type veth peer name vtk && "
		     "for i in vex vexp vin vinp vbr vth vbk vtk; do "
		     "echo 1 > /proc/sys/net/ipv6/conf/$i/disable_ipv6; ip link set $i arp off up; done"),
	     "make interfaces");
}

/* Both legs of the same workload, as the daemon writes them. */
static void fill_maps(struct runner *runner)
{
	struct sl_port vex = { .workload = workload_key, .program = SL_PROG_VEX };
	struct sl_port vin = { .workload = workload_key, .program = SL_PROG_VIN };
	struct sl_ucmac ucmac = { .workload = workload_key };
	struct sl_ucmac_key ucmac_key;

	sl_ucmac_write(ucmac_key.mac, RUNNER_ID);
	must(!bpf_map_update_elem(runner->maps.ports, &runner->vex, &vex, 0), "sl_ports vex");
	must(!bpf_map_update_elem(runner->maps.ports, &runner->vin, &vin, 0), "sl_ports vin");
	must(!bpf_map_update_elem(runner->maps.ucmacs, &ucmac_key, &ucmac, 0), "sl_ucmacs");
	runner_core(runner, 1000000000ULL, true);
	runner_workload(runner, SL_MODE_OFF, SL_FAIL_CLOSED, 0);
}

static int open_end(const char *name)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL));
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(name),
	};

	must(fd >= 0 && !setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &(int){ 1 }, sizeof(int)),
	     "PACKET_AUXDATA");
	must(!bind(fd, (struct sockaddr *)&to, sizeof(to)), "packet socket");
	return fd;
}

static void load(struct runner *runner)
{
	LIBBPF_OPTS(bpf_object_open_opts, open_opts, .pin_root_path = PIN_DIR);
	struct datapath_bpf *skel = datapath_bpf__open_opts(&open_opts);
	const struct bpf_program *programs[SL_PROG_MAX];

	must(skel && !datapath_bpf__load(skel), "load the programs");
	programs[SL_PROG_VEX] = skel->progs.sl_vex;
	programs[SL_PROG_VIN] = skel->progs.sl_vin;
	programs[SL_PROG_VBR] = skel->progs.sl_vbr;
	programs[SL_PROG_VTH] = skel->progs.sl_vth;
	programs[SL_PROG_VBK] = skel->progs.sl_vbk;
	programs[SL_PROG_VTK] = skel->progs.sl_vtk;
	for (int i = 0; i < SL_PROG_MAX; i++)
		runner->prog[i] = dup(bpf_program__fd(programs[i]));
	datapath_bpf__destroy(skel);
}

void runner_start(struct runner *runner)
{
	struct sl_err err;

	private_world();
	load(runner);
	runner->maps = (struct sl_maps)SL_MAPS_NONE;
	cr_assert_eq(sl_maps_open(&runner->maps, PIN_DIR, &err), 0, "%s", err.text);
	runner->vex = if_nametoindex("vex");
	runner->vin = if_nametoindex("vin");
	runner->vbr = if_nametoindex("vbr");
	runner->vbk = if_nametoindex("vbk");
	runner->vth_socket = open_end("vth");
	runner->vtk_socket = open_end("vtk");
	fill_maps(runner);
}

void runner_stop(struct runner *runner)
{
	for (int i = 0; i < SL_PROG_MAX; i++)
		close(runner->prog[i]);
	close(runner->vth_socket);
	close(runner->vtk_socket);
	sl_maps_close(&runner->maps);
}

void runner_workload(struct runner *runner, enum sl_mode mode, enum sl_fail fail, __u32 flags)
{
	struct sl_workload workload = {
		.mode = mode,
		.fail = fail,
		.flags = flags,
		.vex_ifindex = runner->vex,
		.vin_ifindex = runner->vin,
		.name = "prog-run",
	};

	memcpy(workload.far_mac, runner_far_mac, sizeof(workload.far_mac));
	must(!bpf_map_update_elem(runner->maps.workloads, &workload_key, &workload, 0), "sl_workloads");
}

void runner_generation(struct runner *runner, __u32 generation)
{
	struct sl_workload workload;

	must(!bpf_map_lookup_elem(runner->maps.workloads, &workload_key, &workload), "sl_workloads");
	workload.generation = generation;
	must(!bpf_map_update_elem(runner->maps.workloads, &workload_key, &workload, 0), "sl_workloads");
}

void runner_verdicts(struct runner *runner, bool on)
{
	struct sl_config config;
	__u32 zero = 0;

	must(!bpf_map_lookup_elem(runner->maps.config, &zero, &config), "sl_config");
	config.flags = on ? SL_CONFIG_VERDICTS : 0;
	must(!bpf_map_update_elem(runner->maps.config, &zero, &config, 0), "sl_config");
}

void runner_bulk(struct runner *runner, bool on)
{
	struct sl_config config;
	__u32 zero = 0;

	must(!bpf_map_lookup_elem(runner->maps.config, &zero, &config), "sl_config");
	config.vbk_ifindex = on ? runner->vbk : 0;
	must(!bpf_map_update_elem(runner->maps.config, &zero, &config, 0), "sl_config");
}

void runner_core(struct runner *runner, __u64 heartbeat_ns, bool alive)
{
	struct sl_config config = {
		.abi = SL_ABI,
		.vbr_ifindex = runner->vbr,
		.queues = 1,
		.heartbeat_ns = heartbeat_ns,
	};
	struct sl_core core = {};
	struct timespec now;
	__u32 zero = 0;

	clock_gettime(CLOCK_MONOTONIC, &now);
	/* An hour ahead, so that no slow machine turns a living core into a dead one. */
	if (alive)
		core.heartbeat_ns = ((__u64)now.tv_sec + 3600) * 1000000000ULL;
	must(!bpf_map_update_elem(runner->maps.core, &zero, &core, 0), "sl_core");
	must(!bpf_map_update_elem(runner->maps.config, &zero, &config, 0), "sl_config");
}

/* The one reason that grew by one frame of len bytes between two readings, if it is one and `in` agrees. */
static int reason_of(const struct sl_counters *before, const struct sl_counters *after, size_t len)
{
	const struct sl_count *b = &before->in + 1, *a = &after->in + 1;
	int found = -1;

	if (after->in.frames != before->in.frames + 1 || after->in.bytes != before->in.bytes + len)
		return -1;
	for (int i = 0; i < SL_REASON_MAX; i++) {
		if (a[i].frames == b[i].frames && a[i].bytes == b[i].bytes)
			continue;
		if (found >= 0 || a[i].frames != b[i].frames + 1 || a[i].bytes != b[i].bytes + len)
			return -1;
		found = i;
	}
	return found;
}

void runner_run(struct runner *runner, enum sl_program prog, __u32 ifindex, const void *frame, size_t len,
		struct outcome *ret)
{
	struct sl_counters before, after;
	struct __sk_buff skb = { .ifindex = ifindex };
	struct xdp_md xdp = { .data_end = (__u32)len, .ingress_ifindex = ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (__u32)len,
		    .data_out = ret->frame, .data_size_out = sizeof(ret->frame), .repeat = 1);
	struct sl_err err;

	if (prog == SL_PROG_VTH) {
		opts.ctx_in = &xdp;
		opts.ctx_size_in = sizeof(xdp);
	} else {
		opts.ctx_in = &skb;
		opts.ctx_size_in = sizeof(skb);
	}
	cr_assert_eq(sl_maps_counters(&runner->maps, prog, &before, &err), 0, "%s", err.text);
	cr_assert_eq(bpf_prog_test_run_opts(runner->prog[prog], &opts), 0,
		     "BPF_PROG_TEST_RUN of %zu bytes: %s", len, strerror(errno));
	cr_assert_eq(sl_maps_counters(&runner->maps, prog, &after, &err), 0, "%s", err.text);
	ret->retval = opts.retval;
	ret->len = opts.data_size_out;
	ret->reason = reason_of(&before, &after, len);
}

/* The kernel keeps the outermost VLAN tag beside the data; it belongs behind the addresses. */
static size_t put_tag_back(const struct msghdr *msg, __u8 *frame, size_t n)
{
	const struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	const struct tpacket_auxdata *aux;
	__u16 tag[2];

	if (!cmsg || cmsg->cmsg_type != PACKET_AUXDATA)
		return n;
	aux = (const struct tpacket_auxdata *)CMSG_DATA(cmsg);
	if (!(aux->tp_status & TP_STATUS_VLAN_VALID))
		return n;
	tag[0] = htons(aux->tp_status & TP_STATUS_VLAN_TPID_VALID ? aux->tp_vlan_tpid : ETH_P_8021Q);
	tag[1] = htons(aux->tp_vlan_tci);
	memmove(frame + 16, frame + 12, n - 12);
	memcpy(frame + 12, tag, sizeof(tag));
	return n + sizeof(tag);
}

static size_t cloned(int socket, __u8 *frame, size_t size)
{
	__u8 control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct iovec iov = { .iov_base = frame, .iov_len = size - 4 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(socket, &msg, 0);

	return n < 0 ? 0 : put_tag_back(&msg, frame, (size_t)n);
}

size_t runner_cloned(struct runner *runner, __u8 *frame, size_t size)
{
	return cloned(runner->vth_socket, frame, size);
}

size_t runner_cloned_bulk(struct runner *runner, __u8 *frame, size_t size)
{
	return cloned(runner->vtk_socket, frame, size);
}
