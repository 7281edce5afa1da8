/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threats by name: the one list behind numbers, words and severities, and who
 * has been told of which when.
 *
 * Invariant: of the same threat at the same workload the first is told at
 * once, the others as one with their number every SL_THREAT_EVERY_S seconds.
 */
#ifndef SLUICE_DPI_THREAT_H
#define SLUICE_DPI_THREAT_H

#include <stdbool.h>
#include <stdint.h>

#define SL_THREAT_EVERY_S 10
#define SL_THREATS_TOLD 1024 /* pairs of threat and workload remembered by a worker */

/*
 * X(name, number, severity, DROP or PASS in protect, text). The numbers are those of the existing data plane's
 * protocol; severity as EVE has it, 1 is the worst.
 */
/* clang-format off */
#define SL_THREATS(X)                                                                     \
	X(syn_flood,       1001, 1, DROP, "SYN flood")                                          \
	X(icmp_flood,      1002, 1, DROP, "ICMP flood")                                         \
	X(source_sessions, 1003, 2, DROP, "too many new sessions of one source")                \
	X(bad_packet,      2001, 2, DROP, "malformed packet")                                   \
	X(teardrop,        2002, 1, DROP, "overlapping fragments (teardrop)")                   \
	X(syn_data,        2003, 3, PASS, "SYN with data")                                      \
	X(split_handshake, 2004, 2, DROP, "TCP split handshake")                                \
	X(no_data,         2005, 3, PASS, "TCP connection without data")                        \
	X(ping_of_death,   2006, 1, DROP, "ping of death")                                      \
	X(small_window,    2016, 3, PASS, "TCP window of almost nothing")                       \
	X(small_mss,       2025, 2, PASS, "TCP with a very small segment size")
/* clang-format on */

enum sl_threat {
#define X(name, number, severity, action, text) SL_THREAT_##name,
	SL_THREATS(X)
#undef X
		SL_THREAT_MAX,
};

struct sl_threat_facts {
	const char *name, *text; /* static */
	uint32_t number;
	uint8_t severity;
	bool drops; /* in protect */
};
const struct sl_threat_facts *sl_threat_facts(enum sl_threat threat);

/* Of one worker. */
struct sl_threat_memory;
struct sl_threat_memory *sl_threat_memory_new(void); /* NULL without memory */
void sl_threat_memory_free(struct sl_threat_memory *memory); /* NULL allowed */
/* One more: how many are to be told of now, 0 for none yet. */
uint32_t sl_threat_count(struct sl_threat_memory *memory, enum sl_threat threat, uint16_t workload,
			 uint64_t now_ns);
/* One that has waited long enough without another coming: the number, 0 when there is no more. */
uint32_t sl_threat_due(struct sl_threat_memory *memory, uint64_t now_ns, enum sl_threat *ret_threat,
		       uint16_t *ret_workload);

#endif
