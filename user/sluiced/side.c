// SPDX-License-Identifier: BSD-2-Clause
/* Choosing a side, and the host's with its programs; see side.h for the invariant. */
#include "sluiced/side.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "port/host.h"
#include "sluiced/attach.h"
#include "sluiced/wire.h"

const char *side_name(const struct workload *w)
{
	return w->port.side == PORT_SIDE_HOST ? "host" : "workload";
}

/* What can be done if asked for, but not without being asked: somebody could notice. 0 or -errno with the reason. */
static int check_unasked(const struct host_end *end, struct sl_err *err)
{
	if (end->is_agent)
		return sl_err(err, EOPNOTSUPP,
			      "sluiced is in the namespace of %s itself, whose number would change",
			      end->link.name);
	if (!end->link.master)
		return sl_err(err, EOPNOTSUPP,
			      "%s is no bridge's port: the host's own routes by it would be missing for "
			      "milliseconds, and who connects just then is refused",
			      end->link.name);
	return 0;
}

/* 0 if the host's side can be taken; else -errno with the reason. */
static int check_host(const struct port_request *request, bool asked, struct workload *w, struct sl_err *err)
{
	struct sl_netns_id id;
	struct host_end end;
	int r;

	r = host_find(request, &end, err);
	if (r)
		return r;
	r = host_check(request, &end, err);
	if (!r && !asked)
		r = check_unasked(&end, err);
	if (!r && sl_netns_id(end.ns, &id))
		r = sl_err(err, EINVAL, "cannot identify the namespace of %s", end.link.name);
	if (!r)
		r = host_record(&w->port, &end, err);
	if (!r) {
		w->port.side = PORT_SIDE_HOST;
		w->port.host_ns = id;
		w->port.host_ifindex = end.link.ifindex;
		w->port.port_ifindex = w->port.original_ifindex;
		strcpy(w->port.host_name, end.link.name);
	}
	close(end.ns);
	return r;
}

int side_choose(struct instance *inst, const struct port_request *request, enum sl_side wanted,
		struct workload *w, struct sl_err *err)
{
	struct sl_err why = { 0 }, own = { 0 };
	int r;

	(void)inst;
	if (!err)
		err = &own;
	w->port.side = PORT_SIDE_WORKLOAD;
	snprintf(w->side_reason, sizeof(w->side_reason), "%s", "as asked");
	if (wanted == SL_SIDE_HOST)
		return check_host(request, true, w, err);
	if (wanted == SL_SIDE_AUTO && !check_host(request, false, w, &why)) {
		snprintf(w->side_reason, sizeof(w->side_reason), "all that %s has can be kept",
			 w->port.host_name);
		return 0;
	}
	r = port_check(request, err);
	if (wanted != SL_SIDE_AUTO)
		return r;
	if (!r) {
		snprintf(w->side_reason, sizeof(w->side_reason), "%.*s", (int)sizeof(w->side_reason) - 1,
			 why.text);
		return 0;
	}
	/* Better noticed for milliseconds than not taken. */
	if (!check_host(request, true, w, &why)) {
		snprintf(w->side_reason, sizeof(w->side_reason), "%.*s", (int)sizeof(w->side_reason) - 1,
			 err->text);
		return 0;
	}
	return sl_err_prefix(err, "neither from the host's side (%.200s) nor from the workload's", why.text);
}

struct hook {
	struct instance *inst;
	struct workload *workload;
	int host_ns;
	int carry[CARRY_MAX];
};

/* The host end is still at home: a place on it for vin's program. */
static int on_prepare(void *context, const struct port_taken *taken, struct sl_err *err)
{
	struct hook *hook = context;
	struct sl_err why;
	int token;

	if (hook->inst->attach != SL_ATTACH_TCX)
		return 0;
	token = sl_netns_enter(hook->host_ns, err);
	if (token < 0)
		return token;
	hook->carry[CARRY_VIN] = sl_carry_in(hook->inst->programs, taken->host_ifindex, &why);
	sl_netns_leave(token);
	if (hook->carry[CARRY_VIN] < 0)
		sl_debug("id %u: the gap will be longer: %s", hook->workload->id, why.text);
	return 0;
}

