// SPDX-License-Identifier: BSD-2-Clause
/*
 * Giving a host end back; after a sudden death see host_recover.c.
 *
 * Invariant: what the new host end has when it is given back is what the
 * original gets. Name and number are free only once the pair is gone, so until
 * the original has been furnished the way back is to make the pair anew.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "lib/fault.h"
#include "netlink/neigh.h"
#include "port/apply.h"
#include "port/host.h"
#include "port/host_job.h"
#include "port/journal.h"
#include "port/move.h"
#include "port/steps.h"

#define GAP_WAIT_MS 30 /* see host_take.c */
#define GONE_MS 1000 /* then it is the removing call that is waited for */

struct give_job {
	struct host_job job;
	__u32 outer; /* number of the new host end */
	struct link_info original; /* once it is home */
};

static int look(struct give_job *give, struct sl_err *err)
{
	struct host_job *job = &give->job;
	struct link_info vex, vin;
	int rc;

	rc = link_find(job->agent.nls, job->taken.vex_name, 0, &vex, err);
	if (!rc)
		rc = link_find(job->agent.nls, job->taken.vin_name, 0, &vin, err);
	if (rc)
		return rc;
	job->taken.vex_ifindex = vex.ifindex;
	job->taken.vin_ifindex = vin.ifindex;
	job->taken.port_ifindex = vin.peer_ifindex;
	give->outer = vex.peer_ifindex;
	rc = host_snapshot_take(&job->host, give->outer, &job->wanted, err);
	if (rc)
		return rc;
	if (strcmp(job->wanted.port.link.kind, "veth") || job->wanted.port.link.peer_ifindex != vex.ifindex)
		return sl_err(err, ENODEV, "%s in %s is not the far end of %s any more",
			      job->wanted.port.link.name, nls_label(job->host.nls), job->taken.vex_name);
	rc = host_refuse(&job->host, &job->wanted, job->same_ns, err);
	return rc ? rc : host_job_look(job, err);
}

/* Nothing may come in by either leg while it has no program. */
static int detach(void *context, struct sl_err *err)
{
	struct host_job *job = &((struct give_job *)context)->job;
	int rc;

	rc = move_set_up(&job->agent, job->taken.vex_ifindex, false, err);
	if (!rc)
		rc = move_set_up(&job->agent, job->taken.vin_ifindex, false, err);
	if (rc)
		return rc;
	job->hooked = job->hooks != NULL;
	host_detach(job);
	return 0;
}

struct removal {
	struct nls *nls;
	__u32 ifindex;
	struct sl_err err;
	int rc;
};

static void *remove_link(void *context)
{
	struct removal *removal = context;

	removal->rc = link_delete(removal->nls, removal->ifindex, &removal->err);
	return NULL;
}

/* Waits for the new host end to be gone, as long as the watch runs. -ENODEV: it is; 0: not yet; or -errno. */
static int wait_gone(struct give_job *give, struct sl_err *err)
{
	struct host_job *job = &give->job;
	struct link_info link;
	int rc;

	/* Twice: were it not so, its number would not be free, and another would be given. */
	do
		rc = link_find(job->host.nls, NULL, give->outer, &link, err);
	while ((!rc && watch_wait(job->host.watch)) ||
	       (rc == -ENODEV && !link_find(job->host.nls, NULL, give->outer, &link, NULL)));
	return rc;
}

/*
 * The call that removes an interface returns long after the interface has
 * gone: that wait is another thread's, if there can be one.
 */
static int remove_pair(void *context, struct sl_err *err)
{
	struct give_job *give = context;
	struct host_job *job = &give->job;
	struct removal removal = { .ifindex = job->taken.vex_ifindex };
	pthread_t thread;
	bool threaded;
	int rc;

	rc = nls_open(&removal.nls, job->agent.fd, "the agent's namespace", err);
	if (rc)
		return rc;
	watch_start(job->host.watch, GONE_MS);
	threaded = !sl_fault("thread") && !pthread_create(&thread, NULL, remove_link, &removal);
	if (!threaded)
		remove_link(&removal);
	rc = wait_gone(give, err);
	/* Where others hold the kernel's lock it takes longer, or it has failed: the call knows which. */
	if (!rc && threaded) {
		pthread_join(thread, NULL);
		threaded = false;
		rc = wait_gone(give, err);
	}
	if (rc == -ENODEV)
		rc = host_return(job, &give->original, err);
	else if (!rc && (!removal.rc || removal.rc == -ENODEV))
		rc = sl_err(err, EBUSY, "the new host end %s does not go", job->wanted.port.link.name);
	if (threaded)
		pthread_join(thread, NULL);
	nls_close(removal.nls);
	if (!rc && removal.rc && removal.rc != -ENODEV) {
		if (err)
			*err = removal.err;
		rc = removal.rc;
	}
	return rc;
}

