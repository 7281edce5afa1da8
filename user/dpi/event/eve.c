// SPDX-License-Identifier: BSD-2-Clause
/* From an event to its lines; see eve.h. */
#include "dpi/event/eve.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dpi/inspect/application.h"

#define TIME_LEN 40
#define TCP_ESTABLISHED_STATE 1 /* the kernel's numbers, as in struct sl_session */
#define TCP_SYN_SENT_STATE 2
#define TCP_SYN_RECV_STATE 3

static void text_time(const struct sl_eve *eve, uint64_t ns, char text[TIME_LEN])
{
	uint64_t wall = ns + (uint64_t)eve->wall_offset_ns;
	time_t seconds = (time_t)(wall / 1000000000u);
	struct tm tm;
	size_t len;

	if (!gmtime_r(&seconds, &tm))
		memset(&tm, 0, sizeof(tm));
	len = strftime(text, TIME_LEN, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + len, TIME_LEN - len, ".%06u+0000", (unsigned int)(wall % 1000000000u / 1000));
}

static const char *text_address(const struct sl_addr *addr, uint8_t family, char text[INET6_ADDRSTRLEN])
{
	if (family == 4)
		return inet_ntop(AF_INET, addr->byte + 12, text, INET6_ADDRSTRLEN);
	return inet_ntop(AF_INET6, addr->byte, text, INET6_ADDRSTRLEN);
}

static const char *text_protocol(uint8_t protocol, char text[8])
{
	static const struct {
		uint8_t protocol;
		const char *name;
	} names[] = {
		{ IPPROTO_TCP, "TCP" },		 { IPPROTO_UDP, "UDP" },   { IPPROTO_ICMP, "ICMP" },
		{ IPPROTO_ICMPV6, "IPv6-ICMP" }, { IPPROTO_SCTP, "SCTP" }, { IPPROTO_GRE, "GRE" },
		{ IPPROTO_ESP, "ESP" },		 { IPPROTO_AH, "AH" },	   { IPPROTO_IGMP, "IGMP" },
		{ IPPROTO_IPIP, "IP-ENCAP" },	 { IPPROTO_IPV6, "IPV6" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (names[i].protocol == protocol)
			return names[i].name;
	}
	snprintf(text, 8, "%03u", protocol);
	return text;
}

/* A text of a sender of packets, or of the kernel's map: printable ASCII only. */
static json_t *safe_string(const char *text, size_t max)
{
	char safe[256];
	size_t len = 0;

	for (; len < max && len < sizeof(safe) - 1 && text[len]; len++)
		safe[len] = text[len] >= ' ' && text[len] <= '~' ? text[len] : '?';
	safe[len] = 0;
	return json_string(safe);
}

static bool has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

static const char *text_action(uint8_t action)
{
	switch (action) {
	case SL_POLICY_ALLOW:
		return "allow";
	case SL_POLICY_VIOLATE:
		return "violate";
	case SL_POLICY_DENY:
		return "deny";
	case SL_POLICY_PENDING:
		return "pending";
	default:
		return "none";
	}
}

static json_t *metadata(const struct sl_eve *eve, const struct sl_event *event)
{
	const char *name = eve->workload_name ? eve->workload_name(eve->context, event->workload) : NULL;
	json_t *vars = json_array();

	if (name)
		json_array_append_new(vars, json_pack("{ss so}", "key", "workload", "value",
						      safe_string(name, 64)));
	if (*event->name)
		json_array_append_new(vars, json_pack("{ss so}", "key", "server_name", "value",
						      safe_string(event->name, sizeof(event->name))));
	json_array_append_new(vars, json_pack("{ss ss}", "key", "direction", "value",
					      event->ingress ? "ingress" : "egress"));
	json_array_append_new(vars, json_pack("{ss ss}", "key", "policy_action", "value",
					      text_action(event->action)));
	return json_pack("{so s{si sI si}}", "flowvars", vars, "flowints", "workload_id",
			 (int)event->workload, "rule", (json_int_t)event->rule, "application_confidence",
			 (int)event->confidence);
}

/* What all kinds have. swapped: from the server to the client. */
static json_t *new_line(const struct sl_eve *eve, const struct sl_event *event, enum sl_event_kind kind,
			bool swapped)
{
	const struct sl_tuple *tuple = &event->tuple;
	const struct sl_addr *from = swapped ? &tuple->destination : &tuple->source;
	const struct sl_addr *to = swapped ? &tuple->source : &tuple->destination;
	char when[TIME_LEN], source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN], number[8];
	json_t *line;

	text_time(eve, event->time_ns, when);
	line = json_pack("{ss ss ss ss ss ss si}", "timestamp", when, "event_type", sl_event_name(kind),
			 "in_iface", eve->interface, "src_ip", text_address(from, tuple->family, source),
			 "dest_ip", text_address(to, tuple->family, destination), "proto",
			 text_protocol(tuple->protocol, number), "ip_v", (int)tuple->family);
	if (!line)
		return NULL;
	if (event->flow_id)
		json_object_set_new(line, "flow_id", json_integer((json_int_t)event->flow_id));
	if (event->vlan)
		json_object_set_new(line, "vlan", json_pack("[i]", (int)event->vlan));
	if (has_ports(tuple->protocol)) {
		json_object_set_new(line, "src_port",
				    json_integer(swapped ? tuple->destination_port : tuple->source_port));
		json_object_set_new(line, "dest_port",
				    json_integer(swapped ? tuple->source_port : tuple->destination_port));
	}
	if (tuple->protocol == IPPROTO_ICMP || tuple->protocol == IPPROTO_ICMPV6) {
		json_object_set_new(line, "icmp_type", json_integer(event->icmp_type));
		json_object_set_new(line, "icmp_code", json_integer(event->icmp_code));
	}
	if (event->application)
		json_object_set_new(line, "app_proto", json_string(sl_application_name(event->application)));
	json_object_set_new(line, "metadata", metadata(eve, event));
	return line;
}

