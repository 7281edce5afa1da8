/* SPDX-License-Identifier: BSD-2-Clause */
/* What taking a host end, giving it back and recovering it have in common. */
#ifndef SLUICE_PORT_HOST_JOB_H
#define SLUICE_PORT_HOST_JOB_H

#include "port/host_snapshot.h"

struct host_job {
	struct port_side host, workload, agent;
	bool same_ns; /* host and agent are one namespace: the host end is renamed, not moved */
	struct host_snapshot wanted; /* what the host end has, or had */
	struct msgs peers; /* the neighbours the workload knows by its port */
	struct port_sysctls fresh; /* what an interface that arrives in the host's namespace starts with */
	const struct host_hooks *hooks; /* NULL: none */
	struct port_taken taken;
	bool hooked; /* a hook has been called, so undo() must be */
};

int host_job_open(struct host_job *job, int host_ns, int workload_ns, int agent_ns, struct sl_err *err);
void host_job_close(struct host_job *job);

/* What must be known before the workload is cut off: its neighbours, the host's defaults. */
int host_job_look(struct host_job *job, struct sl_err *err);

/* The original: the veth that leads to the workload's port. In the host's namespace or as vin in the agent's. */
int host_find_original(struct host_job *job, bool *ret_in_agent, struct link_info *ret, struct sl_err *err);

/* From home to the agent: it becomes vin, down and silent. */
int host_leave(struct host_job *job, __u32 ifindex, struct sl_err *err);
/* And back, under a name that is free and down. *ret is how it is afterwards. */
int host_return(struct host_job *job, struct link_info *ret, struct sl_err *err);

/* vex and, under the host end's name and if possible its number, the other end of it; both down. */
int host_make_pair(struct host_job *job, struct sl_err *err);
/* Makes an interface in the host's namespace what `wanted` says. known: its sysctls, or NULL. */
int host_furnish(struct host_job *job, __u32 ifindex, const char *name, const struct port_sysctls *known,
		 struct sl_err *err);
/* Once frames can flow: entries and neighbours are put back. wait_ms: for the carrier, at most. */
int host_greet(struct host_job *job, __u32 ifindex, int wait_ms, struct sl_err *err);
/* After furnishing, when time is no matter: settle; and is it all there? */
int host_settle(struct host_job *job, __u32 ifindex, struct sl_err *err);
int host_verify(struct host_job *job, __u32 ifindex, struct sl_err *err);

/* Both legs down and undo() called, if a hook has been. */
void host_detach(struct host_job *job);

/* From any state between: the pair goes, the original comes home with all that `wanted` says. */
int host_home(struct host_job *job, struct sl_err *err);

#endif
