/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the host's side have in common; see port_lab.h. */
#ifndef SLUICE_TESTS_PORT_HOST_LAB_H
#define SLUICE_TESTS_PORT_HOST_LAB_H

#include <sys/types.h>

#include "port/host.h"
#include "unit/port_lab.h"

struct host_lab {
	struct port_request request;
	struct lab_wires wires;
	struct host_hooks hooks;
	struct port_taken taken;
	const char *journal; /* to be set before taking, or NULL */
};

/* lab_picture() of a host end and of its place in its bridge. */
char *host_picture(int netns, const char *port);

/* want: 0 it must succeed, -1 it must fail, other -errno: fail with that. err may be NULL. */
void host_lab_take(const struct lab *lab, struct host_lab *host, int want, struct sl_err *err);
void host_lab_give_back(const struct lab *lab, struct host_lab *host, int want, struct sl_err *err);
/* ready() fails, so that everything before it is rolled back. */
void host_lab_take_failing(const struct lab *lab, struct host_lab *host, struct sl_err *err);
/* Neither vex nor vin, nor anything under a temporary name. */
void host_lab_no_trace(const struct lab *lab);

/*
 * A command in the background; returns when a line of `file`, read in its
 * namespace, is there that was not (NULL: at once). The caller ends it.
 */
pid_t host_lab_spawn(int netns, const char *command, const char *file);

#endif
