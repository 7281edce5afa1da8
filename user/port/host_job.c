// SPDX-License-Identifier: BSD-2-Clause
/*
 * The parts of which the host side's steps are made; see host_job.h.
 *
 * The kernel takes its time for a move between namespaces (it waits for all
 * that may still use the interface), and for the removal of one, but hardly any
 * for making one. And only an interface that is being made or moved can be
 * given a number. So the new pair is made in the gap, right behind the move,
 * with the host end's own number.
 *
 * Invariant: every part may be called again after it has failed.
 */
#include "port/host_job.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/netns.h"
#include "netlink/address.h"
#include "netlink/neigh.h"
#include "netlink/nsid.h"
#include "port/announce.h"
#include "port/apply.h"
#include "port/home.h"
#include "port/move.h"

#define PAIR_ATTEMPTS 32

int host_job_open(struct host_job *job, int host_ns, int workload_ns, int agent_ns, struct sl_err *err)
{
	struct sl_netns_id host, agent;
	char label[64];
	int rc;

	snprintf(label, sizeof(label), "the workload's namespace net:[%lu]",
		 (unsigned long)job->taken.workload_ns.ino);
	rc = port_side_open(&job->agent, agent_ns, "the agent's namespace", err);
	if (!rc)
		rc = port_side_open(&job->host, host_ns, "the host's namespace", err);
	if (!rc)
		rc = port_side_open(&job->workload, workload_ns, label, err);
	if (rc)
		return rc;
	if (sl_netns_id(host_ns, &host) || sl_netns_id(agent_ns, &agent))
		return sl_err(err, EINVAL, "cannot identify the namespaces of the host and the agent");
	job->same_ns = sl_netns_same(&host, &agent);
	return 0;
}

void host_job_close(struct host_job *job)
{
	host_snapshot_free(&job->wanted);
	msgs_clear(&job->peers);
	sysctls_free(&job->fresh);
	port_side_close(&job->host);
	port_side_close(&job->workload);
	port_side_close(&job->agent);
}

int host_job_look(struct host_job *job, struct sl_err *err)
{
	int token, rc;

	rc = neigh_dump_learned(job->workload.nls, job->taken.port_ifindex, &job->peers, err);
	if (!rc)
		rc = announce_open(&job->host, err);
	if (rc)
		return rc;
	token = sl_netns_enter(job->host.fd, err);
	if (token < 0)
		return token;
	rc = sysctls_read("default", &job->fresh, err);
	sl_netns_leave(token);
	return rc;
}

struct original_search {
	__u32 far;
	__s32 nsid;
	struct link_info found;
};

static int visit_original(void *context, const struct link_info *link)
{
	struct original_search *search = context;

	if (!strcmp(link->kind, "veth") && link->peer_ifindex == search->far &&
	    link->peer_nsid == search->nsid && search->nsid >= 0)
		search->found = *link;
	return 0;
}

static int find_in(struct host_job *job, const struct port_side *side, struct link_info *ret,
		   struct sl_err *err)
{
	struct original_search search = { .far = job->taken.port_ifindex };
	int rc;

	rc = nsid_of(side->nls, job->workload.fd, &search.nsid, err);
	if (!rc)
		rc = link_list(side->nls, visit_original, &search, err);
	if (!rc)
		*ret = search.found;
	return rc;
}

int host_find_original(struct host_job *job, bool *ret_in_agent, struct link_info *ret, struct sl_err *err)
{
	struct link_info found = { 0 };
	bool in_agent = true;
	int rc;

	rc = find_in(job, &job->agent, &found, err);
	if (!rc && !found.ifindex && !job->same_ns) {
		in_agent = false;
		rc = find_in(job, &job->host, &found, err);
	}
	if (rc)
		return rc;
	if (!found.ifindex)
		return sl_err(err, ENODEV, "the far end of %s is neither in %s nor in %s", job->taken.name,
			      nls_label(job->host.nls), nls_label(job->agent.nls));
	if (job->same_ns)
		in_agent = !strcmp(found.name, job->taken.vin_name);
	*ret_in_agent = in_agent;
	*ret = found;
	return 0;
}

