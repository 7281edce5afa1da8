// SPDX-License-Identifier: BSD-2-Clause
/*
 * Taking ports: plan (ids, names), check, take; see intercept.h for the
 * invariant. Giving back is in release.c.
 */
#include "sluiced/intercept.h"

#include <errno.h>
#include <jansson.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "netlink/link.h"
#include "sluiced/attach.h"
#include "sluiced/detour.h"
#include "sluiced/flows.h"
#include "sluiced/names.h"
#include "sluiced/plan_show.h"
#include "sluiced/policy.h"
#include "sluiced/resolve.h"
#include "sluiced/side.h"
#include "sluiced/state.h"
#include "sluiced/wire.h"

/* The ports of a request as they are in the workload. */
struct ports {
	struct link_info link[PORTS_MAX];
	unsigned int n;
	bool too_many;
	unsigned int taken; /* left out because they are taken already */
	const struct instance *inst;
	const struct target *target;
};

static int collect_port(void *context, const struct link_info *link)
{
	struct ports *ports = context;

	if (strcmp(link->kind, "veth") != 0 && strcmp(link->kind, "macvlan") != 0)
		return 0;
	/* A macvlan on top of another port of the workload: its frames go by that one, and it is taken with it. */
	if (!strcmp(link->kind, "macvlan") && link->peer_nsid < 0)
		return 0;
	if (workloads_by_port(ports->inst->workloads, &ports->target->ns, link->name))
		ports->taken++;
	else if (ports->n == PORTS_MAX)
		ports->too_many = true;
	else
		ports->link[ports->n++] = *link;
	return 0;
}

static int list_ports(const struct intercept_request *request, struct ports *ports, struct sl_err *err)
{
	const struct target *target = ports->target;
	struct nls *nls;
	int r;

	r = nls_open(&nls, target->ns_fd, target->text, err);
	if (r)
		return r;
	for (unsigned int i = 0; !r && i < request->n_ports; i++)
		r = link_find(nls, request->ports[i], 0, &ports->link[ports->n++], err);
	if (!request->n_ports)
		r = link_list(nls, collect_port, ports, err);
	nls_close(nls);
	if (!r && ports->too_many)
		r = sl_err(err, E2BIG, "%s has more than %d ports: name those to be taken", target->text,
			   PORTS_MAX);
	if (!r && !ports->n && ports->taken)
		r = sl_err(err, EEXIST, "all ports of %s are taken already", target->text);
	else if (!r && !ports->n)
		r = sl_err(err, ENODEV, "%s has no port (veth, macvlan) that could be taken", target->text);
	return r;
}

static bool name_in_use(void *context, const char *name)
{
	struct instance *inst = context;

	/* The daemon lives in the agent's namespace, so this asks there. */
	return workloads_by_leg(inst->workloads, name) || if_nametoindex(name);
}

static int check_link(const struct link_info *link, const struct target *target, struct sl_err *err)
{
	json_t *text = json_string(link->name);

	json_decref(text);
	if (!text)
		return sl_err(err, EILSEQ, "a port of %s has a name that is not UTF-8: rename it first",
			      target->text);
	if (!link->mac_valid)
		return sl_err(err, EOPNOTSUPP, "port %s of %s has no Ethernet address", link->name,
			      target->text);
	if (sl_is_ucmac(link->mac) || (link->mac[0] & 1))
		return sl_err(err, EADDRNOTAVAIL,
			      "port %s of %s has an address that is reserved for the diversion or for "
			      "groups: change it",
			      link->name, target->text);
	return 0;
}

static int plan_port(struct instance *inst, const struct intercept_request *request,
		     const struct target *target, const struct link_info *link, struct workload **ret,
		     struct sl_err *err)
{
	const struct sl_conf *conf = &inst->conf;
	struct port_naming naming = {
		.pid = target->pid,
		.ns_ino = target->ns.ino,
		.port = link->name,
		.in_use = name_in_use,
		.context = inst,
	};
	struct workload *w;
	int r;

