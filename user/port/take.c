// SPDX-License-Identifier: BSD-2-Clause
/*
 * Taking a port: look, refuse, and then the steps of the table below.
 *
 * Invariant: everything that takes time is done before the original port
 * moves; what undoes a step asks the kernel how far things had come, never
 * only *job.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/netns.h"
#include "netlink/settings.h"
#include "port/announce.h"
#include "port/apply.h"
#include "port/detour.h"
#include "port/home.h"
#include "port/journal.h"
#include "port/move.h"
#include "port/port.h"
#include "port/refuse.h"
#include "port/steps.h"

#define PAIR_ATTEMPTS 32
#define GAP_WAIT_MS 200 /* a second would be worse than a lost frame */

struct take_job {
	const struct port_request *request;
	const struct port_hooks *hooks;
	struct port_side workload, agent;
	struct port_snapshot before;
	struct port_taken taken;
	struct detour detour;
	char temporary[IFNAMSIZ], aside[IFNAMSIZ]; /* of the substitute before, of the original after */
	bool hooked; /* a hook has been called, so undo() must be */
};

static int open_and_look(struct take_job *job, struct sl_err *err)
{
	const struct port_request *request = job->request;
	int rc;

	rc = port_side_open(&job->agent, request->agent_ns, "the agent's namespace", err);
	if (!rc)
		rc = refuse_request(request, &job->agent, err);
	if (!rc)
		rc = port_side_open(&job->workload, request->workload_ns, request->workload_label, err);
	if (!rc)
		rc = snapshot_take(&job->workload, request->name, 0, &job->before, err);
	if (!rc)
		rc = refuse_port(&job->workload, &job->before, err);
	if (!rc && request->max_mtu && job->before.link.mtu > request->max_mtu)
		rc = sl_err(err, EMSGSIZE,
			    "%s in %s has an MTU of %u, more than the %u of the bridge; start sluiced with "
			    "--mtu 9216",
			    request->name, request->workload_label, job->before.link.mtu, request->max_mtu);
	if (!rc && !job->before.link.mac_valid)
		rc = sl_err(err, EOPNOTSUPP, "%s in %s has no Ethernet address", request->name,
			    request->workload_label);
	return rc;
}

static void close_job(struct take_job *job)
{
	snapshot_free(&job->before);
	detour_close(&job->detour);
	port_side_close(&job->workload);
	port_side_close(&job->agent);
}

int port_check(const struct port_request *request, struct sl_err *err)
{
	struct take_job job = { .request = request };
	int rc = open_and_look(&job, err);

	close_job(&job);
	return rc;
}

static int make_pair(void *context, struct sl_err *err)
{
	struct take_job *job = context;
	const struct link_info *original = &job->before.link;
	struct veth_end vin = { .name = job->request->vin_name, .netns_fd = -1, .mtu = original->mtu };
	struct veth_end port = {
		.name = job->temporary,
		.netns_fd = job->workload.fd,
		.mtu = original->mtu,
		.txqlen = original->txqlen,
		.mac = original->mac,
		.queues =
			original->tx_queues > original->rx_queues ? original->tx_queues : original->rx_queues,
	};
	struct link_info made;
	unsigned int attempt;
	int rc;

	for (attempt = 0; attempt < PAIR_ATTEMPTS; attempt++) {
		rc = link_create_veth(job->agent.nls, &vin, &port, err);
		/* A wished-for index can be taken. */
		if (vin.ifindex && (rc == -EBUSY || rc == -EEXIST)) {
			vin.ifindex = move_draw_index();
			continue;
		}
		if (rc)
			return rc;
		rc = link_find(job->agent.nls, vin.name, 0, &made, err);
		if (rc)
			return rc;
		job->taken.vin_ifindex = made.ifindex;
		job->taken.port_ifindex = made.peer_ifindex;
		/* See move.c for why the two ends must not have the same index. */
		if (made.ifindex != made.peer_ifindex)
			return 0;
		rc = link_delete(job->agent.nls, made.ifindex, err);
		if (rc)
			return rc;
		vin.ifindex = move_draw_index();
	}
	return sl_err(err, EBUSY, "found no free interface index for %s in %s", vin.name,
		      nls_label(job->agent.nls));
}

/* Its name was free before. */
static int delete_pair(void *context, struct sl_err *err)
{
	struct take_job *job = context;

	return home_delete(&job->agent, job->request->vin_name, err);
}

static int dress_substitute(void *context, struct sl_err *err)
{
	struct take_job *job = context;

	return apply_prepare(&job->workload, &job->before, job->taken.port_ifindex, job->temporary, NULL,
			     err);
}

static int attach_vin(void *context, struct sl_err *err)
{
	struct take_job *job = context;

	if (!job->hooks || !job->hooks->prepare)
		return 0;
	job->hooked = true;
	return job->hooks->prepare(job->hooks->context, &job->taken, err);
}