/* In its own namespace there is nothing to move; what it has goes all the same, to the other. */
static int leave_in_place(struct host_job *job, __u32 ifindex, struct sl_err *err)
{
	struct link_change change = LINK_NO_CHANGE;
	struct link_info link;
	int rc;

	rc = link_find(job->host.nls, NULL, ifindex, &link, err);
	if (!rc)
		rc = move_set_up(&job->host, ifindex, false, err);
	if (!rc && link.master)
		rc = bridge_port_set_master(job->host.nls, ifindex, 0, err);
	if (!rc)
		rc = addr_remove_all(job->host.nls, ifindex, err);
	change.name = job->taken.vin_name;
	change.flags_set = IFF_NOARP;
	return rc ? rc : link_change(job->host.nls, ifindex, &change, err);
}

int host_leave(struct host_job *job, __u32 ifindex, struct sl_err *err)
{
	struct link_info vin = { .ifindex = ifindex };
	int rc;

	if (job->same_ns)
		rc = leave_in_place(job, ifindex, err);
	else
		rc = move_port(&job->host, ifindex, &job->agent, job->taken.vin_name, 0, IFF_NOARP, &vin,
			       err);
	if (rc)
		return rc;
	job->taken.vin_ifindex = vin.ifindex;
	return move_silence(&job->agent, job->taken.vin_name, err);
}

int host_return(struct host_job *job, struct link_info *ret, struct sl_err *err)
{
	struct link_change change = LINK_NO_CHANGE;
	char name[IFNAMSIZ];
	struct link_info vin;
	int rc;

	rc = link_find(job->agent.nls, job->taken.vin_name, 0, &vin, err);
	if (!rc)
		rc = move_set_up(&job->agent, vin.ifindex, false, err);
	if (rc)
		return rc;
	*ret = vin;
	if (job->same_ns)
		return 0;
	rc = move_free_name(&job->host, MOVE_COMING, name, err);
	if (rc)
		return rc;
	/* Its own number, which on the host may well be its far end's too: move_port() would not give it that. */
	change.name = name;
	change.netns_fd = job->host.fd;
	change.new_ifindex = job->taken.host_ifindex;
	rc = link_change(job->agent.nls, vin.ifindex, &change, err);
	/* It may be in use for a moment by what is just going. */
	if (rc == -EBUSY)
		rc = link_change(job->agent.nls, vin.ifindex, &change, err);
	if (rc == -EBUSY)
		return move_port(&job->agent, vin.ifindex, &job->host, name, 0, 0, ret, err);
	return rc ? rc : link_find(job->host.nls, name, 0, ret, err);
}

int host_make_pair(struct host_job *job, struct sl_err *err)
{
	const struct link_info *was = &job->wanted.port.link;
	const struct link_info *queues = was;
	/* Drawn: the two must not have the same number (see move.c), and the outer one's is wished for. */
	struct veth_end vex = { .name = job->taken.vex_name, .netns_fd = job->agent.fd, .mtu = was->mtu };
	struct veth_end outer = {
		.name = was->name,
		.netns_fd = -1,
		.ifindex = job->same_ns ? 0 : job->taken.host_ifindex,
		.mtu = was->mtu,
		.txqlen = was->txqlen,
		.mac = was->mac_valid ? was->mac : NULL,
		.queues = queues->tx_queues > queues->rx_queues ? queues->tx_queues : queues->rx_queues,
	};
	struct link_change change = LINK_NO_CHANGE;
	struct link_info made;
	unsigned int attempt;
	int rc = -EBUSY;

	for (attempt = 0; attempt < PAIR_ATTEMPTS && (rc == -EBUSY || rc == -EEXIST); attempt++) {
		vex.ifindex = move_draw_index();
		rc = link_create_veth(job->host.nls, &outer, &vex, err);
		/* Its number can have been taken: by nobody who counts up, but it can be wished for. */
		if (attempt == PAIR_ATTEMPTS / 2)
			outer.ifindex = 0;
	}
	if (!rc)
		rc = link_find(job->agent.nls, vex.name, 0, &made, err);
	if (rc)
		return rc;
	job->taken.vex_ifindex = made.ifindex;
	job->taken.host_ifindex = job->same_ns ? job->taken.host_ifindex : made.peer_ifindex;
	rc = move_silence(&job->agent, vex.name, err);
	change.flags_set = IFF_NOARP;
	return rc ? rc : link_change(job->agent.nls, made.ifindex, &change, err);
}

