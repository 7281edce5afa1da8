// SPDX-License-Identifier: BSD-2-Clause
/*
 * The harness proves itself on a plain veth pair, so that a failure elsewhere
 * is sluice's and not the tests'. Invariant: no daemon runs here.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lib/sniff.h"
#include "lib/topo.h"
#include "lib/world.h"

TestSuite(harness, .init = world_enter, .fini = world_leave, .timeout = 60);

Test(harness, plain_veth_carries_everything)
{
	struct topo *t = topo_bare();
	struct flow *flow;
	long sent, received, gap;

	cr_assert(ping(t->host, WL_IP4), "%s", ns_said());
	cr_assert(ping(t->host, WL_IP6), "%s", ns_said());
	tcp_exchange(t->workload, WL_IP4, t->host, 5000000);
	tcp_exchange(t->workload, WL_IP6, t->host, 5000000);
	flow = flow_start(t->host, t->workload, WL_IP6, 5000, 2000, 200);
	flow_stop(flow, &sent, &received, &gap);
	cr_assert(sent > 0 && sent == received, "sent %ld, received %ld", sent, received);
	topo_leaks(t);
}

Test(harness, a_lost_datagram_is_noticed)
{
	struct topo *t = topo_bare();
	struct flow *flow;
	long sent, received;

	flow = flow_start(t->host, t->workload, WL_IP4, 5000, 5000, 100);
	ns_run(t->workload, "ip link set eth0 down; ip link set eth0 up");
	flow_stop(flow, &sent, &received, NULL);
	cr_assert(received < sent, "sent %ld, received %ld", sent, received);
}

Test(harness, frames_are_what_the_kernel_takes)
{
	struct topo *t = topo_bare();
	struct sniff *host = sniff_open(t->host, "vethwl", false),
		     *far = sniff_open(t->workload, "eth0", false);
	struct mac dst = mac_of(WL_MAC), src = link_mac(t->host, "vethwl");
	struct frame f;
	const struct seen *seen;

	frame_eth(&f, dst, src);
	frame_ipv4(&f, HOST_IP4, WL_IP4, IPPROTO_ICMP);
	frame_icmp(&f, 8, 0, 77, 1, NULL, 56);
	cr_assert(frame_checksums_right(f.data, f.len));
	sniff_send(host, &f);
	cr_assert_str_eq(sniff_expect(far, 2000, &f), "");
	seen = sniff_wait(host, 2000, seen_dst, &src);
	cr_assert(seen && frame_checksums_right(seen->data, seen->len), "no answer to an echo request");

	frame_eth(&f, dst, src);
	frame_ipv6(&f, HOST_IP6, WL_IP6, IPPROTO_ICMPV6);
	frame_icmp(&f, 128, 0, 77, 1, NULL, 56);
	sniff_send(host, &f);
	cr_assert_str_eq(sniff_expect(far, 2000, &f), "");
	seen = sniff_wait(host, 2000, seen_dst, &src);
	cr_assert(seen && frame_checksums_right(seen->data, seen->len),
		  "no answer to an ICMPv6 echo request");

	frame_eth(&f, dst, src);
	frame_vlan(&f, ETH_P_8021AD, 100);
	frame_vlan(&f, ETH_P_8021Q, 5);
	frame_ipv4(&f, HOST_IP4, WL_IP4, IPPROTO_UDP);
	frame_udp(&f, 1, 2, NULL, 101);
	cr_assert(frame_checksums_right(f.data, f.len));
	sniff_send(host, &f);
	cr_assert_str_eq(sniff_expect(far, 2000, &f), "");
	f.data[f.len - 1] ^= 1;
	cr_assert(!frame_checksums_right(f.data, f.len), "a wrong checksum is not noticed");
}

Test(harness, nothing_outlives_its_namespace)
{
	struct ns *a = ns_create("a"), *b = ns_create("b");

	link_pair(a, "left", NULL, b, "right", "02:00:00:00:00:01");
	cr_assert_str_eq(link_names(a), "left");
	cr_assert(mac_equal(link_mac(b, "right"), mac_of("02:00:00:00:00:01")));
	ns_kill(b);
	cr_assert(wait_until(3000, !link_exists(a, "left")), "the far end outlived its namespace");
}
