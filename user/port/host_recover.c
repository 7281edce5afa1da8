// SPDX-License-Identifier: BSD-2-Clause
/*
 * Finishing what a killed daemon had begun at a host end: it was on its way,
 * in one direction or the other, and the journal tells what it must have.
 *
 * Invariant: it may be run again and again until it succeeds; see host_home().
 * Without a journal the host end comes home all the same, under its name and
 * number, into its bridge and with its addresses, and the caller is told that
 * this may not be all.
 */
#include <errno.h>
#include <string.h>

#include "lib/netns.h"
#include "netlink/address.h"
#include "netlink/neigh.h"
#include "port/home.h"
#include "port/host_job.h"
#include "port/journal.h"

/* The bridge, if it is still there: without it there is nobody to be cut off from. */
static int join_recorded(struct host_job *job, const struct link_info *original, bool *ret_joined,
			 struct sl_err *err)
{
	struct link_info master;
	int rc;

	*ret_joined = false;
	if (!*job->taken.host_master || original->master)
		return 0;
	rc = link_find(job->host.nls, job->taken.host_master, 0, &master, err);
	if (rc)
		return rc == -ENODEV ? 0 : rc;
	rc = bridge_port_set_master(job->host.nls, original->ifindex, master.ifindex, err);
	*ret_joined = !rc;
	return rc;
}

/* What was made silent where it stands, and not by a move, stays so until it is told. */
static int unsilence(struct host_job *job, const char *name, struct sl_err *err)
{
	int token, rc;

	token = sl_netns_enter(job->host.fd, err);
	if (token < 0)
		return token;
	sysctls_free(&job->fresh);
	rc = sysctls_read("default", &job->fresh, err);
	if (!rc)
		rc = sysctls_apply(name, &job->fresh, NULL, err);
	sl_netns_leave(token);
	return rc;
}

/* Nothing is left but the interface itself and the record. 1 if something had to be done. */
static int bring_bare(struct host_job *job, bool in_agent, struct link_info *original, struct sl_err *err)
{
	struct link_change change = LINK_NO_CHANGE;
	const char *name = job->taken.host_name;
	bool named, joined, added;
	int rc = in_agent ? host_return(job, original, err) : 0;

	named = !in_agent && !strcmp(original->name, name);
	if (!rc && !named) {
		change.up = 0;
		change.name = name;
		rc = link_change(job->host.nls, original->ifindex, &change, err);
		if (!rc && job->same_ns)
			rc = unsilence(job, name, err);
		change = (struct link_change)LINK_NO_CHANGE;
		change.flags_clear = IFF_NOARP;
	}
	if (!rc)
		rc = join_recorded(job, original, &joined, err);
	change.up = 1;
	if (!rc && (!named || !(original->flags & IFF_UP)))
		rc = link_change(job->host.nls, original->ifindex, &change, err);
	if (!rc)
		rc = home_add_recorded(&job->taken, job->host.nls, original->ifindex, &added, err);
	return rc ? rc : !named || joined || added;
}

/*
 * The journal is lost or makes no sense. If the pair is there its outer end
 * knows what the host end had; else only the record is left. 1, or 0 if
 * nothing has happened yet, or -errno.
 */
static int recover_by_looking(struct host_job *job, struct sl_err *err)
{
	struct link_info vex, original;
	bool in_agent;
	int rc;

	host_snapshot_free(&job->wanted);
	job->wanted = (struct host_snapshot)HOST_SNAPSHOT_NONE;
	rc = host_find_original(job, &in_agent, &original, err);
	if (rc)
		return rc;
	rc = link_find(job->agent.nls, job->taken.vex_name, 0, &vex, err);
	if (rc)
		return rc == -ENODEV ? bring_bare(job, in_agent, &original, err) : rc;
	rc = host_snapshot_take(&job->host, vex.peer_ifindex, &job->wanted, err);
	rc = rc ? rc : host_home(job, err);
	if (rc)
		return rc;
	/* The pair may have been made, and not furnished yet. */
	rc = host_find_original(job, &in_agent, &original, err);
	if (!rc)
		rc = bring_bare(job, false, &original, err);
	return rc < 0 ? rc : 1;
}

int host_recover(const struct port_taken *taken, const char *journal, int host_ns, int workload_ns,
		 int agent_ns, struct sl_err *err)
{
	struct host_job job = { .wanted = HOST_SNAPSHOT_NONE, .taken = *taken };
	int rc;

	rc = host_job_open(&job, host_ns, workload_ns, agent_ns, err);
	if (!rc)
		rc = neigh_dump_learned(job.workload.nls, taken->port_ifindex, &job.peers, err);
	if (!rc)
		rc = host_journal_read(journal, &job.wanted, NULL) ? recover_by_looking(&job, err)
								   : host_home(&job, err);
	host_job_close(&job);
	return rc;
}

int host_record(struct port_taken *taken, const struct host_end *end, struct sl_err *err)
{
	struct msgs addrs = MSGS_NONE;
	struct link_info master;
	struct nls *nls;
	int rc;

	rc = nls_open(&nls, end->ns, "the host's namespace", err);
	if (rc)
		return rc;
	taken->host_master[0] = '\0';
	if (end->link.master && !link_find(nls, NULL, end->link.master, &master, NULL))
		strcpy(taken->host_master, master.name);
	rc = addr_kind.dump(nls, end->link.ifindex, &addrs, err);
	if (!rc)
		home_note_addresses(taken, &addrs);
	msgs_clear(&addrs);
	nls_close(nls);
	return rc;
}
