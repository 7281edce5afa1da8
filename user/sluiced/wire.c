// SPDX-License-Identifier: BSD-2-Clause
/* Map entries and programs of a workload; see wire.h for the invariants. */
#include "sluiced/wire.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sluiced/attach.h"
#include "sluiced/far.h"
#include "sluiced/state.h"

#define DELETE_ATTEMPTS 8

/* Programs count per CPU into an entry that only user space makes. */
static int put_traffic(const struct instance *inst, const struct workload *w, struct sl_err *err)
{
	int cpus = libbpf_num_possible_cpus(), r = 0;
	__u32 id = w->id;
	void *zeros;

	if (cpus < 0)
		return sl_errno(err, cpus, "cannot count the CPUs");
	zeros = calloc(cpus, sizeof(struct sl_traffic));
	if (!zeros)
		return sl_err(err, ENOMEM, "no memory for the figures of %d CPUs", cpus);
	if (bpf_map_update_elem(inst->maps.traffic, &id, zeros, BPF_NOEXIST) && errno != EEXIST)
		r = sl_errno(err, errno, "cannot write map %s", SL_MAP_TRAFFIC);
	free(zeros);
	return r;
}

static int put_entries(const struct instance *inst, const struct workload *w, struct sl_err *err)
{
	struct sl_workload_key key = workload_key(w);
	struct sl_port port = { .workload = key };
	struct sl_ucmac ucmac = { .workload = key };
	struct sl_ucmac_key ucmac_key;
	int r;

	sl_ucmac_write(ucmac_key.mac, w->id);
	r = put_traffic(inst, w, err);
	if (r)
		return r;
	if (bpf_map_update_elem(inst->maps.workloads, &key, &w->value, BPF_ANY))
		return sl_errno(err, errno, "cannot write map %s", SL_MAP_WORKLOADS);
	if (bpf_map_update_elem(inst->maps.ucmacs, &ucmac_key, &ucmac, BPF_ANY))
		return sl_errno(err, errno, "cannot write map %s", SL_MAP_UCMACS);
	port.program = SL_PROG_VEX;
	if (bpf_map_update_elem(inst->maps.ports, &w->port.vex_ifindex, &port, BPF_ANY))
		return sl_errno(err, errno, "cannot write map %s", SL_MAP_PORTS);
	port.program = SL_PROG_VIN;
	if (bpf_map_update_elem(inst->maps.ports, &w->port.vin_ifindex, &port, BPF_ANY))
		return sl_errno(err, errno, "cannot write map %s", SL_MAP_PORTS);
	return 0;
}

/* Nobody can be told, so it is tried hard: a bucket that a program has just locked is EBUSY. */
static void delete_entry(int fd, const void *key, const char *map, const struct workload *w)
{
	unsigned int left = DELETE_ATTEMPTS;

	if (fd < 0)
		return;
	while (bpf_map_delete_elem(fd, key) && errno != ENOENT && --left)
		;
	if (!left)
		sl_warn("cannot delete id %u from map %s: %s", w->id, map, strerror(errno));
}

/* Where bpf_redirect_peer() may be used; without this knowledge all works, only slower. */
static void look_around(struct instance *inst, struct workload *w)
{
	static const __u8 unknown[SL_MAC_LEN];
	struct far_end vex = { 0 }, vin = { 0 };
	struct sl_err why;

	w->value.flags &= ~(SL_WL_PEER_VEX | SL_WL_PEER_VIN);
	memset(w->value.far_mac, 0, sizeof(w->value.far_mac));
	if (far_end_find(inst->nls, w->port.vex_ifindex, &vex, &why) ||
	    far_end_find(inst->nls, w->port.vin_ifindex, &vin, &why)) {
		sl_warn("port %s of %s: bpf_redirect_peer() not used: %s", w->port.name, w->target, why.text);
		return;
	}
	memcpy(w->value.far_mac, vex.mac, sizeof(w->value.far_mac));
	if (inst->redirect_peer && vex.other_ns && memcmp(vex.mac, unknown, SL_MAC_LEN))
		w->value.flags |= SL_WL_PEER_VEX;
	if (inst->redirect_peer && vin.other_ns)
		w->value.flags |= SL_WL_PEER_VIN;
}

int wire_prepare(struct instance *inst, const struct workload *w, struct sl_err *err)
{
	return sl_attach_tc(inst->programs, SL_PROG_VIN, w->port.vin_ifindex, inst->attach, err);
}

