/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A detour: a second pair between the host's end of a port and the agent.
 *
 * The kernel's move of an interface between namespaces waits for grace periods
 * of RCU, tens of milliseconds in which nothing can pass it. So nothing has
 * to: while the port moves, programs on the host's end send frames over the
 * detour to vin and back. The host's end itself is not touched, and as the
 * port comes up within the message that moves it, it does not even lose its
 * carrier.
 *
 * Invariant: a detour is never needed. Where it cannot be laid a port is moved
 * without; and if whoever laid it dies, its programs die too, and the frames
 * take the port's own wire.
 */
#ifndef SLUICE_PORT_DETOUR_H
#define SLUICE_PORT_DETOUR_H

#include "port/port.h"
#include "port/snapshot.h"

struct detour {
	const struct port_hooks *hooks;
	const struct port_side *agent;
	struct port_side host; /* with a descriptor of its own */
	struct link_info host_end;
	char *host_path; /* of the hooks */
	bool planned, laid;
	bool failed; /* it could not be laid, so all is to be done once more, without */
};

/*
 * Can `port`, which is or will be replaced in its place, be moved with one?
 * The far end is that of `name` in `from`. 0: detour->planned; or -errno with
 * the reason why not. To be closed in any case.
 */
int detour_plan(struct detour *detour, const struct port_side *agent, const struct port_hooks *hooks,
		const struct port_side *from, const char *name, const struct port_snapshot *port,
		struct sl_err *why);
void detour_close(struct detour *detour);
/* The same question of a port that is only asked about. */
int detour_check(const struct port_side *agent, char *host_path, const struct port_side *from,
		 const char *name, const struct port_snapshot *port, struct sl_err *why);

/* Nothing flows over it yet. 0 or -errno, then nothing of it is left, and detour->failed. */
int detour_lay(struct detour *detour, __u32 vin_ifindex, struct sl_err *err);
/* Everything flows over it, or nothing. Also when there is none. */
int detour_use(struct detour *detour, bool on, struct sl_err *err);
/* Switched off and removed. 0 or -errno, then it may be tried again. */
int detour_lift(struct detour *detour, struct sl_err *err);

/* What somebody who was killed has left. 0 or -errno. */
int detour_clear(const struct port_side *agent, struct sl_err *err);

/*
 * The port of the snapshot stays up, but gets another name and loses all that
 * would be in the way of another one in its place.
 */
int detour_strip(const struct port_side *workload, const struct port_snapshot *port, const char *name,
		 struct sl_err *err);

#endif
