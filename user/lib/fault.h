/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Errors and sudden deaths on demand, for the tests of what must never strand
 * a workload.
 *
 * Invariant: without SL_FAULTS (make FAULTS=1) nothing of this is in the
 * program: the macros are constants and cost no instruction.
 */
#ifndef SLUICE_LIB_FAULT_H
#define SLUICE_LIB_FAULT_H

#ifdef SL_FAULTS

#include <stdbool.h>

/* Counts a call of this kind ("netlink", "ioctl", …). A positive errno if it is the one to fail, else 0. */
int sl_fault(const char *kind);
/* A step of a table is about to run (or, at the end, none is left): the process is killed here if this is the place. */
void sl_fault_step(const char *doing, unsigned int step);

/* From now on counted anew: the nth call (from 1; 0: none, only count) fails with `code`. */
void sl_fault_arm(unsigned int nth, int code);
struct sl_fault_report {
	unsigned int calls;
	const char *failed; /* the kind of the call that was made to fail; NULL: there were not so many */
	bool stepped; /* a step has been reached: before, nothing is changed */
};
/* The same, but only calls of one kind count. */
void sl_fault_arm_kind(const char *kind, unsigned int nth, int code);
/* Of the nth call since then; NULL beyond the last, or beyond what is remembered. */
const char *sl_fault_kind(unsigned int nth);
/* Nothing is counted any more. */
void sl_fault_disarm(struct sl_fault_report *ret);
/*
 * SIGKILL at this step of what is called `doing`; NULL: never. A process that
 * is started with SLUICE_FAULT_STEP="take:3" in its environment has that set.
 */
void sl_fault_kill_at(const char *doing, unsigned int step);

#else

#define sl_fault(kind) 0
#define sl_fault_step(doing, step)                                                                           \
	do {                                                                                                 \
	} while (0)

#endif

#endif