int wire_up(struct instance *inst, struct workload *w, struct sl_err *err)
{
	int r;

	w->value.vex_ifindex = w->port.vex_ifindex;
	w->value.vin_ifindex = w->port.vin_ifindex;
	look_around(inst, w);
	r = put_entries(inst, w, err);
	/* If it has been prepared this is an update, which waits for nothing. */
	if (!r)
		r = wire_prepare(inst, w, err);
	if (!r)
		r = sl_attach_tc(inst->programs, SL_PROG_VEX, w->port.vex_ifindex, inst->attach, err);
	return r;
}

static void delete_entries(struct instance *inst, const struct workload *w)
{
	struct sl_workload_key key = workload_key(w);
	struct sl_ucmac_key ucmac_key;
	__u32 id = w->id;

	sl_ucmac_write(ucmac_key.mac, w->id);
	delete_entry(inst->maps.ports, &w->port.vex_ifindex, SL_MAP_PORTS, w);
	delete_entry(inst->maps.ports, &w->port.vin_ifindex, SL_MAP_PORTS, w);
	delete_entry(inst->maps.ucmacs, &ucmac_key, SL_MAP_UCMACS, w);
	delete_entry(inst->maps.workloads, &key, SL_MAP_WORKLOADS, w);
	delete_entry(inst->maps.traffic, &id, SL_MAP_TRAFFIC, w);
}

void wire_carry_in(struct instance *inst, const struct workload *w, int ns_fd, int carry[CARRY_MAX])
{
	struct sl_err why;
	int token;

	/* Of an attempt before, with a detour: it would be a program on the port for good. */
	sl_carry_end(carry[CARRY_VEX]);
	carry[CARRY_VEX] = -1;
	if (inst->attach != SL_ATTACH_TCX)
		return;
	token = sl_netns_enter(ns_fd, &why);
	if (token < 0)
		return;
	carry[CARRY_VEX] = sl_carry_in(inst->programs, w->port.original_ifindex, &why);
	sl_netns_leave(token);
	if (carry[CARRY_VEX] < 0)
		sl_debug("id %u: the gap will be longer: %s", w->id, why.text);
}

static int carry_leg_out(struct instance *inst, const struct workload *w, enum sl_program prog, __u32 ifindex)
{
	struct sl_err why;
	int fd = -1;

	if (inst->attach == SL_ATTACH_TCX)
		fd = sl_carry_out(inst->programs, prog, ifindex, &why);
	if (fd < 0 && sl_detach(inst->programs, prog, ifindex, &why))
		sl_warn("id %u: %s", w->id, why.text);
	return fd;
}

void wire_carry_out(struct instance *inst, const struct workload *w, int carry[CARRY_MAX])
{
	/* Those of an attempt before, whose legs have got new ones since. */
	for (int i = 0; i < CARRY_MAX; i++)
		sl_carry_end(carry[i]);
	carry[CARRY_VEX] = carry_leg_out(inst, w, SL_PROG_VEX, w->port.vex_ifindex);
	carry[CARRY_VIN] = carry_leg_out(inst, w, SL_PROG_VIN, w->port.vin_ifindex);
	delete_entries(inst, w);
}

void wire_down(struct instance *inst, const struct workload *w)
{
	struct sl_err why;

	if (w->port.vex_ifindex && sl_detach(inst->programs, SL_PROG_VEX, w->port.vex_ifindex, &why))
		sl_warn("id %u: %s", w->id, why.text);
	if (w->port.vin_ifindex && sl_detach(inst->programs, SL_PROG_VIN, w->port.vin_ifindex, &why))
		sl_warn("id %u: %s", w->id, why.text);
	delete_entries(inst, w);
}

int wire_change(struct instance *inst, struct workload *w, const struct wire_change *change,
		struct sl_err *err)
{
	struct sl_workload_key key = workload_key(w);
	struct sl_workload value;
	struct sl_err why;

	if (bpf_map_lookup_elem(inst->maps.workloads, &key, &value))
		return sl_errno(err, errno, "id %u is not in map %s", w->id, SL_MAP_WORKLOADS);
	if (change->mode >= 0)
		value.mode = change->mode;
	if (change->fail >= 0)
		value.fail = change->fail;
	value.flags = (value.flags | change->flags_set) & ~change->flags_clear;
	if (bpf_map_update_elem(inst->maps.workloads, &key, &value, BPF_EXIST))
		return sl_errno(err, errno, "cannot write id %u to map %s", w->id, SL_MAP_WORKLOADS);
	w->value = value;
	/* The map counts; a file that lags behind is put right by the next change or start. */
	if (state_save_port(inst->run.ports, w, &why))
		sl_warn("id %u: changed, but not on record: %s", w->id, why.text);
	return 0;
}

