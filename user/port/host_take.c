// SPDX-License-Identifier: BSD-2-Clause
/*
 * Taking the host's end of a port: look, refuse, and then the steps of the
 * table below.
 *
 * Invariant: what undoes a step asks the kernel how far things had come; the
 * host end is home with all it had when host_take() returns an error, or the
 * error's text says what is not.
 */
#include "port/host.h"

#include <errno.h>
#include <string.h>

#include "netlink/nexthop.h"
#include "port/apply.h"
#include "port/host_job.h"
#include "port/move.h"
#include "port/refuse.h"
#include "port/steps.h"

/* For the carrier, which mostly comes within one; without it all goes on, and the entries come later. */
#define GAP_WAIT_MS 30

/* The kernel drops nexthop objects, and the routes by them, when an interface loses its carrier, as the port does now. */
static int refuse_nexthops(const struct port_side *workload, const struct link_info *port, struct sl_err *err)
{
	struct msgs nexthops = MSGS_NONE;
	int rc = nexthop_kind.dump(workload->nls, port->ifindex, &nexthops, err);

	if (!rc && nexthops.n)
		rc = sl_err(
			err, EOPNOTSUPP,
			"%s in %s is used by %zu nexthop objects (ip nexthop), which it would lose with its "
			"carrier; take it by the workload's side",
			port->name, nls_label(workload->nls), nexthops.n);
	msgs_clear(&nexthops);
	return rc;
}

struct on_top {
	const struct port_side *workload;
	__u32 below;
	struct sl_err *err;
};

/* What stands on the port loses its carrier with it. A veth's "link" is its peer. */
static int visit_on_top(void *context, const struct link_info *link)
{
	const struct on_top *on_top = context;

	if (link->peer_nsid >= 0 || link->peer_ifindex != on_top->below || link->ifindex == on_top->below ||
	    !strcmp(link->kind, "veth"))
		return 0;
	return refuse_nexthops(on_top->workload, link, on_top->err);
}

static int look(struct host_job *job, const struct port_request *request, const struct host_end *end,
		struct sl_err *err)
{
	struct on_top on_top;
	struct link_info port;
	int rc;

	strcpy(job->taken.name, request->name);
	strcpy(job->taken.vex_name, request->vex_name);
	strcpy(job->taken.vin_name, request->vin_name);
	job->taken.side = PORT_SIDE_HOST;
	if (sl_netns_id(request->workload_ns, &job->taken.workload_ns) ||
	    sl_netns_id(end->ns, &job->taken.host_ns))
		return sl_err(err, EINVAL, "cannot identify the network namespace of %s or that of its host",
			      request->workload_label);
	rc = host_job_open(job, end->ns, request->workload_ns, request->agent_ns, err);
	if (!rc)
		rc = refuse_request(request, &job->agent, err);
	if (!rc)
		rc = link_find(job->workload.nls, request->name, 0, &port, err);
	if (!rc)
		rc = host_snapshot_take(&job->host, end->link.ifindex, &job->wanted, err);
	if (rc)
		return rc;
	if (!port.mac_valid)
		return sl_err(err, EOPNOTSUPP, "%s in %s has no Ethernet address", request->name,
			      request->workload_label);
	if (request->max_mtu && (port.mtu > request->max_mtu || job->wanted.port.link.mtu > request->max_mtu))
		return sl_err(err, EMSGSIZE,
			      "%s in %s has an MTU of %u, its host end %u, more than the %u of the bridge; "
			      "start sluiced with --mtu 9216",
			      request->name, request->workload_label, port.mtu, job->wanted.port.link.mtu,
			      request->max_mtu);
	on_top = (struct on_top){ &job->workload, port.ifindex, err };
	rc = refuse_nexthops(&job->workload, &port, err);
	if (!rc)
		rc = link_list(job->workload.nls, visit_on_top, &on_top, err);
	if (rc)
		return rc;
	job->taken.port_ifindex = job->taken.original_ifindex = port.ifindex;
	job->taken.mtu = port.mtu;
	memcpy(job->taken.mac, port.mac, SL_MAC_LEN);
	strcpy(job->taken.host_name, job->wanted.port.link.name);
	job->taken.host_ifindex = job->wanted.port.link.ifindex;
	rc = host_record(&job->taken, end, err);
	if (rc)
		return rc;
	return host_refuse(&job->host, &job->wanted, job->same_ns, err);
}

