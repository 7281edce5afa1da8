// SPDX-License-Identifier: BSD-2-Clause
/*
 * Giving a port back, finding one again, and clearing up after a workload
 * that is gone.
 *
 * Invariant: what the workload has when it asks is what it gets, not what it
 * had when the port was taken. The new port is only set aside, under another
 * name, until the original has been verified; then it goes.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/netns.h"
#include "netlink/address.h"
#include "port/announce.h"
#include "port/apply.h"
#include "port/journal.h"
#include "port/move.h"
#include "port/port.h"
#include "port/refuse.h"

struct give_job {
	const struct port_hooks *hooks;
	struct port_side workload, agent;
	struct port_snapshot now; /* of the new port in the workload */
	struct port_sysctls fresh; /* what an interface that arrives there starts with */
	struct port_taken taken;
	struct link_info vex; /* wherever it is */
	char vex_temporary[IFNAMSIZ], port_temporary[IFNAMSIZ];
	bool undone, moved, aside;
};

int port_find(struct port_taken *taken, int agent_ns, struct sl_err *err)
{
	struct port_side agent = { 0 };
	struct link_info vex, vin;
	int rc;

	rc = port_side_open(&agent, agent_ns, "the agent's namespace", err);
	if (!rc)
		rc = link_find(agent.nls, taken->vex_name, 0, &vex, err);
	if (!rc)
		rc = link_find(agent.nls, taken->vin_name, 0, &vin, err);
	if (!rc) {
		taken->vex_ifindex = vex.ifindex;
		taken->vin_ifindex = vin.ifindex;
		taken->port_ifindex = vin.peer_ifindex;
	}
	port_side_close(&agent);
	return rc;
}

static int discard(struct nls *nls, const char *name, struct sl_err *err)
{
	struct link_info link;
	int rc;

	rc = link_find(nls, name, 0, &link, err);
	if (!rc && strcmp(link.kind, "veth"))
		return sl_err(err, EEXIST, "%s in %s is no veth and not ours; left alone", name,
			      nls_label(nls));
	if (!rc)
		rc = link_delete(nls, link.ifindex, err);
	return rc == -ENODEV ? 0 : rc;
}

int port_discard(const struct port_taken *taken, int agent_ns, struct sl_err *err)
{
	struct port_side agent = { 0 };
	int rc;

	rc = port_side_open(&agent, agent_ns, "the agent's namespace", err);
	if (!rc)
		rc = discard(agent.nls, taken->vex_name, err);
	if (!rc)
		rc = discard(agent.nls, taken->vin_name, err);
	port_side_close(&agent);
	return rc;
}

static int look(struct give_job *job, struct sl_err *err)
{
	int token, rc;

	rc = port_find(&job->taken, job->agent.fd, err);
	if (!rc)
		rc = link_find(job->agent.nls, job->taken.vex_name, 0, &job->vex, err);
	if (!rc)
		rc = snapshot_take(&job->workload, NULL, job->taken.port_ifindex, &job->now, err);
	if (rc)
		return rc;
	if (strcmp(job->now.link.kind, "veth") || job->now.link.peer_ifindex != job->taken.vin_ifindex)
		return sl_err(err, ENODEV, "%s in %s is not the far end of %s any more", job->now.link.name,
			      nls_label(job->workload.nls), job->taken.vin_name);
	rc = refuse_port(&job->workload, &job->now, err);
	if (rc)
		return rc;
	token = sl_netns_enter(job->workload.fd, err);
	if (token < 0)
		return token;
	rc = sysctls_read("default", &job->fresh, err);
	sl_netns_leave(token);
	return rc;
}

/* Names for both while the two ports are in the workload's namespace side by side. */
static int plan_names(struct give_job *job, struct sl_err *err)
{
	unsigned int i;
	int rc;

	rc = announce_open(&job->workload, err);
	if (!rc)
		rc = move_free_name(&job->workload, job->vex_temporary, err);
	if (rc)
		return rc;
	for (i = 0; i < 100; i++) {
		struct link_info link;

		snprintf(job->port_temporary, IFNAMSIZ, "sluiceold%u", i);
		rc = link_find(job->workload.nls, job->port_temporary, 0, &link, err);
		if (rc == -ENODEV)
			return 0;
		if (rc)
			return rc;
	}
	return sl_err(err, EEXIST, "no free name for the old port in %s", nls_label(job->workload.nls));
}

/* Down first and by itself: before kernel 6.2 (bd039b5ea2a9) an interface that is up keeps its name. */
static int rename_down(struct give_job *job, const char *name, struct sl_err *err)
{
	struct link_change change = LINK_NO_CHANGE;
	__u32 ifindex = job->now.link.ifindex;
	int rc;

	rc = move_set_up(&job->workload, ifindex, false, err);
	change.name = name;
	return rc ? rc : link_change(job->workload.nls, ifindex, &change, err);
}

static int set_aside(struct give_job *job, struct sl_err *err)
{
	job->aside = true;
	return rename_down(job, job->port_temporary, err);
}

