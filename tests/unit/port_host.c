// SPDX-License-Identifier: BSD-2-Clause
/*
 * Taking a port from the host's side and giving it back: what `ip` and
 * `bridge` show of the host's end is the same before, meanwhile and
 * afterwards, and in the workload not even a socket notices.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "port/host.h"
#include "unit/port_host_lab.h"

TestSuite(port_host, .timeout = 60);

/* Addresses are past their detection; pings pass the time. */
static void await_addresses(int netns)
{
	sh(netns, "for i in $(seq 100); do ip -6 addr show tentative | grep -q inet6 || exit 0; "
		  "ping -qc2 -i0.05 127.0.0.99 >/dev/null; done; exit 1");
}

static void bridged(const struct lab *lab)
{
	int h = lab->host;
	bool vlans;

	/* Not every kernel has it. */
	vlans = !sh_try(h, "ip link set br0 type bridge vlan_filtering 1 2>/dev/null");
	sh(h,
	   "ip addr flush dev hveth && ip link set hveth mtu 1400 txqueuelen 77 alias 'back door' group 12 "
	   "master br0");
	sh(lab->workload, "ip link set eth0 mtu 1400 && ip addr add 10.77.0.2/24 dev eth0 && "
			  "ip addr add fd77::2/64 dev eth0 nodad");
	sh(h, "ip addr add 10.77.0.1/24 dev br0 && ip addr add fd77::1/64 dev br0 nodad");
	sh(h, "bridge link set dev hveth isolated on hairpin on guard on root_block on fastleave on cost 42 "
	      "priority 17 neigh_suppress on mcast_flood off learning on");
	if (vlans)
		sh(h, "bridge vlan add dev hveth vid 7 && bridge vlan add dev hveth vid 9 untagged && "
		      "bridge vlan del dev hveth vid 1 && bridge vlan add dev hveth vid 1 pvid untagged && "
		      "bridge vlan add dev hveth vid 100-110 && "
		      "bridge fdb add 02:00:00:00:03:03 dev hveth master static vlan 7");
	sh(h, "bridge fdb add 02:00:00:00:03:01 dev hveth master static && "
	      "bridge fdb add 02:00:00:00:03:02 dev hveth master static sticky && "
	      "bridge fdb add 02:00:00:00:03:04 dev hveth master permanent");
	sh_try(h, "bridge mdb add dev br0 port hveth grp 239.1.2.3 permanent");
	sh(h, "ethtool -K hveth tso off tx-vlan-hw-insert off >/dev/null");
	sh(h, "sysctl -qw net.ipv4.conf.hveth.rp_filter=2 net.ipv4.conf.hveth.proxy_arp=1");
	sh(lab->workload, "ping -qc1 -w2 10.77.0.1 >/dev/null && ping -qc1 -w2 fd77::1 >/dev/null");
	await_addresses(h);
	await_addresses(lab->workload);
}

/* As calico has it: routes to the workload in several tables, proxy ARP, no address. */
static void routed(const struct lab *lab)
{
	int h = lab->host, w = lab->workload;

	sh(h, "ip addr flush dev hveth scope global && ip addr add 10.9.9.9/32 dev lo");
	sh(h, "sysctl -qw net.ipv4.conf.hveth.proxy_arp=1 net.ipv4.conf.hveth.forwarding=1 "
	      "net.ipv4.neigh.hveth.proxy_delay=0 net.ipv6.conf.hveth.accept_ra=0");
	sh(h, "ip route add 10.5.0.2/32 dev hveth scope link && "
	      "ip route add 10.5.0.2/32 dev hveth scope link table 77 metric 5 && "
	      "ip -6 route add fd55::2/128 dev hveth && ip route add 169.254.1.1 dev lo && ip addr add "
	      "10.9.9.9/32 dev hveth");
	sh(h, "ip rule add iif hveth lookup 77");
	sh(w, "ip addr add 10.5.0.2/32 dev eth0 && ip route add 169.254.1.1 dev eth0 scope link && "
	      "ip route add default via 169.254.1.1");
	sh(h, "ip neigh add 10.5.0.77 lladdr 02:00:00:00:04:04 dev hveth nud permanent");
	sh(w, "ping -qc1 -w2 10.9.9.9 >/dev/null");
	await_addresses(h);
	await_addresses(w);
}

