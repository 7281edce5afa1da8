// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a port keeps, one thing at a time: a port that has it is taken and given
 * back, twice, and looks the same before, while and after, to `ip`, tc, ethtool
 * and the sysctls.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit/port_lab.h"

TestSuite(port_contents, .timeout = 60);

/* Every port has these: what is tested must not be all there is. */
static void furnish(const struct lab *lab)
{
	sh(lab->workload, "ip addr add 10.77.0.2/24 dev eth0 && ip addr add fd77::2/64 dev eth0 nodad && "
			  "ip route add default via 10.77.0.1 && ip -6 route add default via fd77::1 && "
			  "ip addr flush dev eth0 scope link");
}

static void take(const struct lab *lab, const struct port_hooks *hooks, struct port_taken *taken)
{
	struct port_request request;
	struct sl_err err = { 0 };

	lab_request(lab, &request);
	cr_assert_eq(port_take(&request, hooks, taken, &err), 0, "%s", err.text);
}

/* check (or NULL): a command in the workload that succeeds as long as it has what is to be kept. */
static void kept(const struct lab *lab, const char *check)
{
	struct lab_wires wires;
	struct port_hooks hooks;
	struct port_taken taken;
	struct sl_err err = { 0 };
	char *before;

	lab_hooks(lab, &wires, &hooks);
	if (check)
		sh(lab->workload, "%s", check);
	before = lab_picture(lab->workload, "eth0");
	for (int round = 0; round < 2; round++) {
		take(lab, &hooks, &taken);
		lab_same(strdup(before), lab_picture(lab->workload, "eth0"), "taken");
		if (check)
			sh(lab->workload, "%s", check);
		cr_assert_eq(port_give_back(&taken, lab->workload, lab->agent, &hooks, &err), 0, "%s",
			     err.text);
		lab_same(strdup(before), lab_picture(lab->workload, "eth0"), "given back");
		if (check)
			sh(lab->workload, "%s", check);
	}
	free(before);
	cr_expect_neq(sh_try(lab->agent, "ip -j link | grep -q eth0"), 0, "something is left behind");
}

/* A port with what `setup` makes, which is told by `check`. */
static void keeps(const char *setup, const char *check)
{
	struct lab lab;

	lab_open(&lab);
	furnish(&lab);
	sh(lab.workload, "%s", setup);
	kept(&lab, check);
}

Test(port_contents, alternative_names)
{
	struct port_taken taken;
	struct sl_err err = { 0 };
	struct lab lab;

	lab_open(&lab);
	furnish(&lab);
	/* The agent has an interface of such a name already. */
	sh(lab.agent, "ip link add br0 type bridge && ip link property add dev br0 altname uplink");
	sh(lab.workload,
	   "ip link property add dev eth0 altname uplink altname a-rather-long-alternative-name");
	kept(&lab, "ip link show uplink | grep -q eth0");
	take(&lab, NULL, &taken);
	cr_expect_neq(sh_try(lab.agent, "ip link show dev vex1f-eth0 | grep altname"), 0);
	cr_assert_eq(port_give_back(&taken, lab.workload, lab.agent, NULL, &err), 0, "%s", err.text);
}

Test(port_contents, policy_rules_that_name_the_port)
{
	keeps("ip rule add iif eth0 table 100 pref 77 && ip rule add oif eth0 lookup 101 pref 78 && "
	      "ip -6 rule add iif eth0 table 100 pref 79 && ip -6 rule add from fd77::/64 oif eth0 table 102 "
	      "&& "
	      "ip route add 198.51.100.0/24 dev eth0 table 100 && "
	      "ip -6 route add fd80::/64 dev eth0 table 102",
	      "! ip rule | grep -q detached && ! ip -6 rule | grep -q detached");
}

