// SPDX-License-Identifier: BSD-2-Clause
/*
 * Flows that the core has judged and the kernel carries on: they leave the
 * core in order and whole, come back when the policy changes, are counted to
 * the byte, and end with their connections.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/dial.h"
#include "lib/flowmap.h"
#include "lib/rules.h"
#include "lib/streams.h"
#include "lib/topo.h"
#include "lib/world.h"

TestSuite(verdicts, .init = world_enter, .fini = world_leave, .timeout = 120);

/* Both directions' exchanges are of this port and the next ones. */
#define ALLOW_7900                                                                                           \
	"version: 1\ndefault: {mode: protect}\nrules:\n"                                                     \
	"  - {id: 1, direction: both, protocol: tcp, ports: 7000-7999, action: allow}\n"                     \
	"  - {id: 2, direction: both, protocol: udp, ports: 5000-5099, action: allow}\n"                     \
	"  - {id: 3, direction: both, protocol: icmp, action: allow}\n"
#define ONLY_UDP                                                                                             \
	"version: 1\ndefault: {mode: protect}\nrules:\n"                                                     \
	"  - {id: 2, direction: both, protocol: udp, ports: 5000-5099, action: allow}\n"                     \
	"  - {id: 3, direction: both, protocol: icmp, action: allow}\n"

static bool keep(void *context, const struct sl_flow_key *key, const struct sl_flow *flow)
{
	struct sl_flow *last = context;

	(void)key;
	*last = *flow;
	return true;
}

/* How many judged flows there are, and one of them. */
static int flows(struct topo *t, struct sl_flow *ret)
{
	struct sl_flow one = { 0 };
	struct sl_err err = { 0 };
	int n = sl_flowmap_walk(t->d->maps.flows, keep, &one, &err);

	cr_assert_geq(n, 0, "%s", err.text);
	if (ret)
		*ret = one;
	return n;
}

static void until_carried(struct topo *t)
{
	__u64 before = counter_legs(t->d, SL_R_flow_allowed);

	cr_assert(wait_until(10000, counter_legs(t->d, SL_R_flow_allowed) > before + 200),
		  "the kernel carries nothing");
}

static __u64 dropped_by_core(struct topo *t)
{
	struct sl_core record;
	__u64 dropped = 0;

	for (__u32 queue = 0; queue < SL_QUEUES_MAX; queue++) {
		cr_assert(!bpf_map_lookup_elem(t->d->maps.core, &queue, &record));
		dropped += record.dropped;
	}
	return dropped;
}

Test(verdicts, a_stream_leaves_the_core_and_is_accounted_for)
{
	struct topo *t = topo_direct("");
	struct stream stream;
	struct sl_flow flow;
	__u64 seen, carried;
	json_t *list;

	daemon_intercept(t->d, t->workload, "");
	rules_apply(t->d, ALLOW_7900);
	for (int i = 0; i < 2; i++) {
		__u64 before = counter_legs(t->d, SL_R_diverted);

		stream = stream_start(t, i ? WL_IP6 : WL_IP4, 7900 + i);
		until_carried(t);
		cr_expect_eq(flows(t, &flow), 1);
		cr_expect_eq(flow.verdict, SL_VERDICT_ALLOW);
		cr_expect_eq(flow.rule, 1);
		list = ctl(t->d, "sessions --protocol tcp --port %d", 7900 + i);
		cr_expect_eq(json_array_size(json_at(list, "items")), 1);
		json_decref(list);
		carried = counter_legs(t->d, SL_R_flow_allowed);
		cr_expect(wait_until(20000, counter_legs(t->d, SL_R_flow_allowed) > carried + 5000));
		stream_stop(&stream);
		seen = counter_legs(t->d, SL_R_diverted) - before;
		carried = counter_legs(t->d, SL_R_flow_allowed) - carried;
		cr_expect_lt(seen, carried / 10, "%llu frames went by the core, %llu were carried", seen,
			     carried);
		tell("%llu frames went by the core, %llu were carried", seen, carried);
		cr_expect(wait_until(3000, flows(t, NULL) == 0), "its end is not the entry's");
		list = ctl(t->d, "sessions --protocol tcp --port %d", 7900 + i);
		cr_expect_eq(json_array_size(json_at(list, "items")), 1);
		/* Payload and at least a header for each packet, both ways. */
		for (int way = 0; way < 2; way++) {
			const char *bytes = way ? "items.0.bytes.1" : "items.0.bytes.0";
			const char *packets = way ? "items.0.packets.1" : "items.0.packets.0";

			cr_expect_geq(json_int(list, bytes),
				      (long)(way ? stream.received : stream.sent) +
					      20 * json_int(list, packets),
				      "%s", json_dumps(list, 0));
		}
		json_decref(list);
	}
	topo_end(t);
}

