// SPDX-License-Identifier: BSD-2-Clause
/* Ports taken by the host's end: in the workload nothing changes, not even what sockets hold on to. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/topo.h"
#include "lib/world.h"

TestSuite(host_side, .init = world_enter, .fini = world_leave, .timeout = 90);

#define PORT 7100
#define GROUP "239.7.7.7"
#define CHILD "10.10.10.91"

/* What of a workload's sockets hangs on its interface. */
struct sockets {
	int bound, served; /* the two ends of a TCP connection of a socket bound to eth0 */
	int member, sender; /* of a group, and who sends to it from the host */
	int packet; /* sees all frames of eth0 */
};

static struct sockaddr_in inet(const char *address, int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };

	inet_pton(AF_INET, address, &to.sin_addr);
	return to;
}

static void open_sockets(struct topo *t, struct sockets *s)
{
	struct sockaddr_in server = inet(HOST_IP4, PORT), any = inet("0.0.0.0", PORT);
	struct ip_mreqn group = { .imr_multiaddr = inet(GROUP, 0).sin_addr,
				  .imr_ifindex = link_index(t->workload, "eth0") };
	struct ip_mreqn from = { .imr_address = inet(HOST_IP4, 0).sin_addr };
	struct sockaddr_ll all = { .sll_family = AF_PACKET,
				   .sll_protocol = htons(ETH_P_ALL),
				   .sll_ifindex = link_index(t->workload, "eth0") };
	struct timeval limit = { .tv_sec = 5 };
	int listener = ns_socket(t->host, AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(bind(listener, (struct sockaddr *)&server, sizeof(server)), 0);
	cr_assert_eq(listen(listener, 1), 0);
	s->bound = ns_socket(t->workload, AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(setsockopt(s->bound, SOL_SOCKET, SO_BINDTODEVICE, "eth0", 5), 0);
	cr_assert_eq(connect(s->bound, (struct sockaddr *)&server, sizeof(server)), 0, "%s", strerror(errno));
	s->served = accept(listener, NULL, NULL);
	cr_assert_geq(s->served, 0);
	close(listener);
	setsockopt(s->bound, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(s->served, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));

	s->member = ns_socket(t->workload, AF_INET, SOCK_DGRAM, 0);
	cr_assert_eq(bind(s->member, (struct sockaddr *)&any, sizeof(any)), 0);
	cr_assert_eq(setsockopt(s->member, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)), 0);
	s->sender = ns_socket(t->host, AF_INET, SOCK_DGRAM, 0);
	cr_assert_eq(setsockopt(s->sender, IPPROTO_IP, IP_MULTICAST_IF, &from, sizeof(from)), 0);

	s->packet = ns_socket(t->workload, AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	cr_assert_eq(bind(s->packet, (struct sockaddr *)&all, sizeof(all)), 0);
}

static void use_sockets(const struct sockets *s, const char *when)
{
	struct sockaddr_in group = inet(GROUP, PORT);
	char text[64] = "";
	socklen_t len = sizeof(int);
	char frame[2048];
	int error = 0;

	while (recv(s->packet, frame, sizeof(frame), MSG_DONTWAIT) > 0)
		;
	cr_assert_eq(send(s->bound, "ping", 5, MSG_NOSIGNAL), 5, "%s: %s", when, strerror(errno));
	cr_assert_eq(recv(s->served, text, sizeof(text), 0), 5, "%s: the bound connection: %s", when,
		     strerror(errno));
	cr_assert_eq(send(s->served, "pong!", 6, MSG_NOSIGNAL), 6, "%s: %s", when, strerror(errno));
	cr_assert_eq(recv(s->bound, text, sizeof(text), 0), 6, "%s: the bound connection: %s", when,
		     strerror(errno));
	cr_assert_eq(sendto(s->sender, when, strlen(when), 0, (struct sockaddr *)&group, sizeof(group)),
		     (ssize_t)strlen(when), "%s: sending to the group: %s", when, strerror(errno));
	cr_assert(readable(s->member, 3000), "%s: the group's member hears nothing", when);
	cr_assert_eq(recv(s->member, text, sizeof(text), 0), (ssize_t)strlen(when));
	cr_assert(readable(s->packet, 3000), "%s: the packet socket sees nothing", when);
	getsockopt(s->packet, SOL_SOCKET, SO_ERROR, &error, &len);
	cr_assert_eq(error, 0, "%s: the packet socket: %s", when, strerror(error));
}

static void close_sockets(const struct sockets *s)
{
	close(s->bound);
	close(s->served);
	close(s->member);
	close(s->sender);
	close(s->packet);
}

/*
 * Also its number, which a port taken from the workload's side changes. An
 * address is tentative while the kernel asks for others that have it, and when
 * that ends nobody here decides.
 */
static char *look_closely(struct ns *ns, const char *port)
{
	return strdup(ns_run(ns,
			     "ip -o -d link show %s | sed 's/link-netns[^ ]* [^ ]*//; s/@[^:]*:/:/; "
			     "s/_timer *[0-9.]*//g'; ip -o addr show dev %s | sed 's/ tentative//'; "
			     "ip neigh show nud permanent dev %s",
			     port, port, port));
}

static const char *side_of(json_t *taken)
{
	return json_text(taken, "items.0.side");
}

static bool looks(const char *before, struct ns *ns, const char *port, char **now)
{
	free(*now);
	*now = look_closely(ns, port);
	return !strcmp(before, *now);
}

/* Soon: on a busy machine the kernel is late to see a carrier, and so to call the state "up". */
static void same_as(const char *before, struct ns *ns, const char *port, const char *what)
{
	char *now = NULL;

	cr_expect(wait_until(3000, looks(before, ns, port, &now)), "%s:\n%s\nbefore:\n%s", what, now, before);
	free(now);
}

static void all_along(struct topo *t, const char *port)
{
	char *inside = look_closely(t->workload, "eth0"), *outside = look_closely(t->host, port);
	unsigned int number = link_index(t->host, port);
	struct sockets sockets;
	json_t *taken;

	open_sockets(t, &sockets);
	use_sockets(&sockets, "before");
	taken = ctl(t->d, "intercept pid:%d --mode off --side host", t->workload->pid);
	cr_expect_str_eq(side_of(taken), "host");
	json_decref(taken);
	cr_expect_eq(link_index(t->host, port), number, "it has another number");
	same_as(inside, t->workload, "eth0", "the workload's end, taken");
	same_as(outside, t->host, port, "the host's end, taken");
	use_sockets(&sockets, "off");
	ctl_do(t->d, "mode --all inline");
	use_sockets(&sockets, "inline");
	cr_expect(ping_within(t->host, WL_IP4, 3000), "%s", ns_said());
	cr_expect(ping_within(t->host, WL_IP6, 3000), "%s", ns_said());
	daemon_kill9(t->d);
	use_sockets(&sockets, "without a daemon");
	daemon_restart(t->d);
	use_sockets(&sockets, "adopted");
	ctl_do(t->d, "mode --all tap");
	use_sockets(&sockets, "tap");
	ctl_do(t->d, "release --all");
	use_sockets(&sockets, "given back");
	cr_expect_eq(link_index(t->host, port), number, "it came back with another number");
	same_as(inside, t->workload, "eth0", "the workload's end, given back");
	same_as(outside, t->host, port, "the host's end, given back");
	close_sockets(&sockets);
	free(inside);
	free(outside);
}

Test(host_side, behind_a_bridge)
{
	struct topo *t = topo_bridge("");

	ns_run(t->host, "bridge link set dev vethwl hairpin on cost 33");
	all_along(t, "vethwl");
	topo_end(t);
}

Test(host_side, routed)
{
	struct topo *t = topo_direct("");

	ns_run(t->host,
	       "ip route add 192.0.2.0/24 via " WL_IP4 " table 77; ip rule add iif vethwl lookup 77; "
	       "ip neigh add 10.1.2.3 lladdr 02:00:00:00:07:07 dev vethwl nud permanent 2>/dev/null; true");
	all_along(t, "vethwl");
	cr_expect_eq(ns_sh(t->host, "ip route show table 77 | grep -q 'dev vethwl'"), 0);
	topo_end(t);
}

Test(host_side, auto_takes_the_side_that_keeps_all)
{
	struct topo *t = topo_bridge("--side auto");
	json_t *taken;

	taken = ctl(t->d, "intercept pid:%d", t->workload->pid);
	cr_expect_str_eq(side_of(taken), "host");
	json_decref(taken);
	ns_run(t->host, "tc qdisc add dev vethwl2 clsact && tc filter add dev vethwl2 egress "
			"protocol 0x88b5 u32 match u32 0 0 flowid 1:1");
	taken = ctl(t->d, "intercept pid:%d", t->workload2->pid);
	cr_expect_str_eq(side_of(taken), "workload");
	cr_expect(strstr(json_text(taken, "items.0.side_reason"), "filters"), "%s",
		  json_text(taken, "items.0.side_reason"));
	json_decref(taken);
	cr_expect(ping(t->host, WL_IP4), "%s", ns_said());
	cr_expect(ping(t->host, WL2_IP4), "%s", ns_said());
	ctl_do(t->d, "release --all");
	cr_expect(strstr(ctl_refused(t->d, "intercept pid:%d --side host", t->workload2->pid), "filters"));
	cr_expect(ping(t->host, WL2_IP4), "%s", ns_said());
	ns_run(t->host, "tc qdisc del dev vethwl2 clsact");
	topo_end(t);
}

static void expect_side(struct topo *t, const char *side, const char *reason)
{
	json_t *taken = ctl(t->d, "intercept pid:%d --mode inline", t->workload->pid);

	cr_expect_str_eq(side_of(taken), side);
	cr_expect(strstr(json_text(taken, "items.0.side_reason"), reason), "%s",
		  json_text(taken, "items.0.side_reason"));
	json_decref(taken);
}

/* An interface of the same name in its place would not be hooked. */
Test(host_side, auto_leaves_alone_what_nftables_is_hooked_to)
{
	struct topo *t = topo_bridge("--side auto");

	ns_run(t->host,
	       "nft add table netdev mine && "
	       "nft 'add chain netdev mine door { type filter hook ingress device vethwl priority 0; }'");
	cr_expect(strstr(ctl_refused(t->d, "intercept pid:%d --side host", t->workload->pid),
			 "chain door of table netdev mine"));
	expect_side(t, "workload", "a hook of nftables");
	cr_expect(ping_within(t->host, WL_IP4, 3000), "%s", ns_said());
	ctl_do(t->d, "release --all");
	cr_expect_eq(ns_sh(t->host, "nft list ruleset | grep -q vethwl"), 0, "the hook is gone");
	ns_run(t->host, "nft delete table netdev mine");
	topo_end(t);
}

/* The host's routes by it would be missing for a moment. */
Test(host_side, auto_leaves_a_routed_end_where_it_is)
{
	struct topo *t = topo_direct("--side auto");
	json_t *taken = ctl(t->d, "intercept pid:%d", t->workload->pid);

	cr_expect_str_eq(side_of(taken), "workload");
	cr_expect(strstr(json_text(taken, "items.0.side_reason"), "routes"), "%s",
		  json_text(taken, "items.0.side_reason"));
	json_decref(taken);
	topo_end(t);
}

/* A macvlan goes on by its own MAC, which for strict is a foreign one; the port's own traffic does not mind. */
static void with_macvlan(struct topo *t, const char *reason)
{
	char *inside;
	const char *said;

	ns_run(t->workload, "ip link add link eth0 name mv0 type macvlan mode bridge && ip addr add " CHILD
			    "/24 dev mv0 && ip link set mv0 up && ip route add " HOST_IP4
			    " dev mv0 src " CHILD " table 9 && ip rule add from " CHILD " lookup 9");
	free(t->before_workload);
	t->before_workload = topo_look(t->workload);
	cr_assert(ping_within(t->host, CHILD, 3000), "%s", ns_said());
	inside = look_closely(t->workload, "eth0");
	said = ctl_refused(t->d, "intercept pid:%d --side workload", t->workload->pid);
	cr_expect(strstr(said, "mv0") && strstr(said, "host's side"), "%s", said);
	expect_side(t, "host", reason);
	same_as(inside, t->workload, "eth0", "the port below the macvlan, taken");
	cr_expect(ping_within(t->host, WL_IP4, 3000), "%s", ns_said());
	cr_expect(!ping(t->host, CHILD), "strict lets a foreign MAC through");
	cr_expect_gt(counter_legs(t->d, SL_R_foreign_mac), 0);
	ctl_do(t->d, "mode --all inline --no-strict");
	cr_expect(ping_within(t->host, CHILD, 3000), "%s", ns_said());
	cr_expect_gt(counter_legs(t->d, SL_R_pass_foreign_mac), 0);
	cr_expect(ping(t->host, WL_IP4), "%s", ns_said());
	ctl_do(t->d, "release --all");
	cr_expect(ping_within(t->host, CHILD, 3000), "%s", ns_said());
	same_as(inside, t->workload, "eth0", "the port below the macvlan, given back");
	free(inside);
}

Test(host_side, a_macvlan_on_top_of_a_bridged_port)
{
	struct topo *t = topo_bridge("--side auto");

	with_macvlan(t, "can be kept");
	topo_end(t);
}

/* Which auto would leave to the workload's side, but there it is refused. */
Test(host_side, a_macvlan_on_top_of_a_routed_port)
{
	struct topo *t = topo_direct("--side auto");
	json_t *result = NULL;
	char *plan;

	with_macvlan(t, "mv0");
	result = ctl(t->d, "intercept pid:%d --dry-run", t->workload->pid);
	plan = json_dumps(result, 0);
	cr_expect(strstr(plan, "mv0 on top of eth0 has a MAC address of its own"), "%s", plan);
	free(plan);
	json_decref(result);
	topo_end(t);
}

/* Its frames have the port's MAC, so they are inspected. */
Test(host_side, a_vlan_on_top)
{
	struct topo *t = topo_bridge("--side auto");

	if (ns_sh(t->workload, "ip link add link eth0 name eth0.5 type vlan id 5") != 0) {
		topo_end(t);
		cr_skip_test("this kernel has no 8021q devices");
	}
	ns_run(t->workload, "ip addr add 10.50.0.2/24 dev eth0.5 && ip link set eth0.5 up");
	ns_run(t->host,
	       "ip link add link br0 name br0.5 type vlan id 5 && ip addr add 10.50.0.1/24 dev br0.5 && "
	       "ip link set br0.5 up");
	free(t->before_workload);
	t->before_workload = topo_look(t->workload);
	cr_assert(ping_within(t->host, "10.50.0.2", 3000), "%s", ns_said());
	expect_side(t, "host", "can be kept");
	cr_expect(ping_within(t->host, "10.50.0.2", 3000), "%s", ns_said());
	cr_expect(ping_within(t->host, WL_IP4, 3000), "%s", ns_said());
	ctl_do(t->d, "release --all");
	cr_expect(ping_within(t->host, "10.50.0.2", 3000), "%s", ns_said());
	topo_end(t);
}

Test(host_side, the_workload_dies)
{
	struct topo *t = topo_bridge("--side host");

	daemon_intercept(t->d, t->workload, "--mode inline");
	daemon_intercept(t->d, t->workload2, "--mode inline");
	ns_kill(t->workload);
	cr_expect(wait_until(5000, !link_exists(t->host, "vethwl")), "%s", daemon_said(t->d));
	cr_expect(ping(t->host, WL2_IP4), "%s", ns_said());
	topo_end(t);
}

Test(host_side, the_host_end_is_deleted)
{
	struct topo *t = topo_bridge("--side host");

	daemon_intercept(t->d, t->workload, "--mode inline");
	daemon_intercept(t->d, t->workload2, "--mode inline");
	/* As a container runtime does it: the workload's port is to go with it. */
	ns_run(t->host, "ip link del vethwl");
	cr_expect(wait_until(5000, !link_exists(t->workload, "eth0")), "%s", daemon_said(t->d));
	cr_expect(ping(t->host, WL2_IP4), "%s", ns_said());
	ns_kill(t->workload);
	topo_end(t);
}
