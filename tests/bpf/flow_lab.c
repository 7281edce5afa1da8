// SPDX-License-Identifier: BSD-2-Clause
/* See flow_lab.h. */
#include "bpf/flow_lab.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

struct sl_flow_key flow_key(int family, __u8 protocol)
{
	struct sl_flow_key key = {
		.workload_port = htons(FLOW_WL_PORT),
		.remote_port = htons(FLOW_HOST_PORT),
		.workload = RUNNER_ID,
		.family = (__u8)family,
		.protocol = protocol,
	};

	inet_pton(AF_INET6, family == 4 ? "::ffff:" FLOW_WL4 : FLOW_WL6, key.workload_addr);
	inet_pton(AF_INET6, family == 4 ? "::ffff:" FLOW_HOST4 : FLOW_HOST6, key.remote_addr);
	return key;
}

void flow_give(struct runner *runner, int family, __u8 protocol, enum sl_verdict verdict, __u32 generation,
	       enum sl_way way)
{
	struct sl_flow_key key = flow_key(family, protocol);
	struct mac far = mac_of(FLOW_FAR);
	struct sl_flow flow = {
		.verdict = verdict,
		.generation = generation,
		.check = sl_flow_check(&key, verdict, generation),
		.to_workload.handover.way = way,
		.from_workload.handover.way = way,
	};
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	flow.given_ns = (__u64)now.tv_sec * 1000000000 + (__u64)now.tv_nsec;
	memcpy(flow.to_workload.peer_mac, far.b, SL_MAC_LEN);
	memcpy(flow.from_workload.peer_mac, far.b, SL_MAC_LEN);
	cr_assert_eq(bpf_map_update_elem(runner->maps.flows, &key, &flow, BPF_ANY), 0);
}

struct sl_flow flow_look(struct runner *runner, int family, __u8 protocol)
{
	struct sl_flow_key key = flow_key(family, protocol);
	struct sl_flow flow;

	cr_assert_eq(bpf_map_lookup_elem(runner->maps.flows, &key, &flow), 0);
	return flow;
}

void flow_eth(struct frame *f, bool in)
{
	frame_eth(f, mac_of(in ? FLOW_WL : FLOW_FAR), mac_of(in ? FLOW_FAR : FLOW_WL));
}

void flow_ip(struct frame *f, bool in, int family, __u8 protocol)
{
	flow_eth(f, in);
	if (family == 4)
		frame_ipv4(f, in ? FLOW_HOST4 : FLOW_WL4, in ? FLOW_WL4 : FLOW_HOST4, protocol);
	else
		frame_ipv6(f, in ? FLOW_HOST6 : FLOW_WL6, in ? FLOW_WL6 : FLOW_HOST6, protocol);
}

void flow_tcp(struct frame *f, bool in, int family, __u32 seq, __u32 ack, __u8 flags, size_t len)
{
	flow_ip(f, in, family, IPPROTO_TCP);
	frame_tcp(f, in ? FLOW_HOST_PORT : FLOW_WL_PORT, in ? FLOW_WL_PORT : FLOW_HOST_PORT, seq, ack, flags,
		  NULL, len);
}

void flow_udp(struct frame *f, bool in, int family, size_t len)
{
	flow_ip(f, in, family, IPPROTO_UDP);
	frame_udp(f, in ? FLOW_HOST_PORT : FLOW_WL_PORT, in ? FLOW_WL_PORT : FLOW_HOST_PORT, NULL, len);
}

int flow_run(struct runner *runner, const struct frame *f, bool in, struct outcome *ret)
{
	runner_run(runner, in ? SL_PROG_VEX : SL_PROG_VIN, in ? runner->vex : runner->vin, f->data, f->len,
		   ret);
	return ret->reason;
}
