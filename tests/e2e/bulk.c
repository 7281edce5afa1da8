// SPDX-License-Identifier: BSD-2-Clause
/*
 * The bulk lane: streams that stay with the core take it, in order and whole,
 * whatever the ports' offloads are; they are judged on it as on the other, and
 * nothing is lost when core, policy or entries change under it.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/features.h"
#include "lib/flowmap.h"
#include "lib/rules.h"
#include "lib/sniff.h"
#include "lib/streams.h"
#include "lib/tags.h"
#include "lib/topo.h"
#include "lib/world.h"

TestSuite(bulk, .init = world_enter, .fini = world_leave, .timeout = 120);

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

#define ALLOW_7900                                                                                           \
	"version: 1\ndefault: {mode: protect}\nrules:\n"                                                     \
	"  - {id: 1, direction: both, protocol: tcp, ports: 7000-7999, action: allow}\n"                     \
	"  - {id: 3, direction: both, protocol: icmp, action: allow}\n"
#define NOTHING_BUT_ICMP                                                                                     \
	"version: 1\ndefault: {mode: protect}\nrules:\n"                                                     \
	"  - {id: 3, direction: both, protocol: icmp, action: allow}\n"

static bool is_tagged(const struct seen *seen, const void *tpid)
{
	return seen->data[12] << 8 == (*(const uint16_t *)tpid & 0xff00) &&
	       seen->data[13] == (*(const uint16_t *)tpid & 0xff);
}

/* Both directions are carried by the lane. */
static void until_bulk(struct topo *t)
{
	__u64 to = counter(t->d, SL_PROG_VEX, SL_R_bulk), from = counter(t->d, SL_PROG_VIN, SL_R_bulk);

	cr_assert(wait_until(20000, counter(t->d, SL_PROG_VEX, SL_R_bulk) > to + 100 &&
					    counter(t->d, SL_PROG_VIN, SL_R_bulk) > from + 100),
		  "the bulk lane carries nothing: %llu and %llu frames",
		  counter(t->d, SL_PROG_VEX, SL_R_bulk), counter(t->d, SL_PROG_VIN, SL_R_bulk));
}

static bool count(void *context, const struct sl_flow_key *key, const struct sl_flow *flow)
{
	(void)key;
	*(int *)context += flow->verdict == SL_VERDICT_INSPECT;
	return true;
}

/* How many flows have the lane. */
static int lanes(struct topo *t)
{
	struct sl_err err = { 0 };
	int n = 0;

	cr_assert_geq(sl_flowmap_walk(t->d->maps.flows, count, &n, &err), 0, "%s", err.text);
	return n;
}

static bool forget(void *context, const struct sl_flow_key *key, const struct sl_flow *flow)
{
	(void)context;
	(void)key;
	return flow->verdict != SL_VERDICT_INSPECT;
}

Test(bulk, streams_take_it_and_the_books_are_closed)
{
	struct topo *t = topo_direct("--verdicts no --bulk yes");
	struct stream stream;
	__u64 small, before, packets;
	json_t *list;

	daemon_intercept(t->d, t->workload, "");
	for (int i = 0; i < 2; i++) {
		small = counter_legs(t->d, SL_R_diverted);
		stream = stream_start(t, i ? WL_IP6 : WL_IP4, 7900 + i);
		until_bulk(t);
		cr_expect_eq(lanes(t), 1);
		before = counter_legs(t->d, SL_R_bulk);
		cr_expect(wait_until(20000, counter_legs(t->d, SL_R_bulk) > before + 2000));
		stream_stop(&stream);
		small = counter_legs(t->d, SL_R_diverted) - small;
		list = ctl(t->d, "sessions --protocol tcp --port %d", 7900 + i);
		cr_expect_eq(json_array_size(json_at(list, "items")), 1);
		/* Payload, and a header for each packet as it would be on the wire. */
		cr_expect_geq(json_int(list, "items.0.bytes.0"),
			      (long)stream.sent + 40 * json_int(list, "items.0.packets.0"));
		cr_expect_geq(json_int(list, "items.0.packets.0"), (long)stream.sent / 1448);
		packets = json_int(list, "items.0.packets.0") + json_int(list, "items.0.packets.1");
		cr_expect_lt(small, packets / 10, "%llu frames of %llu packets went by the other lane", small,
			     packets);
		tell("%llu frames of %llu packets went by the other lane", small, packets);
		json_decref(list);
		cr_expect(wait_until(3000, lanes(t) == 0), "its end is not the entry's");
	}
	cr_expect_eq(counter(t->d, SL_PROG_VTK, SL_R_no_core), 0);
	ctl_do(t->d, "counters --check");
	topo_end(t);
}

