// SPDX-License-Identifier: BSD-2-Clause
/*
 * Loading the programs onto the instance's pinned maps.
 *
 * Invariant: all are loaded and pinned, or none is new: a failure leaves
 * older program pins as they were and takes away map pins that it made.
 * A pinned map is used as it is or refused with the difference named; it is
 * never replaced, because the programs of living attachments still use it.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sluiced/attach.h"
#include "sluiced/attach_hook.h"
#include "sluiced/bpf_messages.h"

/* The skeletons are used for the objects they carry. */
#include "datapath.skel.h"
#include "hold.skel.h"

#define MAPS_MAX 16 /* pinned maps */

struct loading {
	__u32 flows; /* room of sl_flows_v1, if it is made now */
	struct bpf_object *object;
	char made[MAPS_MAX][SL_PATH_LEN]; /* pins that were not there before */
	unsigned int n_made;
};

static int differs(const struct bpf_map *map, const struct bpf_map_info *info, struct sl_err *err)
{
	const struct {
		const char *what;
		__u32 is, wanted;
	} fields[] = {
		{ "map type", info->type, bpf_map__type(map) },
		{ "key size", info->key_size, bpf_map__key_size(map) },
		{ "value size", info->value_size, bpf_map__value_size(map) },
		{ "number of entries", info->max_entries, bpf_map__max_entries(map) },
		{ "map flags", info->map_flags, bpf_map__map_flags(map) },
	};
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		if (fields[i].is != fields[i].wanted)
			return sl_err(err, EEXIST,
				      "the pinned map %s has %s %u, this version's has %u: give all ports "
				      "back with the "
				      "version that made it and remove the folder it is in, or use another "
				      "instance name",
				      bpf_map__pin_path(map), fields[i].what, fields[i].is, fields[i].wanted);
	}
	return 0;
}

/* The room for flows is configured, but of a map that is there it stays what it is: verdicts are in it. */
static int size_flows(const struct loading *loading, struct bpf_map *map, const struct bpf_map_info *pinned,
		      struct sl_err *err)
{
	__u32 room = pinned->id ? pinned->max_entries : loading->flows;

	if (strcmp(bpf_map__name(map), SL_MAP_FLOWS) != 0 || !room)
		return 0;
	if (bpf_map__set_max_entries(map, room))
		return sl_errno(err, errno, "cannot set the size of map %s to %u", SL_MAP_FLOWS, room);
	return 0;
}

/* Looks at one pin before libbpf does, and remembers it if it is not there yet. */
static int check_map(struct loading *loading, struct bpf_map *map, struct sl_err *err)
{
	const char *path = bpf_map__pin_path(map);
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	int fd, r;

	if (!path)
		return 0;
	fd = bpf_obj_get(path);
	if (fd < 0 && errno != ENOENT)
		return sl_errno(err, errno, "cannot open the pinned map %s", path);
	if (fd < 0) {
		if (loading->n_made == MAPS_MAX)
			return sl_err(err, E2BIG, "the programs have more than %d maps", MAPS_MAX);
		snprintf(loading->made[loading->n_made++], SL_PATH_LEN, "%s", path);
		return size_flows(loading, map, &info, err);
	}
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		r = sl_errno(err, errno, "%s is pinned, but tells nothing of itself as a map", path);
	else
		r = size_flows(loading, map, &info, err) ?: differs(map, &info, err);
	close(fd);
	return r;
}

static int load_object(struct loading *loading, const char *pin_dir, struct sl_err *err)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .pin_root_path = pin_dir, .object_name = "sluice");
	struct bpf_map *map;
	const void *bytes;
	size_t size;
	int r;

	bytes = datapath_bpf__elf_bytes(&size);
	bpf_messages_start();
	loading->object = bpf_object__open_mem(bytes, size, &opts);
	if (!loading->object)
		return sl_errno(err, errno, "cannot open the object of the programs (%s)",
				bpf_messages_first());
	bpf_object__for_each_map(map, loading->object)
	{
		r = check_map(loading, map, err);
		if (r)
			return r;
	}
	r = bpf_object__load(loading->object);
	if (r)
		return sl_err(err, -r, "cannot load the programs: %s (%s)%s", strerror(-r),
			      bpf_messages_first(),
			      r == -EPERM ? ": CAP_BPF and CAP_NET_ADMIN are needed" : "");
	return 0;
}

static int keep(const struct loading *loading, struct sl_programs *programs, enum sl_program prog,
		struct sl_err *err)
{
	const struct bpf_program *program;
	char name[SL_PROG_NAME_LEN];

