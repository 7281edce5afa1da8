// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a workload's traffic sees when a part of sluice fails, in both `fail`
 * settings: a judged flow that runs, a new connection that is allowed, one
 * that is denied, a ping. The rows are those of docs/operations.md; a run
 * writes them to failures-open.md and failures-closed.md in the build folder.
 *
 * Invariant: there are three columns of answers and no fourth: inspected,
 * passing uninspected, silent. The judged flow loses nothing in any of them.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/dial.h"
#include "lib/rules.h"
#include "lib/topo.h"
#include "lib/world.h"

TestSuite(failures, .init = world_enter, .fini = world_leave, .timeout = 180);

#define ALLOWED 7990
#define DENIED 8081
#define MORE_THAN_RINGS 10000
#define POLICY                                                                                               \
	"version: 1\ndefault: {mode: protect}\nrules:\n"                                                     \
	"  - {id: 1, direction: both, protocol: tcp, ports: 7990, action: allow}\n"                          \
	"  - {id: 2, direction: both, protocol: udp, ports: 5000-5001, action: allow}\n"                     \
	"  - {id: 3, direction: both, protocol: icmp, action: allow}\n"

enum answer { INSPECTED, UNINSPECTED, SILENT };

struct field {
	struct topo *t;
	enum answer absent; /* what the setting makes of an absent core */
	int allowed, denied; /* servers of the workload */
	FILE *table;
};

static const char *word(int result)
{
	return result == 0 ? "connects" : result == ECONNREFUSED ? "refused" : "silence";
}

static void expect_state(struct field *f, const char *what, enum answer want)
{
	__u64 before = counter_legs(f->t->d, SL_R_flow_allowed);
	bool goes_on = wait_until(3000, counter_legs(f->t->d, SL_R_flow_allowed) > before + 100);
	int ms = want == SILENT ? 400 : 3000;
	int allowed = dial_tcp(f->t->host, WL_IP4, ALLOWED, ms, NULL);
	int denied = dial_tcp(f->t->host, WL_IP4, DENIED, ms, NULL);
	bool answered = ping(f->t->host, WL_IP4);

	fprintf(f->table, "| %s | %s | %s | %s | %s |\n", what, goes_on ? "goes on" : "stops", word(allowed),
		word(denied), answered ? "answered" : "silence");
	cr_expect(goes_on, "%s: the judged flow stands still", what);
	cr_expect_eq(allowed, want == SILENT ? ETIMEDOUT : 0, "%s: allowed: %s", what, strerror(allowed));
	cr_expect_eq(denied,
		     want == INSPECTED ? ECONNREFUSED
		     : want == SILENT  ? ETIMEDOUT
				       : 0,
		     "%s: denied: %s", what, strerror(denied));
	cr_expect_eq(answered, want != SILENT, "%s: ping", what);
}

static void until_whole(struct field *f)
{
	cr_assert(wait_until(10000, core_alive(f->t->d)), "%s", daemon_said(f->t->d));
	expect_state(f, "whole again", INSPECTED);
}

static void core_stands_still(struct field *f)
{
	pid_t core = core_pid(f->t->d);

	kill(core, SIGSTOP);
	cr_assert(wait_until(5000, core_stale(f->t->d)));
	expect_state(f, "core stands still (SIGSTOP, a loop)", f->absent);
	kill(core, SIGCONT);
	until_whole(f);
}

static void core_is_killed(struct field *f)
{
	pid_t core = core_pid(f->t->d);

	kill(core, SIGKILL);
	cr_assert(wait_until(10000, core_pid(f->t->d) != core && core_alive(f->t->d)), "%s",
		  daemon_said(f->t->d));
	expect_state(f, "core killed, another one has taken its place", INSPECTED);
}

static void daemon_is_killed(struct field *f)
{
	daemon_kill9(f->t->d);
	expect_state(f, "daemon killed", INSPECTED);
	daemon_restart(f->t->d);
	until_whole(f);
}

static void both_are_killed(struct field *f)
{
	pid_t core = core_pid(f->t->d);

	daemon_kill9(f->t->d);
	kill(core, SIGKILL);
	cr_assert(wait_until(5000, core_stale(f->t->d)));
	expect_state(f, "daemon and core killed", f->absent);
	daemon_restart(f->t->d);
	until_whole(f);
}

static void wire_is_set_down(struct field *f)
{
	ns_run(f->t->agent, "ip link set vth down");
	cr_assert(wait_until(5000, !ns_sh(f->t->agent, "ip -o link show vth | grep -q ',UP'")));
	until_whole(f);
	daemon_kill9(f->t->d);
	ns_run(f->t->agent, "ip link set vth down");
	cr_assert(wait_until(5000, core_stale(f->t->d)),
		  "the core does not notice that its interface is down");
	expect_state(f, "vth set down, and no daemon to set it up", f->absent);
	ns_run(f->t->agent, "ip link set vth up");
	until_whole(f);
	daemon_restart(f->t->d);
	until_whole(f);
}

