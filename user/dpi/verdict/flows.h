/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's map of judged flows (sl_flows_v1) as the core writes it: an
 * entry for a session, and back.
 *
 * The core has no privileges: the map's descriptor, which it was handed, is
 * enough to look up, write and remove; see dpi/filter.c.
 *
 * Invariants: only the core makes and removes entries; one worker has a flow's
 * entry, the one whose session it is; there are never more entries of one
 * worker than its share of the map's room.
 */
#ifndef SLUICE_DPI_FLOWS_H
#define SLUICE_DPI_FLOWS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "dpi/session/session.h"
#include "lib/err.h"
#include "sluice/abi.h"

/* One worker's. */
struct sl_flows {
	int fd; /* of the map; borrowed */
	uint16_t queue; /* of this worker */
	uint32_t room, used; /* entries this worker may have, and has */
	/* Figures: written by the worker alone, read by anyone. */
	uint64_t given; /* verdicts written */
	uint64_t no_room; /* not written: the share is used up, or the kernel has no memory */
	uint64_t lost; /* entries that somebody else has removed */
};

/* workers share the map's room. 0 or -errno. */
int sl_flows_open(struct sl_flows *ret, int fd, uint16_t queue, uint32_t workers, struct sl_err *err);

/* The session's key, and which side of it sends toward the workload. */
void sl_flows_key(const struct sl_session *session, struct sl_flow_key *ret);
static inline enum sl_side sl_flows_sender(const struct sl_session *session, bool to_workload)
{
	/* The client sends toward the workload where the workload is the server. */
	return session->ingress == to_workload ? SL_CLIENT : SL_SERVER;
}
/* The tuple of a key, its source being the client. */
void sl_flows_tuple(const struct sl_flow_key *key, bool ingress, struct sl_tuple *ret);

/* Writes the entry, whose check is filled in. is_new: there is none of this session's yet. 0; -ENOSPC: no room; -errno. */
int sl_flows_put(struct sl_flows *flows, const struct sl_flow_key *key, struct sl_flow *flow, bool is_new);
/* 0; -ENOENT; -errno. */
int sl_flows_look(const struct sl_flows *flows, const struct sl_flow_key *key, struct sl_flow *ret);
/* Removes it, and says what it was at the end. 0; -ENOENT: somebody else has; -errno. */
int sl_flows_take(struct sl_flows *flows, const struct sl_flow_key *key, struct sl_flow *ret);

#endif
