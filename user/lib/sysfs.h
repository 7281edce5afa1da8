/* SPDX-License-Identifier: BSD-2-Clause */
/* /sys of the current network namespace: what is mounted on /sys shows only the one it was mounted in. */
#ifndef SLUICE_LIB_SYSFS_H
#define SLUICE_LIB_SYSFS_H

#include "lib/err.h"

/* A mount that is nowhere in the tree and ends with the descriptor; the caller's. -errno where the kernel makes none. */
int sl_sysfs_open(struct sl_err *err);

#endif