void wire_read_back(const struct instance *inst, struct workload *w)
{
	struct sl_workload_key key = workload_key(w);
	const __u32 kept = SL_WL_STRICT | SL_WL_TRACE;
	struct sl_workload value;

	if (bpf_map_lookup_elem(inst->maps.workloads, &key, &value) || value.mode >= SL_MODE_MAX ||
	    value.fail >= SL_FAIL_MAX)
		return;
	w->value.mode = value.mode;
	w->value.fail = value.fail;
	w->value.flags = (w->value.flags & ~kept) | (value.flags & kept);
	w->value.generation = value.generation;
}

static bool keep_id(const struct instance *inst, __u32 id)
{
	return workloads_by_id(inst->workloads, id) || workloads_is_reserved(inst->workloads, id);
}

/* Of a port in the register, or of one that is reserved: whose only the map still knows. */
static bool keep_ifindex(const struct instance *inst, __u32 ifindex)
{
	struct sl_port port;

	return workloads_by_ifindex(inst->workloads, ifindex) ||
	       (!bpf_map_lookup_elem(inst->maps.ports, &ifindex, &port) &&
		workloads_is_reserved(inst->workloads, port.workload.id));
}

static bool keep_workload(const struct instance *inst, const void *key)
{
	const struct sl_workload_key *wanted = key;
	struct workload *w = workloads_by_id(inst->workloads, wanted->id);

	return workloads_is_reserved(inst->workloads, wanted->id) ||
	       (w && !memcmp(w->port.mac, wanted->mac, SL_MAC_LEN));
}

static bool keep_ucmac(const struct instance *inst, const void *key)
{
	const struct sl_ucmac_key *ucmac = key;

	return keep_id(inst, ucmac->mac[4] << 8 | ucmac->mac[5]);
}

static bool keep_traffic(const struct instance *inst, const void *key)
{
	return keep_id(inst, *(const __u32 *)key);
}

static bool keep_port(const struct instance *inst, const void *key)
{
	return keep_ifindex(inst, *(const __u32 *)key);
}

static void purge_map(const struct instance *inst, int fd, const char *map,
		      bool (*keep)(const struct instance *inst, const void *key))
{
	__u8 key[16], kept[16];
	bool any = false;

	while (!bpf_map_get_next_key(fd, any ? kept : NULL, key)) {
		if (!keep(inst, key) && !bpf_map_delete_elem(fd, key)) {
			sl_debug("removed an entry without a workload from map %s", map);
			continue; /* from the last one that was kept */
		}
		memcpy(kept, key, sizeof(kept));
		any = true;
	}
}

static void purge_link(struct instance *inst, const char *pin)
{
	char program[16];
	unsigned int ifindex;
	struct sl_err why;
	bool wanted;

	if (sscanf(pin, "sl_%15[a-z]-%u", program, &ifindex) != 2)
		return;
	for (enum sl_program prog = 0; prog < SL_PROG_MAX; prog++) {
		if (strcmp(program, sl_program_name(prog)))
			continue;
		wanted = prog == SL_PROG_VBR   ? ifindex == inst->bridge.vbr_ifindex
			 : prog == SL_PROG_VTH ? ifindex == inst->bridge.vth_ifindex
			 : prog == SL_PROG_VBK ? ifindex == inst->bridge.vbk_ifindex
			 : prog == SL_PROG_VTK ? ifindex == inst->bridge.vtk_ifindex
					       : keep_ifindex(inst, ifindex);
		if (!wanted && sl_detach(inst->programs, prog, ifindex, &why))
			sl_warn("%s", why.text);
	}
}

void wire_purge(struct instance *inst)
{
	char path[SL_PATH_LEN + 8];
	struct dirent *entry;
	DIR *links;

	purge_map(inst, inst->maps.ports, SL_MAP_PORTS, keep_port);
	purge_map(inst, inst->maps.ucmacs, SL_MAP_UCMACS, keep_ucmac);
	purge_map(inst, inst->maps.workloads, SL_MAP_WORKLOADS, keep_workload);
	purge_map(inst, inst->maps.traffic, SL_MAP_TRAFFIC, keep_traffic);
	snprintf(path, sizeof(path), "%s/links", inst->pin_dir);
	links = opendir(path);
	if (!links)
		return;
	while ((entry = readdir(links)))
		purge_link(inst, entry->d_name);
	closedir(links);
}
