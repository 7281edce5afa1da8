// SPDX-License-Identifier: BSD-2-Clause
/*
 * Finishing what a killed daemon had begun: the port was on its way, in one
 * direction or the other, and the journal tells what it must have.
 *
 * Invariant: nothing is deleted before the original has been found, in
 * whichever namespace it is and under whichever name; and it may be run again
 * and again until it succeeds.
 */
#include <errno.h>
#include <string.h>

#include "netlink/address.h"
#include "port/apply.h"
#include "port/journal.h"
#include "port/move.h"
#include "port/port.h"

struct recovery {
	const struct port_taken *taken;
	struct port_side workload, agent;
	struct port_snapshot wanted;
	struct link_info vin; /* ifindex 0: gone */
	struct link_info original;
	bool in_agent; /* where it was found */
};

static bool is_mac(const struct link_info *link, const __u8 *mac)
{
	return link->mac_valid && !memcmp(link->mac, mac, SL_MAC_LEN);
}

/* In the workload the original is the veth of its MAC that vin is not the far end of. */
static int visit_original(void *context, const struct link_info *link)
{
	struct recovery *rec = context;

	if (strcmp(link->kind, "veth") ||
	    (!is_mac(link, rec->taken->mac) && !is_mac(link, rec->wanted.link.mac)))
		return 0;
	if (rec->vin.ifindex && (link->ifindex == rec->vin.peer_ifindex))
		return 0;
	/* Its old number is the surest sign; where that was not free, the first will do. */
	if (!rec->original.ifindex || link->ifindex == rec->taken->original_ifindex)
		rec->original = *link;
	return 0;
}

static int find_all(struct recovery *rec, struct sl_err *err)
{
	int rc;

	rc = link_find(rec->agent.nls, rec->taken->vin_name, 0, &rec->vin, err);
	if (rc == -ENODEV)
		rec->vin.ifindex = 0;
	else if (rc)
		return rc;
	rc = link_find(rec->agent.nls, rec->taken->vex_name, 0, &rec->original, err);
	rec->in_agent = !rc;
	if (rc != -ENODEV)
		return rc;
	rec->original.ifindex = 0;
	rc = link_list(rec->workload.nls, visit_original, rec, err);
	if (!rc && !rec->original.ifindex)
		rc = sl_err(err, ENODEV, "the original of %s is neither in %s nor in %s", rec->taken->name,
			    nls_label(rec->workload.nls), nls_label(rec->agent.nls));
	return rc;
}

/* The original comes home, under a name that nobody can have taken meanwhile, and down. */
static int bring_home(struct recovery *rec, struct sl_err *err)
{
	char temporary[IFNAMSIZ];
	int rc;

	if (!rec->in_agent)
		return strcmp(rec->original.name, rec->wanted.link.name)
			       ? move_set_up(&rec->workload, rec->original.ifindex, false, err)
			       : 0;
	rc = move_set_up(&rec->agent, rec->original.ifindex, false, err);
	if (!rc)
		rc = move_free_name(&rec->workload, temporary, err);
	if (!rc)
		rc = move_port(&rec->agent, rec->original.ifindex, &rec->workload, temporary,
			       rec->taken->original_ifindex, 0, &rec->original, err);
	return rc;
}

/* From the start: of what is there already nobody knows whether it is in order, and order matters for addresses. */
static int put_all(struct recovery *rec, struct sl_err *err)
{
	int rc;

	rc = move_set_up(&rec->workload, rec->original.ifindex, false, err);
	if (!rc)
		rc = addr_remove_all(rec->workload.nls, rec->original.ifindex, err);
	if (!rc)
		rc = apply_all(&rec->workload, &rec->wanted, rec->original.ifindex, rec->original.name, err);
	return rc;
}

int port_recover(const struct port_taken *taken, const char *journal, int workload_ns, int agent_ns,
		 struct sl_err *err)
{
	struct recovery rec = { .taken = taken, .wanted = PORT_SNAPSHOT_NONE };
	int rc;

	rc = journal_read(journal, &rec.wanted, err);
	if (!rc)
		rc = port_side_open(&rec.workload, workload_ns, "the workload's namespace", err);
	if (!rc)
		rc = port_side_open(&rec.agent, agent_ns, "the agent's namespace", err);
	if (!rc)
		rc = find_all(&rec, err);
	/* The substitute's name is needed. */
	if (!rc && rec.vin.ifindex)
		rc = link_delete(rec.agent.nls, rec.vin.ifindex, err);
	if (!rc)
		rc = bring_home(&rec, err);
	if (!rc && apply_verify(&rec.workload, &rec.wanted, rec.original.ifindex, NULL))
		rc = put_all(&rec, err);
	snapshot_free(&rec.wanted);
	port_side_close(&rec.workload);
	port_side_close(&rec.agent);
	return rc;
}
