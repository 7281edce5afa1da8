// SPDX-License-Identifier: BSD-2-Clause
/*
 * Ports that move while their frames take a detour: in the very moments in
 * which the port is in no place of use, the workload and its host still reach
 * each other, and the host's end does not notice.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/netns.h"
#include "port/detour.h"
#include "sluiced/attach_detour.h"
#include "unit/port_lab.h"

TestSuite(port_detour, .timeout = 60);

#define PINGS                                                                                                \
	"ping -qc3 -i0.01 -W0.3 10.77.0.1 >/dev/null 2>&1 && ping -qc3 -i0.01 -W0.3 fd77::1 >/dev/null 2>&1"

struct crossing {
	struct lab lab;
	struct lab_wires wires;
	struct port_hooks joined, hooks; /* the lab's, and those that also look */
	struct sl_detour_programs *programs;
	char host_path[PORT_HOST_PATH];
	char why[SL_ERR_LEN]; /* there was no detour */
	unsigned int laid, lifted;
	bool fail;
	int out, back; /* did frames pass while vex was in the agent's hands: exit status, -1: not asked */
};

static int on_ready(void *context, const struct port_taken *taken, struct sl_err *err)
{
	struct crossing *c = context;
	int r = c->joined.ready(c->joined.context, taken, err);

	c->out = sh_try(c->lab.workload, PINGS);
	return r;
}

static void on_undo(void *context, const struct port_taken *taken)
{
	struct crossing *c = context;

	c->joined.undo(c->joined.context, taken);
	c->back = sh_try(c->lab.workload, PINGS);
}

static int on_lay(void *context, const struct port_detour *detour, struct sl_err *err)
{
	struct crossing *c = context;
	struct sl_detour ends = {
		.host_end = detour->host_ifindex,
		.outer = detour->outer_ifindex,
		.inner = detour->inner_ifindex,
		.vin = detour->vin_ifindex,
	};
	int token, r;

	if (c->fail)
		return sl_err(err, EPERM, "no programs today");
	token = sl_netns_enter(c->lab.agent, err);
	cr_assert_geq(token, 0);
	r = sl_detour_lay(c->programs, detour->host_ns, &ends, err);
	sl_netns_leave(token);
	c->laid += !r;
	return r;
}

static int on_use(void *context, bool on, struct sl_err *err)
{
	struct crossing *c = context;

	return sl_detour_use(c->programs, on, err);
}

static void on_lift(void *context)
{
	struct crossing *c = context;

	sl_detour_lift(c->programs);
	c->lifted++;
}

static void on_without(void *context, const struct sl_err *why)
{
	struct crossing *c = context;

	snprintf(c->why, sizeof(c->why), "%s", why->text);
}

static void crossing_open(struct crossing *c, bool detour)
{
	struct sl_err err;
	int r;

	memset(c, 0, sizeof(*c));
	lab_open(&c->lab);
	lab_hooks(&c->lab, &c->wires, &c->joined);
	c->hooks = (struct port_hooks){ .ready = on_ready, .undo = on_undo, .context = c };
	c->out = c->back = -1;
	sh(c->lab.workload, "ip link set eth0 addrgenmode none && ip -6 addr flush dev eth0 scope link && "
			    "ip addr add 10.77.0.2/24 dev eth0 && ip addr add fd77::2/64 dev eth0 nodad && "
			    "ip route add default via 10.77.0.1 && ip -6 route add default via fd77::1");
	/* No addresses that are still being detected in the pictures. */
	sh(c->lab.host, "for i in hveth br0; do ip link set $i addrgenmode none && "
			"ip -6 addr flush dev $i scope link; done");
	if (!detour)
		return;
	r = sl_detour_load(&c->programs, &err);
	cr_assert_eq(r, 0, "%s", err.text);
	snprintf(c->host_path, sizeof(c->host_path), "/proc/%d/fd/%d", getpid(), c->lab.host);
	c->hooks.detour_lay = on_lay;
	c->hooks.detour_use = on_use;
	c->hooks.detour_lift = on_lift;
	c->hooks.detour_without = on_without;
	c->hooks.detour_context = c;
	c->hooks.host_path = c->host_path;
}

