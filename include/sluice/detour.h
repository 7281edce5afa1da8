/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the detour's programs are told; see bpf/detour.bpf.c. The map is the
 * daemon's own and pinned nowhere, so its layout need not outlive anything.
 */
#ifndef SLUICE_DETOUR_H
#define SLUICE_DETOUR_H

#define SL_MAP_DETOUR "sl_detour"

/* One at a time. Interfaces by their numbers. */
struct sl_detour {
	__u32 on;
	__u32 host_end, outer; /* in the host's namespace */
	__u32 inner, vin; /* in the agent's */
};
_Static_assert(sizeof(struct sl_detour) == 20, "no padding between the programs and the daemon");

#endif
