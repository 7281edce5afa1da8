// SPDX-License-Identifier: BSD-2-Clause
/*
 * Taking a port and giving it back, compared by what `ip`, ethtool and the
 * sysctls show of it, not by what our own snapshot sees.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit/port_lab.h"

TestSuite(port, .timeout = 60);

static void furnish(const struct lab *lab)
{
	int w = lab->workload;

	sh(w, "ip link set eth0 mtu 1400 txqueuelen 77 alias 'front door' group 12");
	sh(w, "ip link set eth0 arp on allmulticast on multicast on");
	sh(w, "sysctl -qw net.ipv4.conf.eth0.rp_filter=2 net.ipv4.conf.eth0.arp_ignore=1 "
	      "net.ipv6.conf.eth0.accept_ra=0 net.ipv6.conf.eth0.hop_limit=33 net.ipv6.conf.eth0.mtu=1380 "
	      "net.ipv4.neigh.eth0.gc_stale_time=99 net.ipv6.neigh.eth0.retrans_time_ms=2345");
	sh(w, "ethtool -K eth0 tso off tx-vlan-hw-insert off >/dev/null");
	sh(w, "ip addr add 10.77.0.2/24 brd + dev eth0 label eth0:front");
	sh(w, "ip addr add 10.77.0.3/24 dev eth0");
	sh(w, "ip addr add 10.77.0.4/24 dev eth0 label eth0:x valid_lft 4000 preferred_lft 3000");
	sh(w, "ip addr add 192.0.2.7/32 dev eth0 scope link");
	sh(w, "ip addr add 192.0.2.9 peer 192.0.2.10 dev eth0 noprefixroute");
	sh(w, "ip addr add fd77::2/64 dev eth0 nodad");
	sh(w, "ip addr add fd77::3/64 dev eth0");
	sh(w, "ip addr add fd77::4/64 dev eth0 preferred_lft 0 nodad");
	sh(w, "ip addr add fd77::5/64 dev eth0 valid_lft 5000 preferred_lft 400 noprefixroute metric 77");
	sh(w, "ip addr add fd78::1/128 dev eth0 home mngtmpaddr 2>/dev/null || "
	      "ip addr add fd78::1/128 dev eth0 home");
	/* Kernels with mobile IPv6 send from a home address before all others. */
	sh(lab->host, "ip -6 route add fd78::1 dev hveth");
	sh(w, "ip route add default via 10.77.0.1 mtu lock 1300 initcwnd 20 advmss 1200");
	sh(w, "ip route add default via 10.77.0.1 metric 500 src 10.77.0.3 proto 42");
	sh(w, "ip route add 198.51.100.0/24 nexthop via 10.77.0.1 weight 3 nexthop via 10.77.0.9 weight 5");
	sh(w, "ip route add 169.254.1.1 dev eth0 scope link table 100");
	sh(w, "ip route add 203.0.113.0/24 via 169.254.1.1 dev eth0 onlink table 100");
	sh(w, "ip route add 169.254.1.1 dev eth0 scope link");
	sh(w, "ip route add 203.0.113.128/25 via 169.254.1.1 dev eth0 tos 0x10");
	sh(w, "ip route add 198.18.0.0/15 via inet6 fe80::99 dev eth0");
	sh(w, "ip route del 10.77.0.255 dev eth0 table local");
	sh(w, "ip -6 route add default via fd77::1 metric 900 pref high");
	sh(w, "ip -6 route add fd79::/64 via fe80::99 dev eth0 expires 3000");
	sh(w, "ip -6 route add fd80::/64 nexthop via fd77::1 nexthop via fd77::9 weight 4");
	sh(w, "ip -6 route add fd81::/64 dev eth0 table 200 proto 43 mtu 1290");
	sh(w, "ip -6 route add fd82::/64 via fd99::1 dev eth0 onlink");
	sh(w, "ip neigh add 10.77.0.200 lladdr 02:00:00:00:02:00 dev eth0 nud permanent");
	sh(w, "ip neigh add fd77::200 lladdr 02:00:00:00:02:00 dev eth0 nud permanent");
	sh(w, "ip neigh add proxy 10.77.0.201 dev eth0 && ip neigh add proxy fd77::201 dev eth0");
	sh(w, "ip addr add 172.31.0.1/24 dev lo && ip route add 172.31.9.0/24 dev lo src 10.77.0.3");
	/* The link-local address is past its detection. */
	sh(w, "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do "
	      "ip -6 addr show dev eth0 tentative | grep -q inet6 || exit 0; ping -qc1 -W0.2 10.77.0.77 "
	      ">/dev/null; "
	      "done; exit 1");
}

