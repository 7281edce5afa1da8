/* SPDX-License-Identifier: BSD-2-Clause */
/* Carrying an interface from one namespace to another, and the few things both directions need. */
#ifndef SLUICE_PORT_MOVE_H
#define SLUICE_PORT_MOVE_H

#include "port/snapshot.h"

/*
 * Moves and renames in one message; the interface is down afterwards.
 * `wish` is the index it should have there, 0 for the one it has; another is
 * taken when that one is not free. *ret is how it is afterwards.
 */
int move_port(const struct port_side *from, __u32 ifindex, const struct port_side *to, const char *name,
	      __u32 wish, __u32 flags_set, struct link_info *ret, struct sl_err *err);

/* An interface index that is most likely free in any namespace. */
__u32 move_draw_index(void);

/*
 * vex and vin are wires, not stations: no IPv6 on them (NOARP comes with the
 * other flags), and no IPv4 that came past their programs.
 */
int move_silence(const struct port_side *side, const char *name, struct sl_err *err);

/* A name that nothing has in that namespace, for what comes and for what goes; IFNAMSIZ bytes written. */
#define MOVE_COMING "sluicetmp"
#define MOVE_GOING "sluiceold"
int move_free_name(const struct port_side *side, const char *stem, char *ret, struct sl_err *err);

int move_set_up(const struct port_side *side, __u32 ifindex, bool up, struct sl_err *err);

#endif