/*
 * Many streams, each handed over while it is at its fastest. The receivers themselves say whether a segment came
 * out of order.
 */
Test(verdicts, no_segment_overtakes_another)
{
	struct topo *t;
	__u64 carried;
	long lost;

	streams_on_one_processor();
	t = topo_direct("--workers 2");
	daemon_intercept(t->d, t->workload, "");
	rules_apply(t->d, ALLOW_7900);
	carried = counter_legs(t->d, SL_R_flow_allowed);
	lost = streams_in_order(t);
	carried = counter_legs(t->d, SL_R_flow_allowed) - carried;
	tell("60 streams: %llu frames carried by the kernel, %ld segments sent again", carried, lost);
	cr_expect_gt(carried, 60);
	cr_expect_eq(dropped_by_core(t), 0);
	topo_end(t);
}

/* From the moment a policy is applied nothing passes on what the one before has allowed. */
Test(verdicts, a_new_policy_cuts_and_lets_go_on)
{
	struct topo *t = topo_direct("");
	struct stream stream;
	long sent, received;
	struct flow *in;
	__u64 before;

	daemon_intercept(t->d, t->workload, "");
	rules_apply(t->d, ALLOW_7900);
	in = flow_start(t->host, t->workload, WL_IP4, 5000, 2000, 200);
	stream = stream_start(t, WL_IP4, 7900);
	until_carried(t);
	/* The same policy in other words: every flow is judged anew, and goes on. */
	rules_apply(t->d,
		    ALLOW_7900 "  - {id: 9, direction: both, protocol: tcp, ports: 1, action: allow}\n");
	until_carried(t);
	cr_expect(!proc_ended(stream.client, 0), "%s", proc_text(stream.client));
	rules_apply(t->d, ONLY_UDP);
	before = counter(t->d, SL_PROG_VEX, SL_R_flow_allowed);
	cr_expect(proc_ended(stream.client, 5000), "the download goes on");
	cr_expect(strstr(proc_text(stream.client), "reset") != NULL, "not reset: %s",
		  proc_text(stream.client));
	stream_kill(&stream);
	cr_expect(wait_until(5000, counter(t->d, SL_PROG_VEX, SL_R_flow_allowed) > before + 500),
		  "what is still allowed is not carried any more");
	/* Beside a download at full speed a datagram may find no room at the core: then that is counted. */
	flow_stop(in, &sent, &received, NULL);
	cr_expect(received <= sent && (__u64)(sent - received) <= core_no_room(t->d),
		  "sent %ld, received %ld, no room for %llu", sent, received, core_no_room(t->d));
	topo_end(t);
}

/* A denied sender is dropped by the kernel, not by the core, however much it sends. */
Test(verdicts, a_denied_flood_ends_in_the_kernel)
{
	struct topo *t = topo_direct("");
	const char *program = world_program("tests/tools/udpflow");
	struct proc *sender, *receiver;
	struct flow *in;
	__u64 before;

	daemon_intercept(t->d, t->workload, "");
	rules_apply(t->d, ALLOW_7900);
	receiver = ns_spawn(t->workload, "%s recv 5100", program);
	cr_assert(wait_until(5000, strstr(proc_text(receiver), "ready")), "%s", proc_text(receiver));
	sender = ns_spawn(t->host, "%s send " WL_IP4 " 5100 5000 200", program);
	cr_expect(wait_until(5000, counter(t->d, SL_PROG_VEX, SL_R_flow_denied) > 100), "nothing is denied");
	before = counter(t->d, SL_PROG_VEX, SL_R_diverted);
	cr_expect(wait_until(5000, counter(t->d, SL_PROG_VEX, SL_R_flow_denied) > 2000));
	cr_expect_lt(counter(t->d, SL_PROG_VEX, SL_R_diverted), before + 10);
	proc_end(sender, SIGTERM, 5000);
	proc_end(receiver, SIGTERM, 5000);
	cr_expect(strstr(proc_text(receiver), "\"received\": 0") ||
			  strstr(proc_text(receiver), "\"received\":0"),
		  "%s", proc_text(receiver));
	/* Allowed by the next policy, it passes. */
	rules_apply(t->d, "version: 1\ndefault: {mode: protect, ingress: allow, egress: allow}\n");
	in = flow_start(t->host, t->workload, WL_IP4, 5100, 1000, 200);
	until_carried(t);
	flow_end(in);
	topo_end(t);
}

