// SPDX-License-Identifier: BSD-2-Clause
/* The place where evasion is tried; see field.h for the invariant. */
#include "evasion/field.h"

#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/world.h"

#define POLICY WORLD_TMP "/policy.yaml"
#define TEXT_MAX (128 * 1024)
#define ANSWER_MS 5000
#define HEARTBEAT_MS 400

/* Default deny; one TCP port, with peers of the own networks. */
static const char policy[] = "version: 1\n"
			     "workloads:\n"
			     "  - {workload: web, mode: protect, ingress: deny, egress: deny}\n"
			     "  - {workload: other, mode: protect, ingress: deny, egress: deny}\n"
			     "rules:\n"
			     "  - {id: 1, direction: ingress, workload: web, protocol: tcp, ports: 8080,\n"
			     "     peer: [10.10.10.0/24, \"fd00:10::/64\"], action: allow}\n"
			     "  - {id: 2, direction: egress, workload: web, protocol: tcp, ports: 8080,\n"
			     "     peer: [10.10.10.0/24, \"fd00:10::/64\"], action: allow}\n";

uint64_t frame_hash(const void *data, size_t len)
{
	const uint8_t *at = data;
	uint64_t hash = 0xcbf29ce484222325u ^ len;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ at[i]) * 0x100000001b3u;
	return hash;
}

const char *post_name(enum post post)
{
	static const char *const names[POSTS] = { "the host's end", "the workload", "the other host's end",
						  "the other workload" };

	return names[post];
}

/* Whoever has no address answers nothing and asks for nothing. */
static void silence(struct ns *ns)
{
	ns_run(ns, "for i in all default; do echo 1 >/proc/sys/net/ipv6/conf/$i/disable_ipv6; done; "
		   "for i in $(ip -o link | sed 's/^[0-9]*: //; s/[@:].*//'); do ip addr flush dev $i; ip "
		   "link set $i up; done");
}

static struct topo *silent_topo(struct field *field)
{
	int mtu = field->jumbo ? 9000 : 1500;
	struct topo *t = topo_bare();

	field->other = ns_create("other");
	silence(field->other);
	silence(t->agent);
	silence(t->host);
	silence(t->workload);
	link_pair(t->host, "vethother", NULL, field->other, "eth0", OTHER_MAC);
	ns_run(t->host, "ip link set vethwl mtu %d", mtu);
	ns_run(t->workload, "ip link set eth0 mtu %d", mtu);
	t->before_workload = topo_look(t->workload);
	return t;
}

static int connect_core(const char *request)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = DAEMON_RUN "/dpi.sock" };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	cr_assert(fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address)), "%s: %s",
		  address.sun_path, strerror(errno));
	cr_assert(send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request));
	return fd;
}

static void connect_both(struct field *field)
{
	char text[4096];

	field->events = connect_core("{\"cmd\":\"events\"}");
	cr_assert(readable(field->events, ANSWER_MS) && recv(field->events, text, sizeof(text), 0) > 0,
		  "the core does not answer");
	field->figures = connect_core("{\"cmd\":\"status\"}");
	cr_assert(readable(field->figures, ANSWER_MS) && recv(field->figures, text, sizeof(text), 0) > 0,
		  "the core does not answer");
}

static void write_policy(void)
{
	FILE *file = fopen(POLICY, "w");

	cr_assert(file && fputs(policy, file) >= 0 && !fclose(file));
}

/* One processor for all that the test sends: frames that go the same way stay in order. */
static void stay_here(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	cr_assert_eq(sched_setaffinity(0, sizeof(set), &set), 0, "%s", strerror(errno));
}

enum sl_reason field_verdict(void)
{
	unsigned int reason = 0;

	while (reason < SL_REASON_MAX && strcmp(sl_reason_name(reason), "flow_allowed") != 0)
		reason++;
	return reason;
}

struct field *field_open(const struct field_options *options)
{
	struct field *field = calloc(1, sizeof(*field));
	struct tally now = { .drops = 0 };
	struct topo *t;