Test(port_contents, nexthop_objects_and_routes_by_them)
{
	keeps("ip nexthop add id 1 via 10.77.0.1 dev eth0 && ip nexthop add id 2 via 10.77.0.9 dev eth0 "
	      "proto 42 "
	      "&& ip nexthop add id 10 group 1/2,3 && ip nexthop add id 3 via fd77::1 dev eth0 && "
	      "ip nexthop add id 4 dev eth0 && ip nexthop add id 5 blackhole && "
	      "ip nexthop add id 6 via 169.254.1.1 dev eth0 onlink && "
	      "ip nexthop add id 11 group 1/6 type resilient buckets 16 idle_timer 60 && "
	      "ip route add 10.9.0.0/16 nhid 10 && ip route add 10.8.0.0/16 nhid 1 mtu 1300 && "
	      "ip route add 10.7.0.0/16 nhid 4 && ip route add 10.6.0.0/16 nhid 5 && "
	      "ip route add 10.5.0.0/16 nhid 6 && ip route add 10.4.0.0/16 nhid 11 && "
	      "ip -6 route add fd90::/64 nhid 3 metric 77 && "
	      "ip route add 10.3.0.0/16 via 169.254.1.1 dev eth0 onlink",
	      "ip route get 10.9.0.1 | grep -q eth0");
}

/* By a gateway that only a route reaches, and by a group whose other member is elsewhere. */
Test(port_contents, nexthop_objects_that_lean_on_others)
{
	keeps("ip link add other type veth peer name other-far && "
	      "sysctl -qw net.ipv6.conf.other.disable_ipv6=1 net.ipv6.conf.other-far.disable_ipv6=1 && "
	      "ip link set other up && "
	      "ip link set other-far up && ip addr add 10.88.0.1/24 dev other && "
	      "ip route add 169.254.1.1 dev eth0 scope link && ip nexthop add id 1 via 169.254.1.1 dev eth0 "
	      "&& "
	      "ip nexthop add id 2 via 10.88.0.2 dev other && ip nexthop add id 10 group 1/2,4 && "
	      "ip route add 10.9.0.0/16 nhid 10",
	      "test \"$(ip route show 10.9.0.0/16 | grep -c via)\" = 2");
}

/*
 * Equal destinations by two ports: when the substitute is put down the kernel
 * keeps the legs by the other one, and the same route is put twice for the
 * nexthops' sake.
 */
Test(port_contents, multipath_by_another_port_beside_nexthop_objects)
{
	keeps("ip link add other type veth peer name other-far && "
	      "sysctl -qw net.ipv6.conf.other.disable_ipv6=1 net.ipv6.conf.other-far.disable_ipv6=1 && "
	      "ip link set other up && ip link set other-far up && ip addr add 10.88.0.1/24 dev other && "
	      "ip nexthop add id 1 via 10.77.0.1 dev eth0 && ip route add 10.9.0.0/16 nhid 1 && "
	      "ip route add 198.19.0.0/24 nexthop via 10.77.0.1 dev eth0 nexthop via 10.88.0.2 dev other",
	      "test \"$(ip route show 198.19.0.0/24 | grep -c via)\" = 2");
}

Test(port_contents, nexthop_routes_that_tell_only_the_object)
{
	keeps("sysctl -qw net.ipv4.nexthop_compat_mode=0 && ip nexthop add id 1 via 10.77.0.1 dev eth0 && "
	      "ip nexthop add id 3 via fd77::1 dev eth0 && ip route add 10.9.0.0/16 nhid 1 && "
	      "ip -6 route add fd90::/64 nhid 3",
	      NULL);
}

Test(port_contents, encapsulating_routes)
{
	keeps("ip route add 10.7.0.0/16 encap ip id 100 dst 10.77.0.9 ttl 9 via 10.77.0.1 dev eth0 && "
	      "ip -6 route add fd07::/64 encap ip6 id 7 dst fd77::9 hoplimit 9 via fd77::1 dev eth0",
	      NULL);
}

Test(port_contents, segment_routing)
{
	struct lab lab;

	lab_open(&lab);
	furnish(&lab);
	if (sh_try(lab.workload,
		   "ip -6 route add fd08::/64 encap seg6 mode encap segs fd77::9,fd77::8 dev eth0"))
		cr_skip_test("this kernel has no segment routing");
	sh(lab.workload, "ip route add 10.8.0.0/16 encap seg6 mode encap segs fd77::9 dev eth0 && "
			 "ip -6 route add fd77::99/128 encap seg6local action End.X nh6 fd77::1 dev eth0");
	kept(&lab, NULL);
}