/* What an operator sees on the pairs: the beginning on one, the bulk on the other, whole, with the workload's UCMAC. */
Test(bulk, tcpdump_shows_both_pairs)
{
	static const struct {
		const char *interface, *what;
	} rows[] = { { "vbr", "Flags [S" }, { "vbk", "Flags [" }, { "vtk", "Flags [" } };
	struct topo *t = topo_direct("--verdicts no --bulk yes");
	struct stream stream;
	struct proc *dump[3];

	daemon_intercept(t->d, t->workload, "");
	for (size_t i = 0; i < 3; i++) {
		dump[i] = ns_spawn(t->agent, "tcpdump -l -n -e -c 1 -i %s 'tcp port 7900%s'",
				   rows[i].interface, i ? " and greater 3000" : "");
		cr_assert(wait_until(10000, strstr(proc_text(dump[i]), "listening")), "%s",
			  proc_text(dump[i]));
	}
	stream = stream_start(t, WL_IP4, 7900);
	until_bulk(t);
	stream_stop(&stream);
	for (size_t i = 0; i < 3; i++) {
		cr_expect(proc_ended(dump[i], 5000), "%s: %s", rows[i].interface, proc_text(dump[i]));
		cr_expect(strstr(proc_text(dump[i]), rows[i].what) &&
				  strstr(proc_text(dump[i]), "4e:65:75:56:00:"),
			  "%s: %s", rows[i].interface, proc_text(dump[i]));
	}
	topo_end(t);
}

/* What the ports' own offloads are changes how large the frames are, and nothing else. */
Test(bulk, offloads_of_every_leg)
{
	static const char *const workload[] = { "tso on gso on gro on", "tso off gso on gro off",
						"tso off gso off gro on", "tx off tso off gso off gro off" };
	static const char *const host[] = { "tx off tso off gso off gro off", "tso off gso off gro on",
					    "tso on gso on gro on" };
	struct topo *t = topo_direct("--verdicts no --bulk yes");
	__u64 before = 0;

	daemon_intercept(t->d, t->workload, "");
	for (size_t i = 0; i < sizeof(workload) / sizeof(*workload); i++) {
		ns_run(t->workload, "ethtool -K eth0 %s", workload[i]);
		ns_run(t->host, "ethtool -K vethwl %s", host[i % 3]);
		tcp_exchange(t->workload, i % 2 ? WL_IP4 : WL_IP6, t->host, 6000000);
		tcp_exchange(t->host, i % 2 ? HOST_IP6 : HOST_IP4, t->workload, 6000000);
		cr_expect_gt(counter_legs(t->d, SL_R_bulk), before, "%s / %s", workload[i], host[i % 3]);
		before = counter_legs(t->d, SL_R_bulk);
	}
	ns_run(t->workload, "ethtool -K eth0 tx on tso on gso on gro off");
	ns_run(t->host, "ethtool -K vethwl tx on tso on gso on gro off");
	topo_end(t);
}

static void try_mtus(const int *mtus, size_t n, const char *options)
{
	struct topo *t = topo_bare();
	__u64 before = 0;

	t->d = daemon_start(t->host, t->agent, "--verdicts no --bulk yes %s", options);
	daemon_intercept(t->d, t->workload, "");
	for (size_t i = 0; i < n; i++) {
		ns_run(t->host, "ip link set vethwl mtu %d", mtus[i]);
		ns_run(t->workload, "ip link set eth0 mtu %d", mtus[i]);
		ns_run(t->agent,
		       "for i in $(ip -o link | grep -o 'v[ie][nx][0-9a-f]*-eth0'); do ip link set $i mtu "
		       "%d; done",
		       mtus[i]);
		tcp_exchange(t->workload, WL_IP4, t->host, 6000000);
		cr_expect_gt(counter_legs(t->d, SL_R_bulk), before, "mtu %d", mtus[i]);
		before = counter_legs(t->d, SL_R_bulk);
	}
	ns_run(t->host, "ip link set vethwl mtu 1500");
	ns_run(t->workload, "ip link set eth0 mtu 1500");
	ns_run(t->agent, "for i in $(ip -o link | grep -o 'v[ie][nx][0-9a-f]*-eth0'); do ip link set $i mtu "
			 "1500; done");
	/* IPv6 forgets its addresses below 1280. */
	free(t->before_workload);
	t->before_workload = topo_look(t->workload);
	topo_end(t);
}

