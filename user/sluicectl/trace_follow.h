/* SPDX-License-Identifier: BSD-2-Clause */
/* The programs' own lines in the kernel's trace_pipe. */
#ifndef SLUICE_CTL_TRACE_FOLLOW_H
#define SLUICE_CTL_TRACE_FOLLOW_H

#include "sluicectl/verb.h"

/*
 * Prints lines as they come until SIGINT or SIGTERM. programs: bits 1 << enum
 * sl_program, 0 for all; id: 0 for all. 0 or -errno.
 */
int trace_follow(struct ctl *ctl, unsigned int programs, unsigned int id, struct sl_err *err);

#endif
