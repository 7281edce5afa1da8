// SPDX-License-Identifier: BSD-2-Clause
/*
 * Attaching, adopting, replacing and detaching on the running kernel: ours
 * changes as told, nothing of others ever does.
 *
 * Each test has its own network namespace and its own bpffs, which vanish
 * with its process.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "sluiced/attach.h"

#define PIN_DIR "/sys/fs/bpf/sluice/test"
#define LINK_PIN PIN_DIR "/links/sl_vex-%u"
#define TCX_INGRESS 46 /* BPF_TCX_INGRESS, missing from older headers */
#define OLD_IFINDEX 77

static struct sl_programs *programs;
static struct sl_err err;

__attribute__((format(printf, 1, 2))) static void sh(const char *fmt, ...)
{
	char command[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	cr_assert_eq(system(command), 0, "%s", command);
}

__attribute__((format(printf, 1, 2))) static bool sh_true(const char *fmt, ...)
{
	char command[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	return system(command) == 0;
}

static void load(void)
{
	sl_programs_free(programs);
	programs = NULL;
	cr_assert_eq(sl_programs_load(&programs, PIN_DIR, 0, &err), 0, "%s", err.text);
}

static void start(void)
{
	cr_assert_eq(unshare(CLONE_NEWNS | CLONE_NEWNET), 0, "needs root");
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	cr_assert_eq(mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL), 0);
	sh("ip link add vex index %d type veth peer name far && ip link set far up && ip link set vex up",
	   OLD_IFINDEX);
	load();
}

static void stop(void)
{
	sl_programs_free(programs);
}

TestSuite(attach, .init = start, .fini = stop);

static void attach(enum sl_attach kind)
{
	cr_assert_eq(sl_attach_tc(programs, SL_PROG_VEX, OLD_IFINDEX, kind, &err), 0, "%s", err.text);
	cr_assert_eq(sl_attached_kind(programs, SL_PROG_VEX, OLD_IFINDEX), (int)kind);
}

static void detach(void)
{
	cr_assert_eq(sl_detach(programs, SL_PROG_VEX, OLD_IFINDEX, &err), 0, "%s", err.text);
	cr_assert_eq(sl_attached_kind(programs, SL_PROG_VEX, OLD_IFINDEX), -ENOENT);
}

static bool have_tcx(void)
{
	return sl_attach_tc(programs, SL_PROG_VEX, OLD_IFINDEX, SL_ATTACH_TCX, &err) == 0;
}

#define NEED_TCX()                                                                                           \
	do {                                                                                                 \
		if (!have_tcx())                                                                             \
			cr_skip_test("no tcx on this kernel: %s", err.text);                                 \
		detach();                                                                                    \
	} while (0)

static struct bpf_link_info link_info(const char *path)
{
	struct bpf_link_info info = { 0 };
	__u32 len = sizeof(info);
	int fd = bpf_obj_get(path);

	cr_assert_geq(fd, 0, "%s", path);
	cr_assert_eq(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	close(fd);
	return info;
}

static struct bpf_link_info our_link(void)
{
	char path[128];

	snprintf(path, sizeof(path), LINK_PIN, OLD_IFINDEX);
	return link_info(path);
}

static __u32 pinned_id(const char *path)
{
	struct bpf_prog_info info = { 0 }; /* of maps and programs the number is the second field */
	__u32 len = sizeof(info);
	int fd = bpf_obj_get(path);

	cr_assert_geq(fd, 0, "%s", path);
	cr_assert_eq(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	close(fd);
	return info.id;
}

static int foreign_program(enum bpf_prog_type type, int verdict)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = verdict },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(type, "foreign", "GPL", insns, 2, NULL);

	cr_assert_geq(fd, 0);
	return fd;
}

static int foreign_tcx(void)
{
	int fd =
		bpf_link_create(foreign_program(BPF_PROG_TYPE_SCHED_CLS, -1), OLD_IFINDEX, TCX_INGRESS, NULL);

	cr_assert_geq(fd, 0);
	return fd;
}

static void foreign_filter(int priority, int handle)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = OLD_IFINDEX, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = priority,
		    .prog_fd = foreign_program(BPF_PROG_TYPE_SCHED_CLS, -1));

	cr_assert_eq(bpf_tc_attach(&hook, &opts), 0);
}