static void ping_through(const struct lab *lab, const char *address, const char *when)
{
	cr_assert_eq(sh_try(lab->workload, "ping -qc2 -i0.01 -W1 -w2 %s >/dev/null", address), 0, "%s: %s",
		     address, when);
}

static void round_trips(const struct lab *lab, const char *const address[2])
{
	struct host_lab host;
	char *before, *port;

	before = host_picture(lab->host, "hveth");
	port = lab_picture(lab->workload, "eth0");
	for (int i = 0; i < 3; i++) {
		host_lab_take(lab, &host, 0, NULL);
		lab_same(strdup(before), host_picture(lab->host, "hveth"), "taken");
		for (int j = 0; j < 2 && address[j]; j++)
			ping_through(lab, address[j], "taken");
		lab_same(strdup(port), lab_picture(lab->workload, "eth0"), "the workload, taken");
		host_lab_give_back(lab, &host, 0, NULL);
		lab_same(strdup(before), host_picture(lab->host, "hveth"), "given back");
		for (int j = 0; j < 2 && address[j]; j++)
			ping_through(lab, address[j], "given back");
		lab_same(strdup(port), lab_picture(lab->workload, "eth0"), "the workload, given back");
		host_lab_no_trace(lab);
	}
	free(before);
	free(port);
}

Test(port_host, a_bridge_port_keeps_its_place)
{
	static const char *const address[2] = { "10.77.0.1", "fd77::1" };
	struct lab lab;

	lab_open(&lab);
	bridged(&lab);
	round_trips(&lab, address);
}

Test(port_host, a_routed_end_keeps_routes_and_neighbours)
{
	static const char *const address[2] = { "10.9.9.9" };
	struct lab lab;

	lab_open(&lab);
	routed(&lab);
	round_trips(&lab, address);
}

/* The new end has the addresses at once: a second without them for each detection would be a gap. */
Test(port_host, no_address_of_the_host_is_detected_again)
{
	struct host_lab host;
	struct lab lab;
	int fd;

	lab_open(&lab);
	sh(lab.workload, "ip addr add fd77::2/64 dev eth0 nodad");
	sh(lab.host, "ip addr flush dev hveth");
	fd = lab_listen(lab.workload, "eth0");
	sh(lab.host, "ip addr add fd77::1/64 dev hveth && ip addr add fe80::77/64 dev hveth");
	await_addresses(lab.host);
	await_addresses(lab.workload);
	cr_assert_geq(lab_detections(fd, 0), 2, "the kernel detects no duplicates, or it is not seen");
	for (int round = 0; round < 2; round++) {
		host_lab_take(&lab, &host, 0, NULL);
		sh(lab.host, "! ip -6 addr show tentative | grep inet6");
		ping_through(&lab, "fd77::1", "taken");
		host_lab_give_back(&lab, &host, 0, NULL);
		sh(lab.host, "! ip -6 addr show tentative | grep inet6");
		ping_through(&lab, "fd77::1", "given back");
	}
	cr_expect_eq(lab_detections(fd, 1200), 0);
	close(fd);
}

Test(port_host, the_agent_can_be_in_the_hosts_namespace)
{
	static const char *const address[2] = { "10.77.0.1", "fd77::1" };
	struct lab lab;

	lab_open(&lab);
	bridged(&lab);
	lab.agent = lab.host;
	round_trips(&lab, address);
}

Test(port_host, it_keeps_its_number)
{
	struct host_lab host;
	struct lab lab;
	char *before;

	lab_open(&lab);
	before = sh_read(lab.host, "cat /sys/class/net/hveth/ifindex 2>/dev/null || "
				   "ip -o link show hveth | cut -d: -f1");
	host_lab_take(&lab, &host, 0, NULL);
	lab_same(strdup(before), sh_read(lab.host, "ip -o link show hveth | cut -d: -f1"), "taken");
	host_lab_give_back(&lab, &host, 0, NULL);
	lab_same(before, sh_read(lab.host, "ip -o link show hveth | cut -d: -f1"), "given back");
}

