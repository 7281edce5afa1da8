// SPDX-License-Identifier: BSD-2-Clause
/* The stage of the fault tests; see port_faults.h. */
#include "lib/fault.h"

#ifdef SL_FAULTS

#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/netns.h"
#include "lib/world.h"
#include "unit/port_faults.h"

static void dress(int w)
{
	sh(w, "ip link set eth0 mtu 1400 txqueuelen 77 alias 'front door' && "
	      "sysctl -qw net.ipv4.conf.eth0.rp_filter=2 net.ipv6.conf.eth0.hop_limit=33 && "
	      "ethtool -K eth0 tso off >/dev/null && "
	      "ip addr add 10.77.0.2/24 brd + dev eth0 label eth0:front && "
	      "ip addr add 10.77.0.3/24 dev eth0 && "
	      "ip addr add fd77::2/64 dev eth0 nodad && ip link set eth0 addrgenmode none && "
	      "ip -6 addr flush dev eth0 scope link");
	sh(w, "ip route replace default via 10.77.0.1 mtu lock 1300 && ip -6 route replace default via "
	      "fd77::1 && "
	      "ip route replace 203.0.113.0/24 via 10.77.0.1 table 100 && "
	      "ip neigh replace 10.77.0.200 lladdr 02:00:00:00:02:00 dev eth0 nud permanent");
}

/* The far end and its place: what of it is to come back, and that frames find the way. */
static void dress_host(const struct stage *stage)
{
	int h = stage->lab.host;

	sh(h, "ip link set hveth mtu 1400 txqueuelen 66 alias 'back door' && "
	      "sysctl -qw net.ipv4.conf.hveth.rp_filter=2 net.ipv4.conf.hveth.proxy_arp=1 && "
	      "ethtool -K hveth tso off >/dev/null && ip link set hveth addrgenmode none && "
	      "ip -6 addr flush dev hveth scope link && ip route replace 10.99.0.0/24 dev hveth table 77 && "
	      "ip neigh replace 10.77.0.77 lladdr 02:00:00:00:04:04 dev hveth nud permanent");
	if (stage->kind == STAGE_HOST_BRIDGED)
		sh(h, "ip addr flush dev hveth scope global && ip link set hveth master br0 && "
		      "ip addr replace 10.77.0.1/24 dev br0 && ip addr replace fd77::1/64 dev br0 nodad && "
		      "bridge link set dev hveth isolated on hairpin on cost 42 && "
		      "{ bridge vlan add dev hveth vid 7 2>/dev/null || true; } && "
		      "{ bridge fdb del 02:00:00:00:03:01 dev hveth master 2>/dev/null; "
		      "bridge fdb add 02:00:00:00:03:01 dev hveth master static; }");
	else
		sh(h,
		   "ip addr replace 10.77.0.1/24 dev hveth && ip addr replace fd77::1/64 dev hveth nodad && "
		   "ip route replace 203.0.113.9 via 10.77.0.2 && ip -6 route replace fd99::/64 via fd77::2");
}

/*
 * All of a port in the words of ip, sysctl and ethtool, in as few processes as
 * can be: there are a thousand such pictures. What lies in the kernel's hand is left out, as in lab_picture().
 */
static char *picture(int netns, const char *port)
{
	return sh_read(
		netns,
		"p=%s; { ip -d -j -batch - <<E\nlink show dev $p\naddr show dev $p\nroute show table all\n"
		"neigh show dev $p nud permanent\nE\n"
		"ip -6 -d -j -batch - <<E\nroute show table all\nneigh show dev $p nud permanent\nE\n} | "
		"sed -E 's/},\\{/},\\n{/g; "
		"s/\"(ifindex|link_index|valid_life_time|preferred_life_time|expires)\":[0-9]+/\"\\1\":0/g; "
		"s/\"link_index\":0,//g; s/(_timer\":)[0-9.]+/\\10/g; "
		"s/\"link_netnsid\":[0-9]+,?//g; s/\"link\":\"[^\"]*\",?//g; "
		"s/\"(stable-privacy|tentative)\":true,?//g; s/,\\}/}/g; s/\"noop\"/\"noqueue\"/; "
		"/\"dev\":\"(br0|vbr|vth|lo)/d'; "
		"cd /proc/sys/net && grep -s . ipv4/conf/$p/* ipv6/conf/$p/* ipv4/neigh/$p/* "
		"ipv6/neigh/$p/*; ethtool -k $p | grep -v fixed; true",
		port);
}

