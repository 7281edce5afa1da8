// SPDX-License-Identifier: BSD-2-Clause
/*
 * Ends of a workload: given back, dropped because it has died, or handed on
 * to the next daemon; see intercept.h.
 *
 * Invariant: descriptors of workload namespaces are held only while they are
 * used here, so the daemon never keeps a dead one alive.
 */
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "netlink/link.h"
#include "port/journal.h"
#include "sluiced/detour.h"
#include "sluiced/intercept.h"
#include "sluiced/orphans.h"
#include "sluiced/side.h"
#include "sluiced/state.h"
#include "sluiced/wire.h"

static bool is_it(int fd, const struct sl_netns_id *wanted)
{
	struct sl_netns_id id;

	return !sl_netns_id(fd, &id) && sl_netns_same(&id, wanted);
}

/* Looks where it was found first, then everywhere. Descriptor or -errno. */
static int find_namespace(const struct workload *w, struct sl_err *err)
{
	int fd = w->pid > 0 ? sl_netns_open_pid(w->pid, NULL) : -ENOENT;

	if (fd >= 0 && is_it(fd, &w->port.workload_ns))
		return fd;
	if (fd >= 0)
		close(fd);
	fd = *w->ns_path ? sl_netns_open_name(w->ns_path, NULL) : -ENOENT;
	if (fd >= 0 && is_it(fd, &w->port.workload_ns))
		return fd;
	if (fd >= 0)
		close(fd);
	return sl_netns_find(&w->port.workload_ns, err);
}

static void forget(struct instance *inst, struct workload *w)
{
	struct sl_err why;

	if (state_remove_port(inst->run.ports, w->id, &why) ||
	    state_remove_journal(inst->run.ports, w->id, &why))
		sl_warn("%s", why.text);
	workloads_remove(inst->workloads, w);
}

struct hook {
	struct instance *inst;
	struct workload *workload;
	int carry[CARRY_MAX];
};

static int on_ready(void *context, const struct port_taken *taken, struct sl_err *err)
{
	struct hook *hook = context;

	hook->workload->port = *taken;
	return wire_up(hook->inst, hook->workload, err);
}

static void on_undo(void *context, const struct port_taken *taken)
{
	struct hook *hook = context;

	(void)taken;
	wire_carry_out(hook->inst, hook->workload, hook->carry);
}

void drop_dead(struct instance *inst, struct workload *w, const char *why)
{
	struct sl_err err;

	sl_info("dropping port %s of %s (id %u): %s", w->port.name, w->target, w->id, why);
	/* Interfaces first: one that is up without its program would hand its frames to this namespace's stack. */
	if (port_discard(&w->port, inst->agent_ns, &err))
		sl_warn("%s", err.text);
	wire_down(inst, w);
	forget(inst, w);
}

static bool has_journal(const struct instance *inst, const struct workload *w)
{
	char path[SL_PATH_LEN];

	return !w->taken && !state_journal_path(inst->run.ports, w->id, path, NULL) && !access(path, F_OK);
}

/* Found by name, and down, so that nothing comes in by it when it loses its program. */
static void stop_leg(struct instance *inst, const char *name, __u32 *ret_ifindex)
{
	struct link_change down = LINK_NO_CHANGE;
	__u32 ifindex = if_nametoindex(name);

	if (!ifindex)
		return;
	*ret_ifindex = ifindex;
	down.up = 0;
	link_change(inst->nls, ifindex, &down, NULL);
}

/* The former daemon was killed while the port changed hands. */
static int finish_by_journal(struct instance *inst, struct workload *w, int ns, struct sl_err *err)
{
	char journal[SL_PATH_LEN];
	int r;

	r = state_journal_path(inst->run.ports, w->id, journal, err);
	if (r)
		return r;
	stop_leg(inst, w->port.vex_name, &w->port.vex_ifindex);
	stop_leg(inst, w->port.vin_name, &w->port.vin_ifindex);
	wire_down(inst, w);
	r = w->port.side == PORT_SIDE_HOST ? side_recover_host(inst, w, ns, journal, err)
					   : port_recover(&w->port, journal, ns, inst->agent_ns, err);
	if (r > 0)
		sl_warn("port %s of %s (id %u): the journal was lost: it has what was still known of it: "
			"compare its "
			"addresses and routes",
			w->port.name, w->target, w->id);
	return r > 0 ? 0 : r;
}

/* From the first line to the last a crash leaves what the next daemon's finish_by_journal() needs. */
static int give_back(struct instance *inst, struct workload *w, int ns, struct sl_err *err)
{
	struct hook hook = { inst, w, { -1, -1 } };
	char journal[SL_PATH_LEN];
	struct port_hooks hooks = {
		.ready = on_ready, .undo = on_undo, .context = &hook, .journal = journal
	};
	bool was_taken = w->taken;
	struct sl_err why;
	int r;

	detour_add_hooks(inst, &hooks);
	r = state_journal_path(inst->run.ports, w->id, journal, err);
	if (!r)
		r = state_remove_journal(inst->run.ports, w->id, err);
	if (r)
		return r;
	w->taken = false;
	r = state_save_port(inst->run.ports, w, err);
	if (!r)
		r = w->port.side == PORT_SIDE_HOST
			    ? side_give_back_host(inst, w, ns, journal, err)
			    : port_give_back(&w->port, ns, inst->agent_ns, &hooks, err);
	for (int i = 0; i < CARRY_MAX; i++)
		sl_carry_end(hook.carry[i]);
	if (!r)
		return 0;
	w->taken = was_taken;
	if (state_save_port(inst->run.ports, w, &why) || state_remove_journal(inst->run.ports, w->id, &why))
		sl_warn("port %s of %s is still taken, but not on record: %s", w->port.name, w->target,
			why.text);
	return r;
}

