/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking a port from the host's side: the far end of the workload's veth moves
 * to the agent and becomes vin; the outer end of a new pair, whose inner end
 * is vex, takes its name, its number and its place among the host's bridges,
 * addresses and routes. Nothing in the workload is touched.
 *
 * Invariant: the same as in port.h, with the host's end in the port's place.
 */
#ifndef SLUICE_PORT_HOST_H
#define SLUICE_PORT_HOST_H

#include "netlink/link.h"
#include "port/port.h"

/* The far end of a workload's veth. */
struct host_end {
	int ns; /* its namespace; the caller's, to be closed */
	bool is_agent; /* which is the agent's own */
	struct link_info link;
};

/*
 * Looks in the agent's namespace first, then where request->host_path says,
 * then in that of process 1, then in every one that has a name or a process. 0; -ENODEV if nobody can be seen to
 * have it; -EOPNOTSUPP if the port is no veth or both ends are the workload's.
 */
int host_find(const struct port_request *request, struct host_end *ret, struct sl_err *err);

struct host_hooks {
	/*
	 * prepare() is called while the host end is still at home, with vin_ifindex
	 * 0; ready() when all is in place and vin is up: frames flow from the moment
	 * vex has its program.
	 */
	struct port_hooks common;
	/* vin is in the agent's namespace, down: its program must be on it from here on. May be NULL. */
	int (*arrived)(void *context, const struct port_taken *taken, struct sl_err *err);
};

/* As port_check(), port_take(), port_give_back() and port_recover(); needs taken->port_ifindex. */
int host_check(const struct port_request *request, const struct host_end *end, struct sl_err *err);
int host_take(const struct port_request *request, const struct host_end *end, const struct host_hooks *hooks,
	      struct port_taken *ret_taken, struct sl_err *err);
int host_give_back(const struct port_taken *taken, int host_ns, int workload_ns, int agent_ns,
		   const struct host_hooks *hooks, struct sl_err *err);
int host_recover(const struct port_taken *taken, const char *journal, int host_ns, int workload_ns,
		 int agent_ns, struct sl_err *err);

/* As port_record_addresses(), and its bridge: for host_recover() without a journal. */
int host_record(struct port_taken *taken, const struct host_end *end, struct sl_err *err);

/* The file beside a journal that holds the host end's place in its bridge; to be removed with it. */
#define HOST_JOURNAL_SUFFIX ".place"

#endif
