/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two ways to take a veth port: by the workload's end or by the host's.
 *
 * Invariant: the side is chosen before anything is touched, is on record from
 * then on, and is the same until the port has been given back.
 */
#ifndef SLUICE_SLUICED_SIDE_H
#define SLUICE_SLUICED_SIDE_H

#include "sluiced/instance.h"

/*
 * Checks the port of the request for the wanted side, and notes in the
 * workload which it is and why. With SL_SIDE_AUTO it is the host's if
 * everything there can be kept and nobody notices, else the workload's; and
 * if that is refused the host's, if it can be had at all. 0 or -errno.
 */
int side_choose(struct instance *inst, const struct port_request *request, enum sl_side wanted,
		struct workload *workload, struct sl_err *err);

/* The host's side of port_take(), port_give_back() and port_recover(), with the programs. */
int side_take_host(struct instance *inst, const struct port_request *request, struct workload *workload,
		   const char *journal, struct sl_err *err);
int side_give_back_host(struct instance *inst, struct workload *workload, int workload_ns,
			const char *journal, struct sl_err *err);
int side_recover_host(struct instance *inst, const struct workload *workload, int workload_ns,
		      const char *journal, struct sl_err *err);

const char *side_name(const struct workload *workload); /* "host" or "workload" */

#endif