static int on_arrived(void *context, const struct port_taken *taken, struct sl_err *err)
{
	struct hook *hook = context;
	int link = hook->carry[CARRY_VIN], r = 0;

	hook->workload->port = *taken;
	if (link >= 0)
		r = sl_carry_arrive(hook->inst->programs, link, SL_PROG_VIN, taken->vin_ifindex, err);
	return r ? r : wire_prepare(hook->inst, hook->workload, err);
}

static int on_ready(void *context, const struct port_taken *taken, struct sl_err *err)
{
	struct hook *hook = context;

	hook->workload->port = *taken;
	return wire_up(hook->inst, hook->workload, err);
}

static void on_take_undone(void *context, const struct port_taken *taken)
{
	struct hook *hook = context;

	hook->workload->port = *taken;
	wire_down(hook->inst, hook->workload);
}

static void on_give_back(void *context, const struct port_taken *taken)
{
	struct hook *hook = context;

	(void)taken;
	wire_carry_out(hook->inst, hook->workload, hook->carry);
}

/* A descriptor of the namespace the host end belongs to, or -errno. */
static int open_host(const struct instance *inst, const struct workload *w, struct sl_err *err)
{
	int fd;

	if (sl_netns_same(&w->port.host_ns, &inst->agent_id))
		fd = fcntl(inst->agent_ns, F_DUPFD_CLOEXEC, 0);
	else
		fd = sl_netns_find(&w->port.host_ns, err);
	return fd < 0 ? sl_err(err, fd == -1 ? EMFILE : -fd,
			       "the namespace of the host end %s cannot be found", w->port.host_name)
		      : fd;
}

int side_take_host(struct instance *inst, const struct port_request *request, struct workload *w,
		   const char *journal, struct sl_err *err)
{
	struct hook hook = { inst, w, -1, { -1, -1 } };
	struct host_hooks hooks = {
		.common = { .prepare = on_prepare,
			    .ready = on_ready,
			    .undo = on_take_undone,
			    .context = &hook,
			    .journal = journal },
		.arrived = on_arrived,
	};
	struct port_taken taken;
	struct host_end end;
	int r;

	r = host_find(request, &end, err);
	if (r)
		return r;
	hook.host_ns = end.ns;
	r = host_take(request, &end, &hooks, &taken, err);
	/* The pin holds what has arrived. */
	if (!r && hook.carry[CARRY_VIN] >= 0)
		close(hook.carry[CARRY_VIN]);
	else
		sl_carry_end(hook.carry[CARRY_VIN]);
	close(end.ns);
	if (!r)
		w->port = taken;
	return r;
}

int side_give_back_host(struct instance *inst, struct workload *w, int workload_ns, const char *journal,
			struct sl_err *err)
{
	struct hook hook = { inst, w, open_host(inst, w, err), { -1, -1 } };
	struct host_hooks hooks = {
		.common = { .ready = on_ready, .undo = on_give_back, .context = &hook, .journal = journal },
	};
	int r;

	if (hook.host_ns < 0)
		return hook.host_ns;
	r = host_give_back(&w->port, hook.host_ns, workload_ns, inst->agent_ns, &hooks, err);
	for (int i = 0; i < CARRY_MAX; i++)
		sl_carry_end(hook.carry[i]);
	close(hook.host_ns);
	return r;
}

int side_recover_host(struct instance *inst, const struct workload *w, int workload_ns, const char *journal,
		      struct sl_err *err)
{
	int host_ns = open_host(inst, w, err), r;

	if (host_ns < 0)
		return host_ns;
	r = host_recover(&w->port, journal, host_ns, workload_ns, inst->agent_ns, err);
	close(host_ns);
	return r;
}