Test(port, take_and_give_back_keep_everything)
{
	struct port_request request;
	struct lab_wires wires;
	struct port_hooks hooks;
	struct port_taken taken;
	struct sl_err err = { 0 };
	struct lab lab;
	char *before;

	lab_open(&lab);
	furnish(&lab);
	lab_request(&lab, &request);
	lab_hooks(&lab, &wires, &hooks);
	before = lab_picture(lab.workload, "eth0");

	cr_assert_eq(port_take(&request, &hooks, &taken, &err), 0, "%s", err.text);
	lab_same(strdup(before), lab_picture(lab.workload, "eth0"), "taken");
	cr_expect_eq(wires.ready, 1);
	sh(lab.agent,
	   "ip link show vex1f-eth0 up | grep -q NOARP && ip link show vin1f-eth0 up | grep -q NOARP");
	cr_expect_neq(sh_try(lab.agent, "ip -6 addr show | grep -v 'inet6 ::1' | grep -q inet6"), 0);
	sh(lab.workload, "ping -qc1 -W1 10.77.0.1 >/dev/null && ping -qc1 -W1 fd77::1 >/dev/null");

	cr_assert_eq(port_find(&taken, lab.agent, &err), 0, "%s", err.text);
	cr_assert_eq(port_give_back(&taken, lab.workload, lab.agent, &hooks, &err), 0, "%s", err.text);
	lab_same(before, lab_picture(lab.workload, "eth0"), "given back");
	cr_expect_eq(wires.undone, 1);
	sh(lab.workload, "ping -qc1 -W1 10.77.0.1 >/dev/null && ping -qc1 -W1 fd77::1 >/dev/null");
	cr_expect_neq(sh_try(lab.agent, "ip -j link | grep -q eth0"), 0,
		      "something is left in the agent's namespace");
	cr_expect_neq(sh_try(lab.workload, "ip -j link | grep -q sluice"), 0,
		      "something is left in the workload");
	cr_expect_eq(port_find(&taken, lab.agent, &err), -ENODEV);
}

Test(port, gives_back_what_the_workload_has_now)
{
	struct port_request request;
	struct port_taken taken;
	struct sl_err err = { 0 };
	struct lab lab;
	char *before;

	lab_open(&lab);
	sh(lab.workload, "ip addr add 10.77.0.2/24 dev eth0 && ip route add default via 10.77.0.1");
	lab_request(&lab, &request);
	cr_assert_eq(port_take(&request, NULL, &taken, &err), 0, "%s", err.text);
	sh(lab.workload, "ip addr del 10.77.0.2/24 dev eth0 && ip addr add 10.77.0.5/24 dev eth0 && "
			 "ip route add 10.1.0.0/16 via 10.77.0.1 && ip addr flush dev eth0 scope link && "
			 "ip link set eth0 mtu 1300 alias later promisc on && "
			 "sysctl -qw net.ipv4.conf.eth0.rp_filter=2");
	before = lab_picture(lab.workload, "eth0");
	cr_assert_eq(port_give_back(&taken, lab.workload, lab.agent, NULL, &err), 0, "%s", err.text);
	lab_same(before, lab_picture(lab.workload, "eth0"), "given back");
}

Test(port, takes_a_port_without_ipv6_and_one_that_is_down)
{
	struct port_request request;
	struct port_taken taken;
	struct sl_err err = { 0 };
	struct lab lab;
	char *before;

	lab_open(&lab);
	lab_request(&lab, &request);
	sh(lab.workload, "sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1 && ip addr add 10.77.0.2/24 dev eth0");
	before = lab_picture(lab.workload, "eth0");
	cr_assert_eq(port_take(&request, NULL, &taken, &err), 0, "%s", err.text);
	lab_same(before, lab_picture(lab.workload, "eth0"), "taken without IPv6");
	cr_assert_eq(port_give_back(&taken, lab.workload, lab.agent, NULL, &err), 0, "%s", err.text);

	sh(lab.workload, "ip link set eth0 down");
	before = lab_picture(lab.workload, "eth0");
	cr_assert_eq(port_take(&request, NULL, &taken, &err), 0, "%s", err.text);
	cr_assert_eq(port_give_back(&taken, lab.workload, lab.agent, NULL, &err), 0, "%s", err.text);
	lab_same(before, lab_picture(lab.workload, "eth0"), "given back while down");
}

