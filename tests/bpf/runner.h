/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs the real programs on single frames (BPF_PROG_TEST_RUN) and says what
 * became of them: verdict, frame as changed, and the one reason counted.
 *
 * Invariant: each runner has its own network namespace and its own bpffs, which
 * vanish with the test's process.
 */
#ifndef SLUICE_TESTS_BPF_RUNNER_H
#define SLUICE_TESTS_BPF_RUNNER_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/maps.h"
#include "sluice/abi.h"

#define RUNNER_FRAME_MAX 2048
#define RUNNER_ID 180 /* the workload's id; its UCMAC ends in 00:b4 */

extern const __u8 runner_mac[SL_MAC_LEN]; /* 1a:27:f3:87:3a:27 */
extern const __u8 runner_far_mac[SL_MAC_LEN]; /* of the kernel behind vex */

struct runner {
	struct sl_maps maps;
	int prog[SL_PROG_MAX];
	__u32 vex, vin, vbr, vbk; /* ifindexes of veth ends in the runner's namespace */
	int vth_socket; /* packet socket on vbr's peer: sees what is cloned to vbr … */
	int vtk_socket; /* … and on vbk's */
};

struct outcome {
	__u32 retval; /* TC_ACT_*, XDP_* */
	int reason; /* enum sl_reason; -1 if not exactly one was counted once, or `in` not once */
	size_t len;
	__u8 frame[RUNNER_FRAME_MAX];
};

/* Fails the test if anything is missing. One workload is there, on both legs: mode off, fail closed, not strict. */
void runner_start(struct runner *runner);
void runner_stop(struct runner *runner);

/* Writes the one workload's record. flags: SL_WL_*. */
void runner_workload(struct runner *runner, enum sl_mode mode, enum sl_fail fail, __u32 flags);
/* The policy's generation in it. */
void runner_generation(struct runner *runner, __u32 generation);
/* Whether the programs look for verdicts; runner_core() switches that off. */
void runner_verdicts(struct runner *runner, bool on);
/* Whether there is a bulk lane; runner_core() takes it away. */
void runner_bulk(struct runner *runner, bool on);
/* heartbeat_ns as in sl_config; alive: the core of queue 0 has stamped just now, or never. */
void runner_core(struct runner *runner, __u64 heartbeat_ns, bool alive);

/* Runs prog on the frame as if it had arrived on ifindex. */
void runner_run(struct runner *runner, enum sl_program prog, __u32 ifindex, const void *frame, size_t len,
		struct outcome *ret);

/* The frame last cloned to vbr, or 0 if none is waiting. */
size_t runner_cloned(struct runner *runner, __u8 *frame, size_t size);
/* The same of vbk. */
size_t runner_cloned_bulk(struct runner *runner, __u8 *frame, size_t size);

#endif
