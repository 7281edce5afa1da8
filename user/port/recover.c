// SPDX-License-Identifier: BSD-2-Clause
/*
 * Finishing what a killed daemon had begun: the port was on its way, in one
 * direction or the other, and the journal tells what it must have.
 *
 * Invariant: it may be run again and again until it succeeds; see home.c.
 * Without a journal the port comes home all the same, with what the kernel
 * and the record still know of it, and the caller is told so.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netlink/address.h"
#include "port/apply.h"
#include "port/detour.h"
#include "port/home.h"
#include "port/journal.h"
#include "port/move.h"

/* What there is to go by when the journal is lost. */
struct remains {
	const struct port_taken *taken;
	struct port_side workload, agent;
	struct link_info original, vin, substitute; /* ifindex 0: not there */
	bool in_agent; /* the original */
};

/* 0 also when it is not there; then *ret is all zero. */
static int find_maybe(struct nls *nls, const char *name, __u32 ifindex, struct link_info *ret,
		      struct sl_err *err)
{
	int rc = link_find(nls, name, ifindex, ret, err);

	if (rc)
		memset(ret, 0, sizeof(*ret));
	return rc == -ENODEV ? 0 : rc;
}

static int visit_original(void *context, const struct link_info *link)
{
	struct remains *remains = context;

	if ((strcmp(link->kind, "veth") != 0 && strcmp(link->kind, "macvlan") != 0) || !link->mac_valid ||
	    memcmp(link->mac, remains->taken->mac, SL_MAC_LEN) != 0 ||
	    link->ifindex == remains->substitute.ifindex)
		return 0;
	if (!remains->original.ifindex || link->ifindex == remains->taken->original_ifindex)
		remains->original = *link;
	return 0;
}

static int look_around(struct remains *remains, struct sl_err *err)
{
	const struct port_taken *taken = remains->taken;
	struct link_info *substitute = &remains->substitute;
	int rc;

	rc = find_maybe(remains->agent.nls, taken->vin_name, 0, &remains->vin, err);
	if (!rc && remains->vin.ifindex && remains->vin.peer_ifindex)
		rc = find_maybe(remains->workload.nls, NULL, remains->vin.peer_ifindex, substitute, err);
	/* Numbers mean nothing by themselves: it must be the far end, with the workload's address. */
	if (substitute->ifindex &&
	    (substitute->peer_ifindex != remains->vin.ifindex || !substitute->mac_valid ||
	     memcmp(substitute->mac, taken->mac, SL_MAC_LEN) != 0))
		memset(substitute, 0, sizeof(*substitute));
	if (!rc)
		rc = find_maybe(remains->agent.nls, taken->vex_name, 0, &remains->original, err);
	remains->in_agent = remains->original.ifindex;
	if (!rc && !remains->in_agent)
		rc = link_list(remains->workload.nls, visit_original, remains, err);
	return rc;
}

static int remains_open(struct remains *remains, int workload_ns, int agent_ns, struct sl_err *err)
{
	int rc;

	rc = port_side_open(&remains->workload, workload_ns, "the workload's namespace", err);
	if (!rc)
		rc = port_side_open(&remains->agent, agent_ns, "the agent's namespace", err);
	return rc ? rc : look_around(remains, err);
}

static void remains_close(struct remains *remains)
{
	port_side_close(&remains->workload);
	port_side_close(&remains->agent);
}

int port_is_whole(const struct port_taken *taken, int workload_ns, int agent_ns, struct sl_err *err)
{
	struct remains remains = { .taken = taken };
	int rc = remains_open(&remains, workload_ns, agent_ns, err);

	if (!rc)
		rc = remains.in_agent && remains.substitute.ifindex &&
		     !strcmp(remains.substitute.name, taken->name) && remains.substitute.flags & IFF_UP;
	remains_close(&remains);
	return rc;
}

/*
 * The substitute under the port's name, so that labels are right, and up, so
 * that it has the routes its addresses bring: it tells most of what the port had.
 */
