/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Settings of a port that only sysfs has: which CPUs its queues use, and how
 * its polling waits. Kept in the list of its sysctls, under a folder of their own.
 */
#ifndef SLUICE_PORT_SYSFS_H
#define SLUICE_PORT_SYSFS_H

#include "port/sysctls.h"

#define SYSFS_FOLDER "sysfs"

/* Those that are not as the kernel makes them. In the current network namespace. 0 or -errno. */
int sysfs_read(const char *port, struct port_sysctls *list, struct sl_err *err);
/* Afterwards the port has those of the list and no others. 0 or -errno. */
int sysfs_apply(const char *port, const struct port_sysctls *wanted, struct sl_err *err);
/* Is this the name of one, as the list has it: "queues/rx-0/rps_cpus"? */
bool sysfs_knows(const char *file);

#endif