/* Taken and given back; in the end as at first. */
static void cross(struct crossing *c)
{
	char *before = lab_picture(c->lab.workload, "eth0"), *host = lab_picture(c->lab.host, "hveth");
	struct port_request request;
	struct port_taken taken;
	struct sl_err err = { 0 };
	int r;

	lab_request(&c->lab, &request);
	r = port_take(&request, &c->hooks, &taken, &err);
	cr_assert_eq(r, 0, "%s", err.text);
	sh(c->lab.workload, PINGS);
	lab_same(strdup(before), lab_picture(c->lab.workload, "eth0"), "taken");
	sh(c->lab.agent, "! ip -6 addr show dev vex1f-eth0 | grep inet6 && "
			 "! ip -d link show dev vex1f-eth0 | grep DORMANT");
	r = port_give_back(&taken, c->lab.workload, c->lab.agent, &c->hooks, &err);
	cr_assert_eq(r, 0, "%s", err.text);
	sh(c->lab.workload, PINGS);
	lab_same(before, lab_picture(c->lab.workload, "eth0"), "given back");
	lab_same(host, lab_picture(c->lab.host, "hveth"), "the host's end");
	sh(c->lab.workload, "! grep sluice /proc/net/dev");
	sh(c->lab.host, "! grep sluice /proc/net/dev");
	sh(c->lab.agent, "! grep -E 'sluice|v[ei][xn]' /proc/net/dev");
	sl_detour_free(c->programs);
}

Test(port_detour, frames_flow_while_the_port_is_away)
{
	struct crossing c;
	char *carrier, *after;

	crossing_open(&c, true);
	carrier = sh_read(c.lab.host, "ip -s -d -j link show dev hveth | grep -o 'carrier_changes\":[0-9]*'; "
				      "ip -o link show dev hveth | cut -d: -f1; ip -4 route; ip -6 route");
	cross(&c);
	cr_expect_str_empty(c.why, "no detour: %s", c.why);
	cr_expect_eq(c.laid, 2);
	cr_expect_eq(c.lifted, 2);
	cr_expect_eq(c.out, 0, "cut off while the port was taken");
	cr_expect_eq(c.back, 0, "cut off while the port was given back");
	after = sh_read(c.lab.host, "ip -s -d -j link show dev hveth | grep -o 'carrier_changes\":[0-9]*'; "
				    "ip -o link show dev hveth | cut -d: -f1; ip -4 route; ip -6 route");
	cr_expect_str_eq(after, carrier, "the host's end has noticed:\n%s", after);
	free(carrier);
	free(after);
}

/* A second of silence for each address, if the kernel went through its detection again. */
static void expect_no_detection(bool detour)
{
	const char *tentative =
		"for i in $(seq 100); do ip -6 addr show dev eth0 tentative | grep -q inet6 || "
		"exit 0; sleep 0.1; done; exit 1";
	struct port_request request;
	struct port_taken taken;
	struct crossing c;
	struct sl_err err;
	int fd, rc;

	crossing_open(&c, detour);
	fd = lab_listen(c.lab.host, "hveth");
	sh(c.lab.workload, "ip addr add fd77::3/64 dev eth0 && ip addr add fe80::77/64 dev eth0");
	sh(c.lab.workload, "%s", tentative);
	cr_assert_geq(lab_detections(fd, 0), 2, "the kernel detects no duplicates, or it is not seen");
	lab_request(&c.lab, &request);
	for (int round = 0; round < 2; round++) {
		rc = port_take(&request, &c.hooks, &taken, &err);
		cr_assert_eq(rc, 0, "%s", err.text);
		sh(c.lab.workload, "! ip -6 addr show dev eth0 tentative | grep inet6");
		sh(c.lab.workload, "ping -qc1 -W1 -I fd77::3 fd77::1 >/dev/null");
		rc = port_give_back(&taken, c.lab.workload, c.lab.agent, &c.hooks, &err);
		cr_assert_eq(rc, 0, "%s", err.text);
		sh(c.lab.workload, "! ip -6 addr show dev eth0 tentative | grep inet6");
		sh(c.lab.workload, "ping -qc1 -W1 -I fd77::3 fd77::1 >/dev/null");
	}
	cr_expect_eq(lab_detections(fd, 1200), 0);
	close(fd);
	sl_detour_free(c.programs);
}

Test(port_detour, no_address_is_detected_again)
{
	expect_no_detection(true);
}

