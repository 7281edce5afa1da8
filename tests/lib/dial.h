/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection or one datagram between two namespaces, and what became of
 * it.
 *
 * Invariant: a refusal is what the kernel said (ECONNREFUSED …); silence is
 * ETIMEDOUT and nothing else is.
 */
#ifndef SLUICE_TESTS_DIAL_H
#define SLUICE_TESTS_DIAL_H

#include <sys/socket.h>

#include "lib/ns.h"

/* Of either family, as text. */
socklen_t dial_address(const char *text, int port, struct sockaddr_storage *ret);
/* A socket that is bound and, a stream, listens. Fails the test if it cannot be made. */
int dial_server(struct ns *ns, const char *at, int port, int type);
/* 0 connected (*ret_fd if not NULL), or errno; ETIMEDOUT if neither within ms. */
int dial_tcp(struct ns *from, const char *to, int port, int ms, int *ret_fd);
/* 0 arrived at the receiver; errno of the sender's socket, ETIMEDOUT if neither within ms. */
int dial_udp(struct ns *from, const char *to, int port, int receiver, int ms);

#endif
