/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports that cannot be taken, or given back, without losing something: the reason, before anything is touched. */
#ifndef SLUICE_PORT_REFUSE_H
#define SLUICE_PORT_REFUSE_H

#include "port/port.h"
#include "port/snapshot.h"

/* Before the snapshot, which costs more: names and namespaces. 0 or -errno with the reason. */
int refuse_request(const struct port_request *request, const struct port_side *agent, struct sl_err *err);
/* What is on the port now that cannot be carried over to another. */
int refuse_port(const struct port_side *workload, const struct port_snapshot *port, struct sl_err *err);

#endif
