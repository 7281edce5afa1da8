/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From where on something is a threat: the one list behind the keys of
 * sluiced.conf, the core's options, the request that changes them in a running
 * core, and the manuals.
 *
 * Invariant: all are whole numbers, 0 means never; sl_thresholds_check() knows
 * what no single one shows.
 */
#ifndef SLUICE_THRESHOLDS_H
#define SLUICE_THRESHOLDS_H

#include <linux/types.h>

/* X(field, as an option, default, highest, text) */
/* clang-format off */
#define SL_THRESHOLDS(X)                                                                                     \
	X(syn_flood, "syn-flood", 800, 100000000,                                                            \
	  "opening TCP packets of one source to one workload in a second")                                   \
	X(syn_flood_rest, "syn-flood-rest", 0, 100000000,                                                    \
	  "below so many it is over; 0: three quarters of syn_flood")                                        \
	X(icmp_flood, "icmp-flood", 100, 100000000,                                                          \
	  "ICMP packets of or to one workload in a second, errors not counted")                              \
	X(icmp_flood_rest, "icmp-flood-rest", 0, 100000000,                                                 \
	  "below so many it is over; 0: three quarters of icmp_flood")                                       \
	X(source_sessions, "source-sessions", 0, 100000000,                                                  \
	  "new sessions of one source with one workload in a second")                                        \
	X(source_sessions_rest, "source-sessions-rest", 0, 100000000,                                        \
	  "below so many it is over; 0: three quarters of source_sessions")                                  \
	X(small_mss, "small-mss", 64, 65535,                                                                 \
	  "TCP segment size, in bytes, that is too small to be meant well")                                  \
	X(small_window, "small-window", 64, 1073741823,                                                      \
	  "TCP window in the handshake, in bytes, that is too small to be meant well")                       \
	X(no_data, "no-data", 30, 86400,                                                                     \
	  "seconds that a TCP connection may be open before anything is said")
/* clang-format on */

struct sl_thresholds {
#define X(field, option, value, max, text) __u32 field;
	SL_THRESHOLDS(X)
#undef X
};

#define SL_THRESHOLDS_DEFAULT                                                                                \
	{                                                                                                    \
		SL_THRESHOLDS(SL_THRESHOLD_DEFAULT_)                                                         \
	}
#define SL_THRESHOLD_DEFAULT_(field, option, value, max, text) .field = (value),

#endif