Test(port_contents, routes_of_every_sort)
{
	keeps("ip route add 198.51.100.0/24 nexthop via 10.77.0.1 weight 3 nexthop via 10.77.0.9 weight 5 && "
	      "ip route add 203.0.113.0/24 via 10.77.0.1 mtu lock 1300 initcwnd 20 advmss 1200 rto_min 30ms "
	      "quickack 1 congctl reno && ip route add 203.0.113.0/24 via 169.254.7.7 dev eth0 onlink table "
	      "9 && "
	      "ip route add 192.0.2.0/24 dev eth0 scope link src 10.77.0.2 proto 42 metric 9 && "
	      "ip route add local 192.0.2.77 dev eth0 && ip route add multicast 239.0.0.0/8 dev eth0 && "
	      "ip route add broadcast 192.0.2.255 dev eth0 && ip -6 route add multicast ff0e::/16 dev eth0 "
	      "&& "
	      "ip route add blackhole 10.1.0.0/16 && ip route add unreachable 10.2.0.0/16 metric 3 && "
	      "ip route add prohibit 10.3.0.0/16 && ip route add throw 10.4.0.0/16 table 9 && "
	      "ip -6 route add blackhole fd01::/64 && ip -6 route add unreachable fd02::/64 && "
	      "ip -6 route add fd80::/64 nexthop via fd77::1 nexthop via fd77::9 weight 4 && "
	      "ip -6 route add fd81::/64 from fd77::/64 dev eth0 && ip -6 route add local fd82::1 dev eth0 "
	      "&& "
	      "ip -6 route add fd83::/64 via fd77::1 src fd77::2 expires 4000 pref low && "
	      "ip -6 route add fd84::/64 via fd99::1 dev eth0 onlink mtu 1290 hoplimit 9",
	      NULL);
}

/* The kernel keeps such routes, but takes no new ones. */
Test(port_contents, routes_whose_gateway_nothing_leads_to)
{
	keeps("ip route add 169.254.7.7 dev eth0 scope link && ip route add 10.31.0.0/16 via 169.254.7.7 dev "
	      "eth0 "
	      "&& ip route add 10.32.0.0/16 nexthop via 169.254.7.7 nexthop via 10.77.0.1 && "
	      "ip route del 169.254.7.7 && ip -6 route add fd99::7 dev eth0 && "
	      "ip -6 route add fd98::/64 via fd99::7 dev eth0 && ip -6 route del fd99::7 && "
	      "ip route add 169.254.7.8 dev eth0 && ip nexthop add id 1 via 169.254.7.8 dev eth0 && "
	      "ip route add 10.33.0.0/16 nhid 1 && ip route del 169.254.7.8",
	      "ip route show 10.31.0.0/16 | grep -q 169.254.7.7");
}

Test(port_contents, a_link_local_gateway_with_a_permanent_neighbour)
{
	struct lab lab;

	lab_open(&lab);
	sh(lab.workload,
	   "ip addr add 10.65.0.2/32 dev eth0 && ip route add 169.254.1.1 dev eth0 scope link && "
	   "ip route add default via 169.254.1.1 dev eth0 && "
	   "ip neigh add 169.254.1.1 lladdr ee:ee:ee:ee:ee:ee dev eth0 nud permanent && "
	   "ip addr flush dev eth0 scope link");
	sh(lab.host, "ip route add 10.65.0.2 dev hveth && ip link set hveth address ee:ee:ee:ee:ee:ee");
	kept(&lab, "ping -qc1 -W1 10.77.0.1 >/dev/null");
}

Test(port_contents, addresses_with_every_flag)
{
	keeps("ip addr add 192.0.2.9 peer 192.0.2.10 dev eth0 && ip addr add 10.77.0.3/24 dev eth0 && "
	      "ip addr add 10.77.0.4/24 dev eth0 label eth0:x valid_lft 4000 preferred_lft 3000 && "
	      "ip addr add 10.88.0.1/24 dev eth0 noprefixroute metric 33 scope link && "
	      "ip addr add fd78::1/64 dev eth0 nodad mngtmpaddr noprefixroute && "
	      "ip addr add fd78::2/64 dev eth0 nodad preferred_lft 0 valid_lft 4000 && "
	      "ip addr add fd78::3/128 dev eth0 nodad home && "
	      "ip addr add fd78::4 peer fd78::5 dev eth0 nodad && "
	      "ip addr add fd78::6/64 dev eth0 nodad metric 55 && ip addr add fd78::7/64 dev eth0 nodad",
	      NULL);
}

