// SPDX-License-Identifier: BSD-2-Clause
/*
 * Giving a port back, finding one again, and clearing up after a workload
 * that is gone. The steps are in the table below.
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

#define GAP_WAIT_MS 200 /* a second would be worse than a lost frame */

struct give_job {
	const struct port_hooks *hooks;
	struct port_side workload, agent;
	struct port_snapshot now; /* of the new port in the workload */
	struct port_sysctls fresh; /* what an interface that arrives there starts with */
	struct port_taken taken;
	struct link_info vex; /* wherever it is */
	struct detour detour;
	char vex_temporary[IFNAMSIZ], port_temporary[IFNAMSIZ];
	bool aside; /* perhaps: the substitute has been put down and renamed */
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

int port_discard(const struct port_taken *taken, int agent_ns, struct sl_err *err)
{
	struct port_side agent = { 0 };
	int rc;

	rc = port_side_open(&agent, agent_ns, "the agent's namespace", err);
	if (!rc)
		rc = home_delete(&agent, taken->vex_name, err);
	if (!rc)
		rc = home_delete(&agent, taken->vin_name, err);
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
	int rc;

	rc = announce_open(&job->workload, err);
	if (!rc)
		rc = move_free_name(&job->workload, MOVE_COMING, job->vex_temporary, err);
	if (rc)
		return rc;
	return move_free_name(&job->workload, MOVE_GOING, job->port_temporary, err);
}

/* Down first and by itself: before kernel 6.2 (bd039b5ea2a9) an interface that is up keeps its name. */
static int rename_down(struct give_job *job, const char *name, struct sl_err *err)
{
	struct link_change change = LINK_NO_CHANGE;
	__u32 ifindex = job->now.link.ifindex;
	int rc;

	rc = addr_leave_groups(job->workload.nls, ifindex, NULL, err);
	if (!rc)
		rc = move_set_up(&job->workload, ifindex, false, err);
	change.name = name;
	return rc ? rc : link_change(job->workload.nls, ifindex, &change, err);
}

static int put_legs_down(void *context, struct sl_err *err)
{
	struct give_job *job = context;
	int rc;

	rc = move_set_up(&job->agent, job->taken.vex_ifindex, false, err);
	return rc ? rc : move_set_up(&job->agent, job->taken.vin_ifindex, false, err);
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

/* Everything else has been undone by now: both legs have their programs. */
static int stay_taken(void *context, struct sl_err *err)
{
	struct give_job *job = context;
	__u32 ifindex = job->now.link.ifindex;
	int rc;

	rc = move_set_up(&job->agent, job->taken.vin_ifindex, true, err);
	if (!rc)
		rc = move_set_up(&job->agent, job->taken.vex_ifindex, true, err);
	if (rc)
		return rc;
	if (job->aside)
		return restore_port(job, err);
	/* The carrier was away for a moment: routes and addresses that went with it. */
	rc = apply_settle(&job->workload, &job->now, ifindex, err);
	return rc ? rc : apply_verify(&job->workload, &job->now, ifindex, err);
}

static int detach(void *context, struct sl_err *err)
{
	struct give_job *job = context;

	(void)err;
	if (job->hooks && job->hooks->undo)
		job->hooks->undo(job->hooks->context, &job->taken);
	return 0;
}

static int attach_again(void *context, struct sl_err *err)
{
	struct give_job *job = context;
	int rc;

	rc = job->hooks && job->hooks->ready ? job->hooks->ready(job->hooks->context, &job->taken, err) : 0;
	return rc ? rc : detour_use(&job->detour, false, err);
}

static int move_original(void *context, struct sl_err *err)
{
	struct give_job *job = context;

	return move_port(&job->agent, job->taken.vex_ifindex, &job->workload, job->vex_temporary,
			 job->taken.original_ifindex, 0, &job->vex, err);
}

/* Under whichever of its names the original is in the workload; *ret. 0 or -errno. */
static int find_original(struct give_job *job, struct link_info *ret, struct sl_err *err)
{
	int rc;

	rc = link_find(job->workload.nls, job->vex_temporary, 0, ret, err);
	/* It has got its name then, and an error has kept us from seeing it. */
	if (rc == -ENODEV)
		rc = link_find(job->workload.nls, job->now.link.name, 0, ret, err);
	if (!rc && ret->ifindex == job->now.link.ifindex)
		rc = sl_err(err, ENODEV, "the original of %s has vanished from %s", job->now.link.name,
			    nls_label(job->workload.nls));
	return rc;
}

/* The original goes back to the agent, if it has left it. */
static int retake_vex(void *context, struct sl_err *err)
{
	struct give_job *job = context;
	struct link_info vex, here;
	int rc;

	detour_use(&job->detour, false, NULL);
	rc = link_find(job->agent.nls, job->taken.vex_name, 0, &vex, err);
	if (rc == -ENODEV) {
		rc = find_original(job, &here, err);
		if (!rc)
			rc = move_port(&job->workload, here.ifindex, &job->agent, job->taken.vex_name,
				       job->taken.vex_ifindex, IFF_NOARP, &vex, err);
	}
	if (rc)
		return rc;
	job->taken.vex_ifindex = vex.ifindex;
	return move_silence(&job->agent, job->taken.vex_name, err);
}

static int dress_original(void *context, struct sl_err *err)
{
	struct give_job *job = context;

	return apply_prepare(&job->workload, &job->now, job->vex.ifindex, job->vex_temporary, &job->fresh,
			     err);
}

static int set_aside(void *context, struct sl_err *err)
{
	struct give_job *job = context;

	job->aside = true;
	return rename_down(job, job->port_temporary, err);
}

static int put_original(void *context, struct sl_err *err)
{
	struct give_job *job = context;
	int rc;

	rc = apply_switch(&job->workload, &job->now, job->vex.ifindex, err);
	if (!rc)
		apply_greet(&job->workload, &job->now, job->vex.ifindex);
	return rc;
}

static int settle(void *context, struct sl_err *err)
{
	struct give_job *job = context;

	return apply_settle(&job->workload, &job->now, job->vex.ifindex, err);
}

static int verify(void *context, struct sl_err *err)
{
	struct give_job *job = context;

	return apply_verify(&job->workload, &job->now, job->vex.ifindex, err);
}

/* Here and below: with a detour. See take.c for coming up within the move, and dormant. */
static int lay_detour(void *context, struct sl_err *err)
{
	struct give_job *job = context;

	return detour_lay(&job->detour, job->taken.vin_ifindex, err);
}

static int stay_taken_lift(void *context, struct sl_err *err)
{
	struct give_job *job = context;
	int rc = stay_taken(job, err);

	return rc ? rc : detour_lift(&job->detour, err);
}

static int detach_detoured(void *context, struct sl_err *err)
{
	struct give_job *job = context;
	int rc = detour_use(&job->detour, true, err);

	return rc ? rc : detach(job, err);
}

static int move_original_up(void *context, struct sl_err *err)
{
	struct give_job *job = context;
	int rc;

	rc = settings_set_dormant(job->agent.nls, job->taken.vex_ifindex, true, err);
	return rc ? rc
		  : move_port(&job->agent, job->taken.vex_ifindex, &job->workload, job->vex_temporary,
			      job->taken.original_ifindex, IFF_UP, &job->vex, err);
}

static int dress_original_up(void *context, struct sl_err *err)
{
	struct give_job *job = context;
	int rc = 0;

	/* First, so that waking up makes no link-local address. */
	if (settings_gen_mode(job->now.link_message.item[0]) != LINK_GEN_MODE_UNKNOWN)
		rc = settings_set_gen_mode(job->workload.nls, job->vex.ifindex, LINK_GEN_MODE_NONE, err);
	if (!rc)
		rc = dress_original(job, err);
	if (!rc)
		rc = settings_set_dormant(job->workload.nls, job->vex.ifindex, false, err);
	return rc ? rc : apply_wait_carrier(&job->workload, job->vex.ifindex, GAP_WAIT_MS, err);
}

static int exchange_ports(void *context, struct sl_err *err)
{
	struct give_job *job = context;
	int rc;

	job->aside = true;
	rc = detour_strip(&job->workload, &job->now, job->port_temporary, err);
	if (!rc)
		rc = detour_use(&job->detour, false, err);
	if (!rc)
		rc = put_original(job, err);
	if (!rc)
		rc = move_set_up(&job->agent, job->taken.vin_ifindex, false, err);
	return rc;
}

/* Once it is gone there is no way back, and none is needed; nobody comes after this to look: so twice at least. */
static int delete_pair(void *context, struct sl_err *err)
{
	struct give_job *job = context;
	int rc;

	apply_greet(&job->workload, &job->now, job->vex.ifindex);
	detour_lift(&job->detour, NULL);
	detour_lift(&job->detour, NULL);
	home_delete(&job->agent, job->taken.vin_name, NULL);
	rc = home_delete(&job->agent, job->taken.vin_name, err);
	return rc ? home_delete(&job->agent, job->taken.vin_name, err) : 0;
}

/* It cannot stay taken, as when somebody deletes the pair meanwhile: then it goes home, come what may. */
static int go_home(void *context, struct sl_err *err)
{
	struct give_job *job = context;

	detour_lift(&job->detour, NULL);
	move_set_up(&job->agent, job->taken.vex_ifindex, false, NULL);
	move_set_up(&job->agent, job->taken.vin_ifindex, false, NULL);
	detach(job, NULL);
	return home_bring(&job->taken, &job->now, &job->workload, &job->agent, err);
}

/* The workload's gap is from the first step to "put the original in place". */
static const struct port_step give_steps[] = {
	/* Nothing may come in by either leg while it has no program. */
	{ "put the legs down", put_legs_down, stay_taken },
	{ "detach", detach, attach_again },
	{ "move the original", move_original, retake_vex },
	{ "prepare the original", dress_original, NULL },
	{ "set the substitute aside", set_aside, NULL },
	{ "put the original in place", put_original, NULL },
	{ "settle the original", settle, NULL },
	{ "verify the original", verify, NULL },
	{ "delete the pair", delete_pair, NULL },
};

/* With a detour it is "exchange the ports" alone. */
static const struct port_step give_steps_detour[] = {
	{ "lay the detour", lay_detour, stay_taken_lift },
	{ "detach", detach_detoured, attach_again },
	{ "move the original", move_original_up, retake_vex },
	{ "prepare the original", dress_original_up, NULL },
	{ "exchange the ports", exchange_ports, NULL },
	{ "settle the original", settle, NULL },
	{ "verify the original", verify, NULL },
	{ "delete the pair", delete_pair, NULL },
};

static int run_steps(struct give_job *job, struct sl_err *err)
{
	const char *journal = job->hooks ? job->hooks->journal : NULL;
	struct port_steps plain = PORT_STEPS("give back", give_steps, NULL, journal);
	struct port_steps detour = PORT_STEPS("give back", give_steps_detour, NULL, journal);
	char broken[80];
	int rc = 0;

	snprintf(broken, sizeof(broken), "%s is neither given back nor working", job->now.link.name);
	plain.broken = broken;
	plain.rescue = go_home;
	detour.broken = broken;
	detour.rescue = go_home;
	if (job->detour.planned)
		rc = steps_run(&detour, job, err);
	if (!job->detour.planned || (rc && job->detour.failed))
		rc = steps_run(&plain, job, err);
	return rc;
}

int port_give_back(const struct port_taken *taken, int workload_ns, int agent_ns,
		   const struct port_hooks *hooks, struct sl_err *err)
{
	struct give_job job = { .hooks = hooks, .taken = *taken };
	struct sl_err own = { 0 }, why = { 0 };
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
	detour_plan(&job.detour, &job.agent, hooks, &job.agent, job.taken.vex_name, &job.now, &why);
	rc = run_steps(&job, err);
out:
	detour_close(&job.detour);
	snapshot_free(&job.now);
	sysctls_free(&job.fresh);
	port_side_close(&job.workload);
	port_side_close(&job.agent);
	return rc;
}