static uint64_t age_s(const struct sl_event *event)
{
	return event->last_ns > event->start_ns ? (event->last_ns - event->start_ns) / 1000000000u : 0;
}

static const char *flow_state(const struct sl_event *event)
{
	const struct sl_event_flow *flow = &event->flow;

	if (flow->reason == SL_FLOW_CLOSED)
		return "closed";
	if (event->tuple.protocol == IPPROTO_TCP) {
		for (int side = 0; side < 2; side++) {
			if (flow->tcp_state[side] == TCP_SYN_SENT_STATE ||
			    flow->tcp_state[side] == TCP_SYN_RECV_STATE)
				return "new";
		}
		return "established";
	}
	return flow->flow[SL_SERVER].packets ? "established" : "new";
}

static const char *flow_reason(uint8_t reason)
{
	switch (reason) {
	case SL_FLOW_TIMEOUT:
		return "timeout";
	case SL_FLOW_FORCED:
	case SL_FLOW_EVICTED:
		return "forced";
	case SL_FLOW_CLOSED:
		return "closed";
	default:
		return "unknown";
	}
}

static json_t *tcp_flags(uint8_t toserver, uint8_t toclient)
{
	uint8_t all = toserver | toclient;
	char both[3], server[3], client[3];

	snprintf(both, sizeof(both), "%02x", all);
	snprintf(server, sizeof(server), "%02x", toserver);
	snprintf(client, sizeof(client), "%02x", toclient);
	return json_pack("{ss ss ss sb sb sb sb sb sb}", "tcp_flags", both, "tcp_flags_ts", server,
			 "tcp_flags_tc", client, "syn", !!(all & SL_TCP_SYN), "fin", !!(all & SL_TCP_FIN),
			 "rst", !!(all & SL_TCP_RST), "psh", !!(all & SL_TCP_PSH), "ack",
			 !!(all & SL_TCP_ACK), "urg", !!(all & SL_TCP_URG));
}

