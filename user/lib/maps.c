// SPDX-License-Identifier: BSD-2-Clause
/*
 * Opening and reading the pinned maps; see maps.h for the invariant.
 *
 * One table says what each map must look like, one lookup reads all counters
 * of a program: nobody who only looks costs the programs anything.
 */
#include "lib/maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct map_shape {
	const char *name;
	size_t fd; /* offset in struct sl_maps */
	__u32 type, key_size, value_size;
};

static const struct map_shape shapes[] = {
	{ SL_MAP_PORTS, offsetof(struct sl_maps, ports), BPF_MAP_TYPE_HASH, sizeof(__u32),
	  sizeof(struct sl_port) },
	{ SL_MAP_WORKLOADS, offsetof(struct sl_maps, workloads), BPF_MAP_TYPE_HASH,
	  sizeof(struct sl_workload_key), sizeof(struct sl_workload) },
	{ SL_MAP_UCMACS, offsetof(struct sl_maps, ucmacs), BPF_MAP_TYPE_HASH, sizeof(struct sl_ucmac_key),
	  sizeof(struct sl_ucmac) },
	{ SL_MAP_CONFIG, offsetof(struct sl_maps, config), BPF_MAP_TYPE_ARRAY, sizeof(__u32),
	  sizeof(struct sl_config) },
	{ SL_MAP_COUNTERS, offsetof(struct sl_maps, counters), BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(__u32),
	  sizeof(struct sl_counters) },
	{ SL_MAP_TRAFFIC, offsetof(struct sl_maps, traffic), BPF_MAP_TYPE_PERCPU_HASH, sizeof(__u32),
	  sizeof(struct sl_traffic) },
	{ SL_MAP_ETYPES, offsetof(struct sl_maps, etypes), BPF_MAP_TYPE_HASH, sizeof(__u16), sizeof(__u8) },
	{ SL_MAP_CORE, offsetof(struct sl_maps, core), BPF_MAP_TYPE_ARRAY, sizeof(__u32),
	  sizeof(struct sl_core) },
	{ SL_MAP_XSKS, offsetof(struct sl_maps, xsks), BPF_MAP_TYPE_XSKMAP, sizeof(__u32), sizeof(__u32) },
	{ SL_MAP_FLOWS, offsetof(struct sl_maps, flows), BPF_MAP_TYPE_HASH, sizeof(struct sl_flow_key),
	  sizeof(struct sl_flow) },
};
#define N_SHAPES (sizeof(shapes) / sizeof(*shapes))
_Static_assert(sizeof(struct sl_maps) == N_SHAPES * sizeof(int), "every map has a shape");

static int *map_fd(struct sl_maps *maps, const struct map_shape *shape)
{
	return (int *)((char *)maps + shape->fd);
}

static int check_shape(int fd, const struct map_shape *shape, const char *path, struct sl_err *err)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	const char *what;
	__u32 is, want;

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return sl_errno(err, errno, "%s is pinned, but tells nothing of itself as a map", path);
	if (info.type != shape->type) {
		what = "map type";
		is = info.type;
		want = shape->type;
	} else if (info.key_size != shape->key_size) {
		what = "key size";
		is = info.key_size;
		want = shape->key_size;
	} else if (info.value_size != shape->value_size) {
		what = "value size";
		is = info.value_size;
		want = shape->value_size;
	} else {
		return 0;
	}
	return sl_err(err, EPROTO,
		      "%s has %s %u, this version knows %u: it was made by another version, use that one",
		      path, what, is, want);
}

static int open_map(const struct map_shape *shape, const char *dir, struct sl_err *err)
{
	char path[512];
	int fd, r;

	if (snprintf(path, sizeof(path), "%s/%s", dir, shape->name) >= (int)sizeof(path))
		return sl_err(err, ENAMETOOLONG, "the path %s/%s is too long", dir, shape->name);
	fd = bpf_obj_get(path);
	if (fd < 0) {
		r = errno;
		if (r == ENOENT)
			return sl_errno(
				err, r,
				"cannot open map %s (is sluiced running, is the instance's name right?)",
				path);
		return sl_errno(err, r, "cannot open map %s", path);
	}
	r = check_shape(fd, shape, path, err);
	if (r) {
		close(fd);
		return r;
	}
	return fd;
}

int sl_maps_open(struct sl_maps *maps, const char *dir, struct sl_err *err)
{
	struct sl_maps opened = SL_MAPS_NONE;
	size_t i;
	int fd;

	for (i = 0; i < N_SHAPES; i++) {
		fd = open_map(&shapes[i], dir, err);
		if (fd < 0) {
			sl_maps_close(&opened);
			return fd;
		}
		*map_fd(&opened, &shapes[i]) = fd;
	}
	*maps = opened;
	return 0;
}

void sl_maps_close(struct sl_maps *maps)
{
	size_t i;
	int *fd;

	if (!maps)
		return;
	for (i = 0; i < N_SHAPES; i++) {
		fd = map_fd(maps, &shapes[i]);
		if (*fd >= 0)
			close(*fd);
		*fd = -1;
	}
}

/* Adds up the __u64 fields of a per-CPU value. size is a multiple of 8. 0 or -errno. */
static int read_sum(int fd, __u32 key, void *ret, size_t size)
{
	int cpus = libbpf_num_possible_cpus();
	size_t fields = size / sizeof(__u64), i;
	__u64 *values, *sum = ret;
	int cpu, r = 0;

	if (cpus < 0)
		return cpus;
	values = calloc(cpus, size);
	if (!values)
		return -ENOMEM;
	if (bpf_map_lookup_elem(fd, &key, values)) {
		r = -errno;
	} else {
		memset(ret, 0, size);
		for (cpu = 0; cpu < cpus; cpu++) {
			for (i = 0; i < fields; i++)
				sum[i] += values[cpu * fields + i];
		}
	}
	free(values);
	return r;
}