int host_furnish(struct host_job *job, __u32 ifindex, const char *name, const struct port_sysctls *known,
		 struct sl_err *err)
{
	const struct port_snapshot *port = &job->wanted.port;
	int rc;

	rc = apply_prepare(&job->host, port, ifindex, name, known, err);
	if (!rc)
		rc = bridge_place_join(job->host.nls, port->link_message.item[0], &job->wanted.place, ifindex,
				       err);
	return rc ? rc : apply_switch(&job->host, port, ifindex, err);
}

int host_greet(struct host_job *job, __u32 ifindex, int wait_ms, struct sl_err *err)
{
	const struct port_snapshot *port = &job->wanted.port;
	int rc;

	rc = apply_wait(&job->host, port, ifindex, wait_ms, err);
	if (!rc)
		rc = bridge_place_fill(job->host.nls, port->link_message.item[0], &job->wanted.place, ifindex,
				       false, err);
	if (rc)
		return rc;
	/* Whoever asked for a neighbour in the gap asks again in a second: so they are told. */
	apply_greet(&job->host, port, ifindex);
	neigh_replay_learned(job->host.nls, &job->wanted.asked, port->link.master);
	neigh_replay_learned(job->workload.nls, &job->peers, job->taken.port_ifindex);
	return 0;
}

int host_settle(struct host_job *job, __u32 ifindex, struct sl_err *err)
{
	const struct port_snapshot *port = &job->wanted.port;
	int rc = apply_settle(&job->host, port, ifindex, err);

	/* If the carrier came late, a bridge has not taken all that it had learned. */
	return rc ? rc
		  : bridge_place_fill(job->host.nls, port->link_message.item[0], &job->wanted.place, ifindex,
				      true, err);
}

int host_verify(struct host_job *job, __u32 ifindex, struct sl_err *err)
{
	struct host_snapshot now = HOST_SNAPSHOT_NONE;
	const char *different;
	int rc;

	rc = apply_verify(&job->host, &job->wanted.port, ifindex, err);
	if (!rc)
		rc = host_snapshot_take(&job->host, ifindex, &now, err);
	if (!rc) {
		different = bridge_place_difference(job->wanted.port.link_message.item[0], &job->wanted.place,
						    now.port.link_message.item[0], &now.place);
		if (different)
			rc = sl_err(err, EBADE, "the %s of %s did not come back as it was", different,
				    now.port.link.name);
	}
	host_snapshot_free(&now);
	return rc;
}

/* One that is gone already lets nothing in. */
void host_detach(struct host_job *job)
{
	if (!job->hooked)
		return;
	if (job->taken.vex_ifindex)
		move_set_up(&job->agent, job->taken.vex_ifindex, false, NULL);
	if (job->taken.vin_ifindex)
		move_set_up(&job->agent, job->taken.vin_ifindex, false, NULL);
	if (job->hooks->common.undo)
		job->hooks->common.undo(job->hooks->common.context, &job->taken);
	job->hooked = false;
}

/* From the start: of what is there already nobody knows whether it is in order. */
static int furnish_anew(struct host_job *job, const struct link_info *original, struct sl_err *err)
{
	__u32 ifindex = original->ifindex;
	int rc;

	rc = move_set_up(&job->host, ifindex, false, err);
	if (!rc && original->master)
		rc = bridge_port_set_master(job->host.nls, ifindex, 0, err);
	if (!rc)
		rc = addr_remove_all(job->host.nls, ifindex, err);
	if (!rc)
		rc = host_furnish(job, ifindex, original->name, NULL, err);
	if (!rc)
		rc = host_greet(job, ifindex, 3000, err);
	if (!rc)
		rc = host_settle(job, ifindex, err);
	return rc ? rc : host_verify(job, ifindex, err);
}

int host_home(struct host_job *job, struct sl_err *err)
{
	struct link_info original;
	bool in_agent;
	int rc;

	rc = host_find_original(job, &in_agent, &original, err);
	/* The outer end's name is needed; in the agent's namespace nothing else can have vex's. */
	if (!rc)
		rc = home_delete(&job->agent, job->taken.vex_name, err);
	if (!rc && in_agent)
		rc = host_return(job, &original, err);
	if (!rc && host_verify(job, original.ifindex, NULL))
		rc = furnish_anew(job, &original, err);
	return rc;
}
