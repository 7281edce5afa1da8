/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datagrams on their way to somebody who may read slowly, or not at all.
 *
 * Invariant: sending never blocks; no more than QUEUE_MAX datagrams wait; when
 * there is no room the oldest goes and is counted. Who does not read keeps
 * nobody else waiting.
 */
#ifndef SLUICE_COMPAT_QUEUE_H
#define SLUICE_COMPAT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#define QUEUE_MAX 256

struct queue_message {
	size_t len;
	struct sockaddr_un to;
	socklen_t to_len;
	uint8_t *bytes;
};

struct queue {
	int fd; /* datagram socket that is sent from; the owner's */
	bool patient; /* who is not there may come back: it is kept for him */
	unsigned int n;
	uint64_t sent, dropped; /* dropped: for want of room, of memory, or of a reader */
	struct queue_message message[QUEUE_MAX]; /* the oldest first */
};

/* A copy of the bytes to this address; sends at once what can be sent. */
void queue_add(struct queue *queue, const void *bytes, size_t len, const struct sockaddr_un *to,
	       socklen_t to_len);
/* Sends what can be sent now. True: something still waits. */
bool queue_push(struct queue *queue);
void queue_clear(struct queue *queue);

#endif
