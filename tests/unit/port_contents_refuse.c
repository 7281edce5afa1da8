// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a port cannot keep is refused before anything is touched, all of it at
 * once, by name and with the way out; what programs hold on to is told.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/netns.h"
#include "port/plan.h"
#include "unit/port_lab.h"

TestSuite(port_refusals, .timeout = 60);

static struct port_plan *plan_for(const struct port_request *request)
{
	struct port_plan *plan = calloc(1, sizeof(*plan));
	struct sl_err err = { 0 };

	cr_assert_not_null(plan);
	cr_assert_eq(port_plan(request, plan, &err), 0, "%s", err.text);
	return plan;
}

static bool is_refused(const struct port_plan *plan, int code, const char *words)
{
	for (unsigned int i = 0; i < plan->refusals.n; i++)
		if (plan->refusals.item[i].code == code && strstr(plan->refusals.item[i].text, words))
			return true;
	return false;
}

/* By the check, by the plan and by taking it, which changes nothing. */
static void refused(const struct lab *lab, const struct port_request *request, int code, const char *words)
{
	struct port_plan *plan = plan_for(request);
	struct port_taken taken;
	struct sl_err err = { 0 };
	char *before;

	/* Its address appears at a time of its own. */
	sh(request->workload_ns, "ip addr flush dev eth0 scope link");
	before = lab_picture(request->workload_ns, "eth0");
	cr_expect(is_refused(plan, code, words), "\"%s\" is not refused; %u are: %s", words, plan->refusals.n,
		  plan->refusals.item[0].text);
	cr_expect_eq(plan->steps.n, 0, "there are steps all the same");
	cr_expect_eq(port_take(request, NULL, &taken, &err), -(int)plan->refusals.item[0].code, "%s",
		     err.text);
	cr_expect_str_eq(err.text, plan->refusals.item[0].text);
	lab_same(before, lab_picture(request->workload_ns, "eth0"), words);
	cr_expect_neq(sh_try(lab->agent, "ip -j link | grep -q 'vex\\|vin'"), 0);
	free(plan);
}

static void refused_with(const char *setup, int code, const char *words)
{
	struct port_request request;
	struct lab lab;

	lab_open(&lab);
	lab_request(&lab, &request);
	sh(lab.workload, "%s", setup);
	refused(&lab, &request, code, words);
}

Test(port_refusals, a_bridge_it_is_in)
{
	refused_with("ip link add br1 type bridge && ip link set eth0 master br1", EBUSY,
		     "is a port of br1 (bridge)");
}

Test(port_refusals, a_macvlan_on_it)
{
	refused_with("ip link add link eth0 name mv0 type macvlan", EBUSY, "has mv0 (macvlan) on top");
}

Test(port_refusals, a_vxlan_on_it)
{
	refused_with("ip link add vx0 type vxlan id 7 dev eth0 dstport 4789 group 239.1.1.1", EBUSY,
		     "has vx0 (vxlan) on top");
}

Test(port_refusals, a_vlan_on_it)
{
	struct port_request request;
	struct lab lab;

	lab_open(&lab);
	lab_request(&lab, &request);
	if (sh_try(lab.workload, "ip link add link eth0 name eth0.7 type vlan id 7"))
		cr_skip_test("this kernel has no VLAN devices");
	refused(&lab, &request, EBUSY, "has eth0.7 (vlan) on top");
}

Test(port_refusals, filters)
{
	refused_with("tc qdisc add dev eth0 clsact && tc filter add dev eth0 egress protocol ip u32 match ip "
		     "dst 1.2.3.4 flowid 1:1",
		     EBUSY, "has filters on its clsact qdisc");
}

Test(port_refusals, filters_of_a_class)
{
	refused_with("tc qdisc add dev eth0 root handle 1: htb && "
		     "tc class add dev eth0 parent 1: classid 1:1 htb rate 10mbit && "
		     "tc filter add dev eth0 parent 1:1 protocol ip u32 match ip dst 1.2.3.4 flowid 1:1",
		     EBUSY, "has filters on its htb qdisc");
}

/* By its own name in a list of several, of whichever family; a chain that is hooked to no device is nobody's business. */
Test(port_refusals, hooks_of_nftables)
{
	struct port_request request;
	struct port_plan *plan;
	struct lab lab;

	refused_with("nft add table netdev mine && "
		     "nft 'add chain netdev mine door { type filter hook ingress device eth0 priority 0; }'",
		     EBUSY, "a hook of nftables (chain door of table netdev mine)");
	refused_with("ip link add other type bridge && nft add table netdev mine && "
		     "nft 'add chain netdev mine out { type filter hook egress devices = { other, eth0 } "
		     "priority 0; }'",
		     EBUSY, "a hook of nftables (chain out of table netdev mine)");
	lab_open(&lab);
	lab_request(&lab, &request);
	sh(lab.workload,
	   "ip link add eth00 type bridge && nft add table netdev mine && nft add table ip mine && "
	   "nft 'add chain netdev mine door { type filter hook ingress device eth00 priority 0; }' && "
	   "nft 'add chain ip mine in { type filter hook input priority 0; }'");
	plan = plan_for(&request);
	cr_expect_eq(plan->refusals.n, 0, "%s", plan->refusals.item[0].text);
	free(plan);
}

