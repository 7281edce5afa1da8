// SPDX-License-Identifier: BSD-2-Clause
/* What the agent asks: from the core's figures to the protocol's messages; see serve.h. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat/serve.h"
#include "compat/stats.h"
#include "compat/translate.h"
#include "lib/log.h"

#define SESSION_INGRESS 0x0001
#define SESSION_TAP 0x0002
#define SESSION_MID 0x0004
#define METER_IPV4 0x01
#define METER_TAP 0x02
#define METER_SPAN_S 1
#define PAGE 32 /* sessions in a message: two make an answer of the core's */

static void reply(struct serve *serve, size_t len)
{
	if (serve->client_len)
		queue_add(&serve->replies, serve->message, len, &serve->client, serve->client_len);
}

static json_int_t number(json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static json_t *ask(struct serve *serve, json_t *request, enum compat_command command)
{
	struct sl_err err = { 0 };
	json_t *result = core_ask(serve->core, request, -1, &err);

	if (!result)
		sl_error("%s: %s", compat_command_name(command), err.text);
	return result;
}

static void answer_count(struct serve *serve)
{
	json_t *figures = ask(serve, json_pack("{ss}", "cmd", "figures"), COMPAT_COUNT_SESSION);
	json_t *sessions = json_object_get(figures, "sessions");
	struct wire_session_count count = {
		.total = (uint32_t)number(sessions, "now"),
		.tcp = (uint32_t)number(sessions, "tcp"),
		.udp = (uint32_t)number(sessions, "udp"),
		.icmp = (uint32_t)number(sessions, "icmp"),
	};

	count.ip = count.total - count.tcp - count.udp - count.icmp;
	reply(serve, wire_session_count(serve->message, &count));
	json_decref(figures);
}

static void answer_counters(struct serve *serve)
{
	json_t *f = ask(serve, json_pack("{ss}", "cmd", "figures"), COMPAT_COUNTER_DEVICE);
	json_t *status = ask(serve, json_pack("{ss}", "cmd", "status"), COMPAT_COUNTER_DEVICE);
	json_t *sessions = json_object_get(f, "sessions"), *worker;
	struct wire_counters c = { 0 };
	struct tell_figures told;
	size_t i;

	json_array_foreach (json_object_get(status, "workers"), i, worker) {
		c.rx_packets += (uint64_t)number(worker, "rx_frames");
		c.rx_drop_packets +=
			(uint64_t)(number(worker, "drop_rx_full") + number(worker, "drop_fill_empty"));
		c.tx_packets += (uint64_t)number(worker, "tx_frames");
		c.tx_drop_packets += (uint64_t)number(worker, "drop_tx_full");
	}
	c.no_workload_packets = (uint64_t)number(json_object_get(status, "ports"), "unknown");
	/* Fragments that are not the last of their datagram count as errors there. */
	c.error_packets =
		(uint64_t)(number(f, "malformed") + number(f, "fragments") - number(f, "reassembled"));
	c.ipv4_packets = (uint64_t)number(f, "ipv4");
	c.ipv6_packets = (uint64_t)number(f, "ipv6");
	c.tcp_packets = (uint64_t)number(f, "tcp");
	c.tcp_no_session_packets = (uint64_t)number(f, "no_room");
	c.udp_packets = (uint64_t)number(f, "udp");
	c.icmp_packets = (uint64_t)number(f, "icmp");
	c.other_packets = (uint64_t)number(f, "sctp");
	c.assemblies = (uint64_t)number(f, "reassembled");
	c.freed_assemblies = c.assemblies;
	c.fragments = (uint64_t)number(f, "fragments");
	c.freed_fragments = c.fragments;
	c.timeout_fragments = (uint64_t)number(f, "fragments_dropped");
	c.total_sessions = (uint64_t)number(sessions, "made");
	c.tcp_sessions = (uint64_t)number(sessions, "tcp");
	c.udp_sessions = (uint64_t)number(sessions, "udp");
	c.icmp_sessions = (uint64_t)number(sessions, "icmp");
	c.ip_sessions = (uint64_t)number(sessions, "now") - c.tcp_sessions - c.udp_sessions - c.icmp_sessions;
	c.drop_meters = (uint64_t)number(f, "dropped_meters");
	/* All rules are looked up the one way. */
	c.policy_type2_rules = (uint32_t)serve->rules;
	c.policy_domains = (uint32_t)serve->agent->n_names;
	c.policy_domain_ips = (uint32_t)serve->agent->n_name_ips;
	tell_figures(serve->tell, &told);
	c.limit_pass_conns = told.connections;
	c.limit_drop_conns = told.no_room + serve->notices.dropped;
	reply(serve, wire_counters(serve->message, &c));
	json_decref(status);
	json_decref(f);
}

static void answer_mac_stats(struct serve *serve, const struct agent_macs *macs)
{
	struct wire_stats sum = { 0 };

	stats_fetch(serve->agent, serve->core, false);
	for (size_t i = 0; i < macs->n_macs; i++)
		stats_add(&sum, agent_find(serve->agent, macs->macs[i]));
	reply(serve, wire_mac_stats(serve->message, &sum));
}

static void answer_device_stats(struct serve *serve)
{
	struct wire_stats sum = { .interval = STATS_SLOT_S };

	stats_fetch(serve->agent, serve->core, false);
	for (const struct endpoint *e = serve->agent->endpoints; e; e = e->next)
		stats_add(&sum, e);
	reply(serve, wire_device_stats(serve->message, &sum));
}

static void put_ip(uint8_t to[16], json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	memset(to, 0, 16);
	if (text && inet_pton(AF_INET, text, to) != 1)
		inet_pton(AF_INET6, text, to);
}

static void put_mac(uint8_t to[6], json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	unsigned int b[6] = { 0 };

	if (text)
		sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x", b, b + 1, b + 2, b + 3, b + 4, b + 5);
	for (int i = 0; i < 6; i++)
		to[i] = (uint8_t)b[i];
}

static uint32_t at_most_u32(json_int_t value)
{
	return value < 0 ? 0 : value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static uint16_t at_most_u16(json_int_t value)
{
	return value < 0 ? 0 : value > UINT16_MAX ? UINT16_MAX : (uint16_t)value;
}

static json_int_t side(json_t *item, const char *key, size_t i)
{
	return json_integer_value(json_array_get(json_object_get(item, key), i));
}

/* The core's frames bear the UCMAC; the agent knows the endpoint's own. */
static void put_own_mac(uint8_t mac[6], const struct endpoint *endpoint)
{
	if (!memcmp(mac, endpoint->ucmac, 6))
		memcpy(mac, endpoint->mac, 6);
}

static bool fill_session(const struct serve *serve, json_t *item, struct wire_session *s)
{
	const struct endpoint *endpoint = agent_find_core(serve->agent, (uint16_t)number(item, "workload"));
	json_t *agent = json_object_get(item, "agent");
	const char *direction = json_string_value(json_object_get(item, "direction"));

	if (!endpoint)
		return false;
	*s = (struct wire_session){
		.id = (uint32_t)number(item, "id"),
		.ethertype = number(item, "family") == 6 ? 0x86dd : 0x0800,
		.client_port = (uint16_t)number(item, "client_port"),
		.server_port = (uint16_t)number(item, "server_port"),
		.ip_proto = (uint8_t)number(item, "protocol"),
		.client_packets = at_most_u32(side(item, "packets", 0)),
		.server_packets = at_most_u32(side(item, "packets", 1)),
		.client_bytes = at_most_u32(side(item, "bytes", 0) + 14 * side(item, "packets", 0)),
		.server_bytes = at_most_u32(side(item, "bytes", 1) + 14 * side(item, "packets", 1)),
		.client_state = (uint8_t)side(item, "state", 0),
		.server_state = (uint8_t)side(item, "state", 1),
		.idle = at_most_u16(number(item, "idle")),
		.age = at_most_u32(number(item, "age")),
		.life = at_most_u16(number(item, "life")),
		.application = translate_application((uint16_t)number(agent, "application"), true),
		.threat = (uint32_t)number(agent, "threat"),
		.policy = at_most_u32(number(item, "rule")),
		.action = (uint8_t)number(agent, "label"),
		.severity = (uint8_t)number(agent, "severity"),
	};
	if (direction && !strcmp(direction, "ingress"))
		s->flags |= SESSION_INGRESS;
	if (endpoint->tap)
		s->flags |= SESSION_TAP;
	if (json_is_true(json_object_get(item, "picked_up")))
		s->flags |= SESSION_MID;
	/* The others are the connections' by two bits further left. */
	s->flags |= (uint16_t)((number(agent, "flags") & 0x01fa) << 2);
	memcpy(s->ep_mac, endpoint->mac, sizeof(s->ep_mac));
	put_mac(s->client_mac, agent, "client_mac");
	put_mac(s->server_mac, agent, "server_mac");
	put_own_mac(s->client_mac, endpoint);
	put_own_mac(s->server_mac, endpoint);
	put_ip(s->client_ip, item, "client");
	put_ip(s->server_ip, item, "server");
	return true;
}

static void list_to(struct serve *serve, size_t len)
{
	queue_add(&serve->replies, serve->message, len, &serve->sessions.to, serve->sessions.to_len);
}

void answer_sessions(struct serve *serve)
{
	struct listing *listing = &serve->sessions;
	struct wire_session page[PAGE];
	json_t *request = json_pack("{ss}", "cmd", "sessions"), *result, *item;
	const char *next;
	unsigned int n = 0;
	size_t i;

	if (request && *listing->after)
		json_object_set_new(request, "after", json_string(listing->after));
	result = ask(serve, request, COMPAT_LIST_SESSION);
	json_array_foreach (json_object_get(result, "items"), i, item) {
		n += fill_session(serve, item, &page[n]);
		if (n == PAGE) {
			list_to(serve, wire_sessions(serve->message, page, n, 1));
			n = 0;
		}
	}
	if (n)
		list_to(serve, wire_sessions(serve->message, page, n, 1));
	next = json_string_value(json_object_get(result, "next"));
	if (next && strlen(next) < sizeof(listing->after)) {
		strcpy(listing->after, next);
	} else {
		list_to(serve, wire_sessions(serve->message, NULL, 0, 0));
		listing->active = false;
	}
	json_decref(result);
}

/* A new list takes the place of one that is under way, as there is one control thread there as well. */
static void begin_sessions(struct serve *serve)
{
	if (!serve->client_len)
		return;
	serve->sessions =
		(struct listing){ .active = true, .to = serve->client, .to_len = serve->client_len };
	answer_sessions(serve);
}

static void answer_meters(struct serve *serve)
{
	json_t *result = ask(serve, json_pack("{ss}", "cmd", "meters"), COMPAT_LIST_METER), *item;
	struct wire_meter page[WIRE_METERS_MAX];
	unsigned int n = 0;
	size_t i;

	json_array_foreach (json_object_get(result, "items"), i, item) {
		const struct endpoint *endpoint =
			agent_find_core(serve->agent, (uint16_t)number(item, "workload"));

		if (!endpoint)
			continue;
		page[n] = (struct wire_meter){
			.idle = at_most_u16(number(item, "idle")),
			.count = at_most_u32(number(item, "count")),
			.last_count = at_most_u32(number(item, "before")),
			.id = (uint8_t)number(item, "meter"),
			.flags = (uint8_t)(METER_IPV4 | (endpoint->tap ? METER_TAP : 0)),
			.span = METER_SPAN_S,
			.upper = at_most_u32(number(item, "upper")),
			.lower = at_most_u32(number(item, "lower")),
		};
		memcpy(page[n].ep_mac, endpoint->mac, sizeof(page[n].ep_mac));
		put_ip(page[n].peer_ip, item, "source");
		if (++n == WIRE_METERS_MAX) {
			reply(serve, wire_meters(serve->message, page, n, 1));
			n = 0;
		}
	}
	if (n)
		reply(serve, wire_meters(serve->message, page, n, 1));
	reply(serve, wire_meters(serve->message, NULL, 0, 0));
	json_decref(result);
}

static void clear_sessions(struct serve *serve, uint32_t id)
{
	json_t *filter = id ? json_pack("{sI}", "id", (json_int_t)id) : json_object();

	json_decref(ask(serve,
			json_pack("{ss so ss}", "cmd", "session_end", "filter", filter, "how", "clear"),
			COMPAT_CLEAR_SESSION));
}

void answer(struct serve *serve, const struct compat_request *request)
{
	switch (request->command) {
	case COMPAT_KEEP_ALIVE:
		reply(serve, wire_keep_alive(serve->message, request->sequence));
		break;
	case COMPAT_COUNT_SESSION:
		answer_count(serve);
		break;
	case COMPAT_COUNTER_DEVICE:
		answer_counters(serve);
		break;
	case COMPAT_STATS_MACS:
		answer_mac_stats(serve, &request->macs);
		break;
	case COMPAT_STATS_DEVICE:
		answer_device_stats(serve);
		break;
	case COMPAT_LIST_SESSION:
		begin_sessions(serve);
		break;
	case COMPAT_LIST_METER:
		answer_meters(serve);
		break;
	case COMPAT_CLEAR_SESSION:
		clear_sessions(serve, request->filter);
		break;
	case COMPAT_REFRESH_APP:
		tell_applications(serve->tell);
		break;
	default:
		break;
	}
}
