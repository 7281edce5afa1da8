/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The books. Each program calls sl_count_in() on entry and sl_count_out()
 * on its one way out; nothing else touches the counters.
 *
 * Invariant: in = sum of reasons, per program and CPU, whenever no frame is
 * inside the program. Per-CPU and without atomics: a tc or XDP program is not
 * interrupted by another frame of the same program on its CPU.
 */
#ifndef SLUICE_COUNT_BPF_H
#define SLUICE_COUNT_BPF_H

#include "maps.bpf.h"

static __always_inline void sl_count_add(struct sl_count *count, __u32 segments, __u64 bytes)
{
	count->frames += 1;
	count->segments += segments;
	count->bytes += bytes;
}

/* Never NULL in practice (an array of SL_PROG_MAX); the verifier wants the check. */
static __always_inline struct sl_counters *sl_count_in(__u32 program, __u32 segments, __u64 bytes)
{
	struct sl_counters *counters = bpf_map_lookup_elem(&sl_counters_v3, &program);

	if (counters)
		sl_count_add(&counters->in, segments, bytes);
	return counters;
}

static __always_inline void sl_count_out(struct sl_counters *counters, enum sl_reason reason, __u32 segments,
					 __u64 bytes)
{
	if (reason < SL_REASON_MAX)
		sl_count_add(&(&counters->in)[1 + reason], segments, bytes);
}

/* What is one skb here was or will be this many frames on the wire. */
static __always_inline __u32 sl_segments(const struct __sk_buff *skb)
{
	return skb->gso_segs ? skb->gso_segs : 1;
}

/* DROP reasons by X-macro, as bits, so that the list stays the only place that knows. */
#define SL_KIND_OUT 0ULL
#define SL_KIND_DROP 1ULL
static __always_inline bool sl_is_drop(enum sl_reason reason)
{
	const __u64 drops = 0
#define X(name, kind, programs, text) | (SL_KIND_##kind << SL_R_##name)
		SL_REASONS(X)
#undef X
		;
	_Static_assert(SL_REASON_MAX <= 64, "the mask of drop reasons is one word");

	return (drops >> reason) & 1;
}

#endif
