/* SPDX-License-Identifier: BSD-2-Clause */
/* Sysctls below /proc/sys, in the current network namespace. */
#ifndef SLUICE_LIB_SYSCTL_H
#define SLUICE_LIB_SYSCTL_H

#include <stddef.h>

#include "lib/err.h"

/* path is relative to /proc/sys, e.g. "net/ipv6/conf/eth0/disable_ipv6"; value without newline. 0 or -errno. */
int sl_sysctl_write(const char *path, const char *value, struct sl_err *err);
/* At most size-1 bytes, trailing newline removed. 0 or -errno (-E2BIG if it does not fit). */
int sl_sysctl_read(const char *path, char *value, size_t size, struct sl_err *err);

#endif
