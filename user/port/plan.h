/* SPDX-License-Identifier: BSD-2-Clause */
/* What taking a port would do, in words, for whoever asks before it is done. */
#ifndef SLUICE_PORT_PLAN_H
#define SLUICE_PORT_PLAN_H

#include "port/port.h"
#include "port/refuse.h"

#define PLAN_LINES_MAX 16
#define PLAN_LINE_LEN 320

struct plan_lines {
	char text[PLAN_LINES_MAX][PLAN_LINE_LEN];
	unsigned int n;
};

struct port_plan {
	char kind[16]; /* of the port: "veth", "macvlan" */
	struct plan_lines steps; /* in their order */
	struct plan_lines warnings; /* what will be different all the same */
	struct refusals refusals; /* if there is one, nothing will be done */
};

/*
 * Looks, and changes nothing; that the port cannot be taken is no error but in
 * ret->refusals. *ret (large: not for the stack) is filled on success. 0 or
 * -errno.
 */
int port_plan(const struct port_request *request, struct port_plan *ret, struct sl_err *err);

#endif
