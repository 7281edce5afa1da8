/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One instance: everything that carries its name, and the order in which it
 * comes and goes.
 *
 * Invariant: programs, maps and interfaces of an instance that is already at
 * work are taken over in place, never taken down first; what a failed start
 * has made anew is removed again.
 */
#ifndef SLUICE_SLUICED_INSTANCE_H
#define SLUICE_SLUICED_INSTANCE_H

#include "lib/conf.h"
#include "lib/maps.h"
#include "netlink/session.h"
#include "port/port.h"
#include "sluiced/attach.h"
#include "sluiced/bridge.h"
#include "sluiced/loop.h"
#include "sluiced/probe.h"
#include "sluiced/rundir.h"
#include "sluiced/workloads.h"

struct core;
struct sl_detour_programs;
struct events;
struct compat;
struct monitor;
struct policy;

struct instance {
	struct sl_conf conf;
	struct sl_probe probe;
	struct loop loop;
	struct rundir run;
	char pin_dir[SL_PATH_LEN];
	int agent_ns; /* the namespace it serves, which is the process's own */
	struct sl_netns_id agent_id;
	struct nls *nls; /* a conversation in it */
	struct sl_programs *programs;
	struct sl_detour_programs *detour; /* NULL: ports move without */
	char host_path[PORT_HOST_PATH];
	struct sl_maps maps;
	struct sl_bridge bridge;
	struct sl_err no_bulk; /* why there is no bulk lane; an empty text: there is one */
	enum sl_attach attach; /* SL_ATTACH_TCX or SL_ATTACH_CLSACT */
	bool redirect_peer;
	struct workloads *workloads;
	struct core *core;
	struct monitor *monitor;
	struct policy *policy;
	struct events *events;
	struct compat *compat; /* NULL: no agent of the existing protocol is served */
	__u64 started_ns;
	bool fresh; /* nothing of this instance was there before */
	bool ending; /* stop has been asked for … */
	bool end_release; /* … and everything was given back */
};

/* Up to and with vbr's program; no workloads, core, control socket or monitor yet. 0 or -errno. */
int instance_open(struct instance *inst, const struct sl_conf *conf, struct sl_err *err);
/*
 * The locks, the register, the maps if they are there: enough to give ports
 * back, for when no program can be loaded. Makes nothing. 0 or -errno.
 */
int instance_open_bare(struct instance *inst, const struct sl_conf *conf, struct sl_err *err);
/* Leaves everything in place that works without the daemon. */
void instance_close(struct instance *inst);
/* After the last workload was given back and the core has ended: interfaces, pins, folders. 0 or -errno. */
int instance_remove(struct instance *inst, struct sl_err *err);

/* The pair, its entry in the configuration map, its programs. Also repairs them. 0 or -errno. */
int instance_bridge_up(struct instance *inst, struct sl_err *err);
/* Takes over what may change while running: the log level and the list of ethertypes. 0 or -errno. */
int instance_reload(struct instance *inst, const struct sl_conf *conf, struct sl_err *err);

/* How messages call the namespace it serves: the configured name or path, else "net:[<inode>]". Static memory. */
const char *instance_netns(const struct instance *inst);

#endif
