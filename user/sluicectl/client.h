/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asking the daemon: one request, one answer; lists with all their pages.
 *
 * Invariant: an answer is used only if it has the protocol's shape. Whatever
 * else comes back (cut, malformed, of another shape, never ending) is an error.
 */
#ifndef SLUICE_CTL_CLIENT_H
#define SLUICE_CTL_CLIENT_H

#include "sluicectl/verb.h"

/* A request with that command, or NULL without memory. */
json_t *client_request(const char *command, struct sl_err *err);

/*
 * Connects, asks, and puts the result into *ret (a new reference). The request
 * stays the caller's. The daemon's own errors come back as they are. On
 * failure to connect ctl->hint says what to do. 0 or -errno.
 */
int client_call(struct ctl *ctl, json_t *request, json_t **ret, struct sl_err *err);

/*
 * The same with a descriptor that goes with the request (-1: none), and the
 * one that comes with the answer if ret_fd is not NULL (-1: none; the caller's).
 */
int client_call_passing(struct ctl *ctl, json_t *request, int passed, json_t **ret, int *ret_fd,
			struct sl_err *err);

/*
 * A conversation with the core itself, which tells of sessions, of what it has
 * learned, and of events. Descriptor, to be closed, or -errno.
 */
int client_core(struct ctl *ctl, struct sl_err *err);
/* One request in it. */
int client_ask_core(int fd, const json_t *request, json_t **ret, struct sl_err *err);

/* The same for a list in pages: *ret is {"items": [all]}. */
int client_list(struct ctl *ctl, json_t *request, json_t **ret, struct sl_err *err);

/*
 * A whole verb that is one request and one answer: read() puts the words into
 * the request, print() shows the result where JSON is not wanted.
 */
typedef int (*client_read)(struct ctl *ctl, json_t *request, int argc, char **argv, struct sl_err *err);
typedef int (*client_print)(const json_t *result, struct sl_err *err);
int client_verb(struct ctl *ctl, const char *command, client_read read, client_print print, int argc,
		char **argv, struct sl_err *err);

/* As client_call(), and returns when the process that has answered has ended. */
int client_call_until_end(struct ctl *ctl, json_t *request, json_t **ret, struct sl_err *err);

#endif
