/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A flood of equal small UDP frames from the host into a workload's port, and
 * the counter at its far end.
 */
#ifndef SLUICE_BENCH_FLOOD_H
#define SLUICE_BENCH_FLOOD_H

#include <linux/types.h>

#include "bench/lab.h"

#define FLOOD_PORT 9 /* discard */

struct flood;

/* Loads the programs. 0 or -errno. */
int flood_open(struct flood **ret, struct sl_err *err);
void flood_close(struct flood *flood); /* NULL allowed */

/* Stops and counts the flood's frames as they come out of eth0 in ns, until fd (the link) is closed. fd or -errno. */
int flood_sink(struct flood *flood, const struct ns *ns, struct sl_err *err);

/*
 * Makes ready the far end of the workload's host port, which is in ns and whose name begins with prefix, for the
 * flood's frames, until fd (a link) is closed. fd or -errno.
 */
int flood_prepare(struct flood *flood, const struct ns *ns, const char *prefix, struct sl_err *err);

/* Hands whatever comes to `from` straight to the far end of `to`, both in ns, until fd (a link) is closed. fd or -errno. */
int flood_redirect(struct flood *flood, const struct ns *ns, const char *from, const char *to,
		   struct sl_err *err);

/* So far, over all runs. */
__u64 flood_sent(const struct flood *flood);
__u64 flood_received(const struct flood *flood);
#define FLOOD_FLOWS_MAX 131072 /* from eight addresses: the host's, and others of its network */
/*
 * Sends frames of `len` bytes (Ethernet header included), of `flows` flows in turns (a power of two; 0: one), to the workload for
 * the given time, as fast as CPU 0 makes them, and measures what arrives a second
 * once it has settled. 0 or -errno.
 */
int flood_run(struct flood *flood, const struct workload *workload, unsigned int len, unsigned int flows,
	      unsigned int ms, double *ret_per_s, struct sl_err *err);

#endif
