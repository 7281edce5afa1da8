// SPDX-License-Identifier: BSD-2-Clause
/*
 * The plan for a port: looked at with the same snapshot and the same refusals
 * as taking it, so that it cannot promise what that would not do.
 *
 * Invariant: nothing is changed, and all refusals are told, not only the first.
 */
#include "port/plan.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/detour.h"
#include "port/holders.h"

struct planning {
	const struct port_request *request;
	struct port_side workload, agent;
	struct port_snapshot port;
	struct port_plan *plan;
};

void plan_say(struct plan_lines *lines, const char *fmt, ...)
{
	va_list ap;

	if (lines->n == PLAN_LINES_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(lines->text[lines->n++], PLAN_LINE_LEN, fmt, ap);
	va_end(ap);
}

void plan_count(char *text, size_t size, size_t n, const char *one, const char *many)
{
	size_t used = strlen(text);

	if (n && used < size)
		snprintf(text + used, size - used, "%s%zu %s", used ? ", " : "", n, n == 1 ? one : many);
}

static int detour_check_for(const struct planning *planning, struct sl_err *why)
{
	const struct port_request *request = planning->request;

	if (!request->detour)
		return sl_err(why, EOPNOTSUPP, "programs are not attached by tcx");
	return detour_check(&planning->agent, request->host_path, &planning->workload, request->name,
			    &planning->port, why);
}

/* Its addresses change ports before the port moves, with a detour, or afterwards. */
static void plan_exchange(const struct planning *planning, bool detour, const char *why)
{
	const struct port_snapshot *port = &planning->port;
	const struct port_request *request = planning->request;
	struct plan_lines *steps = &planning->plan->steps;
	bool up = port->link.flags & IFF_UP;
	char what[PLAN_LINE_LEN] = "";

	if (detour)
		plan_say(steps,
			 "lay a detour, over which frames reach the new one while %s moves: a veth pair "
			 "between the agent and the namespace of its far end, and programs on both",
			 request->name);
	else
		plan_say(steps,
			 "move %s to the agent's namespace as %s and attach its program: a gap of some ten "
			 "milliseconds begins, as there is no detour (%s)",
			 request->name, request->vex_name, why);
	plan_count(what, sizeof(what), port->addrs.n, "address", "addresses");
	plan_count(what, sizeof(what), port->routes.n + port->leaning.n, "route", "routes");
	plan_count(what, sizeof(what), port->nexthops.n, "nexthop object", "nexthop objects");
	plan_count(what, sizeof(what), port->neighs.n, "permanent or proxied neighbour",
		   "permanent and proxied neighbours");
	plan_count(what, sizeof(what), port->learned.n, "neighbour in use", "neighbours in use");
	plan_count(what, sizeof(what), port->labels.n, "address label", "address labels");
	plan_say(steps, "name the new one %s, %s%s%s", request->name,
		 up ? "set it up and give it " : "leave it down as it is, with ",
		 what[0] ? what : "no addresses and no routes",
		 detour ? ": a gap of a few milliseconds"
		 : up	? "; the gap ends"
			: "");
	if (detour)
		plan_say(steps,
			 "move the old one to the agent's namespace as %s, attach its program, and lift the "
			 "detour",
			 request->vex_name);
}

static void plan_steps(const struct planning *planning)
{
	const struct port_snapshot *port = &planning->port;
	const struct port_request *request = planning->request;
	struct plan_lines *steps = &planning->plan->steps;
	char what[PLAN_LINE_LEN] = "";
	struct sl_err why = { 0 };

	plan_say(steps, "note in the journal what %s has", request->name);
	plan_say(steps,
		 "make a veth pair: %s in the agent's namespace, and in the workload's, still down and under "
		 "another "
		 "name, what will be the new %s, with the same MAC address and an MTU of %u",
		 request->vin_name, request->name, port->link.mtu);
	plan_count(what, sizeof(what), port->sysctls.n, "sysctl", "sysctls");
	plan_count(what, sizeof(what), port->qdiscs.n, "qdisc or class", "qdiscs and classes");
	plan_count(what, sizeof(what), port->groups.n, "static group", "static groups");
	plan_say(steps, "give it the same settings, offload features%s%s", what[0] ? ", " : "", what);
	plan_say(steps, "attach the program of %s and set it up", request->vin_name);
	plan_exchange(planning, !detour_check_for(planning, &why), why.text);
	plan_say(steps, "compare everything with what was noted; if anything differs, undo all of it");
}

static void plan_warnings(const struct planning *planning, const struct port_holders *held)
{
	const char *name = planning->request->name;
	struct plan_lines *warnings = &planning->plan->warnings;
	unsigned int i;

	plan_say(warnings, "%s gets another interface number than %u", name, planning->port.link.ifindex);
	if (held->bound)
		plan_say(warnings,
			 "%u TCP or UDP sockets are bound to %s itself (SO_BINDTODEVICE, or a link-local "
			 "address) "
			 "and "
			 "cannot follow; their connections end",
			 held->bound, name);
	if (held->packet)
		plan_say(warnings, "%u packet sockets listen on %s and will hear nothing more", held->packet,
			 name);
	for (i = 0; i < held->n_groups && i < HOLDERS_GROUPS_MAX; i++)
		plan_say(warnings, "a program has joined group %s on %s, and must join again", held->group[i],
			 name);
	if (held->n_groups > HOLDERS_GROUPS_MAX)
		plan_say(warnings, "and %u more groups", held->n_groups - HOLDERS_GROUPS_MAX);
}

static int look(struct planning *planning, struct sl_err *err)
{
	const struct port_request *request = planning->request;
	struct refusals *refusals = &planning->plan->refusals;
	struct port_holders held;
	int rc;

	rc = port_side_open(&planning->agent, request->agent_ns, "the agent's namespace", err);
	if (!rc)
		rc = refuse_request_all(request, &planning->agent, refusals, err);
	if (!rc)
		rc = port_side_open(&planning->workload, request->workload_ns, request->workload_label, err);
	if (rc)
		return rc;
	rc = snapshot_take(&planning->workload, request->name, 0, &planning->port, err);
	/* There is no more to look at then. */
	if (rc == -ENODEV || rc == -E2BIG) {
		refusals_add(refusals, -rc, "%s", err->text);
		return 0;
	}
	if (rc)
		return rc;
	snprintf(planning->plan->kind, sizeof(planning->plan->kind), "%s", planning->port.link.kind);
	refuse_fit_all(request, &planning->port, refusals);
	rc = refuse_port_all(&planning->workload, &planning->port, refusals, err);
	if (!rc)
		rc = holders_find(&planning->workload, &planning->port, &held, err);
	if (rc || refusals->n)
		return rc;
	plan_steps(planning);
	plan_warnings(planning, &held);
	return 0;
}

int port_plan(const struct port_request *request, struct port_plan *ret, struct sl_err *err)
{
	struct planning planning = { .request = request, .port = PORT_SNAPSHOT_NONE };
	struct sl_err own = { 0 };
	int rc;

	if (!err)
		err = &own;
	planning.plan = calloc(1, sizeof(*planning.plan));
	if (!planning.plan)
		return sl_err(err, ENOMEM, "out of memory for a plan");
	rc = look(&planning, err);
	if (!rc)
		*ret = *planning.plan;
	snapshot_free(&planning.port);
	port_side_close(&planning.workload);
	port_side_close(&planning.agent);
	free(planning.plan);
	return rc;
}