/* The core dies: what it had judged goes on, and the next one finds it. */
Test(verdicts, outlive_the_core)
{
	struct topo *t = topo_direct("");
	struct stream stream;
	struct sl_flow flow;
	json_t *list;
	pid_t core;

	daemon_intercept(t->d, t->workload, "--fail closed");
	rules_apply(t->d, ALLOW_7900);
	stream = stream_start(t, WL_IP4, 7900);
	until_carried(t);
	/* One that stands still is as good as none, but nobody takes its place. */
	core = core_pid(t->d);
	kill(core, SIGSTOP);
	cr_assert(wait_until(5000, core_stale(t->d)));
	until_carried(t);
	cr_expect_neq(dial_tcp(t->host, WL_IP4, 7990, 300, NULL), 0, "a new connection without a core");
	kill(core, SIGCONT);
	cr_assert(wait_until(5000, core_alive(t->d)));
	kill(core, SIGKILL);
	until_carried(t);
	cr_assert(wait_until(5000, core_pid(t->d) != core && core_alive(t->d)), "%s", daemon_said(t->d));
	until_carried(t);
	cr_expect_eq(flows(t, &flow), 1);
	list = ctl(t->d, "sessions --protocol tcp --port 7900");
	cr_expect_eq(json_array_size(json_at(list, "items")), 1, "the new core does not know of it: %s",
		     daemon_said(t->d));
	cr_expect_str_eq(json_text(list, "items.0.action"), "allow");
	cr_expect_gt(json_int(list, "items.0.bytes.0"), 1000000);
	json_decref(list);
	stream_stop(&stream);
	cr_expect(wait_until(3000, flows(t, NULL) == 0), "its end is not the entry's");
	topo_end(t);
}

/* An id that is given out again finds no verdict of its last owner; and without verdicts there are none. */
Test(verdicts, stay_with_their_workload)
{
	struct topo *t = topo_direct("");
	struct flow *in;

	daemon_intercept(t->d, t->workload, "--id 180");
	in = flow_start(t->host, t->workload, WL_IP4, 5000, 1000, 200);
	until_carried(t);
	flow_end(in);
	cr_expect_eq(flows(t, NULL), 1);
	ctl_do(t->d, "release --all");
	daemon_intercept(t->d, t->workload, "--id 180");
	cr_expect_eq(flows(t, NULL), 0, "a verdict was inherited");
	in = flow_start(t->host, t->workload, WL_IP4, 5000, 1000, 200);
	until_carried(t);
	flow_end(in);
	daemon_term(t->d);
	snprintf(t->d->options + strlen(t->d->options), sizeof(t->d->options) - strlen(t->d->options),
		 " --verdicts no");
	daemon_restart(t->d);
	cr_expect_eq(flows(t, NULL), 0, "verdicts that nobody keeps up to date");
	cr_expect(ping_within(t->host, WL_IP4, 5000), "%s", ns_said());
	topo_end(t);
}

/* A new build takes the old one's place while traffic runs: the same maps, the same verdicts. */
Test(verdicts, outlive_an_upgrade)
{
	struct topo *t = topo_direct("");
	struct stream stream;
	struct sl_flow before, after;
	struct flow *in;

	daemon_intercept(t->d, t->workload, "");
	rules_apply(t->d, ALLOW_7900);
	in = flow_start(t->host, t->workload, WL_IP4, 5000, 2000, 200);
	stream = stream_start(t, WL_IP4, 7900);
	/* Both: that some frames are carried may be one of them alone. */
	cr_assert(wait_until(5000, flows(t, &before) == 2), "not both are judged: %s", daemon_said(t->d));
	until_carried(t);
	daemon_kill9(t->d);
	until_carried(t);
	daemon_restart(t->d);
	until_carried(t);
	cr_expect_eq(flows(t, &after), 2);
	cr_expect_eq(before.generation, after.generation, "judged anew without need");
	stream_stop(&stream);
	flow_end(in);
	topo_end(t);
}