	sl_prog_name(prog, name);
	program = bpf_object__find_program_by_name(loading->object, name);
	if (!program)
		return sl_errno(err, ENOENT, "the object holds no program %s", name);
	programs->fd[prog] = dup(bpf_program__fd(program));
	return programs->fd[prog] < 0 ? sl_errno(err, errno, "cannot keep program %s", name) : 0;
}

static int identify(struct sl_programs *programs, enum sl_program prog, struct sl_err *err)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(programs->fd[prog], &info, &len))
		return sl_errno(err, errno, "cannot ask for the number of program sl_%s",
				sl_program_name(prog));
	programs->id[prog] = info.id;
	return 0;
}

static int load_all(struct loading *loading, struct sl_programs *programs, struct sl_err *err)
{
	char name[SL_PROG_NAME_LEN];
	enum sl_program prog;
	int r;

	r = load_object(loading, programs->pin_dir, err);
	if (r)
		return r;
	for (prog = 0; prog < SL_PROG_MAX; prog++) {
		r = keep(loading, programs, prog, err);
		if (!r)
			r = identify(programs, prog, err);
		if (r)
			return r;
	}
	for (prog = 0; prog < SL_PROG_MAX; prog++) {
		sl_prog_name(prog, name);
		r = pins_put_program(programs->pin_dir, name, programs->fd[prog], err);
		if (r)
			return r;
	}
	return 0;
}

/* Has no maps and is never pinned. */
static int load_hold(struct sl_programs *programs, struct sl_err *err)
{
	const struct bpf_program *program;
	struct bpf_object *object;
	const void *bytes;
	size_t size;
	int r = 0;

	bytes = hold_bpf__elf_bytes(&size);
	bpf_messages_start();
	object = bpf_object__open_mem(bytes, size, NULL);
	if (!object)
		return sl_errno(err, errno, "cannot open the object of sl_hold (%s)", bpf_messages_first());
	if (bpf_object__load(object))
		r = sl_errno(err, errno, "cannot load program sl_hold (%s)", bpf_messages_first());
	program = bpf_object__find_program_by_name(object, "sl_hold");
	if (!r)
		programs->hold_fd = program ? dup(bpf_program__fd(program)) : -1;
	if (!r && programs->hold_fd < 0)
		r = sl_errno(err, errno, "cannot keep program sl_hold");
	bpf_object__close(object);
	return r;
}

int sl_programs_load(struct sl_programs **ret, const char *pin_dir, __u32 flows, struct sl_err *err)
{
	struct sl_programs *programs;
	struct loading *loading;
	enum sl_program prog;
	unsigned int i;
	int r;

	if (strlen(pin_dir) >= SL_PATH_LEN - 32)
		return sl_err(err, ENAMETOOLONG,
			      "the pin folder's path %s is too long: choose a shorter bpffs", pin_dir);
	programs = calloc(1, sizeof(*programs));
	loading = calloc(1, sizeof(*loading));
	if (!programs || !loading) {
		free(programs);
		free(loading);
		return sl_errno(err, ENOMEM, "cannot load the programs");
	}
	loading->flows = flows;
	for (prog = 0; prog < SL_PROG_MAX; prog++)
		programs->fd[prog] = -1;
	programs->hold_fd = -1;
	snprintf(programs->pin_dir, sizeof(programs->pin_dir), "%s", pin_dir);
	r = pins_make_folders(pin_dir, err);
	if (!r)
		r = load_hold(programs, err);
	if (!r)
		r = load_all(loading, programs, err);
	bpf_object__close(loading->object); /* the pins and the programs hold the maps */
	if (r) {
		for (i = 0; i < loading->n_made; i++)
			unlink(loading->made[i]);
		sl_programs_free(programs);
	} else {
		*ret = programs;
	}
	free(loading);
	return r;
}

int sl_programs_none(struct sl_programs **ret, const char *pin_dir, struct sl_err *err)
{
	struct sl_programs *programs = calloc(1, sizeof(*programs));

	if (!programs)
		return sl_err(err, ENOMEM, "no memory for the pins in %s", pin_dir);
	snprintf(programs->pin_dir, sizeof(programs->pin_dir), "%s", pin_dir);
	for (enum sl_program prog = 0; prog < SL_PROG_MAX; prog++)
		programs->fd[prog] = -1;
	programs->hold_fd = -1;
	*ret = programs;
	return 0;
}

void sl_programs_free(struct sl_programs *programs)
{
	enum sl_program prog;

	if (!programs)
		return;
	for (prog = 0; prog < SL_PROG_MAX; prog++) {
		if (programs->fd[prog] >= 0)
			close(programs->fd[prog]);
	}
	if (programs->hold_fd >= 0)
		close(programs->hold_fd);
	free(programs);
}
