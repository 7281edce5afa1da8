// SPDX-License-Identifier: BSD-2-Clause
/*
 * What many workloads cost on the way back from the core: the rules that
 * sluice replaces, two u32 filters a workload on vbr, beside sl_vbr on the same
 * wires. Frames of the last workload go into vth one by one, out of vbr, and are
 * counted at the far end of vin; a frame's time is the whole way, sending
 * included, on one CPU.
 *
 * The rules are `match, pedit, mirred` where the kernel has act_pedit. Where it
 * has not they are without it: frames arrive with the MAC address they had, and
 * the rules look cheaper than they are. What was measured is in the figure's text.
 *
 * Invariant: every frame that was sent has arrived, or the run is void.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/bed.h"
#include "bench/bench.h"
#include "lib/netns.h"
#include "sluice/ucmac.h"

#define RUN_NS 300000000ULL
#define ARRIVE_NS 2000000000ULL
#define FRAME_LEN 64
#define BATCH 64
#define RULES_FILE "/run/u32-rules"
#define UP "u32 rules on vbr, many workloads to one"
#define AGAINST "u32 rules on vbr to sl_vbr, by workloads"

static const unsigned int counts[] = { 1, 10, 100, 1000 };
#define N_COUNTS (sizeof(counts) / sizeof(counts[0]))

/* One contender: vth and vbr in a namespace, and what vin leads to in another. */
struct wires {
	struct bed *bed; /* sluice's; NULL: the rules */
	struct ns ns, far;
	unsigned int n;
	int socket; /* sends into vth */
};

static int open_socket(struct wires *w, const struct ns *ns, struct sl_err *err)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = 0 };
	int token = sl_netns_enter(ns->fd, err), one = 1, r = 0;

	if (token < 0)
		return token;
	to.sll_ifindex = if_nametoindex("vth");
	w->socket = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (w->socket < 0 || bind(w->socket, (struct sockaddr *)&to, sizeof(to)) ||
	    setsockopt(w->socket, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)))
		r = sl_errno(err, errno, "a packet socket on vth");
	sl_netns_leave(token);
	return r;
}

/* UDP to the last workload, as the core puts it back. */
static void build_frame(__u8 *frame, unsigned int id)
{
	static const __u8 start[] = { 0x02, 0x12, 0, 0, 1, 0, 0x08, 0x00, 0x45, 0, 0, FRAME_LEN - ETH_HLEN };

	memset(frame, 0, FRAME_LEN);
	sl_ucmac_write(frame, id);
	memcpy(frame + ETH_ALEN, start, sizeof(start));
	frame[ETH_HLEN + 8] = 64;
	frame[ETH_HLEN + 9] = IPPROTO_UDP;
}

static int arrived(const struct wires *w, __u64 *ret, struct sl_err *err)
{
	return lab_rx_frames(w->bed ? bed_far(w->bed) : &w->far, "v", ret, err);
}