	cr_assert(field && (field->arrivals = calloc(ARRIVALS_MAX, sizeof(*field->arrivals))));
	field->jumbo = options->jumbo;
	t = field->t = silent_topo(field);
	write_policy();
	t->d = daemon_start(t->host, t->agent,
			    "--policy " POLICY
			    " --events-per-second 0 --heartbeat-ms %d --mtu %d --bulk %s %s",
			    HEARTBEAT_MS, field->jumbo ? 9216 : 2048, options->bulk ? "yes" : "no",
			    field_verdict() == SL_REASON_MAX ? ""
			    : options->verdicts		     ? "--verdicts yes"
							     : "--verdicts no");
	field->inspected = !options->bare;
	field->verdicts = options->verdicts;
	field->bulk = options->bulk;
	if (field->inspected) {
		daemon_intercept(t->d, t->workload, "--name web --id 180");
		daemon_intercept(t->d, field->other, "--name other --id 181");
	}
	connect_both(field);
	/* The workload's port is another interface now. */
	field->post[HOST] = sniff_open(t->host, "vethwl", false);
	field->post[WORKLOAD] = sniff_open(t->workload, "eth0", false);
	field->post[OTHER_HOST] = sniff_open(t->host, "vethother", false);
	field->post[OTHER_WORKLOAD] = sniff_open(field->other, "eth0", false);
	field->host_mac = link_mac(t->host, "vethwl");
	field->other_host_mac = link_mac(t->host, "vethother");
	stay_here();
	/* What was dropped before anybody listened was told to nobody. */
	field_tally(field, &now);
	field->drops_before = now.drops;
	field_look(field);
	field->n_drops = 0;
	field_forget(field);
	return field;
}

void field_close(struct field *field)
{
	for (enum post post = 0; post < POSTS; post++)
		sniff_close(field->post[post]);
	close(field->events);
	close(field->figures);
	topo_end(field->t);
}

int field_fire(struct field *field, enum post from, const struct frame *frame,
	       const struct virtio_net_hdr *offload)
{
	struct sniff *sniff = field->post[from];
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)sniff->ifindex,
				  .sll_halen = ETH_ALEN };
	struct virtio_net_hdr none = { 0 };
	struct iovec parts[2] = { { offload ? (void *)offload : &none, sizeof(none) },
				  { (void *)frame->data, frame->len } };
	struct msghdr message = {
		.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = parts, .msg_iovlen = 2
	};

	return sendmsg(sniff->fd, &message, 0) < 0 ? -errno : 0;
}

/* As the network card does that gets the frame, whatever its sender has asked for. */
static void finish_checksum(struct seen *seen)
{
	uint32_t sum;

	if (!seen->csum_partial || seen->gso_size || seen->csum_at + 2 > seen->len)
		return;
	sum = ~frame_sum(seen->data + seen->csum_start, seen->len - seen->csum_start, 0);
	seen->data[seen->csum_at] = (uint8_t)(sum >> 8);
	seen->data[seen->csum_at + 1] = (uint8_t)sum;
}

static void take_arrivals(struct field *field, enum post post)
{
	const struct seen *seen;

	while ((seen = sniff_next(field->post[post], 0))) {
		finish_checksum((struct seen *)seen);
		struct arrival *arrival = &field->arrivals[field->n_arrivals];

		cr_assert(field->n_arrivals < ARRIVALS_MAX, "more than %d frames at once", ARRIVALS_MAX);
		field->n_arrivals++;
		*arrival = (struct arrival){ .at = post,
					     .len = seen->len,
					     .hash = frame_hash(seen->data, seen->len),
					     .kept = seen->len < ARRIVAL_KEPT ? seen->len : ARRIVAL_KEPT };
		memcpy(arrival->data, seen->data, arrival->kept);
	}
}

static void take_drop(struct field *field, const char *line)
{
	static const char key[] = "\"reason\":\"";
	const char *reason = strstr(line, "\"drop\":{");

	if (field->n_drops == field->max_drops) {
		field->max_drops = 2 * field->max_drops + 1024;
		field->drops = realloc(field->drops, field->max_drops * sizeof(*field->drops));
		cr_assert(field->drops != NULL);
	}
	reason = reason ? strstr(reason, key) : NULL;
	cr_assert(reason != NULL, "a drop without a reason: %s", line);
	snprintf(field->drops[field->n_drops++], sizeof(*field->drops), "%.*s",
		 (int)strcspn(reason + strlen(key), "\""), reason + strlen(key));
}

static void take_events(struct field *field)
{
	static char text[TEXT_MAX];
	ssize_t n;

	while ((n = recv(field->events, text, sizeof(text) - 1, MSG_DONTWAIT)) > 0) {
		text[n] = 0;
		for (char *line, *rest = text; (line = strsep(&rest, "\n"));) {
			if (strstr(line, "\"event_type\":\"drop\""))
				take_drop(field, line);
		}
	}
}