static json_t *flow_line(const struct sl_eve *eve, const struct sl_event *event)
{
	const struct sl_event_flow *flow = &event->flow;
	json_t *line = new_line(eve, event, SL_EVENT_FLOW, false), *part;
	char start[TIME_LEN], end[TIME_LEN];

	if (!line)
		return NULL;
	text_time(eve, event->start_ns, start);
	text_time(eve, event->last_ns, end);
	part = json_pack("{sI sI sI sI ss ss sI ss ss sb}", "pkts_toserver",
			 (json_int_t)flow->flow[SL_CLIENT].packets, "pkts_toclient",
			 (json_int_t)flow->flow[SL_SERVER].packets, "bytes_toserver",
			 (json_int_t)flow->flow[SL_CLIENT].bytes, "bytes_toclient",
			 (json_int_t)flow->flow[SL_SERVER].bytes, "start", start, "end", end, "age",
			 (json_int_t)age_s(event), "state", flow_state(event), "reason",
			 flow_reason(flow->reason), "alerted", (int)flow->reported);
	json_object_set_new(line, "flow", part);
	if (event->tuple.protocol == IPPROTO_TCP)
		json_object_set_new(line, "tcp",
				    tcp_flags(flow->tcp_flags[SL_CLIENT], flow->tcp_flags[SL_SERVER]));
	return line;
}

static json_t *netflow_line(const struct sl_eve *eve, const struct sl_event *event, enum sl_side side)
{
	const struct sl_session_flow *flow = &event->flow.flow[side];
	json_t *line = new_line(eve, event, SL_EVENT_NETFLOW, side == SL_SERVER);
	char start[TIME_LEN], end[TIME_LEN], flags[3];

	if (!line)
		return NULL;
	text_time(eve, event->start_ns, start);
	text_time(eve, event->last_ns, end);
	json_object_set_new(line, "netflow",
			    json_pack("{sI sI ss ss sI}", "pkts", (json_int_t)flow->packets, "bytes",
				      (json_int_t)flow->bytes, "start", start, "end", end, "age",
				      (json_int_t)age_s(event)));
	if (event->tuple.protocol == IPPROTO_TCP) {
		snprintf(flags, sizeof(flags), "%02x", event->flow.tcp_flags[side]);
		json_object_set_new(line, "tcp", json_pack("{ss}", "tcp_flags", flags));
	}
	return line;
}

static json_t *alert_line(const struct sl_eve *eve, const struct sl_event *event)
{
	const struct sl_event_alert *alert = &event->alert;
	json_t *line = new_line(eve, event, SL_EVENT_ALERT, false);

	if (!line)
		return NULL;
	json_object_set_new(line, "alert",
			    json_pack("{ss si sI si so so si}", "action",
				      alert->blocked ? "blocked" : "allowed", "gid", 1, "signature_id",
				      (json_int_t)alert->id, "rev", 1, "signature",
				      safe_string(alert->text, sizeof(alert->text)), "category",
				      safe_string(alert->category, sizeof(alert->category)), "severity",
				      (int)alert->severity));
	return line;
}

static json_t *drop_line(const struct sl_eve *eve, const struct sl_event *event)
{
	const struct sl_event_drop *drop = &event->drop;
	json_t *line = new_line(eve, event, SL_EVENT_DROP, false), *part;

	if (!line)
		return NULL;
	part = json_pack("{sI si so}", "len", (json_int_t)drop->len,
			 event->tuple.family == 4 ? "ttl" : "hoplimit", (int)drop->ttl, "reason",
			 safe_string(drop->reason, sizeof(drop->reason)));
	if (event->tuple.protocol == IPPROTO_TCP)
		json_object_update_new(part, json_pack("{sI sI si sb sb sb sb sb sb}", "tcpseq",
						       (json_int_t)drop->seq, "tcpack", (json_int_t)drop->ack,
						       "tcpwin", (int)drop->window, "syn",
						       !!(drop->tcp_flags & SL_TCP_SYN), "ack",
						       !!(drop->tcp_flags & SL_TCP_ACK), "psh",
						       !!(drop->tcp_flags & SL_TCP_PSH), "rst",
						       !!(drop->tcp_flags & SL_TCP_RST), "urg",
						       !!(drop->tcp_flags & SL_TCP_URG), "fin",
						       !!(drop->tcp_flags & SL_TCP_FIN)));
	json_object_set_new(line, "drop", part);
	return line;
}

