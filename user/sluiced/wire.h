/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A workload in the maps, and the programs on its legs.
 *
 * Invariants: the map entries are complete before a program sees the first
 * frame, and go only after the programs have gone. What is in the map is the
 * truth about a workload's mode; the register and the state file follow it.
 */
#ifndef SLUICE_SLUICED_WIRE_H
#define SLUICE_SLUICED_WIRE_H

#include "sluiced/instance.h"

/* What can be done while vin has no carrier yet and the workload still its old port: the program on vin. */
int wire_prepare(struct instance *inst, const struct workload *workload, struct sl_err *err);
/* Map entries, then programs; also takes over what is there already. 0 or -errno, then wire_down() is the caller's. */
int wire_up(struct instance *inst, struct workload *workload, struct sl_err *err);
/*
 * The same two for a port on its way between namespaces, without waiting in
 * the gap; only where programs are attached by tcx, otherwise they do nothing
 * or what wire_down() does. carry[] are links to be ended when the move is
 * over (sl_carry_end()), -1 for none.
 */
enum { CARRY_VEX, CARRY_VIN, CARRY_MAX };
/* In the workload's namespace ns_fd, before the move: a place for vex's program on its port. */
void wire_carry_in(struct instance *inst, const struct workload *workload, int ns_fd, int carry[CARRY_MAX]);
/* In wire_down()'s place. */
void wire_carry_out(struct instance *inst, const struct workload *workload, int carry[CARRY_MAX]);
/* Programs, then map entries. Logs what cannot be removed. */
void wire_down(struct instance *inst, const struct workload *workload);

struct wire_change {
	int mode, fail; /* -1: as they are */
	__u32 flags_set, flags_clear; /* SL_WL_* */
};
#define WIRE_NO_CHANGE                                                                                       \
	{                                                                                                    \
		.mode = -1, .fail = -1                                                                       \
	}
/* One map write, then the state file. 0 or -errno, then nothing has changed. */
int wire_change(struct instance *inst, struct workload *workload, const struct wire_change *change,
		struct sl_err *err);

/* Takes mode, fail, strict, trace and generation over from the map, if the workload is in it. */
void wire_read_back(const struct instance *inst, struct workload *workload);
/* Removes map entries and links that belong to no workload of the register. */
void wire_purge(struct instance *inst);

#endif
