// SPDX-License-Identifier: BSD-2-Clause
/*
 * A macvlan as a workload's port: the original goes to the agent as it is, in
 * any of its modes, and a veth with its MAC takes its place.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit/port_lab.h"

TestSuite(port_macvlan, .timeout = 60);

/* eth0 is a macvlan on one end of a wire, the other end of which has the lab's usual addresses. */
static void open_macvlan(struct lab *lab, const char *mode)
{
	lab_open(lab);
	sh(lab->host,
	   "ip link del hveth && ip link add lower type veth peer name hveth && ip link set lower up && "
	   "ip link set hveth up && ip addr add 10.77.0.1/24 dev hveth && "
	   "ip addr add fd77::1/64 dev hveth nodad");
	sh(lab->host,
	   "ip link add link lower name mv0 type macvlan mode %s && ip link set mv0 netns "
	   "/proc/%d/fd/%d",
	   mode, getpid(), lab->workload);
	sh(lab->workload, "ip link set mv0 name eth0 && ip link set eth0 up && "
			  "ip addr add 10.77.0.2/24 dev eth0 && ip addr add fd77::2/64 dev eth0 nodad && "
			  "ip route add default via 10.77.0.1 && ip addr flush dev eth0 scope link && "
			  "ip link set eth0 txqueuelen 77 alias mine group 3");
}

static void taken_and_given_back(const char *mode)
{
	struct port_request request;
	struct lab_wires wires;
	struct port_hooks hooks;
	struct port_taken taken;
	struct sl_err err = { 0 };
	struct lab lab;
	char *before;

	open_macvlan(&lab, mode);
	lab_request(&lab, &request);
	lab_hooks(&lab, &wires, &hooks);
	sh(lab.workload, "ping -qc1 -W5 10.77.0.1 >/dev/null && ping -qc1 -W5 fd77::1 >/dev/null");
	for (int round = 0; round < 2; round++) {
		before = lab_picture(lab.workload, "eth0");
		cr_assert_eq(port_take(&request, &hooks, &taken, &err), 0, "%s", err.text);
		sh(lab.workload, "ip -d link show eth0 | grep -q veth && "
				 "ip link show eth0 | grep -q 'qlen 77'");
		sh(lab.agent, "ip -d link show vex1f-eth0 | grep -q 'macvlan *mode %s'", mode);
		sh(lab.workload, "ping -qc1 -W5 10.77.0.1 >/dev/null && ping -qc1 -W5 fd77::1 >/dev/null");
		/* From outside too, which asks for its MAC by broadcast and by group. */
		sh(lab.host, "ip neigh flush dev hveth; ping -qc1 -W5 10.77.0.2 >/dev/null && "
			     "ping -qc1 -W5 fd77::2 >/dev/null");
		cr_assert_eq(port_give_back(&taken, lab.workload, lab.agent, &hooks, &err), 0, "%s",
			     err.text);
		lab_same(before, lab_picture(lab.workload, "eth0"), "given back");
		sh(lab.workload, "ping -qc1 -W5 10.77.0.1 >/dev/null && ping -qc1 -W5 fd77::1 >/dev/null");
	}
}

Test(port_macvlan, bridge)
{
	taken_and_given_back("bridge");
}

Test(port_macvlan, private)
{
	taken_and_given_back("private");
}

Test(port_macvlan, vepa)
{
	taken_and_given_back("vepa");
}

Test(port_macvlan, passthru)
{
	taken_and_given_back("passthru");
}

Test(port_macvlan, is_cleared_away_when_its_workload_has_died)
{
	struct port_request request;
	struct port_taken taken;
	struct sl_err err = { 0 };
	struct lab lab;

	open_macvlan(&lab, "bridge");
	lab_request(&lab, &request);
	cr_assert_eq(port_take(&request, NULL, &taken, &err), 0, "%s", err.text);
	sh(lab.workload, "ip link del eth0");
	cr_assert_eq(port_discard(&taken, lab.agent, &err), 0, "%s", err.text);
	cr_expect_neq(sh_try(lab.agent, "ip -j link | grep -q eth0"), 0);
}