/* The other end of vth: the programs' frames are lost there, and the core would be as deaf with vth up. */
static void bridge_is_set_down(struct field *f)
{
	daemon_kill9(f->t->d);
	ns_run(f->t->agent, "ip link set vbr down");
	cr_assert(wait_until(5000, core_stale(f->t->d)), "the core does not notice that vbr is down");
	expect_state(f, "vbr set down, and no daemon to set it up", f->absent);
	ns_run(f->t->agent, "ip link set vbr up");
	until_whole(f);
	daemon_restart(f->t->d);
	until_whole(f);
}

/* What became of the frames that were sent to the core. */
struct at_core {
	__u64 sent, taken, no_room;
};

static struct at_core at_core(struct field *f)
{
	struct sl_core record = { 0 };
	__u32 queue = 0;

	cr_assert_eq(bpf_map_lookup_elem(f->t->d->maps.core, &queue, &record), 0);
	return (struct at_core){ counter_legs(f->t->d, SL_R_diverted), record.rx_frames,
				 core_no_room(f->t->d) };
}

/* Since then: nothing is missing, and something found no room. */
static bool is_accounted(struct field *f, const struct at_core *before)
{
	struct at_core now = at_core(f);

	return now.no_room > before->no_room &&
	       now.sent - before->sent == now.taken - before->taken + now.no_room - before->no_room;
}

/* More than all of FILL, while nobody takes anything out of RX. */
static void fill_rings(struct field *f)
{
	struct sockaddr_storage to;
	socklen_t len = dial_address(WL_IP4, 5001, &to);
	int fd = ns_socket(f->t->host, AF_INET, SOCK_DGRAM, 0);
	pid_t core = core_pid(f->t->d);

	cr_assert(fd >= 0);
	kill(core, SIGSTOP);
	for (int i = 0; i < MORE_THAN_RINGS; i++)
		sendto(fd, "full", 4, 0, (void *)&to, len);
	kill(core, SIGCONT);
	close(fd);
}

static void rings_are_full(struct field *f)
{
	struct at_core before = at_core(f), after;
	pid_t core = core_pid(f->t->d);
	bool accounted = false;

	/* On a machine that is slow just now the heartbeat is too old before the rings are full. */
	for (int i = 0; i < 5 && !accounted; i++) {
		fill_rings(f);
		accounted = wait_until(5000, is_accounted(f, &before));
	}
	if (!accounted) {
		after = at_core(f);
		cr_expect_fail("of %llu frames the core took %llu and had no room for %llu",
			       after.sent - before.sent, after.taken - before.taken,
			       after.no_room - before.no_room);
	}
	cr_expect_eq(core_pid(f->t->d), core);
	expect_state(f, "core's rings were full for a moment", INSPECTED);
}

static void run(const char *fail, enum answer absent)
{
	struct field f = { .t = topo_direct(""), .absent = absent };
	char path[512];
	struct flow *judged;

	snprintf(path, sizeof(path), "%s/failures-%s.md", world_build(), fail);
	f.table = fopen(path, "w");
	cr_assert(f.table != NULL, "%s: %s", path, strerror(errno));
	fprintf(f.table,
		"| fail %s | judged flow | allowed connection | denied connection | ping |\n"
		"|---|---|---|---|---|\n",
		fail);
	daemon_intercept(f.t->d, f.t->workload, absent == SILENT ? "--fail closed" : "--fail open");
	rules_apply(f.t->d, POLICY);
	f.allowed = dial_server(f.t->workload, WL_IP4, ALLOWED, SOCK_STREAM);
	f.denied = dial_server(f.t->workload, WL_IP4, DENIED, SOCK_STREAM);
	judged = flow_start(f.t->host, f.t->workload, WL_IP4, 5000, 500, 200);
	expect_state(&f, "nothing", INSPECTED);
	core_stands_still(&f);
	core_is_killed(&f);
	daemon_is_killed(&f);
	both_are_killed(&f);
	wire_is_set_down(&f);
	bridge_is_set_down(&f);
	rings_are_full(&f);
	flow_end(judged);
	close(f.allowed);
	close(f.denied);
	fclose(f.table);
	topo_end(f.t);
}

Test(failures, open)
{
	run("open", UNINSPECTED);
}

Test(failures, closed)
{
	run("closed", SILENT);
}