static int ask_substitute(struct remains *remains, struct port_snapshot *ret, struct sl_err *err)
{
	struct link_change rename = LINK_NO_CHANGE;
	__u32 ifindex = remains->substitute.ifindex;
	int rc = 0;

	rename.name = remains->taken->name;
	if (strcmp(remains->substitute.name, rename.name) != 0) {
		rc = move_set_up(&remains->workload, ifindex, false, err);
		if (!rc)
			rc = link_change(remains->workload.nls, ifindex, &rename, err);
	}
	if (!rc)
		rc = move_set_up(&remains->workload, ifindex, true, err);
	return rc ? rc : snapshot_take(&remains->workload, NULL, ifindex, ret, err);
}

/* Nothing but the interface itself is left: home, named, with an ARP, up. */
static int bring_bare(struct remains *remains, struct sl_err *err)
{
	struct link_change change = LINK_NO_CHANGE;
	struct link_info *original = &remains->original;
	int rc = 0;

	if (remains->in_agent) {
		rc = move_set_up(&remains->agent, original->ifindex, false, err);
		if (!rc)
			rc = move_port(&remains->agent, original->ifindex, &remains->workload,
				       remains->taken->name, remains->taken->original_ifindex, 0, original,
				       err);
	} else if (strcmp(original->name, remains->taken->name) != 0) {
		rc = move_set_up(&remains->workload, original->ifindex, false, err);
		change.name = remains->taken->name;
	}
	change.flags_clear = IFF_NOARP;
	change.up = 1;
	return rc ? rc : link_change(remains->workload.nls, original->ifindex, &change, err);
}

static int recover_blindly(struct remains *remains, struct sl_err *err)
{
	const struct port_taken *taken = remains->taken;
	struct port_snapshot wanted = PORT_SNAPSHOT_NONE;
	bool named, added;
	int rc;

	if (!remains->original.ifindex)
		return sl_err(err, ENODEV, "the original of %s is neither in %s nor in %s", taken->name,
			      nls_label(remains->workload.nls), nls_label(remains->agent.nls));
	named = !remains->in_agent && !strcmp(remains->original.name, taken->name);
	/* An original with its name never left, or is nearly home: it has what it has. */
	if (!named && remains->substitute.ifindex) {
		rc = ask_substitute(remains, &wanted, err);
		if (!rc)
			rc = home_bring(taken, &wanted, &remains->workload, &remains->agent, err);
		snapshot_free(&wanted);
		if (!rc)
			rc = link_find(remains->workload.nls, taken->name, 0, &remains->original, err);
	} else {
		rc = remains->vin.ifindex ? home_delete(&remains->agent, taken->vin_name, err) : 0;
		if (!rc)
			rc = bring_bare(remains, err);
	}
	return rc ? rc
		  : home_add_recorded(taken, remains->workload.nls, remains->original.ifindex, &added, err);
}

int port_recover(const struct port_taken *taken, const char *journal, int workload_ns, int agent_ns,
		 struct sl_err *err)
{
	struct remains remains = { .taken = taken };
	struct port_snapshot wanted = PORT_SNAPSHOT_NONE;
	bool blind;
	int rc;

	blind = journal_read(journal, &wanted, NULL) != 0;
	rc = remains_open(&remains, workload_ns, agent_ns, err);
	if (!rc)
		rc = detour_clear(&remains.agent, err);
	if (!rc)
		rc = blind ? recover_blindly(&remains, err)
			   : home_bring(taken, &wanted, &remains.workload, &remains.agent, err);
	snapshot_free(&wanted);
	remains_close(&remains);
	return rc ? rc : blind;
}

int port_tidy(int agent_ns, struct sl_err *err)
{
	struct port_side agent = { 0 };
	int rc;

	rc = port_side_open(&agent, agent_ns, "the agent's namespace", err);
	if (!rc)
		rc = detour_clear(&agent, err);
	port_side_close(&agent);
	return rc;
}

int port_record_addresses(struct port_taken *taken, int workload_ns, struct sl_err *err)
{
	struct link_info link;
	struct msgs addrs = MSGS_NONE;
	struct nls *nls;
	int rc;

	rc = nls_open(&nls, workload_ns, "the workload's namespace", err);
	if (rc)
		return rc;
	rc = link_find(nls, taken->name, 0, &link, err);
	if (!rc)
		rc = addr_kind.dump(nls, link.ifindex, &addrs, err);
	if (!rc)
		home_note_addresses(taken, &addrs);
	msgs_clear(&addrs);
	nls_close(nls);
	return rc;
}
