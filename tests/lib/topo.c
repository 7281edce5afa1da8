// SPDX-License-Identifier: BSD-2-Clause
/* The topologies and the check that nothing is left of a test; see topo.h for the invariant. */
#include "lib/topo.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/world.h"

/* What a workload could tell: its link, addresses, routes, permanent neighbours, without what counts or ages. */
#define LOOK                                                                                                 \
	"ip -o -d link show eth0 2>/dev/null | sed 's/^[0-9]*: //; s/eth0@[^:]*/eth0/; s/link-netns[^ ]* "   \
	"[^ ]*//; s/state [A-Z]* //'; ip -o addr show dev eth0 2>/dev/null | sed 's/^[0-9]*: //' | sort; "   \
	"ip route show table all | grep eth0 | sort; ip -6 route show table all | grep eth0 | sort; "        \
	"ip neigh show nud permanent dev eth0 2>/dev/null | sort"

/*
 * Places with more than one mount. On most machines there are some before a
 * test has done anything: its world covers a /run that is a mount already.
 */
static const char *stacked_mounts(void)
{
	ns_sh(NULL,
	      "awk '$5 ~ \"^/(sys/fs/bpf|run|mnt)\" {print $5}' /proc/self/mountinfo | sort | uniq -cd");
	return ns_said();
}
static char *stacked_before;

static struct topo *new_topo(void)
{
	struct topo *t = calloc(1, sizeof(*t));

	cr_assert(t != NULL);
	stacked_before = strdup(stacked_mounts());
	t->host = ns_create("host");
	t->agent = ns_create("agent");
	t->workload = ns_create("workload");
	return t;
}

/* No duplicate address detection: addresses are to be usable at once, and nothing here is to be waited for. */
static void address(struct ns *ns, const char *interface, const char *ip4, const char *ip6)
{
	ns_run(ns, "ip addr add %s/24 dev %s && ip addr add %s/64 dev %s nodad", ip4, interface, ip6,
	       interface);
}

static void no_dad(struct ns *ns)
{
	ns_run(ns, "echo 0 >/proc/sys/net/ipv6/conf/all/accept_dad; "
		   "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad; "
		   "echo 0 >/proc/sys/net/ipv6/conf/default/router_solicitations");
}

char *topo_look(struct ns *workload)
{
	return strdup(ns_run(workload, LOOK));
}

/* The last that was made: a test has one. */
static struct topo *latest;

static void start(struct topo *t, const char *daemon_options)
{
	latest = t;
	/* Work queues see to carrier and addresses, on a slow machine after a while; until then they look different. */
	cr_assert(wait_until(5000, !ns_sh(t->workload, "ip -o link show eth0 | grep -q 'state UP' && "
						       "ip -o addr show dev eth0 | grep -q 'inet6 fe80' && "
						       "! ip -o addr show dev eth0 | grep -q tentative")),
		  "eth0 has no carrier, or its addresses stay tentative: %s", ns_said());
	t->before_workload = topo_look(t->workload);
	t->before_agent = strdup(link_names(t->agent));
	if (daemon_options)
		t->d = daemon_start(t->host, t->agent, "%s", daemon_options);
}

struct topo *topo_direct(const char *daemon_options)
{
	struct topo *t = new_topo();

	no_dad(t->host);
	no_dad(t->workload);
	link_pair(t->host, "vethwl", NULL, t->workload, "eth0", WL_MAC);
	address(t->host, "vethwl", HOST_IP4, HOST_IP6);
	address(t->workload, "eth0", WL_IP4, WL_IP6);
	start(t, daemon_options);
	return t;
}

struct topo *topo_bare(void)
{
	return topo_direct(NULL);
}

struct topo *topo_bridge(const char *daemon_options)
{
	struct topo *t = new_topo();

	t->workload2 = ns_create("workload2");
	no_dad(t->host);
	no_dad(t->workload);
	no_dad(t->workload2);
	/* No multicast snooping: it would hold back neighbour discovery until it has a querier. */
	ns_run(t->host, "ip link add br0 up type bridge mcast_snooping 0");
	link_pair(t->host, "vethwl", NULL, t->workload, "eth0", WL_MAC);
	link_pair(t->host, "vethwl2", NULL, t->workload2, "eth0", WL2_MAC);
	ns_run(t->host, "ip link set vethwl master br0; ip link set vethwl2 master br0");
	address(t->host, "br0", HOST_IP4, HOST_IP6);
	address(t->workload, "eth0", WL_IP4, WL_IP6);
	address(t->workload2, "eth0", WL2_IP4, WL2_IP6);
	start(t, daemon_options);
	return t;
}

