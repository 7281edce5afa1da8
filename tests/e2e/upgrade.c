// SPDX-License-Identifier: BSD-2-Clause
/*
 * A newer build takes the place of the one that runs, under traffic, and the
 * older one that of the newer: another version of the daemon with programs of
 * other instructions, as an upgrade brings them.
 *
 * Invariant: no datagram is lost, links and maps stay the same ones, and in
 * every link there is another program.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/rules.h"
#include "lib/topo.h"
#include "lib/world.h"

TestSuite(upgrade, .init = world_enter, .fini = world_leave, .timeout = 180);

#define NEWER "newer/sluiced"
#define LINKS 4 /* vex, vin, vbr, vth … */
#define LINKS_MAX 6 /* … and vbk, vtk where there is a bulk lane */

static const char *const maps[] = { SL_MAP_PORTS,    SL_MAP_WORKLOADS, SL_MAP_UCMACS, SL_MAP_CONFIG,
				    SL_MAP_COUNTERS, SL_MAP_TRAFFIC,   SL_MAP_ETYPES, SL_MAP_CORE,
				    SL_MAP_XSKS,     SL_MAP_FLOWS };
#define MAPS (sizeof(maps) / sizeof(*maps))

/* What stands in the kernel. */
struct wiring {
	int links;
	__u32 link[LINKS_MAX], program[LINKS_MAX];
	__u8 tag[LINKS_MAX][BPF_TAG_SIZE];
	__u32 map[MAPS];
};

static __u32 map_id(const char *name)
{
	char path[256];
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	int fd;

	snprintf(path, sizeof(path), DAEMON_PINS "/%s", name);
	fd = bpf_obj_get(path);
	cr_assert(fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len), "map %s", path);
	close(fd);
	return info.id;
}

static __u32 program_of_link(const char *path, __u32 *ret_link)
{
	struct bpf_link_info link = { 0 };
	__u32 len = sizeof(link);
	int fd = bpf_obj_get(path);

	cr_assert(fd >= 0 && !bpf_obj_get_info_by_fd(fd, &link, &len), "link %s", path);
	close(fd);
	*ret_link = link.id;
	return link.prog_id;
}

/* Kernels without tcx: a filter, of which only a note is pinned, with the number of its interface. */
static __u32 program_of_filter(struct topo *t, const char *path)
{
	unsigned int ifindex, id;

	cr_assert_eq(sscanf(strrchr(path, '/'), "/sl_%*[a-z]-%u-clsact", &ifindex), 1, "%s", path);
	cr_assert_eq(sscanf(ns_run(t->d->agent,
				   "tc filter show ingress dev $(ip -o link | sed -n 's/^%u: "
				   "\\([^:@]*\\).*/\\1/p') | sed -n 's/.* id \\([0-9]*\\).*/\\1/p'",
				   ifindex),
			    "%u", &id),
		     1, "the filter of %s", path);
	return id;
}

static void look_at_tag(__u32 program, __u8 *ret_tag)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(program);

	cr_assert(fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len), "program %u", program);
	close(fd);
	memcpy(ret_tag, info.tag, BPF_TAG_SIZE);
}

/* The links are named by program and interface, in this order. */
static struct wiring look(struct topo *t)
{
	char list[1024], *save = NULL, *path;
	struct wiring now = { 0 };
	int n;

	snprintf(list, sizeof(list), "%s", ns_run(NULL, "ls -d " DAEMON_PINS "/links/*"));
	for (path = strtok_r(list, "\n", &save); path; path = strtok_r(NULL, "\n", &save)) {
		n = now.links++;
		cr_assert_lt(n, LINKS_MAX, "more links than expected: %s", path);
		now.program[n] = strstr(path, "-clsact") ? program_of_filter(t, path)
							 : program_of_link(path, &now.link[n]);
		look_at_tag(now.program[n], now.tag[n]);
	}
	cr_assert(now.links == LINKS || now.links == LINKS_MAX, "%d links", now.links);
	for (unsigned int i = 0; i < MAPS; i++)
		now.map[i] = map_id(maps[i]);
	return now;
}

static void expect_replaced(const struct wiring *before, const struct wiring *after, bool other_build)
{
	int differ = 0;

	cr_assert_eq(before->links, after->links);
	for (int i = 0; i < before->links; i++) {
		cr_expect_eq(before->link[i], after->link[i], "link %d is another one", i);
		cr_expect_neq(before->program[i], after->program[i], "link %d has the same program", i);
		differ += memcmp(before->tag[i], after->tag[i], BPF_TAG_SIZE) != 0;
	}
	/* The least of them are the same however they are built. */
	cr_expect(other_build ? differ >= LINKS : !differ, "%d programs have other instructions", differ);
	for (unsigned int i = 0; i < MAPS; i++)
		cr_expect_eq(before->map[i], after->map[i], "map %s is another one", maps[i]);
}

static void more_traffic(struct topo *t, enum sl_reason way)
{
	__u64 before = counter_legs(t->d, way);

	cr_assert(wait_until(10000, counter_legs(t->d, way) > before + 500), "the traffic stands still: %s",
		  daemon_said(t->d));
}

static char *version(struct topo *t)
{
	json_t *status = ctl(t->d, "status");
	char *text = strdup(json_text(status, "version"));

	json_decref(status);
	return text;
}

/* killed: nobody has told the old one to make room. */
static void become(struct topo *t, const char *program, bool killed)
{
	pid_t core = core_pid(t->d);
	__u64 counted;

	if (killed)
		daemon_kill9(t->d);
	else
		daemon_term(t->d);
	counted = counter_in(t->d, SL_PROG_VEX);
	t->d->program = program;
	daemon_restart(t->d);
	cr_expect_gt(counter_in(t->d, SL_PROG_VEX), counted, "the counters began anew");
	cr_expect_eq(core_pid(t->d), core, "the core was not kept: %s", daemon_said(t->d));
	cr_expect_eq(topo_cores(), 1);
}

static void there_and_back(const char *options, enum sl_reason way)
{
	struct topo *t = topo_direct(options);
	struct wiring old, newer, old_again;
	struct flow *in, *out;
	char *before, *after;
	json_t *list;

	daemon_intercept(t->d, t->workload, "--mode inline --fail closed --id 180");
	before = version(t);
	in = flow_start(t->host, t->workload, WL_IP4, 5000, 2000, 200);
	out = flow_start(t->workload, t->host, HOST_IP6, 5001, 2000, 200);
	more_traffic(t, way);
	old = look(t);
	become(t, NEWER, true);
	more_traffic(t, way);
	newer = look(t);
	after = version(t);
	cr_expect_str_neq(before, after);
	expect_replaced(&old, &newer, true);
	list = ctl(t->d, "workloads");
	cr_expect_eq(json_int(list, "items.0.id"), WL_ID);
	cr_expect_str_eq(json_text(list, "items.0.mode"), "inline");
	json_decref(list);
	become(t, NULL, false);
	more_traffic(t, way);
	old_again = look(t);
	expect_replaced(&newer, &old_again, true);
	expect_replaced(&old, &old_again, false);
	flow_end(in);
	flow_end(out);
	free(before);
	free(after);
	topo_end(t);
}

Test(upgrade, loses_no_datagram)
{
	there_and_back("--verdicts no", SL_R_diverted);
}

/* As on kernels without tcx. */
Test(upgrade, by_clsact_loses_no_datagram)
{
	there_and_back("--attach clsact --verdicts no", SL_R_diverted);
}

Test(upgrade, loses_no_datagram_of_a_judged_flow)
{
	there_and_back("", SL_R_flow_allowed);
}