	r = check_link(link, target, err);
	if (r)
		return r;
	w = workloads_by_port(inst->workloads, &target->ns, link->name);
	if (w)
		return sl_err(err, EEXIST, "port %s of %s is taken already, as id %u", link->name,
			      target->text, w->id);
	r = workloads_add(inst->workloads, request->id, &w, err);
	if (r)
		return r;
	w->port.workload_ns = target->ns;
	snprintf(w->port.name, sizeof(w->port.name), "%s", link->name);
	memcpy(w->port.mac, link->mac, SL_MAC_LEN);
	w->port.mtu = link->mtu;
	w->port.original_ifindex = link->ifindex;
	snprintf(w->target, sizeof(w->target), "%s", target->text);
	snprintf(w->ns_path, sizeof(w->ns_path), "%s", target->ns_path);
	w->pid = target->pid;
	snprintf(w->value.name, sizeof(w->value.name), "%s", request->name ?: target->name);
	w->value.mode = request->mode >= 0 ? request->mode : conf->mode;
	w->value.fail = request->fail >= 0 ? request->fail : conf->fail;
	if (request->strict >= 0 ? request->strict : conf->strict)
		w->value.flags |= SL_WL_STRICT;
	naming.id = w->id;
	r = port_names(&naming, w->port.vex_name, w->port.vin_name, err);
	/* What was judged for the id's last owner says nothing of this one. */
	if (!r)
		r = flows_remove(inst, (__u16)w->id, err);
	if (r) {
		workloads_remove(inst->workloads, w);
		return r;
	}
	*ret = w;
	return 0;
}

static struct port_request port_request(struct instance *inst, const struct target *target,
					const struct workload *w)
{
	struct port_request request = {
		.workload_ns = target->ns_fd,
		.agent_ns = inst->agent_ns,
		.max_mtu = inst->bridge.mtu,
		.host_path = inst->host_path,
		.detour = inst->detour,
	};

	snprintf(request.name, sizeof(request.name), "%s", w->port.name);
	snprintf(request.vex_name, sizeof(request.vex_name), "%s", w->port.vex_name);
	snprintf(request.vin_name, sizeof(request.vin_name), "%s", w->port.vin_name);
	snprintf(request.workload_label, sizeof(request.workload_label), "%.*s",
		 (int)sizeof(request.workload_label) - 1, target->text);
	return request;
}

struct hook {
	struct instance *inst;
	struct workload *workload;
	int workload_ns;
	int carry[CARRY_MAX];
};

static int on_prepare(void *context, const struct port_taken *taken, struct sl_err *err)
{
	struct hook *hook = context;

	hook->workload->port = *taken;
	wire_carry_in(hook->inst, hook->workload, hook->workload_ns, hook->carry);
	return wire_prepare(hook->inst, hook->workload, err);
}

static int on_ready(void *context, const struct port_taken *taken, struct sl_err *err)
{
	struct hook *hook = context;
	int link = hook->carry[CARRY_VEX], r;

	hook->workload->port = *taken;
	if (link >= 0) {
		r = sl_carry_arrive(hook->inst->programs, link, SL_PROG_VEX, taken->vex_ifindex, err);
		if (r)
			return r;
	}
	return wire_up(hook->inst, hook->workload, err);
}

static void on_undo(void *context, const struct port_taken *taken)
{
	struct hook *hook = context;

	hook->workload->port = *taken;
	wire_down(hook->inst, hook->workload);
}

static int take_port(struct instance *inst, const struct target *target, struct workload *w,
		     struct sl_err *err)
{
	struct hook hook = { inst, w, target->ns_fd, { -1, -1 } };
	char journal[SL_PATH_LEN];
	struct port_hooks hooks = { .prepare = on_prepare,
				    .ready = on_ready,
				    .undo = on_undo,
				    .context = &hook,
				    .journal = journal };
	struct port_request request = port_request(inst, target, w);
	struct port_taken taken;
	struct sl_err why;
	int r;

