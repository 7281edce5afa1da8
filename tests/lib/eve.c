// SPDX-License-Identifier: BSD-2-Clause
/* The fields of event lines; see eve.h. */
#include "lib/eve.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* name:type, `?` before the colon if it may be missing; s text, i number, b boolean, o object (a shape of its own), a array. */
#define COMMON                                                                                               \
	"timestamp:s event_type:s in_iface:s src_ip:s dest_ip:s proto:s ip_v:i flow_id?:i vlan?:a "          \
	"src_port?:i dest_port?:i icmp_type?:i icmp_code?:i app_proto?:s metadata:o "
#define FLAGS "syn:b fin:b rst:b psh:b ack:b urg:b"

static const struct {
	const char *type; /* "": of all types */
	const char *path, *fields;
} shapes[] = {
	{ "flow", "", COMMON "flow:o tcp?:o" },
	{ "netflow", "", COMMON "netflow:o tcp?:o" },
	{ "alert", "", COMMON "alert:o" },
	{ "drop", "", COMMON "drop:o" },
	{ "stats", "", "timestamp:s event_type:s stats:o metadata:o" },
	{ "", "metadata", "flowvars:a flowints:o" },
	{ "stats", "flowints",
	  "lost_flow:i lost_netflow:i lost_alert:i lost_drop:i lost_stats:i suppressed_flow:i "
	  "suppressed_netflow:i suppressed_alert:i suppressed_drop:i suppressed_stats:i sessions_evicted:i "
	  "fragments_dropped:i packets_dropped:i" },
	{ "", "flowints", "workload_id:i rule:i application_confidence:i" },
	{ "flow", "flow",
	  "pkts_toserver:i pkts_toclient:i bytes_toserver:i bytes_toclient:i start:s end:s age:i state:s "
	  "reason:s alerted:b" },
	{ "flow", "tcp", "tcp_flags:s tcp_flags_ts:s tcp_flags_tc:s " FLAGS },
	{ "netflow", "netflow", "pkts:i bytes:i start:s end:s age:i" },
	{ "netflow", "tcp", "tcp_flags:s" },
	{ "alert", "alert", "action:s gid:i signature_id:i rev:i signature:s category:s severity:i" },
	{ "drop", "drop",
	  "len:i ttl?:i hoplimit?:i reason:s tcpseq?:i tcpack?:i tcpwin?:i syn?:b ack?:b psh?:b rst?:b "
	  "urg?:b "
	  "fin?:b" },
	{ "stats", "stats", "uptime:i capture:o decoder:o flow:o defrag:o detect:o" },
	{ "stats", "capture", "kernel_packets:i kernel_drops:i" },
	{ "stats", "decoder", "pkts:i bytes:i invalid:i ipv4:i ipv6:i tcp:i udp:i sctp:i" },
	{ "stats", "flow", "active:i total:i memuse:i" },
	{ "stats", "defrag", "ipv4:o" },
	{ "stats", "ipv4", "fragments:i reassembled:i" },
	{ "stats", "detect", "alert:i alerts_suppressed:i" },
};

static char fault[256];

static const char *fields_of(const char *type, const char *path)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		if ((!*shapes[i].type || !strcmp(shapes[i].type, type)) && !strcmp(shapes[i].path, path))
			return shapes[i].fields;
	}
	return NULL;
}

/* Where the field is spoken of: behind its name. NULL: nowhere. */
static const char *find_field(const char *fields, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = fields; *at; at += strcspn(at, " "), at += strspn(at, " ")) {
		if (!strncmp(at, name, len) && (at[len] == ':' || at[len] == '?'))
			return at + len;
	}
	return NULL;
}

static bool is_type(const json_t *value, char type)
{
	switch (type) {
	case 's':
		return json_is_string(value);
	case 'i':
		return json_is_integer(value);
	case 'b':
		return json_is_boolean(value);
	case 'o':
		return json_is_object(value);
	default:
		return json_is_array(value);
	}
}

static const char *check_object(json_t *object, const char *type, const char *path);

static const char *check_field(json_t *value, const char *type, const char *fields, const char *path,
			       const char *key)
{
	const char *said = find_field(fields, key);
	char expected;

	if (!said) {
		snprintf(fault, sizeof(fault), "%s: %s.%s is not a field of it", type, path, key);
		return fault;
	}
	expected = said[*said == '?' ? 2 : 1];
	if (!is_type(value, expected)) {
		snprintf(fault, sizeof(fault), "%s: %s.%s is not of type %c", type, path, key, expected);
		return fault;
	}
	return expected == 'o' ? check_object(value, type, key) : NULL;
}

static const char *check_needed(json_t *object, const char *type, const char *fields, const char *path)
{
	char name[64];

	for (const char *at = fields; *at; at += strcspn(at, " "), at += strspn(at, " ")) {
		size_t len = strcspn(at, ":?");

		snprintf(name, sizeof(name), "%.*s", (int)len, at);
		if (at[len] != '?' && !json_object_get(object, name)) {
			snprintf(fault, sizeof(fault), "%s: %s.%s is missing", type, path, name);
			return fault;
		}
	}
	return NULL;
}

static const char *check_object(json_t *object, const char *type, const char *path)
{
	const char *fields = fields_of(type, path), *key, *wrong = NULL;
	json_t *value;

	if (!fields) {
		snprintf(fault, sizeof(fault), "%s: no such object: %s", type, path);
		return fault;
	}
	json_object_foreach (object, key, value)
		wrong = wrong ?: check_field(value, type, fields, path, key);
	return wrong ?: check_needed(object, type, fields, path);
}

static const char *check_variables(json_t *line, const char *type)
{
	json_t *variables = json_object_get(json_object_get(line, "metadata"), "flowvars"), *variable;
	size_t i;

	json_array_foreach (variables, i, variable) {
		if (json_object_size(variable) != 2 || !json_is_string(json_object_get(variable, "key")) ||
		    !json_is_string(json_object_get(variable, "value"))) {
			snprintf(fault, sizeof(fault), "%s: metadata.flowvars: not a pair of texts", type);
			return fault;
		}
	}
	return NULL;
}

const char *eve_fault(json_t *line)
{
	const char *type = json_string_value(json_object_get(line, "event_type"));

	if (!type)
		return "no event_type";
	return check_object(line, type, "") ?: check_variables(line, type);
}
