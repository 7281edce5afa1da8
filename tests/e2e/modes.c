// SPDX-License-Identifier: BSD-2-Clause
/*
 * The four modes, seen from both ends of the wiring: who gets an answer, and
 * which way the counters say that the frames went.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lib/sniff.h"
#include "lib/topo.h"
#include "lib/world.h"

TestSuite(modes, .init = world_enter, .fini = world_leave, .timeout = 60);

static void ping_both(struct topo *t)
{
	cr_assert(ping(t->host, WL_IP4), "%s", ns_said());
	cr_assert(ping(t->host, WL_IP6), "%s", ns_said());
	cr_assert(ping(t->workload, HOST_IP4), "%s", ns_said());
	cr_assert(ping(t->workload, HOST_IP6), "%s", ns_said());
}

Test(modes, inline_goes_through_the_core)
{
	struct topo *t = topo_direct("");

	daemon_intercept(t->d, t->workload, "--mode inline --id 180");
	ping_both(t);
	/* 12 requests and 12 answers, six each way for each end. */
	cr_expect_geq(counter(t->d, SL_PROG_VEX, SL_R_diverted), 12);
	cr_expect_geq(counter(t->d, SL_PROG_VIN, SL_R_diverted), 12);
	cr_expect_geq(counter(t->d, SL_PROG_VTH, SL_R_to_core), 24);
	cr_expect_geq(counter(t->d, SL_PROG_VBR, SL_R_to_workload), 12);
	cr_expect_geq(counter(t->d, SL_PROG_VBR, SL_R_to_network), 12);
	cr_expect_eq(counter_legs(t->d, SL_R_direct), 0);
	topo_end(t);
}

Test(modes, off_goes_straight)
{
	struct topo *t = topo_direct("");

	daemon_intercept(t->d, t->workload, "--mode off");
	ping_both(t);
	cr_expect_geq(counter(t->d, SL_PROG_VEX, SL_R_direct), 12);
	cr_expect_geq(counter(t->d, SL_PROG_VIN, SL_R_direct), 12);
	cr_expect_eq(counter_legs(t->d, SL_R_diverted), 0);
	cr_expect_eq(counter_in(t->d, SL_PROG_VTH), 0);
	topo_end(t);
}

Test(modes, tap_copies_and_delivers_once)
{
	struct topo *t = topo_direct("");

	daemon_intercept(t->d, t->workload, "--mode tap");
	ping_both(t);
	cr_expect_eq(ns_sh(t->host, "ping -n -c 5 -i 0.02 -W 1 " WL_IP4 " | grep DUP"), 1,
		     "a copy came through: %s", ns_said());
	cr_expect_geq(counter_legs(t->d, SL_R_tapped), 24);
	cr_expect_geq(counter(t->d, SL_PROG_VTH, SL_R_to_core), 24);
	/* The core sends the copies back, and none of them goes further than vbr. */
	cr_expect(wait_until(2000, counter(t->d, SL_PROG_VBR, SL_R_tap_copy) >= 24));
	cr_expect_eq(counter(t->d, SL_PROG_VBR, SL_R_to_workload), 0);
	topo_end(t);
}

Test(modes, quarantine_lets_nothing_through)
{
	struct topo *t = topo_direct("");

	daemon_intercept(t->d, t->workload, "--mode quarantine");
	cr_expect(!ping(t->host, WL_IP4));
	cr_expect(!ping(t->workload, HOST_IP6));
	cr_expect_gt(counter(t->d, SL_PROG_VEX, SL_R_quarantine), 0);
	cr_expect_gt(counter(t->d, SL_PROG_VIN, SL_R_quarantine), 0);
	ctl_do(t->d, "mode --all inline");
	cr_expect(ping_within(t->host, WL_IP4, 5000), "%s", ns_said());
	topo_end(t);
}