/* By the record; or by the look of it, when it was changing hands and the journal of that is lost. */
static bool is_at_rest(const struct instance *inst, struct workload *w, int ns)
{
	if (w->taken)
		return true;
	if (w->port.side == PORT_SIDE_HOST)
		return false;
	return !has_journal(inst, w) && port_is_whole(&w->port, ns, inst->agent_ns, NULL) > 0 &&
	       !port_find(&w->port, inst->agent_ns, NULL);
}

int release(struct instance *inst, struct workload *w, struct sl_err *err)
{
	struct port_taken found = w->port;
	struct sl_err ignored;
	int ns, r;

	ns = find_namespace(w, err);
	if (ns < 0 && port_find(&found, inst->agent_ns, &ignored) == -ENODEV) {
		drop_dead(inst, w, "its namespace is gone");
		return 0;
	}
	/* Both legs are there, so the namespace lives, somewhere out of sight. */
	if (ns < 0)
		return sl_err_prefix(
			err,
			"cannot give port %s back to %s, which nobody seems to be in: enter it or "
			"bind it to a name below /run/netns",
			w->port.name, w->target);
	if (is_at_rest(inst, w, ns))
		r = give_back(inst, w, ns, err);
	else
		r = finish_by_journal(inst, w, ns, err);
	close(ns);
	if (r)
		return r;
	sl_info("gave port %s back to %s (was id %u)", w->port.name, w->target, w->id);
	forget(inst, w);
	return 0;
}

enum port_state release_look(struct instance *inst, const struct workload *w)
{
	struct port_taken found = w->port;
	struct sl_err ignored;
	int ns = find_namespace(w, &ignored), whole;

	if (ns < 0)
		return port_find(&found, inst->agent_ns, &ignored) == -ENODEV ? PORT_DEAD : PORT_WORKS;
	whole = w->taken && w->port.side == PORT_SIDE_WORKLOAD
			? port_is_whole(&w->port, ns, inst->agent_ns, &ignored)
			: !port_find(&found, inst->agent_ns, &ignored);
	close(ns);
	if (!w->taken)
		return PORT_HALF;
	return whole > 0 ? PORT_WORKS : PORT_BROKEN;
}

/* The former daemon was killed while it took the port, or gave it back. */
static void finish_half_taken(struct instance *inst, struct workload *w)
{
	char journal[SL_PATH_LEN], line[JOURNAL_LINE] = "";
	struct sl_err err;
	__u16 id = w->id;

	if (!state_journal_path(inst->run.ports, id, journal, NULL))
		journal_last_line(journal, line);
	sl_warn("port %s of %s (id %u) was changing hands when the former daemon ended (%s): giving it back",
		w->port.name, w->target, id, *line ? line : "no step had begun");
	if (release(inst, w, &err))
		sl_error("id %u: %s; try `sluicectl release --id %u`", id, err.text, id);
}

static void adopt(struct instance *inst, struct workload *w)
{
	struct sl_err err;
	int r;

	/* The legs are perhaps not both there, nor up, nor the port where it should be. */
	if (!w->taken) {
		finish_half_taken(inst, w);
		return;
	}
	r = port_find(&w->port, inst->agent_ns, &err);
	if (r == -ENODEV) {
		drop_dead(inst, w, "its interfaces are gone");
		return;
	}
	if (r) {
		sl_error("port %s of %s (id %u) is left as it is: %s", w->port.name, w->target, w->id,
			 err.text);
		return;
	}
	wire_read_back(inst, w);
	if (wire_up(inst, w, &err)) {
		sl_error("port %s of %s (id %u) keeps its former programs: %s", w->port.name, w->target,
			 w->id, err.text);
		return;
	}
	if (state_save_port(inst->run.ports, w, &err) || state_remove_journal(inst->run.ports, w->id, &err))
		sl_warn("%s", err.text);
	sl_info("adopted port %s of %s (id %u)", w->port.name, w->target, w->id);
}

void adopt_all(struct instance *inst)
{
	struct workload *w;
	struct sl_err err;
	__u32 id = 0;

	if (port_tidy(inst->agent_ns, &err))
		sl_warn("%s", err.text);
	/* Ports without a record, before their programs are taken for leftovers. */
	if (orphans_enlist(inst, false, &err) < 0)
		sl_warn("%s", err.text);
	while ((w = workloads_next(inst->workloads, id))) {
		id = w->id;
		adopt(inst, w);
	}
	wire_purge(inst);
}
