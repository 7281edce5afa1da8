// SPDX-License-Identifier: BSD-2-Clause
/* Filling in an event; see event.h. */
#include "dpi/event/event.h"

#include <stdio.h>
#include <string.h>

const char *sl_event_name(enum sl_event_kind kind)
{
	static const char *const names[SL_EVENT_KINDS] = {
		[SL_EVENT_FLOW] = "flow", [SL_EVENT_NETFLOW] = "netflow", [SL_EVENT_ALERT] = "alert",
		[SL_EVENT_DROP] = "drop", [SL_EVENT_STATS] = "stats",
	};

	return kind < SL_EVENT_KINDS ? names[kind] : "unknown";
}

void sl_event_of_session(struct sl_event *ret, const struct sl_session *session)
{
	memset(ret, 0, sizeof(*ret));
	ret->flow_id = session->id;
	ret->tuple = session->tuple;
	ret->start_ns = session->started_ns;
	ret->last_ns = session->last_ns;
	ret->workload = session->workload;
	ret->ingress = session->ingress;
	ret->application = session->application;
	ret->confidence = session->confidence;
	ret->action = session->action;
	ret->rule = session->rule;
	if (session->name)
		snprintf(ret->name, sizeof(ret->name), "%s", session->name);
}

void sl_event_of_packet(struct sl_event *ret, const struct sl_packet *packet)
{
	memset(ret, 0, sizeof(*ret));
	ret->tuple = packet->tuple;
	ret->time_ns = ret->start_ns = ret->last_ns = packet->now_ns;
	ret->workload = packet->workload;
	ret->ingress = packet->to_workload;
	ret->vlan = packet->vlan;
	ret->icmp_type = packet->icmp_type;
	ret->icmp_code = packet->icmp_code;
}
