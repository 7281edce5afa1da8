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

/*
 * What comes next, in words, for whoever finds the file later: lines behind
 * the snapshot, or behind whatever else the file holds. A line outlives this
 * process when journal_line() returns. The descriptor is the caller's; -errno.
 */
int journal_open_lines(const char *path, struct sl_err *err);
int journal_line(int journal, struct sl_err *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* All that was written so far is on the disk when it returns. */
int journal_sync(int journal, struct sl_err *err);
/* The last whole line; empty if there is none, or no such file. */
#define JOURNAL_LINE 128
void journal_last_line(const char *path, char line[JOURNAL_LINE]);

#endif