Test(port_detour, no_address_is_detected_again_without_a_detour)
{
	expect_no_detection(false);
}

/* The twin, which shows that these were the moments. */
Test(port_detour, without_one_the_workload_is_cut_off_in_these_moments)
{
	struct crossing c;

	crossing_open(&c, false);
	cross(&c);
	cr_expect_gt(c.out, 0);
	cr_expect_gt(c.back, 0);
}

Test(port_detour, one_that_cannot_be_laid_is_done_without)
{
	struct crossing c;

	crossing_open(&c, true);
	c.fail = true;
	cross(&c);
	cr_expect_str_eq(c.why, "no programs today");
	cr_expect_eq(c.laid, 0);
}

/* What a daemon that was killed has left of one. */
Test(port_detour, one_that_was_left_is_cleared_away)
{
	struct sl_err err = { 0 };
	struct crossing c;

	crossing_open(&c, true);
	sh(c.lab.agent,
	   "ip link add sluicedetour type veth peer name p && ip link set p netns /proc/%d/fd/%d", getpid(),
	   c.lab.host);
	sh(c.lab.host, "ip link set p name sluicedetour0");
	cr_assert_eq(port_tidy(c.lab.agent, &err), 0, "%s", err.text);
	sh(c.lab.host, "! grep sluice /proc/net/dev");
	/* And by the next take, where nobody has tidied. */
	sh(c.lab.agent, "ip link add sluicedetour type veth peer name p");
	cross(&c);
	cr_expect_str_empty(c.why, "no detour: %s", c.why);
}

/* They would not see what goes over a detour. */
Test(port_detour, programs_of_others_on_the_hosts_end)
{
	struct crossing c;

	crossing_open(&c, true);
	sh(c.lab.host, "tc qdisc add dev hveth clsact && "
		       "tc filter add dev hveth egress protocol all u32 match u32 0 0 flowid 1:1");
	cross(&c);
	cr_expect(strstr(c.why, "programs or filters of others"), "%s", c.why);
	cr_expect_eq(c.laid, 0);
}

static void expect_reason(const struct crossing *c, const char *doing, const char *undoing,
			  const char *reason)
{
	struct port_side agent = { 0 }, workload = { 0 };
	struct port_snapshot port = PORT_SNAPSHOT_NONE;
	struct sl_err err = { 0 };
	struct detour detour;

	sh(c->lab.workload, "%s", doing);
	cr_assert_eq(port_side_open(&agent, c->lab.agent, "agent", &err), 0);
	cr_assert_eq(port_side_open(&workload, c->lab.workload, "workload", &err), 0);
	cr_assert_eq(snapshot_take(&workload, "eth0", 0, &port, &err), 0, "%s", err.text);
	cr_expect_lt(detour_plan(&detour, &agent, &c->hooks, &workload, "eth0", &port, &err), 0,
		     "a detour in spite of: %s", doing);
	cr_expect(strstr(err.text, reason), "\"%s\" instead of \"%s\"", err.text, reason);
	detour_close(&detour);
	snapshot_free(&port);
	port_side_close(&workload);
	port_side_close(&agent);
	sh(c->lab.workload, "%s", undoing);
}

/* Ports whose like cannot stand beside them for a moment. */
Test(port_detour, what_there_is_no_detour_for)
{
	struct crossing c;

	crossing_open(&c, true);
	expect_reason(&c, "ip route add 198.51.100.0/24 nexthop via 10.77.0.1 nexthop via 10.77.0.9",
		      "ip route del 198.51.100.0/24", "shares routes");
	expect_reason(&c, "ip nexthop add id 7 via 10.77.0.1 dev eth0", "ip nexthop del id 7",
		      "nexthop objects");
	expect_reason(&c, "ip link set eth0 mode dormant", "ip link set eth0 mode default", "dormant");
	expect_reason(&c, "ip link set eth0 down", "ip link set eth0 up", "is down");
	expect_reason(
		&c, "ip addr flush dev eth0 && ip link set eth0 up && ip route add 198.51.100.0/24 dev eth0",
		"true", "without an IPv4 address");
	c.hooks.detour_lay = NULL;
	expect_reason(&c, "true", "true", "no programs");
	sl_detour_free(c.programs);
}