Test(bulk, any_mtu)
{
	static const int mtus[] = { 576, 1280, 1500 };

	try_mtus(mtus, 3, "");
}

/* Their first frames and what is small go by the other lane, in several buffers. */
Test(bulk, any_larger_mtu)
{
	static const int mtus[] = { 4000, 9216 };

	need_multi_buffer();
	try_mtus(mtus, 2, "--mtu 9216");
}

/* The outermost tag is beside the frame, the others are in its data. */
Test(bulk, tagged_streams)
{
	static const struct {
		const char *what;
		unsigned int n, tpid[TAGS_MAX];
	} rows[] = { { "802.1Q", 1, { ETH_P_8021Q } },
		     { "802.1ad", 1, { ETH_P_8021AD } },
		     { "802.1Q in 802.1ad", 2, { ETH_P_8021AD, ETH_P_8021Q } } };
	struct topo *t = topo_direct("--verdicts no --bulk yes");
	__u64 to, from;

	daemon_intercept(t->d, t->workload, "");
	/* The ports' MTU is without the tags. */
	for (int end = 0; end < 2; end++)
		ns_run(end ? t->host : t->workload,
		       "ip route add %s dev %s mtu 1400 && ip route add %s dev %s mtu 1400",
		       end ? WL_IP4 : HOST_IP4, end ? "vethwl" : "eth0", end ? WL_IP6 : HOST_IP6,
		       end ? "vethwl" : "eth0");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct sniff *post = sniff_open(t->workload, "eth0", true);
		uint16_t outer = (uint16_t)rows[i].tpid[0];

		tags_on(t->workload, "eth0", rows[i].n, rows[i].tpid);
		tags_on(t->host, "vethwl", rows[i].n, rows[i].tpid);
		for (int v6 = 0; v6 < 2; v6++) {
			to = counter(t->d, SL_PROG_VEX, SL_R_bulk);
			from = counter(t->d, SL_PROG_VIN, SL_R_bulk);
			tcp_exchange(t->workload, v6 ? WL_IP6 : WL_IP4, t->host, 20000000);
			cr_expect(counter(t->d, SL_PROG_VEX, SL_R_bulk) > to + 20 &&
					  counter(t->d, SL_PROG_VIN, SL_R_bulk) > from + 20,
				  "%s: %llu and %llu frames by the bulk lane", rows[i].what,
				  counter(t->d, SL_PROG_VEX, SL_R_bulk) - to,
				  counter(t->d, SL_PROG_VIN, SL_R_bulk) - from);
		}
		cr_expect(sniff_wait(post, 1000, is_tagged, &outer) != NULL, "%s: no tag to be seen",
			  rows[i].what);
		sniff_close(post);
		tags_off(t->workload, "eth0");
		tags_off(t->host, "vethwl");
	}
	ctl_do(t->d, "counters --check");
	for (int end = 0; end < 2; end++)
		ns_run(end ? t->host : t->workload, "ip route del %s dev %s && ip route del %s dev %s",
		       end ? WL_IP4 : HOST_IP4, end ? "vethwl" : "eth0", end ? WL_IP6 : HOST_IP6,
		       end ? "vethwl" : "eth0");
	topo_end(t);
}

/* Many streams, each of which changes its lane while it is at its fastest; the receivers say what came out of order. */
Test(bulk, no_segment_overtakes_another)
{
	struct topo *t;
	__u64 carried;
	long lost;

	streams_on_one_processor();
	t = topo_direct("--workers 2 --verdicts no --bulk yes");
	daemon_intercept(t->d, t->workload, "");
	lost = streams_in_order(t);
	carried = counter_legs(t->d, SL_R_bulk);
	tell("60 streams: %llu frames by the bulk lane, %ld segments sent again", carried, lost);
	cr_expect_gt(carried, 60);
	topo_end(t);
}

