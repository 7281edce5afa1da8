/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One flow of the runner's workload, port 8080, with a peer behind vex, port
 * 40000, of either family: its frames, its entry in the map of flows, and what
 * the programs make of them. `in` is toward the workload.
 */
#ifndef SLUICE_TESTS_BPF_FLOW_LAB_H
#define SLUICE_TESTS_BPF_FLOW_LAB_H

#include <criterion/criterion.h>

#include "bpf/runner.h"
#include "lib/frames.h"

#define FLOW_WL "1a:27:f3:87:3a:27"
#define FLOW_FAR "06:82:9c:02:54:91"
#define FLOW_HOST4 "10.10.10.66"
#define FLOW_WL4 "10.10.10.88"
#define FLOW_HOST6 "fd00:10::66"
#define FLOW_WL6 "fd00:10::88"
#define FLOW_HOST_PORT 40000
#define FLOW_WL_PORT 8080

struct sl_flow_key flow_key(int family, __u8 protocol);
/* Both directions on the given way, given now; the neighbour of both is FLOW_FAR. */
void flow_give(struct runner *runner, int family, __u8 protocol, enum sl_verdict verdict, __u32 generation,
	       enum sl_way way);
/* The test fails if there is none. */
struct sl_flow flow_look(struct runner *runner, int family, __u8 protocol);

void flow_eth(struct frame *f, bool in);
void flow_ip(struct frame *f, bool in, int family, __u8 protocol);
void flow_tcp(struct frame *f, bool in, int family, __u32 seq, __u32 ack, __u8 flags, size_t len);
void flow_udp(struct frame *f, bool in, int family, size_t len);

/* Runs it on the leg it would come in on: the reason. */
int flow_run(struct runner *runner, const struct frame *f, bool in, struct outcome *ret);
#define flow_expect(runner, f, in, ret, want, ...)                                                           \
	do {                                                                                                 \
		const struct frame *frame_ = (f);                                                            \
		int reason_ = flow_run(runner, frame_, in, ret);                                             \
		cr_expect_eq(reason_, (int)(want), __VA_ARGS__);                                             \
		if (reason_ != (int)(want))                                                                  \
			cr_log_error("%s, not %s: %s", sl_reason_name((unsigned int)reason_),                \
				     sl_reason_name(want), frame_hex(frame_->data, frame_->len));            \
	} while (0)

#endif
