/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an agent of the existing protocol is told of, as records of a worker's
 * ring: connections in deltas, threats with their packet, names with their
 * addresses. They go to whoever has asked for them as they are; the same
 * machine, the same build.
 *
 * Invariant: as with events: telling never blocks and never allocates; what
 * finds no room is lost and counted. Without a listener nothing is written.
 */
#ifndef SLUICE_DPI_REPORT_H
#define SLUICE_DPI_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dpi/decode/packet.h"

#define SL_REPORT_VERSION 1
#define SL_REPORT_PACKET 2048 /* bytes of a threat's packet at most */
#define SL_REPORT_NAME 256

enum sl_report_kind { SL_REPORT_CONNECTION = 1, SL_REPORT_THREAT, SL_REPORT_NAMED, SL_REPORT_KINDS };

/* All lengths are multiples of 8. */
struct sl_report {
	uint32_t len; /* of this and what follows it */
	uint8_t kind; /* enum sl_report_kind */
	uint8_t version;
	uint16_t workload;
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	struct sl_tuple tuple; /* source is the client; of a threat's packet: the sender */
	uint16_t application;
	uint8_t application_final;
	uint8_t ingress; /* the session's */
	uint8_t label, severity; /* SL_LABEL_* */
	uint16_t flags; /* SL_LOOK_* */
	uint32_t rule, threat;
	union {
		struct {
			uint64_t first_ns, last_ns, bytes; /* bytes: since the last report, whole frames */
			uint32_t sessions, violates; /* since then */
		} connection;
		struct {
			uint32_t count;
			uint16_t packet_len, captured; /* of the frame: what follows, and what there was */
			uint8_t to_workload, dropped, icmp_type, icmp_code;
			char text[64];
		} seen;
		struct {
			struct sl_addr address;
			uint32_t ttl;
			uint16_t name_len; /* follows, without a NUL */
		} named;
	};
};

/* One writer (a worker), one reader (the main thread). */
struct sl_report_ring;
/* size: bytes, a power of two. NULL without memory. */
struct sl_report_ring *sl_report_ring_new(uint32_t size);
void sl_report_ring_free(struct sl_report_ring *ring); /* NULL allowed */
/* By the reader: is anything to be written? What is there when it ends is thrown away. */
void sl_report_listen(struct sl_report_ring *ring, bool listening);
bool sl_report_wanted(const struct sl_report_ring *ring);
/* With more bytes behind it; fills in len and version. False: no room, counted. */
bool sl_report_put(struct sl_report_ring *ring, struct sl_report *report, const void *more, size_t len);
/* As many whole records as fit into size bytes; how many bytes, 0: there are none. */
size_t sl_report_take(struct sl_report_ring *ring, void *to, size_t size);
uint64_t sl_report_lost(const struct sl_report_ring *ring); /* any thread */

#endif
