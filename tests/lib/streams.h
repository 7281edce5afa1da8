/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP streams that verify every byte, while something happens to them; and
 * whether any of many was taken out of order.
 */
#ifndef SLUICE_TESTS_STREAMS_H
#define SLUICE_TESTS_STREAMS_H

#include "lib/topo.h"

/* tcpverify, both directions at once as fast as they go, until it is told to stop. */
struct stream {
	struct proc *client, *server;
	unsigned long sent, received; /* bytes, by the client; set by stream_stop() */
};

/* It runs. `address` is the server's. */
struct stream stream_open(struct ns *client, struct ns *server, const char *address, int port);
/* From the host to the workload. */
struct stream stream_start(struct topo *t, const char *address, int port);
/* Fails the test if it has not run until now, or if not every byte that was sent has come, in its place. */
void stream_stop(struct stream *stream);
/* Stops it without a look at it. */
void stream_kill(struct stream *stream);

/*
 * A sender or a worker that changes its processor under load can have the kernel swap frames behind it, with or
 * without us. All that is started from here on stays on one.
 */
void streams_on_one_processor(void);
/*
 * Sixty short streams, both ways and families; less than the 256 frames of the wires inside, so that nothing is lost:
 * out of order is overtaken. Fails the test if the receivers had a segment out of order. How many were sent again.
 */
long streams_in_order(struct topo *t);

#endif
