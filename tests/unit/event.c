// SPDX-License-Identifier: BSD-2-Clause
/*
 * Events: the ring between threads loses nothing it does not count, the limit
 * lets through what it says, and a line is what a reader of EVE expects.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "dpi/event/eve.h"
#include "dpi/event/limit.h"
#include "dpi/inspect/application.h"
#include "lib/eve.h"

#define SECOND 1000000000ull

static struct sl_event make(enum sl_event_kind kind, uint8_t family, uint8_t protocol)
{
	struct sl_event event = {
		.kind = kind,
		.time_ns = 100 * SECOND + 123456789,
		.start_ns = 90 * SECOND,
		.last_ns = 99 * SECOND + SECOND / 2,
		.flow_id = 4711,
		.tuple = { .source_port = 40000,
			   .destination_port = 443,
			   .protocol = protocol,
			   .family = family },
		.workload = 180,
		.ingress = true,
		.application = 1002,
		.confidence = 95,
		.action = SL_POLICY_DENY,
		.rule = 7,
		.name = "example.org",
	};

	event.tuple.source = address_of(family == 4 ? "10.10.10.66" : "2001:db8::1");
	event.tuple.destination = address_of(family == 4 ? "10.10.10.88" : "2001:db8::88");
	return event;
}

static const char *name_of(void *context, uint16_t id)
{
	(void)context;
	return id == 180 ? "web" : NULL;
}

static const struct sl_eve eve = {
	.interface = "vth",
	.wall_offset_ns = 1700000000ll * 1000000000ll,
	.netflow = true,
	.workload_name = name_of,
};

/* The n-th of the lines; each must be a JSON object. Also appended to $EVE_OUT, for a validator outside. */
static json_t *line(const char *text, unsigned int n, unsigned int expected)
{
	json_t *found = NULL;
	unsigned int count = 0;
	const char *out = getenv("EVE_OUT");
	FILE *file = out ? fopen(out, "a") : NULL;

	cr_assert_not_null(text);
	for (const char *at = text, *end; *at; at = end + 1, count++) {
		json_t *parsed;

		end = strchr(at, '\n');
		cr_assert_not_null(end, "a line ends with a newline");
		parsed = json_loadb(at, (size_t)(end - at), JSON_REJECT_DUPLICATES, NULL);
		cr_assert(json_is_object(parsed), "%s", at);
		cr_assert(!eve_fault(parsed), "%s: %s", eve_fault(parsed), at);
		if (file)
			fprintf(file, "%.*s\n", (int)(end - at), at);
		if (count == n)
			found = parsed;
		else
			json_decref(parsed);
	}
	if (file)
		fclose(file);
	cr_assert_eq(count, expected, "%s", text);
	cr_assert_not_null(found);
	return found;
}

static const char *text_at(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	cr_assert_not_null(text, "%s is missing", key);
	return text;
}

static json_int_t number_at(json_t *object, const char *key)
{
	json_t *number = json_object_get(object, key);

	cr_assert(json_is_integer(number), "%s is missing", key);
	return json_integer_value(number);
}

static const char *flowvar(json_t *event, const char *key)
{
	json_t *vars = json_object_get(json_object_get(event, "metadata"), "flowvars"), *var;
	size_t i;

	json_array_foreach (vars, i, var) {
		if (!strcmp(text_at(var, "key"), key))
			return text_at(var, "value");
	}
	return NULL;
}