static int send_for(struct wires *w, __u64 *ret_sent, double *ret_ns, struct sl_err *err)
{
	struct mmsghdr messages[BATCH];
	__u8 frame[FRAME_LEN];
	struct iovec part = { frame, sizeof(frame) };
	__u64 start, now;

	build_frame(frame, w->n);
	memset(messages, 0, sizeof(messages));
	for (unsigned int i = 0; i < BATCH; i++) {
		messages[i].msg_hdr.msg_iov = &part;
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	*ret_sent = 0;
	start = lab_now_ns();
	do {
		int n = sendmmsg(w->socket, messages, BATCH, 0);

		if (n < 0)
			return sl_errno(err, errno, "sending into vth");
		*ret_sent += n;
		now = lab_now_ns();
	} while (now - start < RUN_NS);
	*ret_ns = (double)(now - start) / *ret_sent;
	return 0;
}

static int measure(void *context, double *ret, struct sl_err *err)
{
	struct wires *w = context;
	__u64 before, after = 0, sent = 0, limit;
	double ns = 0;
	int r = arrived(w, &before, err);

	lab_pin(0);
	r = r ?: send_for(w, &sent, &ns, err);
	lab_unpin();
	limit = lab_now_ns() + ARRIVE_NS;
	do
		r = r ?: arrived(w, &after, err);
	while (!r && after - before < sent && lab_now_ns() < limit);
	if (r)
		return r;
	if (after - before != sent)
		return sl_err(err, EAGAIN, "%llu frames were sent and %llu arrived", (unsigned long long)sent,
			      (unsigned long long)(after - before));
	*ret = ns;
	return 0;
}

/* The two rules of a workload, as the seed has them; ids are as good as any MAC address. */
static void write_rules(FILE *file, unsigned int id, bool pedit)
{
	char to[96] = "", from[96] = "";

	if (pedit) {
		snprintf(to, sizeof(to),
			 "action pedit munge offset -14 u16 set 0x0212 munge offset -12 u32 set 0x0002%04x "
			 "pipe ",
			 id);
		snprintf(from, sizeof(from),
			 "action pedit munge offset -8 u32 set 0x02120002 munge offset -4 u16 set 0x%04x "
			 "pipe ",
			 id);
	}
	fprintf(file,
		"filter add dev vbr pref %u parent ffff: protocol all u32 match u16 0x4e65 0xffff at -14 "
		"match u32 0x7556%04x 0xffffffff at -12 %saction mirred egress mirror dev vin\n",
		2 * id - 1, id, to);
	fprintf(file,
		"filter add dev vbr pref %u parent ffff: protocol all u32 match u32 0x4e657556 0xffffffff at "
		"-8 "
		"match u16 0x%04x 0xffff at -4 %saction mirred egress mirror dev vex\n",
		2 * id, id, from);
}

static int put_rules(const struct wires *w, bool pedit, struct sl_err *err)
{
	FILE *file = fopen(RULES_FILE, "we");

	if (!file)
		return sl_errno(err, errno, "%s", RULES_FILE);
	for (unsigned int id = 1; id <= w->n; id++)
		write_rules(file, id, pedit);
	if (fclose(file))
		return sl_errno(err, errno, "%s", RULES_FILE);
	return lab_run(&w->ns, err, "tc -batch %s", RULES_FILE);
}

/* *pedit: with it, if the kernel has it; false if the rules had to do without. */
static int open_rules(struct wires *w, unsigned int n, bool *pedit, struct sl_err *err)
{
	int r;

	w->n = n;
	r = ns_make(&w->ns, err);
	r = r ?: ns_make(&w->far, err);
	r = r ?: lab_run(&w->ns, err, "ip link add vbr up type veth peer name vth");
	r = r ?: lab_run(&w->ns, err, "ip link add vex up type veth peer name vexpeer");
	r = r
		    ?: lab_run(&w->ns, err,
			       "ip link add vin up type veth peer name vfar netns /proc/%d/ns/net",
			       w->far.pid);
	r = r ?: lab_run(&w->ns, err, "ip link set vth up");
	r = r ?: lab_run(&w->far, err, "ip link set vfar up");
	r = r ?: lab_run(&w->ns, err, "tc qdisc add dev vbr ingress");
	if (!r && *pedit && put_rules(w, true, err)) {
		*pedit = false;
		r = lab_run(&w->ns, err, "tc qdisc del dev vbr ingress");
		r = r ?: lab_run(&w->ns, err, "tc qdisc add dev vbr ingress");
	} else if (!r && *pedit) {
		return open_socket(w, &w->ns, err);
	}
	r = r ?: put_rules(w, false, err);
	return r ?: open_socket(w, &w->ns, err);
}

static int open_sluice(struct wires *w, unsigned int n, struct sl_err *err)
{
	int r;

	w->n = n;
	r = bed_open(&w->bed, n, err);
	r = r ?: bed_deliver(w->bed, err);
	return r ?: open_socket(w, bed_ns(w->bed), err);
}

static void close_wires(struct wires *w)
{
	if (w->socket >= 0)
		close(w->socket);
	bed_close(w->bed);
	ns_end(&w->far);
	ns_end(&w->ns);
}

struct comparison {
	const char *name, *contender, *baseline;
	struct wires *a, *b;
	const char *curve;
};

static int compare(const struct comparison *c, const char *note, struct sl_err *err)
{
	struct series series = { .name = c->name,
				 .contender = c->contender,
				 .baseline = c->baseline,
				 .unit = "ns",
				 .note = note,
				 .curve = c->curve,
				 .x = c->a->n,
				 .kind = BENCH_RATIO };

	return bench_figure(&series, &(struct bench_side){ measure, c->a },
			    &(struct bench_side){ measure, c->b }, err);
}

static int compare_all(struct wires *rules, struct wires *ours, bool pedit, struct sl_err *err)
{
	const char *with = pedit ? "u32 + pedit + mirred" : "u32 + mirred, no pedit";
	const struct comparison all[] = {
		{ "u32_vbr_10_vs_1", "10 workloads", "1 workload", &rules[1], &rules[0], UP },
		{ "u32_vbr_100_vs_1", "100 workloads", "1 workload", &rules[2], &rules[0], UP },
		{ "u32_vbr_1000_vs_1", "1000 workloads", "1 workload", &rules[3], &rules[0], UP },
		{ "sluice_vbr_1000_vs_1", "1000 workloads", "1 workload", &ours[3], &ours[0], NULL },
		{ "u32_vs_sluice_vbr_1", with, "sl_vbr", &rules[0], &ours[0], AGAINST },
		{ "u32_vs_sluice_vbr_10", with, "sl_vbr", &rules[1], &ours[1], AGAINST },
		{ "u32_vs_sluice_vbr_100", with, "sl_vbr", &rules[2], &ours[2], AGAINST },
		{ "u32_vs_sluice_vbr_1000", with, "sl_vbr", &rules[3], &ours[3], AGAINST },
	};
	const char *note =
		pedit ? "a frame of the last workload from vth by vbr to the far end of vin; two u32 + pedit "
			"+ mirred rules a workload"
		      : "the same without pedit, which this kernel lacks: frames arrive with a MAC that is "
			"not the workload's; a lower bound of what the rules cost";
	int r = 0;

	for (unsigned int i = 0; !r && i < sizeof(all) / sizeof(all[0]); i++)
		r = compare(&all[i], note, err);
	return r;
}

int measure_u32(struct sl_err *err)
{
	struct wires rules[N_COUNTS], ours[N_COUNTS];
	bool pedit = true;
	int r = 0;

	for (unsigned int i = 0; i < N_COUNTS; i++)
		rules[i] = ours[i] = (struct wires){ .socket = -1 };
	for (unsigned int i = 0; !r && i < N_COUNTS; i++) {
		r = open_rules(&rules[i], counts[i], &pedit, err);
		r = r ?: open_sluice(&ours[i], counts[i], err);
	}
	r = r ?: compare_all(rules, ours, pedit, err);
	for (unsigned int i = 0; i < N_COUNTS; i++) {
		close_wires(&rules[i]);
		close_wires(&ours[i]);
	}
	return r;
}