/* Its number too, and its place in a bridge. */
static char *picture_host(const struct stage *stage)
{
	const char *place =
		"bridge vlan show dev hveth; bridge fdb show brport hveth | grep -v self | sort; true";
	char *common = picture(stage->lab.host, "hveth"), *more, *all;

	/* In one namespace the kernel gives the new end another number. */
	more = sh_read(stage->lab.host, "%s; %s", stage->kind == STAGE_HOST_BRIDGED ? place : "true",
		       stage->kind == STAGE_HOST_SHARED ? "true" : "ip -o link show hveth | cut -d: -f1");
	cr_assert_geq(asprintf(&all, "%s%s", common, more), 0);
	free(common);
	free(more);
	return all;
}

/* Nobody is in the host's namespace, but there it is looked for. */
static void inhabit(int netns)
{
	pid_t pid = fork();

	if (pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (sl_netns_enter(netns, NULL) < 0)
		_exit(1);
	for (;;)
		pause();
}

const char *stage_name(enum stage_kind kind)
{
	static const char *const names[] = { "workload's side", "with a detour", "host's side, bridged",
					     "host's side, routed", "host's side, in the agent's namespace" };

	return names[kind];
}

const char *stage_doing(enum stage_kind kind, bool taking)
{
	if (kind <= STAGE_DETOUR)
		return taking ? "take" : "give back";
	return taking ? "take the host end" : "give the host end back";
}

void stage_open(struct stage *stage, enum stage_kind kind)
{
	int token;

	memset(stage, 0, sizeof(*stage));
	stage->kind = kind;
	sl_log_init("faults", SL_LOG_STDERR, SL_LOG_ERROR);
	lab_open(&stage->lab);
	if (kind == STAGE_HOST_SHARED)
		stage->lab.agent = stage->lab.host;
	snprintf(stage->target, sizeof(stage->target), "netns:/proc/%d/fd/%d", getpid(), stage->lab.workload);
	dress(stage->lab.workload);
	if (kind != STAGE_WORKLOAD)
		dress_host(stage);
	if (kind != STAGE_WORKLOAD && kind != STAGE_HOST_SHARED)
		inhabit(stage->lab.host);
	token = sl_netns_enter(stage->lab.agent, NULL);
	cr_assert_geq(token, 0);
	close(token);
	if (kind != STAGE_WORKLOAD) {
		sh(stage->lab.workload,
		   "ping -qc1 -w3 10.77.0.1 >/dev/null && ping -qc1 -w3 fd77::1 >/dev/null");
		stage->before_host = picture_host(stage);
	}
	stage->before = picture(stage->lab.workload, "eth0");
}

/* By way of its home, where nothing of a namespace's own is left on an interface. */
void stage_dress_again(struct stage *stage)
{
	int w = stage->lab.workload;

	if (stage->kind > STAGE_DETOUR) {
		sh(stage->lab.host, "ip addr flush dev hveth scope global; ip link set hveth up");
		dress_host(stage);
		return;
	}
	/* Of the sysctls, only those that dress() sets are other than the namespace's own. */
	sh(w,
	   "ip addr flush dev eth0 scope global; ip neigh flush all nud permanent; ip route flush table 100; "
	   "ip link set eth0 up");
	dress(w);
}

void stage_close(struct stage *stage)
{
	free(stage->before);
	free(stage->before_host);
}

int stage_start(struct stage *stage, struct sl_err *err)
{
	struct sl_conf conf;
	int r;

	sl_conf_defaults(&conf);
	conf.dpi = SL_DPI_EXTERNAL;
	conf.mode = SL_MODE_OFF;
	r = instance_open(&stage->inst, &conf, err);
	if (!r)
		adopt_all(&stage->inst);
	return r;
}

void stage_stop(struct stage *stage)
{
	instance_close(&stage->inst);
}

int stage_take(struct stage *stage, struct sl_err *err)
{
	struct intercept_request request = { .target = stage->target,
					     .ports = { "eth0" },
					     .n_ports = 1,
					     .mode = -1,
					     .fail = -1,
					     .strict = -1,
					     .side = stage->kind > STAGE_DETOUR ? SL_SIDE_HOST
										: SL_SIDE_WORKLOAD };
	struct intercepted taken;

	return intercept(&stage->inst, &request, &taken, err);
}

int stage_give_back(struct stage *stage, struct sl_err *err)
{
	struct workload *w = workloads_next(stage->inst.workloads, 0);

	cr_assert(w);
	return release(&stage->inst, w, err);
}

void expect_home(const struct stage *stage, const char *what)
{
	cr_assert_eq(sh_try(stage->lab.workload,
			    "set -e; for a in 10.77.0.2/24 10.77.0.3/24 fd77::2/64; do "
			    "ip -o addr show dev eth0 | grep -qF $a; done; ip -o link show dev eth0 up | "
			    "grep -q UP; "
			    "ping -qc1 -W2 10.77.0.1 >/dev/null; ping -qc1 -W2 fd77::1 >/dev/null"),
		     0, "%s: not at home", what);
}

void expect_flows(const struct stage *stage, const char *what)
{
	/* With patience: the machine may be busy. */
	cr_assert(lab_reaches(stage->lab.workload, "10.77.0.1", 5), "%s: IPv4 is cut off", what);
	cr_assert(lab_reaches(stage->lab.workload, "fd77::1", 5), "%s: IPv6 is cut off", what);
}

void expect_port(const struct stage *stage, const char *what)
{
	lab_same(strdup(stage->before), picture(stage->lab.workload, "eth0"), what);
	if (stage->before_host)
		lab_same(strdup(stage->before_host), picture_host(stage), what);
	expect_flows(stage, what);
}

static void expect_empty(int map, const char *name, const char *what)
{
	__u8 key[64];

	cr_assert(map < 0 || bpf_map_get_next_key(map, NULL, key), "%s: map %s is not empty", what, name);
}

static void expect_none_like(int netns, const char *const *beginnings, const char *what)
{
	const char *name = lab_interface_like(netns, beginnings);

	cr_assert(!name, "%s: interface %s is left", what, name);
}

/* Nothing but what is in the instance's own namespace, looked for without any other process. */
void expect_clean(const struct stage *stage, const char *what)
{
	const struct sl_maps *maps = &stage->inst.maps;
	static const char *const agent[] = { "vex", "vin", "sluice", NULL };
	struct dirent *entry;
	DIR *folder;

	expect_empty(maps->workloads, "workloads", what);
	expect_empty(maps->ports, "ports", what);
	expect_empty(maps->ucmacs, "ucmacs", what);
	folder = opendir("/run/sluice/default/ports");
	cr_assert(folder);
	while ((entry = readdir(folder)))
		cr_assert(entry->d_name[0] == '.', "%s: %s is left", what, entry->d_name);
	closedir(folder);
	folder = opendir("/sys/fs/bpf/sluice/default/links");
	cr_assert(folder);
	while ((entry = readdir(folder)))
		cr_assert(!strstr(entry->d_name, "vex") && !strstr(entry->d_name, "vin"),
			  "%s: pin %s is left", what, entry->d_name);
	closedir(folder);
	expect_none_like(stage->lab.agent, agent, what);
}

void expect_gone(const struct stage *stage, const char *what)
{
	/* vbr and vth are there, where the agent is. */
	static const char *const workload[] = { "sluice", NULL }, *const host[] = { "sluicetmp", "sluiceold",
										    "sluicedetour", NULL };

	expect_clean(stage, what);
	expect_none_like(stage->lab.workload, workload, what);
	expect_none_like(stage->lab.host, host, what);
}

void expect_free(const struct stage *stage, const char *what)
{
	expect_gone(stage, what);
	expect_port(stage, what);
}

#endif
