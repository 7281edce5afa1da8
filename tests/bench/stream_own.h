/* SPDX-License-Identifier: BSD-2-Clause */
/* What the senders and receivers of stream.h have in common. */
#ifndef SLUICE_BENCH_STREAM_OWN_H
#define SLUICE_BENCH_STREAM_OWN_H

#include <netinet/in.h>
#include <stdbool.h>

#include "bench/lab.h"

#define STREAM_PATIENCE_S 5

/* Between the two processes of a run: what the one needs of the other. */
struct shared {
	struct sockaddr_in addr;
	unsigned int ms;
	int ready; /* the receiver listens */
	double bytes_per_s, cpu_ns_per_byte;
};

/* NULL with the error in *err. The caller unmaps it. */
struct shared *stream_share(const struct in_addr *ip, unsigned int port, struct sl_err *err);
/* A socket that gives up after STREAM_PATIENCE_S, bound to the address or connected to it. fd or -errno. */
int stream_socket(int type, const struct sockaddr_in *addr, bool to_bind);
bool stream_wait_ready(const struct shared *shared);
/* The receiver first, then the sender; ends when the receiver has. Its exit status or -errno. */
int stream_run_two(const struct ns *receiver_ns, int (*receive)(void *), const struct ns *sender_ns,
		   int (*transmit)(void *), struct shared *shared, struct sl_err *err);

#endif
