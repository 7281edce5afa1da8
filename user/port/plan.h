/* SPDX-License-Identifier: BSD-2-Clause */
/* What taking a port would do, in words, for whoever asks before it is done. */
#ifndef SLUICE_PORT_PLAN_H
#define SLUICE_PORT_PLAN_H

#include <stddef.h>

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

/*
 * The steps and warnings for the host's side, of a port that host_check() has
 * nothing against; kind and refusals stay empty.
 */
struct host_end;
int host_plan(const struct port_request *request, const struct host_end *end, struct port_plan *ret,
	      struct sl_err *err);

/* One line more, while there is room. */
void plan_say(struct plan_lines *lines, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* ", 3 routes" behind what is there; nothing if there are none. */
void plan_count(char *text, size_t size, size_t n, const char *one, const char *many);

#endif
