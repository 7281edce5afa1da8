// SPDX-License-Identifier: BSD-2-Clause
/* Reports, one by one, and what becomes of each kind; see tell.h. Names are tell_names.c. */
#include "compat/tell.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compat/tell_own.h"
#include "compat/translate.h"
#include "dpi/policy/agent.h"
#include "lib/clock.h"
#include "sluice/ucmac.h"

#define BUCKETS 4096u
#define CONNECTION_INGRESS 0x0001
#define THREAT_PACKET_INGRESS 0x01
#define THREAT_SESSION_INGRESS 0x02
#define THREAT_TAP 0x04
#define THREAT_ALLOW 1
#define THREAT_DROP 2
#define THREAT_TEARDROP 2002
#define NO_TCP_YET(number) ((number) == 2001 || (number) == 2025)

struct tell *tell_new(struct agent *agent, struct queue *queue, const struct sockaddr_un *to)
{
	struct tell *tell = calloc(1, sizeof(*tell));

	if (!tell)
		return NULL;
	tell->agent = agent;
	tell->queue = queue;
	tell->to = *to;
	tell->rows = calloc(TELL_CONNECTIONS_MAX, sizeof(*tell->rows));
	tell->bucket = calloc(BUCKETS, sizeof(*tell->bucket));
	tell->names = names_new();
	if (!tell->rows || !tell->bucket || !tell->names) {
		tell_free(tell);
		return NULL;
	}
	return tell;
}

void tell_free(struct tell *tell)
{
	if (!tell)
		return;
	free(tell->rows);
	free(tell->bucket);
	names_free(tell->names);
	free(tell);
}

void tell_figures(const struct tell *tell, struct tell_figures *ret)
{
	*ret = tell->figures;
}

void tell_message(struct tell *tell, size_t len)
{
	queue_add(tell->queue, tell->message, len, &tell->to, sizeof(tell->to));
}

void tell_put_address(uint8_t to[16], const struct sl_addr *address)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	memset(to, 0, 16);
	if (!memcmp(address->byte, mapped, sizeof(mapped)))
		memcpy(to, address->byte + 12, 4);
	else
		memcpy(to, address->byte, 16);
}

/* The core's clock as Unix time. */
static uint32_t unix_time(uint64_t ns)
{
	return (uint32_t)((sl_clock_of(CLOCK_REALTIME) - sl_clock_ns() + ns) / 1000000000u);
}

static uint16_t ethertype(const struct sl_tuple *tuple)
{
	return tuple->family == 6 ? 0x86dd : 0x0800;
}

static bool has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

static void fill_row(struct wire_connection *row, const struct sl_report *report,
		     const struct endpoint *endpoint)
{
	const struct sl_tuple *tuple = &report->tuple;

	memset(row, 0, sizeof(*row));
	memcpy(row->ep_mac, endpoint->mac, sizeof(row->ep_mac));
	row->ip_proto = tuple->protocol;
	row->server_port = has_ports(tuple->protocol) ? tuple->destination_port : 0;
	tell_put_address(row->client_ip, &tuple->source);
	tell_put_address(row->server_ip, &tuple->destination);
	row->ethertype = ethertype(tuple);
	row->flags = (uint16_t)(report->flags | (report->ingress ? CONNECTION_INGRESS : 0));
	row->application = translate_application(report->application,
						 report->application_final || !report->connection.violates);
	row->action = report->label;
	row->severity = report->severity;
	row->policy = report->rule;
	row->threat = report->threat;
}

/* What makes two rows one: all but the figures. */
static bool same_row(const struct wire_connection *a, const struct wire_connection *b)
{
	return !memcmp(a, b, offsetof(struct wire_connection, bytes)) && a->application == b->application &&
	       a->action == b->action && a->policy == b->policy && a->threat == b->threat;
}

static uint32_t bucket_of(const struct wire_connection *row)
{
	const uint8_t *bytes = (const uint8_t *)row;
	uint32_t h = 2166136261u ^ row->policy;

	for (size_t i = 0; i < offsetof(struct wire_connection, bytes); i++)
		h = (h ^ bytes[i]) * 16777619u;
	return (h ^ h >> 16) % BUCKETS;
}

static struct row *find_row(struct tell *tell, const struct wire_connection *row)
{
	uint32_t *at = &tell->bucket[bucket_of(row)];

	for (uint32_t i = *at; i; i = tell->rows[i - 1].next) {
		if (same_row(&tell->rows[i - 1].row, row))
			return &tell->rows[i - 1];
	}
	if (tell->n_rows == TELL_CONNECTIONS_MAX)
		return NULL;
	tell->rows[tell->n_rows] = (struct row){ *row, *at };
	*at = ++tell->n_rows;
	return &tell->rows[*at - 1];
}

static void add_figures(struct wire_connection *row, const struct sl_report *report)
{
	uint32_t first = unix_time(report->connection.first_ns), last = unix_time(report->connection.last_ns);
	uint64_t bytes = row->bytes + report->connection.bytes;

	row->bytes = bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
	row->sessions += report->connection.sessions;
	row->violates += report->connection.violates;
	if (!row->first_seen || first < row->first_seen)
		row->first_seen = first;
	if (last > row->last_seen)
		row->last_seen = last;
}

static void tell_port(struct tell *tell, const struct endpoint *endpoint, const struct agent_learned *ports,
		      size_t n)
{
	while (n) {
		size_t part = n < WIRE_APPS_MAX ? n : WIRE_APPS_MAX;
		struct wire_app apps[WIRE_APPS_MAX];

		for (size_t i = 0; i < part; i++)
			apps[i] = (struct wire_app){ ports[i].port,	   ports[i].proto,    ports[i].server,
						     ports[i].application, ports[i].ip_proto, 0 };
		tell_message(tell, wire_apps(tell->message, endpoint->mac, apps, (unsigned int)part));
		ports += part;
		n -= part;
	}
}

