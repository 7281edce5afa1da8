// SPDX-License-Identifier: BSD-2-Clause
/* Opens, checks and maps the core's maps; see record.h for the invariant. */
#include "dpi/record.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

static int open_pin(const char *dir, const char *name, struct sl_err *err)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return sl_errno(err, ENAMETOOLONG, "%s/%s", dir, name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return sl_errno(err, -fd,
				"%s: cannot open the pinned map; is sluiced running, is this its instance?",
				path);
	return fd;
}

/* What a map must be to be used. */
struct shape {
	const char *name;
	uint32_t type, key_size, value_size, flags;
	bool by_queue; /* has an element for each … */
	bool bulk; /* … and for each of the bulk lane */
};

static int check_map(int fd, const struct shape *want, uint32_t queues, struct bpf_map_info *ret,
		     struct sl_err *err)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	int r = bpf_obj_get_info_by_fd(fd, &info, &len);

	if (r < 0)
		return sl_errno(err, -r, "descriptor %d: not a BPF map, expected %s", fd, want->name);
	if (info.type != want->type || info.key_size != want->key_size ||
	    info.value_size != want->value_size || (info.map_flags & want->flags) != want->flags)
		return sl_err(err, EINVAL,
			      "map %s (id %u): not the layout of %s: it belongs to another version, or the "
			      "descriptors are swapped",
			      info.name, info.id, want->name);
	if (want->bulk)
		queues += SL_CORE_BULK;
	if (want->by_queue && info.max_entries < queues)
		return sl_err(err, E2BIG, "map %s (id %u): has room for %u queues, %u are wanted", info.name,
			      info.id, info.max_entries, queues);
	*ret = info;
	return 0;
}

int sl_records_open(struct sl_records *ret, const struct sl_record_fds *fds, const char *pin_dir, bool flows,
		    uint32_t queues, struct sl_err *err)
{
	static const struct shape core_shape = { SL_MAP_CORE,
						 BPF_MAP_TYPE_ARRAY,
						 sizeof(uint32_t),
						 sizeof(struct sl_core),
						 BPF_F_MMAPABLE,
						 true,
						 true };
	static const struct shape xsks_shape = {
		SL_MAP_XSKS, BPF_MAP_TYPE_XSKMAP, sizeof(uint32_t), sizeof(uint32_t), 0, true, false
	};
	static const struct shape flows_shape = {
		SL_MAP_FLOWS, BPF_MAP_TYPE_HASH, sizeof(struct sl_flow_key), sizeof(struct sl_flow), 0, false,
		false
	};
	struct sl_records records = { fds->core, fds->xsks, fds->flows, NULL, 0 };
	struct bpf_map_info info;
	size_t page = sysconf(_SC_PAGESIZE);
	int r;

	if (pin_dir) {
		r = records.core_fd = open_pin(pin_dir, SL_MAP_CORE, err);
		if (r < 0)
			goto fail;
		r = records.xsks_fd = open_pin(pin_dir, SL_MAP_XSKS, err);
		if (r < 0)
			goto fail;
		if (flows)
			r = records.flows_fd = open_pin(pin_dir, SL_MAP_FLOWS, err);
		if (r < 0)
			goto fail;
	}
	if (records.flows_fd >= 0)
		r = check_map(records.flows_fd, &flows_shape, queues, &info, err);
	else
		r = 0;
	if (r < 0)
		goto fail;
	r = check_map(records.xsks_fd, &xsks_shape, queues, &info, err);
	if (r < 0)
		goto fail;
	r = check_map(records.core_fd, &core_shape, queues, &info, err);
	if (r < 0)
		goto fail;
	records.mapped = ((size_t)info.max_entries * sizeof(struct sl_core) + page - 1) / page * page;
	records.line = mmap(NULL, records.mapped, PROT_READ | PROT_WRITE, MAP_SHARED, records.core_fd, 0);
	if (records.line == MAP_FAILED) {
		records.line = NULL;
		r = sl_errno(err, errno,
			     "map %s (id %u): cannot be mapped into memory; is it frozen or read-only?",
			     info.name, info.id);
		goto fail;
	}
	*ret = records;
	return 0;
fail:
	sl_records_close(&records);
	return r;
}

void sl_records_close(struct sl_records *records)
{
	if (!records)
		return;
	if (records->line)
		munmap(records->line, records->mapped);
	if (records->core_fd >= 0)
		close(records->core_fd);
	if (records->xsks_fd >= 0)
		close(records->xsks_fd);
	if (records->flows_fd >= 0)
		close(records->flows_fd);
	*records = (struct sl_records)SL_RECORDS_NONE;
}
