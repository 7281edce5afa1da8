// SPDX-License-Identifier: BSD-2-Clause
/* An instance's parts in their order; see instance.h for the invariant. */
#include "sluiced/instance.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "sluiced/attach_detour.h"
#include "sluiced/flows.h"
#include "sluiced/state.h"

const char *instance_netns(const struct instance *inst)
{
	static char text[32];

	if (*inst->conf.netns)
		return inst->conf.netns;
	snprintf(text, sizeof(text), "net:[%lu]", (unsigned long)inst->agent_id.ino);
	return text;
}

/* Only the network namespace changes; the token of the old one is not needed again. */
static int enter_netns(struct instance *inst, struct sl_err *err)
{
	int token;

	if (!*inst->conf.netns) {
		inst->agent_ns = sl_netns_open_self(err);
	} else {
		inst->agent_ns = sl_netns_open_name(inst->conf.netns, err);
		if (inst->agent_ns >= 0) {
			token = sl_netns_enter(inst->agent_ns, err);
			if (token < 0)
				return token;
			close(token);
		}
	}
	if (inst->agent_ns < 0)
		return inst->agent_ns;
	return sl_netns_id(inst->agent_ns, &inst->agent_id);
}

static int ensure_bpffs(const char *path, struct sl_err *err)
{
	struct statfs fs;
	int r;

	if (statfs(path, &fs)) {
		if (errno != ENOENT)
			return sl_errno(err, errno, "cannot look at %s", path);
		r = make_folders(path, 0700, err);
		if (r)
			return r;
	} else if ((__u32)fs.f_type == BPF_FS_MAGIC) {
		return 0;
	}
	if (mount("bpffs", path, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return sl_errno(err, errno, "%s is no BPF file system and cannot be mounted as one", path);
	sl_info("mounted a BPF file system on %s", path);
	return 0;
}

/* Without the state files of their ports nobody can answer for these pins; they would only be in the way. */
static int remove_leftovers(struct instance *inst, const char *why, struct sl_err *err)
{
	struct sl_err bad;
	struct workload *w;

	if (access(inst->pin_dir, F_OK) && !workloads_count(inst->workloads))
		return 0;
	sl_warn("instance %s: %s: removing its pins in %s", inst->conf.instance, why, inst->pin_dir);
	while ((w = workloads_next(inst->workloads, 0))) {
		sl_warn("forgetting port %s of %s (id %u)", w->port.name, w->target, w->id);
		if (state_remove_port(inst->run.ports, w->id, &bad))
			sl_warn("%s", bad.text);
		workloads_remove(inst->workloads, w);
	}
	return access(inst->pin_dir, F_OK) ? 0 : sl_pins_remove(inst->pin_dir, err);
}

/* An interface's number means nothing in another namespace, so pins are only good in the one they were made for. */
static int check_namespace(struct instance *inst, struct sl_err *err)
{
	struct sl_netns_id old;
	char path[SL_PATH_LEN];
	json_int_t dev, ino;
	json_t *object;
	int r;

	snprintf(path, sizeof(path), "%s/instance.json", inst->run.path);
	r = state_read(path, &object, err);
	if (r == -ENOENT) {
		inst->fresh = true;
		return remove_leftovers(inst, "its state file is missing", err);
	}
	if (r)
		return r;
	r = json_unpack(object, "{s:{s:I, s:I}}", "netns", "dev", &dev, "ino", &ino);
	json_decref(object);
	if (r)
		return sl_err(err, EINVAL, "state %s names no namespace: remove the file", path);
	old = (struct sl_netns_id){ .dev = dev, .ino = ino };
	if (sl_netns_same(&old, &inst->agent_id))
		return 0;
	r = sl_netns_find(&old, NULL);
	if (r >= 0) {
		close(r);
		return sl_err(
			err, EEXIST,
			"instance %s belongs to the namespace net:[%lu]: start it there, or give this one "
			"another name with --instance",
			inst->conf.instance, (unsigned long)old.ino);
	}
	inst->fresh = true;
	return remove_leftovers(inst, "its namespace is gone", err);
}

static int save_instance(const struct instance *inst, struct sl_err *err)
{
	char path[SL_PATH_LEN];
	json_t *object;
	int r;

	snprintf(path, sizeof(path), "%s/instance.json", inst->run.path);
	object = json_pack("{ss ss si s{ss sI sI} ss ss}", "instance", inst->conf.instance, "version",
			   SLUICE_VERSION, "pid", (int)getpid(), "netns", "path", inst->conf.netns, "dev",
			   (json_int_t)inst->agent_id.dev, "ino", (json_int_t)inst->agent_id.ino, "vbr",
			   inst->conf.vbr, "vth", inst->conf.vth);
	if (!object)
		return sl_err(err, ENOMEM, "no memory for the state of the instance");
	r = state_write(path, object, err);
	json_decref(object);
	return r;
}

static void report_bad_state(const struct sl_err *err)
{
	sl_error("%s; its port is left as it is", err->text);
}

static int choose_kinds(struct instance *inst, struct sl_err *err)
{
	const struct sl_probe *probe = &inst->probe;

	if (probe->cut_short && !probe->tcx && !probe->clsact)
		return sl_err(
			err, ETIMEDOUT,
			"how this kernel takes tc programs was not found out: %s; see `sluicectl doctor`",
			probe->check[probe->n_checks - 1].detail);

	switch (inst->conf.attach) {
	case SL_ATTACH_AUTO:
		inst->attach = probe->tcx ? SL_ATTACH_TCX : SL_ATTACH_CLSACT;
		if (!probe->tcx && !probe->clsact)
			return sl_err(err, ENOTSUP,
				      "this kernel takes tc programs neither by tcx nor by clsact");
		break;
	case SL_ATTACH_TCX:
	case SL_ATTACH_CLSACT:
		inst->attach = inst->conf.attach;
		if (inst->attach == SL_ATTACH_TCX ? !probe->tcx : !probe->clsact)
			return sl_err(err, ENOTSUP,
				      "this kernel takes no tc programs by %s: leave attach at auto",
				      inst->attach == SL_ATTACH_TCX ? "tcx" : "clsact");
		break;
	}
	inst->redirect_peer = inst->conf.redirect == SL_REDIRECT_PEER ||
			      (inst->conf.redirect == SL_REDIRECT_AUTO && probe->redirect_peer);
	if (inst->redirect_peer && !probe->redirect_peer)
		sl_warn("bpf_redirect_peer() is used as configured, but does not work on this kernel by the "
			"probe");
	return 0;
}

static int write_etypes(const struct instance *inst, struct sl_err *err)
{
	const struct sl_conf *conf = &inst->conf;
	__u16 key, *prev = NULL, last;
	__u8 one = 1;
	__u32 i;

	for (i = 0; i < conf->n_non_ip; i++) {
		if (bpf_map_update_elem(inst->maps.etypes, &conf->non_ip[i], &one, BPF_ANY))
			return sl_errno(err, errno, "cannot write map %s", SL_MAP_ETYPES);
	}
	while (!bpf_map_get_next_key(inst->maps.etypes, prev, &key)) {
		for (i = 0; i < conf->n_non_ip && conf->non_ip[i] != key; i++)
			;
		/* After a deletion the walk goes on from the entry before it. */
		if (i < conf->n_non_ip || bpf_map_delete_elem(inst->maps.etypes, &key)) {
			last = key;
			prev = &last;
		}
	}
	return 0;
}

static int write_config(const struct instance *inst, struct sl_err *err)
{
	struct sl_config old = { 0 }, config = {
		.abi = SL_ABI,
		.vbr_ifindex = inst->bridge.vbr_ifindex,
		.queues = inst->bridge.queues,
		.vbk_ifindex = inst->bridge.vbk_ifindex,
		.flags = sl_conf_verdicts(&inst->conf) ? SL_CONFIG_VERDICTS : 0,
	};
	__u32 zero = 0;

	if (inst->conf.dpi == SL_DPI_INTERNAL)
		config.heartbeat_ns = inst->conf.heartbeat_ms * 1000000ULL;
	/* Tracing is switched by request and outlives the daemon. */
	if (!bpf_map_lookup_elem(inst->maps.config, &zero, &old) && old.abi == SL_ABI) {
		config.trace = old.trace;
		config.trace_all = old.trace_all;
	}
	if (bpf_map_update_elem(inst->maps.config, &zero, &config, BPF_ANY))
		return sl_errno(err, errno, "cannot write map %s", SL_MAP_CONFIG);
	return 0;
}

/* Without it everything goes by the other lane: no reason not to start. */
static void bulk_up(struct instance *inst)
{
	struct sl_bridge *bridge = &inst->bridge;
	struct sl_err *why = &inst->no_bulk;
	int r;

	*why = (struct sl_err){ 0 };
	if (!sl_conf_bulk(&inst->conf)) {
		sl_err(why, ENOTSUP, "%s",
		       !inst->conf.bulk	     ? "bulk = no"
		       : !inst->conf.inspect ? "inspect = no"
					     : "dpi = external");
		return;
	}
	r = sl_bridge_ensure_bulk(&inst->conf, bridge, why);
	if (!r)
		r = sl_attach_tc(inst->programs, SL_PROG_VBK, bridge->vbk_ifindex, inst->attach, why);
	if (!r)
		r = sl_attach_tc(inst->programs, SL_PROG_VTK, bridge->vtk_ifindex, inst->attach, why);
	if (!r)
		return;
	bridge->vbk_ifindex = bridge->vtk_ifindex = 0;
	sl_warn("%s; there is no bulk lane", why->text);
}

/* The outer end of the bulk lane as the programs have it; 0: there is none. */
static __u32 bulk_ifindex(const struct instance *inst)
{
	struct sl_config config = { 0 };
	__u32 zero = 0;

	return bpf_map_lookup_elem(inst->maps.config, &zero, &config) || config.abi != SL_ABI
		       ? 0
		       : config.vbk_ifindex;
}

int instance_bridge_up(struct instance *inst, struct sl_err *err)
{
	__u32 before = bulk_ifindex(inst);
	int r;

	r = sl_bridge_ensure(&inst->conf, &inst->bridge, err);
	if (!r)
		bulk_up(inst);
	if (!r)
		r = write_config(inst, err);
	/* Nothing is sent to it from now on. Only the one that an earlier daemon has used: others have names, too. */
	if (!r && before && !inst->bridge.vbk_ifindex && if_nametoindex(inst->conf.vbk) == before &&
	    sl_bridge_remove_bulk(&inst->conf, err))
		sl_warn("%s", err->text);
	if (!r)
		r = sl_attach_tc(inst->programs, SL_PROG_VBR, inst->bridge.vbr_ifindex, inst->attach, err);
	if (!r && inst->conf.dpi == SL_DPI_INTERNAL)
		r = sl_attach_xdp(inst->programs, inst->bridge.vth_ifindex, err);
	else if (!r)
		r = sl_detach(inst->programs, SL_PROG_VTH, inst->bridge.vth_ifindex, err);
	return r;
}

/* Everything that needs the locks. */
static int open_locked(struct instance *inst, struct sl_err *err)
{
	int r;

	r = ensure_bpffs(inst->conf.bpffs, err);
	if (r)
		return r;
	inst->workloads = workloads_new();
	if (!inst->workloads)
		return sl_err(err, ENOMEM, "no memory for the register of workloads");
	r = state_load_ports(inst->run.ports, inst->workloads, report_bad_state, err);
	if (!r)
		r = check_namespace(inst, err);
	if (!r)
		r = save_instance(inst, err);
	if (!r)
		r = sl_programs_load(&inst->programs, inst->pin_dir, inst->conf.flows, err);
	/* Never needed. */
	if (!r && inst->attach == SL_ATTACH_TCX && sl_detour_load(&inst->detour, err))
		sl_warn("%s: the gap of ports will be longer", err->text);
	if (!r)
		r = sl_maps_open(&inst->maps, inst->pin_dir, err);
	if (!r)
		r = write_etypes(inst, err);
	/* Nobody would keep them up to date. */
	if (!r && !sl_conf_verdicts(&inst->conf) && !sl_conf_bulk(&inst->conf))
		r = flows_remove(inst, 0, err);
	if (!r)
		r = instance_bridge_up(inst, err);
	return r;
}

int instance_open(struct instance *inst, const struct sl_conf *conf, struct sl_err *err)
{
	struct sl_err ignored;
	int r;

	*inst = (struct instance){
		.conf = *conf,
		.loop.epfd = -1,
		.run = RUNDIR_NONE,
		.agent_ns = -1,
		.maps = SL_MAPS_NONE,
		.started_ns = now_ns(),
	};
	if (sl_conf_pin_dir(conf, inst->pin_dir, sizeof(inst->pin_dir)))
		return sl_err(err, ENAMETOOLONG, "the paths below %s are too long: choose a shorter bpffs",
			      conf->bpffs);
	/* Later it would be tried again and again, with the workloads cut off meanwhile. */
	if (conf->dpi == SL_DPI_INTERNAL && access(conf->dpi_path, X_OK))
		return sl_errno(err, errno, "cannot run the core %s (see --dpi-path, --dpi external)",
				conf->dpi_path);
	r = enter_netns(inst, err);
	if (!r)
		r = loop_open(&inst->loop, err);
	if (!r)
		r = nls_open(&inst->nls, inst->agent_ns, instance_netns(inst), err);
	if (!r)
		r = sl_probe_run(conf, &inst->probe, err);
	if (!r)
		r = choose_kinds(inst, err);
	if (!r)
		r = rundir_open(&inst->run, conf, &inst->agent_id, err);
	if (!r) {
		r = open_locked(inst, err);
		if (r && inst->fresh)
			instance_remove(inst, &ignored);
	}
	if (r)
		instance_close(inst);
	return r;
}

/* The one it was started for, whatever the configuration says now; it may have been given as an option. */
static int enter_recorded_netns(struct instance *inst, struct sl_err *err)
{
	struct sl_netns_id id;
	char path[SL_PATH_LEN];
	json_int_t dev, ino;
	json_t *object;
	int fd, token, r;

	if (sl_conf_run_path(&inst->conf, "instance.json", path, sizeof(path)) ||
	    state_read(path, &object, err))
		return enter_netns(inst, err);
	r = json_unpack(object, "{s:{s:I, s:I}}", "netns", "dev", &dev, "ino", &ino);
	json_decref(object);
	if (r)
		return enter_netns(inst, err);
	id = (struct sl_netns_id){ .dev = dev, .ino = ino };
	fd = sl_netns_open_self(err);
	if (fd >= 0 && !sl_netns_id(fd, &inst->agent_id) && sl_netns_same(&id, &inst->agent_id)) {
		inst->agent_ns = fd;
		return 0;
	}
	if (fd >= 0)
		close(fd);
	fd = sl_netns_find(&id, err);
	if (fd < 0)
		return enter_netns(inst, err);
	token = sl_netns_enter(fd, err);
	if (token < 0) {
		close(fd);
		return token;
	}
	close(token);
	inst->agent_ns = fd;
	inst->agent_id = id;
	return 0;
}

int instance_open_bare(struct instance *inst, const struct sl_conf *conf, struct sl_err *err)
{
	struct sl_err ignored;
	int r;

	*inst = (struct instance){
		.conf = *conf, .loop.epfd = -1, .run = RUNDIR_NONE, .agent_ns = -1, .maps = SL_MAPS_NONE
	};
	/* Programs are only taken off: there is nothing to put on, and no place to hold for it. */
	inst->attach = SL_ATTACH_CLSACT;
	if (sl_conf_pin_dir(conf, inst->pin_dir, sizeof(inst->pin_dir)))
		return sl_err(err, ENAMETOOLONG, "the paths below %s are too long", conf->bpffs);
	r = enter_recorded_netns(inst, err);
	if (!r)
		r = nls_open(&inst->nls, inst->agent_ns, instance_netns(inst), err);
	if (!r)
		r = rundir_open(&inst->run, conf, &inst->agent_id, err);
	if (!r)
		r = sl_programs_none(&inst->programs, inst->pin_dir, err);
	if (!r) {
		inst->workloads = workloads_new();
		r = inst->workloads
			    ? state_load_ports(inst->run.ports, inst->workloads, report_bad_state, err)
			    : sl_err(err, ENOMEM, "no memory for the register of workloads");
	}
	if (!r && sl_maps_open(&inst->maps, inst->pin_dir, &ignored))
		sl_warn("%s: going by the interfaces alone", ignored.text);
	if (r)
		instance_close(inst);
	return r;
}

int instance_remove(struct instance *inst, struct sl_err *err)
{
	char above[SL_PATH_LEN];
	int r = 0;

	/* A pair that somebody else had made stays. */
	if (inst->bridge.vbr_ifindex && !(inst->fresh && inst->bridge.adopted))
		r = sl_bridge_remove(&inst->conf, err);
	if (!r && inst->bridge.vbk_ifindex && !(inst->fresh && inst->bridge.bulk_adopted))
		r = sl_bridge_remove_bulk(&inst->conf, err);
	if (!r && !access(inst->pin_dir, F_OK))
		r = sl_pins_remove(inst->pin_dir, err);
	if (r)
		return r;
	/* Other instances may be there: then it stays. */
	snprintf(above, sizeof(above), "%s", inst->pin_dir);
	*strrchr(above, '/') = '\0';
	rmdir(above);
	return rundir_remove(&inst->run, err);
}

void instance_close(struct instance *inst)
{
	sl_maps_close(&inst->maps);
	sl_programs_free(inst->programs);
	sl_detour_free(inst->detour);
	workloads_free(inst->workloads);
	rundir_close(&inst->run);
	nls_close(inst->nls);
	loop_close(&inst->loop);
	if (inst->agent_ns >= 0)
		close(inst->agent_ns);
	*inst = (struct instance){
		.loop.epfd = -1, .run = RUNDIR_NONE, .agent_ns = -1, .maps = SL_MAPS_NONE
	};
}

int instance_reload(struct instance *inst, const struct sl_conf *conf, struct sl_err *err)
{
	inst->conf.log_level = conf->log_level;
	sl_log_set_level(conf->log_level);
	memcpy(inst->conf.non_ip, conf->non_ip, sizeof(conf->non_ip));
	inst->conf.n_non_ip = conf->n_non_ip;
	inst->conf.thresholds = conf->thresholds;
	return write_etypes(inst, err);
}