/* Nothing may come in by either leg while it has no program; one that is gone already lets nothing in. */
static int detach_all(void *context, struct sl_err *err)
{
	struct take_job *job = context;

	(void)err;
	if (!job->hooked)
		return 0;
	move_set_up(&job->agent, job->taken.vin_ifindex, false, NULL);
	if (job->taken.vex_ifindex)
		move_set_up(&job->agent, job->taken.vex_ifindex, false, NULL);
	if (job->hooks->undo)
		job->hooks->undo(job->hooks->context, &job->taken);
	job->hooked = false;
	return 0;
}

/*
 * vin is up before the port: that way the port has its carrier the moment it
 * comes up itself. With its program first: the workload could set the other
 * end up by itself.
 */
static int set_vin_up(void *context, struct sl_err *err)
{
	struct take_job *job = context;
	struct link_change change = LINK_NO_CHANGE;
	int rc;

	rc = move_silence(&job->agent, job->request->vin_name, err);
	change.flags_set = IFF_NOARP;
	change.up = 1;
	return rc ? rc : link_change(job->agent.nls, job->taken.vin_ifindex, &change, err);
}

static int move_original(void *context, struct sl_err *err)
{
	struct take_job *job = context;
	struct link_info vex;
	int rc;

	rc = move_port(&job->workload, job->before.link.ifindex, &job->agent, job->request->vex_name, 0,
		       IFF_NOARP, &vex, err);
	if (rc)
		return rc;
	job->taken.vex_ifindex = vex.ifindex;
	return move_silence(&job->agent, job->request->vex_name, err);
}

static int put_original_back(void *context, struct sl_err *err)
{
	struct take_job *job = context;

	detour_use(&job->detour, false, NULL);
	return home_bring(&job->taken, &job->before, &job->workload, &job->agent, err);
}

static int attach_vex(void *context, struct sl_err *err)
{
	struct take_job *job = context;

	if (!job->hooks || !job->hooks->ready)
		return 0;
	job->hooked = true;
	return job->hooks->ready(job->hooks->context, &job->taken, err);
}

static int put_substitute(void *context, struct sl_err *err)
{
	struct take_job *job = context;

	return apply_switch(&job->workload, &job->before, job->taken.port_ifindex, err);
}

/*
 * vex last: with its carrier the host's end asks for the workload's MAC at
 * once. Were that lost on the way, the next question came a second later.
 */
static int set_vex_up(void *context, struct sl_err *err)
{
	struct take_job *job = context;
	int rc;

	rc = apply_wait(&job->workload, &job->before, job->taken.port_ifindex, GAP_WAIT_MS, err);
	if (!rc)
		rc = apply_wait_carrier(&job->agent, job->taken.vin_ifindex, GAP_WAIT_MS, err);
	if (!rc)
		rc = move_set_up(&job->agent, job->taken.vex_ifindex, true, err);
	if (!rc)
		apply_greet(&job->workload, &job->before, job->taken.port_ifindex);
	return rc;
}

/* Both up beforehand: what comes up has to wait for the kernel's work queues. */
static int set_pair_up(void *context, struct sl_err *err)
{
	struct take_job *job = context;
	int rc;

	rc = set_vin_up(job, err);
	if (!rc)
		rc = move_set_up(&job->workload, job->taken.port_ifindex, true, err);
	if (!rc)
		rc = apply_wait_carrier(&job->workload, job->taken.port_ifindex, GAP_WAIT_MS, err);
	return rc ? rc : apply_wait_carrier(&job->agent, job->taken.vin_ifindex, GAP_WAIT_MS, err);
}

static int lay_detour(void *context, struct sl_err *err)
{
	struct take_job *job = context;

	return detour_lay(&job->detour, job->taken.vin_ifindex, err);
}

static int lift_detour(void *context, struct sl_err *err)
{
	struct take_job *job = context;

	return detour_lift(&job->detour, err);
}

static int exchange_ports(void *context, struct sl_err *err)
{
	struct take_job *job = context;
	__u32 ifindex = job->taken.port_ifindex;
	int rc;

	rc = detour_use(&job->detour, true, err);
	if (!rc)
		rc = detour_strip(&job->workload, &job->before, job->aside, err);
	if (!rc)
		rc = apply_switch(&job->workload, &job->before, ifindex, err);
	if (rc)
		return rc;
	apply_greet(&job->workload, &job->before, ifindex);
	return apply_wait(&job->workload, &job->before, ifindex, GAP_WAIT_MS, err);
}

