/* SPDX-License-Identifier: BSD-2-Clause */
/* Is the far end of an interface there? */
#ifndef SLUICE_DPI_CARRIER_H
#define SLUICE_DPI_CARRIER_H

#include <stdbool.h>

/*
 * True: the interface has been set down, or its far end has. fd: any socket of the interface's namespace that answers
 * an interface's requests (netdevice(7)). One that is not found by its name was renamed: nothing is said of it.
 */
bool sl_carrier_is_lost(int fd, const char *ifname);

#endif
