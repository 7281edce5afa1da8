/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The register of taken ports: by id, by namespace and port, by interface.
 *
 * Invariant: an id stands for one port at a time; an entry is in the register
 * from before its port is touched until after it is given back.
 */
#ifndef SLUICE_SLUICED_WORKLOADS_H
#define SLUICE_SLUICED_WORKLOADS_H

#include <linux/types.h>
#include <sys/types.h>

#include "lib/conf.h"
#include "lib/err.h"
#include "lib/netns.h"
#include "port/port.h"
#include "sluice/abi.h"

#define TARGET_LEN (SL_PATH_LEN + 16) /* "container:" and the longest path or name */

struct workload {
	__u16 id;
	bool taken; /* false: being taken, the port may be in any state between */
	bool name_told; /* the core knows it (policy_core.h) */
	struct port_taken port;
	struct sl_workload value; /* as in the map */
	char target[TARGET_LEN]; /* canonical, e.g. "container:web" */
	char ns_path[SL_PATH_LEN]; /* where the namespace was found, may be empty */
	pid_t pid; /* of a process in it, 0 if not known */
	char side_reason[192]; /* why it was taken from port.side */
};

struct workloads;

struct workloads *workloads_new(void); /* NULL: no memory */
void workloads_free(struct workloads *workloads); /* NULL allowed; the workloads go with it */

/*
 * Makes an entry under the wanted id, or the lowest free one if that is 0.
 * 0; -EEXIST when the id is in use (the text says by whom), -ENOSPC when all
 * are, -ENOMEM.
 */
int workloads_add(struct workloads *workloads, __u32 wanted_id, struct workload **ret, struct sl_err *err);
void workloads_remove(struct workloads *workloads, struct workload *workload); /* frees it */

/*
 * The id is of a port that works, but of which nothing is known because its
 * state file cannot be read: it is not given out, and what it has is not touched.
 */
void workloads_reserve(struct workloads *workloads, __u32 id);
void workloads_unreserve(struct workloads *workloads, __u32 id); /* not reserved is fine, too */
bool workloads_is_reserved(const struct workloads *workloads, __u32 id);
unsigned int workloads_reserved(const struct workloads *workloads); /* how many */

unsigned int workloads_count(const struct workloads *workloads);
/* Differs whenever one has come, has gone, or is called otherwise. */
__u64 workloads_mark(const struct workloads *workloads);
/* Called after every one that comes or goes; it may not have all its values yet. */
void workloads_watch(struct workloads *workloads, void (*changed)(void *context), void *context);

/* NULL when there is none. */
struct workload *workloads_by_id(const struct workloads *workloads, __u32 id);
struct workload *workloads_by_port(const struct workloads *workloads, const struct sl_netns_id *ns,
				   const char *port);
struct workload *workloads_by_ifindex(const struct workloads *workloads, __u32 ifindex);
struct workload *workloads_by_leg(const struct workloads *workloads, const char *vex_or_vin);
/* The one with the lowest id above `after`; a walk may remove what it is shown. */
struct workload *workloads_next(const struct workloads *workloads, __u32 after);

/* The key under which it is in the maps. */
struct sl_workload_key workload_key(const struct workload *workload);

#endif