/* Up within the message that moves it: so its far end's carrier does not go. And dormant, so that nothing is sent by it. */
static int move_stripped(void *context, struct sl_err *err)
{
	struct take_job *job = context;
	struct link_info vex;
	int rc;

	rc = settings_set_dormant(job->workload.nls, job->before.link.ifindex, true, err);
	if (!rc)
		rc = move_port(&job->workload, job->before.link.ifindex, &job->agent, job->request->vex_name,
			       0, IFF_NOARP | IFF_UP, &vex, err);
	if (rc)
		return rc;
	job->taken.vex_ifindex = vex.ifindex;
	rc = move_silence(&job->agent, job->request->vex_name, err);
	return rc ? rc : settings_set_dormant(job->agent.nls, vex.ifindex, false, err);
}

static int settle(void *context, struct sl_err *err)
{
	struct take_job *job = context;

	return apply_settle(&job->workload, &job->before, job->taken.port_ifindex, err);
}

static int verify(void *context, struct sl_err *err)
{
	struct take_job *job = context;

	return apply_verify(&job->workload, &job->before, job->taken.port_ifindex, err);
}

/* The workload's gap is from "move the port" to "set vex up". */
static const struct port_step take_steps[] = {
	{ "make the pair", make_pair, delete_pair },
	{ "prepare the substitute", dress_substitute, NULL },
	{ "attach to vin", attach_vin, detach_all },
	{ "set vin up", set_vin_up, NULL },
	{ "move the port", move_original, put_original_back },
	{ "attach to vex", attach_vex, detach_all },
	{ "put the substitute in place", put_substitute, NULL },
	{ "set vex up", set_vex_up, detach_all },
	{ "settle the substitute", settle, NULL },
	{ "verify the substitute", verify, NULL },
};

/* With a detour the gap is "exchange the ports" alone. */
static const struct port_step take_steps_detour[] = {
	{ "make the pair", make_pair, delete_pair },
	{ "prepare the substitute", dress_substitute, NULL },
	{ "attach to vin", attach_vin, detach_all },
	{ "set the pair up", set_pair_up, NULL },
	{ "lay the detour", lay_detour, lift_detour },
	{ "exchange the ports", exchange_ports, put_original_back },
	{ "move the port", move_stripped, NULL },
	{ "attach to vex", attach_vex, detach_all },
	{ "lift the detour", lift_detour, detach_all },
	{ "settle the substitute", settle, NULL },
	{ "verify the substitute", verify, NULL },
};

static int run_steps(struct take_job *job, struct sl_err *err)
{
	const struct port_hooks *hooks = job->hooks;
	const char *journal = hooks ? hooks->journal : NULL;
	struct port_steps plain = PORT_STEPS("take", take_steps, NULL, journal);
	struct port_steps detour = PORT_STEPS("take", take_steps_detour, NULL, journal);
	char broken[80];
	int rc = 0;

	snprintf(broken, sizeof(broken), "%s could not be put back as it was", job->request->name);
	plain.broken = broken;
	detour.broken = broken;
	if (job->detour.planned)
		rc = steps_run(&detour, job, err);
	if (!job->detour.planned || (rc && job->detour.failed))
		rc = steps_run(&plain, job, err);
	return rc;
}

int port_take(const struct port_request *request, const struct port_hooks *hooks,
	      struct port_taken *ret_taken, struct sl_err *err)
{
	struct take_job job = { .request = request, .hooks = hooks };
	struct sl_err own = { 0 }, why = { 0 };
	int rc;

	if (!err)
		err = &own;
	rc = open_and_look(&job, err);
	if (rc)
		goto out;
	job.taken.original_ifindex = job.before.link.ifindex;
	job.taken.mtu = job.before.link.mtu;
	memcpy(job.taken.mac, job.before.link.mac, SL_MAC_LEN);
	home_note_addresses(&job.taken, &job.before.addrs);
	strcpy(job.taken.name, request->name);
	strcpy(job.taken.vex_name, request->vex_name);
	strcpy(job.taken.vin_name, request->vin_name);
	rc = sl_netns_id(request->workload_ns, &job.taken.workload_ns);
	if (rc) {
		sl_errno(err, -rc, "cannot identify the network namespace of %s", request->workload_label);
		goto out;
	}
	rc = announce_open(&job.workload, err);
	if (!rc)
		rc = move_free_name(&job.workload, MOVE_COMING, job.temporary, err);
	if (!rc)
		rc = move_free_name(&job.workload, MOVE_GOING, job.aside, err);
	if (!rc && hooks && hooks->journal)
		rc = journal_write(hooks->journal, &job.before, err);
	if (rc)
		goto out;
	detour_plan(&job.detour, &job.agent, hooks, &job.workload, request->name, &job.before, &why);
	rc = run_steps(&job, err);
	if (rc)
		goto out;
	/* A last time, tens of milliseconds later; see apply_settle(). */
	apply_greet(&job.workload, &job.before, job.taken.port_ifindex);
	*ret_taken = job.taken;
out:
	close_job(&job);
	return rc;
}
