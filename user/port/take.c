// SPDX-License-Identifier: BSD-2-Clause
/*
 * Taking a port: look, refuse, prepare, switch, verify.
 *
 * Invariant: everything that takes time is done before the original port
 * moves. From the first change on, every error runs through roll_back(), which
 * knows from *job how far things had come.
 */
#include <errno.h>
#include <string.h>

#include "lib/netns.h"
#include "port/announce.h"
#include "port/apply.h"
#include "port/journal.h"
#include "port/move.h"
#include "port/port.h"
#include "port/refuse.h"

#define PAIR_ATTEMPTS 32
#define GAP_WAIT_MS 200 /* a second would be worse than a lost frame */

struct take_job {
	const struct port_request *request;
	const struct port_hooks *hooks;
	struct port_side workload, agent;
	struct port_snapshot before;
	struct port_taken taken;
	char temporary[IFNAMSIZ];
	bool pair_made;
	bool hooked; /* a hook has been called, so undo() must be */
	bool moved; /* perhaps: the original may have left the workload */
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

static int make_pair(struct take_job *job, struct sl_err *err)
{
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
		job->pair_made = true;
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
		job->pair_made = false;
		vin.ifindex = move_draw_index();
	}
	return sl_err(err, EBUSY, "found no free interface index for %s in %s", vin.name,
		      nls_label(job->agent.nls));
}

/* vin is up before the port: that way the port has its carrier the moment it comes up itself. */
static int ready_vin(struct take_job *job, struct sl_err *err)
{
	struct link_change change = LINK_NO_CHANGE;
	int rc;

	rc = move_silence(&job->agent, job->request->vin_name, err);
	change.flags_set = IFF_NOARP;
	change.up = 1;
	return rc ? rc : link_change(job->agent.nls, job->taken.vin_ifindex, &change, err);
}

static int prepare(struct take_job *job, struct sl_err *err)
{
	int rc;

	rc = announce_open(&job->workload, err);
	if (!rc && job->hooks && job->hooks->journal)
		rc = journal_write(job->hooks->journal, &job->before, err);
	if (!rc)
		rc = move_free_name(&job->workload, job->temporary, err);
	if (!rc)
		rc = make_pair(job, err);
	if (!rc)
		rc = apply_prepare(&job->workload, &job->before, job->taken.port_ifindex, job->temporary,
				   NULL, err);
	if (!rc && job->hooks && job->hooks->prepare) {
		job->hooked = true;
		rc = job->hooks->prepare(job->hooks->context, &job->taken, err);
	}
	/* With its program first: the workload could set the other end up by itself. */
	if (!rc)
		rc = ready_vin(job, err);
	return rc;
}

/* The workload's gap: from the first line to the last. */
static int switch_over(struct take_job *job, struct sl_err *err)
{
	const struct port_request *request = job->request;
	struct link_info vex;
	int rc;

	job->moved = true;
	rc = move_port(&job->workload, job->before.link.ifindex, &job->agent, request->vex_name, 0, IFF_NOARP,
		       &vex, err);
	if (rc)
		return rc;
	job->taken.vex_ifindex = vex.ifindex;
	rc = move_silence(&job->agent, request->vex_name, err);
	if (!rc && job->hooks && job->hooks->ready) {
		job->hooked = true;
		rc = job->hooks->ready(job->hooks->context, &job->taken, err);
	}
	if (!rc)
		rc = apply_switch(&job->workload, &job->before, job->taken.port_ifindex, err);
	/*
	 * vex last: with its carrier the host's end asks for the workload's MAC at
	 * once. Were that lost on the way, the next question came a second later.
	 */
	if (!rc)
		rc = apply_wait(&job->workload, &job->before, job->taken.port_ifindex, GAP_WAIT_MS, err);
	if (!rc)
		rc = apply_wait_carrier(&job->agent, job->taken.vin_ifindex, GAP_WAIT_MS, err);
	if (!rc)
		rc = move_set_up(&job->agent, vex.ifindex, true, err);
	if (!rc)
		apply_greet(&job->workload, &job->before, job->taken.port_ifindex);
	return rc;
}

/* 0 or -errno; *err is about the way back then. */
static int put_original_back(struct take_job *job, struct sl_err *err)
{
	const struct link_info *original = &job->before.link;
	struct link_info vex;
	int rc;

	rc = link_find(job->agent.nls, job->request->vex_name, 0, &vex, err);
	if (rc == -ENODEV)
		/* It never left, or is lost; the verification tells. */
		return apply_verify(&job->workload, &job->before, original->ifindex, err);
	if (rc)
		return rc;
	/*
	 * Under a name that is surely free, and renamed there: if somebody has its
	 * own name now, it is at least not left with the agent.
	 */
	rc = move_free_name(&job->workload, job->temporary, err);
	if (!rc)
		rc = move_port(&job->agent, vex.ifindex, &job->workload, job->temporary, original->ifindex, 0,
			       &vex, err);
	return rc ? rc : apply_all(&job->workload, &job->before, vex.ifindex, vex.name, err);
}

static int roll_back(struct take_job *job, struct sl_err *err)
{
	struct sl_err second = { 0 };
	int rc = 0;

	/* Nothing may come in by either leg while it has no program; one that is gone already lets nothing in. */
	if (job->pair_made)
		move_set_up(&job->agent, job->taken.vin_ifindex, false, NULL);
	if (job->taken.vex_ifindex)
		move_set_up(&job->agent, job->taken.vex_ifindex, false, NULL);
	if (job->hooked && job->hooks->undo)
		job->hooks->undo(job->hooks->context, &job->taken);
	if (job->pair_made)
		rc = link_delete(job->agent.nls, job->taken.vin_ifindex, &second);
	if (rc == -ENODEV)
		rc = 0;
	if (!rc && job->moved)
		rc = put_original_back(job, &second);
	if (rc)
		return sl_err_prefix(err, "%s could not be put back as it was (%s) after an error",
				     job->before.link.name, second.text);
	return err ? -err->code : -EIO;
}

int port_take(const struct port_request *request, const struct port_hooks *hooks,
	      struct port_taken *ret_taken, struct sl_err *err)
{
	struct take_job job = { .request = request, .hooks = hooks };
	struct sl_err own = { 0 };
	int rc, back;

	if (!err)
		err = &own;
	rc = open_and_look(&job, err);
	if (rc)
		goto out;
	job.taken.original_ifindex = job.before.link.ifindex;
	job.taken.mtu = job.before.link.mtu;
	memcpy(job.taken.mac, job.before.link.mac, SL_MAC_LEN);
	strcpy(job.taken.name, request->name);
	strcpy(job.taken.vex_name, request->vex_name);
	strcpy(job.taken.vin_name, request->vin_name);
	rc = sl_netns_id(request->workload_ns, &job.taken.workload_ns);
	if (rc) {
		sl_errno(err, -rc, "cannot identify the network namespace of %s", request->workload_label);
		goto out;
	}

	rc = prepare(&job, err);
	if (!rc)
		rc = switch_over(&job, err);
	if (!rc)
		rc = apply_settle(&job.workload, &job.before, job.taken.port_ifindex, err);
	if (!rc)
		rc = apply_verify(&job.workload, &job.before, job.taken.port_ifindex, err);
	if (rc) {
		back = roll_back(&job, err);
		rc = back ? back : rc;
		goto out;
	}
	/* A last time, tens of milliseconds later; see apply_settle(). */
	apply_greet(&job.workload, &job.before, job.taken.port_ifindex);
	*ret_taken = job.taken;
out:
	close_job(&job);
	return rc;
}
