/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The product's programs on maps filled by hand, without a daemon: what one of
 * them costs per frame, by BPF_PROG_TEST_RUN.
 */
#ifndef SLUICE_BENCH_BED_H
#define SLUICE_BENCH_BED_H

#include "bench/lab.h"
#include "lib/maps.h"

struct bed;

/* All programs, `n` workloads with ids 1..n, in a namespace and pin folder of their own. 0 or -errno. */
int bed_open(struct bed **ret, unsigned int n, struct sl_err *err);
void bed_close(struct bed *bed); /* NULL allowed */

/* The mode of workload 1. */
int bed_mode(struct bed *bed, enum sl_mode mode, struct sl_err *err);

/*
 * Verdicts are looked for from now on; there are n, one of them for the frame
 * of workload 1 on vex: allowed, and turned. *ret_bytes: the kernel's own
 * figure of what the map takes, an entry.
 */
int bed_flows(struct bed *bed, unsigned int n, double *ret_bytes, struct sl_err *err);

/*
 * From now on sl_vbr runs on frames that come out of vbr, for workloads whose
 * vin leads to another namespace, which bed_far() then is. 0 or -errno.
 */
int bed_deliver(struct bed *bed, struct sl_err *err);
const struct ns *bed_ns(const struct bed *bed);
const struct ns *bed_far(const struct bed *bed);

enum bed_ids { BED_LAST, BED_RANDOM };

/*
 * Mean cost in ns of program prog (vex, vin, vbr) on a 64-byte UDP frame: of
 * workload 1 for vex and vin, for vbr of the last workload or of another one
 * for each frame. -EIO if the frames did not leave by `expected`.
 */
int bed_cost(struct bed *bed, enum sl_program prog, enum bed_ids ids, enum sl_reason expected, double *ret_ns,
	     struct sl_err *err);

#endif
