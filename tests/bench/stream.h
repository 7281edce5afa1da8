/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a user's programs would do with the port: send a lot, ask and wait for
 * the answer, send steadily. Ordinary sockets, one process at each end.
 */
#ifndef SLUICE_BENCH_STREAM_H
#define SLUICE_BENCH_STREAM_H

#include "bench/lab.h"

enum stream_way { STREAM_TO_WORKLOAD, STREAM_FROM_WORKLOAD };

struct stream_result {
	double gbit; /* a second */
	double cpu_ns_per_byte; /* of all processors, whoever used them: only of use on a quiet machine */
};

/* One TCP connection for `ms`, measured at the receiver once it has settled. 0 or -errno. */
int stream_tcp(const struct workload *workload, enum stream_way way, unsigned int ms,
	       struct stream_result *ret, struct sl_err *err);

#define STREAMS_MAX 64
/* n connections at once, 1..STREAMS_MAX: the sum of what they carry. 0 or -errno. */
int stream_tcp_many(const struct workload *workload, enum stream_way way, unsigned int n, unsigned int ms,
		    double *ret_gbit, struct sl_err *err);

/* Median round trip of `n` datagrams of 64 bytes to an echo in the workload, one after the other. */
int stream_echo(const struct workload *workload, unsigned int n, double *ret_us, struct sl_err *err);

/* Round trips over one TCP connection. */
struct stream_rtt {
	double p50_us, p99_us;
};
/* `n` questions of 64 bytes and their answers, one every `period_us`. 0 or -errno. */
int stream_ask(const struct workload *workload, unsigned int n, unsigned int period_us,
	       struct stream_rtt *ret, struct sl_err *err);

/*
 * Datagrams in frames of `frame_len` bytes, `paced` a second or (0) as fast as a sender on CPU 0 hands them to its
 * socket, received by a socket on CPU 1. What was received a second; 0 or -errno.
 */
struct datagrams {
	double per_s;
	double cores; /* how many processors were busy meanwhile, whoever used them */
	__u64 sent, received; /* of the whole run */
	__u64 no_room; /* dropped at the receiver's socket */
};
int stream_datagrams(const struct workload *workload, enum stream_way way, unsigned int frame_len,
		     unsigned int paced, unsigned int ms, struct datagrams *ret, struct sl_err *err);

/* A steady stream of datagrams to the workload, and the longest time nothing came in. */
struct steady;
int steady_start(struct steady **ret, const struct workload *workload, unsigned int per_s,
		 struct sl_err *err);
/* Forgets the gaps so far. */
void steady_reset(struct steady *steady);
/*
 * Waits until `ms` after now, then until datagrams come in again. The longest gap since the reset, -ETIMEDOUT
 * when there was nothing for five seconds.
 */
int steady_gap(struct steady *steady, unsigned int ms, double *ret_ms, struct sl_err *err);
void steady_end(struct steady *steady); /* NULL allowed */

#endif