/* 0 if it is gone, or dead and only not waited for. */
static pid_t parent_of(pid_t pid)
{
	char path[64], line[512];
	const char *behind;
	int parent = 0;
	char state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	/* The name is in brackets and may hold anything. */
	if (fgets(line, sizeof(line), f) && (behind = strrchr(line, ')')))
		sscanf(behind + 1, " %c %d", &state, &parent);
	fclose(f);
	return state == 'Z' || state == 'X' ? 0 : parent;
}

/* The test reaps all that descends from it, so an orphan is its child. */
static bool is_ours(pid_t pid)
{
	while (pid > 1 && pid != getpid())
		pid = parent_of(pid);
	return pid == getpid();
}

/* How many of ours are called by this name (argv[0]), and the last of them. */
static int called(const char *name, pid_t *ret_last)
{
	char path[300], is[32];
	struct dirent *entry;
	DIR *proc = opendir("/proc");
	int found = 0;
	FILE *f;

	cr_assert(proc, "/proc: %s", strerror(errno));
	while ((entry = readdir(proc))) {
		snprintf(path, sizeof(path), "/proc/%s/cmdline", entry->d_name);
		f = atoi(entry->d_name) > 0 ? fopen(path, "re") : NULL;
		if (!f)
			continue;
		is[fread(is, 1, sizeof(is) - 1, f)] = '\0';
		fclose(f);
		if (strcmp(is, name) != 0 || !is_ours(atoi(entry->d_name)))
			continue;
		*ret_last = atoi(entry->d_name);
		found++;
	}
	closedir(proc);
	return found;
}

int topo_cores(void)
{
	pid_t last;

	return called("sluice-dpi", &last);
}

pid_t topo_spare(void)
{
	pid_t pid;
	int n = called("sluice-spare", &pid);

	cr_expect_leq(n, 1, "%d spare cores", n);
	return n ? pid : 0;
}

static bool empty_or_absent(const char *path)
{
	return ns_sh(NULL, "ls -A %s 2>/dev/null | grep .", path) != 0;
}

void topo_leaks(struct topo *t)
{
	const char *now;

	cr_expect(wait_until(5000, topo_cores() == 0), "%d sluice-dpi still run", topo_cores());
	cr_expect(wait_until(5000, topo_spare() == 0), "a spare core still waits");
	cr_expect_str_eq(link_names(t->agent), t->before_agent, "links are left in the agent's namespace");
	cr_expect(access(DAEMON_PINS, F_OK) != 0, "pins are left: %s",
		  (ns_sh(NULL, "find " DAEMON_PINS), ns_said()));
	cr_expect(empty_or_absent(DAEMON_RUN "/ports"), "state is left: %s", ns_said());
	cr_expect(access(DAEMON_RUN, F_OK) != 0, "the run folder is left: %s",
		  (ns_sh(NULL, "find " DAEMON_RUN), ns_said()));
	cr_expect_str_eq(stacked_mounts(), stacked_before, "something is mounted over something else: %s",
			 ns_said());
	if (t->workload->fd < 0)
		return;
	now = ns_run(t->workload, LOOK);
	cr_expect_str_eq(now, t->before_workload, "the workload is not as it was.\nbefore:\n%s\nnow:\n%s",
			 t->before_workload, now);
}

void topo_end(struct topo *t)
{
	if (t->d)
		daemon_stop(t->d);
	topo_leaks(t);
}

bool ping(struct ns *from, const char *address_)
{
	return ns_sh(from, "ping -n -q -c 3 -i 0.02 -W 1 %s", address_) == 0;
}

bool ping_within(struct ns *from, const char *address_, int ms)
{
	int64_t end = now_ms() + patient(ms);

	do {
		if (ns_sh(from, "ping -n -q -c 1 -W 0.2 %s", address_) == 0)
			return true;
	} while (now_ms() < end);
	return false;
}

static int exchange_port = 7000;

struct proc *tcp_serve(struct ns *server, int port)
{
	struct proc *serve = ns_spawn(server, "%s serve %d", world_program("tests/tools/tcpverify"), port);

	cr_assert(wait_until(5000, strstr(proc_text(serve), "ready")), "tcpverify in %s: %s", server->label,
		  proc_text(serve));
	return serve;
}

void tcp_exchange(struct ns *server, const char *address_, struct ns *client, unsigned long bytes)
{
	int port = exchange_port++, status;
	struct proc *serve = tcp_serve(server, port);

	ns_run(client, "%s connect %s %d %lu", world_program("tests/tools/tcpverify"), address_, port, bytes);
	status = proc_end(serve, 0, 20000);
	cr_assert(status == 0, "tcpverify in %s ended with %d: %s", server->label, status, proc_text(serve));
}