Test(modes, the_mac_on_vbr_is_the_ucmac)
{
	struct topo *t = topo_direct("");
	struct mac uc = mac_uc(WL_ID), real = mac_of(WL_MAC);
	struct sniff *vbr;
	const struct seen *seen;
	struct proc *pings;
	json_t *workloads;

	daemon_intercept(t->d, t->workload, "--mode inline --id 180");
	workloads = ctl(t->d, "workloads");
	cr_expect_str_eq(json_text(workloads, "items.0.ucmac"), "4e:65:75:56:00:b4");
	cr_expect_str_eq(json_text(workloads, "items.0.mac"), WL_MAC);
	vbr = sniff_open(t->agent, "vbr", true);
	pings = ns_spawn(t->host, "ping -n -c 5 -i 0.02 -W 1 " WL_IP4);
	seen = sniff_wait(vbr, 3000, seen_dst, &uc);
	cr_expect(seen != NULL, "no frame with the UCMAC as destination on vbr");
	seen = sniff_wait(vbr, 3000, seen_src, &uc);
	cr_expect(seen != NULL, "no frame with the UCMAC as source on vbr");
	cr_expect_eq(proc_end(pings, 0, 5000), 0);
	/* Whatever else is there carries it as well, and the real MAC never appears. */
	while ((seen = sniff_next(vbr, 0))) {
		cr_expect(seen_dst(seen, &uc) != seen_src(seen, &uc), "on vbr: %s",
			  frame_hex(seen->data, 32));
		cr_expect(!seen_dst(seen, &real) && !seen_src(seen, &real), "on vbr: %s",
			  frame_hex(seen->data, 32));
	}
	sniff_close(vbr);
	topo_end(t);
}

static bool has_marker(const struct seen *seen, const void *marker)
{
	return seen->len > 56 && !memcmp(seen->data + seen->len - 16, marker, 16);
}

/* Frames that must not arrive. */
static const struct {
	const char *what;
	const char *dst, *src; /* NULL: the workload's, the host's */
	const char *ip_dst;
	bool v6;
	unsigned int tags;
} slips[] = {
	{ "a foreign destination MAC", "02:00:00:00:00:99", NULL, WL_IP4, false, 0 },
	{ "the UCMAC as destination", "4e:65:75:56:00:b4", NULL, WL_IP4, false, 0 },
	{ "the UCMAC as source", NULL, "4e:65:75:56:00:b4", WL_IP4, false, 0 },
	{ "the BCMAC as destination", "ff:ff:ff:00:00:b4", NULL, WL_IP4, false, 0 },
	{ "broadcast MAC around unicast IP", "ff:ff:ff:ff:ff:ff", NULL, WL_IP4, false, 0 },
	{ "multicast MAC around unicast IPv6", "33:33:00:00:00:01", NULL, WL_IP6, true, 0 },
	{ "a tag and the UCMAC", "4e:65:75:56:00:b4", NULL, WL_IP4, false, 1 },
	{ "three tags and a foreign MAC", "02:00:00:00:00:99", NULL, WL_IP6, true, 3 },
	{ "more tags than anyone follows", NULL, NULL, WL_IP4, false, 12 },
};

Test(modes, what_must_not_slip_by)
{
	static const uint8_t marker[16] = "slips-by-marker";
	struct topo *t = topo_direct("");
	struct sniff *host = sniff_open(t->host, "vethwl", false), *far;
	struct mac wl = mac_of(WL_MAC), src = link_mac(t->host, "vethwl");
	const struct seen *seen;
	struct frame f;

	daemon_intercept(t->d, t->workload, "--mode inline --strict --id 180");
	far = sniff_open(t->workload, "eth0", false);
	for (size_t i = 0; i < sizeof(slips) / sizeof(*slips); i++) {
		frame_eth(&f, slips[i].dst ? mac_of(slips[i].dst) : wl,
			  slips[i].src ? mac_of(slips[i].src) : src);
		for (unsigned int tag = 0; tag < slips[i].tags; tag++)
			frame_vlan(&f, ETH_P_8021Q, 0);
		if (slips[i].v6)
			frame_ipv6(&f, HOST_IP6, slips[i].ip_dst, IPPROTO_UDP);
		else
			frame_ipv4(&f, HOST_IP4, slips[i].ip_dst, IPPROTO_UDP);
		frame_udp(&f, 4000 + i, 9, marker, sizeof(marker));
		sniff_send(host, &f);
	}
	/* A ping that went through all the same queues came after them. */
	cr_assert(ping(t->host, WL_IP4), "%s", ns_said());
	while ((seen = sniff_next(far, 0)))
		cr_expect(!has_marker(seen, marker), "slipped by: %s", frame_hex(seen->data, seen->len));
	topo_end(t);
}
