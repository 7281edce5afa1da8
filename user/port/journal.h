/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a port must have when nothing is left that remembers it: its snapshot
 * as a file, there only while the port changes hands.
 */
#ifndef SLUICE_PORT_JOURNAL_H
#define SLUICE_PORT_JOURNAL_H

#include "port/snapshot.h"

/* Whole or not at all. 0 or -errno. */
int journal_write(const char *path, const struct port_snapshot *snapshot, struct sl_err *err);
/* *ret all zero before, and to be freed also after an error. 0; -ENOENT; -EBADMSG if it makes no sense. */
int journal_read(const char *path, struct port_snapshot *ret, struct sl_err *err);

#endif