/* The kernel's own count of datagrams delivered to sockets of that namespace, both families. */
static long delivered(struct ns *ns)
{
	return atol(
		ns_run(ns,
		       "awk '/^Udp:/ && $2 ~ /[0-9]/ {n += $2} /^Udp6InDatagrams/ {n += $2} END {print n}' "
		       "/proc/net/snmp /proc/net/snmp6"));
}

/*
 * An emulated machine has no power for thousands of datagrams a second by way of the core: then queues that are never
 * full otherwise run over.
 */
static int bearable(int rate)
{
	int factor = (int)patient(1);

	return factor > 2 ? rate / (factor / 2) : rate;
}

struct flow *flow_start(struct ns *from, struct ns *to, const char *address_, int port, int rate, int size)
{
	struct flow *flow = calloc(1, sizeof(*flow));
	const char *program = world_program("tests/tools/udpflow");
	long before;

	cr_assert(flow != NULL);
	flow->from = from;
	flow->to = to;
	snprintf(flow->label, sizeof(flow->label), "%s -> %s", from->label, to->label);
	flow->receiver = ns_spawn(to, "%s recv %d", program, port);
	cr_assert(wait_until(5000, strstr(proc_text(flow->receiver), "ready")), "udpflow in %s: %s",
		  to->label, proc_text(flow->receiver));
	before = delivered(to);
	flow->sender = ns_spawn(from, "%s send %s %d %d %d", program, address_, port, bearable(rate), size);
	cr_assert(wait_until(5000, delivered(to) > before + 50), "nothing of the stream %s arrives: %s",
		  flow->label, proc_text(flow->sender));
	return flow;
}

static json_t *report(struct proc *proc, const char *label)
{
	const char *text = proc_text(proc), *brace = strchr(text, '{');
	json_t *object = brace ? json_loads(brace, 0, NULL) : NULL;

	cr_assert(object != NULL, "stream %s: no report but: %s", label, text);
	return object;
}

static json_t *stop_both(struct flow *flow, long *ret_sent)
{
	json_t *sent, *received;

	cr_assert(proc_end(flow->sender, SIGTERM, 5000) == 0, "sender of %s: %s", flow->label,
		  proc_text(flow->sender));
	cr_assert(proc_end(flow->receiver, SIGTERM, 10000) == 0, "receiver of %s: %s", flow->label,
		  proc_text(flow->receiver));
	sent = report(flow->sender, flow->label);
	received = report(flow->receiver, flow->label);
	*ret_sent = json_int(sent, "sent");
	cr_assert(*ret_sent > 0, "stream %s: nothing was sent: %s", flow->label, proc_text(flow->sender));
	json_decref(sent);
	return received;
}

void flow_stop(struct flow *flow, long *ret_sent, long *ret_received, long *ret_gap_us)
{
	long sent;
	json_t *received = stop_both(flow, &sent);

	cr_assert(json_int(received, "corrupt") == 0, "stream %s: %s", flow->label,
		  proc_text(flow->receiver));
	if (ret_sent)
		*ret_sent = sent;
	if (ret_received)
		*ret_received = json_int(received, "received");
	if (ret_gap_us)
		*ret_gap_us = json_int(received, "max_gap_us");
	json_decref(received);
}

/* What the interfaces of a namespace have thrown away since they were made, as text. */
static const char *dropped_in(struct ns *ns)
{
	return ns_run(
		ns,
		"awk 'NR > 2 && ($5 || $13) {printf \"%%s %%s in, %%s out; \", $1, $5, $13}' /proc/net/dev");
}

/* For whoever must find out where they went: neither a socket nor an interface is the core or a program. */
static void tell_losses(const struct flow *flow)
{
	tell("dropped by interfaces: %s: %s", flow->from->label, dropped_in(flow->from));
	tell("dropped by interfaces: %s: %s", flow->to->label, dropped_in(flow->to));
	tell("dropped by full backlogs, by processor: %s",
	     ns_run(NULL, "cut -d ' ' -f 2 /proc/net/softnet_stat | tr '\\n' ' '"));
	if (!latest || !latest->d)
		return;
	tell("dropped by interfaces: agent: %s", dropped_in(latest->agent));
	ns_sh(latest->d->home, "%s -i " DAEMON_INSTANCE " counters", world_program("sluicectl"));
	tell("%s", ns_said());
}

void flow_end(struct flow *flow)
{
	long sent;
	json_t *received = stop_both(flow, &sent);
	bool good = json_int(received, "received") == sent && !json_int(received, "duplicate") &&
		    !json_int(received, "corrupt");

	if (!good)
		tell_losses(flow);
	cr_assert(good, "stream %s: sent %ld, %s", flow->label, sent, strchr(proc_text(flow->receiver), '{'));
	json_decref(received);
}
