/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the daemon must know after it was killed: one JSON file for the
 * instance, one for each taken port.
 *
 * Invariant: a file is whole at any time (written beside, synced, renamed
 * over). A port's file exists from before the port is touched until after it
 * is given back.
 */
#ifndef SLUICE_SLUICED_STATE_H
#define SLUICE_SLUICED_STATE_H

#include <jansson.h>

#include "lib/err.h"
#include "sluiced/workloads.h"

/* Replaces the file's content. 0 or -errno. */
int state_write(const char *path, const json_t *object, struct sl_err *err);
/* 0; -ENOENT; -EINVAL if it is no JSON object; other -errno. */
int state_read(const char *path, json_t **ret, struct sl_err *err);

/* <ports_dir>/<id>.json */
int state_save_port(const char *ports_dir, const struct workload *workload, struct sl_err *err);
int state_remove_port(const char *ports_dir, __u16 id, struct sl_err *err); /* 0 also when it is gone */
/* <ports_dir>/<id>.journal, there while a port that is not `taken` changes hands; see port_recover(). */
int state_journal_path(const char *ports_dir, __u16 id, char path[SL_PATH_LEN], struct sl_err *err);
/* 0 also when it is gone. */
int state_remove_journal(const char *ports_dir, __u16 id, struct sl_err *err);

/*
 * Reads every port's file into a new entry of the register. A file that
 * cannot be understood is reported by bad(), and kept; its id is reserved.
 */
int state_load_ports(const char *ports_dir, struct workloads *workloads,
		     void (*bad)(const struct sl_err *err), struct sl_err *err);

/* "1a:27:f3:87:3a:27" and back; parse: 0 or -EINVAL. */
#define MAC_TEXT_LEN 18
const char *mac_format(const __u8 *mac, char text[MAC_TEXT_LEN]);
int mac_parse(const char *text, __u8 *ret_mac);

#endif