/* An address that somebody else has is put back without being usable. */
Test(port_contents, an_address_that_is_a_duplicate)
{
	static const char has_failed[] = "for i in $(seq 60); do ip -6 addr show dev eth0 | grep fd77::1/64 "
					 "| grep -q dadfailed && exit 0; "
					 "ping -qc1 -W0.1 10.77.0.77 >/dev/null; done; exit 1";
	struct lab_wires wires;
	struct port_hooks hooks;
	struct port_taken taken;
	struct sl_err err = { 0 };
	struct lab lab;

	lab_open(&lab);
	furnish(&lab);
	lab_hooks(&lab, &wires, &hooks);
	sh(lab.workload, "ip -6 route del default; ip addr add fd77::1/64 dev eth0");
	sh(lab.workload, "%s", has_failed);
	take(&lab, &hooks, &taken);
	sh(lab.workload, "%s", has_failed);
	cr_assert_eq(port_give_back(&taken, lab.workload, lab.agent, &hooks, &err), 0, "%s", err.text);
	sh(lab.workload, "%s", has_failed);
}

Test(port_contents, address_labels)
{
	keeps("ip addrlabel add prefix fd77::/64 dev eth0 label 99 && "
	      "ip addrlabel add prefix fd78::/64 label 98",
	      "ip addrlabel | grep -q 'fd77::/64 dev eth0 label 99'");
}

Test(port_contents, token_and_generation_mode)
{
	keeps("sysctl -qw net.ipv6.conf.eth0.accept_ra=2 && ip token set ::99 dev eth0 && "
	      "ip link set eth0 addrgenmode none",
	      "ip token | grep -q '::99 dev eth0'");
}

Test(port_contents, a_stable_secret)
{
	keeps("sysctl -qw net.ipv6.conf.eth0.stable_secret=2001:db8::1234", NULL);
}

Test(port_contents, neighbours)
{
	keeps("ip neigh add 10.77.0.200 lladdr 02:00:00:00:02:00 dev eth0 nud permanent && "
	      "ip neigh add fd77::200 lladdr 02:00:00:00:02:00 dev eth0 nud permanent router && "
	      "ip neigh add 10.77.0.202 lladdr 02:00:00:00:02:02 dev eth0 nud noarp && "
	      "ip neigh add proxy 10.77.0.201 dev eth0 && ip neigh add proxy fd77::201 dev eth0",
	      "ip neigh show dev eth0 nud all | grep -q '10.77.0.202.*NOARP'");
}

Test(port_contents, neighbours_a_program_minds)
{
	keeps("ip neigh add 10.77.0.203 lladdr 02:00:00:00:02:03 dev eth0 nud reachable extern_learn",
	      "ip neigh show dev eth0 | grep -q '10.77.0.203.*extern_learn'");
}

Test(port_contents, groups_joined_by_hand)
{
	keeps("ip maddr add 01:00:5e:00:00:99 dev eth0 && ip maddr add 33:33:00:00:77:77 dev eth0",
	      "ip maddr show dev eth0 | grep -q '01:00:5e:00:00:99.*static'");
}

Test(port_contents, link_settings)
{
	keeps("ip link set eth0 txqueuelen 77 alias 'front door' group 12 allmulticast on promisc on "
	      "dynamic on gso_max_size 30000 gso_max_segs 20 gro_max_size 40000 mtu 1400",
	      NULL);
}

Test(port_contents, a_dormant_link_mode)
{
	keeps("ip link set eth0 mode dormant", "ip link show eth0 | grep -q 'state UP mode DORMANT'");
}

Test(port_contents, a_port_without_multicast_or_arp)
{
	struct lab lab;

	lab_open(&lab);
	/* With IPv6, groups of addresses it had before would stay behind on it. */
	sh(lab.workload,
	   "sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1 && ip addr add 10.77.0.2/24 dev eth0 && "
	   "ip link set eth0 multicast off arp off");
	kept(&lab, NULL);
}

