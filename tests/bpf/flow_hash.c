// SPDX-License-Identifier: BSD-2-Clause
/*
 * The flow hash that picks a queue: both directions alike, fragments by their
 * address pair, different flows spread. Runs the real flow.bpf.h.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "bpf/craft.h"
#include "queue.skel.h"

#define A "1a:27:f3:87:3a:27"
#define B "06:82:9c:02:54:91"

static struct queue_bpf *load(__u32 queues)
{
	struct queue_bpf *skel = queue_bpf__open();
	struct bpf_map *map;

	cr_assert_not_null(skel);
	skel->rodata->queues = queues;
	/* The maps are those of the product, but nothing here is to be pinned. */
	bpf_object__for_each_map(map, skel->obj) bpf_map__set_pin_path(map, NULL);
	cr_assert_eq(queue_bpf__load(skel), 0);
	return skel;
}

static __u32 run(const struct bpf_program *prog, const struct craft *f)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->data, .data_size_in = (__u32)f->len);

	cr_assert_eq(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), 0);
	return opts.retval;
}

static __u32 hash4(struct queue_bpf *skel, const char *src, const char *dst, __u8 proto, __u16 frag,
		   __u16 sport, __u16 dport)
{
	struct craft f;

	craft_ports(craft_ip4(craft_eth(&f, A, B, ETH_P_IP), src, dst, proto, frag), sport, dport);
	return run(skel->progs.queue_hash, &f);
}

/* ext: types of extension headers in order, 0 ends. */
static __u32 hash6(struct queue_bpf *skel, const char *src, const char *dst, const __u8 *ext, __u8 proto,
		   __u16 sport, __u16 dport)
{
	struct craft f;

	craft_ip6(craft_eth(&f, A, B, ETH_P_IPV6), src, dst, ext[0] ? ext[0] : proto);
	for (; ext[0]; ext++)
		craft_ext(&f, ext[0], ext[1] ? ext[1] : proto);
	craft_ports(&f, sport, dport);
	return run(skel->progs.queue_hash, &f);
}

Test(flow_hash, both_directions_alike)
{
	static const __u8 protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP, IPPROTO_GRE };
	static const __u8 none[] = { 0 }, chain[] = { IPPROTO_DSTOPTS, IPPROTO_ROUTING, IPPROTO_AH, 0 };
	struct queue_bpf *skel = load(1);

	for (size_t i = 0; i < sizeof(protos); i++) {
		cr_expect_eq(hash4(skel, "10.0.0.1", "10.0.0.2", protos[i], 0, 1000, 80),
			     hash4(skel, "10.0.0.2", "10.0.0.1", protos[i], 0, 80, 1000), "IPv4, protocol %u",
			     protos[i]);
		cr_expect_eq(hash6(skel, "fd00::1", "fd00:1::2", none, protos[i], 1000, 80),
			     hash6(skel, "fd00:1::2", "fd00::1", none, protos[i], 80, 1000),
			     "IPv6, protocol %u", protos[i]);
	}
	cr_expect_eq(hash6(skel, "fd00::1", "fd00:1::2", chain, IPPROTO_TCP, 1000, 80),
		     hash6(skel, "fd00:1::2", "fd00::1", none, IPPROTO_TCP, 80, 1000),
		     "behind extension headers");
	queue_bpf__destroy(skel);
}

Test(flow_hash, fragments_go_by_addresses)
{
	static const __u8 frag[] = { IPPROTO_FRAGMENT, 0 }, none[] = { 0 };
	struct queue_bpf *skel = load(1);
	__u32 first = hash4(skel, "10.0.0.1", "10.0.0.2", IPPROTO_UDP, 0x2000, 1000, 80);

	cr_expect_eq(first, hash4(skel, "10.0.0.1", "10.0.0.2", IPPROTO_UDP, 0x2064, 7, 9), "middle");
	cr_expect_eq(first, hash4(skel, "10.0.0.1", "10.0.0.2", IPPROTO_UDP, 0x0100, 7, 9), "last");
	cr_expect_eq(first, hash4(skel, "10.0.0.2", "10.0.0.1", IPPROTO_UDP, 0x2000, 80, 1000),
		     "the other way");
	cr_expect_neq(first, hash4(skel, "10.0.0.1", "10.0.0.2", IPPROTO_UDP, 0, 1000, 80),
		      "an unfragmented one has ports");
	cr_expect_eq(hash4(skel, "10.0.0.1", "10.0.0.2", IPPROTO_UDP, 0x4000, 1000, 80),
		     hash4(skel, "10.0.0.1", "10.0.0.2", IPPROTO_UDP, 0, 1000, 80), "DF is no fragment");
	cr_expect_eq(hash6(skel, "fd00::1", "fd00::2", frag, IPPROTO_UDP, 1, 2),
		     hash6(skel, "fd00::2", "fd00::1", frag, IPPROTO_UDP, 3, 4), "IPv6");
	cr_expect_neq(hash6(skel, "fd00::1", "fd00::2", frag, IPPROTO_UDP, 1, 2),
		      hash6(skel, "fd00::1", "fd00::2", none, IPPROTO_UDP, 1, 2), "IPv6, unfragmented");
	queue_bpf__destroy(skel);
}

Test(flow_hash, ports_and_protocol_count)
{
	struct queue_bpf *skel = load(1);
	__u32 h = hash4(skel, "10.0.0.1", "10.0.0.2", IPPROTO_TCP, 0, 1000, 80);

	cr_expect_neq(h, hash4(skel, "10.0.0.1", "10.0.0.2", IPPROTO_TCP, 0, 1001, 80));
	cr_expect_neq(h, hash4(skel, "10.0.0.1", "10.0.0.2", IPPROTO_UDP, 0, 1000, 80));
	cr_expect_neq(h, hash4(skel, "10.0.0.1", "10.0.0.3", IPPROTO_TCP, 0, 1000, 80));
	queue_bpf__destroy(skel);
}

Test(flow_hash, flows_spread_over_queues)
{
	static const __u32 counts[] = { 1, 2, 3, 8, 64 };
	enum { FLOWS = 4096 };

	for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
		struct queue_bpf *skel = load(counts[c]);
		__u32 seen[64] = {};

		/* What a load balancer does to a server: one client address, ports counted up. */
		for (int i = 0; i < FLOWS; i++) {
			struct craft f;
			__u32 q;

			craft_ports(craft_ip4(craft_eth(&f, A, B, ETH_P_IP), "10.0.0.1", "10.0.0.2",
					      IPPROTO_TCP, 0),
				    (__u16)(32768 + i), 80);
			q = run(skel->progs.queue_number, &f);
			cr_assert_lt(q, counts[c], "queue %u of %u", q, counts[c]);
			seen[q]++;
		}
		for (__u32 q = 0; q < counts[c]; q++)
			cr_expect_gt(seen[q], FLOWS / counts[c] / 2, "queue %u of %u has %u of %u", q,
				     counts[c], seen[q], FLOWS);
		queue_bpf__destroy(skel);
	}
}