static int furnish(void *context, struct sl_err *err)
{
	struct give_job *give = context;
	struct host_job *job = &give->job;
	int rc;

	/* What never left the namespace has kept its sysctls. */
	rc = host_furnish(job, give->original.ifindex, give->original.name, job->same_ns ? NULL : &job->fresh,
			  err);
	return rc ? rc : host_greet(job, give->original.ifindex, GAP_WAIT_MS, err);
}

static int settle(void *context, struct sl_err *err)
{
	struct give_job *give = context;
	int rc;

	rc = host_settle(&give->job, give->original.ifindex, err);
	return rc ? rc : host_verify(&give->job, give->original.ifindex, err);
}

/* Makes the pair again if it is gone, and gives it all it had. */
static int remake_pair(struct give_job *give, struct sl_err *err)
{
	struct host_job *job = &give->job;
	struct link_info vex;
	int rc;

	rc = link_find(job->agent.nls, job->taken.vex_name, 0, &vex, err);
	if (!rc) {
		give->outer = vex.peer_ifindex;
		return 0;
	}
	if (rc == -ENODEV)
		rc = host_make_pair(job, err);
	if (!rc)
		rc = link_find(job->agent.nls, job->taken.vex_name, 0, &vex, err);
	if (rc)
		return rc;
	give->outer = vex.peer_ifindex;
	return host_furnish(job, give->outer, job->wanted.port.link.name, NULL, err);
}

/* Taken again, from any state between. */
static int stay_taken(void *context, struct sl_err *err)
{
	struct give_job *give = context;
	struct host_job *job = &give->job;
	const struct host_hooks *hooks = job->hooks;
	struct link_info original;
	bool in_agent;
	int rc;

	rc = host_find_original(job, &in_agent, &original, err);
	if (!rc && !in_agent)
		rc = host_leave(job, original.ifindex, err);
	if (!rc)
		rc = remake_pair(give, err);
	if (!rc && hooks && hooks->common.ready)
		rc = hooks->common.ready(hooks->common.context, &job->taken, err);
	if (!rc)
		rc = move_set_up(&job->agent, job->taken.vex_ifindex, true, err);
	if (!rc)
		rc = move_set_up(&job->agent, job->taken.vin_ifindex, true, err);
	if (!rc)
		rc = host_greet(job, give->outer, 3000, err);
	if (!rc)
		rc = host_settle(job, give->outer, err);
	return rc ? rc : host_verify(job, give->outer, err);
}

/* The workload's gap is from the first step to the third. */
static const struct port_step steps_of_give_back[] = {
	{ "take the programs off", detach, stay_taken },
	{ "exchange the pair for the host end", remove_pair, NULL },
	{ "furnish the host end", furnish, NULL },
	{ "settle and verify the host end", settle, NULL },
};

int host_give_back(const struct port_taken *taken, int host_ns, int workload_ns, int agent_ns,
		   const struct host_hooks *hooks, struct sl_err *err)
{
	struct give_job give = { .job = { .wanted = HOST_SNAPSHOT_NONE, .hooks = hooks, .taken = *taken } };
	const char *journal = hooks ? hooks->common.journal : NULL;
	struct port_steps steps = PORT_STEPS("give the host end back", steps_of_give_back,
					     "the port is neither given back nor working", journal);
	struct sl_err own = { 0 };
	int rc;

	if (!err)
		err = &own;
	rc = host_job_open(&give.job, host_ns, workload_ns, agent_ns, err);
	if (!rc)
		rc = look(&give, err);
	if (!rc && journal)
		rc = host_journal_write(journal, &give.job.wanted, err);
	if (!rc)
		rc = steps_run(&steps, &give, err);
	host_job_close(&give.job);
	return rc;
}
