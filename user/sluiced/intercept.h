/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking ports of a workload and giving them back, with everything that
 * belongs to it: id, names, map entries, programs, state file.
 *
 * Invariant: a request for several ports takes all of them or none.
 */
#ifndef SLUICE_SLUICED_INTERCEPT_H
#define SLUICE_SLUICED_INTERCEPT_H

#include <jansson.h>

#include "sluiced/instance.h"

#define PORTS_MAX 64 /* of one request */

struct intercept_request {
	const char *target;
	const char *ports[PORTS_MAX];
	unsigned int n_ports; /* 0: every veth of the namespace that is not taken yet */
	__u32 id; /* 0: the lowest free ones */
	const char *name; /* NULL: from the target */
	int mode, fail, strict; /* -1: as configured */
	int side; /* enum sl_side, -1: as configured */
	bool dry_run; /* plans and checks only; intercept_forget() ends it */
};

struct intercepted {
	struct workload *item[PORTS_MAX];
	json_t *plan[PORTS_MAX]; /* of a dry run only; see plan_show.h */
	unsigned int n;
};

/* 0 or -errno. */
int intercept(struct instance *inst, const struct intercept_request *request, struct intercepted *ret,
	      struct sl_err *err);
/* Takes the entries of a dry run out of the register. */
void intercept_forget(struct instance *inst, const struct intercepted *planned);

/*
 * Gives the port back and frees the workload. Also 0 when its namespace has
 * died and there is nobody to give it back to. On error it is still taken.
 */
int release(struct instance *inst, struct workload *workload, struct sl_err *err);
/* How a port on record is found to be. */
enum port_state {
	PORT_WORKS, /* taken, and frames have their way */
	PORT_HALF, /* it was changing hands */
	PORT_BROKEN, /* taken, but something of it is missing */
	PORT_DEAD, /* its namespace is gone */
};
enum port_state release_look(struct instance *inst, const struct workload *workload);
/* The workload has died: removes what is left of it here, and frees it. Logs what and why. */
void drop_dead(struct instance *inst, struct workload *workload, const char *why);

/* Everything of the register that a former daemon has taken is taken over. Logs what cannot be. */
void adopt_all(struct instance *inst);

#endif
