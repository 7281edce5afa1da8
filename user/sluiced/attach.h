/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The programs: loading them onto the pinned maps, and attaching them to
 * ports so that they outlive the daemon.
 *
 * Invariants: other programs on the same hook are never touched: tcx links
 * stand beside theirs; on clsact only our handle and priority are replaced or
 * removed, the qdisc itself only if we made it and nothing else uses it.
 * Attaching where we are attached already replaces our program atomically.
 */
#ifndef SLUICE_SLUICED_ATTACH_H
#define SLUICE_SLUICED_ATTACH_H

#include <linux/types.h>

#include "lib/conf.h"
#include "lib/err.h"
#include "lib/maps.h"
#include "sluice/abi.h"

struct sl_programs;

/*
 * Loads all programs with their maps pinned in (or reused from) pin_dir and
 * pins them as <pin_dir>/progs/<program>, replacing older ones. A pinned map of
 * another layout is an error that names it. 0 or -errno.
 */
int sl_programs_load(struct sl_programs **ret, const char *pin_dir, __u32 flows, struct sl_err *err);
/* None is loaded: good for detaching only. 0 or -errno. */
int sl_programs_none(struct sl_programs **ret, const char *pin_dir, struct sl_err *err);
void sl_programs_free(struct sl_programs *programs); /* NULL allowed; pins and attachments stay */

/* kind is SL_ATTACH_TCX or SL_ATTACH_CLSACT. vex, vin, vbr on tc ingress of ifindex in the current netns. */
int sl_attach_tc(struct sl_programs *programs, enum sl_program prog, __u32 ifindex, enum sl_attach kind,
		 struct sl_err *err);
/* Native XDP on vth, as a pinned link. */
int sl_attach_xdp(struct sl_programs *programs, __u32 ifindex, struct sl_err *err);
/*
 * Removes whatever attachment of ours (either kind) prog has on ifindex, and
 * its pin. 0 also when there was none, or no such interface.
 */
int sl_detach(struct sl_programs *programs, enum sl_program prog, __u32 ifindex, struct sl_err *err);
/* SL_ATTACH_TCX (also for XDP) or SL_ATTACH_CLSACT, read back from the kernel; -ENOENT: neither. */
int sl_attached_kind(struct sl_programs *programs, enum sl_program prog, __u32 ifindex);

/*
 * A port that moves to another namespace, by tcx only; see attach_carry.c.
 * in: in the current namespace, before the move; a link's descriptor (the
 * caller's) or -errno. arrive: in the current namespace, after it; the link
 * becomes prog's on ifindex, and sl_attach_tc() then gives it the program at
 * once. out: takes prog off ifindex, ready to move; descriptor or -errno.
 * end: detaches and closes it (-1 allowed).
 */
int sl_carry_in(struct sl_programs *programs, __u32 ifindex, struct sl_err *err);
int sl_carry_arrive(struct sl_programs *programs, int link_fd, enum sl_program prog, __u32 ifindex,
		    struct sl_err *err);
int sl_carry_out(struct sl_programs *programs, enum sl_program prog, __u32 ifindex, struct sl_err *err);
void sl_carry_end(int link_fd);

/*
 * Removes every pin below pin_dir and the folder; attachments by link end with
 * it. Those by clsact do not: detach them before, or delete the interface.
 */
int sl_pins_remove(const char *pin_dir, struct sl_err *err);

#endif
