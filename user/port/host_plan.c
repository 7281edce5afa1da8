// SPDX-License-Identifier: BSD-2-Clause
/*
 * The plan for a port by its host end: told from the same snapshot that taking
 * it would keep.
 *
 * Invariant: nothing is changed; the steps are those of the table in
 * host_take.c, in its order.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/holders.h"
#include "port/host_snapshot.h"
#include "port/plan.h"

struct host_planning {
	const struct port_request *request;
	const struct host_end *end;
	struct port_side host;
	struct host_snapshot snapshot;
	struct port_plan *plan;
};

/* "the bridge br0", as far as it can be told. */
static void master_name(const struct host_planning *planning, char *text, size_t size)
{
	struct link_info master;

	if (link_find(planning->host.nls, NULL, planning->end->link.master, &master, NULL))
		snprintf(text, size, "its bridge");
	else
		snprintf(text, size, "the bridge %s", master.name);
}

static void plan_furnishing(const struct host_planning *planning)
{
	const struct port_snapshot *port = &planning->snapshot.port;
	const struct bridge_place *place = &planning->snapshot.place;
	struct plan_lines *steps = &planning->plan->steps;
	char what[PLAN_LINE_LEN] = "", bridge[64];

	plan_count(what, sizeof(what), port->sysctls.n, "sysctl", "sysctls");
	plan_count(what, sizeof(what), port->qdiscs.n, "qdisc or class", "qdiscs and classes");
	plan_count(what, sizeof(what), port->addrs.n, "address", "addresses");
	plan_count(what, sizeof(what), port->routes.n + port->leaning.n, "route", "routes");
	plan_count(what, sizeof(what), port->neighs.n, "permanent or proxied neighbour",
		   "permanent and proxied neighbours");
	plan_count(what, sizeof(what), port->learned.n, "neighbour in use", "neighbours in use");
	plan_say(steps, "give the new %s the same settings, offload features%s%s", port->link.name,
		 what[0] ? ", " : "", what);
	if (!port->link.master)
		return;
	master_name(planning, bridge, sizeof(bridge));
	what[0] = '\0';
	plan_count(what, sizeof(what), place->fdb.n, "forwarding entry", "forwarding entries");
	plan_count(what, sizeof(what), place->mdb.n, "group entry", "group entries");
	plan_say(steps, "put it into %s with the settings and VLANs of the port%s%s", bridge,
		 what[0] ? ", " : "", what);
}

static void plan_steps(const struct host_planning *planning)
{
	const struct port_request *request = planning->request;
	const struct link_info *link = &planning->snapshot.port.link;
	struct plan_lines *steps = &planning->plan->steps;

	plan_say(
		steps,
		"note in the journal what %s, the far end of %s, has on the host%s; %s itself is not touched",
		link->name, request->name, link->master ? ", and its place in its bridge" : "",
		request->name);
	plan_say(steps, "hold a place for the program of %s", request->vin_name);
	plan_say(steps, "%s %s%s as %s and attach its program: a gap of some milliseconds begins",
		 planning->end->is_agent ? "rename" : "move", link->name,
		 planning->end->is_agent ? "" : " to the agent's namespace", request->vin_name);
	plan_say(steps,
		 "make a veth pair: %s in the agent's namespace, and on the host a new %s with the same MAC "
		 "address%s and an MTU of %u",
		 request->vex_name, link->name, planning->end->is_agent ? "" : ", the same number",
		 link->mtu);
	plan_furnishing(planning);
	plan_say(steps, "set both up and attach the program of %s: the gap ends", request->vex_name);
	plan_say(steps, "compare everything with what was noted; if anything differs, undo all of it");
}

static void plan_warnings(const struct host_planning *planning, const struct port_holders *held)
{
	const struct link_info *link = &planning->snapshot.port.link;
	struct plan_lines *warnings = &planning->plan->warnings;

	if (planning->end->is_agent)
		plan_say(warnings, "%s gets another interface number than %u", link->name, link->ifindex);
	if (!link->master)
		plan_say(warnings,
			 "the host's own routes by %s are missing during the gap, and who connects just then "
			 "is "
			 "refused",
			 link->name);
	if (held->bound)
		plan_say(warnings,
			 "%u TCP or UDP sockets of the host are bound to %s itself (SO_BINDTODEVICE, or a "
			 "link-local address)%s",
			 held->bound, link->name,
			 planning->end->is_agent ? " and cannot follow; their connections end"
						 : ": they go by its number, and stop for the gap only");
}

struct on_top {
	struct host_planning *planning;
	struct link_info port;
};

static int visit_on_top(void *context, const struct link_info *link)
{
	const struct on_top *on_top = context;

	/* A veth's "link" is its peer. */
	if (link->peer_nsid >= 0 || link->peer_ifindex != on_top->port.ifindex ||
	    !strcmp(link->kind, "veth") || link->ifindex == on_top->port.ifindex || !link->mac_valid ||
	    !memcmp(link->mac, on_top->port.mac, SL_MAC_LEN))
		return 0;
	plan_say(&on_top->planning->plan->warnings,
		 "%s on top of %s has a MAC address of its own: its frames count as foreign, which strict "
		 "drops and "
		 "without strict pass uninspected",
		 link->name, on_top->port.name);
	return 0;
}

static int warn_of_foreign_macs(struct host_planning *planning, struct sl_err *err)
{
	const struct port_request *request = planning->request;
	struct on_top on_top = { .planning = planning };
	struct nls *nls;
	int rc;

	rc = nls_open(&nls, request->workload_ns, request->workload_label, err);
	if (rc)
		return rc;
	rc = link_find(nls, request->name, 0, &on_top.port, err);
	if (!rc)
		rc = link_list(nls, visit_on_top, &on_top, err);
	nls_close(nls);
	return rc;
}

int host_plan(const struct port_request *request, const struct host_end *end, struct port_plan *ret,
	      struct sl_err *err)
{
	struct host_planning planning = {
		.request = request,
		.end = end,
		.snapshot = HOST_SNAPSHOT_NONE,
		.plan = calloc(1, sizeof(*ret)),
	};
	struct port_holders held;
	int rc;

	if (!planning.plan)
		return sl_err(err, ENOMEM, "out of memory for a plan");
	rc = port_side_open(&planning.host, end->ns, "the host's namespace", err);
	if (!rc)
		rc = host_snapshot_take(&planning.host, end->link.ifindex, &planning.snapshot, err);
	if (!rc)
		rc = holders_find(&planning.host, &planning.snapshot.port, &held, err);
	if (!rc) {
		plan_steps(&planning);
		plan_warnings(&planning, &held);
		rc = warn_of_foreign_macs(&planning, err);
	}
	if (!rc) {
		*ret = *planning.plan;
	}
	host_snapshot_free(&planning.snapshot);
	port_side_close(&planning.host);
	free(planning.plan);
	return rc;
}
