/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What can be asked of the daemon: one table of commands with the fields each
 * allows.
 *
 * Invariant: a command runs only when every field of the request is one of
 * its own, of the right type.
 */
#ifndef SLUICE_SLUICED_COMMANDS_H
#define SLUICE_SLUICED_COMMANDS_H

#include <jansson.h>

#include "sluiced/instance.h"

/* Descriptors beside a request and its answer, -1 for none. */
struct passed {
	int given; /* stays the caller's */
	int back; /* the caller's, to be sent with the answer and closed */
};

/* Checks and runs one request. 0 and a new reference in *ret_result, or -errno. */
int command_run(struct instance *inst, const json_t *request, struct passed *passed, json_t **ret_result,
		struct sl_err *err);

#endif