_Static_assert(sizeof(struct sl_counters) % sizeof(__u64) == 0, "summed up as __u64 fields");
_Static_assert(sizeof(struct sl_traffic) % sizeof(__u64) == 0, "summed up as __u64 fields");

int sl_maps_counters(const struct sl_maps *maps, enum sl_program prog, struct sl_counters *ret,
		     struct sl_err *err)
{
	int r = read_sum(maps->counters, prog, ret, sizeof(*ret));

	if (r)
		return sl_errno(err, -r, "cannot read the counters of %s from map %s", sl_program_name(prog),
				SL_MAP_COUNTERS);
	return 0;
}

int sl_maps_traffic(const struct sl_maps *maps, __u16 id, struct sl_traffic *ret, struct sl_err *err)
{
	int r = read_sum(maps->traffic, id, ret, sizeof(*ret));

	if (r == -ENOENT) {
		memset(ret, 0, sizeof(*ret));
		return 0;
	}
	if (r)
		return sl_errno(err, -r, "cannot read the traffic of id %u from map %s", id, SL_MAP_TRAFFIC);
	return 0;
}

static const struct sl_count *count_of(const struct sl_counters *counters, unsigned int reason)
{
	return &counters->in + 1 + reason;
}

void sl_counters_books(const struct sl_counters *counters, struct sl_books *ret)
{
	struct sl_books books = { .in = counters->in.frames };
	unsigned int reason;

	for (reason = 0; reason < SL_REASON_MAX; reason++) {
		if (sl_reason_is_drop(reason))
			books.drop += count_of(counters, reason)->frames;
		else
			books.out += count_of(counters, reason)->frames;
	}
	*ret = books;
}

int sl_maps_books_closed(const struct sl_maps *maps, enum sl_program prog, struct sl_books *ret_before,
			 struct sl_books *ret_after, struct sl_err *err)
{
	int cpus = libbpf_num_possible_cpus();
	struct sl_counters counters[3];
	struct sl_books books[3];
	int i, r;

	if (cpus < 0)
		return sl_errno(err, -cpus, "cannot tell the number of CPUs");
	/* A lookup is no snapshot, its fields are of different moments; three lookups are in order. */
	for (i = 0; i < 3; i++) {
		r = sl_maps_counters(maps, prog, &counters[i], err);
		if (r)
			return r;
		sl_counters_books(&counters[i], &books[i]);
	}
	if (ret_before)
		*ret_before = books[0];
	if (ret_after)
		*ret_after = books[2];
	return books[1].in + cpus >= books[0].out + books[0].drop &&
	       books[1].in <= books[2].out + books[2].drop + cpus;
}

static const char *const program_names[SL_PROG_MAX] = {
	[SL_PROG_VEX] = "vex", [SL_PROG_VIN] = "vin", [SL_PROG_VBR] = "vbr",
	[SL_PROG_VTH] = "vth", [SL_PROG_VBK] = "vbk", [SL_PROG_VTK] = "vtk",
};
static const char *const mode_names[SL_MODE_MAX] = {
	[SL_MODE_OFF] = "off",
	[SL_MODE_TAP] = "tap",
	[SL_MODE_INLINE] = "inline",
	[SL_MODE_QUARANTINE] = "quarantine",
};
static const char *const fail_names[SL_FAIL_MAX] = {
	[SL_FAIL_CLOSED] = "closed",
	[SL_FAIL_OPEN] = "open",
};

static const char *const verdict_names[SL_VERDICT_MAX] = {
	[SL_VERDICT_INSPECT] = "inspect",
	[SL_VERDICT_ALLOW] = "allow",
	[SL_VERDICT_DENY] = "deny",
};

enum reason_kind { OUT, DROP };
static const struct {
	const char *name, *text;
	enum reason_kind kind;
} reasons[SL_REASON_MAX] = {
#define X(name, kind, programs, text) { #name, text, kind },
	SL_REASONS(X)
#undef X
};

const char *sl_program_name(unsigned int prog)
{
	return prog < SL_PROG_MAX ? program_names[prog] : "?";
}

const char *sl_mode_name(unsigned int mode)
{
	return mode < SL_MODE_MAX ? mode_names[mode] : "?";
}

const char *sl_fail_name(unsigned int fail)
{
	return fail < SL_FAIL_MAX ? fail_names[fail] : "?";
}

const char *sl_verdict_name(unsigned int verdict)
{
	return verdict < SL_VERDICT_MAX ? verdict_names[verdict] : "?";
}

const char *sl_reason_name(unsigned int reason)
{
	return reason < SL_REASON_MAX ? reasons[reason].name : "?";
}

const char *sl_reason_text(unsigned int reason)
{
	return reason < SL_REASON_MAX ? reasons[reason].text : "?";
}

bool sl_reason_is_drop(unsigned int reason)
{
	return reason < SL_REASON_MAX && reasons[reason].kind == DROP;
}

static int find_word(const char *word, const char *const *words, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (!strcmp(word, words[i]))
			return (int)i;
	}
	return -EINVAL;
}

int sl_mode_parse(const char *word, __u8 *ret)
{
	int i = find_word(word, mode_names, SL_MODE_MAX);

	if (i < 0)
		return i;
	*ret = i;
	return 0;
}

int sl_fail_parse(const char *word, __u8 *ret)
{
	int i = find_word(word, fail_names, SL_FAIL_MAX);

	if (i < 0)
		return i;
	*ret = i;
	return 0;
}

int sl_program_parse(const char *word, unsigned int *ret)
{
	int i = find_word(word, program_names, SL_PROG_MAX);

	if (i < 0)
		return i;
	*ret = i;
	return 0;
}