Test(event, a_flow_line)
{
	struct sl_event event = make(SL_EVENT_FLOW, 4, IPPROTO_TCP);
	char *text;
	json_t *l, *flow, *tcp;

	event.flow = (struct sl_event_flow){
		.flow = { { 10, 1000 }, { 12, 90000 } },
		.tcp_flags = { 0x1b, 0x13 },
		.tcp_state = { 1, 1 },
		.reason = SL_FLOW_TIMEOUT,
		.reported = true,
	};
	text = sl_eve_lines(&eve, &event);
	l = line(text, 0, 3);
	cr_assert_str_eq(text_at(l, "event_type"), "flow");
	cr_assert_str_eq(text_at(l, "timestamp"), "2023-11-14T22:15:00.123456+0000");
	cr_assert_str_eq(text_at(l, "src_ip"), "10.10.10.66");
	cr_assert_str_eq(text_at(l, "dest_ip"), "10.10.10.88");
	cr_assert_eq(number_at(l, "src_port"), 40000);
	cr_assert_eq(number_at(l, "dest_port"), 443);
	cr_assert_str_eq(text_at(l, "proto"), "TCP");
	cr_assert_str_eq(text_at(l, "app_proto"), sl_application_name(1002));
	cr_assert_eq(number_at(l, "flow_id"), 4711);
	cr_assert_str_eq(flowvar(l, "workload"), "web");
	cr_assert_str_eq(flowvar(l, "server_name"), "example.org");
	cr_assert_str_eq(flowvar(l, "direction"), "ingress");
	cr_assert_str_eq(flowvar(l, "policy_action"), "deny");
	cr_assert_eq(number_at(json_object_get(json_object_get(l, "metadata"), "flowints"), "rule"), 7);
	flow = json_object_get(l, "flow");
	cr_assert_eq(number_at(flow, "pkts_toserver"), 10);
	cr_assert_eq(number_at(flow, "bytes_toclient"), 90000);
	cr_assert_eq(number_at(flow, "age"), 9);
	cr_assert_str_eq(text_at(flow, "start"), "2023-11-14T22:14:50.000000+0000");
	cr_assert_str_eq(text_at(flow, "state"), "established");
	cr_assert_str_eq(text_at(flow, "reason"), "timeout");
	cr_assert(json_is_true(json_object_get(flow, "alerted")));
	tcp = json_object_get(l, "tcp");
	cr_assert_str_eq(text_at(tcp, "tcp_flags"), "1b");
	cr_assert_str_eq(text_at(tcp, "tcp_flags_tc"), "13");
	cr_assert(json_is_true(json_object_get(tcp, "fin")));
	cr_assert(json_is_false(json_object_get(tcp, "rst")));
	json_decref(l);
	l = line(text, 2, 3);
	cr_assert_str_eq(text_at(l, "event_type"), "netflow");
	cr_assert_str_eq(text_at(l, "src_ip"), "10.10.10.88", "the server's direction begins at the server");
	cr_assert_eq(number_at(l, "src_port"), 443);
	cr_assert_eq(number_at(json_object_get(l, "netflow"), "bytes"), 90000);
	json_decref(l);
	free(text);
}

Test(event, a_direction_nobody_spoke_in_has_no_netflow)
{
	struct sl_event event = make(SL_EVENT_FLOW, 6, IPPROTO_UDP);
	char *text;
	json_t *l;

	event.flow.flow[SL_CLIENT] = (struct sl_session_flow){ 1, 60 };
	text = sl_eve_lines(&eve, &event);
	l = line(text, 0, 2);
	cr_assert_str_eq(text_at(l, "src_ip"), "2001:db8::1");
	cr_assert_str_eq(text_at(json_object_get(l, "flow"), "state"), "new");
	cr_assert_null(json_object_get(l, "tcp"));
	json_decref(l);
	free(text);
}

Test(event, an_alert_line)
{
	struct sl_event event = make(SL_EVENT_ALERT, 4, IPPROTO_UDP);
	char *text;
	json_t *l, *alert;

	event.alert = (struct sl_event_alert){
		.id = 1001, .severity = 2, .blocked = true, .text = "SYN flood", .category = "threat"
	};
	text = sl_eve_lines(&eve, &event);
	l = line(text, 0, 1);
	alert = json_object_get(l, "alert");
	cr_assert_str_eq(text_at(alert, "action"), "blocked");
	cr_assert_eq(number_at(alert, "signature_id"), 1001);
	cr_assert_str_eq(text_at(alert, "signature"), "SYN flood");
	cr_assert_str_eq(text_at(alert, "category"), "threat");
	cr_assert_eq(number_at(alert, "severity"), 2);
	json_decref(l);
	free(text);
}

Test(event, a_drop_line)
{
	struct sl_event event = make(SL_EVENT_DROP, 6, IPPROTO_TCP);
	char *text;
	json_t *l, *drop;

	event.drop = (struct sl_event_drop){
		.reason = "out of window", .len = 1500, .seq = UINT32_MAX, .ttl = 63, .tcp_flags = SL_TCP_ACK
	};
	text = sl_eve_lines(&eve, &event);
	l = line(text, 0, 1);
	drop = json_object_get(l, "drop");
	cr_assert_str_eq(text_at(drop, "reason"), "out of window");
	cr_assert_eq(number_at(drop, "len"), 1500);
	cr_assert_eq(number_at(drop, "hoplimit"), 63);
	cr_assert_eq(number_at(drop, "tcpseq"), UINT32_MAX);
	cr_assert(json_is_true(json_object_get(drop, "ack")));
	json_decref(l);
	free(text);
}

Test(event, icmp_has_a_type_and_no_ports)
{
	struct sl_event event = make(SL_EVENT_FLOW, 4, IPPROTO_ICMP);
	char *text;
	json_t *l;

	event.icmp_type = 8;
	text = sl_eve_lines(&eve, &event);
	l = line(text, 0, 1);
	cr_assert_eq(number_at(l, "icmp_type"), 8);
	cr_assert_null(json_object_get(l, "src_port"));
	json_decref(l);
	free(text);
}

Test(event, a_hostile_name_stays_within_its_quotes)
{
	struct sl_event event = make(SL_EVENT_FLOW, 4, IPPROTO_TCP);
	char *text;
	json_t *l;

	strcpy(event.name, "a\"b\\c\nd\xff\xc3\x01");
	text = sl_eve_lines(&eve, &event);
	l = line(text, 0, 1);
	cr_assert_str_eq(flowvar(l, "server_name"), "a\"b\\c?d???");
	json_decref(l);
	free(text);
}