static void refused(const struct lab *lab, const char *word)
{
	struct sl_err err = { 0 };
	struct host_lab host;
	char *before;

	await_addresses(lab->host);
	before = host_picture(lab->host, "hveth");

	host_lab_take(lab, &host, -1, &err);
	cr_assert(strstr(err.text, word), "\"%s\" is not about %s", err.text, word);
	lab_same(before, host_picture(lab->host, "hveth"), "refused");
}

Test(port_host, a_program_on_the_host_end_is_refused)
{
	struct lab lab;

	lab_open(&lab);
	sh(lab.host, "tc qdisc add dev hveth clsact && tc filter add dev hveth egress protocol 0x88b5 u32 "
		     "match u32 0 0 flowid 1:1");
	refused(&lab, "filters");
}

Test(port_host, a_spanning_tree_is_refused)
{
	struct lab lab;

	lab_open(&lab);
	sh(lab.host, "ip link set hveth master br0 && ip link set br0 type bridge stp_state 1");
	refused(&lab, "spanning tree");
}

Test(port_host, a_capture_on_the_host_end_is_refused)
{
	struct lab lab;
	pid_t pid;

	lab_open(&lab);
	pid = host_lab_spawn(lab.host, "exec tcpdump -Z root -U -ni hveth -w /dev/null 2>/dev/null",
			     "/proc/net/packet");
	refused(&lab, "packet socket");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

Test(port_host, a_joined_group_is_refused)
{
	struct lab lab;
	pid_t pid;

	lab_open(&lab);
	pid = host_lab_spawn(lab.host,
			     "exec python3 -c '\n"
			     "import socket,struct,time\n"
			     "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
			     "s.setsockopt(socket.IPPROTO_IP,socket.IP_ADD_MEMBERSHIP,struct.pack(\"4s4si\","
			     "socket.inet_aton(\"239.9.9.9\"),bytes(4),socket.if_nametoindex(\"hveth\")))\n"
			     "time.sleep(60)'",
			     NULL);
	for (int i = 0; i < 200 && sh_try(lab.host, "grep -q 090909EF /proc/net/igmp"); i++)
		sh(lab.host, "ping -qc1 -W0.05 10.77.0.1 >/dev/null; true");
	refused(&lab, "239.9.9.9");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

Test(port_host, what_fails_is_rolled_back)
{
	struct sl_err err = { 0 };
	struct host_lab host;
	struct lab lab;
	char *before;

	lab_open(&lab);
	bridged(&lab);
	before = host_picture(lab.host, "hveth");
	host_lab_take_failing(&lab, &host, &err);
	lab_same(before, host_picture(lab.host, "hveth"), "rolled back");
	ping_through(&lab, "10.77.0.1", "rolled back");
	host_lab_no_trace(&lab);
}

Test(port_host, a_give_back_that_fails_stays_taken)
{
	struct sl_err err = { 0 };
	struct host_lab host;
	struct lab lab;
	char *before;

	lab_open(&lab);
	bridged(&lab);
	before = host_picture(lab.host, "hveth");
	host_lab_take(&lab, &host, 0, NULL);
	/* With its own name as an alternative one it cannot be renamed to it. */
	sh(lab.agent, "ip link property add dev vin1f-eth0 altname hveth");
	host_lab_give_back(&lab, &host, -1, &err);
	sh_try(lab.agent, "ip link property del dev vin1f-eth0 altname hveth 2>/dev/null");
	lab_same(strdup(before), host_picture(lab.host, "hveth"), "still taken");
	ping_through(&lab, "10.77.0.1", "still taken");
	host_lab_give_back(&lab, &host, 0, NULL);
	lab_same(before, host_picture(lab.host, "hveth"), "given back at last");
	ping_through(&lab, "10.77.0.1", "given back at last");
}
