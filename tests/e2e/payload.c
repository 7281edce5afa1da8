// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is carried arrives as it was sent: every byte, right checksums, with
 * the workload's offloads on or off, large and in fragments, IPv4 and IPv6.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/features.h"
#include "lib/sniff.h"
#include "lib/topo.h"
#include "lib/world.h"

TestSuite(payload, .init = world_enter, .fini = world_leave, .timeout = 90);

#define OFFLOADS_OFF "ethtool -K eth0 tx off tso off gso off gro off"

static void tcp_all_ways(struct topo *t, unsigned long bytes)
{
	tcp_exchange(t->workload, WL_IP4, t->host, bytes);
	tcp_exchange(t->host, HOST_IP4, t->workload, bytes);
	tcp_exchange(t->workload, WL_IP6, t->host, bytes);
	tcp_exchange(t->host, HOST_IP6, t->workload, bytes);
}

Test(payload, tcp_inline_with_offloads)
{
	struct topo *t = topo_direct("");

	daemon_intercept(t->d, t->workload, "--mode inline");
	tcp_all_ways(t, 20000000);
	topo_end(t);
}

Test(payload, tcp_inline_without_offloads)
{
	struct topo *t = topo_direct("");

	ns_run(t->workload, OFFLOADS_OFF);
	daemon_intercept(t->d, t->workload, "--mode inline");
	tcp_all_ways(t, 5000000);
	topo_end(t);
}

Test(payload, tcp_off_tap_and_failing_open)
{
	struct topo *t = topo_direct("");

	daemon_intercept(t->d, t->workload, "--mode off");
	tcp_all_ways(t, 20000000);
	ctl_do(t->d, "mode --all tap");
	tcp_all_ways(t, 5000000);
	ctl_do(t->d, "mode --all inline --fail open");
	tcp_all_ways(t, 5000000);
	topo_end(t);
}

/* The receiving socket drops what its checksum does not fit, so a stream without loss is a stream with right sums. */
Test(payload, udp_of_all_sizes_both_families)
{
	static const int sizes[] = { 4, 18, 63, 512, 1452 };
	struct topo *t = topo_direct("");
	char address[64];

	daemon_intercept(t->d, t->workload, "--mode inline");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		snprintf(address, sizeof(address), "%s", i & 1 ? WL_IP6 : WL_IP4);
		flow_end(flow_start(t->host, t->workload, address, 5000 + i, 1000, sizes[i]));
		snprintf(address, sizeof(address), "%s", i & 1 ? HOST_IP4 : HOST_IP6);
		flow_end(flow_start(t->workload, t->host, address, 5000 + i, 1000, sizes[i]));
	}
	topo_end(t);
}

static bool is_udp_to_5000(const struct seen *seen, const void *unused)
{
	(void)unused;
	return seen->len > 42 && seen->data[12] == 8 && seen->data[13] == 0 &&
	       seen->data[23] == IPPROTO_UDP && seen->data[36] == 5000 >> 8 &&
	       seen->data[37] == (5000 & 0xff);
}

/*
 * The sender leaves the sum to its offload; behind the core it must be complete, not only believed. (Two that leave
 * together are summed when they are cut: bundles/arrive_bit_by_bit.)
 */
Test(payload, checksums_are_complete_behind_the_core)
{
	struct topo *t = topo_direct("--bulk no");
	struct sniff *eth0;
	const struct seen *seen;
	struct flow *flow;

	daemon_intercept(t->d, t->workload, "--mode inline");
	eth0 = sniff_open(t->workload, "eth0", false);
	flow = flow_start(t->host, t->workload, WL_IP4, 5000, 500, 100);
	for (int i = 0; i < 5; i++) {
		seen = sniff_wait(eth0, 3000, is_udp_to_5000, NULL);
		cr_assert(seen != NULL, "no datagram on eth0");
		cr_expect(frame_checksums_right(seen->data, seen->len), "wrong checksum: %s",
			  frame_hex(seen->data, seen->len));
		cr_expect(!seen->csum_partial, "the checksum is still to be finished behind the core");
	}
	flow_end(flow);
	sniff_close(eth0);
	topo_end(t);
}

Test(payload, fragments_of_both_families)
{
	struct topo *t = topo_direct("");

	daemon_intercept(t->d, t->workload, "--mode inline");
	ns_run(t->host, "ping -n -c 5 -i 0.02 -W 2 -s 8000 " WL_IP4);
	ns_run(t->host, "ping -n -c 5 -i 0.02 -W 2 -s 8000 " WL_IP6);
	ns_run(t->workload, "ping -n -c 5 -i 0.02 -W 2 -s 30000 " HOST_IP4);
	ns_run(t->workload, "ping -n -c 5 -i 0.02 -W 2 -s 30000 " HOST_IP6);
	topo_end(t);
}

Test(payload, frames_of_exactly_the_mtu)
{
	struct topo *t = topo_direct("");

	daemon_intercept(t->d, t->workload, "--mode inline");
	ns_run(t->host, "ping -n -c 3 -i 0.02 -W 2 -M do -s 1472 " WL_IP4);
	ns_run(t->host, "ping -n -c 3 -i 0.02 -W 2 -M do -s 1452 " WL_IP6);
	ns_run(t->workload, "ping -n -c 3 -i 0.02 -W 2 -M do -s 1472 " HOST_IP4);
	topo_end(t);
}

Test(payload, jumbo_frames)
{
	struct topo *t;

	need_multi_buffer();
	t = topo_bare();
	ns_run(t->host, "ip link set vethwl mtu 9000");
	ns_run(t->workload, "ip link set eth0 mtu 9000");
	free(t->before_workload);
	t->before_workload = topo_look(t->workload);
	t->d = daemon_start(t->host, t->agent, "--mtu 9216");
	daemon_intercept(t->d, t->workload, "--mode inline");
	ns_run(t->host, "ping -n -c 3 -i 0.02 -W 2 -M do -s 8972 " WL_IP4);
	ns_run(t->workload, "ping -n -c 3 -i 0.02 -W 2 -M do -s 8952 " HOST_IP6);
	tcp_all_ways(t, 10000000);
	topo_end(t);
}

Test(payload, a_port_with_a_larger_mtu_is_refused)
{
	struct topo *t = topo_bare();
	const char *said;

	ns_run(t->host, "ip link set vethwl mtu 9000");
	ns_run(t->workload, "ip link set eth0 mtu 9000");
	free(t->before_workload);
	t->before_workload = topo_look(t->workload);
	t->d = daemon_start(t->host, t->agent, " ");
	said = ctl_refused(t->d, "intercept pid:%d --port eth0", t->workload->pid);
	cr_expect(strstr(said, "mtu"), "the refusal does not say what to do: %s", said);
	cr_expect(ping(t->host, WL_IP4), "%s", ns_said());
	topo_end(t);
}
