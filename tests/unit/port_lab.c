// SPDX-License-Identifier: BSD-2-Clause
/* The namespaces, pictures and wires of the port tests; see port_lab.h. */
#include "unit/port_lab.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ipv6.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/netns.h"

#define SHOWN 500
#define SHOWN_BEFORE 60
#define ATTACH_TCX_INGRESS 46 /* newer than the distribution's headers */
#define NEIGHBOUR_SOLICITATION 135 /* RFC 4861 */

static int new_namespace(void)
{
	int own, fd;

	own = sl_netns_open_self(NULL);
	cr_assert_geq(own, 0);
	cr_assert_eq(unshare(CLONE_NEWNET), 0, "unshare: %s", strerror(errno));
	fd = sl_netns_open_self(NULL);
	cr_assert_geq(fd, 0);
	sl_netns_leave(own);
	sh(fd, "ip link set lo up");
	return fd;
}

void lab_open(struct lab *lab)
{
	if (geteuid())
		cr_skip_test("needs root");
	lab->host = new_namespace();
	lab->agent = new_namespace();
	lab->workload = new_namespace();
	/* Indexes of the two ends differ, as they nearly always do. */
	sh(lab->host, "ip link add br0 type bridge && ip link set br0 up");
	sh(lab->host, "ip link add hveth type veth peer name eth0 netns /proc/%d/fd/%d", getpid(),
	   lab->workload);
	sh(lab->host, "ip link set hveth up && ip addr add 10.77.0.1/24 dev hveth && "
		      "ip addr add fd77::1/64 dev hveth nodad");
	sh(lab->workload, "ip link set eth0 up");
}

/* Spawned, not forked: a suite is a large process to copy, for a thousand commands and more. */
static pid_t start(int netns, int out, const char *command)
{
	char *argv[] = { "sh", "-c", (char *)command, NULL };
	posix_spawn_file_actions_t files;
	int token, r;
	pid_t pid;

	posix_spawn_file_actions_init(&files);
	if (out >= 0)
		posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	token = sl_netns_enter(netns, NULL);
	cr_assert_geq(token, 0);
	r = posix_spawn(&pid, "/bin/sh", &files, NULL, argv, environ);
	sl_netns_leave(token);
	posix_spawn_file_actions_destroy(&files);
	cr_assert_eq(r, 0, "%s: %s", command, strerror(r));
	return pid;
}