Test(port_contents, offloads_and_queues)
{
	struct lab lab;

	lab_open(&lab);
	sh(lab.host,
	   "ip link del hveth && ip link add hveth numtxqueues 4 numrxqueues 4 type veth peer name eth0 "
	   "numtxqueues 4 numrxqueues 4 && ip link set hveth up");
	sh(lab.host, "ip link set eth0 netns /proc/%d/fd/%d", getpid(), lab.workload);
	sh(lab.workload, "ip link set eth0 up && ethtool -L eth0 rx 3 tx 2 && "
			 "ethtool -K eth0 tso off gro on tx-vlan-hw-insert off rx-gro-list on >/dev/null");
	furnish(&lab);
	kept(&lab, NULL);
}

/* /sys shows the namespace it was mounted in. */
#define IN_SYSFS(commands) "unshare -m sh -ec 'mount -t sysfs s /sys; cd /sys/class/net/eth0; " commands "'"

Test(port_contents, settings_that_only_sysfs_has)
{
	struct lab_wires wires;
	struct port_hooks hooks;
	struct port_taken taken;
	struct sl_err err = { 0 };
	struct lab lab;

	keeps(IN_SYSFS("echo 3 >queues/rx-0/rps_cpus; echo 32 >queues/rx-0/rps_flow_cnt; "
		       "echo 20000 >gro_flush_timeout; echo 2 >napi_defer_hard_irqs"),
	      IN_SYSFS("test $(cat queues/rx-0/rps_cpus) = 3; test $(cat queues/rx-0/rps_flow_cnt) = 32; "
		       "test $(cat gro_flush_timeout) = 20000; test $(cat napi_defer_hard_irqs) = 2"));
	/* What is changed while the port is taken is given back as it is then: also to what the kernel makes. */
	lab_open(&lab);
	furnish(&lab);
	lab_hooks(&lab, &wires, &hooks);
	sh(lab.workload, IN_SYSFS("echo 3 >queues/rx-0/rps_cpus; echo 7000 >gro_flush_timeout"));
	take(&lab, &hooks, &taken);
	sh(lab.workload, IN_SYSFS("echo 0 >queues/rx-0/rps_cpus; echo 9000 >gro_flush_timeout"));
	cr_assert_eq(port_give_back(&taken, lab.workload, lab.agent, &hooks, &err), 0, "%s", err.text);
	sh(lab.workload,
	   IN_SYSFS("test $(cat queues/rx-0/rps_cpus) = 0; test $(cat gro_flush_timeout) = 9000"));
}

Test(port_contents, a_token_bucket)
{
	keeps("tc qdisc add dev eth0 root handle 7: tbf rate 50mbit burst 20k latency 60ms",
	      "tc qdisc show dev eth0 | grep -q 'tbf 7: root'");
}

Test(port_contents, a_packet_fifo_and_an_ingress_hook)
{
	keeps("tc qdisc add dev eth0 root pfifo limit 55 && tc qdisc add dev eth0 clsact",
	      "tc qdisc show dev eth0 | grep -q 'limit 55p' && tc qdisc show dev eth0 | grep -q clsact");
}

Test(port_contents, a_tree_of_classes)
{
	keeps("tc qdisc add dev eth0 root handle 1: htb default 10 && "
	      "tc class add dev eth0 parent 1: classid 1:1 htb rate 100mbit && "
	      "tc class add dev eth0 parent 1:1 classid 1:10 htb rate 60mbit ceil 100mbit prio 2 && "
	      "tc class add dev eth0 parent 1:1 classid 1:20 htb rate 10mbit burst 30k && "
	      "tc qdisc add dev eth0 parent 1:10 handle 10: bfifo limit 70000",
	      "tc class show dev eth0 | grep -q '1:10 parent 1:1 leaf 10:'");
}

Test(port_contents, only_ipv6_and_no_default_route)
{
	struct lab lab;

	lab_open(&lab);
	sh(lab.workload, "ip addr add fd77::2/64 dev eth0 nodad && ip addr flush dev eth0 scope link");
	kept(&lab, "ping -qc1 -W1 fd77::1 >/dev/null");
}