Test(port, rolls_back_when_the_hook_fails)
{
	struct port_request request;
	struct lab_wires wires;
	struct port_hooks hooks;
	struct port_taken taken = { .mtu = 4711 };
	struct sl_err err = { 0 };
	struct lab lab;
	char *before, *agent;

	lab_open(&lab);
	furnish(&lab);
	lab_request(&lab, &request);
	lab_hooks(&lab, &wires, &hooks);
	wires.fail = true;
	before = lab_picture(lab.workload, "eth0");
	agent = sh_read(lab.agent, "ip -j link");
	cr_assert_eq(port_take(&request, &hooks, &taken, &err), -EUCLEAN, "%s", err.text);
	cr_expect_str_eq(err.text, "the test said so");
	cr_expect_eq(taken.mtu, 4711, "filled on failure");
	cr_expect_eq(wires.undone, 1);
	lab_same(before, lab_picture(lab.workload, "eth0"), "rolled back");
	lab_same(agent, sh_read(lab.agent, "ip -j link"), "agent");
	sh(lab.workload, "ping -qc1 -W1 10.77.0.1 >/dev/null");
}

/* Something gets in the way between the moment the port is looked at and the moment it is put back. */
static void stays_taken(const char *obstacle, const char *clear)
{
	struct port_request request;
	struct lab_wires wires;
	struct port_hooks hooks;
	struct port_taken taken;
	struct sl_err err = { 0 };
	struct lab lab;
	char *before;

	lab_open(&lab);
	furnish(&lab);
	lab_request(&lab, &request);
	lab_hooks(&lab, &wires, &hooks);
	cr_assert_eq(port_take(&request, &hooks, &taken, &err), 0, "%s", err.text);
	before = lab_picture(lab.workload, "eth0");
	wires.on_undo = obstacle;
	cr_assert_lt(port_give_back(&taken, lab.workload, lab.agent, &hooks, &err), 0);
	cr_expect_not(strstr(err.text, "neither"), "%s", err.text);
	sh(lab.workload, "%s", clear);
	lab_same(strdup(before), lab_picture(lab.workload, "eth0"), "still taken");
	cr_expect_eq(wires.ready, 2);
	cr_assert_eq(port_find(&taken, lab.agent, &err), 0, "%s", err.text);
	sh(lab.workload, "ping -qc1 -W1 10.77.0.1 >/dev/null && ping -qc1 -W1 fd77::1 >/dev/null");
	cr_assert_eq(port_give_back(&taken, lab.workload, lab.agent, &hooks, &err), 0, "%s", err.text);
	lab_same(before, lab_picture(lab.workload, "eth0"), "given back at last");
}

Test(port, stays_taken_when_the_new_port_cannot_be_set_aside)
{
	stays_taken("ip link add sluiceold0 type bridge", "ip link del sluiceold0");
}

Test(port, stays_taken_when_the_original_does_not_take_the_addresses)
{
	stays_taken("sysctl -qw net.ipv6.conf.default.disable_ipv6=1",
		    "sysctl -qw net.ipv6.conf.default.disable_ipv6=0");
}

Test(port, is_not_given_back_while_something_holds_it)
{
	struct port_request request;
	struct port_taken taken;
	struct sl_err err = { 0 };
	struct lab lab;
	char *before;

	lab_open(&lab);
	lab_request(&lab, &request);
	cr_assert_eq(port_take(&request, NULL, &taken, &err), 0, "%s", err.text);
	sh(lab.workload, "ip link add br9 type bridge && ip link set eth0 master br9");
	before = lab_picture(lab.workload, "eth0");
	cr_assert_eq(port_give_back(&taken, lab.workload, lab.agent, NULL, &err), -EBUSY, "%s", err.text);
	cr_expect(strstr(err.text, "br9"), "%s", err.text);
	lab_same(before, lab_picture(lab.workload, "eth0"), "still taken");
	sh(lab.workload, "ip link set eth0 nomaster");
	cr_assert_eq(port_give_back(&taken, lab.workload, lab.agent, NULL, &err), 0, "%s", err.text);
}

Test(port, equal_indexes_do_not_delay_the_carrier)
{
	struct port_request request;
	struct lab_wires wires;
	struct port_hooks hooks;
	struct port_taken taken;
	struct sl_err err = { 0 };
	struct lab lab;
	char *indexes;

	lab_open(&lab);
	sh(lab.workload, "ip link del eth0");
	sh(lab.host,
	   "ip link add h2 index 40 type veth peer name eth0 index 40 netns /proc/%d/fd/%d && "
	   "ip link set h2 up && ip addr add 10.78.0.1/24 dev h2",
	   getpid(), lab.workload);
	sh(lab.workload, "ip addr add 10.78.0.2/24 dev eth0 && ip link set eth0 up");
	lab_request(&lab, &request);
	lab_hooks(&lab, &wires, &hooks);
	cr_assert_eq(port_take(&request, &hooks, &taken, &err), 0, "%s", err.text);
	cr_expect_neq(taken.vex_ifindex, 40);
	cr_expect_neq(taken.vin_ifindex, taken.port_ifindex);
	sh(lab.workload, "ping -qc1 -W1 10.78.0.1 >/dev/null");
	cr_assert_eq(port_give_back(&taken, lab.workload, lab.agent, &hooks, &err), 0, "%s", err.text);
	indexes = sh_read(lab.workload, "ip -j link show dev eth0");
	cr_expect(strstr(indexes, "\"ifname\":\"eth0\""));
	sh(lab.workload, "ping -qc1 -W1 10.78.0.1 >/dev/null");
	free(indexes);
}