/* Entries vanish and come again, policies change their numbers: the stream goes on, whole. */
Test(bulk, changes_of_the_lane_under_load)
{
	struct topo *t = topo_direct("--verdicts no --bulk yes");
	struct stream stream;
	struct sl_err err = { 0 };

	daemon_intercept(t->d, t->workload, "");
	rules_apply(t->d, ALLOW_7900);
	stream = stream_start(t, WL_IP4, 7900);
	until_bulk(t);
	for (int i = 0; i < 5; i++) {
		cr_expect(wait_until(20000, lanes(t) == 1), "not given again");
		cr_expect_geq(sl_flowmap_walk(t->d->maps.flows, forget, NULL, &err), 0, "%s", err.text);
		rules_apply(t->d, i % 2 ? ALLOW_7900
					: ALLOW_7900 "  - {id: 9, direction: both, protocol: tcp, ports: 1, "
						     "action: allow}\n");
	}
	stream_stop(&stream);
	topo_end(t);
}

/* A policy that denies it cuts a stream on the lane as on the other one. */
Test(bulk, a_new_policy_cuts)
{
	struct topo *t = topo_direct("--verdicts no --bulk yes");
	struct stream stream;

	daemon_intercept(t->d, t->workload, "");
	rules_apply(t->d, ALLOW_7900);
	stream = stream_start(t, WL_IP4, 7900);
	until_bulk(t);
	/* The same in other words: judged anew where it is. */
	rules_apply(t->d,
		    ALLOW_7900 "  - {id: 9, direction: both, protocol: tcp, ports: 1, action: allow}\n");
	until_bulk(t);
	rules_apply(t->d, NOTHING_BUT_ICMP);
	cr_expect(proc_ended(stream.client, 5000), "the stream goes on");
	cr_expect(strstr(proc_text(stream.client), "reset") != NULL, "not reset: %s",
		  proc_text(stream.client));
	stream_kill(&stream);
	cr_expect(wait_until(3000, lanes(t) == 0), "its end is not the entry's");
	topo_end(t);
}

/* The core dies and another comes: closed, nothing passes meanwhile, and every byte arrives in the end. */
Test(bulk, the_core_dies_under_it)
{
	struct topo *t = topo_direct("--verdicts no --bulk yes");
	struct stream stream;
	__u64 open;
	pid_t core;

	daemon_intercept(t->d, t->workload, "--fail closed");
	rules_apply(t->d, ALLOW_7900);
	stream = stream_start(t, WL_IP4, 7900);
	until_bulk(t);
	core = core_pid(t->d);
	/* One that stands still rules both lanes. */
	kill(core, SIGSTOP);
	cr_assert(wait_until(5000, core_stale(t->d)));
	open = counter_legs(t->d, SL_R_bulk);
	usleep(300000);
	cr_expect_eq(counter_legs(t->d, SL_R_bulk), open, "sent to a core that is not there");
	kill(core, SIGCONT);
	cr_assert(wait_until(5000, core_alive(t->d)));
	kill(core, SIGKILL);
	cr_assert(wait_until(10000, core_pid(t->d) != core && core_alive(t->d)), "%s", daemon_said(t->d));
	/* The next one gives it again; when it turns is the stream's matter. */
	cr_expect(wait_until(20000, lanes(t) == 1), "%s", daemon_said(t->d));
	cr_expect_eq(counter_legs(t->d, SL_R_fail_open), 0);
	stream_stop(&stream);
	topo_end(t);
}

Test(bulk, copies_in_tap)
{
	struct topo *t = topo_direct("--verdicts no --bulk yes");

	daemon_intercept(t->d, t->workload, "--mode tap");
	tcp_exchange(t->workload, WL_IP4, t->host, 30000000);
	cr_expect_gt(counter_legs(t->d, SL_R_tapped_bulk), 100);
	cr_expect(wait_until(3000, counter(t->d, SL_PROG_VBK, SL_R_tap_copy) >=
					   counter_legs(t->d, SL_R_tapped_bulk)));
	cr_expect_eq(counter(t->d, SL_PROG_VBK, SL_R_to_workload), 0);
	topo_end(t);
}

static bool is_super(const struct seen *seen, const void *unused)
{
	(void)unused;
	return seen->gso_size && seen->data[23] == IPPROTO_UDP;
}

