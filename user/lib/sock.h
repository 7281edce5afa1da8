/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unix SEQPACKET sockets that carry one JSON object per message.
 *
 * Invariant: a message longer than SL_MSG_MAX is never accepted whole or in
 * part; the caller learns -EMSGSIZE and the connection stays usable.
 */
#ifndef SLUICE_LIB_SOCK_H
#define SLUICE_LIB_SOCK_H

#include <sys/types.h>

#include "lib/err.h"

#define SL_MSG_MAX 65536 /* bytes of one request or answer */

/* Creates, binds (mode 0600, a stale socket file replaced, a live one refused with -EADDRINUSE) and listens. Descriptor or -errno. */
int sl_sock_listen(const char *path, struct sl_err *err);
int sl_sock_connect(const char *path, struct sl_err *err);

/* Peer's credentials by SO_PEERCRED. 0 or -errno. */
int sl_sock_peer(int fd, uid_t *ret_uid, pid_t *ret_pid);

/* Sends len bytes as one message, without SIGPIPE. 0 or -errno. */
int sl_sock_send(int fd, const void *data, size_t len);
/* Receives one message into buf (size bytes). Its length, 0 at the end, -EMSGSIZE if it was cut, -errno. */
ssize_t sl_sock_recv(int fd, void *buf, size_t size);

/* The same with a descriptor that may come with the message: -1 if none does, else the caller's to close. */
ssize_t sl_sock_recv_fd(int fd, void *buf, size_t size, int *ret_fd);
/* Sends a descriptor with the message; it stays the caller's. 0 or -errno. */
int sl_sock_send_fd(int fd, const void *data, size_t len, int passed);

#endif