static int finish(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define FORMAT(command)                                                                                      \
	do {                                                                                                 \
		va_list ap_;                                                                                 \
		va_start(ap_, fmt);                                                                          \
		vsnprintf(command, sizeof(command), fmt, ap_);                                               \
		va_end(ap_);                                                                                 \
	} while (0)

int sh_try(int netns, const char *fmt, ...)
{
	char command[2048];

	FORMAT(command);
	return finish(start(netns, -1, command));
}

void sh(int netns, const char *fmt, ...)
{
	char command[2048];
	int status;

	FORMAT(command);
	status = finish(start(netns, -1, command));
	cr_assert_eq(status, 0, "exit status %d: %s", status, command);
}

char *sh_read(int netns, const char *fmt, ...)
{
	char command[2048], *text = NULL, part[4096];
	size_t size = 0;
	FILE *memory;
	ssize_t got;
	int ends[2];
	pid_t pid;

	FORMAT(command);
	cr_assert_eq(pipe(ends), 0);
	pid = start(netns, ends[1], command);
	close(ends[1]);
	memory = open_memstream(&text, &size);
	while ((got = read(ends[0], part, sizeof(part))) > 0)
		fwrite(part, 1, got, memory);
	fclose(memory);
	close(ends[0]);
	cr_assert_eq(finish(pid), 0, "%s", command);
	return text;
}

char *lab_picture(int netns, const char *port)
{
	return sh_read(
		netns,
		"{ ip -d -j link show dev %s; ip -d -j addr show dev %s; ip -d -j route show table all; "
		"ip -d -j -6 route show table all; ip -j neigh show dev %s nud permanent; "
		"ip -j -6 neigh show dev %s nud permanent; ip -j neigh show proxy dev %s; "
		"ip -d -j rule; ip -d -j -6 rule; ip -d -j nexthop; ip addrlabel | sort; ip token | grep ' "
		"%s$'; "
		"tc -d qdisc show dev %s | grep -v ' 0: ' | sed 's/direct_packets_stat [0-9]*//'; tc -d "
		"class show dev %s | sort; "
		"ip maddr show dev %s | grep -E 'static|inet' | sort; } | "
		"sed -E 's/},\\{/},\\n{/g; "
		"s/\"(ifindex|link_index|valid_life_time|preferred_life_time|expires)\""
		":[0-9]+/\"\\1\":0/g; s/\"link_netnsid\":[0-9]+,?//g; s/\"link\":\"[^\"]*\",?//g; "
		"s/\"(stable-privacy|tentative)\":true,?//g; s/,\\}/}/g; "
		"s/\"(refcnt|direct_packets_stat)\":[0-9]+,?//g; s/\"noop\"/\"noqueue\"/';"
		"ethtool -k %s | grep -v fixed; ethtool -l %s | grep X:;"
		"cd /proc/sys/net; for f in ipv4/conf/%s ipv6/conf/%s ipv4/neigh/%s ipv6/neigh/%s; do "
		"(cd $f 2>/dev/null && grep -s . * | sed s,^,$f/,); done; true",
		port, port, port, port, port, port, port, port, port, port, port, port, port, port, port);
}

/* A line can be longer than what is kept of a failed assertion: shown from a little before the first difference. */
static size_t first_difference(const char *x, const char *y)
{
	size_t same = 0;

	while (x[same] && x[same] == y[same] && x[same] != '\n')
		same++;
	return same < SHOWN_BEFORE ? 0 : same - SHOWN_BEFORE;
}

void lab_same(char *before, char *after, const char *what)
{
	char *x = before, *y = after;

	while (*x || *y) {
		size_t n = strcspn(x, "\n"), m = strcspn(y, "\n"), from = first_difference(x, y);

		cr_assert(n == m && !strncmp(x, y, n), "%s\n before: %.*s\n after:  %.*s", what,
			  (int)(n - from < SHOWN ? n - from : SHOWN), x + from,
			  (int)(m - from < SHOWN ? m - from : SHOWN), y + from);
		x += n + !!x[n];
		y += m + !!y[m];
	}
	free(before);
	free(after);
}

void lab_request(const struct lab *lab, struct port_request *request)
{
	*request = (struct port_request){
		.workload_ns = lab->workload,
		.agent_ns = lab->agent,
		.name = "eth0",
		.vex_name = "vex1f-eth0",
		.vin_name = "vin1f-eth0",
		.max_mtu = 2048,
		.workload_label = "the test's workload",
	};
}

/*
 * Kernels without tcx: a filter, in the same place each time. It goes with its interface or with the qdisc when
 * that moves; until then it does no harm. Returns the program's descriptor for a link's.
 */
static int clsact_wire(int from, int fd)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = from, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = 1, .priority = 1, .prog_fd = fd,
		    .flags = BPF_TC_F_REPLACE);
	int r = bpf_tc_hook_create(&hook);

	return r && r != -EEXIST ? r : bpf_tc_attach(&hook, &filter) ? -1 : fd;
}

/* return bpf_redirect(ifindex, 0); */
static int wire(__u32 from, __u32 to)
{
	struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 1, .imm = (int)to },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = 0 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd, link;

	fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "wire", "GPL", program, 4, NULL);
	if (fd < 0)
		return fd;
	link = bpf_link_create(fd, (int)from, ATTACH_TCX_INGRESS, NULL);
	if (link < 0)
		link = clsact_wire((int)from, fd);
	else
		close(fd);
	return link;
}

static int on_ready(void *context, const struct port_taken *taken, struct sl_err *err)
{
	struct lab_wires *wires = context;
	int token;

	if (wires->fail)
		return sl_err(err, EUCLEAN, "the test said so");
	token = sl_netns_enter(wires->agent, err);
	if (token < 0)
		return token;
	wires->link[0] = wire(taken->vex_ifindex, taken->vin_ifindex);
	wires->link[1] = wire(taken->vin_ifindex, taken->vex_ifindex);
	sl_netns_leave(token);
	if (wires->link[0] < 0 || wires->link[1] < 0)
		return sl_err(err, EIO, "no wire");
	wires->ready++;
	return 0;
}

static void on_undo(void *context, const struct port_taken *taken)
{
	struct lab_wires *wires = context;

	(void)taken;
	if (wires->on_undo)
		sh(wires->workload, "%s", wires->on_undo);
	wires->on_undo = NULL;
	for (int i = 0; i < 2; i++) {
		if (wires->link[i] >= 0)
			close(wires->link[i]);
		wires->link[i] = -1;
	}
	wires->undone++;
}