Test(event, protocols_without_a_name_are_numbers)
{
	struct sl_event event = make(SL_EVENT_FLOW, 4, 253);
	char *text = sl_eve_lines(&eve, &event);
	json_t *l = line(text, 0, 1);

	cr_assert_str_eq(text_at(l, "proto"), "253");
	json_decref(l);
	free(text);
}

Test(event, a_stats_line)
{
	struct sl_eve_stats stats = {
		.time_ns = SECOND, .uptime_s = 5, .packets = 100, .kernel_drops = 3, .sessions = 7
	};
	char *text;
	json_t *l, *s;

	stats.lost[SL_EVENT_FLOW] = 4;
	stats.suppressed[SL_EVENT_ALERT] = 9;
	text = sl_eve_stats_line(&eve, &stats);
	l = line(text, 0, 1);
	cr_assert_str_eq(text_at(l, "event_type"), "stats");
	s = json_object_get(l, "stats");
	cr_assert_eq(number_at(json_object_get(s, "capture"), "kernel_packets"), 103);
	cr_assert_eq(number_at(json_object_get(s, "flow"), "active"), 7);
	cr_assert_eq(number_at(json_object_get(s, "detect"), "alerts_suppressed"), 9);
	cr_assert_eq(number_at(json_object_get(json_object_get(l, "metadata"), "flowints"), "lost_flow"), 4);
	json_decref(l);
	free(text);
}

Test(event, the_ring_counts_what_it_cannot_hold)
{
	struct sl_event_ring *ring = sl_event_ring_new(4);
	struct sl_event event = make(SL_EVENT_ALERT, 4, IPPROTO_TCP), seen;

	cr_assert_null(sl_event_ring_new(3));
	for (uint64_t i = 0; i < 6; i++) {
		event.flow_id = i;
		cr_assert_eq(sl_event_put(ring, &event), i < 4);
	}
	cr_assert_eq(sl_event_lost(ring, SL_EVENT_ALERT), 2);
	cr_assert_eq(sl_event_lost(ring, SL_EVENT_FLOW), 0);
	for (uint64_t i = 0; i < 4; i++) {
		cr_assert(sl_event_take(ring, &seen));
		cr_assert_eq(seen.flow_id, i);
	}
	cr_assert_not(sl_event_take(ring, &seen));
	sl_event_ring_free(ring);
}

#define MANY 200000u
static void *writer(void *context)
{
	struct sl_event event = make(SL_EVENT_DROP, 4, IPPROTO_TCP);

	for (uint64_t i = 1; i <= MANY; i++) {
		event.flow_id = event.time_ns = i;
		event.rule = (uint32_t)i;
		sl_event_put(context, &event);
	}
	return NULL;
}

Test(event, between_two_threads_nothing_is_torn_or_lost_uncounted)
{
	struct sl_event_ring *ring = sl_event_ring_new(64);
	uint64_t taken = 0, last = 0;
	struct sl_event event;
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, writer, ring), 0);
	while (taken + sl_event_lost(ring, SL_EVENT_DROP) < MANY) {
		if (!sl_event_take(ring, &event))
			continue;
		cr_assert_gt(event.flow_id, last, "in order");
		cr_assert_eq(event.flow_id, event.time_ns);
		cr_assert_eq(event.flow_id, event.rule);
		last = event.flow_id;
		taken++;
	}
	pthread_join(thread, NULL);
	while (sl_event_take(ring, &event))
		taken++;
	cr_assert_eq(taken + sl_event_lost(ring, SL_EVENT_DROP), MANY);
	sl_event_ring_free(ring);
}

Test(event, the_limit_lets_a_burst_through_and_then_its_rate)
{
	struct sl_limit limit;
	uint64_t now = 5 * SECOND, passed = 0;

	sl_limit_init(&limit, 10, 20, now);
	for (int i = 0; i < 100; i++)
		passed += sl_limit_pass(&limit, now);
	cr_assert_eq(passed, 20);
	cr_assert_eq(sl_limit_suppressed(&limit), 80);
	cr_assert_eq(sl_limit_suppressed(&limit), 0, "told once");
	for (passed = 0, now += 1; now <= 15 * SECOND; now += SECOND / 100)
		passed += sl_limit_pass(&limit, now);
	cr_assert(passed >= 99 && passed <= 101, "%lu in ten seconds", passed);
	cr_assert(sl_limit_pass(&limit, UINT64_MAX), "a jump of the clock fills the bucket");
	cr_assert(sl_limit_pass(&limit, 0), "and one back does not empty it");
	sl_limit_init(&limit, 0, 0, now);
	for (int i = 0; i < 100; i++)
		cr_assert(sl_limit_pass(&limit, now), "0 is no limit");
}