int host_check(const struct port_request *request, const struct host_end *end, struct sl_err *err)
{
	struct host_job job = { .wanted = HOST_SNAPSHOT_NONE };
	int rc = look(&job, request, end, err);

	host_job_close(&job);
	return rc;
}

static int hold(void *context, struct sl_err *err)
{
	struct host_job *job = context;

	if (!job->hooks || !job->hooks->common.prepare)
		return 0;
	job->hooked = true;
	return job->hooks->common.prepare(job->hooks->common.context, &job->taken, err);
}

static int leave(void *context, struct sl_err *err)
{
	struct host_job *job = context;

	return host_leave(job, job->wanted.port.link.ifindex, err);
}

static int attach_vin(void *context, struct sl_err *err)
{
	struct host_job *job = context;

	if (!job->hooks || !job->hooks->arrived)
		return 0;
	job->hooked = true;
	return job->hooks->arrived(job->hooks->common.context, &job->taken, err);
}

static int make_pair(void *context, struct sl_err *err)
{
	return host_make_pair(context, err);
}

/* Where the outer end is: in the same namespace it has another number than the host end keeps. */
static int outer_index(struct host_job *job, __u32 *ret, struct sl_err *err)
{
	struct link_info vex;
	int rc = link_find(job->agent.nls, NULL, job->taken.vex_ifindex, &vex, err);

	if (!rc)
		*ret = vex.peer_ifindex;
	return rc;
}

static int furnish(void *context, struct sl_err *err)
{
	struct host_job *job = context;
	__u32 outer;
	int rc = outer_index(job, &outer, err);

	return rc ? rc : host_furnish(job, outer, job->wanted.port.link.name, &job->fresh, err);
}

/*
 * vex first: without its program nothing leaves it, and the carrier is there
 * when the program comes. Attaching it waits for the kernel, but frames flow
 * from the beginning of that wait.
 */
static int set_up(void *context, struct sl_err *err)
{
	struct host_job *job = context;
	__u32 outer;
	int rc;

	rc = outer_index(job, &outer, err);
	if (!rc)
		rc = move_set_up(&job->agent, job->taken.vex_ifindex, true, err);
	if (!rc)
		rc = move_set_up(&job->agent, job->taken.vin_ifindex, true, err);
	return rc ? rc : host_greet(job, outer, GAP_WAIT_MS, err);
}

static int attach_vex(void *context, struct sl_err *err)
{
	struct host_job *job = context;

	if (!job->hooks || !job->hooks->common.ready)
		return 0;
	job->hooked = true;
	return job->hooks->common.ready(job->hooks->common.context, &job->taken, err);
}

static int settle(void *context, struct sl_err *err)
{
	struct host_job *job = context;
	__u32 outer;
	int rc = outer_index(job, &outer, err);

	if (!rc)
		rc = host_settle(job, outer, err);
	return rc ? rc : host_verify(job, outer, err);
}

static int detach(void *context, struct sl_err *err)
{
	(void)err;
	host_detach(context);
	return 0;
}

static int bring_home(void *context, struct sl_err *err)
{
	host_detach(context);
	return host_home(context, err);
}

/* The workload's gap is from "move the host end" to "attach to vex". */
static const struct port_step steps_of_take[] = {
	{ "hold a place for vin's program", hold, detach },
	{ "move the host end", leave, bring_home },
	{ "attach to vin", attach_vin, detach },
	{ "make the pair", make_pair, NULL },
	{ "furnish the new host end", furnish, NULL },
	{ "set the legs up", set_up, NULL },
	{ "attach to vex", attach_vex, detach },
	{ "settle and verify the new host end", settle, NULL },
};

int host_take(const struct port_request *request, const struct host_end *end, const struct host_hooks *hooks,
	      struct port_taken *ret_taken, struct sl_err *err)
{
	struct host_job job = { .wanted = HOST_SNAPSHOT_NONE, .hooks = hooks };
	const char *journal = hooks ? hooks->common.journal : NULL;
	struct port_steps steps = PORT_STEPS("take the host end", steps_of_take,
					     "the host end could not be put back as it was", journal);
	struct sl_err own = { 0 };
	int rc;

	if (!err)
		err = &own;
	rc = look(&job, request, end, err);
	if (!rc)
		rc = host_job_look(&job, err);
	if (!rc && journal)
		rc = host_journal_write(journal, &job.wanted, err);
	if (!rc)
		rc = steps_run(&steps, &job, err);
	if (!rc)
		*ret_taken = job.taken;
	host_job_close(&job);
	return rc;
}