/* Datagrams that leave as one super-frame: it takes the lane after a pause and arrives with its pieces as they were. */
Test(bulk, datagrams_in_super_frames)
{
	struct topo *t = topo_direct("--verdicts no --bulk yes");
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(5000) };
	int sender = ns_socket(t->host, AF_INET, SOCK_DGRAM, 0), receiver, size = 1200;
	static uint8_t out[24000], in[2000];
	struct timeval patience = { .tv_sec = 2 };
	struct sniff *eth0;

	need_udp_super_frames(t->host);
	receiver = ns_socket(t->workload, AF_INET, SOCK_DGRAM, 0);
	cr_assert_eq(bind(receiver, (struct sockaddr *)&to, sizeof(to)), 0);
	setsockopt(receiver, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(receiver, SOL_SOCKET, SO_RCVBUF, &(int){ 4 << 20 }, sizeof(int));
	cr_assert_eq(setsockopt(sender, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)), 0);
	daemon_intercept(t->d, t->workload, "");
	inet_pton(AF_INET, WL_IP4, &to.sin_addr);
	eth0 = sniff_open(t->workload, "eth0", false);
	for (unsigned int i = 0; i < 10; i++) {
		for (unsigned int k = 0; k < 20; k++)
			memset(out + 1200 * k, (int)(i * 20 + k), 1200);
		cr_assert_eq(sendto(sender, out, sizeof(out), 0, (struct sockaddr *)&to, sizeof(to)),
			     (ssize_t)sizeof(out), "%s", strerror(errno));
		for (unsigned int k = 0; k < 20; k++) {
			ssize_t n = recv(receiver, in, sizeof(in), 0);

			cr_assert_eq(n, 1200, "datagram %u of %u: %zd", k, i, n);
			cr_assert(in[0] == (uint8_t)(i * 20 + k) && !memcmp(in, in + 1, 1199),
				  "datagram %u of %u is %u", k, i, in[0]);
		}
		usleep(20000);
	}
	cr_expect_geq(counter(t->d, SL_PROG_VEX, SL_R_bulk), 5);
	cr_expect(sniff_wait(eth0, 1000, is_super, NULL) != NULL, "no super-frame behind the core");
	sniff_close(eth0);
	close(sender);
	close(receiver);
	topo_end(t);
}

/* One lane: as configured, or because the other cannot be had, with the reason where one looks. */
Test(bulk, one_lane_is_enough)
{
	struct topo *t = topo_direct("--verdicts no --bulk no");
	json_t *status, *checks;

	cr_expect(!link_exists(t->agent, "vbk") && !link_exists(t->agent, "vtk"));
	daemon_intercept(t->d, t->workload, "");
	tcp_exchange(t->workload, WL_IP4, t->host, 5000000);
	cr_expect_eq(counter_legs(t->d, SL_R_bulk), 0);
	status = ctl(t->d, "status");
	cr_expect_str_eq(json_text(status, "bulk.reason"), "bulk = no");
	json_decref(status);
	daemon_term(t->d);
	/* Somebody else's. */
	ns_run(t->agent, "ip link add vbk type bridge");
	strcpy(t->d->options, "--bulk yes");
	daemon_restart(t->d);
	status = ctl(t->d, "status");
	cr_expect(strstr(json_text(status, "bulk.reason"), "vbk exists"), "%s", json_dumps(status, 0));
	json_decref(status);
	checks = ctl(t->d, "doctor");
	cr_expect(strstr(json_dumps(checks, 0), "everything goes by vbr"), "%s", json_dumps(checks, 0));
	json_decref(checks);
	tcp_exchange(t->workload, WL_IP4, t->host, 5000000);
	cr_expect_eq(counter_legs(t->d, SL_R_bulk), 0);
	ns_run(t->agent, "ip link del vbk");
	topo_end(t);
}

/* Switched off and on by a restart of the daemon, with streams open: they go on by the lane that is there. */
Test(bulk, is_switched_by_a_restart)
{
	struct topo *t = topo_direct("--verdicts no --bulk yes");
	struct stream stream;
	__u64 before;

	daemon_intercept(t->d, t->workload, "");
	stream = stream_start(t, WL_IP4, 7900);
	until_bulk(t);
	daemon_kill9(t->d);
	until_bulk(t);
	strcat(t->d->options, " --bulk no");
	daemon_restart(t->d);
	cr_assert(wait_until(10000, core_alive(t->d)));
	cr_expect(!link_exists(t->agent, "vbk"));
	before = counter_in(t->d, SL_PROG_VBR);
	cr_expect(wait_until(10000, counter_in(t->d, SL_PROG_VBR) > before + 1000), "%s %s %s",
		  daemon_said(t->d), proc_text(stream.client),
		  ns_run(t->workload, "ss -tni; cat /proc/net/dev"));
	cr_expect(!proc_ended(stream.client, 0), "%s", proc_text(stream.client));
	stream_kill(&stream);
	topo_end(t);
}