/* Appends the line to *text and frees it; false without memory. */
static bool append(char **text, json_t *line)
{
	char *dump = line ? json_dumps(line, JSON_COMPACT) : NULL, *longer = NULL;

	json_decref(line);
	if (dump && asprintf(&longer, "%s%s\n", *text ? *text : "", dump) < 0)
		longer = NULL;
	free(dump);
	if (!longer)
		return false;
	free(*text);
	*text = longer;
	return true;
}

char *sl_eve_lines(const struct sl_eve *eve, const struct sl_event *event)
{
	char *text = NULL;
	bool ok = false;

	switch (event->kind) {
	case SL_EVENT_FLOW:
		ok = append(&text, flow_line(eve, event));
		/* A direction nobody spoke in is no flow. */
		for (int side = 0; ok && eve->netflow && side < 2; side++) {
			if (event->flow.flow[side].packets)
				ok = append(&text, netflow_line(eve, event, (enum sl_side)side));
		}
		break;
	case SL_EVENT_ALERT:
		ok = append(&text, alert_line(eve, event));
		break;
	case SL_EVENT_DROP:
		ok = append(&text, drop_line(eve, event));
		break;
	default:
		break;
	}
	if (!ok) {
		free(text);
		return NULL;
	}
	return text;
}

static uint64_t sum(const uint64_t n[SL_EVENT_KINDS])
{
	uint64_t all = 0;

	for (int kind = 0; kind < SL_EVENT_KINDS; kind++)
		all += n[kind];
	return all;
}

char *sl_eve_stats_line(const struct sl_eve *eve, const struct sl_eve_stats *stats)
{
	json_t *line, *ints = json_object();
	char when[TIME_LEN], key[32];
	char *text = NULL;

	text_time(eve, stats->time_ns, when);
	for (int kind = 0; kind < SL_EVENT_KINDS; kind++) {
		snprintf(key, sizeof(key), "lost_%s", sl_event_name((enum sl_event_kind)kind));
		json_object_set_new(ints, key, json_integer((json_int_t)stats->lost[kind]));
		snprintf(key, sizeof(key), "suppressed_%s", sl_event_name((enum sl_event_kind)kind));
		json_object_set_new(ints, key, json_integer((json_int_t)stats->suppressed[kind]));
	}
	json_object_set_new(ints, "sessions_evicted", json_integer((json_int_t)stats->sessions_evicted));
	json_object_set_new(ints, "fragments_dropped", json_integer((json_int_t)stats->fragments_dropped));
	json_object_set_new(ints, "packets_dropped", json_integer((json_int_t)stats->dropped));
	line = json_pack(
		"{ss ss s{sI s{sI sI} s{sI sI sI sI sI sI sI sI} s{sI sI sI} s{s{sI sI}} s{sI sI}} s{so}}",
		"timestamp", when, "event_type", "stats", "stats", "uptime", (json_int_t)stats->uptime_s,
		"capture", "kernel_packets", (json_int_t)stats->packets + (json_int_t)stats->kernel_drops,
		"kernel_drops", (json_int_t)stats->kernel_drops, "decoder", "pkts",
		(json_int_t)stats->packets, "bytes", (json_int_t)stats->bytes, "invalid",
		(json_int_t)stats->invalid, "ipv4", (json_int_t)stats->ipv4, "ipv6", (json_int_t)stats->ipv6,
		"tcp", (json_int_t)stats->tcp, "udp", (json_int_t)stats->udp, "sctp", (json_int_t)stats->sctp,
		"flow", "active", (json_int_t)stats->sessions, "total", (json_int_t)stats->sessions_total,
		"memuse", (json_int_t)stats->sessions_memory, "defrag", "ipv4", "fragments",
		(json_int_t)stats->fragments, "reassembled", (json_int_t)stats->reassembled, "detect",
		"alert", (json_int_t)stats->alerts, "alerts_suppressed",
		(json_int_t)stats->suppressed[SL_EVENT_ALERT] + (json_int_t)stats->lost[SL_EVENT_ALERT],
		"metadata", "flowints", ints);
	if (line)
		json_object_set_new(json_object_get(line, "metadata"), "flowvars",
				    json_pack("[{ss ss}]", "key", "events_not_told", "value",
					      sum(stats->lost) + sum(stats->suppressed) ? "yes" : "no"));
	append(&text, line);
	return text;
}
