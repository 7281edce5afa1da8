// SPDX-License-Identifier: BSD-2-Clause
/*
 * The words for programs, modes and reasons, the arithmetic of the books, and
 * what is refused under a map's name.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lib/maps.h"

#define DIR_ "/sys/fs/bpf/test"

Test(maps, names_of_everything_and_of_nothing)
{
	cr_assert_str_eq(sl_program_name(SL_PROG_VEX), "vex");
	cr_assert_str_eq(sl_program_name(SL_PROG_VTH), "vth");
	cr_assert_str_eq(sl_program_name(SL_PROG_MAX), "?");
	cr_assert_str_eq(sl_mode_name(SL_MODE_QUARANTINE), "quarantine");
	cr_assert_str_eq(sl_mode_name(SL_MODE_MAX), "?");
	cr_assert_str_eq(sl_fail_name(SL_FAIL_CLOSED), "closed");
	cr_assert_str_eq(sl_fail_name((unsigned int)-1), "?");
	cr_assert_str_eq(sl_reason_name(SL_R_direct), "direct");
	cr_assert_str_eq(sl_reason_name(SL_R_rewrite_failed), "rewrite_failed");
	cr_assert_str_eq(sl_reason_name(SL_REASON_MAX), "?");
	cr_assert_str_eq(sl_reason_text(SL_REASON_MAX), "?");
	for (unsigned int i = 0; i < SL_REASON_MAX; i++)
		cr_assert_gt(strlen(sl_reason_text(i)), 5);
}

Test(maps, drops_are_told_from_exits)
{
	cr_assert_not(sl_reason_is_drop(SL_R_fail_open));
	cr_assert_not(sl_reason_is_drop(SL_R_to_core));
	cr_assert(sl_reason_is_drop(SL_R_fail_closed));
	cr_assert(sl_reason_is_drop(SL_R_tap_copy));
	cr_assert_not(sl_reason_is_drop(SL_REASON_MAX));
}

Test(maps, words_are_parsed_whole_and_back)
{
	unsigned int prog = 99;
	__u8 value = 99;

	for (unsigned int i = 0; i < SL_MODE_MAX; i++)
		cr_assert(!sl_mode_parse(sl_mode_name(i), &value) && value == i);
	for (unsigned int i = 0; i < SL_FAIL_MAX; i++)
		cr_assert(!sl_fail_parse(sl_fail_name(i), &value) && value == i);
	for (unsigned int i = 0; i < SL_PROG_MAX; i++)
		cr_assert(!sl_program_parse(sl_program_name(i), &prog) && prog == i);
	value = 99;
	prog = 99;
	cr_assert_eq(sl_mode_parse("inlin", &value), -EINVAL);
	cr_assert_eq(sl_mode_parse("", &value), -EINVAL);
	cr_assert_eq(sl_fail_parse("Open", &value), -EINVAL);
	cr_assert_eq(sl_program_parse("?", &prog), -EINVAL);
	cr_assert(value == 99 && prog == 99, "untouched on failure");
}

Test(maps, books_add_up_every_reason_once)
{
	struct sl_counters counters;
	struct sl_count *count = (struct sl_count *)&counters;
	__u64 out = 0, drop = 0;
	struct sl_books books;

	memset(&counters, 0xff, sizeof(counters)); /* segments and bytes must not matter */
	for (unsigned int i = 0; i <= SL_REASON_MAX; i++)
		count[i].frames = 0;
	counters.in.frames = 7;
	for (unsigned int i = 0; i < SL_REASON_MAX; i++) {
		count[1 + i].frames = 1ULL << i;
		*(sl_reason_is_drop(i) ? &drop : &out) += 1ULL << i;
	}
	sl_counters_books(&counters, &books);
	cr_assert_eq(books.in, 7);
	cr_assert_eq(books.out, out);
	cr_assert_eq(books.drop, drop);
	cr_assert_eq(out + drop, (1ULL << SL_REASON_MAX) - 1);
}

static void private_bpffs(void)
{
	cr_assert_eq(unshare(CLONE_NEWNS), 0, "needs root");
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	cr_assert_eq(mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL), 0);
	cr_assert_eq(mkdir(DIR_, 0700), 0);
}

static int make(const char *name, enum bpf_map_type type, __u32 key, __u32 value)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts,
		    .map_flags = type == BPF_MAP_TYPE_HASH ? BPF_F_NO_PREALLOC : 0);
	char path[64];
	int fd = bpf_map_create(type, name, key, value, 4, &opts);

	snprintf(path, sizeof(path), DIR_ "/%s", name);
	cr_assert(fd >= 0 && !bpf_obj_pin(fd, path), "%s: %s", path, strerror(errno));
	return fd;
}

