// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every way to attach and redirect carries the same traffic, somebody else's
 * programs on the same hooks stay, and the core may be a foreign one.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/features.h"
#include "lib/netns.h"
#include "lib/sniff.h"
#include "lib/topo.h"
#include "lib/world.h"

TestSuite(attachment, .init = world_enter, .fini = world_leave, .timeout = 90);

/* A tag, both families, TCP, and every mode. */
static void basic_set(struct topo *t)
{
	struct sniff *host = sniff_open(t->host, "vethwl", false),
		     *wl = sniff_open(t->workload, "eth0", false);
	const char *difference;
	struct frame f;

	cr_expect(ping(t->host, WL_IP4), "%s", ns_said());
	cr_expect(ping(t->workload, HOST_IP6), "%s", ns_said());
	tcp_exchange(t->workload, WL_IP4, t->host, 2000000);
	tcp_exchange(t->host, HOST_IP6, t->workload, 2000000);
	frame_eth(&f, mac_of(WL_MAC), link_mac(t->host, "vethwl"));
	frame_vlan(&f, ETH_P_8021AD, 3);
	frame_vlan(&f, ETH_P_8021Q, 4);
	frame_ipv4(&f, HOST_IP4, WL_IP4, IPPROTO_UDP);
	frame_udp(&f, 1, 9, NULL, 99);
	sniff_send(host, &f);
	difference = sniff_expect(wl, 2000, &f);
	cr_expect_str_eq(difference, "", "tagged frame: %s", difference);
	sniff_close(host);
	sniff_close(wl);
}

static void with_options(const char *options, const char *kind)
{
	struct topo *t = topo_direct(options);
	json_t *list;

	daemon_intercept(t->d, t->workload, "--mode inline");
	list = ctl(t->d, "workloads");
	if (kind)
		cr_expect_str_eq(json_text(list, "items.0.attach"), kind);
	json_decref(list);
	basic_set(t);
	daemon_kill9(t->d);
	daemon_restart(t->d);
	basic_set(t);
	ctl_do(t->d, "mode --all tap");
	basic_set(t);
	ctl_do(t->d, "mode --all off");
	basic_set(t);
	topo_end(t);
}

Test(attachment, tcx_forced)
{
	need_tcx();
	with_options("--attach tcx", "tcx");
}

Test(attachment, clsact_forced)
{
	with_options("--attach clsact", "clsact");
}

Test(attachment, plain_redirect_forced)
{
	with_options("--redirect plain", NULL);
}

Test(attachment, four_workers)
{
	with_options("--workers 4", NULL);
}

Test(attachment, a_foreign_core)
{
	struct topo *t = topo_direct("--dpi external");
	struct proc *core = ns_spawn(t->agent, "%s vth", world_program("tests/tools/echo-core"));

	cr_assert(wait_until(5000, strstr(proc_text(core), "ready")), "%s", proc_text(core));
	cr_expect_eq(topo_cores(), 0, "a core of ours runs beside the foreign one");
	daemon_intercept(t->d, t->workload, "--mode inline");
	basic_set(t);
	cr_expect_gt(counter(t->d, SL_PROG_VBR, SL_R_to_workload), 0);
	proc_end(core, SIGTERM, 5000);
	cr_expect(!ping(t->host, WL_IP4), "answered without any core");
	topo_end(t);
}

/* The smallest foreign program: "not mine, ask the next one". */
static int foreign_program(void)
{
	static const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "foreign", "GPL", code, 2, NULL);

	cr_assert(fd >= 0, "foreign program: %s", strerror(errno));
	return fd;
}

#define TCX_INGRESS 46 /* BPF_TCX_INGRESS of linux/bpf.h since 6.6 */

static int foreign_tcx(struct ns *ns, const char *interface)
{
	struct sl_err err = { 0 };
	int token = sl_netns_enter(ns->fd, &err), program, link;

	cr_assert(token >= 0, "%s", err.text);
	program = foreign_program();
	link = bpf_link_create(program, link_index(ns, interface), TCX_INGRESS, NULL);
	sl_netns_leave(token);
	close(program);
	return link;
}

/* struct bpf_link_info.tcx of linux/bpf.h since 6.6, at the union behind type, id and prog_id. */
static __u32 foreign_ifindex(int link)
{
	struct bpf_link_info info = { 0 };
	__u32 size = sizeof(info), ifindex;

	cr_assert(!bpf_obj_get_info_by_fd(link, &info, &size), "link info: %s", strerror(errno));
	memcpy(&ifindex, &info.raw_tracepoint, sizeof(ifindex));
	return ifindex;
}

#define FOREIGN_FILTER "protocol all prio 77 u32 match u32 0xdeadbeef 0xffffffff at 0"

static void beside_foreigners(const char *options)
{
	struct topo *t = topo_direct(options);
	char vex[32];
	json_t *list;
	int link;

	daemon_intercept(t->d, t->workload, "--mode inline");
	list = ctl(t->d, "workloads");
	snprintf(vex, sizeof(vex), "%s", json_text(list, "items.0.vex.name"));
	json_decref(list);
	/* Where sluice uses clsact the qdisc is there already; where it does not, it is the foreigner's. */
	ns_sh(t->agent, "tc qdisc add dev %s clsact; tc qdisc add dev vbr clsact", vex);
	ns_run(t->agent, "tc filter add dev %s ingress " FOREIGN_FILTER, vex);
	ns_run(t->agent, "tc filter add dev vbr ingress " FOREIGN_FILTER);
	link = foreign_tcx(t->agent, vex);
	if (link < 0)
		cr_log_info("no tcx in this kernel: only the foreign filters are looked at");
	for (int i = 0; i < 2; i++) {
		basic_set(t);
		cr_expect_eq(ns_sh(t->agent, "tc filter show dev %s ingress | grep -q deadbeef", vex), 0,
			     "the foreign filter on %s is gone", vex);
		cr_expect_eq(ns_sh(t->agent, "tc filter show dev vbr ingress | grep -q deadbeef"), 0,
			     "the foreign filter on vbr is gone");
		cr_expect(link < 0 || foreign_ifindex(link) == link_index(t->agent, vex),
			  "the foreign tcx link on %s is dead", vex);
		if (!i) {
			daemon_kill9(t->d);
			daemon_restart(t->d);
		}
	}
	if (link >= 0)
		close(link);
	topo_end(t);
}

Test(attachment, foreigners_beside_tcx)
{
	need_tcx();
	beside_foreigners("--attach tcx");
}

Test(attachment, foreigners_beside_clsact)
{
	beside_foreigners("--attach clsact");
}