static bool link_alive(int fd)
{
	struct bpf_link_info info = { 0 };
	__u32 len = sizeof(info);

	cr_assert_eq(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	return info.xdp.ifindex == OLD_IFINDEX; /* tcx has its ifindex in the same place */
}

static bool has_qdisc(void)
{
	return sh_true("tc qdisc show dev vex | grep -q clsact");
}

Test(attach, reload_keeps_maps_and_renews_programs)
{
	__u32 map = pinned_id(PIN_DIR "/" SL_MAP_PORTS), prog = pinned_id(PIN_DIR "/progs/sl_vin");

	load();
	cr_assert_eq(pinned_id(PIN_DIR "/" SL_MAP_PORTS), map);
	cr_assert_neq(pinned_id(PIN_DIR "/progs/sl_vin"), prog);
	cr_assert(sh_true("test $(ls " PIN_DIR "/progs | wc -l) = 6"));
}

Test(attach, another_layout_is_refused_by_name)
{
	int fd;

	cr_assert_eq(sl_pins_remove(PIN_DIR, &err), 0, "%s", err.text);
	sh("mkdir " PIN_DIR);
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, SL_MAP_COUNTERS, 4, 40, 4, NULL);
	cr_assert_eq(bpf_obj_pin(fd, PIN_DIR "/" SL_MAP_COUNTERS), 0);
	sl_programs_free(programs);
	programs = NULL;
	cr_assert_eq(sl_programs_load(&programs, PIN_DIR, 0, &err), -EEXIST);
	cr_assert_null(programs);
	cr_assert(strstr(err.text, SL_MAP_COUNTERS) && strstr(err.text, "map type 2"), "%s", err.text);
	/* The one refused and the two folders are all there is. */
	cr_assert(sh_true("test $(find " PIN_DIR " -mindepth 1 | wc -l) = 3"));
}

Test(attach, no_bpffs_is_refused_before_anything_is_made)
{
	struct sl_programs *none = NULL;

	sh("mount -t tmpfs none /mnt");
	cr_assert_eq(sl_programs_load(&none, "/mnt/sluice/test", 0, &err), -EINVAL);
	cr_assert(strstr(err.text, "mount -t bpf"), "%s", err.text);
	cr_assert_neq(access("/mnt/sluice", F_OK), 0);
	sh("mkdir /mnt/precious");
	cr_assert_eq(sl_pins_remove("/mnt", &err), -EINVAL);
	cr_assert_eq(access("/mnt/precious", F_OK), 0);
}

Test(attach, tcx_is_adopted_beside_others)
{
	struct bpf_link_info before, after;
	int first, last;

	NEED_TCX();
	first = foreign_tcx();
	attach(SL_ATTACH_TCX);
	last = foreign_tcx();
	before = our_link();
	load();
	cr_assert_eq(our_link().prog_id, before.prog_id);
	attach(SL_ATTACH_TCX);
	after = our_link();
	cr_assert_eq(after.id, before.id, "the link itself stays");
	cr_assert_eq(after.prog_id, pinned_id(PIN_DIR "/progs/sl_vex"), "and runs the new program");
	detach();
	detach();
	cr_assert(sh_true("test -z \"$(ls " PIN_DIR "/links)\""));
	cr_assert(link_alive(first) && link_alive(last));
}

Test(attach, dead_link_is_replaced)
{
	__u32 dead;

	NEED_TCX();
	attach(SL_ATTACH_TCX);
	dead = our_link().id;
	sh("ip link del vex");
	cr_assert_eq(sl_attached_kind(programs, SL_PROG_VEX, OLD_IFINDEX), -ENOENT);
	cr_assert_eq(sl_attach_tc(programs, SL_PROG_VEX, OLD_IFINDEX, SL_ATTACH_TCX, &err), -ENODEV);
	sh("ip link add vex index %d type veth peer name far", OLD_IFINDEX);
	attach(SL_ATTACH_TCX);
	cr_assert_neq(our_link().id, dead);
	sh("ip link del vex");
	detach();
	cr_assert(sh_true("test -z \"$(ls " PIN_DIR "/links)\""));
}

