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
/*
 * The same of a file below an open folder: for those who have many. The kernel
 * has one chain of entries for "net/ipv4" of all namespaces, and every look-up
 * by a whole path goes through it, thousands long where there are thousands.
 */
int sl_sysctl_folder(const char *path); /* a descriptor, the caller's, or -errno */
int sl_sysctl_read_at(int folder, const char *file, char *value, size_t size, struct sl_err *err);
int sl_sysctl_write_at(int folder, const char *file, const char *value, struct sl_err *err);

#endif