Test(port_refusals, other_kinds)
{
	struct port_request request;
	struct lab lab;

	lab_open(&lab);
	lab_request(&lab, &request);
	strcpy(request.name, "br1");
	sh(lab.workload, "ip link add br1 type bridge");
	refused(&lab, &request, EOPNOTSUPP, "is of kind bridge; only veth and macvlan");
	strcpy(request.name, "vx0");
	sh(lab.workload, "ip link add vx0 type vxlan id 7 dstport 4789");
	refused(&lab, &request, EOPNOTSUPP, "is of kind vxlan");
	strcpy(request.name, "tap0");
	sh(lab.workload, "ip tuntap add tap0 mode tap");
	refused(&lab, &request, EOPNOTSUPP, "is of kind tun");
	strcpy(request.name, "lo");
	refused(&lab, &request, EINVAL, "lo of");
	strcpy(request.name, "eth7");
	refused(&lab, &request, ENODEV, "there is no interface eth7");
}

Test(port_refusals, temporary_addresses)
{
	refused_with(
		"sysctl -qw net.ipv6.conf.eth0.use_tempaddr=2 && "
		"ip addr add fd77::2/64 dev eth0 nodad mngtmpaddr valid_lft 40000 preferred_lft 30000 && "
		/* Past its detection: its route comes only then. */
		"for i in $(seq 30); do ip -6 addr show dev eth0 temporary -tentative | grep -q inet6 && "
		"exit 0; "
		"sleep 0.2; done; exit 1",
		EOPNOTSUPP, "use_tempaddr");
}

Test(port_refusals, the_hosts_own_namespace)
{
	struct port_request request;
	struct lab lab;
	int host;

	lab_open(&lab);
	lab_request(&lab, &request);
	host = open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC);
	if (host < 0)
		cr_skip_test("process 1 may not be looked at here");
	request.workload_ns = host;
	/* Whatever is there, or not. */
	strcpy(request.name, "lo");
	cr_expect(is_refused(plan_for(&request), EINVAL, "host's own network namespace"));
	close(host);
}

Test(port_refusals, the_agents_namespace_and_names)
{
	struct port_request request;
	struct lab lab;

	lab_open(&lab);
	lab_request(&lab, &request);
	sh(lab.agent, "ip link add vin1f-eth0 type bridge");
	cr_expect(is_refused(plan_for(&request), EEXIST, "already an interface vin1f-eth0"));
	request.agent_ns = lab.workload;
	cr_expect(is_refused(plan_for(&request), EINVAL, "shares its network namespace"));
}

Test(port_refusals, too_many_objects)
{
	refused_with("sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1; ip -batch - <<E\n$(for i in $(seq 4200); "
		     "do echo route add 10.$((i / 250)).$((i % "
		     "250)).0/24 dev eth0; done)\nE",
		     E2BIG, "more than the 4096");
}

/* All of them, not the first. */
Test(port_refusals, are_told_together)
{
	struct port_request request;
	struct port_plan *plan;
	struct lab lab;

	lab_open(&lab);
	lab_request(&lab, &request);
	request.max_mtu = 1400;
	sh(lab.workload, "ip link add link eth0 name mv0 type macvlan && ip link add link eth0 name mv1 type "
			 "macvlan && tc qdisc add dev eth0 clsact && tc filter add dev eth0 ingress protocol "
			 "all u32 match u32 0 0 flowid 1:1");
	plan = plan_for(&request);
	cr_expect(is_refused(plan, EMSGSIZE, "--mtu 9216"));
	cr_expect(is_refused(plan, EBUSY, "remove mv0 first"));
	cr_expect(is_refused(plan, EBUSY, "remove mv1 first"));
	cr_expect(is_refused(plan, EBUSY, "tc filter del"));
	cr_expect_eq(plan->refusals.n, 4);
}

static bool is_warned(const struct port_plan *plan, const char *words)
{
	for (unsigned int i = 0; i < plan->warnings.n; i++)
		if (strstr(plan->warnings.text[i], words))
			return true;
	return false;
}

Test(port_refusals, a_plan_names_the_steps_and_what_sockets_hold)
{
	struct ip_mreqn group = { .imr_multiaddr.s_addr = htonl(0xef010203) };
	struct sockaddr_ll to_port = { .sll_family = AF_PACKET, .sll_protocol = htons(3) };
	struct port_request request;
	struct port_plan *plan;
	struct lab lab;
	int token, fd, packet;

	lab_open(&lab);
	lab_request(&lab, &request);
	sh(lab.workload, "ip addr add 10.77.0.2/24 dev eth0 && ip addr add 10.77.0.3/24 dev eth0 && "
			 "ip route add default via 10.77.0.1 && ip addr flush dev eth0 scope link");
	plan = plan_for(&request);
	cr_expect_eq(plan->refusals.n, 0);
	cr_expect_geq(plan->steps.n, 6);
	cr_expect(strstr(plan->steps.text[5], "2 addresses"), "%s", plan->steps.text[5]);
	cr_expect_eq(plan->warnings.n, 1, "%s", plan->warnings.text[1]);
	free(plan);

	token = sl_netns_enter(lab.workload, NULL);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "eth0", 5), 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&(struct sockaddr_in){ .sin_family = AF_INET }, 16), 0);
	group.imr_ifindex = (int)if_nametoindex("eth0");
	cr_assert_eq(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)), 0);
	packet = socket(AF_PACKET, SOCK_DGRAM, 0);
	to_port.sll_ifindex = group.imr_ifindex;
	cr_assert_eq(bind(packet, (struct sockaddr *)&to_port, sizeof(to_port)), 0);
	sl_netns_leave(token);
	plan = plan_for(&request);
	cr_expect(is_warned(plan, "1 TCP or UDP sockets are bound"));
	cr_expect(is_warned(plan, "joined group 239.1.2.3"));
	cr_expect(is_warned(plan, "1 packet sockets"));
	cr_expect_not(is_warned(plan, "224.0.0.1"));
	free(plan);
	close(fd);
	close(packet);
	free(plan_for(&request));
	cr_expect_neq(sh_try(lab.agent, "ip -j link | grep -q 'vex\\|vin'"), 0, "a plan changed something");
}