/* The link lives on, on an interface that is elsewhere: its number says nothing here any more. */
Test(attach, link_of_a_moved_interface_is_not_taken_for_ours)
{
	__u32 moved;

	NEED_TCX();
	attach(SL_ATTACH_TCX);
	moved = our_link().id;
	sh("mount -t tmpfs none /run && ip netns add away && ip link set vex netns away");
	sh("ip link add vex index %d type veth peer name far2", OLD_IFINDEX);
	cr_assert_eq(sl_attached_kind(programs, SL_PROG_VEX, OLD_IFINDEX), -ENOENT);
	attach(SL_ATTACH_TCX);
	cr_assert_neq(our_link().id, moved);
	sh("umount /run/netns/away");
}

/* Held in one namespace, given its program in the other, and the way back: the same link all the time. */
Test(attach, a_port_is_carried_between_namespaces)
{
	struct bpf_link_info info = { 0 };
	__u32 len = sizeof(info), id;
	int here, link, leaving;

	NEED_TCX();
	here = open("/proc/self/ns/net", O_RDONLY); /* inherited by nsenter */
	link = sl_carry_in(programs, OLD_IFINDEX, &err);
	cr_assert_geq(link, 0, "%s", err.text);
	cr_assert_eq(bpf_obj_get_info_by_fd(link, &info, &len), 0);
	id = info.id;
	cr_expect_eq(sl_attached_kind(programs, SL_PROG_VEX, OLD_IFINDEX), -ENOENT,
		     "pinned before it arrived");

	cr_assert_eq(unshare(CLONE_NEWNET), 0);
	sh("nsenter --net=/proc/self/fd/%d ip link set vex netns $$", here);
	cr_assert_eq(sl_carry_arrive(programs, link, SL_PROG_VEX, OLD_IFINDEX, &err), 0, "%s", err.text);
	close(link);
	attach(SL_ATTACH_TCX);
	cr_expect_eq(our_link().id, id, "another link was made");
	cr_expect_eq(our_link().prog_id, pinned_id(PIN_DIR "/progs/sl_vex"));

	leaving = sl_carry_out(programs, SL_PROG_VEX, OLD_IFINDEX, &err);
	cr_assert_geq(leaving, 0, "%s", err.text);
	cr_expect_eq(sl_attached_kind(programs, SL_PROG_VEX, OLD_IFINDEX), -ENOENT, "still pinned");
	cr_expect(link_alive(leaving), "detached too early");
	len = sizeof(info);
	cr_assert_eq(bpf_obj_get_info_by_fd(leaving, &info, &len), 0);
	cr_expect_neq(info.prog_id, pinned_id(PIN_DIR "/progs/sl_vex"), "leaves with our program");
	link = dup(leaving);
	sl_carry_end(leaving);
	cr_expect(!link_alive(link), "still attached");
	sl_carry_end(-1);
	close(link);
	close(here);
}

Test(attach, clsact_alone_makes_and_removes_its_qdisc)
{
	attach(SL_ATTACH_CLSACT);
	cr_assert(has_qdisc());
	load();
	attach(SL_ATTACH_CLSACT);
	cr_assert(sh_true("test $(tc filter show dev vex ingress | grep -c 'handle 0x1 sl_vex') = 1"));
	cr_assert(sh_true("tc filter show dev vex ingress | grep -q ' id %u '",
			  pinned_id(PIN_DIR "/progs/sl_vex")),
		  "the new program");
	detach();
	detach();
	cr_assert_not(has_qdisc());
	cr_assert(sh_true("test -z \"$(ls " PIN_DIR "/links)\""));
}

Test(attach, clsact_spares_filters_of_others)
{
	attach(SL_ATTACH_CLSACT);
	foreign_filter(7, 3);
	sh("tc filter add dev vex egress protocol ip prio 5 u32 match u32 0 0");
	detach();
	cr_assert(sh_true("tc filter show dev vex ingress | grep -q 'pref 7 .*foreign'"));
	cr_assert(sh_true("tc filter show dev vex egress | grep -q 'pref 5 u32'"));
	cr_assert_not(sh_true("tc filter show dev vex ingress | grep sl_vex"));
	cr_assert(has_qdisc());
}

Test(attach, clsact_spares_a_lone_egress_filter)
{
	attach(SL_ATTACH_CLSACT);
	sh("tc filter add dev vex egress protocol ip prio 49152 u32 match u32 0 0");
	detach();
	cr_assert(sh_true("tc filter show dev vex egress | grep -q u32"));
}