void field_look(struct field *field)
{
	for (enum post post = 0; post < POSTS; post++)
		take_arrivals(field, post);
	take_events(field);
}

void field_forget(struct field *field)
{
	field->n_arrivals = 0;
}

static json_t *ask(struct field *field, const char *request)
{
	char text[4096];
	ssize_t n;
	json_t *answer;

	cr_assert(send(field->figures, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request),
		  "the core is gone: %s", daemon_said(field->t->d));
	cr_assert(readable(field->figures, ANSWER_MS), "the core does not answer");
	n = recv(field->figures, text, sizeof(text), 0);
	answer = n > 0 ? json_loadb(text, (size_t)n, 0, NULL) : NULL;
	cr_assert(answer && json_is_true(json_at(answer, "ok")), "to %s: %.*s", request, (int)n, text);
	return answer;
}

static void ask_figures(struct field *field, struct tally *ret)
{
	json_t *answer = ask(field, "{\"cmd\":\"figures\"}");

	ret->drops = (uint64_t)json_int(answer, "result.dropped") - field->drops_before;
	ret->packets = (uint64_t)json_int(answer, "result.packets");
	ret->untold = (uint64_t)json_int(answer, "result.events_not_told");
	json_decref(answer);
}

void field_clear(struct field *field)
{
	json_decref(ask(field, "{\"cmd\":\"session_end\",\"filter\":{},\"how\":\"clear\"}"));
}

void field_tally(struct field *field, struct tally *ret)
{
	const struct sl_maps *maps = &field->t->d->maps;
	struct sl_err err = { 0 };
	__u32 queue = 0, bulk_queue = SL_CORE_BULK;
	struct sl_core bulk;

	for (unsigned int prog = 0; prog < SL_PROG_MAX; prog++)
		cr_assert_eq(sl_maps_counters(maps, prog, &ret->program[prog], &err), 0, "%s", err.text);
	cr_assert_eq(bpf_map_lookup_elem(maps->core, &queue, &ret->core), 0, "%s", strerror(errno));
	cr_assert_eq(bpf_map_lookup_elem(maps->core, &bulk_queue, &bulk), 0, "%s", strerror(errno));
	/* Both lanes together: what the core has seen is what matters. */
	ret->core.rx_frames += bulk.rx_frames;
	ret->core.tx_frames += bulk.tx_frames;
	ret->core.drop_rx_full += bulk.drop_rx_full;
	ret->core.drop_tx_full += bulk.drop_tx_full;
	ret->core.drop_invalid += bulk.drop_invalid;
	ret->core.dropped += bulk.dropped;
	ret->core.made += bulk.made;
	if (field->inspected && !field->stopped && !field->flooded)
		ask_figures(field, ret);
}

void field_stop(struct field *field)
{
	field->core = core_pid(field->t->d);
	cr_assert(field->core > 0 && !kill(field->core, SIGSTOP), "%s", strerror(errno));
	cr_assert(wait_until(5000, core_age_ms(field->t->d) > 2 * HEARTBEAT_MS));
	field->stopped = true;
}

void field_go_on(struct field *field)
{
	cr_assert_eq(kill(field->core, SIGCONT), 0);
	cr_assert(wait_until(5000, core_age_ms(field->t->d) < HEARTBEAT_MS / 2));
	field->stopped = false;
}

pid_t field_flood(struct field *field, enum post from)
{
	static struct frame f;
	bool in = from == HOST;
	cpu_set_t all;
	pid_t pid;

	frame_eth(&f, in ? mac_of(WL_MAC) : field->host_mac, in ? field->host_mac : mac_of(WL_MAC));
	frame_ipv4(&f, in ? "10.10.10.250" : "10.10.10.251", in ? WL_IP4 : HOST_IP4, IPPROTO_UDP);
	frame_udp(&f, 7, CLOSED_PORT, FLOOD_MARK, sizeof(FLOOD_MARK));
	pid = fork();
	cr_assert(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Wherever there is room. */
	memset(&all, 0xff, sizeof(all));
	sched_setaffinity(0, sizeof(all), &all);
	for (;;)
		field_fire(field, from, &f, NULL);
}

void field_told(struct field *field, uint64_t drops)
{
	struct tally now;

	wait_until(ANSWER_MS, (field_look(field), field->n_drops >= drops));
	field_tally(field, &now);
	cr_assert_eq(field->n_drops, drops, "the core has dropped %llu packets and told of %u, not of %llu",
		     (unsigned long long)drops, field->n_drops, (unsigned long long)now.untold);
}
