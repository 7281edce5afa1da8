/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports that cannot be taken, or given back, without losing something: the reasons, before anything is touched. */
#ifndef SLUICE_PORT_REFUSE_H
#define SLUICE_PORT_REFUSE_H

#include "port/port.h"
#include "port/snapshot.h"

/* All that stands in the way, each as an error of its own. */
#define REFUSALS_MAX 24
struct refusals {
	struct sl_err item[REFUSALS_MAX];
	unsigned int n;
};
/* One more; beyond the last there is room for nothing. */
void refusals_add(struct refusals *list, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Names and namespaces, before the snapshot, which costs more; what is on the
 * port now that cannot be carried over to another; what of it does not fit the
 * request. These return 0 or -errno of a look that failed, not of a refusal.
 */
int refuse_request_all(const struct port_request *request, const struct port_side *agent,
		       struct refusals *ret, struct sl_err *err);
int refuse_port_all(const struct port_side *workload, const struct port_snapshot *port, struct refusals *ret,
		    struct sl_err *err);
void refuse_fit_all(const struct port_request *request, const struct port_snapshot *port,
		    struct refusals *ret);

/* The same for who only wants to know whether to go on: 0 or -errno with the first reason. */
int refuse_request(const struct port_request *request, const struct port_side *agent, struct sl_err *err);
int refuse_port(const struct port_side *workload, const struct port_snapshot *port, struct sl_err *err);

#endif