/* The workload's gap: from the first line to the last. */
static int switch_back(struct give_job *job, struct sl_err *err)
{
	int rc;

	/* Nothing may come in by either leg while it has no program. */
	job->undone = true;
	rc = move_set_up(&job->agent, job->taken.vex_ifindex, false, err);
	if (!rc)
		rc = move_set_up(&job->agent, job->taken.vin_ifindex, false, err);
	if (rc)
		return rc;
	if (job->hooks && job->hooks->undo)
		job->hooks->undo(job->hooks->context, &job->taken);
	job->moved = true;
	rc = move_port(&job->agent, job->taken.vex_ifindex, &job->workload, job->vex_temporary,
		       job->taken.original_ifindex, 0, &job->vex, err);
	if (!rc)
		rc = apply_prepare(&job->workload, &job->now, job->vex.ifindex, job->vex_temporary,
				   &job->fresh, err);
	if (!rc)
		rc = set_aside(job, err);
	if (!rc)
		rc = apply_switch(&job->workload, &job->now, job->vex.ifindex, err);
	if (!rc)
		apply_greet(&job->workload, &job->now, job->vex.ifindex);
	return rc;
}

/* The original goes back to the agent, under whatever name it was left. */
static int retake_vex(struct give_job *job, struct sl_err *err)
{
	struct link_info vex;
	int rc;

	rc = link_find(job->agent.nls, job->taken.vex_name, 0, &vex, err);
	if (rc == -ENODEV)
		rc = move_port(&job->workload, job->vex.ifindex, &job->agent, job->taken.vex_name,
			       job->taken.vex_ifindex, IFF_NOARP, &vex, err);
	if (rc)
		return rc;
	job->taken.vex_ifindex = vex.ifindex;
	return move_silence(&job->agent, job->taken.vex_name, err);
}

/* The new port becomes the port again: its labels went with the renaming, so the addresses are put anew. */
static int restore_port(struct give_job *job, struct sl_err *err)
{
	__u32 ifindex = job->now.link.ifindex;
	int rc;

	rc = rename_down(job, job->now.link.name, err);
	if (!rc)
		rc = addr_remove_all(job->workload.nls, ifindex, err);
	return rc ? rc : apply_all(&job->workload, &job->now, ifindex, job->now.link.name, err);
}

static int stay_taken(struct give_job *job, struct sl_err *err)
{
	struct sl_err second = { 0 };
	int rc = 0;

	if (job->moved)
		rc = retake_vex(job, &second);
	if (!rc && job->undone && job->hooks && job->hooks->ready)
		rc = job->hooks->ready(job->hooks->context, &job->taken, &second);
	if (!rc && job->undone)
		rc = move_set_up(&job->agent, job->taken.vin_ifindex, true, &second);
	if (!rc && job->undone)
		rc = move_set_up(&job->agent, job->taken.vex_ifindex, true, &second);
	if (!rc && job->aside)
		rc = restore_port(job, &second);
	else if (!rc && job->undone)
		/* The carrier was away for a moment: routes and addresses that went with it. */
		rc = apply_settle(&job->workload, &job->now, job->now.link.ifindex, &second);
	if (rc)
		return sl_err_prefix(err, "%s is neither given back nor working (%s) after an error",
				     job->now.link.name, second.text);
	return -err->code;
}

int port_give_back(const struct port_taken *taken, int workload_ns, int agent_ns,
		   const struct port_hooks *hooks, struct sl_err *err)
{
	struct give_job job = { .hooks = hooks, .taken = *taken };
	struct sl_err own = { 0 };
	char label[64];
	int rc;

	if (!err)
		err = &own;
	snprintf(label, sizeof(label), "the workload's namespace net:[%lu]",
		 (unsigned long)taken->workload_ns.ino);
	rc = port_side_open(&job.workload, workload_ns, label, err);
	if (!rc)
		rc = port_side_open(&job.agent, agent_ns, "the agent's namespace", err);
	if (!rc)
		rc = look(&job, err);
	if (!rc)
		rc = plan_names(&job, err);
	if (!rc && hooks && hooks->journal)
		rc = journal_write(hooks->journal, &job.now, err);
	if (rc)
		goto out;

	rc = switch_back(&job, err);
	if (!rc)
		rc = apply_settle(&job.workload, &job.now, job.vex.ifindex, err);
	if (!rc)
		rc = apply_verify(&job.workload, &job.now, job.vex.ifindex, err);
	if (rc) {
		rc = stay_taken(&job, err);
		goto out;
	}
	/* A last time, tens of milliseconds later; see apply_settle(). */
	apply_greet(&job.workload, &job.now, job.vex.ifindex);
	rc = link_delete(job.agent.nls, job.taken.vin_ifindex, err);
	if (rc)
		rc = sl_err_prefix(err, "%s is given back, but its substitute was left behind",
				   job.now.link.name);
out:
	snapshot_free(&job.now);
	sysctls_free(&job.fresh);
	port_side_close(&job.workload);
	port_side_close(&job.agent);
	return rc;
}