static void make_all(__u32 port_size)
{
	make(SL_MAP_PORTS, BPF_MAP_TYPE_HASH, 4, port_size);
	make(SL_MAP_WORKLOADS, BPF_MAP_TYPE_HASH, 8, sizeof(struct sl_workload));
	make(SL_MAP_UCMACS, BPF_MAP_TYPE_HASH, 6, sizeof(struct sl_ucmac));
	make(SL_MAP_CONFIG, BPF_MAP_TYPE_ARRAY, 4, sizeof(struct sl_config));
	make(SL_MAP_COUNTERS, BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct sl_counters));
	make(SL_MAP_TRAFFIC, BPF_MAP_TYPE_PERCPU_HASH, 4, sizeof(struct sl_traffic));
	make(SL_MAP_ETYPES, BPF_MAP_TYPE_HASH, 2, 1);
	make(SL_MAP_CORE, BPF_MAP_TYPE_ARRAY, 4, sizeof(struct sl_core));
	make(SL_MAP_XSKS, BPF_MAP_TYPE_XSKMAP, 4, 4);
	make(SL_MAP_FLOWS, BPF_MAP_TYPE_HASH, sizeof(struct sl_flow_key), sizeof(struct sl_flow));
}

Test(maps, per_cpu_values_are_summed, .init = private_bpffs)
{
	int cpus = libbpf_num_possible_cpus();
	struct sl_counters *counters = calloc(cpus, sizeof(*counters)), sum;
	struct sl_traffic *traffic = calloc(cpus, sizeof(*traffic)), one;
	struct sl_maps maps = SL_MAPS_NONE;
	struct sl_books before, after;
	__u32 key = SL_PROG_VIN;
	struct sl_err err;

	make_all(sizeof(struct sl_port));
	cr_assert_eq(sl_maps_open(&maps, DIR_, &err), 0, "%s", err.text);
	for (int i = 0; i < cpus; i++) {
		counters[i].in.frames = 10;
		counters[i].diverted.frames = 7;
		counters[i].non_ip.frames = 3;
		counters[i].non_ip.bytes = 100;
		traffic[i].from_workload.dropped = 1ULL << 40;
	}
	cr_assert_eq(bpf_map_update_elem(maps.counters, &key, counters, 0), 0);
	cr_assert_eq(sl_maps_counters(&maps, SL_PROG_VIN, &sum, &err), 0, "%s", err.text);
	cr_assert_eq(sum.in.frames, 10 * cpus);
	cr_assert_eq(sum.non_ip.bytes, 100 * cpus);
	cr_assert_eq(sl_maps_books_closed(&maps, SL_PROG_VIN, &before, &after, &err), 1);
	cr_assert(before.out == 7ULL * cpus && after.drop == 3ULL * cpus);

	counters[0].in.frames += cpus; /* one in flight on each CPU is no hole … */
	cr_assert_eq(bpf_map_update_elem(maps.counters, &key, counters, 0), 0);
	cr_assert_eq(sl_maps_books_closed(&maps, SL_PROG_VIN, NULL, NULL, &err), 1);
	counters[0].in.frames++; /* … one more is */
	cr_assert_eq(bpf_map_update_elem(maps.counters, &key, counters, 0), 0);
	cr_assert_eq(sl_maps_books_closed(&maps, SL_PROG_VIN, NULL, NULL, &err), 0);
	counters[0].in.frames -= 2 * cpus + 2; /* more exits than entries */
	cr_assert_eq(bpf_map_update_elem(maps.counters, &key, counters, 0), 0);
	cr_assert_eq(sl_maps_books_closed(&maps, SL_PROG_VIN, NULL, NULL, &err), 0);

	memset(&one, 0xff, sizeof(one));
	cr_assert_eq(sl_maps_traffic(&maps, 300, &one, &err), 0);
	cr_assert(!one.to_workload.frames && !one.from_workload.dropped, "none yet: all zero");
	key = 300;
	cr_assert_eq(bpf_map_update_elem(maps.traffic, &key, traffic, 0), 0);
	cr_assert_eq(sl_maps_traffic(&maps, 300, &one, &err), 0);
	cr_assert_eq(one.from_workload.dropped, (unsigned long long)cpus << 40);
	sl_maps_close(&maps);
	sl_maps_close(&maps);
	cr_assert_eq(maps.xsks, -1);
	free(counters);
	free(traffic);
}

Test(maps, another_layout_is_refused, .init = private_bpffs)
{
	struct sl_maps maps = SL_MAPS_NONE;
	struct sl_err err;

	make_all(sizeof(struct sl_port) + 4);
	cr_assert_eq(sl_maps_open(&maps, DIR_, &err), -EPROTO);
	cr_assert(strstr(err.text, SL_MAP_PORTS) && strstr(err.text, "value size 16"), "%s", err.text);
	cr_assert_eq(maps.ports, -1, "all or none");
}

Test(maps, no_instance_is_said_so, .init = private_bpffs)
{
	struct sl_maps maps = SL_MAPS_NONE;
	struct sl_err err;

	cr_assert_eq(sl_maps_open(&maps, DIR_, &err), -ENOENT);
	cr_assert(strstr(err.text, "is sluiced running"), "%s", err.text);
}
