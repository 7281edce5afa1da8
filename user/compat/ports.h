/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The agent's ports, where it makes its interfaces itself: packet sockets
 * opened here, in whichever namespace, and handed to the core, which may open
 * nothing.
 *
 * Invariant: a port that cannot be opened is not there at all; one that is has
 * a socket here or in the core. A service port is one at most. Ports of
 * endpoints wait here until their endpoint is known.
 */
#ifndef SLUICE_COMPAT_PORTS_H
#define SLUICE_COMPAT_PORTS_H

#include "compat/agent.h"
#include "compat/core.h"

#define PORTS_MAX 1024

struct ports;
struct ports *ports_new(void); /* NULL without memory */
void ports_free(struct ports *ports); /* NULL allowed */

/* add_srvc_port … del_tap_port. 0 or -errno with err. */
int ports_apply(struct ports *ports, const struct compat_request *request, struct core *core,
		struct sl_err *err);
/* Hands over what can be: after endpoints have come, or with `again` all of it, to a new core. */
void ports_settle(struct ports *ports, const struct agent *agent, struct core *core, bool again);

#endif