Test(attach, clsact_spares_the_qdisc_of_others)
{
	sh("tc qdisc add dev vex clsact");
	attach(SL_ATTACH_CLSACT);
	attach(SL_ATTACH_CLSACT);
	detach();
	cr_assert(has_qdisc());
}

/* Our note from an earlier interface of that number must not cost a new one its qdisc. */
Test(attach, clsact_note_of_a_dead_interface_is_worth_nothing)
{
	attach(SL_ATTACH_CLSACT);
	sh("ip link del vex && ip link add vex index %d type veth peer name far && tc qdisc add dev vex "
	   "clsact",
	   OLD_IFINDEX);
	attach(SL_ATTACH_CLSACT);
	detach();
	cr_assert(has_qdisc());
}

Test(attach, clsact_filter_of_others_in_our_place_is_refused)
{
	sh("tc qdisc add dev vex clsact");
	foreign_filter(49152, 1);
	cr_assert_eq(sl_attach_tc(programs, SL_PROG_VEX, OLD_IFINDEX, SL_ATTACH_CLSACT, &err), -EEXIST);
	cr_assert(strstr(err.text, "sl_vex on vex (interface 77)"), "%s", err.text);
	detach();
	cr_assert(sh_true("tc filter show dev vex ingress | grep -q foreign"));
}

Test(attach, kinds_can_be_switched)
{
	int other;

	NEED_TCX();
	other = foreign_tcx();
	attach(SL_ATTACH_TCX);
	attach(SL_ATTACH_CLSACT);
	cr_assert(sh_true("test \"$(ls " PIN_DIR "/links)\" = sl_vex-77-clsact"));
	attach(SL_ATTACH_TCX);
	cr_assert_not(has_qdisc());
	cr_assert(sh_true("test \"$(ls " PIN_DIR "/links)\" = sl_vex-77"));
	cr_assert(link_alive(other));
}

Test(attach, xdp_is_adopted_and_detached)
{
	char path[128];
	__u32 before;

	snprintf(path, sizeof(path), PIN_DIR "/links/sl_vth-%u", OLD_IFINDEX);
	cr_assert_eq(sl_attach_xdp(programs, OLD_IFINDEX, &err), 0, "%s", err.text);
	cr_assert_eq(sl_attached_kind(programs, SL_PROG_VTH, OLD_IFINDEX), SL_ATTACH_TCX);
	before = link_info(path).id;
	load();
	cr_assert_eq(sl_attach_xdp(programs, OLD_IFINDEX, &err), 0, "%s", err.text);
	cr_assert_eq(link_info(path).id, before);
	cr_assert_eq(link_info(path).prog_id, pinned_id(PIN_DIR "/progs/sl_vth"));
	cr_assert_eq(sl_detach(programs, SL_PROG_VTH, OLD_IFINDEX, &err), 0, "%s", err.text);
	cr_assert_eq(sl_attached_kind(programs, SL_PROG_VTH, OLD_IFINDEX), -ENOENT);
	cr_assert_not(sh_true("ip link show vex | grep -q xdp"));
}

Test(attach, xdp_of_others_is_refused_and_spared)
{
	int fd = foreign_program(BPF_PROG_TYPE_XDP, XDP_PASS);

	cr_assert_eq(bpf_xdp_attach(OLD_IFINDEX, fd, XDP_FLAGS_DRV_MODE, NULL), 0);
	cr_assert_eq(sl_attach_xdp(programs, OLD_IFINDEX, &err), -EBUSY, "%s", err.text);
	cr_assert(strstr(err.text, "another XDP program"), "%s", err.text);
	cr_assert_eq(sl_detach(programs, SL_PROG_VTH, OLD_IFINDEX, &err), 0, "%s", err.text);
	cr_assert(sh_true("ip link show vex | grep -q xdp"));
}

Test(attach, pins_are_removed_with_what_they_hold)
{
	sh("ip link add vth type veth peer name vbr");
	attach(SL_ATTACH_CLSACT);
	cr_assert_eq(sl_attach_xdp(programs, if_nametoindex("vth"), &err), 0, "%s", err.text);
	cr_assert_eq(sl_pins_remove(PIN_DIR, &err), 0, "%s", err.text);
	cr_assert_neq(access(PIN_DIR, F_OK), 0);
	cr_assert_eq(sl_pins_remove(PIN_DIR, &err), 0, "%s", err.text);
	cr_assert_not(sh_true("ip link show vth | grep -q xdp"));
}