/* A snapshot made before the kernel is done with an address has not the routes that follow it. */
Test(port, takes_while_addresses_are_tentative)
{
	struct port_request request;
	struct lab_wires wires;
	struct port_hooks hooks;
	struct port_taken taken;
	struct sl_err err = { 0 };
	struct lab lab;

	lab_open(&lab);
	lab_request(&lab, &request);
	lab_hooks(&lab, &wires, &hooks);
	for (int round = 0; round < 2; round++) {
		sh(lab.workload, "ip addr add fd77:9::%d/64 dev eth0", round + 2);
		cr_assert_eq(port_take(&request, &hooks, &taken, &err), 0, "%s", err.text);
		sh(lab.workload, "ip addr add fd77:8::%d/64 dev eth0", round + 2);
		cr_assert_eq(port_give_back(&taken, lab.workload, lab.agent, &hooks, &err), 0, "%s",
			     err.text);
	}
	/* Each works in the end: its local route is there. */
	for (int i = 2; i < 4; i++)
		sh(lab.workload,
		   "for i in $(seq 50); do ip -6 route show table local | grep -q 'fd77:9::%d ' && "
		   "ip -6 route show table local | grep -q 'fd77:8::%d ' && exit 0; sleep 0.1; done; exit 1",
		   i, i);
}

Test(port, discards_what_is_left_of_a_dead_workload)
{
	struct port_request request;
	struct port_taken taken;
	struct sl_err err = { 0 };
	struct lab lab;

	lab_open(&lab);
	lab_request(&lab, &request);
	cr_assert_eq(port_take(&request, NULL, &taken, &err), 0, "%s", err.text);
	sh(lab.workload, "ip link del eth0");
	cr_expect_eq(port_find(&taken, lab.agent, &err), -ENODEV);
	cr_assert_eq(port_discard(&taken, lab.agent, &err), 0, "%s", err.text);
	cr_expect_neq(sh_try(lab.agent, "ip -j link | grep -q eth0"), 0);
	cr_assert_eq(port_discard(&taken, lab.agent, &err), 0, "%s", err.text);
}

/* Each is refused with its reason, and nothing has been touched. */
static void refused(const struct lab *lab, const struct port_request *request, int code, const char *words)
{
	struct port_taken taken;
	struct sl_err err = { 0 };
	char *before = sh_read(request->workload_ns, "ip -j link");

	cr_expect_eq(port_check(request, &err), -code, "%s", err.text);
	cr_expect(strstr(err.text, words), "\"%s\" is not in: %s", words, err.text);
	cr_expect_eq(port_take(request, NULL, &taken, &err), -code, "%s", err.text);
	lab_same(before, sh_read(request->workload_ns, "ip -j link"), words);
	cr_expect_neq(sh_try(lab->agent, "ip -j link | grep -q 'vex\\|vin'"), 0);
}

Test(port, refusals)
{
	struct port_request good, request;
	struct sl_err err = { 0 };
	struct lab lab;
	int w;

	lab_open(&lab);
	w = lab.workload;
	lab_request(&lab, &good);
	cr_expect_eq(port_check(&good, &err), 0, "%s", err.text);

	request = good;
	strcpy(request.name, "eth7");
	refused(&lab, &request, ENODEV, "there is no interface eth7");
	strcpy(request.name, "lo");
	refused(&lab, &request, EINVAL, "lo of");
	request = good;
	request.agent_ns = lab.workload;
	refused(&lab, &request, EINVAL, "shares its network namespace");
	request = good;
	request.max_mtu = 1499;
	refused(&lab, &request, EMSGSIZE, "--mtu 9216");

	sh(w, "ip link add br1 type bridge && ip link set eth0 master br1");
	refused(&lab, &good, EBUSY, "is a port of br1");
	sh(w, "ip link set eth0 nomaster");
	request = good;
	strcpy(request.name, "br1");
	refused(&lab, &request, EOPNOTSUPP, "only veth and macvlan");
	sh(w, "ip link del br1 && ip link add link eth0 name mv0 type macvlan");
	refused(&lab, &good, EBUSY, "has mv0 (macvlan) on top of it");
	sh(w, "ip link del mv0");
	cr_expect_eq(port_check(&good, &err), 0, "%s", err.text);

	sh(lab.agent, "ip link add vin1f-eth0 type bridge");
	cr_expect_eq(port_check(&good, &err), -EEXIST);
	cr_expect(strstr(err.text, "already an interface vin1f-eth0"), "%s", err.text);
}
