/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events as lines of JSON in the EVE layout (Suricata's etc/schema.json and
 * its documentation "EVE JSON Format"), so that readers of such files take
 * ours as they are. What EVE has no place for goes where its schema allows
 * other names: metadata.flowvars (texts) and metadata.flowints (numbers).
 *
 * Invariant: a line is one JSON object and a newline; nothing a sender of
 * packets can choose is in it but as printable ASCII within quotes.
 */
#ifndef SLUICE_DPI_EVE_H
#define SLUICE_DPI_EVE_H

#include <stddef.h>

#include "dpi/event/event.h"

struct sl_eve {
	const char *interface; /* in_iface: vth */
	int64_t wall_offset_ns; /* what makes an event's time one of 1970 */
	bool netflow; /* with two netflow lines for each flow line */
	/* A workload's name, or NULL; NULL: no names known. */
	const char *(*workload_name)(void *context, uint16_t id);
	void *context;
};

/* One line, or several; malloc'ed and ended by NUL. NULL without memory. */
char *sl_eve_lines(const struct sl_eve *eve, const struct sl_event *event);

/* The figures of a stats line, of all workers together. */
struct sl_eve_stats {
	uint64_t time_ns, uptime_s;
	uint64_t packets, bytes, invalid; /* seen by the core; of these malformed */
	uint64_t kernel_drops; /* before it */
	uint64_t ipv4, ipv6, tcp, udp, icmp, sctp;
	uint64_t sessions, sessions_memory; /* now */
	uint64_t sessions_total, sessions_evicted;
	uint64_t fragments, reassembled, fragments_dropped;
	uint64_t alerts, dropped;
	uint64_t lost[SL_EVENT_KINDS]; /* events for which there was no room, ever */
	uint64_t suppressed[SL_EVENT_KINDS]; /* events kept back by the limit, ever */
};
char *sl_eve_stats_line(const struct sl_eve *eve, const struct sl_eve_stats *stats);

#endif
