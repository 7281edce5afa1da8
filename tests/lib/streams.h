/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP streams that verify every byte, while something happens to them; and
 * whether any of many was taken out of order.
 */
#ifndef SLUICE_TESTS_STREAMS_H
#define SLUICE_TESTS_STREAMS_H

#include "lib/topo.h"

/* tcpverify with a server in the workload at `address` and a client in the host; it runs. */
struct proc *stream_start(struct topo *t, const char *address, int port, unsigned long bytes,
			  struct proc **ret_server);
/* Both must end well within a minute and a half. */
void stream_finish(struct proc *client, struct proc *server);

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