	detour_add_hooks(inst, &hooks);
	r = state_journal_path(inst->run.ports, w->id, journal, err);
	/* One of a former port of this id must not speak for this one. */
	if (!r)
		r = state_remove_journal(inst->run.ports, w->id, err);
	/* Of a host end it is on record since its side was chosen. */
	if (!r && w->port.side == PORT_SIDE_WORKLOAD)
		r = port_record_addresses(&w->port, target->ns_fd, err);
	if (!r)
		r = state_save_port(inst->run.ports, w, err);
	if (r)
		return r;
	w->value.generation = policy_generation(inst->policy);
	policy_workloads_settle(inst->policy);
	if (w->port.side == PORT_SIDE_HOST) {
		r = side_take_host(inst, &request, w, journal, err);
		taken = w->port;
	} else {
		r = port_take(&request, &hooks, &taken, err);
	}
	/* The pin holds what has arrived. */
	if (!r && hook.carry[CARRY_VEX] >= 0)
		close(hook.carry[CARRY_VEX]);
	if (r) {
		sl_carry_end(hook.carry[CARRY_VEX]);
		/* The journal last: without the other file it is worth nothing, with it it tells what to put back. */
		if (state_remove_port(inst->run.ports, w->id, &why) ||
		    state_remove_journal(inst->run.ports, w->id, &why))
			sl_warn("%s", why.text);
		return r;
	}
	w->port = taken;
	w->taken = true;
	/* Without it the next daemon takes the port for half taken and gives it back. */
	if (state_save_port(inst->run.ports, w, &why) || state_remove_journal(inst->run.ports, w->id, &why))
		sl_warn("port %s of %s is taken, but not on record: %s", w->port.name, w->target, why.text);
	sl_info("took port %s of %s as id %u (%s, %s) from the %s's side: %s", w->port.name, w->target, w->id,
		w->port.vex_name, w->port.vin_name, side_name(w), w->side_reason);
	return 0;
}

/* After a failure at the port behind the first n, which are taken. */
static void roll_back(struct instance *inst, const struct intercepted *list, unsigned int n,
		      struct sl_err *err)
{
	char rest[SL_ERR_LEN];
	struct sl_err why;
	__u16 id;

	for (unsigned int i = n; i < list->n; i++)
		workloads_remove(inst->workloads, list->item[i]);
	while (n--) {
		id = list->item[n]->id;
		if (!release(inst, list->item[n], &why) || !err)
			continue;
		snprintf(rest, sizeof(rest), "%s", err->text);
		snprintf(err->text, sizeof(err->text), "%.250s; and id %u could not be given back: %.200s",
			 rest, id, why.text);
	}
}

void intercept_forget(struct instance *inst, const struct intercepted *planned)
{
	for (unsigned int i = 0; i < planned->n; i++) {
		workloads_remove(inst->workloads, planned->item[i]);
		json_decref(planned->plan[i]);
	}
}

int intercept(struct instance *inst, const struct intercept_request *request, struct intercepted *ret,
	      struct sl_err *err)
{
	struct intercepted list = { .n = 0 };
	struct ports ports = { .inst = inst };
	struct port_request check;
	struct target target;
	unsigned int i;
	int r;

	r = target_resolve(request->target, &target, err);
	if (r)
		return r;
	ports.target = &target;
	r = list_ports(request, &ports, err);
	if (!r && request->id && ports.n > 1)
		r = sl_err(err, EINVAL, "an id can be asked for one port only, and these are %u", ports.n);
	for (i = 0; !r && i < ports.n; i++) {
		r = plan_port(inst, request, &target, &ports.link[i], &list.item[i], err);
		if (!r)
			list.n++;
	}
	for (i = 0; !r && i < list.n; i++) {
		check = port_request(inst, &target, list.item[i]);
		r = side_choose(inst, &check,
				request->side >= 0 ? (enum sl_side)request->side : inst->conf.side,
				list.item[i], err);
		/* That it would be refused is what a dry run wants to know. */
		if (request->dry_run)
			r = plan_show(&check, list.item[i], r ? err : NULL, &list.plan[i], err);
	}
	if (r) {
		intercept_forget(inst, &list);
		goto out;
	}
	for (i = 0; !r && i < list.n && !request->dry_run; i++) {
		r = take_port(inst, &target, list.item[i], err);
		if (r)
			roll_back(inst, &list, i, err);
	}
	/* Whoever has been answered may begin at once what a rule allows by the workload's name. */
	if (!r && !request->dry_run)
		policy_peers_settle(inst->policy);
	if (!r)
		*ret = list;
out:
	target_close(&target);
	return r;
}