static void learn(struct tell *tell, struct endpoint *endpoint, const struct sl_report *report)
{
	uint16_t port = report->tuple.destination_port;
	uint8_t protocol = report->tuple.protocol;

	if (!report->ingress || !has_ports(protocol) || report->label == SL_LABEL_DENY ||
	    !agent_learn(endpoint, port, protocol, report->application))
		return;
	for (size_t i = 0; i < endpoint->n_ports; i++) {
		if (endpoint->ports[i].port == port && endpoint->ports[i].ip_proto == protocol)
			tell_port(tell, endpoint, &endpoint->ports[i], 1);
	}
}

static void take_connection(struct tell *tell, const struct sl_report *report, struct endpoint *endpoint)
{
	struct wire_connection filled;
	struct row *row;

	fill_row(&filled, report, endpoint);
	row = find_row(tell, &filled);
	if (row)
		add_figures(&row->row, report);
	else
		tell->figures.no_room++;
	learn(tell, endpoint, report);
}

/* The packet as it was on the wire of the endpoint: with its own MAC. */
static void restore_mac(uint8_t *packet, const struct endpoint *endpoint)
{
	if (sl_is_ucmac(packet))
		memcpy(packet, endpoint->mac, 6);
	else if (sl_is_ucmac(packet + 6))
		memcpy(packet + 6, endpoint->mac, 6);
}

static void take_threat(struct tell *tell, const struct sl_report *report, size_t len,
			const struct endpoint *endpoint)
{
	const struct sl_tuple *tuple = &report->tuple;
	struct wire_threat threat = {
		.threat = report->threat,
		.reported_at = unix_time(report->time_ns),
		.count = report->seen.count,
		.action = report->seen.dropped ? THREAT_DROP : THREAT_ALLOW,
		.severity = translate_severity(report->threat, report->seen.dropped),
		.ip_proto = report->threat == THREAT_TEARDROP ? 0 : tuple->protocol,
		.flags = (uint8_t)((report->seen.to_workload ? THREAT_PACKET_INGRESS : 0) |
				   (report->ingress ? THREAT_SESSION_INGRESS : 0) |
				   (endpoint->tap ? THREAT_TAP : 0)),
		.ethertype = ethertype(tuple),
		.icmp_code = report->seen.icmp_code,
		.icmp_type = report->seen.icmp_type,
		.application = translate_application(report->application, true),
		.captured_length = report->seen.captured,
	};

	memcpy(threat.ep_mac, endpoint->mac, sizeof(threat.ep_mac));
	tell_put_address(threat.source_ip, &tuple->source);
	tell_put_address(threat.destination_ip, &tuple->destination);
	if (has_ports(tuple->protocol) && !NO_TCP_YET(report->threat)) {
		threat.source_port = tuple->source_port;
		threat.destination_port = tuple->destination_port;
	}
	memcpy(threat.message, report->seen.text, strnlen(report->seen.text, WIRE_MESSAGE - 1));
	threat.packet_length = report->seen.packet_len;
	if (threat.packet_length > len || threat.packet_length > WIRE_PACKET)
		threat.packet_length = 0;
	memcpy(threat.packet, report + 1, threat.packet_length);
	if (threat.packet_length >= 12)
		restore_mac(threat.packet, endpoint);
	tell_message(tell, wire_threat(tell->message, &threat));
}

static void take(struct tell *tell, const struct sl_report *report)
{
	struct endpoint *endpoint = agent_find_core(tell->agent, report->workload);
	size_t len = report->len - sizeof(*report);

	if (!endpoint)
		return;
	if (report->kind == SL_REPORT_CONNECTION)
		take_connection(tell, report, endpoint);
	else if (report->kind == SL_REPORT_THREAT)
		take_threat(tell, report, len, endpoint);
	else if (report->kind == SL_REPORT_NAMED)
		names_take(tell, report, len);
}

void tell_reports(struct tell *tell, const uint8_t *bytes, size_t len)
{
	static _Alignas(8) uint8_t one[sizeof(struct sl_report) + SL_REPORT_PACKET + 8];

	while (len >= sizeof(struct sl_report)) {
		uint32_t n;

		memcpy(&n, bytes, sizeof(n));
		if (n < sizeof(struct sl_report) || n > len || n > sizeof(one))
			return;
		memcpy(one, bytes, n);
		if (((struct sl_report *)one)->version == SL_REPORT_VERSION)
			take(tell, (struct sl_report *)one);
		bytes += n;
		len -= n;
	}
}

void tell_connections(struct tell *tell)
{
	struct wire_connection rows[WIRE_CONNECTIONS_MAX];
	unsigned int n = 0;

	for (unsigned int i = 0; i < tell->n_rows; i++) {
		rows[n++] = tell->rows[i].row;
		if (n == WIRE_CONNECTIONS_MAX || i + 1 == tell->n_rows) {
			tell_message(tell, wire_connections(tell->message, rows, n));
			tell->figures.connections += n;
			n = 0;
		}
	}
	tell->n_rows = 0;
	memset(tell->bucket, 0, BUCKETS * sizeof(*tell->bucket));
}

void tell_applications(struct tell *tell)
{
	for (const struct endpoint *e = tell->agent->endpoints; e; e = e->next)
		tell_port(tell, e, e->ports, e->n_ports);
}