void lab_hooks(const struct lab *lab, struct lab_wires *wires, struct port_hooks *hooks)
{
	*wires = (struct lab_wires){ .agent = lab->agent, .workload = lab->workload, .link = { -1, -1 } };
	*hooks = (struct port_hooks){ .ready = on_ready, .undo = on_undo, .context = wires };
}

struct echo {
	__u8 type, code;
	__u16 sum, id, seq;
};

static __u16 echo_sum(const struct echo *e)
{
	const __u16 *w = (const __u16 *)e;
	__u32 sum = w[0] + w[2] + w[3];

	return (__u16) ~(sum + (sum >> 16));
}

static bool is_answer(int fd, bool v4, const struct echo *asked)
{
	__u8 packet[256];
	ssize_t n = recv(fd, packet, sizeof(packet), 0);
	size_t at = v4 && n > 0 ? (packet[0] & 0xf) * 4 : 0; /* of IPv4 the header comes too */
	struct echo e;

	if (n < (ssize_t)(at + sizeof(e)))
		return false;
	memcpy(&e, packet + at, sizeof(e));
	return e.type == (v4 ? ICMP_ECHOREPLY : ICMPV6_ECHO_REPLY) && e.id == asked->id &&
	       e.seq == asked->seq;
}

bool lab_reaches(int netns, const char *address, int seconds)
{
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in to4 = { .sin_family = AF_INET };
	bool v4 = inet_pton(AF_INET, address, &to4.sin_addr) == 1, answered = false;
	struct echo e = { .type = v4 ? ICMP_ECHO : ICMPV6_ECHO_REQUEST, .id = (__u16)getpid() };
	int token = sl_netns_enter(netns, NULL), fd;
	struct pollfd wait;

	cr_assert_geq(token, 0);
	fd = socket(v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	sl_netns_leave(token);
	cr_assert(fd >= 0 && (v4 || inet_pton(AF_INET6, address, &to6.sin6_addr) == 1));
	wait = (struct pollfd){ .fd = fd, .events = POLLIN };
	for (int i = 0; i < seconds && !answered; i++) {
		e.seq = (__u16)i;
		e.sum = 0;
		e.sum = v4 ? echo_sum(&e) : 0; /* of IPv6 the kernel writes it */
		/* An error is no answer: no route yet, say. */
		if (sendto(fd, &e, sizeof(e), 0, v4 ? (void *)&to4 : (void *)&to6,
			   v4 ? sizeof(to4) : sizeof(to6)) < 0)
			usleep(100000);
		while (!answered && poll(&wait, 1, 1000) > 0)
			answered = is_answer(fd, v4, &e);
	}
	close(fd);
	return answered;
}

const char *lab_interface_like(int netns, const char *const *beginnings)
{
	int token = sl_netns_enter(netns, NULL);
	static char found[IF_NAMESIZE];
	struct if_nameindex *all;

	cr_assert_geq(token, 0);
	all = if_nameindex();
	sl_netns_leave(token);
	cr_assert_not_null(all);
	found[0] = 0;
	for (struct if_nameindex *i = all; i->if_index; i++) {
		for (const char *const *b = beginnings; *b; b++) {
			if (!strncmp(i->if_name, *b, strlen(*b)))
				snprintf(found, sizeof(found), "%s", i->if_name);
		}
	}
	if_freenameindex(all);
	return found[0] ? found : NULL;
}

int lab_listen(int netns, const char *interface)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IPV6) };
	int token = sl_netns_enter(netns, NULL), fd;

	cr_assert_geq(token, 0);
	address.sll_ifindex = (int)if_nametoindex(interface);
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cr_assert(address.sll_ifindex > 0 && fd >= 0 &&
			  bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0,
		  "%s: %s", interface, strerror(errno));
	sl_netns_leave(token);
	return fd;
}

unsigned int lab_detections(int fd, int ms)
{
	static const struct in6_addr nobody;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct {
		struct ipv6hdr ip;
		struct icmp6hdr icmp;
		char rest[2048];
	} frame;
	unsigned int n = 0;

	/* RFC 4862: asked from no address. */
	while (poll(&p, 1, ms) > 0 && recv(fd, &frame, sizeof(frame), 0) > 0)
		n += frame.ip.nexthdr == IPPROTO_ICMPV6 && frame.icmp.icmp6_type == NEIGHBOUR_SOLICITATION &&
		     memcmp(&frame.ip.saddr, &nobody, sizeof(nobody)) == 0;
	return n;
}
