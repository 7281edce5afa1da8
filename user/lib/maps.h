/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pinned maps of an instance, seen from user space.
 *
 * Invariant: a map is used only if its type, key and value sizes are those of
 * abi.h; anything else under that name is refused, never reinterpreted.
 */
#ifndef SLUICE_LIB_MAPS_H
#define SLUICE_LIB_MAPS_H

#include <linux/types.h>
#include <stdbool.h>

#include "lib/err.h"
#include "sluice/abi.h"

/* Descriptors of the maps of abi.h; -1 for one that is not open. */
struct sl_maps {
	int ports, workloads, ucmacs, config, counters, traffic, etypes, core, xsks, flows;
};

#define SL_MAPS_NONE                                                                                         \
	{                                                                                                    \
		-1, -1, -1, -1, -1, -1, -1, -1, -1, -1                                                       \
	}

/* dir: the instance's folder, e.g. /sys/fs/bpf/sluice/default. All or none are open on return. 0 or -errno. */
int sl_maps_open(struct sl_maps *maps, const char *dir, struct sl_err *err);
void sl_maps_close(struct sl_maps *maps);

/* Sum over all CPUs. 0 or -errno. */
int sl_maps_counters(const struct sl_maps *maps, enum sl_program prog, struct sl_counters *ret,
		     struct sl_err *err);
/* Sum over all CPUs of one workload's traffic; all zero (and 0) if it has none yet. */
int sl_maps_traffic(const struct sl_maps *maps, __u16 id, struct sl_traffic *ret, struct sl_err *err);

/* Frames that left by an OUT reason, and those dropped, of one program. */
struct sl_books {
	__u64 in, out, drop;
};
void sl_counters_books(const struct sl_counters *counters, struct sl_books *ret);

/*
 * Verifies in = out + drop for one program while frames may be flowing: reads
 * the exits, then `in`, then the exits again; `in` must lie between the two
 * sums, give or take one frame in flight per CPU. 1 closed, 0 not, or -errno.
 * *ret_before and *ret_after (may be NULL) receive the two readings.
 */
int sl_maps_books_closed(const struct sl_maps *maps, enum sl_program prog, struct sl_books *ret_before,
			 struct sl_books *ret_after, struct sl_err *err);

/* Static strings: "inspect", "allow", "deny"; "?" beyond the end. */
const char *sl_verdict_name(unsigned int verdict);
/* Static strings: "vex"…, "off"…, "closed"/"open", the reason's name and text; "?" beyond the end. */
const char *sl_program_name(unsigned int prog);
const char *sl_mode_name(unsigned int mode);
const char *sl_fail_name(unsigned int fail);
const char *sl_reason_name(unsigned int reason);
const char *sl_reason_text(unsigned int reason);
bool sl_reason_is_drop(unsigned int reason);
/* 0 or -EINVAL, *ret untouched then. */
int sl_mode_parse(const char *word, __u8 *ret);
int sl_fail_parse(const char *word, __u8 *ret);
int sl_program_parse(const char *word, unsigned int *ret);

#endif
