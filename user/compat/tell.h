/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the core's reports to what the agent is told: connections gathered and
 * sent every six seconds, threats, applications and names at once.
 *
 * Invariant: memory is bounded; what finds no room is counted in the figures
 * that counter_device shows. A report of another build of the core is not
 * looked at.
 */
#ifndef SLUICE_COMPAT_TELL_H
#define SLUICE_COMPAT_TELL_H

#include "compat/agent.h"
#include "compat/queue.h"

#define TELL_CONNECTIONS_MAX 8192 /* gathered */
#define TELL_NAMES_MAX 4096 /* addresses whose name is remembered */
#define TELL_EVERY_S 6

struct tell_figures {
	uint64_t connections, no_room; /* rows told, rows there was no room for */
};

struct tell;
/* Messages go to the queue, addressed to `to`. NULL without memory. */
struct tell *tell_new(struct agent *agent, struct queue *queue, const struct sockaddr_un *to);
void tell_free(struct tell *tell); /* NULL allowed */
/* One message of reports, of len bytes. */
void tell_reports(struct tell *tell, const uint8_t *bytes, size_t len);
void tell_connections(struct tell *tell); /* every TELL_EVERY_S */
void tell_names_expire(struct tell *tell); /* now and then */
void tell_applications(struct tell *tell); /* of all endpoints, all: refresh_app */
void tell_figures(const struct tell *tell, struct tell_figures *ret);

#endif
