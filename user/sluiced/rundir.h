/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An instance's run folder and the two locks that make it the only one: of
 * its name, and of the namespace it serves.
 *
 * Invariant: whoever holds both locks may change everything that carries the
 * instance's name. A lock ends with its process, so none is ever stale; the
 * file's content only says who holds it.
 */
#ifndef SLUICE_SLUICED_RUNDIR_H
#define SLUICE_SLUICED_RUNDIR_H

#include "lib/conf.h"
#include "lib/err.h"
#include "lib/netns.h"

struct rundir {
	char path[SL_PATH_LEN]; /* <run_dir>/<instance> */
	char ports[SL_PATH_LEN]; /* <run_dir>/<instance>/ports */
	char netns_lock_path[SL_PATH_LEN];
	int lock, netns_lock;
};
#define RUNDIR_NONE                                                                                          \
	{                                                                                                    \
		.lock = -1, .netns_lock = -1                                                                 \
	}

/* Makes the folders and takes both locks. 0; -EBUSY with the holder's pid and instance in the text; -errno. */
int rundir_open(struct rundir *dir, const struct sl_conf *conf, const struct sl_netns_id *ns,
		struct sl_err *err);
/* Lets the locks go, leaves the files. */
void rundir_close(struct rundir *dir);
/* Removes the files and the folders, while the locks are held. 0 or -errno. */
int rundir_remove(const struct rundir *dir, struct sl_err *err);

/* mkdir -p; folders that are made get the mode. 0 or -errno. */
int make_folders(const char *path, mode_t mode, struct sl_err *err);
/* Opens (making it if need be) and flocks a file. Descriptor; -EWOULDBLOCK if another process holds it; -errno. */
int lock_file(const char *path, struct sl_err *err);
/* Reads a small file whole into text, a NUL behind it. Length or -errno (-EFBIG if it does not fit). */
int read_text(const char *path, char *text, size_t size);

#endif
